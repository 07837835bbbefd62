/* SPDX-License-Identifier: Apache-2.0
 * Verdicts of a mount: when they are reached, how long they stand, and what the kernel is told. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/control.h"
#include "fs/dispatch.h"
#include "fs/watch.h"
#include "tests/fs/fake_fuse.h"
#include "tests/fs/served.h"
#include "tests/fs/turn.h"
#include "tests/store/statement_support.h"

#include "codec/store/catalog_change.h"
#include "codec/store/trust.h"

#define FREE "{\"match\":\"**\"}"
#define SIGNED                                                                                     \
    "{\"match\":\"a/*\",\"require\":[{\"statement\":\"signature\",\"role\":\"r\"}]}," FREE
#define CHECKED "{\"match\":\"a/*\",\"check\":\"warning\"}," FREE
#define OWNED(user)                                                                                \
    "{\"match\":\"a/*\",\"access\":{\"users\":[\"" user "\"],\"mode\":\"0500\"}}," FREE
#define CONTRACT(needs)                                                                            \
    "{\"schema_version\":\"1.0\",\"licenses\":[\"MIT\"],\"requires\":{\"bundles\":[" needs "]}}"
#define NEED(name) "{\"name\":\"" name "\",\"version\":\"^1\"}"

enum { A, B, N_BUNDLES, TOLD_MAX = 32 };

struct world {
    struct served served;
    struct bfs_secret_key *key;
    char not_after[64]; /* of the key */
    uint32_t slots[N_BUNDLES];
    uint32_t told[TOLD_MAX]; /* slots */
    uint32_t inodes[TOLD_MAX];
    size_t n_told;
};

static int64_t now_given; /* 0: what it is */
time_t __real_time(time_t *ret);
time_t __wrap_time(time_t *ret);
time_t __wrap_time(time_t *ret)
{
    time_t now = now_given ? (time_t)now_given : __real_time(NULL);
    if (ret)
        *ret = now;
    return now;
}

/* What happens while a bundle is judged, once; and what the judgement comes to. */
static void (*meanwhile)(struct world *world);
static struct world *meanwhile_world;
static int judge_fails; /* once */
static atomic_uint n_judged;
int __real_bfs_trust_judge(const struct bfs_trust *trust, const struct bfs_reference *reference,
                           const struct bfs_digest *bundle, const struct bfs_policy_trace *trace,
                           struct bfs_verdict *ret, struct bfs_error *error);
int __wrap_bfs_trust_judge(const struct bfs_trust *trust, const struct bfs_reference *reference,
                           const struct bfs_digest *bundle, const struct bfs_policy_trace *trace,
                           struct bfs_verdict *ret, struct bfs_error *error);
int __wrap_bfs_trust_judge(const struct bfs_trust *trust, const struct bfs_reference *reference,
                           const struct bfs_digest *bundle, const struct bfs_policy_trace *trace,
                           struct bfs_verdict *ret, struct bfs_error *error)
{
    n_judged++;
    int r = __real_bfs_trust_judge(trust, reference, bundle, trace, ret, error);
    if (meanwhile) {
        void (*happens)(struct world *) = meanwhile;
        meanwhile = NULL;
        happens(meanwhile_world);
    }
    if (judge_fails) {
        r = bfs_fail(error, judge_fails, "on purpose");
        judge_fails = 0;
    }
    return r;
}

static uint64_t ms_later; /* than it is */
uint64_t __real_bfs_now_ms(void);
uint64_t __wrap_bfs_now_ms(void);
uint64_t __wrap_bfs_now_ms(void)
{
    return __real_bfs_now_ms() + ms_later;
}

static int resolve_fails; /* once */
int __real_bfs_policy_resolve(struct bfs_policy *policy, const char *what, struct bfs_error *error);
int __wrap_bfs_policy_resolve(struct bfs_policy *policy, const char *what, struct bfs_error *error);
int __wrap_bfs_policy_resolve(struct bfs_policy *policy, const char *what, struct bfs_error *error)
{
    int r = resolve_fails;
    resolve_fails = 0;
    return r ? bfs_fail(error, r, "%s: on purpose", what)
             : __real_bfs_policy_resolve(policy, what, error);
}

