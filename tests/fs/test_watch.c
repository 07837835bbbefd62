/* SPDX-License-Identifier: Apache-2.0
 * A catalogue that changes while a statement cannot be read. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/watch.h"
#include "tests/fs/served.h"

#include <pthread.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool fails; /* protected by mutex, like all below */
static unsigned n_tries, n_failures, n_loads;
static char last_line[1024];

int __wrap_bfs_links_refresh(struct bfs_fs *fs, const struct bfs_tree *before);
int __wrap_bfs_links_refresh(struct bfs_fs *fs, const struct bfs_tree *before)
{
    (void)fs;
    (void)before;
    (void)pthread_mutex_lock(&mutex);
    int r = fails ? -EIO : 0;
    n_tries++;
    n_failures += fails;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&mutex);
    return r;
}

int __real_bfs_catalog_load(const struct bfs_store *store, struct bfs_catalog **ret,
                            struct bfs_error *error);
int __wrap_bfs_catalog_load(const struct bfs_store *store, struct bfs_catalog **ret,
                            struct bfs_error *error);
int __wrap_bfs_catalog_load(const struct bfs_store *store, struct bfs_catalog **ret,
                            struct bfs_error *error)
{
    (void)pthread_mutex_lock(&mutex);
    n_loads++;
    (void)pthread_mutex_unlock(&mutex);
    return __real_bfs_catalog_load(store, ret, error);
}

static void on_line(void *context, enum bfs_log_level level, const char *line)
{
    (void)context;
    (void)level;
    (void)pthread_mutex_lock(&mutex);
    (void)snprintf(last_line, sizeof(last_line), "%s", line);
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&mutex);
}

static void await_line(const char *word)
{
    (void)pthread_mutex_lock(&mutex);
    while (!strstr(last_line, word))
        (void)pthread_cond_wait(&changed, &mutex);
    (void)pthread_mutex_unlock(&mutex);
}

static void statements_are_tried_again_alone(void **state)
{
    (void)state;
    struct served served;
    struct bfs_watch *watch = NULL;
    struct bfs_pack_report report;
    served_pack(&served, (const char *const[]){"a/m:1.0.0"}, 1);
    served.options.poll_ms = 1;
    served.log = (struct bfs_log){.write = on_line};
    served_start(&served);
    assert_int_equal(bfs_watch_start(served.fs, &watch), 0);
    (void)pthread_mutex_lock(&mutex);
    fails = true;
    (void)pthread_mutex_unlock(&mutex);
    int r = packed_pack(&served.packed, "a/m:2.0.0",
                        (struct bfs_pack_options){.source_date_epoch = -1}, &report);
    await_line("statements cannot be read: Input/output error; the new catalogue is served");
    uint64_t reloads = bfs_metric_get(&served.fs->metrics, BFS_METRIC_RELOADS);
    (void)pthread_mutex_lock(&mutex);
    unsigned loads = n_loads, first = n_failures;
    while (n_failures < first + 1) /* after the back-off, and some hundred polls */
        (void)pthread_cond_wait(&changed, &mutex);
    unsigned loads_then = n_loads;
    fails = false;
    (void)pthread_mutex_unlock(&mutex);
    uint64_t reloads_then = bfs_metric_get(&served.fs->metrics, BFS_METRIC_RELOADS);
    bool is_served = served_node(&served, "a/m/2.0.0") != 0;
    await_line("readable again");
    bool stopped = bfs_watch_stop(watch);
    assert_int_equal(r, 0);
    assert_int_equal(loads_then, loads);
    assert_int_equal(reloads_then, reloads);
    assert_true(is_served);
    assert_true(stopped);
    served_done(&served);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(statements_are_tried_again_alone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
