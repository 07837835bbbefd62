/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/dispatch.h"
#include "tests/fs/fake_fuse.h"
#include "tests/fs/gate.h"
#include "tests/fs/listing.h"
#include "tests/fs/served.h"

#include <pthread.h>

enum { N = 200 };

/* One small bundle under the names m:000 to m:199, each with a slot of its own. */
static void set_up(struct served *served, uint64_t workers)
{
    static const char *const first[] = {"m:000"};
    served_pack(served, first, 1);
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = NULL;
    assert_int_equal(bfs_catalog_load(served->packed.store, &catalog, NULL), 0);
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    char digest[BFS_DIGEST_TEXT_SIZE];
    bfs_buffer_put_text(&text, "{\"schemaVersion\": 2, \"manifests\": [");
    for (unsigned i = 0; i < N; i++)
        bfs_buffer_printf(&text,
                          "%s{\"mediaType\": \"" BFS_MEDIA_OCI_MANIFEST
                          "\", \"digest\": \"%s\", \"size\": %u, \"annotations\": {"
                          "\"" BFS_OCI_REF_NAME "\": \"m:%03u\"}}",
                          i ? ", " : "", bfs_digest_text(&catalog->entries[0].manifest, digest),
                          (unsigned)catalog->entries[0].manifest_size, i);
    bfs_buffer_put_text(&text, "]}");
    test_write_file(&served->packed.folder, "store/index.json", text.bytes, text.size);
    served->options.workers = workers;
    served_start(served);
}

static bool is_loaded(struct served *served, unsigned version)
{
    struct bfs_bundle *bundle = NULL;
    int r = bfs_bundles_get(served->fs->bundles, version, false, &bundle);
    assert_true(r == 0 || r == -EWOULDBLOCK);
    (void)bfs_bundle_unref(bundle);
    return r == 0;
}

static void look_at(struct served *served, uint64_t model, unsigned version)
{
    char name[16];
    struct bfs_reply reply;
    (void)snprintf(name, sizeof(name), "%03u", version);
    assert_int_equal(served_run(served, bfs_op_lookup, model, name, 0, &reply), 0);
    assert_int_equal(bfs_node_slot(reply.entry.ino), version);
}

/* All workers at one place, so that none does anything else. */
struct meeting {
    struct bfs_job jobs[2];
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned n_there; /* protected by mutex, like ended */
    bool ended;
};

static struct meeting meeting = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                                 .changed = PTHREAD_COND_INITIALIZER};

static void attend(struct bfs_job *job, struct bfs_chunk_reader *reader)
{
    (void)job;
    (void)reader;
    (void)pthread_mutex_lock(&meeting.mutex);
    meeting.n_there++;
    (void)pthread_cond_broadcast(&meeting.changed);
    while (!meeting.ended)
        (void)pthread_cond_wait(&meeting.changed, &meeting.mutex);
    meeting.n_there--;
    (void)pthread_cond_broadcast(&meeting.changed);
    (void)pthread_mutex_unlock(&meeting.mutex);
}

static void await(unsigned n)
{
    while (meeting.n_there != n)
        (void)pthread_cond_wait(&meeting.changed, &meeting.mutex);
}

/* Until no worker works and nothing is queued. */
static void settle(struct served *served)
{
    unsigned n = bfs_pool_n_workers(served->fs->pool);
    for (bool is_quiet = false; !is_quiet;) {
        meeting.ended = false;
        for (unsigned i = 0; i < n; i++) {
            meeting.jobs[i] = (struct bfs_job){.run = attend};
            bfs_pool_submit(served->fs->pool, &meeting.jobs[i], BFS_PRIORITY_AHEAD);
        }
        (void)pthread_mutex_lock(&meeting.mutex);
        await(n);
        is_quiet = bfs_pool_queued(served->fs->pool) == 0;
        meeting.ended = true;
        (void)pthread_cond_broadcast(&meeting.changed);
        await(0);
        (void)pthread_mutex_unlock(&meeting.mutex);
    }
}

static uint64_t n_loaded(struct served *served)
{
    return bfs_metric_get(&served->fs->metrics, BFS_METRIC_BUNDLES_LOADED);
}

