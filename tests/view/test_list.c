/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "accel/view/views_read.h"

#include <errno.h>
#include <string.h>

static int parse(const char *text, struct bfs_view_ids *ids)
{
    struct bfs_error error = {0};
    int r = bfs_view_ids_parse(text, strlen(text), ids, &error);
    assert_int_equal(error.code, r);
    if (r)
        assert_non_null(strstr(error.what, "bundle.json"));
    return r;
}

static void lists_are_joined_and_sorted(void **state)
{
    struct bfs_view_ids ids = {.n = 0};
    (void)state;
    assert_int_equal(bfs_view_ids_add(&ids, "npu-int8", NULL, NULL), 0);
    assert_int_equal(bfs_view_ids_add(&ids, "npu-int8", NULL, NULL), 0);
    assert_int_equal(
        parse("{\"schema_version\":\"1.0\",\"views\":[\"gpu-f16\",\"npu-int8\",\"cpu-f32\"]}",
              &ids),
        0);
    bfs_view_ids_sort(&ids);
    assert_int_equal(ids.n, 3);
    assert_string_equal(ids.profiles[0]->id, "cpu-f32");
    assert_string_equal(ids.profiles[1]->id, "gpu-f16");
    assert_string_equal(ids.profiles[2]->id, "npu-int8");
}

static void what_is_no_list_is_refused(void **state)
{
    static const struct {
        const char *text;
        int code;
    } rows[] = {
        {"", -EBADMSG},
        {"[]", -EBADMSG},
        {"{\"views\":[]}", -EBADMSG},
        {"{\"schema_version\":\"1.0\"}", -EBADMSG},
        {"{\"schema_version\":\"1.1\",\"views\":[]}", -EPROTONOSUPPORT},
        {"{\"schema_version\":\"1.0\",\"views\":[],\"x\":1}", -EBADMSG},
        {"{\"schema_version\":\"1.0\",\"views\":[1]}", -EBADMSG},
        {"{\"schema_version\":\"1.0\",\"views\":\"cpu-f32\"}", -EBADMSG},
        {"{\"schema_version\":\"1.0\",\"views\":[\"cpu-f32\",\"cpu-f32\"]}", -EBADMSG},
        {"{\"schema_version\":\"1.0\",\"views\":[\"auto\"]}", -EINVAL},
        {"{\"schema_version\":\"1.0\",\"views\":[\"gpu-f16\",\"\"]}", -EINVAL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bfs_view_ids ids = {.n = 0};
        assert_int_equal(parse(rows[i].text, &ids), rows[i].code);
        assert_int_equal(ids.n, 0);
    }
}

/* No text that differs in one bit, or ends early, lists the same or other views. */
static void mutants_are_refused(void **state)
{
    static const char text[] = "{\"schema_version\":\"1.0\",\"views\":[\"gpu-fp8\",\"amx-bf16\"]}";
    struct bfs_view_ids ids = {.n = 0};
    size_t n_mutants = 0;
    (void)state;
    assert_int_equal(bfs_view_ids_parse(text, sizeof(text) - 1, &ids, NULL), 0);
    assert_int_equal(ids.n, 2);
    for (size_t bit = 0; bit < (sizeof(text) - 1) * 9; bit++) {
        char mutant[sizeof(text)];
        size_t size = sizeof(text) - 1;
        ids.n = 0;
        memcpy(mutant, text, sizeof(text));
        if (bit < size * 8)
            mutant[bit / 8] = (char)(mutant[bit / 8] ^ (1 << bit % 8));
        else
            size = bit - size * 8;
        if (bfs_view_ids_parse(mutant, size, &ids, NULL) == 0)
            fail_msg("bit %zu: \"%.*s\" is accepted", bit, (int)size, mutant);
        assert_int_equal(ids.n, 0);
        n_mutants++;
    }
    assert_int_equal(n_mutants, (sizeof(text) - 1) * 9);
}

static void profiles_are_sound(void **state)
{
    const struct bfs_profile *profile;
    unsigned n = 0;
    (void)state;
    for (; (profile = bfs_profile_at(n)); n++) {
        assert_true(bfs_view_id_is_valid(profile->id));
        assert_ptr_equal(bfs_profile_find(profile->id), profile); /* no id twice */
        assert_non_null(profile->dtype);
        assert_non_null(profile->plan);
        assert_true(profile->key.layout_version >= 1);
    }
    assert_true(n >= 13);
    assert_null(bfs_profile_find(""));
    profile = bfs_profile_find("amx-int8");
    assert_int_equal(profile->key.n_features, 2);
    assert_string_equal(profile->key.features[0], "amx_tile");
    assert_string_equal(profile->key.features[1], "amx_int8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_joined_and_sorted),
        cmocka_unit_test(what_is_no_list_is_refused),
        cmocka_unit_test(mutants_are_refused),
        cmocka_unit_test(profiles_are_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
