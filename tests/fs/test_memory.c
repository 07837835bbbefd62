/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/memory.h"
#include "tests/support/folder.h"

#include <stdlib.h>

static struct test_folder folder;

static struct bfs_memory look(void)
{
    char *proc = test_path(&folder, "proc"), *cgroup = test_path(&folder, "cg");
    struct bfs_memory memory;
    bfs_memory_look(proc, cgroup, &memory);
    free(proc);
    free(cgroup);
    return memory;
}

static void what_is_not_told_limits_nothing(void **state)
{
    (void)state;
    folder = test_folder_make();
    struct bfs_memory memory = look();
    assert_int_equal(memory.stalls, 0);
    assert_true(memory.room == UINT64_MAX);
    assert_false(bfs_memory_is_tight(&memory));
    test_folder_remove(&folder);
}

static void stalls_and_limits(void **state)
{
    (void)state;
    folder = test_folder_make();
    static const char *const folders[] = {"proc", "proc/self", "proc/pressure",
                                          "cg",   "cg/a",      "cg/a/b"};
    for (size_t i = 0; i < 6; i++)
        test_make_folder(&folder, folders[i]);
    test_write_text(&folder, "proc/pressure/memory",
                    "some avg10=9.99 avg60=80.00 avg300=0.00 total=5\n"
                    "full avg10=50.00 avg60=0.00 avg300=0.00 total=0\n");
    test_write_text(&folder, "proc/self/cgroup", "3:cpu:/x\n0::/a/b\n");
    struct bfs_memory memory = look();
    assert_int_equal(memory.stalls, 999);
    assert_true(memory.room == UINT64_MAX);
    assert_false(bfs_memory_is_tight(&memory));
    test_write_text(&folder, "proc/pressure/memory", "some avg10=10.00 avg60=0.00\n");
    memory = look();
    assert_true(bfs_memory_is_tight(&memory));
    test_write_text(&folder, "proc/pressure/memory", "some avg10=0.00 avg60=0.00\n");

    /* Own limit; the page cache in it can be had back, shared memory cannot. */
    test_write_text(&folder, "cg/a/b/memory.max", "max\n");
    test_write_text(&folder, "cg/a/b/memory.high", "1000000000\n");
    test_write_text(&folder, "cg/a/b/memory.current", "990000000\n");
    test_write_text(&folder, "cg/a/b/memory.stat",
                    "anon 100\nfile 600000000\nfile_mapped 7\nshmem 100000000\n");
    memory = look();
    assert_int_equal(memory.room, 510000000);
    assert_false(bfs_memory_is_tight(&memory));
    test_write_text(&folder, "cg/a/b/memory.max", "500000000\n");
    memory = look();
    assert_int_equal(memory.room, 10000000);
    assert_true(bfs_memory_is_tight(&memory));
    test_write_text(&folder, "cg/a/b/memory.max", "max\n");
    /* That of a group above. */
    test_write_text(&folder, "cg/a/memory.max", "2000000\n");
    test_write_text(&folder, "cg/a/memory.current", "3000000\n");
    memory = look();
    assert_int_equal(memory.room, 0);
    assert_true(bfs_memory_is_tight(&memory));
    test_folder_remove(&folder);
}

static uint64_t limit(void)
{
    char *proc = test_path(&folder, "proc"), *cgroup = test_path(&folder, "cg");
    uint64_t bytes = bfs_memory_limit(proc, cgroup);
    free(proc);
    free(cgroup);
    return bytes;
}

/* Of the host, of this group and of those above, in either version: the smallest. */
static void the_smallest_limit(void **state)
{
    (void)state;
    folder = test_folder_make();
    static const char *const folders[] = {"proc",   "proc/self", "cg",         "cg/a",
                                          "cg/a/b", "cg/memory", "cg/memory/v"};
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        test_make_folder(&folder, folders[i]);
    assert_true(limit() == UINT64_MAX);
    test_write_text(&folder, "proc/meminfo", "MemTotal:  1000000 kB\nMemAvailable: 5 kB\n");
    assert_int_equal(limit(), 1024000000);
    test_write_text(&folder, "proc/self/cgroup", "4:memory:/v\n0::/a/b\n");
    test_write_text(&folder, "cg/a/b/memory.max", "max\n");
    assert_int_equal(limit(), 1024000000);
    test_write_text(&folder, "cg/a/b/memory.max", "900000000\n");
    assert_int_equal(limit(), 900000000);
    test_write_text(&folder, "cg/a/b/memory.high", "800000000\n");
    assert_int_equal(limit(), 800000000);
    test_write_text(&folder, "cg/a/memory.max", "700000000\n");
    assert_int_equal(limit(), 700000000);
    test_write_text(&folder, "cg/memory/v/memory.limit_in_bytes", "9223372036854771712\n");
    assert_int_equal(limit(), 700000000);
    test_write_text(&folder, "cg/memory/v/memory.limit_in_bytes", "100000000\n");
    assert_int_equal(limit(), 100000000);
    test_folder_remove(&folder);
}