static void write_policy(struct world *world, const char *rules)
{
    char line[BFS_PUBLIC_KEY_LINE_SIZE];
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    bfs_autofree char *from = test_path(&world->served.packed.folder, "policy.new");
    bfs_autofree char *to = test_path(&world->served.packed.folder, "policy.json");
    bfs_buffer_printf(
        &text,
        "{\"schema_version\":\"1.0\",\"keys\":[{\"name\":\"k\",\"public_key\":\"%s\"%s,"
        "\"roles\":[\"r\"]}],\"rules\":[%s]}",
        bfs_public_key_line(bfs_secret_key_public(world->key), line), world->not_after, rules);
    assert_int_equal(bfs_buffer_status(&text), 0);
    test_write_file(&world->served.packed.folder, "policy.new", text.bytes, text.size);
    assert_int_equal(rename(from, to), 0);
}

static void set_policy(struct world *world, const char *rules)
{
    struct bfs_fs *fs = world->served.fs;
    write_policy(world, rules);
    assert_int_equal(bfs_policy_file_look(fs->policy_file), BFS_POLICY_CHANGED);
    bfs_guard_set_policy(fs->guard);
}

static void reload(struct world *world)
{
    assert_int_equal(bfs_fs_reload(world->served.fs, NULL), 0);
}

static void pack_with(struct world *world, const char *name, const char *contract)
{
    struct bfs_pack_report report;
    test_write_text(&world->served.packed.folder, "model/contract.json", contract);
    assert_int_equal(packed_pack(&world->served.packed, name,
                                 (struct bfs_pack_options){.source_date_epoch = -1}, &report),
                     0);
}

static void set_up(struct world *world, const char *rules)
{
    static const char *const names[] = {"a/m:1.0.0", "b/m:1.0.0"};
    static const char *const paths[] = {"a/m/1.0.0", "b/m/1.0.0"};
    served_pack(&world->served, names, 2);
    world->key = test_key();
    write_policy(world, rules);
    world->served.options.policy = test_path(&world->served.packed.folder, "policy.json");
    served_start(&world->served);
    for (size_t i = 0; i < N_BUNDLES; i++)
        world->slots[i] = bfs_node_slot(served_node(&world->served, paths[i]));
    n_judged = 0;
    now_given = 0;
    meanwhile_world = world;
}

static void tear_down(struct world *world)
{
    meanwhile = NULL;
    judge_fails = 0;
    (void)bfs_secret_key_free(world->key);
    served_done(&world->served);
}
#define autoworld BFS_CLEANUP(tear_down) struct world

static int admit(struct world *world, size_t bundle, bool may_block)
{
    return bfs_guard_admit(world->served.fs->guard, world->slots[bundle], may_block);
}

static void expect_refused(struct world *world, size_t bundle, const char *word)
{
    char reason[BFS_ERROR_TEXT_SIZE];
    bool refused = bfs_guard_refusal(world->served.fs->guard, world->slots[bundle], reason);
    assert_int_equal(refused, word != NULL);
    if (word && !strstr(reason, word))
        fail_msg("\"%s\" is not in: %s", word, reason);
}

static uid_t owner(struct world *world, size_t bundle)
{
    struct stat stat = {.st_mode = S_IFDIR | 0555, .st_uid = 12345};
    bfs_guard_apply(world->served.fs->guard, world->slots[bundle], &stat);
    return stat.st_uid;
}

static void on_changed(void *context, uint32_t slot, uint32_t n_inodes)
{
    struct world *world = context;
    assert_true(world->n_told < TOLD_MAX);
    world->told[world->n_told] = slot;
    world->inodes[world->n_told++] = n_inodes;
}

