/* SPDX-License-Identifier: Apache-2.0
 * Every mount option of the list: its default, what it takes, its limits, and what is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

enum type { SIZE, NUMBER, FLAG, TEXT, CHOICE };

/* The list itself, so that an option without a case below fails a test. */
static const struct row {
    const char *name;
    enum type type;
    size_t offset;
    const char *value, *preset, *help;
} rows[] = {
#define ROW(FIELD, type, name, value, preset, help)                                                \
    {name, type, offsetof(struct bfs_mount_options, FIELD), value, preset, help},
    BFS_MOUNT_OPTION_LIST(ROW)
#undef ROW
};

static int parse_with(const char *text, struct bfs_mount_options *options, struct bfs_error *error)
{
    *error = (struct bfs_error){0};
    bfs_mount_options_init(options);
    int r = bfs_mount_options_parse(text, options, error);
    assert_int_equal(error->code, r);
    assert_int_equal(error->what[0] != '\0', r != 0);
    return r;
}

static int parse(const char *text, struct bfs_mount_options *options)
{
    struct bfs_error error;
    return parse_with(text, options, &error);
}

/* -EINVAL, and each message names the option. */
static void expect_refusal(const char *text, const char *part)
{
    bfs_automountoptions struct bfs_mount_options options;
    struct bfs_error error;
    int r = parse_with(text, &options, &error);
    if (r != -EINVAL || !strstr(error.what, part))
        fail_msg("-o %s: %d \"%s\", not %d with \"%s\"", text, r, error.what, -EINVAL, part);
}

static const struct row *find_row(const char *option)
{
    size_t length = strcspn(option, "=");
    for (size_t i = 0; i < LENGTH(rows); i++)
        if (strlen(rows[i].name) == length && strncmp(rows[i].name, option, length) == 0)
            return &rows[i];
    fail_msg("%s is not in the list", option);
    return NULL;
}

static void expect_field(const struct row *row, const struct bfs_mount_options *options,
                         uint64_t number, const char *text)
{
    const void *field = (const char *)options + row->offset;
    if (row->type == FLAG) {
        assert_int_equal(*(const bool *)field, number);
    } else if (row->type != TEXT) {
        assert_true(*(const uint64_t *)field == number);
    } else if (text) {
        assert_non_null(*(char *const *)field);
        assert_string_equal(*(char *const *)field, text);
    } else {
        assert_null(*(char *const *)field);
    }
}

static uint64_t default_of(const struct row *row)
{
    static const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {{"timeout", 30}, {"read_ahead_kb", 1024}, {"poll_ms", 1000}};
    if (strcmp(row->name, "allow_other") == 0)
        return geteuid() == 0;
    for (size_t i = 0; i < LENGTH(numbers); i++)
        if (strcmp(numbers[i].name, row->name) == 0)
            return numbers[i].value;
    return 0;
}

static void defaults(void **state)
{
    (void)state;
    bfs_automountoptions struct bfs_mount_options options;
    assert_int_equal(parse("", &options), 0);
    for (size_t i = 0; i < LENGTH(rows); i++)
        expect_field(&rows[i], &options, default_of(&rows[i]), NULL);
    assert_int_equal(options.verify, BFS_VERIFY_ALWAYS);
}

