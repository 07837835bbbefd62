/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/index/samples.h"

#include "codec/index/format.h"

#include <errno.h>
#include <stdio.h>

enum { INODE_PARENT_OFF = 56, INODE_N_DIRENTS_OFF = 44, INODE_TABLE_LAYER_OFF = 28 };

/* Parses a copy; the index is released. */
static int parse(const struct bfs_buffer *bytes, size_t size, uint32_t n_layers)
{
    BFS_CLEANUP(bfs_index_cleanup) struct bfs_index *index = NULL;
    struct bfs_error error = {0};
    uint8_t *copy = sample_copy(bytes->bytes, size);
    int r = bfs_index_parse(copy, size, n_layers, &index, &error);
    assert_int_equal(error.code, r);
    if (r)
        free(copy);
    return r;
}

static void gives_back_what_was_added(void **state)
{
    BFS_CLEANUP(bfs_index_cleanup) struct bfs_index *index = NULL;
    bfs_autobuffer struct bfs_buffer bytes = BFS_BUFFER_INIT;
    uint32_t number;
    (void)state;
    sample_index(&bytes);
    size_t size = bytes.size;
    assert_int_equal(bfs_index_parse(bfs_buffer_steal(&bytes), size, SAMPLE_LAYERS, &index, NULL),
                     0);
    assert_int_equal(bfs_index_n_inodes(index), 5);
    assert_int_equal(bfs_index_n_tensors(index), 2);
    assert_int_equal(bfs_index_content_size(index), 1000);

    assert_int_equal(bfs_index_resolve(index, "a/x", &number), 0);
    struct bfs_inode file = bfs_index_inode(index, number), expected = sample_file();
    assert_int_equal(file.mode, expected.mode);
    assert_int_equal(file.size, expected.size);
    assert_int_equal(file.mtime_sec, expected.mtime_sec);
    assert_int_equal(file.table_layer, expected.table_layer);
    assert_int_equal(file.table_off, expected.table_off);
    assert_int_equal(file.stored_size, expected.stored_size);
    assert_int_equal(file.flags, BFS_INODE_GENERATED);
    assert_true(bfs_digest_equal(&file.digest, &expected.digest));
    assert_true(bfs_digest_equal(&file.table_digest, &expected.table_digest));
    bfs_autofree char *path = bfs_index_path(index, number);
    assert_string_equal(path, "a/x");

    struct bfs_index_tensor tensor = bfs_index_tensor(index, &file, 0);
    assert_int_equal(tensor.dtype, BFS_DTYPE_BF16);
    assert_int_equal(tensor.shape[1], 20);
    assert_memory_equal(tensor.name, "w.weight", tensor.name_length);

    assert_int_equal(bfs_index_resolve(index, "l", &number), 0);
    struct bfs_inode link = bfs_index_inode(index, number);
    assert_int_equal(link.size, 3);
    assert_int_equal(link.mtime_sec, -5);
    assert_memory_equal(bfs_index_target(index, &link), "a/x", 3);

    assert_int_equal(bfs_index_resolve(index, "a/y", &number), -ENOENT);
    assert_int_equal(bfs_index_resolve(index, "e/y", &number), -ENOTDIR);
}

/* One child of the root with this name. */
static int parse_named(const char *name, const char *second)
{
    BFS_CLEANUP(bfs_index_builder_cleanup) struct bfs_index_builder *builder = NULL;
    bfs_autobuffer struct bfs_buffer bytes = BFS_BUFFER_INIT;
    struct bfs_inode root = sample_folder(), file = sample_empty_file();
    uint32_t number;
    assert_int_equal(bfs_index_builder_new(&root, &builder), 0);
    assert_int_equal(bfs_index_builder_add(builder, 0, name, &file, NULL, &number), 0);
    if (second)
        assert_int_equal(bfs_index_builder_add(builder, 0, second, &file, NULL, &number), 0);
    assert_int_equal(bfs_index_builder_write(builder, &bytes), 0);
    return parse(&bytes, bytes.size, SAMPLE_LAYERS);
}