/* How often the kernel is told about a bundle until nothing is left to tell. */
static unsigned told_about(struct world *world, size_t bundle)
{
    unsigned n = 0;
    world->n_told = 0;
    for (unsigned i = 0; i < 4; i++)
        while (bfs_guard_refresh(world->served.fs->guard, 1000, on_changed, world))
            continue;
    for (size_t i = 0; i < world->n_told; i++)
        n += world->told[i] == world->slots[bundle];
    return n;
}

static void sign(struct world *world, const char *name, enum bfs_statement_kind kind)
{
    const struct bfs_store *store = world->served.packed.store;
    struct bfs_statement about = test_statement(store, name, kind, 5);
    assert_int_equal(test_state(store, &about, world->key, NULL, NULL), 0);
    reload(world);
}

static void verdicts_wait_for_no_request_and_follow_statements(void **state)
{
    autoworld world = {0};
    (void)state;
    set_up(&world, SIGNED);
    set_policy(&world, SIGNED);
    assert_int_equal(admit(&world, A, false), -EWOULDBLOCK);
    assert_int_equal(admit(&world, A, true), -ENOKEY);
    assert_int_equal(admit(&world, A, false), -ENOKEY);
    assert_int_equal(admit(&world, B, true), 0);
    expect_refused(&world, A, "0 count");
    expect_refused(&world, B, NULL);
    unsigned before = n_judged;
    reload(&world); /* nothing has changed */
    assert_int_equal(admit(&world, A, false), -ENOKEY);
    assert_int_equal(n_judged, before);
    sign(&world, "a/m:1.0.0", BFS_STATEMENT_SIGNATURE);
    assert_int_equal(admit(&world, A, false), -EWOULDBLOCK);
    assert_int_equal(admit(&world, A, true), 0);
    assert_int_equal(admit(&world, B, false), 0); /* not judged again */
    assert_int_equal(n_judged, before + 1);
    sign(&world, "a/m:1.0.0", BFS_STATEMENT_REVOCATION);
    assert_int_equal(admit(&world, A, true), -EKEYREJECTED);
    expect_refused(&world, A, "revoked by k");
}

static void the_kernel_is_told_twice_and_only_of_changes(void **state)
{
    autoworld world = {0};
    (void)state;
    set_up(&world, OWNED("7"));
    assert_int_equal(owner(&world, A), 7);
    assert_int_equal(owner(&world, B), 12345);
    assert_int_equal(told_about(&world, A), 0);
    set_policy(&world, OWNED("8"));
    assert_int_equal(told_about(&world, A), 2);
    assert_true(world.inodes[0] > 5);
    assert_int_equal(told_about(&world, B), 0);
    assert_int_equal(owner(&world, A), 8);
    set_policy(&world, OWNED("8") "," FREE);
    assert_int_equal(told_about(&world, A), 0);
    set_policy(&world, SIGNED);
    assert_int_equal(told_about(&world, A), 2);
    set_policy(&world, FREE);
    assert_int_equal(told_about(&world, A), 2);
    assert_int_equal(told_about(&world, A), 0);
}

/* A policy that was wrong for a moment: whoever looked in that moment must not keep what he saw. */
static void a_policy_that_comes_back_is_told_too(void **state)
{
    autoworld world = {0};
    (void)state;
    set_up(&world, OWNED("7"));
    assert_int_equal(told_about(&world, A), 0);
    set_policy(&world, OWNED("8"));
    assert_int_equal(owner(&world, A), 8); /* before it is judged anew */
    set_policy(&world, OWNED("7"));
    assert_int_equal(told_about(&world, A), 2);
    assert_int_equal(told_about(&world, B), 0);
}

static void change_policy(struct world *world)
{
    set_policy(world, FREE);
}

