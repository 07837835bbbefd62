/* SPDX-License-Identifier: Apache-2.0
 * What the program knows about each verb. Parsing, usage, help, completion and the check of the man
 * page all come from these tables.
 *
 * THREAD SAFETY: constant data; the rest belongs to the main thread. */
#ifndef BFS_TOOLS_VERB_H
#define BFS_TOOLS_VERB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum bfs_exit {
    BFS_EXIT_OK = 0,
    BFS_EXIT_FAILED = 1,    /* refused or failed */
    BFS_EXIT_USAGE = 2,     /* not understood; nothing was done */
    BFS_EXIT_UNCOUNTED = 3, /* a statement was published that the policy does not count */
};

/* What an option sets at its target. */
enum bfs_option_type {
    BFS_OPTION_FLAG,     /* bool */
    BFS_OPTION_STRING,   /* const char *, borrowed from argv; the last one wins */
    BFS_OPTION_LIST,     /* char *, owned by the framework: all values, joined by commas */
    BFS_OPTION_SIZE,     /* uint64_t: bytes, with K, M, G or T for powers of 1024 */
    BFS_OPTION_UNSIGNED, /* uint64_t */
};

struct bfs_option {
    const char *name;    /* without the dashes; NULL ends a table */
    char short_name;     /* '\0': none */
    const char *metavar; /* "N"; NULL for a flag */
    enum bfs_option_type type;
    size_t target; /* offset in the verb's options */
    const char *help;
};

struct bfs_verb {
    const char *name;
    /* `options` points to the verb's own struct; there are min_args to max_args arguments, then
     * NULL. Returns an exit status. */
    int (*run)(const void *options, int n_args, char **args);
    const char *summary;  /* one line, for the list of verbs */
    const char *synopsis; /* the positional arguments: "STORE [NAME:VERSION]" */
    const char *text;     /* what it does, for help; paragraphs are separated by "\n\n" */
    const struct bfs_option *options;
    void (*more_help)(void); /* prints what follows the options; NULL: nothing */
    const void *defaults;    /* what `options` starts as; NULL: zeros */
    size_t options_size;
    int min_args;
    int max_args;
};

/* All verbs in the order of the help, ended by NULL. */
extern const struct bfs_verb *const bfs_verbs[];

/* NULL when there is none. */
const struct bfs_verb *bfs_verb_find(const char *name);

/* Parses what follows the verb's name and runs it, or prints its help. Returns an exit status. */
int bfs_verb_run(const struct bfs_verb *verb, int argc, char **argv);

/* Printing on stdout, at most 80 columns wide. */
void bfs_help_program(void);
void bfs_help_verb(const struct bfs_verb *verb);

#define BFS_OPTION_JSON(type)                                                                      \
    {                                                                                              \
        "json", '\0', NULL, BFS_OPTION_FLAG, offsetof(type, json), "print one JSON document"       \
    }

#endif