static void what_may_stay_while_it_is_tight(void **state)
{
    (void)state;
    const struct bfs_memory low = {.room = BFS_MEMORY_ROOM_MIN - 1000};
    const struct bfs_memory stalls = {.room = UINT64_MAX, .stalls = BFS_MEMORY_STALLS_MAX};
    const struct bfs_memory both = {.room = 0, .stalls = BFS_MEMORY_STALLS_MAX};
    assert_int_equal(bfs_memory_spare(&low, 5000), 4000);
    assert_int_equal(bfs_memory_spare(&low, 500), 0);
    assert_int_equal(bfs_memory_spare(&stalls, 4000), 3000);
    assert_int_equal(bfs_memory_spare(&both, UINT64_C(1) << 30),
                     (UINT64_C(1) << 30) - (UINT64_C(1) << 28));
    assert_int_equal(bfs_memory_spare(&both, 1000), 0);
}

static uint64_t available(void)
{
    char *proc = test_path(&folder, "proc"), *cgroup = test_path(&folder, "cg");
    uint64_t bytes = bfs_memory_available(proc, cgroup);
    free(proc);
    free(cgroup);
    return bytes;
}

static void what_may_be_taken(void **state)
{
    (void)state;
    folder = test_folder_make();
    static const char *const folders[] = {"proc", "proc/self", "cg", "cg/a"};
    for (size_t i = 0; i < 4; i++)
        test_make_folder(&folder, folders[i]);
    assert_true(available() == UINT64_MAX);
    test_write_text(&folder, "proc/meminfo",
                    "MemTotal:       24684532 kB\nMemFree:             300 kB\n"
                    "MemAvailable:   20000000 kB\nBuffers:            5000 kB\n");
    assert_int_equal(available(), UINT64_C(20000000) * 1024);
    test_write_text(&folder, "proc/self/cgroup", "0::/a\n");
    test_write_text(&folder, "cg/a/memory.max", "1000000000\n");
    test_write_text(&folder, "cg/a/memory.current", "990000000\n");
    test_write_text(&folder, "cg/a/memory.stat", "file 600000000\nshmem 100000000\n");
    assert_int_equal(available(), 510000000);
    test_write_text(&folder, "proc/meminfo", "MemFree: 7 kB\nMemAvailable: 1000 kB\n");
    assert_int_equal(available(), 1024000);
    test_folder_remove(&folder);
}

/* In a container, its own group is all that it sees: the root. */
static void the_root_of_a_container(void **state)
{
    (void)state;
    folder = test_folder_make();
    static const char *const folders[] = {"proc", "proc/self", "proc/pressure", "cg"};
    for (size_t i = 0; i < 4; i++)
        test_make_folder(&folder, folders[i]);
    test_write_text(&folder, "proc/pressure/memory", "some avg10=0.50 avg60=0.00\n");
    test_write_text(&folder, "proc/self/cgroup", "0::/\n");
    test_write_text(&folder, "cg/memory.max", "5000000\n");
    test_write_text(&folder, "cg/memory.current", "2000000\n");
    struct bfs_memory memory = look();
    assert_int_equal(memory.room, 3000000);
    assert_int_equal(memory.stalls, 50);
    /* It stalls, and the system as a whole does not. */
    test_write_text(&folder, "cg/memory.pressure", "some avg10=12.34 avg60=0.00\n");
    memory = look();
    assert_int_equal(memory.stalls, 1234);
    /* Of a group below it, the root is above. */
    test_write_text(&folder, "proc/self/cgroup", "0::/a\n");
    memory = look();
    assert_int_equal(memory.room, 3000000);
    assert_int_equal(memory.stalls, 1234);
    test_folder_remove(&folder);
}

static void version_1(void **state)
{
    (void)state;
    folder = test_folder_make();
    static const char *const folders[] = {"proc", "proc/self", "cg", "cg/memory", "cg/memory/a"};
    for (size_t i = 0; i < 5; i++)
        test_make_folder(&folder, folders[i]);
    test_write_text(&folder, "proc/self/cgroup", "5:cpu,memory2:/x\n4:cpuset,memory:/a\n0::/y\n");
    test_write_text(&folder, "cg/memory/memory.limit_in_bytes", "9223372036854771712\n");
    test_write_text(&folder, "cg/memory/memory.usage_in_bytes", "77777777\n");
    test_write_text(&folder, "cg/memory/a/memory.limit_in_bytes", "900000000\n");
    test_write_text(&folder, "cg/memory/a/memory.usage_in_bytes", "800000000\n");
    test_write_text(&folder, "cg/memory/a/memory.stat",
                    "cache 1\nshmem 2\ntotal_cache 500000000\ntotal_shmem 100000000\n");
    struct bfs_memory memory = look();
    assert_int_equal(memory.room, 500000000);
    assert_false(bfs_memory_is_tight(&memory));
    /* The path is the host's, what is mounted the container's. */
    test_write_text(&folder, "proc/self/cgroup", "4:memory:/docker/123\n");
    memory = look();
    assert_true(memory.room == UINT64_MAX);
    test_write_text(&folder, "cg/memory/memory.limit_in_bytes", "80000000\n");
    memory = look();
    assert_int_equal(memory.room, 80000000 - 77777777);
    assert_true(bfs_memory_is_tight(&memory));
    test_folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_told_limits_nothing),
        cmocka_unit_test(stalls_and_limits),
        cmocka_unit_test(what_may_be_taken),
        cmocka_unit_test(the_smallest_limit),
        cmocka_unit_test(what_may_stay_while_it_is_tight),
        cmocka_unit_test(the_root_of_a_container),
        cmocka_unit_test(version_1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