static void a_verdict_by_a_policy_of_before_is_not_kept(void **state)
{
    autoworld world = {0};
    (void)state;
    set_up(&world, FREE);
    set_policy(&world, SIGNED);
    meanwhile = change_policy;
    assert_int_equal(admit(&world, A, true), -ENOKEY); /* to who asked then */
    expect_refused(&world, A, NULL);
    assert_int_equal(admit(&world, A, false), -EWOULDBLOCK);
    assert_int_equal(told_about(&world, A), 2);
    assert_int_equal(admit(&world, A, false), 0);
}

static void revoke_and_judge(struct world *world)
{
    sign(world, "a/m:1.0.0", BFS_STATEMENT_REVOCATION);
    assert_int_equal(admit(world, A, true), -EKEYREJECTED);
    assert_int_equal(told_about(world, A), 2); /* and everything was gone through */
}

static void who_was_slow_does_not_replace_who_knew_more(void **state)
{
    autoworld world = {0};
    (void)state;
    set_up(&world, FREE);
    set_policy(&world, FREE);
    meanwhile = revoke_and_judge;
    assert_int_equal(admit(&world, A, true), 0); /* to who asked then */
    assert_int_equal(admit(&world, A, false), -EKEYREJECTED);
    expect_refused(&world, A, "revoked");
    assert_int_equal(told_about(&world, A), 2);
}

static bool a_worker_was_free;

static void see_whether_a_worker_is_free(struct world *world)
{
    static struct turn turn; /* a worker may come to it late */
    turn_submit(&turn, world->served.fs->pool, BFS_PRIORITY_METADATA);
    a_worker_was_free = turn_wait(&turn, 20);
}

/* Many open files of a bundle after the policy changed: one of them reads the statements, and the
 * others take no worker meanwhile. */
static void a_verdict_is_reached_once_for_all_who_wait(void **state)
{
    enum { N = 8 };
    autoworld world = {0};
    struct fake_request requests[N];
    (void)state;
    set_up(&world, FREE);
    uint64_t node = served_node(&world.served, "a/m/1.0.0/model.safetensors");
    set_policy(&world, CHECKED);
    n_judged = 0;
    a_worker_was_free = false;
    meanwhile = see_whether_a_worker_is_free;
    for (unsigned i = 0; i < N; i++) {
        struct fuse_file_info info = {.flags = O_RDONLY};
        fake_request_init(&requests[i], world.served.fs);
        bfs_fuse_ops.open(fake_handle(&requests[i]), node, &info);
    }
    for (unsigned i = 0; i < N; i++) {
        assert_true(fake_wait(&requests[i], 20000));
        if (requests[i].error == 0)
            bfs_release_file(world.served.fs, node, requests[i].open.fh);
        assert_int_equal(requests[i].error, requests[0].error);
        fake_request_done(&requests[i]);
    }
    assert_true(a_worker_was_free);
    assert_int_equal(n_judged, 1);
}

enum { N_ADMITTED = 8 };

struct admitted {
    struct world *world;
    int status;
};

static atomic_uint n_entered;

static void await_all(struct world *world)
{
    (void)world;
    while (n_entered < N_ADMITTED)
        (void)sched_yield();
}

static void *admit_in_thread(void *argument)
{
    struct admitted *admitted = argument;
    n_entered++;
    admitted->status = admit(admitted->world, A, true);
    return NULL;
}