/* Legal values with both ends of each range; `text` of what is a text. */
static const struct legal {
    const char *option;
    uint64_t number;
    const char *text;
} legal[] = {
    {"cache_size=16777216", 16 << 20, NULL},
    {"cache_size=16M", 16 << 20, NULL},
    {"cache_size=64T", UINT64_C(64) << 40, NULL},
    {"workers=1", 1, NULL},
    {"workers=1024", 1024, NULL},
    {"timeout=1", 1, NULL},
    {"timeout=86400", 86400, NULL},
    {"timeout=0030", 30, NULL},
    {"verify=always", BFS_VERIFY_ALWAYS, NULL},
    {"verify=once", BFS_VERIFY_ONCE, NULL},
    {"verify=strict", BFS_VERIFY_STRICT, NULL},
    {"read_ahead_kb=0", 0, NULL},
    {"read_ahead_kb=1048576", 1048576, NULL},
    {"poll_ms=10", 10, NULL},
    {"poll_ms=3600000", 3600000, NULL},
    {"view=q8", 0, "q8"},
    {"hide_unfit", 1, NULL},
    {"hidden", 1, NULL},
    {"host=host.json", 0, "host.json"},
    {"passthrough=auto", 0, "auto"},
    {"passthrough=off", 0, "off"},
    {"backing=/", 0, "/"},
    {"backing=memory", 0, "memory"},
    {"backing_size=1", 1, NULL},
    {"backing_size=9223372036854775807", INT64_MAX, NULL},
    {"backing_fill=again", 0, "again"},
    {"backing_fill=first", 0, "first"},
    {"backing_fill=warm", 0, "warm"},
    {"warm=acme/tiny:1.0.0/q8", 0, "acme/tiny:1.0.0/q8"},
    {"allow_other", 1, NULL},
    {"trace=/tmp/a=b", 0, "/tmp/a=b"},
    {"replay=off", 0, "off"},
    {"policy=none", 0, "none"},
    {"audit=audit log", 0, "audit log"},
    {"log=a\\", 0, "a\\"},
};

/* One option changes its own field and no other. */
static void legal_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(legal); i++) {
        bfs_automountoptions struct bfs_mount_options options;
        const struct row *own = find_row(legal[i].option);
        if (parse(legal[i].option, &options))
            fail_msg("refused: %s", legal[i].option);
        expect_field(own, &options, legal[i].number, legal[i].text);
        for (size_t k = 0; k < LENGTH(rows); k++)
            if (&rows[k] != own)
                expect_field(&rows[k], &options, default_of(&rows[k]), NULL);
    }
}

static void every_option_has_a_case(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        bool found = false;
        for (size_t k = 0; k < LENGTH(legal); k++)
            found |= find_row(legal[k].option) == &rows[i];
        if (!found)
            fail_msg("no case sets %s", rows[i].name);
    }
}

/* What each type refuses, for every option of that type; the message shows how to write it. */
static void what_a_type_refuses(void **state)
{
    (void)state;
    static const char *const no_number[] = {"",    " 1",   "1 ",  "-1",
                                            "+1",  "0x10", "1.5", "one",
                                            "1e3", "1P",   "1KB", "18446744073709551616"};
    static const char *const no_size[] = {"K",
                                          "1KiB",
                                          "9223372036854775808",
                                          "8388608T",
                                          "18446744073709551615",
                                          "99999999999999999999G"};
    static const char *const no_plain_number[] = {"1K", "1k", "1M", "1T"};
    for (size_t i = 0; i < LENGTH(rows); i++) {
        char text[96], usage[96];
        const struct row *row = &rows[i];
        (void)snprintf(usage, sizeof(usage), "-o %s", row->name);
        if (row->type == FLAG) {
            (void)snprintf(text, sizeof(text), "%s=", row->name);
            expect_refusal(text, usage);
            (void)snprintf(text, sizeof(text), "%s=1", row->name);
            expect_refusal(text, usage);
            continue;
        }
        (void)snprintf(usage, sizeof(usage), "write %s=%s", row->name, row->value);
        expect_refusal(row->name, usage);
        (void)snprintf(text, sizeof(text), "%s=", row->name);
        expect_refusal(text, usage);
        if (row->type == TEXT)
            continue;
        for (size_t k = 0; k < LENGTH(no_number); k++) {
            (void)snprintf(text, sizeof(text), "%s=%s", row->name, no_number[k]);
            expect_refusal(text, usage);
        }
        for (size_t k = 0; row->type == SIZE && k < LENGTH(no_size); k++) {
            (void)snprintf(text, sizeof(text), "%s=%s", row->name, no_size[k]);
            expect_refusal(text, usage);
        }
        for (size_t k = 0; row->type == NUMBER && k < LENGTH(no_plain_number); k++) {
            (void)snprintf(text, sizeof(text), "%s=%s", row->name, no_plain_number[k]);
            expect_refusal(text, usage);
        }
    }
}

