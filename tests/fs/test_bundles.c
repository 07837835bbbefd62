/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/bundles.h"
#include "fs/call.h"
#include "fs/files.h"
#include "tests/fs/gate.h"
#include "tests/pack/packed.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { N_FILES = 20000, N_NAMES = 12 };

/* The program is linked with -Wl,--wrap=bfs_now_ms. */
static uint64_t ms_later;
uint64_t __real_bfs_now_ms(void);
uint64_t __wrap_bfs_now_ms(void);
uint64_t __wrap_bfs_now_ms(void)
{
    return __real_bfs_now_ms() + ms_later;
}

/* A bundle of many empty files under many names; its index is some megabytes each time. */
struct fixture {
    struct packed packed;
    struct bfs_metrics metrics;
    struct bfs_log log;
    atomic_uint n_lines;
    struct bfs_bundles *bundles;
    struct bfs_catalog *catalog;
};

static void count_line(void *context, enum bfs_log_level level, const char *line)
{
    (void)level;
    (void)line;
    atomic_fetch_add((atomic_uint *)context, 1);
}

static void set_up(struct fixture *fixture, bool large)
{
    *fixture = (struct fixture){.packed = packed_make()};
    struct bfs_pack_report report;
    for (unsigned i = 0; large && i < N_FILES; i++) {
        char name[64];
        (void)snprintf(name, sizeof(name), "model/empty/%u", i);
        test_write_text(&fixture->packed.folder, name, "");
    }
    assert_int_equal(packed_pack(&fixture->packed, "m:0", (struct bfs_pack_options){0}, &report),
                     0);
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *first = NULL;
    assert_int_equal(bfs_catalog_load(fixture->packed.store, &first, NULL), 0);
    struct bfs_descriptor manifest = {.media_type = BFS_MEDIA_OCI_MANIFEST,
                                      .digest = first->entries[0].manifest,
                                      .size = first->entries[0].manifest_size};
    for (unsigned i = 1; i < N_NAMES; i++) {
        struct bfs_reference reference = {.name = "m"};
        (void)snprintf(reference.version, sizeof(reference.version), "%u", i);
        assert_int_equal(bfs_catalog_publish(fixture->packed.store, &reference, &manifest, NULL),
                         0);
    }
    assert_int_equal(bfs_catalog_load(fixture->packed.store, &fixture->catalog, NULL), 0);
    fixture->log = (struct bfs_log){.write = count_line, .context = &fixture->n_lines};
    assert_int_equal(bfs_bundles_new(fixture->packed.store, NULL, &fixture->metrics, &fixture->log,
                                     &fixture->bundles),
                     0);
    for (uint32_t i = 0; i < N_NAMES; i++) {
        uint32_t slot;
        assert_int_equal(bfs_bundles_slot(fixture->bundles, &fixture->catalog->entries[i], &slot),
                         0);
        assert_int_equal(slot, i);
    }
}

static void tear_down(struct fixture *fixture)
{
    (void)bfs_bundles_free(fixture->bundles);
    (void)bfs_catalog_free(fixture->catalog);
    packed_done(&fixture->packed);
}

static bool is_loaded(struct fixture *fixture, uint32_t slot)
{
    struct bfs_bundle *bundle = NULL;
    int r = bfs_bundles_get(fixture->bundles, slot, false, &bundle);
    assert_true(r == 0 || r == -EWOULDBLOCK);
    (void)bfs_bundle_unref(bundle);
    return r == 0;
}

static void the_least_recent_index_goes(void **state)
{
    (void)state;
    struct fixture fixture;
    struct bfs_bundle *bundle = NULL, *kept = NULL;
    set_up(&fixture, true);
    assert_false(is_loaded(&fixture, 0));
    assert_int_equal(bfs_bundles_get(fixture.bundles, 0, true, &kept), 0);
    size_t memory = bfs_bundle_memory(kept), fit = BFS_BUNDLES_MEMORY / memory;
    assert_in_range(fit, 2, N_NAMES - 2);
    for (uint32_t i = 1; i < N_NAMES; i++) {
        assert_true(is_loaded(&fixture, 0)); /* used all the time */
        assert_int_equal(bfs_bundles_get(fixture.bundles, i, true, &bundle), 0);
        (void)bfs_bundle_unref(bundle);
        assert_true(bfs_metric_get(&fixture.metrics, BFS_METRIC_BUNDLES_LOADED) <= fit);
    }
    assert_true(is_loaded(&fixture, 0));
    assert_true(is_loaded(&fixture, N_NAMES - 1));
    assert_false(is_loaded(&fixture, 1));
    assert_int_equal(bfs_metric_get(&fixture.metrics, BFS_METRIC_BUNDLES_LOADED), fit);
    assert_int_equal(bfs_index_n_inodes(bfs_bundle_index(kept)) > N_FILES, 1);
    (void)bfs_bundle_unref(kept);
    tear_down(&fixture);
}

