/* SPDX-License-Identifier: Apache-2.0
 * Usage and help, printed from the table of verbs. */
#include "tools/verb.h"

#include <stdio.h>
#include <string.h>

enum { WIDTH = 79 }; /* terminals of 80 columns wrap when the last one is used */

/* Prints words from column `column` on, wrapped and indented by `indent`; ends the line. */
static void wrap(const char *text, int column, int indent)
{
    while (*text) {
        int length = (int)strcspn(text, " \n");
        if (column > indent && column + 1 + length > WIDTH) {
            (void)putchar('\n');
            column = 0;
        } else if (column > indent) {
            column += printf(" ");
        }
        if (column < indent)
            column += printf("%*s", indent - column, "");
        column += printf("%.*s", length, text);
        text += length;
        if (strncmp(text, "\n\n", 2) == 0) {
            (void)printf("\n\n");
            column = 0;
            text += 2;
        }
        text += strspn(text, " \n");
    }
    (void)putchar('\n');
}

static void print_pair(const char *left, const char *right, int indent)
{
    int column = printf("  %s", left);
    if (column + 2 > indent) {
        (void)putchar('\n');
        column = 0;
    }
    column += printf("%*s", indent - column, "");
    wrap(right, column, indent);
}

static void print_option(const struct bfs_option *option)
{
    char left[64];
    char letter[5] = "";
    if (option->short_name)
        (void)snprintf(letter, sizeof(letter), "-%c, ", option->short_name);
    (void)snprintf(left, sizeof(left), "%s--%s%s%s", letter, option->name,
                   option->metavar ? " " : "", option->metavar ? option->metavar : "");
    print_pair(left, option->help, 25);
}

void bfs_help_program(void)
{
    (void)printf("usage: bundlefs VERB [OPTION...] [ARGUMENT...]\n\n");
    wrap("Packs model directories into a verified, compressed store and serves them as plain "
         "files.",
         0, 0);
    (void)printf("\n");
    for (size_t i = 0; bfs_verbs[i]; i++)
        print_pair(bfs_verbs[i]->name, bfs_verbs[i]->summary, 14);
    (void)printf("\n");
    print_pair("--version", "print the version", 14);
    print_pair("--help", "print this; \"bundlefs VERB --help\" tells more about a verb", 14);
    (void)printf("\nExit status: 0 done, 1 refused or failed, 2 wrong usage.\n");
}

void bfs_help_verb(const struct bfs_verb *verb)
{
    (void)printf("usage: bundlefs %s [OPTION...]%s%s\n\n", verb->name, *verb->synopsis ? " " : "",
                 verb->synopsis);
    wrap(verb->text, 0, 0);
    (void)printf("\n");
    for (const struct bfs_option *option = verb->options; option && option->name; option++)
        print_option(option);
    print_pair("-h, --help", "print this", 25);
    if (verb->more_help)
        verb->more_help();
}