static void a_walk_is_followed(void **state)
{
    (void)state;
    test_autoserved struct served served;
    set_up(&served, 2);
    uint64_t model = served_node(&served, "m");
    look_at(&served, model, 50);
    settle(&served);
    assert_int_equal(n_loaded(&served), 1); /* one look is no walk */
    look_at(&served, model, 51);
    settle(&served);
    assert_true(is_loaded(&served, 51 + BFS_LOOKAHEAD_MIN));
    assert_false(is_loaded(&served, 51 + BFS_LOOKAHEAD_MIN + 1));
    look_at(&served, model, 51 + BFS_LOOKAHEAD_STEP);
    settle(&served);
    assert_true(is_loaded(&served, 51 + BFS_LOOKAHEAD_STEP + 2 * BFS_LOOKAHEAD_MIN));
    assert_false(is_loaded(&served, 51 + BFS_LOOKAHEAD_STEP + 2 * BFS_LOOKAHEAD_MIN + 1));
    uint64_t before = n_loaded(&served);
    look_at(&served, model, 10); /* elsewhere: a new start */
    look_at(&served, model, 10 + BFS_LOOKAHEAD_STEP + 1);
    look_at(&served, model, 5);
    settle(&served);
    assert_int_equal(n_loaded(&served), before + 3);
    for (unsigned i = 100; i < 120; i++)
        look_at(&served, model, i);
    settle(&served);
    assert_true(is_loaded(&served, 119 + BFS_LOOKAHEAD_MAX / 2));
    assert_false(is_loaded(&served, 119 + BFS_LOOKAHEAD_MAX + 1));
    for (unsigned i = 120; i < N; i++)
        look_at(&served, model, i); /* the last ones have nothing after them */
    settle(&served);
    assert_true(is_loaded(&served, N - 1));
    assert_false(is_loaded(&served, 0));
}

/* With one worker, whatever is loaded ahead would stand in somebody's way. */
static void one_worker_walks_alone(void **state)
{
    (void)state;
    test_autoserved struct served served;
    set_up(&served, 1);
    uint64_t model = served_node(&served, "m");
    for (unsigned i = 0; i < 10; i++)
        look_at(&served, model, i);
    settle(&served);
    assert_int_equal(n_loaded(&served), 10);
}

/* A listing gives what is loaded with its attributes, and loads nothing itself. */
static void a_listing_loads_nothing(void **state)
{
    (void)state;
    test_autoserved struct served served;
    set_up(&served, 2);
    uint64_t model = served_node(&served, "m");
    look_at(&served, model, 1);
    for (unsigned plus = 0; plus < 2; plus++) {
        struct bfs_reply page = {0};
        struct bfs_op op = {.node = model, .size = 1 << 20, .plus = plus};
        assert_int_equal(bfs_op_readdir(served.fs, &op, false, &page), 0);
        assert_true(page.bytes.size > N * 24);
        if (plus) {
            /* ".", "..", then 000 without a node and 001 with one: struct fuse_entry_out. */
            uint64_t first, second;
            size_t size = 128 + 32;
            memcpy(&first, page.bytes.bytes + 2 * size, sizeof(first));
            memcpy(&second, page.bytes.bytes + 3 * size, sizeof(second));
            assert_int_equal(first, 0);
            assert_int_equal(second, bfs_node_of(1, 0));
        }
        bfs_buffer_done(&page.bytes);
        bfs_buffer_done(&page.counted);
    }
    settle(&served);
    assert_int_equal(n_loaded(&served), 1);
}

/* The catalogue changes and the end comes while bundles are loaded ahead; who asks for one of them
 * waits for that load. */
static void a_walk_may_be_cut(void **state)
{
    (void)state;
    struct served served;
    set_up(&served, 2);
    uint64_t model = served_node(&served, "m");
    look_at(&served, model, 20);
    look_at(&served, model, 21);
    settle(&served);
    gate_close();
    look_at(&served, model, 22); /* loaded ahead already: starts the next part */
    gate_await(1);
    struct fake_request request;
    fake_request_init(&request, served.fs);
    bfs_fuse_ops.lookup(fake_handle(&request), model, "030");
    assert_int_equal(bfs_pool_queued(served.fs->pool), 0); /* stands in line, not in the queue */
    gate_open();
    assert_true(fake_wait(&request, 20000));
    assert_int_equal(request.error, 0);
    fake_request_done(&request);
    served_done(&served);
}