/* The same for threads that do not stand in a line, such as the one that watches. */
static void threads_share_a_verdict(void **state)
{
    autoworld world = {0};
    struct admitted admitted[N_ADMITTED];
    pthread_t threads[N_ADMITTED];
    (void)state;
    set_up(&world, FREE);
    set_policy(&world, SIGNED);
    n_judged = 0;
    n_entered = 0;
    meanwhile = await_all;
    for (unsigned i = 0; i < N_ADMITTED; i++) {
        admitted[i] = (struct admitted){.world = &world};
        assert_int_equal(pthread_create(&threads[i], NULL, admit_in_thread, &admitted[i]), 0);
    }
    for (unsigned i = 0; i < N_ADMITTED; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (unsigned i = 0; i < N_ADMITTED; i++)
        assert_int_equal(admitted[i].status, -ENOKEY);
    assert_int_equal(n_judged, 1);
}

static void remove_bundle(struct world *world, const char *name)
{
    struct bfs_reference reference;
    assert_int_equal(bfs_reference_parse(name, &reference, NULL), 0);
    assert_int_equal(bfs_catalog_remove(world->served.packed.store, &reference, NULL), 0);
    reload(world);
}

/* The verdict follows the bundles that are required, in turn too, and what is said about them. */
static void a_check_is_made_again_for_what_is_required(void **state)
{
    autoworld world = {0};
    (void)state;
    set_up(&world, FREE);
    pack_with(&world, "c/low:1.0.0", CONTRACT(""));
    pack_with(&world, "b/mid:1.0.0", CONTRACT(NEED("c/low")));
    pack_with(&world, "a/top:1.0.0", CONTRACT(NEED("b/mid")));
    pack_with(&world, "a/other:1.0.0", CONTRACT(""));
    reload(&world);
    set_policy(&world, CHECKED);
    world.slots[A] = bfs_node_slot(served_node(&world.served, "a/top/1.0.0"));
    world.slots[B] = bfs_node_slot(served_node(&world.served, "a/other/1.0.0"));
    assert_int_equal(admit(&world, A, true), 0);
    assert_int_equal(admit(&world, B, true), 0);

    remove_bundle(&world, "c/low:1.0.0");
    assert_int_equal(admit(&world, A, true), -EKEYREJECTED);
    expect_refused(&world, A, "found errors");
    assert_int_equal(admit(&world, B, false), 0); /* nothing of its own */
    pack_with(&world, "c/low:2.0.0", CONTRACT(""));
    reload(&world);
    assert_int_equal(admit(&world, A, true), -EKEYREJECTED);
    pack_with(&world, "c/low:1.5.0", CONTRACT(""));
    reload(&world);
    assert_int_equal(admit(&world, A, true), 0);

    sign(&world, "c/low:1.5.0", BFS_STATEMENT_DEPRECATION);
    assert_int_equal(admit(&world, A, true), -EKEYREJECTED);
    expect_refused(&world, A, "found warnings");
    sign(&world, "c/low:1.5.0", BFS_STATEMENT_REVOCATION);
    assert_int_equal(admit(&world, A, true), -EKEYREJECTED);
    expect_refused(&world, A, "found errors");
}

static void a_failure_is_tried_again_and_an_excess_is_not(void **state)
{
    autoworld world = {0};
    (void)state;
    set_up(&world, FREE);
    set_policy(&world, FREE);
    now_given = 1780272000;
    judge_fails = -EIO;
    assert_int_equal(admit(&world, A, true), -EIO);
    expect_refused(&world, A, "it cannot be judged: on purpose");
    assert_int_equal(admit(&world, A, false), -EIO);
    now_given++;
    assert_int_equal(admit(&world, A, false), -EWOULDBLOCK);
    assert_int_equal(told_about(&world, A), 2); /* found by going through all */
    assert_int_equal(admit(&world, A, false), 0);
    set_policy(&world, FREE);
    judge_fails = -E2BIG;
    assert_int_equal(admit(&world, A, true), -E2BIG);
    now_given += 1000000;
    assert_int_equal(admit(&world, A, false), -E2BIG);
}

static void a_key_that_ends_takes_its_bundles_along(void **state)
{
    autoworld world = {.not_after = ",\"not_after\":\"2026-06-01T00:00:00Z\""};
    (void)state;
    set_up(&world, FREE);
    now_given = 1780271999; /* the second before */
    set_policy(&world, SIGNED);
    sign(&world, "a/m:1.0.0", BFS_STATEMENT_SIGNATURE);
    assert_int_equal(told_about(&world, A), 0);
    assert_int_equal(admit(&world, A, false), 0);
    now_given++;
    assert_int_equal(told_about(&world, A), 2);
    assert_int_equal(admit(&world, A, false), -EKEYREJECTED);
    expect_refused(&world, A, "expired at 2026-06-01T00:00:00Z");
}

/* What is no fault of the text is tried again, and what is one is not. */
static void a_policy_is_taken_up_when_it_can_be(void **state)
{
    autoworld world = {0};
    char trouble[BFS_ERROR_TEXT_SIZE];
    (void)state;
    set_up(&world, FREE);
    struct bfs_policy_file *file = world.served.fs->policy_file;
    write_policy(&world, "");
    assert_int_equal(bfs_policy_file_look(file), BFS_POLICY_CHANGED);
    write_policy(&world, "7");
    assert_int_equal(bfs_policy_file_look(file), BFS_POLICY_BROKEN);
    assert_int_equal(bfs_policy_file_look(file), BFS_POLICY_SAME);
    assert_true(bfs_policy_file_trouble(file, trouble));
    write_policy(&world, FREE);
    resolve_fails = -EMFILE;
    assert_int_equal(bfs_policy_file_look(file), BFS_POLICY_BROKEN);
    assert_true(bfs_policy_file_trouble(file, trouble));
    assert_non_null(strstr(trouble, "on purpose"));
    assert_int_equal(bfs_policy_file_look(file), BFS_POLICY_SAME);
    ms_later += 5000;
    assert_int_equal(bfs_policy_file_look(file), BFS_POLICY_CHANGED);
    assert_false(bfs_policy_file_trouble(file, trouble));
    ms_later += 5000;
    assert_int_equal(bfs_policy_file_look(file), BFS_POLICY_SAME);
}

static void a_statement_is_refused_once(void **state)
{
    autoworld world = {0};
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    struct bfs_digest digest;
    (void)state;
    set_up(&world, FREE);
    const struct bfs_store *store = world.served.packed.store;
    struct bfs_statement about = test_statement(store, "a/m:1.0.0", BFS_STATEMENT_DEPRECATION, 5);
    assert_int_equal(test_state(store, &about, world.key, &digest, NULL), 0);
    bfs_autofree char *path = bfs_store_blob_path(store, &digest);
    assert_int_equal(unlink(path), 0);
    reload(&world);
    /* Whoever wants to know where "latest" points, and what lies in "signatures". */
    assert_int_not_equal(served_node(&world.served, "a/m/latest"), 0);
    assert_int_not_equal(served_node(&world.served, "a/m/1.0.0/signatures"), 0);
    assert_int_equal(served_node(&world.served, "a/m/1.0.0/signatures/x"), 0);
    assert_int_equal(bfs_control_write(world.served.fs, BFS_CONTROL_REFUSED, &text), 0);
    bfs_buffer_put_u8(&text, '\0');
    const char *first = strstr((const char *)text.bytes, ".deprecation.");
    assert_non_null(first);
    assert_null(strstr(first + 1, ".deprecation."));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_wait_for_no_request_and_follow_statements),
        cmocka_unit_test(the_kernel_is_told_twice_and_only_of_changes),
        cmocka_unit_test(a_policy_that_comes_back_is_told_too),
        cmocka_unit_test(a_verdict_by_a_policy_of_before_is_not_kept),
        cmocka_unit_test(who_was_slow_does_not_replace_who_knew_more),
        cmocka_unit_test(a_verdict_is_reached_once_for_all_who_wait),
        cmocka_unit_test(threads_share_a_verdict),
        cmocka_unit_test(a_check_is_made_again_for_what_is_required),
        cmocka_unit_test(a_failure_is_tried_again_and_an_excess_is_not),
        cmocka_unit_test(a_key_that_ends_takes_its_bundles_along),
        cmocka_unit_test(a_policy_is_taken_up_when_it_can_be),
        cmocka_unit_test(a_statement_is_refused_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
