/* SPDX-License-Identifier: Apache-2.0
 * What the daemon says of itself under .bundlefs, and how it follows the store. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/control.h"
#include "fs/dispatch.h"
#include "fs/watch.h"
#include "tests/fs/attributes.h"
#include "tests/fs/served.h"
#include "verify/json.h"

#include <pthread.h>

/* What the thread of the watch has come to. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned n_reloads; /* protected by mutex, like all below; trees that are in place */
static char last_line[1024];

int __real_bfs_links_refresh(struct bfs_fs *fs, const struct bfs_tree *before);
int __wrap_bfs_links_refresh(struct bfs_fs *fs, const struct bfs_tree *before);
int __wrap_bfs_links_refresh(struct bfs_fs *fs, const struct bfs_tree *before)
{
    int r = __real_bfs_links_refresh(fs, before);
    (void)pthread_mutex_lock(&mutex);
    n_reloads++;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&mutex);
    return r;
}

static void on_line(void *context, enum bfs_log_level level, const char *line)
{
    (void)context;
    (void)level;
    (void)pthread_mutex_lock(&mutex);
    (void)snprintf(last_line, sizeof(last_line), "%s", line);
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&mutex);
}

static void await_line(const char *part)
{
    (void)pthread_mutex_lock(&mutex);
    while (!strstr(last_line, part))
        (void)pthread_cond_wait(&changed, &mutex);
    (void)pthread_mutex_unlock(&mutex);
}

/* Until a tree has come into place in which `path` is. */
static void await_node(struct served *served, const char *path)
{
    for (;;) {
        (void)pthread_mutex_lock(&mutex);
        unsigned before = n_reloads;
        (void)pthread_mutex_unlock(&mutex);
        if (served_node(served, path))
            return;
        (void)pthread_mutex_lock(&mutex);
        while (n_reloads == before)
            (void)pthread_cond_wait(&changed, &mutex);
        (void)pthread_mutex_unlock(&mutex);
    }
}

static atomic_uint n_asked; /* the watch asks too */
bool __real_bfs_bundles_refusal(struct bfs_bundles *bundles, uint32_t slot,
                                char ret[static BFS_ERROR_TEXT_SIZE]);
bool __wrap_bfs_bundles_refusal(struct bfs_bundles *bundles, uint32_t slot,
                                char ret[static BFS_ERROR_TEXT_SIZE]);
bool __wrap_bfs_bundles_refusal(struct bfs_bundles *bundles, uint32_t slot,
                                char ret[static BFS_ERROR_TEXT_SIZE])
{
    n_asked++;
    return __real_bfs_bundles_refusal(bundles, slot, ret);
}

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

static void expect_status(struct served *served, const char *status)
{
    bfs_autojson struct json_object *health = control_document(served, BFS_CONTROL_HEALTH);
    assert_string_equal(bfs_json_string(health, "status"), status);
}

static uint64_t refused_now(struct served *served, unsigned *ret_asked)
{
    n_asked = 0;
    bfs_autojson struct json_object *health = control_document(served, BFS_CONTROL_HEALTH);
    bfs_autobuffer struct bfs_buffer metrics = BFS_BUFFER_INIT;
    assert_int_equal(bfs_control_write(served->fs, BFS_CONTROL_METRICS, &metrics), 0);
    *ret_asked = n_asked;
    return bfs_json_integer(health, "refused");
}

/* A scrape asks no bundle of a large catalogue, unless one was judged since the last. */
static void refusals_are_counted_when_they_change(void **state)
{
    (void)state;
    test_autoserved struct served served;
    served_make(&served);
    struct bfs_reply reply;
    unsigned asked;
    assert_int_equal(refused_now(&served, &asked), 0);
    assert_int_equal(asked, 1);
    assert_int_equal(refused_now(&served, &asked), 0);
    assert_int_equal(asked, 0);

    BFS_CLEANUP(bfs_bundle_cleanup)
    struct bfs_bundle *bundle = packed_open(&served.packed, "acme/tiny:1.0.0");
    bfs_autofree char *blob =
        bfs_store_blob_path(served.packed.store, bfs_bundle_config_digest(bundle));
    bfs_autofree char *away = test_path(&served.packed.folder, "away");
    assert_int_equal(rename(blob, away), 0);
    uint64_t node = served_node(&served, "acme/tiny/1.0.0");
    assert_int_equal(served_run(&served, bfs_op_opendir, node, "", 0, &reply), -EIO);
    assert_int_equal(refused_now(&served, &asked), 1);
    assert_int_equal(asked, 1);
    assert_int_equal(refused_now(&served, &asked), 1);
    assert_int_equal(asked, 0);
    /* The catalogue is another one, with the same bundle. */
    assert_int_equal(bfs_fs_reload(served.fs, NULL), 0);
    assert_int_equal(refused_now(&served, &asked), 1);
    assert_int_equal(asked, 1);
}

static void reload_and_watch(void **state)
{
    (void)state;
    test_autoserved struct served served;
    served_pack(&served, (const char *const[]){"acme/tiny:1.0.0"}, 1);
    served.options.poll_ms = 50;
    served.log = (struct bfs_log){.write = on_line};
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
    await_node(&served, "other/1");
    assert_int_equal(rename(index, aside), 0);
    await_line("; serving what was last known");
    expect_status(&served, "degraded");
    assert_true(served_node(&served, "other/1") != 0);
    assert_int_equal(rename(aside, index), 0);
    await_line("catalogue: readable again");
    expect_status(&served, "ok");
    assert_true(bfs_watch_stop(watch));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_daemon_says),   cmocka_unit_test(sizes_of_control_files),
        cmocka_unit_test(corrupt_chunks_degrade), cmocka_unit_test(what_is_refused),
        cmocka_unit_test(refusals_are_counted_when_they_change),
        cmocka_unit_test(reload_and_watch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
