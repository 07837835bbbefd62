/* SPDX-License-Identifier: Apache-2.0
 * The options of verbs: what a wrong call prints, what a right one passes on, and help. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/tools/run.h"

struct options {
    bool flag;
    bool other;
    const char *text;
    char *list;
    uint64_t size;
    uint64_t number;
};

static struct {
    struct options options;
    char list[64];
    char text[64];
    char args[4][32];
    int n_args;
    int n_runs;
} seen;

static int run_probe(const void *given, int n_args, char **args)
{
    const struct options *options = given;
    seen.options = *options;
    (void)snprintf(seen.list, sizeof(seen.list), "%s", options->list ? options->list : "");
    (void)snprintf(seen.text, sizeof(seen.text), "%s", options->text ? options->text : "");
    seen.n_args = n_args;
    seen.n_runs++;
    for (int i = 0; i < n_args; i++)
        (void)snprintf(seen.args[i], sizeof(seen.args[i]), "%s", args[i]);
    assert_null(args[n_args]);
    return 7;
}

static const struct bfs_option table[] = {
    {"flag", 'f', NULL, BFS_OPTION_FLAG, offsetof(struct options, flag), "a flag"},
    {"other", 'o', NULL, BFS_OPTION_FLAG, offsetof(struct options, other), "another flag"},
    {"text", 't', "TEXT", BFS_OPTION_STRING, offsetof(struct options, text), "a text"},
    {"list", 'l', "ITEM", BFS_OPTION_LIST, offsetof(struct options, list), "a list"},
    {"size", 's', "SIZE", BFS_OPTION_SIZE, offsetof(struct options, size), "a size"},
    {"number", 'n', "N", BFS_OPTION_UNSIGNED, offsetof(struct options, number), "a number"},
    {0},
};

static const struct options defaults = {.number = 42};

static const struct bfs_verb probe = {
    .name = "probe",
    .run = run_probe,
    .summary = "show what arrives",
    .synopsis = "ONE [TWO]",
    .text = "Shows what arrives.",
    .options = table,
    .options_size = sizeof(struct options),
    .defaults = &defaults,
    .min_args = 1,
    .max_args = 2,
};

static void call(struct tool_run *ret, const char *const words[], int n)
{
    char *args[20] = {NULL};
    FILE *out;
    FILE *err;
    for (int i = 0; i < n; i++)
        args[i] = strdup(words[i]);
    memset(&seen, 0, sizeof(seen));
    int old_out = tool_redirect(stdout, STDOUT_FILENO, &out);
    int old_err = tool_redirect(stderr, STDERR_FILENO, &err);
    ret->status = bfs_verb_run(&probe, n, args);
    ret->out = tool_restore(stdout, STDOUT_FILENO, old_out, out);
    ret->err = tool_restore(stderr, STDERR_FILENO, old_err, err);
    for (int i = 0; i < n; i++)
        free(args[i]);
}
#define CALL(run, ...)                                                                             \
    call(run, (const char *const[]){__VA_ARGS__},                                                  \
         (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)))

static void options_arrive(void **state)
{
    (void)state;
    test_autorun struct tool_run run = {0};
    CALL(&run, "-fo", "-tx", "--list=a", "-l", "b", "--size", "3M", "one");
    tool_expect(&run, 7);
    assert_true(seen.options.flag && seen.options.other);
    assert_string_equal(seen.list, "a,b");
    assert_int_equal(seen.options.size, 3 << 20);
    assert_int_equal(seen.options.number, 42); /* the default */
    assert_int_equal(seen.n_args, 1);
    assert_string_equal(seen.args[0], "one");
}

static void options_stand_anywhere_before_two_dashes(void **state)
{
    (void)state;
    test_autorun struct tool_run run = {0}, after = {0}, dashes = {0}, empty = {0};
    CALL(&run, "one", "-n", "5", "two", "-f");
    tool_expect(&run, 7);
    assert_int_equal(seen.options.number, 5);
    assert_true(seen.options.flag);
    assert_int_equal(seen.n_args, 2);
    CALL(&after, "--", "-f", "-");
    tool_expect(&after, 7);
    assert_false(seen.options.flag);
    assert_string_equal(seen.args[0], "-f");
    assert_string_equal(seen.args[1], "-");
    CALL(&dashes, "--", "--", "--help"); /* the first one alone means something */
    tool_expect(&dashes, 7);
    assert_string_equal(seen.args[0], "--");
    assert_string_equal(seen.args[1], "--help");
    CALL(&empty, "", "-"); /* neither is an option */
    tool_expect(&empty, 7);
    assert_string_equal(seen.args[0], "");
    assert_string_equal(seen.args[1], "-");
}

