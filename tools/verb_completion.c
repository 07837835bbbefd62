/* SPDX-License-Identifier: Apache-2.0
 * bundlefs completion: a shell script made from the table of verbs. */
#include "tools/message.h"
#include "tools/verbs.h"

#include <stdio.h>
#include <string.h>

static void print_options(const struct bfs_verb *verb)
{
    (void)printf("        %s) words=\"", verb->name);
    for (const struct bfs_option *option = verb->options; option && option->name; option++)
        (void)printf("--%s ", option->name);
    (void)printf("--help\" ;;\n");
}

/* Options where a word begins with a dash; elsewhere the shell completes file names. */
static void print_bash(void)
{
    (void)printf("# bash completion for bundlefs, made by \"bundlefs completion bash\"\n"
                 "_bundlefs() {\n"
                 "    local current=${COMP_WORDS[COMP_CWORD]} words\n"
                 "    if [ \"$COMP_CWORD\" = 1 ]; then\n"
                 "        words=\"help --help --version");
    for (size_t i = 0; bfs_verbs[i]; i++)
        (void)printf(" %s", bfs_verbs[i]->name);
    (void)printf("\"\n"
                 "        COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
                 "        return\n"
                 "    fi\n"
                 "    [[ $current == -* ]] || { COMPREPLY=(); return; }\n"
                 "    case ${COMP_WORDS[1]} in\n");
    for (size_t i = 0; bfs_verbs[i]; i++)
        print_options(bfs_verbs[i]);
    (void)printf("        *) words= ;;\n"
                 "    esac\n"
                 "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
                 "}\n"
                 "complete -o default -F _bundlefs bundlefs\n");
}

static int run(const void *options, int n_args, char **args)
{
    (void)options;
    (void)n_args;
    if (strcmp(args[0], "bash") != 0)
        return bfs_message_usage("completion", "no completion for \"%s\", only for bash", args[0]);
    print_bash();
    return BFS_EXIT_OK;
}

const struct bfs_verb bfs_verb_completion = {
    .name = "completion",
    .run = run,
    .summary = "print a completion script for a shell",
    .synopsis = "bash",
    .text = "Prints a script that teaches bash the verbs and options: "
            "source <(bundlefs completion bash)",
    .min_args = 1,
    .max_args = 1,
};