static void a_refusal_is_remembered_and_retried(void **state)
{
    (void)state;
    ms_later = 0;
    struct fixture fixture;
    struct bfs_bundle *bundle = NULL;
    char reason[BFS_ERROR_TEXT_SIZE] = "";
    set_up(&fixture, false);
    bfs_autofree char *path =
        bfs_store_blob_path(fixture.packed.store, &fixture.catalog->entries[0].manifest);
    bfs_autofree char *aside = test_path(&fixture.packed.folder, "aside");
    assert_int_equal(rename(path, aside), 0);
    assert_false(bfs_bundles_refusal(fixture.bundles, 0, reason));
    assert_int_equal(bfs_bundles_get(fixture.bundles, 0, false, &bundle), -EWOULDBLOCK);
    assert_int_equal(bfs_bundles_get(fixture.bundles, 0, true, &bundle), -ENOENT);
    assert_null(bundle);
    assert_true(bfs_bundles_refusal(fixture.bundles, 0, reason));
    assert_true(reason[0] != '\0');
    assert_int_equal(atomic_load(&fixture.n_lines), 1);
    assert_int_equal(rename(aside, path), 0);
    /* Believed for a while, without asking the store. */
    assert_int_equal(bfs_bundles_get(fixture.bundles, 0, false, &bundle), -ENOENT);
    assert_int_equal(bfs_bundles_get(fixture.bundles, 0, true, &bundle), -ENOENT);
    ms_later = BFS_BUNDLES_RETRY_MS;
    assert_int_equal(bfs_bundles_get(fixture.bundles, 0, false, &bundle), -EWOULDBLOCK);
    assert_true(bfs_bundles_refusal(fixture.bundles, 0, reason));
    assert_int_equal(bfs_bundles_get(fixture.bundles, 0, true, &bundle), 0);
    assert_false(bfs_bundles_refusal(fixture.bundles, 0, reason));
    assert_int_equal(bfs_bundles_get(fixture.bundles, 99, true, &bundle), -ENOENT);
    assert_false(bfs_bundles_refusal(fixture.bundles, 99, reason));
    (void)bfs_bundle_unref(bundle);
    assert_int_equal(atomic_load(&fixture.n_lines), 1);
    tear_down(&fixture);
}

static void *get_first(void *argument)
{
    struct fixture *fixture = argument;
    struct bfs_bundle *bundle = NULL;
    return bfs_bundles_get(fixture->bundles, 0, true, &bundle) == 0 ? bundle : NULL;
}

static void one_load_for_all(void **state)
{
    (void)state;
    enum { N = 8 };
    struct fixture fixture;
    pthread_t threads[N];
    void *bundles[N];
    set_up(&fixture, false);
    gate_close();
    for (unsigned i = 0; i < N; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, get_first, &fixture), 0);
    gate_await(1);
    assert_false(is_loaded(&fixture, 0)); /* and does not wait */
    gate_open();
    for (unsigned i = 0; i < N; i++) {
        assert_int_equal(pthread_join(threads[i], &bundles[i]), 0);
        assert_non_null(bundles[i]);
        assert_ptr_equal(bundles[i], bundles[0]);
        (void)bfs_bundle_unref(bundles[i]);
    }
    assert_int_equal(bfs_metric_get(&fixture.metrics, BFS_METRIC_BUNDLES_LOADED), 1);
    tear_down(&fixture);
}