static void hostile_names_are_refused(void **state)
{
    static const char *const names[] = {
        "", ".", "..", "/", "a/b", "/etc", "manifest.json", "SHA256SUMS", "signatures", "views"};
    char long_name[257];
    (void)state;
    memset(long_name, 'n', sizeof(long_name));
    long_name[256] = '\0';
    assert_int_equal(parse_named("fine", NULL), 0);
    assert_int_equal(parse_named("contract.json", NULL), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(parse_named(names[i], NULL), -EBADMSG);
    assert_int_equal(parse_named(long_name, NULL), -EBADMSG);
    long_name[255] = '\0';
    assert_int_equal(parse_named(long_name, NULL), 0);
    assert_int_equal(parse_named("twice", "twice"), -EBADMSG);
}

static int parse_linked(const char *target)
{
    BFS_CLEANUP(bfs_index_builder_cleanup) struct bfs_index_builder *builder = NULL;
    bfs_autobuffer struct bfs_buffer bytes = BFS_BUFFER_INIT;
    struct bfs_inode root = sample_folder(), link = sample_link();
    uint32_t number;
    assert_int_equal(bfs_index_builder_new(&root, &builder), 0);
    assert_int_equal(bfs_index_builder_add(builder, 0, "d", &root, NULL, &number), 0);
    assert_int_equal(bfs_index_builder_add(builder, number, "l", &link, target, &number), 0);
    assert_int_equal(bfs_index_builder_write(builder, &bytes), 0);
    return parse(&bytes, bytes.size, SAMPLE_LAYERS);
}

static void escaping_links_are_refused(void **state)
{
    (void)state;
    assert_int_equal(parse_linked("x"), 0);
    assert_int_equal(parse_linked("../x"), 0);
    assert_int_equal(parse_linked("../../x"), -EBADMSG);
    assert_int_equal(parse_linked("/etc/passwd"), -EBADMSG);
    assert_int_equal(parse_linked("x/../../.."), -EBADMSG);
    assert_int_equal(parse_linked(""), -EBADMSG);
}

/* "views" holding what `inode` is, called `name`, and in that, when it is a directory, a directory
 * with a link. */
static int parse_view(const char *top, const char *name, struct bfs_inode inode, const char *target)
{
    BFS_CLEANUP(bfs_index_builder_cleanup) struct bfs_index_builder *builder = NULL;
    bfs_autobuffer struct bfs_buffer bytes = BFS_BUFFER_INIT;
    struct bfs_inode root = sample_folder(), link = sample_link();
    uint32_t views, view, number;
    assert_int_equal(bfs_index_builder_new(&root, &builder), 0);
    assert_int_equal(bfs_index_builder_add(builder, 0, top, &root, NULL, &views), 0);
    assert_int_equal(bfs_index_builder_add(builder, views, name, &inode,
                                           S_ISLNK(inode.mode) ? "x" : NULL, &view),
                     0);
    if (target) {
        assert_int_equal(bfs_index_builder_add(builder, view, "d", &root, NULL, &number), 0);
        assert_int_equal(bfs_index_builder_add(builder, number, "l", &link, target, &number), 0);
    }
    assert_int_equal(bfs_index_builder_write(builder, &bytes), 0);
    return parse(&bytes, bytes.size, SAMPLE_LAYERS);
}

/* A link in "d/d/d", which lies beside the directory "views" or in it. */
static void write_deep(bool in_views, const char *target, struct bfs_buffer *ret)
{
    BFS_CLEANUP(bfs_index_builder_cleanup) struct bfs_index_builder *builder = NULL;
    struct bfs_inode folder = sample_folder(), link = sample_link();
    uint32_t views, at = 0, number;
    assert_int_equal(bfs_index_builder_new(&folder, &builder), 0);
    assert_int_equal(bfs_index_builder_add(builder, 0, "views", &folder, NULL, &views), 0);
    if (in_views)
        at = views;
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(bfs_index_builder_add(builder, at, "d", &folder, NULL, &at), 0);
    assert_int_equal(bfs_index_builder_add(builder, at, "l", &link, target, &number), 0);
    assert_int_equal(bfs_index_builder_write(builder, ret), 0);
}

static int parse_deep(bool in_views, const char *target)
{
    bfs_autobuffer struct bfs_buffer bytes = BFS_BUFFER_INIT;
    write_deep(in_views, target, &bytes);
    return parse(&bytes, bytes.size, SAMPLE_LAYERS);
}

static void views_are_directories(void **state)
{
    (void)state;
    assert_int_equal(parse_view("views", "any", sample_folder(), NULL), 0);
    assert_int_equal(parse_view("views", "aut", sample_folder(), NULL), 0);
    assert_int_equal(parse_view("views", "auto", sample_folder(), NULL), -EBADMSG);
    assert_int_equal(parse_view("views", "any", sample_empty_file(), NULL), -EBADMSG);
    assert_int_equal(parse_view("views", "any", sample_link(), NULL), -EBADMSG);
    assert_int_equal(parse_view("elsewhere", "auto", sample_empty_file(), NULL), 0);
    assert_int_equal(parse_view("signatures", "any", sample_folder(), NULL), -EBADMSG);
}

static void links_stay_in_their_view(void **state)
{
    (void)state;
    assert_int_equal(parse_view("views", "v", sample_folder(), "x"), 0);
    assert_int_equal(parse_view("views", "v", sample_folder(), "../x"), 0);
    assert_int_equal(parse_view("views", "v", sample_folder(), "../../x"), -EBADMSG);
    assert_int_equal(parse_view("views", "v", sample_folder(), "../../../x"), -EBADMSG);
    assert_int_equal(parse_view("viewt", "v", sample_folder(), "../../../x"), 0);
    assert_int_equal(parse_view("viewt", "v", sample_folder(), "../../../../x"), -EBADMSG);
    assert_int_equal(parse_deep(false, "../../../x"), 0);
    assert_int_equal(parse_deep(false, "../../../../x"), -EBADMSG);
    assert_int_equal(parse_deep(true, "../../x"), 0);
    assert_int_equal(parse_deep(true, "../../../x"), -EBADMSG);
}

static void put_u32(struct bfs_buffer *bytes, size_t offset, uint32_t value)
{
    assert_true(offset + sizeof(value) <= bytes->size);
    memcpy(bytes->bytes + offset, &value, sizeof(value));
}

static int parse_patched(size_t offset, uint32_t value)
{
    bfs_autobuffer struct bfs_buffer bytes = BFS_BUFFER_INIT;
    sample_index(&bytes);
    put_u32(&bytes, offset, value);
    return parse(&bytes, bytes.size, SAMPLE_LAYERS);
}

static size_t inode_at(uint32_t number, size_t field)
{
    return BFS_INDEX_HEADER_SIZE + (size_t)number * BFS_INODE_RECORD_SIZE + field;
}

static void cycles_are_refused(void **state)
{
    (void)state;
    assert_int_equal(parse_patched(inode_at(1, INODE_PARENT_OFF), 0), 0); /* the patch that fits */
    for (uint32_t number = 1; number < 5; number++)
        for (uint32_t parent = number; parent < 6; parent++)
            assert_int_equal(parse_patched(inode_at(number, INODE_PARENT_OFF), parent), -EBADMSG);
    assert_int_equal(parse_patched(inode_at(0, INODE_PARENT_OFF), 1), -EBADMSG);
}

/* Each asks for memory or reads far beyond what is there, if it is believed. */
static void counts_beyond_the_bytes_are_refused(void **state)
{
    (void)state;
    assert_int_equal(parse_patched(24, 6), -EBADMSG);
    assert_int_equal(parse_patched(24, BFS_INODES_MAX), -EBADMSG);
    assert_int_equal(parse_patched(24, BFS_INODES_MAX + 1), -E2BIG);
    for (size_t field = 28; field < 56; field += 4)
        assert_int_equal(parse_patched(field, UINT32_MAX), -EBADMSG);
    for (uint32_t number = 0; number < 5; number++)
        assert_int_equal(parse_patched(inode_at(number, INODE_N_DIRENTS_OFF), UINT32_MAX),
                         -EBADMSG);
    assert_int_equal(parse_patched(inode_at(2, INODE_TABLE_LAYER_OFF), SAMPLE_LAYERS), -EBADMSG);
    assert_int_equal(parse_patched(8, 2), -EPROTONOSUPPORT);
}

static void put_line(struct bfs_buffer *out, const char *text, size_t size, uint64_t a, uint64_t b)
{
    bfs_buffer_printf(out, "%.*s %llu %llu\n", (int)size, text, (unsigned long long)a,
                      (unsigned long long)b);
}

/* Everything that the accessors tell, so that two indexes that mean the same give the same. */
static void describe(const struct bfs_index *index, struct bfs_buffer *out)
{
    for (uint32_t number = 0; number < bfs_index_n_inodes(index); number++) {
        struct bfs_inode inode = bfs_index_inode(index, number);
        bfs_autofree char *path = bfs_index_path(index, number);
        assert_non_null(path);
        put_line(out, path, strlen(path), inode.mode, inode.flags);
        put_line(out, "", 0, inode.size, (uint64_t)inode.mtime_sec);
        put_line(out, "", 0, inode.mtime_nsec, inode.parent);
        put_line(out, "", 0, inode.table_layer, inode.table_off);
        put_line(out, "", 0, inode.table_size, inode.stored_size);
        put_line(out, "", 0, inode.container, 0);
        bfs_buffer_put(out, &inode.digest, sizeof(inode.digest));
        bfs_buffer_put(out, &inode.table_digest, sizeof(inode.table_digest));
        for (uint32_t i = 0; S_ISDIR(inode.mode) && i < inode.n_dirents; i++) {
            struct bfs_dirent entry = bfs_index_dirent(index, &inode, i);
            uint32_t found;
            assert_true(bfs_index_lookup(index, &inode, entry.name, entry.name_length, &found));
            assert_int_equal(found, entry.inode);
            put_line(out, entry.name, entry.name_length, entry.inode, 0);
        }
        for (uint32_t i = 0; i < inode.n_tensors; i++) {
            struct bfs_index_tensor tensor = bfs_index_tensor(index, &inode, i);
            put_line(out, tensor.name, tensor.name_length, tensor.offset, tensor.size);
            put_line(out, "", 0, tensor.dtype, tensor.n_dims);
            for (uint32_t k = 0; k < tensor.n_dims; k++)
                put_line(out, "", 0, tensor.shape[k], k);
        }
        if (S_ISLNK(inode.mode))
            put_line(out, bfs_index_target(index, &inode), (size_t)inode.size, 0, 0);
    }
    assert_int_equal(bfs_buffer_status(out), 0);
}

/* True when the mutant is accepted. */
static bool judge(const struct bfs_buffer *bytes, const struct bfs_buffer *original, bool *same)
{
    BFS_CLEANUP(bfs_index_cleanup) struct bfs_index *index = NULL;
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    struct bfs_error error = {0};
    uint8_t *copy = sample_copy(bytes->bytes, bytes->size);
    int r = bfs_index_parse(copy, bytes->size, SAMPLE_LAYERS, &index, &error);
    if (r) {
        free(copy);
        assert_true(r == -EBADMSG || r == -EPROTONOSUPPORT || r == -E2BIG);
        assert_int_equal(error.code, r);
        assert_null(index);
        return false;
    }
    describe(index, &text);
    *same = text.size == original->size && memcmp(text.bytes, original->bytes, text.size) == 0;
    return true;
}

static void flip_every_bit(struct bfs_buffer *bytes)
{
    bfs_autobuffer struct bfs_buffer original = BFS_BUFFER_INIT;
    size_t n_accepted = 0, n_refused = 0;
    bool same = false;
    {
        BFS_CLEANUP(bfs_index_cleanup) struct bfs_index *index = NULL;
        uint8_t *copy = sample_copy(bytes->bytes, bytes->size);
        assert_int_equal(bfs_index_parse(copy, bytes->size, SAMPLE_LAYERS, &index, NULL), 0);
        describe(index, &original);
    }
    assert_true(judge(bytes, &original, &same) && same);
    for (size_t bit = 0; bit < bytes->size * 8; bit++) {
        bytes->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (judge(bytes, &original, &same)) {
            /* The minor version alone may change without a meaning. */
            assert_int_equal(same, bit / 8 == 10 || bit / 8 == 11);
            n_accepted++;
        } else {
            n_refused++;
        }
        bytes->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    /* Digests, times, sizes stored and names may differ: most other bits may not. */
    assert_true(n_accepted > 5 * 64 && n_refused > n_accepted);
}

static void every_bit_flip_is_refused_or_seen(void **state)
{
    bfs_autobuffer struct bfs_buffer bytes = BFS_BUFFER_INIT, views = BFS_BUFFER_INIT;
    (void)state;
    sample_index(&bytes);
    flip_every_bit(&bytes);
    write_deep(true, "../x", &views);
    flip_every_bit(&views);
}

static void every_truncation_and_extension_is_refused(void **state)
{
    bfs_autobuffer struct bfs_buffer bytes = BFS_BUFFER_INIT;
    (void)state;
    sample_index(&bytes);
    for (size_t size = 0; size < bytes.size; size++)
        assert_int_equal(parse(&bytes, size, SAMPLE_LAYERS), -EBADMSG);
    assert_int_equal(parse(&bytes, bytes.size, SAMPLE_LAYERS), 0);
    bfs_buffer_put_u8(&bytes, 0);
    assert_int_equal(parse(&bytes, bytes.size, SAMPLE_LAYERS), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_back_what_was_added),
        cmocka_unit_test(hostile_names_are_refused),
        cmocka_unit_test(escaping_links_are_refused),
        cmocka_unit_test(views_are_directories),
        cmocka_unit_test(links_stay_in_their_view),
        cmocka_unit_test(cycles_are_refused),
        cmocka_unit_test(counts_beyond_the_bytes_are_refused),
        cmocka_unit_test(every_bit_flip_is_refused_or_seen),
        cmocka_unit_test(every_truncation_and_extension_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
