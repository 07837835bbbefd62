/* SPDX-License-Identifier: Apache-2.0
 * Names, attributes, links and listings. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/watch.h"
#include "tests/fs/attributes.h"
#include "tests/fs/fake_fuse.h"
#include "tests/fs/gate.h"
#include "tests/fs/listing.h"
#include "tests/fs/served.h"

static void names_and_attributes(void **state)
{
    (void)state;
    test_autoserved struct served served;
    served_make(&served);
    struct stat st;
    static const struct {
        const char *path;
        mode_t type;
    } paths[] = {{"acme", S_IFDIR},
                 {"acme/tiny", S_IFDIR},
                 {"acme/tiny/latest", S_IFLNK},
                 {"acme/tiny/1.0.0", S_IFDIR},
                 {"acme/tiny/1.0.0/sub", S_IFDIR},
                 {"acme/tiny/1.0.0/sub/notes.txt", S_IFREG},
                 {"acme/tiny/1.0.0/link", S_IFLNK},
                 {"acme/tiny/1.0.0/nothing", S_IFREG},
                 {"acme/tiny/1.0.0/manifest.json", S_IFREG},
                 {"acme/tiny/1.0.0/SHA256SUMS", S_IFREG},
                 {".bundlefs", S_IFDIR},
                 {".bundlefs/metrics", S_IFREG},
                 {".bundlefs/refused.json", S_IFREG}};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        attributes(&served, paths[i].path, &st);
        assert_int_equal(st.st_mode & S_IFMT, paths[i].type);
        assert_int_equal(st.st_blksize, 4096);
        if (paths[i].type == S_IFREG)
            assert_int_equal(st.st_mode & 0222, st.st_mode & 0200); /* as packed at most */
    }
    attributes(&served, "acme/tiny/1.0.0/model.safetensors", &st);
    bfs_autofree char *path = test_path(&served.packed.folder, "model/model.safetensors");
    struct stat packed;
    assert_int_equal(stat(path, &packed), 0);
    assert_int_equal(st.st_size, packed.st_size);
    assert_int_equal(st.st_mtim.tv_sec, packed.st_mtim.tv_sec);
    attributes(&served, "acme/tiny/1.0.0/nothing", &st);
    assert_int_equal(st.st_size, 0);
    static const char *const missing[] = {"x",
                                          "acme/x",
                                          "acme/tiny/2.0.0",
                                          "acme/tiny/1.0.0/x",
                                          ".bundlefs/x",
                                          ".bundlef",
                                          "bundlefs",
                                          "acme/tiny/1.0.0/sub/x",
                                          "acme/tiny/.bundlefs",
                                          "acme/tin",
                                          "acme/tiny1",
                                          "acme/tiny/1.0.0/sub/SHA256SUMS"};
    for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++)
        assert_int_equal(served_node(&served, missing[i]), 0);
    assert_int_equal(bfs_metric_get(&served.fs->metrics, BFS_METRIC_CHUNKS_DECODED), 0);
}

static void links(void **state)
{
    (void)state;
    test_autoserved struct served served;
    served_make(&served);
    static const struct {
        const char *path, *target;
    } rows[] = {{"acme/tiny/latest", "1.0.0"}, {"acme/tiny/1.0.0/link", "sub/notes.txt"}};
    struct bfs_reply reply;
    for (size_t i = 0; i < 2; i++) {
        struct stat st;
        attributes(&served, rows[i].path, &st);
        assert_int_equal(st.st_size, strlen(rows[i].target));
        assert_int_equal(
            served_run(&served, bfs_op_readlink, served_node(&served, rows[i].path), "", 0, &reply),
            0);
        assert_int_equal(reply.bytes.size, strlen(rows[i].target));
        assert_memory_equal(reply.bytes.bytes, rows[i].target, reply.bytes.size);
        bfs_buffer_done(&reply.bytes);
    }
    assert_int_equal(
        served_run(&served, bfs_op_readlink, served_node(&served, "acme"), "", 0, &reply), -EINVAL);
    assert_int_equal(served_run(&served, bfs_op_readlink, 99999, "", 0, &reply), -ENOENT);
    assert_int_equal(served_run(&served, bfs_op_readlink,
                                served_node(&served, "acme/tiny/1.0.0/nothing"), "", 0, &reply),
                     -EINVAL);
}

