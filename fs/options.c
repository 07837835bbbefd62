/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/options.h"

#include "codec/store/view_config.h"
#include "fs/backing.h"
#include "fs/cache.h"
#include "verify/size.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum type { SIZE, NUMBER, FLAG, TEXT, CHOICE };

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

enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

/* What generic tools put into -o and what is true of every mount of ours, or meant for others. */
static const char *const ignored[] = {
    "ro",     "noatime",    "relatime",    "nodiratime",    "nodev",  "nosuid",   "defaults",
    "nofail", "_netdev",    "auto",        "noauto",        "nouser", "exec",     "noexec",
    "async",  "dev",        "suid",        "user",          "users",  "owner",    "group",
    "rbind",  "norelatime", "strictatime", "nostrictatime", "atime",  "diratime", "silent",
};

static bool is_ignored(const char *option)
{
    if (strncmp(option, "x-", 2) == 0 || strncmp(option, "comment=", 8) == 0)
        return true;
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
        if (strcmp(option, ignored[i]) == 0)
            return true;
    return false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The place of a word among "one|two|three". */
static int parse_choice(const char *choices, const char *word, uint64_t *ret)
{
    size_t length = strlen(word);
    for (uint64_t i = 0;; i++) {
        size_t n = strcspn(choices, "|");
        if (n == length && strncmp(choices, word, n) == 0) {
            *ret = i;
            return 0;
        }
        if (!choices[n])
            return -EINVAL;
        choices += n + 1;
    }
}

static int set(const struct row *row, const char *value, struct bfs_mount_options *options)
{
    void *field = (char *)options + row->offset;
    if (row->type == FLAG) {
        *(bool *)field = true;
        return value ? -EINVAL : 0;
    }
    if (!value || !*value)
        return -EINVAL;
    if (row->type == CHOICE)
        return parse_choice(row->value, value, field);
    if (row->type != TEXT) {
        uint64_t number;
        bool is_valid =
            row->type == SIZE ? bfs_size_parse(value, &number) : bfs_number_parse(value, &number);
        /* 0 stands for a default that is found out, which nobody needs to write. */
        if (!is_valid || (number == 0 && !is_digit(row->preset[0])))
            return -EINVAL;
        *(uint64_t *)field = number;
        return 0;
    }
    char *own = strdup(value);
    if (!own)
        return -ENOMEM;
    free(*(char **)field);
    *(char **)field = own;
    return 0;
}

void bfs_mount_options_init(struct bfs_mount_options *ret)
{
    *ret = (struct bfs_mount_options){0};
    for (size_t i = 0; i < N_ROWS; i++)
        if (rows[i].preset && (rows[i].type == CHOICE || is_digit(rows[i].preset[0])))
            (void)set(&rows[i], rows[i].preset, ret);
    ret->allow_other = geteuid() == 0;
}

void bfs_mount_options_done(struct bfs_mount_options *options)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        if (rows[i].type != TEXT)
            continue;
        char **text = (char **)(void *)((char *)options + rows[i].offset);
        free(*text);
        *text = NULL;
    }
}

static int apply(char *option, struct bfs_mount_options *options, struct bfs_error *error)
{
    if (!*option || is_ignored(option))
        return 0;
    if (strcmp(option, "rw") == 0)
        return bfs_fail(error, -EINVAL, "a bundle store can only be mounted read-only; drop -o rw");
    char *value = strchr(option, '=');
    if (value)
        *value++ = '\0';
    for (size_t i = 0; i < N_ROWS; i++) {
        if (strcmp(rows[i].name, option) != 0)
            continue;
        int r = set(&rows[i], value, options);
        if (r == -EINVAL)
            return bfs_fail(error, r, "-o %.64s: \"%.64s\" is not a valid value; write %s%s%s",
                            option, value ? value : "", option, rows[i].value ? "=" : "",
                            rows[i].value ? rows[i].value : "");
        return r ? bfs_fail(error, r, "out of memory") : 0;
    }
    return bfs_fail(error, -EINVAL, "-o %.64s: no such option; see bundlefs mount --help", option);
}

static int check_backing(const struct bfs_mount_options *options, struct bfs_error *error)
{
    enum bfs_backing_fill fill;
    if (options->passthrough && strcmp(options->passthrough, "auto") != 0 &&
        strcmp(options->passthrough, "off") != 0)
        return bfs_fail(error, -EINVAL, "-o passthrough: must be auto or off");
    if (options->backing && options->backing[0] != '/' &&
        strcmp(options->backing, BFS_BACKING_MEMORY) != 0)
        return bfs_fail(error, -EINVAL, "-o backing: must be an absolute path or memory");
    if (options->backing_fill && !bfs_backing_fill_parse(options->backing_fill, &fill))
        return bfs_fail(error, -EINVAL, "-o backing_fill: must be again, first or warm");
    return 0;
}

static int check(const struct bfs_mount_options *options, struct bfs_error *error)
{
    if (options->cache_size != 0 &&
        (options->cache_size < BFS_CACHE_SIZE_MIN || options->cache_size > UINT64_C(1) << 46))
        return bfs_fail(error, -EINVAL, "-o cache_size: must be at least 16M");
    if (options->workers > 1024)
        return bfs_fail(error, -EINVAL, "-o workers: must be at most 1024");
    if (options->timeout < 1 || options->timeout > 86400)
        return bfs_fail(error, -EINVAL, "-o timeout: must be 1 to 86400 seconds");
    if (options->read_ahead_kb > 1 << 20)
        return bfs_fail(error, -EINVAL, "-o read_ahead_kb: must be at most 1048576");
    if (options->view && !bfs_view_id_is_valid(options->view))
        return bfs_fail(error, -EINVAL, "-o view: \"%.64s\" is no name of a view", options->view);
    if (options->poll_ms < 10 || options->poll_ms > 3600000)
        return bfs_fail(error, -EINVAL, "-o poll_ms: must be 10 to 3600000");
    return check_backing(options, error);
}

int bfs_mount_options_parse(const char *text, struct bfs_mount_options *options,
                            struct bfs_error *error)
{
    bfs_autofree char *copy = strdup(text);
    if (!copy)
        return bfs_fail(error, -ENOMEM, "out of memory");
    char *rest = copy;
    for (char *option; (option = strsep(&rest, ","));) {
        int r = apply(option, options, error);
        if (r)
            return r;
    }
    return check(options, error);
}

void bfs_mount_options_help(struct bfs_buffer *ret)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        char left[32];
        (void)snprintf(left, sizeof(left), "%s%s%s", rows[i].name, rows[i].value ? "=" : "",
                       rows[i].value ? rows[i].value : "");
        bfs_buffer_printf(ret, "  %-20s %s%s%s%s\n", left, rows[i].help, rows[i].preset ? " [" : "",
                          rows[i].preset ? rows[i].preset : "", rows[i].preset ? "]" : "");
    }
}