static void what_an_option_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *option, *part;
    } cases[] = {
        {"cache_size=0", "write cache_size=SIZE"}, /* the default, which has no number */
        {"cache_size=16777215", "at least 16M"},
        {"cache_size=70368744177665", "cache_size"}, /* 64T and a byte */
        {"workers=0", "write workers=N"},
        {"workers=1025", "at most 1024"},
        {"timeout=0", "1 to 86400"},
        {"timeout=86401", "1 to 86400"},
        {"verify=never", "write verify=always|once|strict"},
        {"verify=onc", "write verify="},
        {"verify=alwayss", "write verify="},
        {"verify=Once", "write verify="},
        {"verify=once|strict", "write verify="},
        {"read_ahead_kb=1048577", "at most 1048576"},
        {"poll_ms=9", "10 to 3600000"},
        {"poll_ms=3600001", "10 to 3600000"},
        {"view=auto", "\"auto\""},
        {"view=Q8", "\"Q8\""},
        {"view=a/b", "\"a/b\""},
        {"passthrough=on", "auto or off"},
        {"backing=cache", "absolute path or memory"},
        {"backing=./cache", "absolute path or memory"},
        {"backing_size=0", "write backing_size=SIZE"},
        {"backing_fill=never", "again, first or warm"},
        {"backing_fill=firs", "again, first or warm"},
        {"rw", "read-only"},
        {"ro=1", "-o ro: no such option"},
        {"nonsense", "-o nonsense: no such option"},
        {"nonsense=1", "-o nonsense: no such option"},
        {"Timeout=5", "-o Timeout: no such option"},
        {"timeou=5", "-o timeou: no such option"},
        {"timeouts=5", "-o timeouts: no such option"},
        {"=1", "no such option"},
        {"x", "-o x: no such option"},
        {"comment", "-o comment: no such option"},
        {" timeout=5", "no such option"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++)
        expect_refusal(cases[i].option, cases[i].part);
}

static void a_list_is_refused_for_one_of_its_options(void **state)
{
    (void)state;
    expect_refusal("timeout=5,nonsense,workers=2", "-o nonsense");
    expect_refusal("nonsense,timeout=0", "-o nonsense"); /* the first fault */
    expect_refusal("timeout=5,rw", "read-only");
    expect_refusal("rw,ro", "read-only");
    expect_refusal("ro,,workers=", "write workers=N");
}

/* A range holds for what the whole list comes to: the last value of an option wins. */
static void the_last_one_wins(void **state)
{
    (void)state;
    bfs_automountoptions struct bfs_mount_options options;
    assert_int_equal(parse("timeout=0,timeout=5,log=/a,verify=strict,log=/b,verify=once,"
                           "hidden,hidden,cache_size=1,cache_size=16384k",
                           &options),
                     0);
    assert_int_equal(options.timeout, 5);
    assert_string_equal(options.log_file, "/b");
    assert_int_equal(options.verify, BFS_VERIFY_ONCE);
    assert_true(options.hidden);
    assert_int_equal(options.cache_size, 16 << 20);
    expect_refusal("timeout=5,timeout=0", "1 to 86400");
}

/* A comma ends an option, whatever stands before it; a backslash is a character like others. */
static void a_comma_has_no_escape(void **state)
{
    (void)state;
    bfs_automountoptions struct bfs_mount_options options;
    assert_int_equal(parse(",,log=/a\\,hidden,,", &options), 0);
    assert_string_equal(options.log_file, "/a\\");
    assert_true(options.hidden);
    expect_refusal("log=/a\\,b", "-o b: no such option");
    expect_refusal("log=\"/a,b\"", "-o b\": no such option");
}

/* A list that is given again, as a second -o, adds to the first. */
static void a_second_list_adds_to_the_first(void **state)
{
    (void)state;
    bfs_automountoptions struct bfs_mount_options options;
    assert_int_equal(parse("timeout=5,log=/a", &options), 0);
    assert_int_equal(bfs_mount_options_parse("workers=2,log=/b", &options, NULL), 0);
    assert_int_equal(options.timeout, 5);
    assert_int_equal(options.workers, 2);
    assert_string_equal(options.log_file, "/b");
    bfs_mount_options_done(&options);
    assert_null(options.log_file);
}