static void listings(void **state)
{
    (void)state;
    static const struct {
        const char *path, *names;
    } rows[] = {
        {"", ". .. acme .bundlefs "},
        {"acme", ". .. tiny "},
        {"acme/tiny", ". .. 1.0.0 latest "},
        {"acme/tiny/1.0.0",
         ". .. config.json contract.json empty hole.bin link model.safetensors nothing sub "
         "SHA256SUMS manifest.json "},
        {"acme/tiny/1.0.0/sub", ". .. notes.txt "},
        {"acme/tiny/1.0.0/empty", ". .. "},
        {".bundlefs", ". .. metrics health.json host.json refused.json session.json "
                      "metrics.openmetrics "},
    };
    test_autoserved struct served served;
    served_make(&served);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        static const size_t sizes[] = {4096, 200, 180};
        for (size_t k = 0; k < 3; k++) {
            char names[512] = "", names_plus[512] = "";
            listing_put(&served, rows[i].path, sizes[k], false, names);
            listing_put(&served, rows[i].path, sizes[k], true, names_plus);
            assert_string_equal(names, rows[i].names);
            assert_string_equal(names_plus, rows[i].names);
        }
    }
}

/* Names of one page of a listing, and where the next one starts. */
static void page_of(struct served *served, uint64_t node, off_t *offset, char ret[static 256])
{
    struct bfs_reply page = {0};
    struct bfs_op op = {.node = node, .size = 80, .offset = *offset};
    assert_int_equal(bfs_op_readdir(served->fs, &op, true, &page), 0);
    ret[0] = '\0';
    for (size_t at = 0; at < page.bytes.size;) {
        struct raw_dirent dirent;
        memcpy(&dirent, page.bytes.bytes + at, sizeof(dirent));
        (void)strncat(ret, (const char *)page.bytes.bytes + at + sizeof(dirent),
                      dirent.name_length);
        (void)strcat(ret, " ");
        *offset = (off_t)dirent.off;
        at += (sizeof(dirent) + dirent.name_length + 7) & ~(size_t)7;
    }
    bfs_buffer_done(&page.bytes);
}

/* A listing goes on after the name that it showed last, whatever came or went meanwhile. */
static void a_listing_goes_on_when_the_catalogue_changes(void **state)
{
    (void)state;
    test_autoserved struct served served;
    served_pack(&served, (const char *const[]){"m/b:1", "m/b:3", "m/d:1"}, 3);
    served_start(&served);
    uint64_t models = served_node(&served, "m"), versions = served_node(&served, "m/b");
    char names[256];
    off_t in_models = 2, in_versions = 2;
    page_of(&served, versions, &in_versions, names);
    assert_string_equal(names, "1 3 ");
    page_of(&served, models, &in_models, names);
    assert_string_equal(names, "b d ");
    in_models = (off_t)served_node(&served, "m/b");
    in_versions = (off_t)served_node(&served, "m/b/1");

    struct bfs_pack_report report;
    static const char *const fresh[] = {"m/a:1", "m/c:1", "m/b:0", "m/b:2"};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(packed_pack(&served.packed, fresh[i],
                                     (struct bfs_pack_options){.source_date_epoch = -1}, &report),
                         0);
    struct bfs_reference gone;
    assert_int_equal(bfs_reference_parse("m/b:1", &gone, NULL), 0);
    assert_int_equal(bfs_catalog_remove(served.packed.store, &gone, NULL), 0);
    assert_int_equal(bfs_fs_reload(served.fs, NULL), 0);
    page_of(&served, versions, &in_versions, names);
    assert_string_equal(names, "2 3 ");
    page_of(&served, models, &in_models, names);
    assert_string_equal(names, "c d ");
    page_of(&served, models, &in_models, names);
    assert_string_equal(names, "");
    /* Where an offset that was never given lies, nobody knows. */
    struct bfs_reply reply = {0};
    struct bfs_op op = {.node = models, .size = 80, .offset = 4711};
    assert_int_equal(bfs_op_readdir(served.fs, &op, true, &reply), -ESTALE);
    off_t whole = 0;
    page_of(&served, versions, &whole, names);
    assert_string_equal(names, ". .. ");
    page_of(&served, versions, &whole, names);
    assert_string_equal(names, "0 2 ");
}

static void an_empty_store(void **state)
{
    (void)state;
    test_autoserved struct served served;
    served_pack(&served, NULL, 0);
    served_start(&served);
    char names[64] = "";
    listing_put(&served, "", 4096, false, names);
    assert_string_equal(names, ". .. .bundlefs ");
    struct bfs_reply reply;
    assert_int_equal(served_run(&served, bfs_op_statfs, BFS_NODE_ROOT, "", 0, &reply), 0);
    assert_int_equal(reply.statfs.f_blocks, 0);
}

