/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/control.h"
#include "fs/lookups.h"
#include "fs/dispatch.h"
#include "fs/watch.h"
#include "tests/fs/fake_fuse.h"
#include "tests/fs/gate.h"
#include "tests/fs/listing.h"
#include "tests/fs/served.h"
#include "verify/json.h"

static struct json_object *control_document(struct served *served, enum bfs_control control)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    struct json_object *root = NULL;
    struct bfs_error error = {0};
    assert_int_equal(bfs_control_write(served->fs, control, &text), 0);
    if (bfs_json_parse(text.bytes, text.size, "it", &root, &error))
        fail_msg("%s: %s", bfs_control_name(control), error.what);
    return root;
}

static void attributes(struct served *served, const char *path, struct stat *ret)
{
    struct bfs_reply reply;
    uint64_t node = served_node(served, path);
    assert_true(node != 0);
    assert_int_equal(served_run(served, bfs_op_getattr, node, "", 0, &reply), 0);
    assert_int_equal(reply.kind, BFS_REPLY_ATTR);
    assert_true(reply.entry.attr.st_ino == bfs_lookups_ino(served->fs, node));
    *ret = reply.entry.attr;
}

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
        assert_int_equal(served_run(&served, bfs_op_readlink,
                                    served_node(&served, rows[i].path), "", 0, &reply), 0);
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