/* How many entries of a listing have a node, and so attributes, and how many have none; directories
 * apart from others. */
struct counted {
    unsigned full_directories, bare_directories, full_files, bare_files;
};

static struct counted count(struct served *served, uint64_t directory)
{
    struct counted counted = {0};
    struct bfs_reply page = {0};
    struct bfs_op op = {.node = directory, .size = 1 << 16, .plus = true};
    assert_int_equal(bfs_op_readdir(served->fs, &op, false, &page), 0);
    for (size_t at = 0; at < page.bytes.size;) {
        enum { HEAD = 128 }; /* struct fuse_entry_out; it begins with the node */
        struct raw_dirent dirent;
        uint64_t node;
        memcpy(&node, page.bytes.bytes + at, sizeof(node));
        memcpy(&dirent, page.bytes.bytes + at + HEAD, sizeof(dirent));
        const char *name = (const char *)page.bytes.bytes + at + HEAD + sizeof(dirent);
        assert_int_not_equal(dirent.type, 0);
        assert_int_not_equal(dirent.ino, 0);
        if (name[0] != '.' && dirent.type == S_IFDIR >> 12)
            ++*(node ? &counted.full_directories : &counted.bare_directories);
        else if (name[0] != '.')
            ++*(node ? &counted.full_files : &counted.bare_files);
        at += HEAD + ((sizeof(dirent) + dirent.name_length + 7) & ~(size_t)7);
    }
    bfs_buffer_done(&page.bytes);
    bfs_buffer_done(&page.counted);
    return counted;
}

static void is_listed(struct served *served, unsigned version, struct counted expected)
{
    struct counted found = count(served, bfs_node_of(version, 0));
    assert_memory_equal(&found, &expected, sizeof(found));
}

static uint64_t look_up(struct served *served, uint64_t directory, const char *name)
{
    struct bfs_reply reply;
    assert_int_equal(served_run(served, bfs_op_lookup, directory, name, 0, &reply), 0);
    return reply.entry.ino;
}

/* Nobody who only lists makes the kernel remember thousands of files; who looks one up gets the
 * others with the next listings, for a while. */
static void a_long_walk_lists_files_bare(void **state)
{
    static const char *const asked[] = {"config.json", "SHA256SUMS", "link", "latest"};
    static const struct counted bare = {2, 0, 0, 8}, full = {2, 0, 8, 0};
    (void)state;
    test_autoserved struct served served;
    set_up(&served, 2);
    uint64_t model = served_node(&served, "m"), bundle = bfs_node_of(20, 0);
    for (unsigned i = 0; i < 4; i++) {
        look_at(&served, model, i);
        is_listed(&served, i, full);
    }
    for (unsigned i = 4; i <= 20; i++)
        look_at(&served, model, i);
    for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        atomic_store(&served.fs->curious_ms, 0);
        is_listed(&served, 20, bare);
        /* Neither a directory nor what is not there tells what somebody wants. */
        (void)look_up(&served, bundle, "sub");
        assert_int_equal(look_up(&served, bundle, "none"), 0);
        is_listed(&served, 20, bare);
        assert_int_not_equal(look_up(&served, i == 3 ? model : bundle, asked[i]), 0);
        is_listed(&served, 20, full);
        atomic_fetch_sub(&served.fs->curious_ms, BFS_CURIOUS_MS);
    }
    is_listed(&served, 20, bare);
    assert_int_equal(count(&served, model).bare_files, 1); /* "latest" */
    is_listed(&served, 20, full); /* that began elsewhere: no walk any more */
    assert_int_equal(count(&served, model).full_files, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_walk_is_followed),           cmocka_unit_test(one_worker_walks_alone),
        cmocka_unit_test(a_listing_loads_nothing),      cmocka_unit_test(a_walk_may_be_cut),
        cmocka_unit_test(a_long_walk_lists_files_bare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
