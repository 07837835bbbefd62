/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/names.h"
#include "fs/node.h"
#include "fs/tree.h"
#include "tests/support/folder.h"

#include <pthread.h>
#include <stdatomic.h>

struct fixture {
    struct test_folder folder;
    struct bfs_store *store;
    struct bfs_metrics metrics;
    struct bfs_log log;
    struct bfs_bundles *bundles;
    struct bfs_tree_numbers *numbers;
};

static void set_up(struct fixture *fixture)
{
    *fixture = (struct fixture){.folder = test_folder_make()};
    assert_int_equal(
        bfs_store_create(fixture->folder.path, BFS_STORE_MODE_ANY, &fixture->store, NULL), 0);
    assert_int_equal(
        bfs_bundles_new(fixture->store, NULL, &fixture->metrics, &fixture->log, &fixture->bundles),
        0);
    assert_int_equal(bfs_tree_numbers_new(&fixture->numbers), 0);
}

static void tear_down(struct fixture *fixture)
{
    (void)bfs_tree_numbers_free(fixture->numbers);
    (void)bfs_bundles_free(fixture->bundles);
    (void)bfs_store_free(fixture->store);
    test_folder_remove(&fixture->folder);
}

/* No version when `name` is no reference. */
static struct bfs_catalog_entry entry_of(const char *name, uint32_t seed)
{
    struct bfs_catalog_entry entry = {.manifest_size = 100};
    (void)bfs_reference_parse(name, &entry.reference, NULL);
    memset(entry.manifest.bytes, 0x77, sizeof(entry.manifest.bytes));
    memcpy(entry.manifest.bytes + 28, &seed, sizeof(seed));
    return entry;
}

/* A tree of bundles that are nothing but names, sorted as a catalogue has them. NULL: it failed. */
static struct bfs_tree *try_make(struct fixture *fixture, const char *const *names, size_t n)
{
    struct bfs_tree *tree = NULL;
    struct bfs_catalog *catalog = calloc(1, sizeof(*catalog));
    struct bfs_catalog_entry *entries = calloc(n + 1, sizeof(*entries));
    if (!catalog || !entries)
        return NULL;
    *catalog = (struct bfs_catalog){.entries = entries, .n_entries = n};
    for (size_t i = 0; i < n; i++) {
        entries[i] = entry_of(names[i], (uint32_t)i);
        if (entries[i].reference.version[0] == '\0')
            return NULL;
    }
    int r = bfs_tree_new(catalog, fixture->bundles, fixture->numbers, false, &tree);
    return r == 0 && bfs_tree_catalog(tree) == catalog ? tree : NULL;
}

static struct bfs_tree *make(struct fixture *fixture, const char *const *names, size_t n)
{
    struct bfs_tree *tree = try_make(fixture, names, n);
    assert_non_null(tree);
    return tree;
}

static const struct bfs_tree_node *at(const struct bfs_tree *tree, const char *path)
{
    const struct bfs_tree_node *node = NULL;
    uint64_t parent = BFS_NODE_ROOT;
    bfs_autofree char *copy = strdup(path);
    char *rest = copy;
    for (char *name; (name = strsep(&rest, "/"));) {
        node = bfs_tree_lookup(tree, parent, name);
        if (!node)
            return NULL;
        assert_string_equal(node->name, name);
        assert_int_equal(node->parent, parent);
        parent = node->node;
    }
    return node;
}

static void expect_children(const struct bfs_tree *tree, uint64_t parent, const char *expected)
{
    char names[512] = "";
    size_t n;
    const struct bfs_tree_node *nodes = bfs_tree_children(tree, parent, "", &n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(nodes[i].parent, parent);
        (void)strcat(strcat(names, nodes[i].name), " ");
    }
    assert_string_equal(names, expected);
}

static const char *const nested[] = {"a:1.0.0",   "a:1.1.0-rc1", "a-b:1.0.0", "a.b/c:0.1",
                                     "a/c:1.0.0", "a/c/d:2.0.0", "b/latest:1"};

