/* SPDX-License-Identifier: Apache-2.0
 * Aliases and signatures of a mount, without a kernel. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/watch.h"
#include "tests/fs/listing.h"
#include "tests/store/statement_support.h"

struct fixture {
    struct served served;
    struct bfs_secret_key *key;
};

static void set_up(struct fixture *fixture)
{
    served_pack(&fixture->served, (const char *const[]){"m:1", "m:2"}, 2);
    served_start(&fixture->served);
    fixture->key = test_key();
}

static void tear_down(struct fixture *fixture)
{
    (void)bfs_secret_key_free(fixture->key);
    served_done(&fixture->served);
}

static void expect_link(struct fixture *fixture, const char *path, const char *target)
{
    struct bfs_reply reply;
    uint64_t node = served_node(&fixture->served, path);
    if (!target) {
        assert_int_equal(node, 0);
        return;
    }
    assert_int_not_equal(node, 0);
    assert_int_equal(served_run(&fixture->served, bfs_op_readlink, node, "", 0, &reply), 0);
    assert_int_equal(reply.bytes.size, strlen(target));
    assert_memory_equal(reply.bytes.bytes, target, strlen(target));
    bfs_buffer_done(&reply.bytes);
    assert_int_equal(served_run(&fixture->served, bfs_op_getattr, node, "", 0, &reply), 0);
    assert_true(S_ISLNK(reply.entry.attr.st_mode));
}

static void reload(struct fixture *fixture)
{
    assert_int_equal(bfs_fs_reload(fixture->served.fs, NULL), 0);
}

static void aliases_move_and_old_links_stay_readable(void **state)
{
    BFS_CLEANUP(tear_down) struct fixture fixture = {0};
    struct bfs_digest last = {0};
    struct bfs_reply reply;
    (void)state;
    set_up(&fixture);
    const struct bfs_store *store = fixture.served.packed.store;
    expect_link(&fixture, "m/prod", NULL);
    expect_link(&fixture, "m/latest", "2");
    assert_int_equal(test_promote(store, "m:1", "prod", 1, fixture.key, &last), 0);
    expect_link(&fixture, "m/prod", NULL); /* not yet taken up */
    reload(&fixture);
    expect_link(&fixture, "m/prod", "1");
    expect_link(&fixture, "m/latest", "2");
    uint64_t old = served_node(&fixture.served, "m/prod");
    assert_int_equal(test_promote(store, "m:2", "prod", 2, fixture.key, &last), 0);
    reload(&fixture);
    expect_link(&fixture, "m/prod", "2");
    assert_int_not_equal(served_node(&fixture.served, "m/prod"), old);
    char names[256] = "";
    listing_put(&fixture.served, "m", 64, false, names); /* about one name a page */
    assert_string_equal(names, ". .. 1 2 latest prod ");
    assert_int_equal(served_run(&fixture.served, bfs_op_readlink, old, "", 0, &reply), 0);
    assert_memory_equal(reply.bytes.bytes, "1", 1);
    bfs_buffer_done(&reply.bytes);
}

static void latest_skips_what_is_deprecated(void **state)
{
    BFS_CLEANUP(tear_down) struct fixture fixture = {0};
    (void)state;
    set_up(&fixture);
    const struct bfs_store *store = fixture.served.packed.store;
    struct bfs_statement about = test_statement(store, "m:2", BFS_STATEMENT_DEPRECATION, 5);
    assert_int_equal(test_state(store, &about, fixture.key, NULL, NULL), 0);
    reload(&fixture);
    expect_link(&fixture, "m/latest", "1");
    about = test_statement(store, "m:1", BFS_STATEMENT_REVOCATION, 6);
    assert_int_equal(test_state(store, &about, fixture.key, NULL, NULL), 0);
    reload(&fixture);
    expect_link(&fixture, "m/latest", NULL);
}

static void nothing_blocks_a_request_thread(void **state)
{
    BFS_CLEANUP(tear_down) struct fixture fixture = {0};
    struct bfs_digest last = {0};
    (void)state;
    served_pack(&fixture.served, (const char *const[]){"m:1"}, 1);
    fixture.key = test_key();
    assert_int_equal(
        test_promote(fixture.served.packed.store, "m:1", "prod", 1, fixture.key, &last), 0);
    served_start(&fixture.served);
    uint64_t model = served_node(&fixture.served, "m");
    struct bfs_op op = {.function = bfs_op_lookup, .node = model, .name = "prod"};
    struct bfs_reply reply = {0};
    assert_int_equal(bfs_op_lookup(fixture.served.fs, &op, false, &reply), -EWOULDBLOCK);
    assert_int_equal(bfs_op_lookup(fixture.served.fs, &op, true, &reply), 0);
    assert_int_equal(bfs_op_lookup(fixture.served.fs, &op, false, &reply), 0);
}

static void statements_are_files_with_lasting_numbers(void **state)
{
    BFS_CLEANUP(tear_down) struct fixture fixture = {0};
    struct bfs_digest digest;
    char hex[BFS_DIGEST_HEX_SIZE], path[128];
    struct bfs_reply reply;
    (void)state;
    set_up(&fixture);
    const struct bfs_store *store = fixture.served.packed.store;
    assert_int_equal(served_node(&fixture.served, "m/1/signatures"), 0);
    struct bfs_statement about = test_statement(store, "m:1", BFS_STATEMENT_SIGNATURE, 9);
    assert_int_equal(test_state(store, &about, fixture.key, &digest, NULL), 0);
    reload(&fixture);
    (void)snprintf(path, sizeof(path), "m/1/signatures/signature-1-%.12s.dsse.json",
                   bfs_digest_hex(&digest, hex));
    uint64_t node = served_node(&fixture.served, path);
    assert_int_not_equal(node, 0);
    assert_int_equal(served_node(&fixture.served, "m/2/signatures"), 0);
    assert_int_equal(served_run(&fixture.served, bfs_op_getattr, node, "", 0, &reply), 0);
    assert_int_equal(reply.entry.attr.st_mode, S_IFREG | 0444);
    assert_int_equal(reply.entry.attr.st_mtim.tv_sec, 9);
    off_t size = reply.entry.attr.st_size;
    assert_int_equal(served_run(&fixture.served, bfs_op_open, node, "", 0, &reply), 0);
    struct bfs_text *text = (struct bfs_text *)(uintptr_t)reply.open.fh;
    struct bfs_digest served;
    assert_int_equal(text->bytes.size, size);
    assert_int_equal(bfs_sha256(text->bytes.bytes, text->bytes.size, &served), 0);
    assert_true(bfs_digest_equal(&served, &digest));
    bfs_release_file(fixture.served.fs, node, reply.open.fh);

    about.when = 3; /* an older one that comes later takes the name, and not the number */
    assert_int_equal(test_state(store, &about, fixture.key, NULL, NULL), 0);
    reload(&fixture);
    assert_int_equal(served_node(&fixture.served, path), 0);
    (void)snprintf(path, sizeof(path), "m/1/signatures/signature-2-%.12s.dsse.json",
                   bfs_digest_hex(&digest, hex));
    assert_int_equal(served_node(&fixture.served, path), node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aliases_move_and_old_links_stay_readable),
        cmocka_unit_test(latest_skips_what_is_deprecated),
        cmocka_unit_test(nothing_blocks_a_request_thread),
        cmocka_unit_test(statements_are_files_with_lasting_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