/* Whatever follows belongs to an option that wants a value. */
static void a_value_may_look_like_an_option(void **state)
{
    static const struct {
        const char *words[4];
        int n;
        const char *text;
    } calls[] = {
        {{"--text", "--flag", "one"}, 3, "--flag"},
        {{"--text=--flag", "one"}, 2, "--flag"},
        {{"--text=a=b", "one"}, 2, "a=b"},
        {{"--text=", "one"}, 2, ""},
        {{"--text", "", "one"}, 3, ""},
        {{"--text", "--", "one"}, 3, "--"},
        {{"-t", "--", "one"}, 3, "--"},
        {{"-t", "-", "one"}, 3, "-"},
        {{"-t-f", "one"}, 2, "-f"},
        {{"-tfh", "one"}, 2, "fh"},
        {{"-t=a", "one"}, 2, "=a"},
        {{"--text", "--help", "one"}, 3, "--help"},
        {{"-t", "-h", "one"}, 3, "-h"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
        test_autorun struct tool_run run = {0};
        call(&run, calls[i].words, calls[i].n);
        tool_expect(&run, 7);
        assert_string_equal(seen.text, calls[i].text);
        assert_false(seen.options.flag);
        assert_int_equal(seen.n_args, 1);
        assert_string_equal(seen.args[0], "one");
    }
}

static void the_last_one_wins_but_lists_grow(void **state)
{
    (void)state;
    test_autorun struct tool_run run = {0};
    CALL(&run, "-ta", "--text=b", "-n", "5", "--number", "6", "-s1K", "--size=2k", "-ff", "--flag",
         "-l", "x,y", "--list", "", "-lz", "one");
    tool_expect(&run, 7);
    assert_string_equal(seen.text, "b");
    assert_int_equal(seen.options.number, 6);
    assert_int_equal(seen.options.size, 2048);
    assert_true(seen.options.flag);
    assert_false(seen.options.other);
    assert_string_equal(seen.list, "x,y,,z");
}

/* One run leaves nothing for the next. */
static void each_run_begins_with_the_defaults(void **state)
{
    (void)state;
    test_autorun struct tool_run run = {0}, again = {0};
    CALL(&run, "-f", "-n1", "-la", "-tx", "-s1", "one");
    tool_expect(&run, 7);
    CALL(&again, "one");
    tool_expect(&again, 7);
    assert_false(seen.options.flag);
    assert_null(seen.options.text);
    assert_null(seen.options.list);
    assert_int_equal(seen.options.size, 0);
    assert_int_equal(seen.options.number, 42);
    assert_int_equal(defaults.number, 42);
}

static void values_at_their_limits(void **state)
{
    static const struct {
        const char *words[2];
        uint64_t size, number;
    } calls[] = {
        {{"one", "--size=0"}, 0, 42},
        {{"one", "--size=9223372036854775807"}, INT64_MAX, 42},
        {{"one", "--size=8388607T"}, UINT64_C(8388607) << 40, 42},
        {{"one", "--size=1k"}, 1024, 42},
        {{"one", "--size=1m"}, 1 << 20, 42},
        {{"one", "--size=1g"}, 1 << 30, 42},
        {{"one", "--size=1t"}, UINT64_C(1) << 40, 42},
        {{"one", "--number=0"}, 0, 0},
        {{"one", "-n007"}, 0, 7},
        {{"one", "-n18446744073709551615"}, 0, UINT64_MAX},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
        test_autorun struct tool_run run = {0};
        call(&run, calls[i].words, 2);
        tool_expect(&run, 7);
        assert_true(seen.options.size == calls[i].size);
        assert_true(seen.options.number == calls[i].number);
    }
}

/* Each wrong call ends with 2 and one line that names the verb and the fault; the verb never runs.
 */
static void wrong_calls_are_refused(void **state)
{
    static const struct {
        const char *words[3];
        int n;
        const char *message;
    } calls[] = {
        {{"one", "two", "three"}, 3, "unexpected argument \"three\""},
        {{"-f"}, 1, "too few arguments; usage: bundlefs probe ONE [TWO]"},
        {{"--nope", "one"}, 2, "unknown option --nope"},
        {{"--fla", "one"}, 2, "unknown option --fla"},
        {{"-z", "one"}, 2, "unknown option -z"},
        {{"-fz", "one"}, 2, "unknown option -z"},
        {{"--flag=1", "one"}, 2, "--flag takes no value"},
        {{"one", "--text"}, 2, "--text wants a value (TEXT)"},
        {{"one", "-t"}, 2, "-t wants a value (TEXT)"},
        {{"one", "--size=x"}, 2, "\"x\" is not a size"},
        {{"one", "--size=1KB"}, 2, "\"1KB\" is not a size"},
        {{"one", "--size="}, 2, "\"\" is not a size"},
        {{"one", "--size=99999999999999999999"}, 2, "is not a size"},
        {{"one", "--size=99999999999T"}, 2, "is not a size"},
        {{"one", "--number=4K"}, 2, "\"4K\" is not a number"},
        {{"one", "-n-1"}, 2, "\"-1\" is not a number"},
        {{"one", "-n", "18446744073709551616"}, 3, "is not a number"},
        {{"one", "--number="}, 2, "--number: \"\" is not a number"},
        {{"one", "-s9223372036854775808"}, 2, "is not a size"},
        {{"one", "-s8388608T"}, 2, "is not a size"},
        {{"one", "-s", "-1"}, 3, "\"-1\" is not a size"},
        {{"one", "--size", "1K "}, 3, "\"1K \" is not a size"},
        {{"one", "--list"}, 2, "--list wants a value (ITEM)"},
        {{"one", "-ft"}, 2, "-t wants a value (TEXT)"},
        {{"--flag=", "one"}, 2, "--flag takes no value"},
        {{"-f=1", "one"}, 2, "unknown option -="},
        {{"--flags", "one"}, 2, "unknown option --flags"},
        {{"--=1", "one"}, 2, "unknown option --"},
        {{"--nope=1", "one"}, 2, "unknown option --nope;"},
        {{"--help=1", "one"}, 2, "unknown option --help"},
        {{"--nope", "--help"}, 2, "unknown option --nope"},
        {{"one", "-la", "-z"}, 3, "unknown option -z"}, /* the list is freed */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
        test_autorun struct tool_run run = {0};
        call(&run, calls[i].words, calls[i].n);
        tool_expect(&run, BFS_EXIT_USAGE);
        assert_int_equal(seen.n_runs, 0);
        assert_string_equal(run.out, "");
        tool_expect_text(run.err, calls[i].message);
        assert_ptr_equal(strchr(run.err, '\n'), run.err + strlen(run.err) - 1);
        assert_int_equal(strncmp(run.err, "bundlefs probe: ", 16), 0);
    }
}

static void help_ends_the_parsing(void **state)
{
    (void)state;
    test_autorun struct tool_run run = {0}, brief = {0};
    CALL(&run, "--help", "--nope");
    tool_expect(&run, BFS_EXIT_OK);
    assert_int_equal(seen.n_runs, 0);
    assert_string_equal(run.err, "");
    tool_expect_text(run.out, "usage: bundlefs probe [OPTION...] ONE [TWO]");
    tool_expect_text(run.out, "  -s, --size SIZE ");
    CALL(&brief, "-fh");
    tool_expect(&brief, BFS_EXIT_OK);
    assert_string_equal(brief.out, run.out);
}

static void every_verb_has_what_its_help_needs(void **state)
{
    (void)state;
    for (const struct bfs_verb *const *verb = bfs_verbs; *verb; verb++) {
        test_autorun struct tool_run run = tool_run((*verb)->name, "--help", NULL);
        tool_expect(&run, BFS_EXIT_OK);
        tool_expect_text(run.out, (*verb)->name);
        assert_ptr_equal(bfs_verb_find((*verb)->name), *verb);
        assert_true((*verb)->min_args <= (*verb)->max_args);
        for (const struct bfs_option *option = (*verb)->options; option && option->name; option++)
            tool_expect_text(run.out, option->name);
    }
    assert_null(bfs_verb_find("nope"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_arrive),
        cmocka_unit_test(options_stand_anywhere_before_two_dashes),
        cmocka_unit_test(a_value_may_look_like_an_option),
        cmocka_unit_test(the_last_one_wins_but_lists_grow),
        cmocka_unit_test(each_run_begins_with_the_defaults),
        cmocka_unit_test(values_at_their_limits),
        cmocka_unit_test(wrong_calls_are_refused),
        cmocka_unit_test(help_ends_the_parsing),
        cmocka_unit_test(every_verb_has_what_its_help_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
