/* SPDX-License-Identifier: Apache-2.0
 * Two bundles served under a policy, and clocks and judgements that a test changes. Included after
 * cmocka.h, once in a program, which is linked with --wrap=time, bfs_now_ms, bfs_policy_resolve and
 * bfs_trust_judge. */
#ifndef BFS_TESTS_GUARDED_H
#define BFS_TESTS_GUARDED_H

#include "fs/control.h"
#include "fs/dispatch.h"
#include "fs/watch.h"
#include "tests/fs/fake_fuse.h"
#include "tests/fs/served.h"
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

static inline void write_policy(struct world *world, const char *rules)
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

static inline void set_policy(struct world *world, const char *rules)
{
    struct bfs_fs *fs = world->served.fs;
    write_policy(world, rules);
    assert_int_equal(bfs_policy_file_look(fs->policy_file), BFS_POLICY_CHANGED);
    bfs_guard_set_policy(fs->guard);
}

static inline void reload(struct world *world)
{
    assert_int_equal(bfs_fs_reload(world->served.fs, NULL), 0);
}

static inline void pack_with(struct world *world, const char *name, const char *contract)
{
    struct bfs_pack_report report;
    test_write_text(&world->served.packed.folder, "model/contract.json", contract);
    assert_int_equal(packed_pack(&world->served.packed, name,
                                 (struct bfs_pack_options){.source_date_epoch = -1}, &report),
                     0);
}

static inline void set_up(struct world *world, const char *rules)
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

static inline void tear_down(struct world *world)
{
    meanwhile = NULL;
    judge_fails = 0;
    (void)bfs_secret_key_free(world->key);
    served_done(&world->served);
}
#define autoworld BFS_CLEANUP(tear_down) struct world

static inline int admit(struct world *world, size_t bundle, bool may_block)
{
    return bfs_guard_admit(world->served.fs->guard, world->slots[bundle], may_block);
}

static inline void expect_refused(struct world *world, size_t bundle, const char *word)
{
    char reason[BFS_ERROR_TEXT_SIZE];
    bool refused = bfs_guard_refusal(world->served.fs->guard, world->slots[bundle], reason);
    assert_int_equal(refused, word != NULL);
    if (word && !strstr(reason, word))
        fail_msg("\"%s\" is not in: %s", word, reason);
}

static inline uid_t owner(struct world *world, size_t bundle)
{
    struct stat stat = {.st_mode = S_IFDIR | 0555, .st_uid = 12345};
    bfs_guard_apply(world->served.fs->guard, world->slots[bundle], &stat);
    return stat.st_uid;
}

static inline void on_changed(void *context, uint32_t slot, uint32_t n_inodes)
{
    struct world *world = context;
    assert_true(world->n_told < TOLD_MAX);
    world->told[world->n_told] = slot;
    world->inodes[world->n_told++] = n_inodes;
}

/* How often the kernel is told about a bundle until nothing is left to tell. */
static inline unsigned told_about(struct world *world, size_t bundle)
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

static inline void sign(struct world *world, const char *name, enum bfs_statement_kind kind)
{
    const struct bfs_store *store = world->served.packed.store;
    struct bfs_statement about = test_statement(store, name, kind, 5);
    assert_int_equal(test_state(store, &about, world->key, NULL, NULL), 0);
    reload(world);
}

#endif