static void nested_names(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    struct bfs_tree *tree = make(&fixture, nested, sizeof(nested) / sizeof(nested[0]));
    expect_children(tree, BFS_NODE_ROOT, "a a-b a.b b ");
    expect_children(tree, at(tree, "a")->node, "1.0.0 1.1.0-rc1 c latest ");
    expect_children(tree, at(tree, "a/c")->node, "1.0.0 d latest ");
    expect_children(tree, at(tree, "a-b")->node, "1.0.0 latest ");
    expect_children(tree, at(tree, "a.b")->node, "c ");
    expect_children(tree, at(tree, "b/latest")->node, "1 latest ");
    expect_children(tree, at(tree, "a/1.0.0")->node, "");
    expect_children(tree, 12345678, "");
    size_t n;
    const struct bfs_tree_node *rest = bfs_tree_children(tree, BFS_NODE_ROOT, "a-b", &n);
    assert_int_equal(n, 2);
    assert_string_equal(rest->name, "a.b");
    rest = bfs_tree_children(tree, BFS_NODE_ROOT, "aa", &n);
    assert_int_equal(n, 1);
    assert_string_equal(rest->name, "b");
    assert_null(bfs_tree_children(tree, BFS_NODE_ROOT, "b", &n));
    assert_int_equal(n, 0);
    char name[BFS_COMPONENT_MAX + 1];
    assert_true(bfs_tree_numbers_name(fixture.numbers, at(tree, "a/c/d")->node, name));
    assert_string_equal(name, "d");
    assert_true(bfs_tree_numbers_name(fixture.numbers, at(tree, "a-b")->node, name));
    assert_string_equal(name, "a-b");
    assert_true(bfs_tree_numbers_name(fixture.numbers, at(tree, "a/latest")->node, name));
    assert_string_equal(name, "latest");
    assert_false(bfs_tree_numbers_name(fixture.numbers, BFS_NODE_ROOT, name));
    assert_false(bfs_tree_numbers_name(fixture.numbers, 4711, name));
    assert_int_equal(at(tree, "a/c")->kind, BFS_TREE_DIRECTORY);
    assert_int_equal(at(tree, "a/1.0.0")->kind, BFS_TREE_BUNDLE);
    assert_int_equal(at(tree, "a/latest")->kind, BFS_TREE_LINK);
    assert_string_equal(at(tree, "a/latest")->target, "1.0.0");
    assert_int_equal(at(tree, "b/latest")->kind, BFS_TREE_DIRECTORY);
    assert_null(at(tree, "a/c/latest/x"));
    assert_null(at(tree, ""));
    assert_null(at(tree, "A"));
    assert_null(at(tree, "a/1.0"));
    assert_ptr_equal(bfs_tree_find(tree, at(tree, "a/c")->node), at(tree, "a/c"));
    assert_ptr_equal(bfs_tree_find(tree, at(tree, "a/latest")->node), at(tree, "a/latest"));
    assert_null(bfs_tree_find(tree, at(tree, "a/1.0.0")->node));
    assert_null(bfs_tree_find(tree, BFS_NODE_ROOT));
    const struct bfs_tree_node *bundle = at(tree, "a/c/d/2.0.0");
    assert_ptr_equal(bfs_tree_bundle(tree, bundle->slot), bundle);
    assert_int_equal(bundle->node, bfs_node_of(bundle->slot, BFS_INODE_ROOT));
    char reference[BFS_REFERENCE_MAX + 1];
    assert_string_equal(bfs_bundles_name(fixture.bundles, bundle->slot, reference), "a/c/d:2.0.0");
    assert_null(bfs_tree_bundle(tree, 4711));
    (void)bfs_tree_unref(tree);
    tear_down(&fixture);
}

static void an_empty_tree(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    struct bfs_tree *tree = make(&fixture, NULL, 0);
    expect_children(tree, BFS_NODE_ROOT, "");
    assert_null(bfs_tree_lookup(tree, BFS_NODE_ROOT, "a"));
    assert_null(bfs_tree_find(tree, BFS_NODE_FIRST_CATALOG));
    (void)bfs_tree_unref(tree);
    tear_down(&fixture);
}

