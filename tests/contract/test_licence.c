/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/licence/licence.h"

#include "verify/licence/spdx_list.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <strings.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static void test_expressions(void **state)
{
    static const struct {
        const char *text;
        enum bfs_licence_verdict verdict;
        const char *word;
    } cases[] = {
        {"MIT", BFS_LICENCE_KNOWN, ""},
        {"apache-2.0", BFS_LICENCE_KNOWN, ""},
        {" MIT ", BFS_LICENCE_KNOWN, ""},
        {"LGPL-2.1-only OR MIT AND BSD-3-Clause", BFS_LICENCE_KNOWN, ""},
        {"(MIT OR (Apache-2.0 AND ISC))", BFS_LICENCE_KNOWN, ""},
        {"EPL-2.0+", BFS_LICENCE_KNOWN, ""},
        {"GPL-2.0-or-later WITH Bison-exception-2.2", BFS_LICENCE_KNOWN, ""},
        {"LicenseRef-mine", BFS_LICENCE_KNOWN, ""},
        {"DocumentRef-d:LicenseRef-mine AND MIT", BFS_LICENCE_KNOWN, ""},
        {"GPL-2.0 OR MIT", BFS_LICENCE_DEPRECATED, "GPL-2.0"},
        {"MIT OR GPL-3.0+", BFS_LICENCE_DEPRECATED, "GPL-3.0"},
        {"MITT", BFS_LICENCE_UNKNOWN, "MITT"},
        {"GPL-2.0 OR Llama3", BFS_LICENCE_UNKNOWN, "Llama3"},
        {"MIT WITH MIT", BFS_LICENCE_UNKNOWN, "MIT"},
        {"Bison-exception-2.2", BFS_LICENCE_UNKNOWN, "Bison-exception-2.2"},
        {"LicenseRef-", BFS_LICENCE_UNKNOWN, "LicenseRef-"},
        {"DocumentRef-:LicenseRef-x", BFS_LICENCE_UNKNOWN, "DocumentRef-:LicenseRef-x"},
        {"DocumentRef-x", BFS_LICENCE_UNKNOWN, "DocumentRef-x"},
        {"MIT WITH LicenseRef-x", BFS_LICENCE_UNKNOWN, "LicenseRef-x"},
        {"", BFS_LICENCE_MALFORMED, "its end"},
        {"MIT AND", BFS_LICENCE_MALFORMED, "its end"},
        {"AND MIT", BFS_LICENCE_MALFORMED, "AND MIT"},
        {"MIT Apache-2.0", BFS_LICENCE_MALFORMED, "Apache-2.0"},
        {"MIT and ISC", BFS_LICENCE_MALFORMED, "and ISC"},
        {"(MIT", BFS_LICENCE_MALFORMED, "its end"},
        {"MIT)", BFS_LICENCE_MALFORMED, ")"},
        {"MIT WITH", BFS_LICENCE_MALFORMED, "its end"},
        {"MIT, ISC", BFS_LICENCE_MALFORMED, ", ISC"},
        {"MIT +", BFS_LICENCE_MALFORMED, "+"},
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char word[BFS_LICENCE_WORD_MAX + 1];
        enum bfs_licence_verdict verdict = bfs_licence_judge(cases[i].text, word);
        if (verdict != cases[i].verdict || strcmp(word, cases[i].word) != 0)
            fail_msg("\"%s\": %d, \"%s\"", cases[i].text, verdict, word);
    }
}

static void test_depth_is_bounded(void **state)
{
    char text[2 * BFS_LICENCE_DEPTH_MAX + 8], word[BFS_LICENCE_WORD_MAX + 1];
    (void)state;
    for (size_t depth = BFS_LICENCE_DEPTH_MAX; depth <= BFS_LICENCE_DEPTH_MAX + 1; depth++) {
        memset(text, '(', depth);
        memcpy(text + depth, "MIT", 3);
        memset(text + depth + 3, ')', depth);
        text[2 * depth + 3] = '\0';
        assert_int_equal(bfs_licence_judge(text, word), depth <= BFS_LICENCE_DEPTH_MAX
                                                            ? BFS_LICENCE_KNOWN
                                                            : BFS_LICENCE_MALFORMED);
    }
}

static void test_the_list_is_sorted_and_has_no_double(void **state)
{
#define ID(id, deprecated) id,
    static const char *const lists[][700] = {{BFS_SPDX_LICENCE_LIST(ID)},
                                             {BFS_SPDX_EXCEPTION_LIST(ID)}};
#undef ID
    (void)state;
    for (size_t k = 0; k < LENGTH(lists); k++)
        for (size_t i = 1; lists[k][i]; i++)
            assert_true(strcasecmp(lists[k][i - 1], lists[k][i]) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expressions),
        cmocka_unit_test(test_depth_is_bounded),
        cmocka_unit_test(test_the_list_is_sorted_and_has_no_double),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