static void extended_attributes(void **state)
{
    (void)state;
    static const char file[] = "acme/tiny/1.0.0/model.safetensors";
    test_autoserved struct served served;
    served_make(&served);
    char value[1025], expected[BFS_DIGEST_TEXT_SIZE];
    size_t size;
    bfs_autofree uint8_t *source = served_source(&served, "model.safetensors", &size);
    struct bfs_digest digest;
    assert_int_equal(bfs_sha256(source, size, &digest), 0);
    assert_int_equal(attribute(&served, file, "user.bundlefs.digest", 1024, value), 0);
    assert_string_equal(value, bfs_digest_text(&digest, expected));
    assert_int_equal(attribute(&served, file, "user.bundlefs.digest", 10, value), -ERANGE);
    assert_int_equal(attribute(&served, file, "user.bundlefs.digest", 0, value), 0);
    assert_int_equal(attribute(&served, file, "user.bundlefs.stored", 1024, value), 0);
    assert_in_range(strtoull(value, NULL, 10), 1, size);
    assert_int_equal(attribute(&served, file, "user.bundlefs.resident", 1024, value), 0);
    assert_string_equal(value, "0");
    assert_int_equal(attribute(&served, file, "user.bundlefs.refused", 1024, value), -ENODATA);
    assert_int_equal(attribute(&served, file, "user.bundlefs.nothing", 1024, value), -ENODATA);
    assert_int_equal(attribute(&served, file, "security.capability", 1024, value), -ENODATA);
    assert_int_equal(attribute(&served, "acme", "user.bundlefs.bundle", 1024, value), -ENODATA);
    assert_int_equal(attribute(&served, "acme/tiny/1.0.0", "user.bundlefs.bundle", 1024, value), 0);
    assert_int_equal(strlen(value), BFS_DIGEST_TEXT_SIZE - 1);

    struct bfs_open_file *open = served_open(&served, file);
    struct fake_request request;
    fake_request_init(&request, served.fs);
    bfs_reads_start(served.fs->reads, fake_handle(&request), open, 0, size, true);
    assert_true(fake_wait(&request, 20000));
    fake_request_done(&request);
    bfs_files_unref(served.fs->files, open);
    assert_int_equal(attribute(&served, file, "user.bundlefs.resident", 1024, value), 0);
    assert_int_equal(strtoull(value, NULL, 10), size);
}

static void listing_attributes_reads_no_table(void **state)
{
    (void)state;
    test_autoserved struct served served;
    served_make(&served);
    struct bfs_reply reply;
    uint64_t node = served_node(&served, "acme/tiny/1.0.0/model.safetensors");
    (void)gate_count();
    assert_int_equal(served_run(&served, bfs_op_listxattr, node, "", 1024, &reply), 0);
    assert_int_equal(gate_count(), 0);
    static const char names[] = "user.bundlefs.bundle\0user.bundlefs.digest\0"
                                "user.bundlefs.resident\0user.bundlefs.stored";
    assert_int_equal(reply.bytes.size, sizeof(names));
    assert_memory_equal(reply.bytes.bytes, names, sizeof(names));
    bfs_buffer_done(&reply.bytes);
    assert_int_equal(served_run(&served, bfs_op_listxattr, node, "", 10, &reply), -ERANGE);
    bfs_buffer_done(&reply.bytes);
    assert_int_equal(served_run(&served, bfs_op_listxattr, node, "", 0, &reply), 0);
    assert_int_equal(reply.count, sizeof(names));
    bfs_buffer_done(&reply.bytes);
    assert_int_equal(served_run(&served, bfs_op_listxattr, BFS_NODE_ROOT, "", 0, &reply), 0);
    assert_int_equal(reply.count, 0);
}

static void sizes_of_the_store(void **state)
{
    (void)state;
    test_autoserved struct served served;
    served_make(&served);
    struct bfs_reply reply;
    struct bfs_op op = {.node = BFS_NODE_ROOT};
    reply = (struct bfs_reply){0};
    assert_int_equal(bfs_op_statfs(served.fs, &op, false, &reply), -EWOULDBLOCK);
    assert_int_equal(bfs_op_statfs(served.fs, &op, true, &reply), 0);
    assert_int_equal(bfs_op_statfs(served.fs, &op, false, &reply), 0);
    uint64_t logical = reply.statfs.f_blocks * reply.statfs.f_frsize;
    assert_in_range(logical, 11 << 20, 13 << 20);
    assert_in_range(reply.statfs.f_bfree * reply.statfs.f_frsize, 9 << 20, logical);
    assert_int_equal(reply.statfs.f_bavail, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_attributes),
        cmocka_unit_test(links),
        cmocka_unit_test(listings),
        cmocka_unit_test(a_listing_goes_on_when_the_catalogue_changes),
        cmocka_unit_test(an_empty_store),
        cmocka_unit_test(extended_attributes),
        cmocka_unit_test(listing_attributes_reads_no_table),
        cmocka_unit_test(sizes_of_the_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
