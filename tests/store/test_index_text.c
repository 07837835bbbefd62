/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/store/index_text.h"

#include <errno.h>
#include <string.h>

#define HEX "1111111111111111111111111111111111111111111111111111111111111111"
#define ENTRY(name)                                                                                \
    "{\n"                                                                                          \
    "      \"mediaType\": \"application/vnd.oci.image.manifest.v1+json\",\n"                       \
    "      \"digest\": \"sha256:" HEX "\",\n"                                                      \
    "      \"size\": 100,\n"                                                                       \
    "      \"artifactType\": \"" BFS_MEDIA_BUNDLE "\",\n"                                          \
    "      \"annotations\": {\n"                                                                   \
    "        \"org.opencontainers.image.ref.name\": \"" name "\"\n"                                \
    "      }\n"                                                                                    \
    "    }"
#define OURS(entries) "{\n  \"schemaVersion\": 2,\n  \"manifests\": [" entries "]\n}\n"

/* Written by another tool; with members that we do not know and odd spaces. */
#define FOREIGN_HEAD "{\"x\":[1,{\"manifests\":[]}], \"schemaVersion\" :2,\"manifests\"  :\t"
#define FOREIGN_TAIL " ,\"annotations\":{\"a\":\"\\u00e9\"} }"
#define ODD "{\"odd\":1.50e1 , \"y\":null}"

static struct bfs_index_edit begun(const char *text)
{
    struct bfs_index_edit edit;
    assert_int_equal(bfs_index_edit_begin(text, strlen(text), &edit, NULL), 0);
    return edit;
}

static int append(struct bfs_index_edit *edit, const char *name)
{
    struct bfs_descriptor manifest = {.media_type = BFS_MEDIA_OCI_MANIFEST, .size = 100};
    memset(manifest.digest.bytes, 0x11, sizeof(manifest.digest.bytes));
    return bfs_index_edit_append(edit, &manifest, BFS_MEDIA_BUNDLE, name, NULL);
}

static void gives(const struct bfs_index_edit *edit, const char *want)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    assert_int_equal(bfs_index_edit_write(edit, &text, NULL), 0);
    bfs_buffer_put_u8(&text, 0);
    assert_string_equal((char *)text.bytes, want);
}

#define TYPED(spaces, type) "{\"odd\":1.50e1 ,\"artifactType\"" spaces "\"" type "\" , \"y\":null}"

static void changes_a_type_and_nothing_else(void **state)
{
    (void)state;
    bfs_autoindexedit struct bfs_index_edit edit =
        begun(FOREIGN_HEAD "[" ODD "," TYPED(" : ", "was") "," ODD "]" FOREIGN_TAIL);
    struct bfs_error error = {0};
    assert_int_equal(bfs_index_edit_retype(&edit, 0, "is", &error), -EINVAL);
    assert_string_equal(error.what, "index.json: manifest 0 has no artifactType");
    assert_int_equal(bfs_index_edit_retype(&edit, 1, "is\n", NULL), 0);
    gives(&edit, FOREIGN_HEAD "[\n    " ODD ",\n    " ODD
                              ",\n    " TYPED(" : ", "is\\n") "\n  ]" FOREIGN_TAIL);
}

/* The bytes of stores that were written before. */
static void appends_and_drops(void **state)
{
    (void)state;
    bfs_autoindexedit struct bfs_index_edit first = begun(OURS(""));
    assert_int_equal(append(&first, "a:1"), 0);
    assert_int_equal(append(&first, "b:1"), 0);
    gives(&first, OURS("\n    " ENTRY("a:1") ",\n    " ENTRY("b:1") "\n  "));
    bfs_autoindexedit struct bfs_index_edit second =
        begun(OURS("\n    " ENTRY("a:1") ",\n    " ENTRY("b:1") "\n  "));
    assert_int_equal(second.n_entries, 2);
    second.dropped[0] = true;
    assert_int_equal(append(&second, "c:1"), 0);
    gives(&second, OURS("\n    " ENTRY("b:1") ",\n    " ENTRY("c:1") "\n  "));
    bfs_autoindexedit struct bfs_index_edit last = begun(OURS("\n    " ENTRY("a:1") "\n  "));
    last.dropped[0] = true;
    gives(&last, OURS(""));
}