static void sizes_have_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t size;
    } good[] = {
        {"16777217", 16777217},    {"16384k", 16 << 20},      {"16384K", 16 << 20},
        {"17m", 17 << 20},         {"17M", 17 << 20},         {"2g", UINT64_C(2) << 30},
        {"2G", UINT64_C(2) << 30}, {"1t", UINT64_C(1) << 40}, {"1T", UINT64_C(1) << 40},
    };
    for (size_t i = 0; i < LENGTH(good); i++) {
        bfs_automountoptions struct bfs_mount_options options;
        char text[96];
        (void)snprintf(text, sizeof(text), "cache_size=%s,backing_size=%s", good[i].text,
                       good[i].text);
        assert_int_equal(parse(text, &options), 0);
        assert_true(options.cache_size == good[i].size);
        assert_true(options.backing_size == good[i].size);
    }
}

static void what_mount_adds_is_ignored(void **state)
{
    (void)state;
    bfs_automountoptions struct bfs_mount_options options;
    assert_int_equal(
        parse("ro,noatime,relatime,nodiratime,nodev,nosuid,defaults,nofail,_netdev,auto,noauto,"
              "nouser,exec,noexec,async,dev,suid,user,users,owner,group,rbind,norelatime,"
              "strictatime,nostrictatime,atime,diratime,silent,x-systemd.automount,"
              "x-gvfs-name=models,x-,comment=a=b,comment=,,",
              &options),
        0);
    for (size_t i = 0; i < LENGTH(rows); i++)
        expect_field(&rows[i], &options, default_of(&rows[i]), NULL);
}

/* Names in a message come from anywhere: they are cut, and nothing is written beyond. */
static void a_long_option_is_cut_in_the_message(void **state)
{
    (void)state;
    bfs_automountoptions struct bfs_mount_options options;
    struct bfs_error error;
    char text[5000];
    (void)memset(text, 'n', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(parse_with(text, &options, &error), -EINVAL);
    assert_true(strlen(error.what) < 200);
    (void)memcpy(text, "verify=", 7);
    bfs_mount_options_done(&options);
    assert_int_equal(parse_with(text, &options, &error), -EINVAL);
    assert_true(strlen(error.what) < 200);
    assert_non_null(strstr(error.what, "write verify=always|once|strict"));
}

static void help_has_a_short_line_for_each(void **state)
{
    (void)state;
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    size_t n = 0;
    bfs_mount_options_help(&text);
    bfs_buffer_put_u8(&text, 0);
    assert_int_equal(bfs_buffer_status(&text), 0);
    char *rest = (char *)text.bytes;
    for (char *line; (line = strsep(&rest, "\n")) && *line; n++) {
        char start[64];
        assert_true(n < LENGTH(rows));
        (void)snprintf(start, sizeof(start), "  %s%s%s ", rows[n].name, rows[n].value ? "=" : "",
                       rows[n].value ? rows[n].value : "");
        assert_int_equal(strncmp(line, start, strlen(start)), 0);
        assert_non_null(strstr(line, rows[n].help));
        assert_int_equal(strstr(line, " [") != NULL, rows[n].preset != NULL);
        assert_in_range(strlen(line), 20, 80);
    }
    assert_int_equal(n, LENGTH(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(legal_values),
        cmocka_unit_test(every_option_has_a_case),
        cmocka_unit_test(what_a_type_refuses),
        cmocka_unit_test(what_an_option_refuses),
        cmocka_unit_test(a_list_is_refused_for_one_of_its_options),
        cmocka_unit_test(the_last_one_wins),
        cmocka_unit_test(a_comma_has_no_escape),
        cmocka_unit_test(a_second_list_adds_to_the_first),
        cmocka_unit_test(sizes_have_units),
        cmocka_unit_test(what_mount_adds_is_ignored),
        cmocka_unit_test(a_long_option_is_cut_in_the_message),
        cmocka_unit_test(help_has_a_short_line_for_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
