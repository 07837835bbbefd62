/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/store/oci.h"

#include <errno.h>
#include <string.h>

static void sample(struct bfs_buffer *ret)
{
    struct bfs_descriptor layers[2] = {{.media_type = BFS_MEDIA_INDEX, .size = 100},
                                       {.media_type = BFS_MEDIA_DATA, .size = 200}};
    struct bfs_oci_manifest manifest = {
        .config = {.media_type = BFS_MEDIA_CONFIG, .size = 50}, .layers = layers, .n_layers = 2};
    assert_int_equal(bfs_oci_manifest_write(&manifest, "2026-01-31T12:00:00Z", ret), 0);
    bfs_buffer_put_u8(ret, 0);
}

static int parse_changed(const char *from, const char *to)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    bfs_autobuffer struct bfs_buffer changed = BFS_BUFFER_INIT;
    bfs_automanifest struct bfs_oci_manifest manifest = {0};
    struct bfs_error error = {0};
    sample(&text);
    const char *all = (const char *)text.bytes, *at = strstr(all, from);
    assert_non_null(at);
    bfs_buffer_put(&changed, all, (size_t)(at - all));
    bfs_buffer_put_text(&changed, to);
    bfs_buffer_put_text(&changed, at + strlen(from));
    assert_int_equal(bfs_buffer_status(&changed), 0);
    int r = bfs_oci_manifest_parse(changed.bytes, changed.size, &manifest, &error);
    assert_int_equal(error.code, r);
    if (r)
        assert_null(manifest.layers);
    return r;
}

static void reads_what_it_wrote(void **state)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    bfs_automanifest struct bfs_oci_manifest manifest = {0};
    (void)state;
    sample(&text);
    assert_int_equal(bfs_oci_manifest_parse(text.bytes, text.size - 1, &manifest, NULL), 0);
    assert_int_equal(manifest.n_layers, 2);
    assert_int_equal(manifest.config.size, 50);
    assert_string_equal(manifest.layers[1].media_type, BFS_MEDIA_DATA);
    assert_int_equal(manifest.layers[1].size, 200);
}

static void mutations_have_their_errors(void **state)
{
    static const struct {
        const char *from, *to;
        int code;
    } cases[] = {
        {"\"size\": 50", "\"size\": 51", 0},
        {"\"schemaVersion\": 2", "\"schemaVersion\": 2, \"subject\": {}", 0}, /* others' fields */
        {"\"schemaVersion\": 2", "\"schemaVersion\": 3", -EPROTONOSUPPORT},
        {"\"schemaVersion\": 2", "\"schemaVersion\": \"2\"", -EBADMSG},
        {"\"schemaVersion\": 2", "\"schemaVersion\": 2, \"schemaVersion\": 2", -EBADMSG},
        {BFS_MEDIA_BUNDLE, "application/vnd.other", -EINVAL},
        {"\"artifactType\"", "\"artifactKind\"", -EINVAL},
        {BFS_MEDIA_CONFIG, "application/vnd.other", -EPROTONOSUPPORT},
        {BFS_MEDIA_INDEX, BFS_MEDIA_DATA, -EBADMSG},
        {BFS_MEDIA_DATA, "application/vnd.other", -EBADMSG},
        {BFS_MEDIA_DATA, BFS_MEDIA_INDEX, -EBADMSG},
        {BFS_MEDIA_DATA, BFS_MEDIA_TRACE, 0}, /* the last one */
        {BFS_MEDIA_INDEX, BFS_MEDIA_TRACE, -EBADMSG},
        {"sha256:", "sha512:", -EPROTONOSUPPORT},
        {"sha256:0", "sha256:", -EPROTONOSUPPORT},
        {"\"size\": 50", "\"size\": -50", -EBADMSG},
        {"\"size\": 50", "\"size\": 5e1", -EBADMSG},
        {"\"size\": 50", "\"sizes\": 50", -EBADMSG},
        {"\"layers\": [", "\"layers\": [[], ", -EBADMSG},
        {"\"config\": {", "\"config\": 7, \"was\": {", -EBADMSG},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int r = parse_changed(cases[i].from, cases[i].to);
        if (r != cases[i].code)
            fail_msg("%s -> %s: %d, not %d", cases[i].from, cases[i].to, r, cases[i].code);
    }
}

static void a_manifest_without_layers_is_refused(void **state)
{
    static const char text[] =
        "{\"schemaVersion\": 2, \"artifactType\": \"" BFS_MEDIA_BUNDLE
        "\", \"config\": {\"mediaType\": \"" BFS_MEDIA_CONFIG "\", \"size\": 1, \"digest\": "
        "\"sha256:0000000000000000000000000000000000000000000000000000000000000000\"}, "
        "\"layers\": []}";
    struct bfs_oci_manifest manifest = {0};
    (void)state;
    assert_int_equal(bfs_oci_manifest_parse(text, strlen(text), &manifest, NULL), -EBADMSG);
}

static void every_truncation_is_refused(void **state)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    (void)state;
    sample(&text);
    for (size_t size = 0; size + 2 < text.size; size++) {
        struct bfs_oci_manifest manifest = {0};
        assert_int_equal(bfs_oci_manifest_parse(text.bytes, size, &manifest, NULL), -EBADMSG);
    }
}

/* A flip inside a word, a number or a digest may give another legal manifest; nothing else may. */
static void every_bit_flip_is_survived(void **state)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    size_t n_accepted = 0, n_refused = 0;
    (void)state;
    sample(&text);
    size_t size = text.size - 1;
    for (size_t bit = 0; bit < size * 8; bit++) {
        bfs_automanifest struct bfs_oci_manifest manifest = {0};
        struct bfs_error error = {0};
        text.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        int r = bfs_oci_manifest_parse(text.bytes, size, &manifest, &error);
        text.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(error.code, r);
        if (r == 0)
            n_accepted++;
        else if (r == -EBADMSG || r == -EPROTONOSUPPORT || r == -EINVAL)
            n_refused++;
        else
            fail_msg("bit %zu: %d", bit, r);
    }
    assert_int_equal(n_accepted + n_refused, size * 8);
    assert_true(n_refused > n_accepted && n_accepted > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_it_wrote),
        cmocka_unit_test(mutations_have_their_errors),
        cmocka_unit_test(a_manifest_without_layers_is_refused),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_bit_flip_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