/* A path has the same number in every tree, but a link with another target is another link. */
static void a_path_keeps_its_number(void **state)
{
    (void)state;
    static const char *const before[] = {"m/a:1.0.0", "m/b:1.0.0"};
    static const char *const gone[] = {"m/b:1.0.0", "z:3"};
    static const char *const after[] = {"m/a:1.0.0", "m/a:2.0.0", "m/b:1.0.0"};
    struct fixture fixture;
    set_up(&fixture);
    struct bfs_tree *one = make(&fixture, before, 2), *two = make(&fixture, gone, 2),
                    *three = make(&fixture, after, 3);
    assert_int_equal(at(one, "m")->node, at(two, "m")->node);
    assert_int_equal(at(one, "m/b")->node, at(two, "m/b")->node);
    assert_int_equal(at(one, "m/b/latest")->node, at(two, "m/b/latest")->node);
    assert_null(at(two, "m/a"));
    assert_int_equal(at(one, "m/a")->node, at(three, "m/a")->node);
    assert_int_equal(at(one, "m/a/1.0.0")->node, at(three, "m/a/1.0.0")->node);
    assert_true(at(one, "m/a/latest")->node != at(three, "m/a/latest")->node);
    assert_string_equal(at(three, "m/a/latest")->target, "2.0.0");
    /* The same names with other digests are other bundles. */
    assert_true(at(one, "m/b/1.0.0")->node != at(two, "m/b/1.0.0")->node);
    (void)bfs_tree_unref(two);
    (void)bfs_tree_unref(one);
    (void)bfs_tree_unref(three);
    tear_down(&fixture);
}

/* What a tree refers to goes with it, but for the last few thousand names; what the kernel knows
 * stays. */
static void names_go_with_their_trees(void **state)
{
    (void)state;
    enum { N = 3 * BFS_NAMES_KEPT, ROUNDS = 4 };
    static char texts[N][32];
    static const char *names[N];
    struct fixture fixture;
    set_up(&fixture);
    uint32_t known = 0;
    uint64_t directory = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < N; i++) {
            (void)snprintf(texts[i], sizeof(texts[i]), "m%u-%05u:1", round, i);
            names[i] = texts[i];
        }
        struct bfs_tree *tree = make(&fixture, names, N);
        if (round == 0) {
            known = at(tree, "m0-00007/1")->slot;
            directory = at(tree, "m0-00007")->node;
            assert_true(bfs_bundles_ref(fixture.bundles, known));
            assert_true(bfs_tree_numbers_ref(fixture.numbers, directory));
        }
        (void)bfs_tree_unref(tree);
        assert_true(bfs_bundles_count(fixture.bundles) <= BFS_NAMES_KEPT + 1);
        assert_true(bfs_tree_numbers_count(fixture.numbers) <= BFS_NAMES_KEPT + 1);
        char reference[BFS_REFERENCE_MAX + 1], path[BFS_NAME_MAX + 1];
        assert_string_equal(bfs_bundles_name(fixture.bundles, known, reference), "m0-00007:1");
        assert_true(bfs_tree_numbers_path(fixture.numbers, directory, path, sizeof(path)));
        assert_string_equal(path, "m0-00007");
    }
    bfs_bundles_unref(fixture.bundles, known, 1);
    assert_false(bfs_bundles_is_live(fixture.bundles, known));
    bfs_tree_numbers_unref(fixture.numbers, directory, 1);
    assert_false(bfs_tree_numbers_is_live(fixture.numbers, directory));
    tear_down(&fixture);
}

