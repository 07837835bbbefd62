/* SPDX-License-Identifier: Apache-2.0
 * What a daemon does before it serves: it reports once, and closes what it inherited. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tools/descriptors.h"
#include "tools/start_report.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

static struct bfs_start_report report;
static pthread_barrier_t barrier;

static void *tell(void *text)
{
    (void)pthread_barrier_wait(&barrier);
    int fd = bfs_start_report_claim(&report);
    if (fd >= 0)
        bfs_start_report_send(fd, text, 1);
    return NULL;
}

/* The starter is ready while the main thread fails. */
static void one_of_two_threads_reports(void **state)
{
    enum { ROUNDS = 2000 };
    static char ready[] = "r", failed[] = "f";
    (void)state;
    assert_int_equal(pthread_barrier_init(&barrier, NULL, 2), 0);
    for (int i = 0; i < ROUNDS; i++) {
        int ends[2];
        char got[4];
        pthread_t starter;
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        atomic_store(&report.fd, ends[1]);
        assert_int_equal(pthread_create(&starter, NULL, tell, ready), 0);
        (void)tell(failed);
        assert_int_equal(pthread_join(starter, NULL), 0);
        assert_int_equal(read(ends[0], got, sizeof(got)), 1);
        assert_true(got[0] == 'r' || got[0] == 'f');
        assert_int_equal(read(ends[0], got, sizeof(got)), 0);
        assert_int_equal(close(ends[1]), -1); /* it was closed, once, by the thread that reported */
        assert_int_equal(close(ends[0]), 0);
        assert_int_equal(bfs_start_report_claim(&report), -1);
    }
    (void)pthread_barrier_destroy(&barrier);
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void inherited_descriptors(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        static const int opened[] = {40, 41, 42, 43, 200};
        const int kept[] = {-1, 42, 1, 41, 42, 1000};
        for (size_t i = 0; i < sizeof(opened) / sizeof(opened[0]); i++)
            if (dup2(0, opened[i]) < 0)
                _exit(2);
        bfs_descriptors_close_others(kept, sizeof(kept) / sizeof(kept[0]));
        _exit(is_open(0) && is_open(1) && is_open(2) && !is_open(3) && !is_open(40) &&
                      is_open(41) && is_open(42) && !is_open(43) && !is_open(200)
                  ? 0
                  : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void descriptors_of_paths(void **state)
{
    (void)state;
    assert_int_equal(bfs_descriptor_of_path("/dev/fd/63"), 63);
    assert_int_equal(bfs_descriptor_of_path("/proc/self/fd/7"), 7);
    static const char *const others[] = {
        "/dev/fd/",           "/dev/fd/x", "/dev/fd/4/a", "/dev/fd/-1",
        "/dev/fd/2147483648", "fd/3",      "/srv/models", ""};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_int_equal(bfs_descriptor_of_path(others[i]), -1);
    assert_int_equal(bfs_descriptor_of_path(NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_of_two_threads_reports),
        cmocka_unit_test(inherited_descriptors),
        cmocka_unit_test(descriptors_of_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