/* Who comes while somebody leads stands in line, once; a loaded bundle has no line. */
static void a_line_for_each_bundle(void **state)
{
    (void)state;
    struct fixture fixture;
    struct bfs_job jobs[4] = {0};
    struct bfs_bundle *bundle = NULL;
    set_up(&fixture, false);
    assert_int_equal(bfs_bundles_begin(fixture.bundles, 0, &jobs[0]), BFS_TURN_LEADS);
    assert_int_equal(bfs_bundles_begin(fixture.bundles, 0, &jobs[1]), BFS_TURN_WAITS);
    assert_int_equal(bfs_bundles_begin(fixture.bundles, 0, NULL), BFS_TURN_TAKEN);
    assert_int_equal(bfs_bundles_begin(fixture.bundles, 0, &jobs[2]), BFS_TURN_WAITS);
    assert_int_equal(bfs_bundles_begin(fixture.bundles, 1, &jobs[3]), BFS_TURN_LEADS);
    assert_int_equal(bfs_bundles_begin(fixture.bundles, N_NAMES, &jobs[3]), BFS_TURN_FREE);
    assert_int_equal(bfs_bundles_begin(fixture.bundles, UINT32_MAX, NULL), BFS_TURN_FREE);
    unsigned n = 0;
    for (const struct bfs_job *job = bfs_bundles_end(fixture.bundles, 0); job; job = job->next)
        n += job == &jobs[1] || job == &jobs[2] ? 1 : 100;
    assert_int_equal(n, 2);
    assert_null(bfs_bundles_end(fixture.bundles, 1));
    /* It is still not loaded: somebody may try again, and a refusal does not end that. */
    assert_int_equal(bfs_bundles_begin(fixture.bundles, 0, NULL), BFS_TURN_LEADS);
    assert_int_equal(bfs_bundles_get(fixture.bundles, 0, true, &bundle), 0);
    assert_null(bfs_bundles_end(fixture.bundles, 0));
    assert_int_equal(bfs_bundles_begin(fixture.bundles, 0, &jobs[0]), BFS_TURN_FREE);
    (void)bfs_bundle_unref(bundle);
    tear_down(&fixture);
}

struct opener {
    struct bfs_files *files;
    struct bfs_bundle *bundle;
    uint32_t inode;
    uint64_t seed;
    unsigned n_wrong;
};

static void *open_and_close(void *argument)
{
    struct opener *opener = argument;
    for (unsigned i = 0; i < 300; i++) {
        uint64_t node = (UINT64_C(1) << 32) | opener->inode;
        struct bfs_open_file *open = bfs_files_find(opener->files, node);
        if (!open &&
            bfs_files_open(opener->files, node, opener->bundle, opener->inode, &open, NULL)) {
            opener->n_wrong++;
            continue;
        }
        opener->n_wrong += open->node != node || bfs_file_inode(open->file) != opener->inode;
        struct bfs_open_file *same = bfs_files_ref(opener->files, open);
        if (test_random(&opener->seed) % 4 == 0)
            (void)sched_yield();
        bfs_files_unref(opener->files, same);
        bfs_files_unref(opener->files, open);
    }
    return NULL;
}

static void files_open_and_close_at_once(void **state)
{
    (void)state;
    enum { N = 8 };
    struct fixture fixture;
    struct opener openers[N];
    pthread_t threads[N];
    struct bfs_bundle *bundle = NULL;
    struct bfs_files *files = NULL;
    uint32_t inodes[2];
    set_up(&fixture, false);
    assert_int_equal(bfs_bundles_get(fixture.bundles, 0, true, &bundle), 0);
    assert_int_equal(bfs_index_resolve(bfs_bundle_index(bundle), "config.json", &inodes[0]), 0);
    assert_int_equal(bfs_index_resolve(bfs_bundle_index(bundle), "model.safetensors", &inodes[1]),
                     0);
    assert_int_equal(
        bfs_files_new(&(struct bfs_readahead_limits){.decoded = 1 << 20, .together = 1 << 20}, NULL,
                      &fixture.metrics, &files),
        0);
    for (unsigned i = 0; i < N; i++) {
        openers[i] = (struct opener){files, bundle, inodes[i % 2], i, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, open_and_close, &openers[i]), 0);
    }
    for (unsigned i = 0; i < N; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (unsigned i = 0; i < N; i++)
        assert_int_equal(openers[i].n_wrong, 0);
    assert_int_equal(bfs_metric_get(&fixture.metrics, BFS_METRIC_OPEN_FILES), 0);
    assert_null(bfs_files_find(files, (UINT64_C(1) << 32) | inodes[0]));
    (void)bfs_files_free(files);
    (void)bfs_bundle_unref(bundle);
    tear_down(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_recent_index_goes),
        cmocka_unit_test(a_refusal_is_remembered_and_retried),
        cmocka_unit_test(one_load_for_all),
        cmocka_unit_test(a_line_for_each_bundle),
        cmocka_unit_test(files_open_and_close_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