/* Another daemon, and another order: the same inode numbers. */
static void inode_numbers_follow_from_names(void **state)
{
    (void)state;
    struct fixture one, two;
    set_up(&one);
    set_up(&two);
    static const char *const other[] = {"a/c/d:2.0.0", "z:1"};
    struct bfs_tree *first = make(&two, other, 2);
    struct bfs_tree *a = make(&one, nested, sizeof(nested) / sizeof(nested[0]));
    struct bfs_tree *b = make(&two, nested, sizeof(nested) / sizeof(nested[0]));
    const struct bfs_tree_node *in_a = at(a, "a/c/d/2.0.0"), *in_b = at(b, "a/c/d/2.0.0");
    assert_true(in_a->slot != in_b->slot);
    for (uint32_t inode = 1; inode < 100; inode++)
        assert_true(bfs_bundles_ino(one.bundles, in_a->slot, inode) ==
                    bfs_bundles_ino(two.bundles, in_b->slot, inode));
    assert_true(at(a, "a/c/d")->node != at(b, "a/c/d")->node);
    assert_true(bfs_tree_numbers_ino(one.numbers, at(a, "a/c/d")->node) ==
                bfs_tree_numbers_ino(two.numbers, at(b, "a/c/d")->node));
    /* The same name with another digest is another file. */
    assert_true(bfs_bundles_ino(two.bundles, at(first, "a/c/d/2.0.0")->slot, 1) !=
                bfs_bundles_ino(two.bundles, in_b->slot, 1));
    (void)bfs_tree_unref(a);
    (void)bfs_tree_unref(b);
    (void)bfs_tree_unref(first);
    tear_down(&one);
    tear_down(&two);
}

static void a_slot_for_each_name_and_digest(void **state)
{
    (void)state;
    enum { N = 20000 }; /* one bundle under many names: the search must not become linear */
    struct fixture fixture;
    set_up(&fixture);
    bfs_autofree uint32_t *slots = calloc(N, sizeof(*slots));
    assert_non_null(slots);
    char name[64];
    for (uint32_t i = 0; i < N; i++) {
        (void)snprintf(name, sizeof(name), "model:v%u", i);
        struct bfs_catalog_entry entry = entry_of(name, 1);
        assert_int_equal(bfs_bundles_slot(fixture.bundles, &entry, &slots[i]), 0);
        assert_int_equal(slots[i], i);
    }
    for (uint32_t i = 0; i < N; i++) {
        uint32_t again;
        (void)snprintf(name, sizeof(name), "model:v%u", i);
        struct bfs_catalog_entry entry = entry_of(name, 1);
        assert_int_equal(bfs_bundles_slot(fixture.bundles, &entry, &again), 0);
        assert_int_equal(again, slots[i]);
    }
    struct bfs_catalog_entry entry = entry_of("model:v0", 2);
    uint32_t other;
    assert_int_equal(bfs_bundles_slot(fixture.bundles, &entry, &other), 0);
    assert_int_equal(other, N);
    char reference[BFS_REFERENCE_MAX + 1];
    assert_string_equal(bfs_bundles_name(fixture.bundles, N, reference), "model:v0");
    assert_string_equal(bfs_bundles_name(fixture.bundles, N + 1, reference), "?");
    tear_down(&fixture);
}

struct builder {
    struct fixture *fixture;
    struct bfs_tree *tree;
    atomic_uint n_wrong;
};

static void *build(void *argument)
{
    struct builder *builder = argument;
    for (unsigned i = 0; i < 50; i++) {
        struct bfs_tree *tree =
            try_make(builder->fixture, nested, sizeof(nested) / sizeof(nested[0]));
        const struct bfs_tree_node *node = tree ? at(tree, "a/c/d") : NULL;
        builder->n_wrong += !node || node->node != at(builder->tree, "a/c/d")->node;
        (void)bfs_tree_unref(bfs_tree_ref(builder->tree));
        if (tree)
            (void)bfs_tree_unref(tree);
    }
    return NULL;
}

static void trees_from_many_threads(void **state)
{
    (void)state;
    enum { N = 4 };
    struct fixture fixture;
    pthread_t threads[N];
    set_up(&fixture);
    struct builder builder = {&fixture, make(&fixture, nested, sizeof(nested) / sizeof(nested[0])),
                              0};
    for (unsigned i = 0; i < N; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, build, &builder), 0);
    for (unsigned i = 0; i < N; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(builder.n_wrong, 0);
    (void)bfs_tree_unref(builder.tree);
    tear_down(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nested_names),
        cmocka_unit_test(an_empty_tree),
        cmocka_unit_test(a_path_keeps_its_number),
        cmocka_unit_test(names_go_with_their_trees),
        cmocka_unit_test(inode_numbers_follow_from_names),
        cmocka_unit_test(a_slot_for_each_name_and_digest),
        cmocka_unit_test(trees_from_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
