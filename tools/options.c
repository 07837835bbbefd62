/* SPDX-License-Identifier: Apache-2.0
 * Parses a verb's arguments by its table of options. */
#include "tools/message.h"
#include "tools/verb.h"
#include "verify/cleanup.h"
#include "verify/size.h"

#include <string.h>

struct parser {
    const struct bfs_verb *verb;
    char *values; /* the verb's options */
    char **args;  /* the positional arguments */
    int n_args;
    bool help;
};

static int append_value(char **list, const char *value)
{
    size_t before = *list ? strlen(*list) : 0, length = strlen(value);
    char *joined = realloc(*list, before + length + 2);
    if (!joined) {
        bfs_message("out of memory");
        return BFS_EXIT_FAILED;
    }
    if (before)
        joined[before++] = ',';
    memcpy(joined + before, value, length + 1);
    *list = joined;
    return 0;
}

static int set_option(struct parser *parser, const struct bfs_option *option, const char *value)
{
    void *target = parser->values + option->target;
    const char *verb = parser->verb->name;
    uint64_t number;
    switch (option->type) {
    case BFS_OPTION_FLAG:
        if (value)
            return bfs_message_usage(verb, "--%s takes no value", option->name);
        *(bool *)target = true;
        return 0;
    case BFS_OPTION_STRING:
        *(const char **)target = value;
        return 0;
    case BFS_OPTION_LIST:
        return append_value(target, value);
    case BFS_OPTION_SIZE:
        if (!bfs_size_parse(value, &number))
            return bfs_message_usage(verb, "--%s: \"%s\" is not a size such as 256K, 4M or 1G",
                                     option->name, value);
        *(uint64_t *)target = number;
        return 0;
    case BFS_OPTION_UNSIGNED:
        if (!bfs_number_parse(value, &number))
            return bfs_message_usage(verb, "--%s: \"%s\" is not a number", option->name, value);
        *(uint64_t *)target = number;
        return 0;
    }
    return 0;
}

static const struct bfs_option *find_long(const struct bfs_verb *verb, const char *name,
                                          size_t length)
{
    for (const struct bfs_option *option = verb->options; option && option->name; option++)
        if (strncmp(option->name, name, length) == 0 && option->name[length] == '\0')
            return option;
    return NULL;
}

static const struct bfs_option *find_short(const struct bfs_verb *verb, char name)
{
    for (const struct bfs_option *option = verb->options; option && option->name; option++)
        if (option->short_name == name)
            return option;
    return NULL;
}

/* Sets *used to how many of the arguments at `argv` it took. */
static int parse_long(struct parser *parser, char **argv, int *used)
{
    const char *name = argv[0] + 2;
    size_t length = strcspn(name, "=");
    const char *value = name[length] == '=' ? name + length + 1 : NULL;
    *used = 1;
    if (strcmp(name, "help") == 0) {
        parser->help = true;
        return 0;
    }
    const struct bfs_option *option = find_long(parser->verb, name, length);
    if (!option)
        return bfs_message_usage(parser->verb->name, "unknown option --%.*s", (int)length, name);
    if (option->type != BFS_OPTION_FLAG && !value) {
        value = argv[1];
        *used = 2;
        if (!value)
            return bfs_message_usage(parser->verb->name, "--%s wants a value (%s)", option->name,
                                     option->metavar);
    }
    return set_option(parser, option, value);
}

/* "-j4", "-j 4", and flags together: "-ab". */
static int parse_short(struct parser *parser, char **argv, int *used)
{
    *used = 1;
    for (const char *at = argv[0] + 1; *at; at++) {
        if (*at == 'h' && !find_short(parser->verb, 'h')) {
            parser->help = true;
            continue;
        }
        const struct bfs_option *option = find_short(parser->verb, *at);
        if (!option)
            return bfs_message_usage(parser->verb->name, "unknown option -%c", *at);
        const char *value = NULL;
        if (option->type != BFS_OPTION_FLAG) {
            value = at[1] ? at + 1 : argv[1];
            *used = at[1] ? 1 : 2;
            if (!value)
                return bfs_message_usage(parser->verb->name, "-%c wants a value (%s)", *at,
                                         option->metavar);
        }
        int r = set_option(parser, option, value);
        if (r || value)
            return r;
    }
    return 0;
}

static int parse(struct parser *parser, int argc, char **argv)
{
    bool only_args = false;
    for (int i = 0, used = 1; i < argc && !parser->help; i += used) {
        int r = 0;
        used = 1;
        if (only_args || argv[i][0] != '-' || argv[i][1] == '\0')
            parser->args[parser->n_args++] = argv[i];
        else if (strcmp(argv[i], "--") == 0)
            only_args = true;
        else if (argv[i][1] == '-')
            r = parse_long(parser, argv + i, &used);
        else
            r = parse_short(parser, argv + i, &used);
        if (r)
            return r;
    }
    return 0;
}

static int check_count(const struct parser *parser)
{
    const struct bfs_verb *verb = parser->verb;
    if (parser->n_args < verb->min_args)
        return bfs_message_usage(verb->name, "too few arguments; usage: bundlefs %s %s", verb->name,
                                 verb->synopsis);
    if (parser->n_args > verb->max_args)
        return bfs_message_usage(verb->name, "unexpected argument \"%s\"",
                                 parser->args[verb->max_args]);
    return 0;
}

static void release_lists(const struct parser *parser)
{
    for (const struct bfs_option *option = parser->verb->options; option && option->name; option++)
        if (option->type == BFS_OPTION_LIST)
            free(*(char **)(void *)(parser->values + option->target));
}

int bfs_verb_run(const struct bfs_verb *verb, int argc, char **argv)
{
    bfs_autofree char *values = calloc(1, verb->options_size + 1);
    bfs_autofree char **args = calloc((size_t)argc + 1, sizeof(*args));
    if (!values || !args) {
        bfs_message("out of memory");
        return BFS_EXIT_FAILED;
    }
    if (verb->defaults)
        memcpy(values, verb->defaults, verb->options_size);
    struct parser parser = {.verb = verb, .values = values, .args = args};
    int r = parse(&parser, argc, argv);
    if (r == 0 && parser.help)
        bfs_help_verb(verb);
    else if (r == 0 && (r = check_count(&parser)) == 0)
        r = verb->run(values, parser.n_args, args);
    release_lists(&parser);
    return r;
}