static void keeps_what_it_does_not_know(void **state)
{
    (void)state;
    bfs_autoindexedit struct bfs_index_edit edit =
        begun(FOREIGN_HEAD "[7, " ODD " ,\"]\"]" FOREIGN_TAIL);
    assert_int_equal(append(&edit, "a:1"), 0);
    edit.dropped[0] = true;
    gives(&edit,
          FOREIGN_HEAD "[\n    " ODD ",\n    \"]\",\n    " ENTRY("a:1") "\n  ]" FOREIGN_TAIL);
}

static void refuses_other_documents(void **state)
{
    static const char *const texts[] = {
        "[]", "{}", "{\"manifests\":{}}", "{\"manifests\":null}", "{\"manifests\":[}", ""};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct bfs_index_edit edit = {0};
        assert_int_equal(bfs_index_edit_begin(texts[i], strlen(texts[i]), &edit, NULL), -EBADMSG);
        assert_null(edit.dropped);
    }
}

/* A text that lacks a byte, or has one too many, is not what was meant. */
static void the_check_sees_each_difference(void **state)
{
    (void)state;
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    bfs_autoindexedit struct bfs_index_edit edit = begun(FOREIGN_HEAD "[7, " ODD "]" FOREIGN_TAIL);
    edit.dropped[0] = true;
    assert_int_equal(append(&edit, "a:1"), 0);
    assert_int_equal(bfs_index_edit_write(&edit, &text, NULL), 0);
    assert_true(bfs_index_edit_check(&edit, text.bytes, text.size));
    size_t n_accepted = 0;
    for (size_t i = 0; i < text.size; i++) {
        bfs_autobuffer struct bfs_buffer cut = BFS_BUFFER_INIT;
        bfs_buffer_put(&cut, text.bytes, i);
        bfs_buffer_put(&cut, text.bytes + i + 1, text.size - i - 1);
        /* Only white space may go, and only between values of the outer levels. */
        bool is_blank = strchr(" \t\n", text.bytes[i]) != NULL;
        bool accepted = bfs_index_edit_check(&edit, cut.bytes, cut.size);
        assert_true(is_blank || !accepted);
        n_accepted += accepted;
    }
    assert_true(n_accepted > 0);
    static const char *const others[] = {
        FOREIGN_HEAD "[" ODD "]" FOREIGN_TAIL,                    /* the new one is lost */
        FOREIGN_HEAD "[" ENTRY("a:1") "]" FOREIGN_TAIL,           /* the old one */
        FOREIGN_HEAD "[" ODD "," ENTRY("a:2") "]" FOREIGN_TAIL,   /* another new one */
        FOREIGN_HEAD "[7," ODD "," ENTRY("a:1") "]" FOREIGN_TAIL, /* not dropped */
        FOREIGN_HEAD "[" ODD "," ENTRY("a:1") ",0]" FOREIGN_TAIL, /* one more */
        "{\"schemaVersion\":2,\"manifests\":[" ODD "," ENTRY("a:1") "]" FOREIGN_TAIL, /* no "x" */
        FOREIGN_HEAD "[" ODD "," ENTRY("a:1") "]}", /* no "annotations" */
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_false(bfs_index_edit_check(&edit, others[i], strlen(others[i])));
    const char *good = FOREIGN_HEAD "[" ODD "," ENTRY("a:1") "]" FOREIGN_TAIL;
    assert_true(bfs_index_edit_check(&edit, good, strlen(good)));
}

static void a_name_that_cannot_be_written_is_refused(void **state)
{
    (void)state;
    bfs_autoindexedit struct bfs_index_edit edit = begun(OURS(""));
    assert_int_equal(append(&edit, "\xff"), -EINVAL);
    assert_int_equal(edit.n_added, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_a_type_and_nothing_else),
        cmocka_unit_test(appends_and_drops),
        cmocka_unit_test(keeps_what_it_does_not_know),
        cmocka_unit_test(refuses_other_documents),
        cmocka_unit_test(the_check_sees_each_difference),
        cmocka_unit_test(a_name_that_cannot_be_written_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