static int attribute(struct served *served, const char *path, const char *name, size_t size,
                     char ret[static 1025])
{
    struct bfs_reply reply;
    uint64_t node = served_node(served, path);
    int r = served_run(served, bfs_op_getxattr, node, name, size, &reply);
    size_t length = reply.bytes.size < 1024 ? reply.bytes.size : 1024;
    if (length)
        memcpy(ret, reply.bytes.bytes, length);
    ret[length] = '\0';
    if (r == 0 && size == 0)
        assert_int_equal(reply.kind, BFS_REPLY_COUNT);
    bfs_buffer_done(&reply.bytes);
    return r;
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

static void what_the_daemon_says(void **state)
{
    (void)state;
    test_autoserved struct served served;
    served_make(&served);
    bfs_autojson struct json_object *health = control_document(&served, BFS_CONTROL_HEALTH);
    bfs_autojson struct json_object *host = control_document(&served, BFS_CONTROL_HOST);
    bfs_autojson struct json_object *refused = control_document(&served, BFS_CONTROL_REFUSED);
    bfs_autojson struct json_object *session = control_document(&served, BFS_CONTROL_SESSION);
    assert_string_equal(bfs_json_string(session, "verify"), "always");
    assert_int_equal(bfs_json_integer(session, "workers"), 2);
    assert_string_equal(bfs_json_string(health, "status"), "ok");
    assert_int_equal(bfs_json_integer(health, "bundles"), 1);
    assert_int_equal(bfs_json_integer(health, "refused"), 0);
    assert_true(bfs_json_integer(bfs_json_member(host, "cpu"), "usable") >= 1);
    assert_int_equal(json_object_array_length(bfs_json_member(refused, "refused")), 0);
}

/* What stat promises is what the open that follows gives, and the next open gives news. */
static void sizes_of_control_files(void **state)
{
    (void)state;
    test_autoserved struct served served;
    served_make(&served);
    for (int i = 0; i < BFS_N_CONTROLS; i++) {
        char path[64];
        struct stat st;
        struct bfs_reply first, second;
        (void)snprintf(path, sizeof(path), ".bundlefs/%s", bfs_control_name((enum bfs_control)i));
        attributes(&served, path, &st);
        assert_true(st.st_size > 0);
        uint64_t node = served_node(&served, path);
        attributes(&served, path, &st);
        assert_int_equal(served_run(&served, bfs_op_open, node, "", 0, &first), 0);
        struct bfs_text *text = (struct bfs_text *)(uintptr_t)first.open.fh;
        bfs_metric_set(&served.fs->metrics, BFS_METRIC_READ_BYTES, UINT64_C(1) << (4 * i + 4));
        assert_int_equal(text->bytes.size, st.st_size);
        attributes(&served, path, &st);
        assert_int_equal(text->bytes.size, st.st_size);
        assert_int_equal(served_run(&served, bfs_op_open, node, "", 0, &second), 0);
        struct bfs_text *news = (struct bfs_text *)(uintptr_t)second.open.fh;
        assert_true(news != text);
        attributes(&served, path, &st);
        assert_int_equal(news->bytes.size, st.st_size);
        if (i == BFS_CONTROL_METRICS || i == BFS_CONTROL_OPENMETRICS)
            assert_true(news->bytes.size > text->bytes.size);
        bfs_release_file(served.fs, node, first.open.fh);
        bfs_release_file(served.fs, node, second.open.fh);
    }
}

static void corrupt_chunks_degrade(void **state)
{
    (void)state;
    test_autoserved struct served served;
    served_make(&served);
    bfs_metric_add(&served.fs->metrics, BFS_METRIC_CORRUPT_CHUNKS, 1);
    bfs_autojson struct json_object *health = control_document(&served, BFS_CONTROL_HEALTH);
    assert_string_equal(bfs_json_string(health, "status"), "degraded");
    assert_non_null(strstr(bfs_json_string(health, "reason"), "1 reads of corrupt chunks"));
}

/* Names and reasons come from outside, are cut, and must still make a document. */
static void what_is_refused(void **state)
{
    (void)state;
    test_autoserved struct served served;
    served_make(&served);
    struct bfs_reply reply;
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    bfs_autofree uint8_t *before = NULL;
    size_t size;
    assert_int_equal(
        bfs_read_file(bfs_store_index_path(served.packed.store), 1 << 20, &before, &size, NULL), 0);
    char *manifests = strstr((char *)before, "\"manifests\"");
    assert_non_null(manifests);
    char *bracket = strchr(manifests, '[');
    bfs_buffer_put(&text, before, (size_t)(bracket - (char *)before) + 1);
    for (unsigned shift = 0; shift < 4; shift++) {
        bfs_buffer_printf(&text,
                          "{\"mediaType\": \"application/vnd.oci.image.manifest.v1+json\","
                          "\"digest\": \"sha256:%064x\", \"size\": 100, \"annotations\": {"
                          "\"org.opencontainers.image.ref.name\": \"%.*s",
                          shift + 1, (int)shift, "xxx");
        for (unsigned i = 0; i < 300; i++)
            bfs_buffer_put_text(&text, "\xe2\x82\xac");
        bfs_buffer_put_text(&text, "\\n\\u0007\"}},");
    }
    bfs_buffer_put_text(&text, bracket + 1);
    test_write_file(&served.packed.folder, "store/index.json", text.bytes, text.size);
    assert_int_equal(bfs_fs_reload(served.fs, NULL), 0);
    bfs_autofree char *blob = NULL;
    BFS_CLEANUP(bfs_bundle_cleanup)
    struct bfs_bundle *bundle = packed_open(&served.packed, "acme/tiny:1.0.0");
    blob = bfs_store_blob_path(served.packed.store, bfs_bundle_config_digest(bundle));
    assert_int_equal(unlink(blob), 0);
    uint64_t node = served_node(&served, "acme/tiny/1.0.0");
    assert_true(node != 0); /* it still has a place */
    assert_int_equal(served_run(&served, bfs_op_opendir, node, "", 0, &reply), -EIO);
    bfs_autojson struct json_object *refused = control_document(&served, BFS_CONTROL_REFUSED);
    struct json_object *all = bfs_json_member(refused, "refused");
    assert_int_equal(json_object_array_length(all), 5);
    assert_string_equal(bfs_json_string(json_object_array_get_idx(all, 4), "name"),
                        "acme/tiny:1.0.0");
    bfs_autojson struct json_object *health = control_document(&served, BFS_CONTROL_HEALTH);
    assert_int_equal(bfs_json_integer(health, "refused"), 5);
    char reason[1025];
    assert_int_equal(attribute(&served, "acme/tiny/1.0.0", "user.bundlefs.refused", 1024, reason),
                     0);
    assert_string_equal(reason, bfs_json_string(json_object_array_get_idx(all, 4), "reason"));
}

static void reload_and_watch(void **state)
{
    (void)state;
    test_autoserved struct served served;
    served_pack(&served, (const char *const[]){"acme/tiny:1.0.0"}, 1);
    served.options.poll_ms = 50;
    served_start(&served);
    struct bfs_pack_report report;
    uint64_t old_link = served_node(&served, "acme/tiny/latest");
    uint64_t old_bundle = served_node(&served, "acme/tiny/1.0.0");
    assert_int_equal(
        packed_pack(&served.packed, "acme/tiny:1.1.0", (struct bfs_pack_options){0}, &report), 0);
    assert_int_equal(served_node(&served, "acme/tiny/1.1.0"), 0);
    assert_int_equal(bfs_fs_reload(served.fs, NULL), 0);
    assert_true(served_node(&served, "acme/tiny/1.1.0") != 0);
    assert_true(served_node(&served, "acme/tiny/latest") != old_link);
    assert_int_equal(served_node(&served, "acme/tiny/1.0.0"), old_bundle);

    struct bfs_watch *watch = NULL;
    bfs_autofree char *index = test_path(&served.packed.folder, "store/index.json");
    bfs_autofree char *aside = test_path(&served.packed.folder, "aside");
    assert_int_equal(bfs_watch_start(served.fs, &watch), 0);
    assert_int_equal(packed_pack(&served.packed, "other:1", (struct bfs_pack_options){0}, &report),
                     0);
    for (unsigned i = 0; i < 2000 && !served_node(&served, "other/1"); i++)
        (void)usleep(10000);
    assert_true(served_node(&served, "other/1") != 0);
    assert_int_equal(rename(index, aside), 0);
    const char *status = "ok";
    for (unsigned i = 0; i < 2000 && strcmp(status, "ok") == 0; i++) {
        (void)usleep(10000);
        bfs_autojson struct json_object *health = control_document(&served, BFS_CONTROL_HEALTH);
        status = strcmp(bfs_json_string(health, "status"), "ok") == 0 ? "ok" : "degraded";
    }
    assert_string_equal(status, "degraded");
    assert_true(served_node(&served, "other/1") != 0); /* what was last known */
    assert_int_equal(rename(aside, index), 0);
    for (unsigned i = 0; i < 2000 && strcmp(status, "degraded") == 0; i++) {
        (void)usleep(10000);
        bfs_autojson struct json_object *health = control_document(&served, BFS_CONTROL_HEALTH);
        status = strcmp(bfs_json_string(health, "status"), "ok") == 0 ? "ok" : "degraded";
    }
    assert_string_equal(status, "ok");
    assert_true(bfs_watch_stop(watch));
}

/* However many look into a bundle that is slow, one worker waits for it. */
static void a_slow_bundle_takes_one_worker(void **state)
{
    (void)state;
    enum { N = 5 };
    test_autoserved struct served served;
    served_pack(&served, (const char *const[]){"a:1", "b:1"}, 2);
    served_start(&served);
    assert_int_equal(bfs_pool_n_workers(served.fs->pool), 2);
    uint64_t one = served_node(&served, "a"), other = served_node(&served, "b");
    struct fake_request requests[N];
    gate_close();
    for (unsigned i = 0; i < N; i++) {
        fake_request_init(&requests[i], served.fs);
        bfs_fuse_ops.lookup(fake_handle(&requests[i]), i + 1 < N ? one : other, "1");
    }
    gate_await(2); /* so the other one has been reached */
    assert_int_equal(bfs_pool_queued(served.fs->pool), 0);
    gate_open();
    for (unsigned i = 0; i < N; i++) {
        assert_true(fake_wait(&requests[i], 20000));
        assert_int_equal(requests[i].error, 0);
        assert_int_equal(requests[i].entry.ino == requests[0].entry.ino, i + 1 < N);
        fake_request_done(&requests[i]);
    }
    assert_int_equal(bfs_metric_get(&served.fs->metrics, BFS_METRIC_BUNDLES_LOADED), 2);
}

/* Those who wait in line when the end comes are answered too. */
static void the_end_comes_while_some_wait(void **state)
{
    (void)state;
    enum { N = 3 };
    struct served served;
    served_make(&served);
    uint64_t directory = served_node(&served, "acme/tiny");
    struct fake_request requests[N];
    gate_close();
    for (unsigned i = 0; i < N; i++) {
        fake_request_init(&requests[i], served.fs);
        bfs_fuse_ops.lookup(fake_handle(&requests[i]), directory, "1.0.0");
    }
    gate_await(1);
    gate_open();
    served_done(&served);
    for (unsigned i = 0; i < N; i++) {
        assert_int_equal(fake_n_replies(&requests[i]), 1);
        fake_request_done(&requests[i]);
    }
}

/* As from the kernel: answered once, from a worker when the store must be read. */
static void requests(void **state)
{
    (void)state;
    test_autoserved struct served served;
    served_pack(&served, (const char *const[]){"acme/tiny:1.0.0"}, 1);
    served.options.timeout = 1;
    served_start(&served);
    struct fake_request request;
    uint64_t directory = served_node(&served, "acme/tiny");
    gate_close();
    fake_request_init(&request, served.fs);
    bfs_fuse_ops.lookup(fake_handle(&request), directory, "1.0.0");
    gate_await(1);
    assert_int_equal(fake_n_replies(&request), 0);
    struct fake_request other;
    fake_request_init(&other, served.fs);
    bfs_fuse_ops.lookup(fake_handle(&other), directory, "latest"); /* goes on meanwhile */
    assert_int_equal(fake_n_replies(&other), 1);
    fake_request_done(&other);
    assert_true(fake_wait(&request, 20000));
    assert_int_equal(request.error, EIO); /* its deadline */
    gate_open();

    fake_request_init(&other, served.fs);
    bfs_fuse_ops.lookup(fake_handle(&other), directory, "1.0.0");
    assert_true(fake_wait(&other, 20000));
    assert_int_equal(other.error, 0);
    uint64_t bundle = other.entry.ino;
    fake_request_done(&other);
    assert_int_equal(fake_n_replies(&request), 1);
    fake_request_done(&request);

    uint64_t node = served_node(&served, "acme/tiny/1.0.0/config.json");
    struct fuse_file_info info = {.flags = O_RDWR};
    fake_request_init(&request, served.fs);
    bfs_fuse_ops.open(fake_handle(&request), node, &info);
    assert_int_equal(request.error, EROFS);
    fake_request_done(&request);

    /* An open that the kernel has given up on leaves nothing behind. */
    info.flags = O_RDONLY;
    fake_request_init(&request, served.fs);
    request.undeliverable = true;
    bfs_fuse_ops.open(fake_handle(&request), node, &info);
    assert_true(fake_wait(&request, 20000));
    fake_request_done(&request);
    for (unsigned i = 0;
         i < 20000 && bfs_metric_get(&served.fs->metrics, BFS_METRIC_OPEN_FILES) != 0; i++)
        (void)usleep(1000);
    assert_int_equal(bfs_metric_get(&served.fs->metrics, BFS_METRIC_OPEN_FILES), 0);
    fake_request_init(&request, served.fs);
    bfs_fuse_ops.opendir(fake_handle(&request), bundle, &info);
    assert_int_equal(request.error, ENOSYS); /* the kernel need not ask */
    fake_request_done(&request);
    served.fs->needs_opendir = true;
    fake_request_init(&request, served.fs);
    bfs_fuse_ops.opendir(fake_handle(&request), bundle, &info);
    assert_true(fake_wait(&request, 20000));
    assert_int_equal(request.error, 0);
    assert_true(request.open.cache_readdir);
    fake_request_done(&request);

    fake_request_init(&request, served.fs);
    bfs_fuse_ops.open(fake_handle(&request), served_node(&served, "acme/tiny/1.0.0/SHA256SUMS"),
                      &info);
    assert_true(fake_wait(&request, 20000));
    info.fh = request.open.fh;
    fake_request_done(&request);
    uint64_t sums = served_node(&served, "acme/tiny/1.0.0/SHA256SUMS");
    struct stat st;
    attributes(&served, "acme/tiny/1.0.0/SHA256SUMS", &st);
    static const struct {
        off_t offset;
        size_t size;
    } reads[] = {{0, 1 << 20}, {10, 10}, {1 << 30, 10}};
    for (unsigned i = 0; i < 3; i++) {
        fake_request_init(&request, served.fs);
        bfs_fuse_ops.read(fake_handle(&request), sums, reads[i].size, reads[i].offset, &info);
        assert_int_equal(fake_n_replies(&request), 1);
        assert_int_equal(request.bytes.size, i == 0 ? (size_t)st.st_size : i == 1 ? 10 : 0);
        fake_request_done(&request);
    }
    fake_request_init(&request, served.fs);
    bfs_fuse_ops.release(fake_handle(&request), sums, &info);
    assert_int_equal(fake_n_replies(&request), 1);
    fake_request_done(&request);

    char name[300];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    fake_request_init(&request, served.fs);
    bfs_fuse_ops.lookup(fake_handle(&request), bundle, name);
    assert_int_equal(request.error, ENAMETOOLONG);
    fake_request_done(&request);
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
        cmocka_unit_test(what_the_daemon_says),
        cmocka_unit_test(sizes_of_control_files),
        cmocka_unit_test(corrupt_chunks_degrade),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(reload_and_watch),
        cmocka_unit_test(a_slow_bundle_takes_one_worker),
        cmocka_unit_test(the_end_comes_while_some_wait),
        cmocka_unit_test(requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
