/* SPDX-License-Identifier: Apache-2.0
 * bundlefs init: a starter contract for a model directory. */
#include "codec/store/files.h"
#include "tools/message.h"
#include "tools/starter.h"
#include "tools/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

struct options {
    const char *template;
};

/* What goes into the directory. */
struct starter {
    char *views;
    struct bfs_buffer contract;
    struct bfs_buffer list; /* empty: none is written */
};

static void starter_done(struct starter *starter)
{
    free(starter->views);
    bfs_buffer_done(&starter->contract);
    bfs_buffer_done(&starter->list);
}

static int make(const struct bfs_template *row, const char *directory, struct starter *ret,
                struct bfs_error *error)
{
    static const struct bfs_reference none;
    bfs_autoscan struct bfs_scan scan = {0};
    bfs_autosubject struct bfs_subject subject = {0};
    int r;
    if ((r = bfs_scan_directory(directory, false, &scan, error)) ||
        (r = bfs_scan_finish(&scan, error)) ||
        (r = bfs_subject_of_scan(&none, directory, false, &scan, &subject, error)))
        return r;
    if (bfs_subject_find(&subject, "contract.json"))
        return bfs_fail(error, -EEXIST, "%s: has a contract.json, which is left alone", directory);
    bool has_list = bfs_subject_find(&subject, "bundle.json") != NULL;
    if (has_list)
        ret->views = strdup("");
    else if ((r = bfs_starter_views(row, directory, &subject, &ret->views, error)))
        return r;
    if (!ret->views || (*ret->views && bfs_starter_list(ret->views, &ret->list)))
        return bfs_fail(error, -ENOMEM, "out of memory");
    return bfs_starter_contract(row, &subject, ret->views, ret->list.size, &ret->contract, error);
}

/* Only where nothing is; a file that could not be written whole is taken away again. */
static int write_new(const char *directory, const char *name, const struct bfs_buffer *text,
                     struct bfs_error *error)
{
    bfs_autofree char *path = bfs_join(directory, name);
    if (!path)
        return bfs_fail(error, -ENOMEM, "out of memory");
    bfs_autoclose int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return bfs_fail(error, -errno, "%s: %s", path, strerror(errno));
    int r = bfs_write_all(fd, text->bytes, text->size);
    if (r == 0)
        return 0;
    (void)unlink(path);
    return bfs_fail(error, r, "%s: %s", path, strerror(-r));
}

static int run(const void *given, int n_args, char **args)
{
    const struct options *options = given;
    const struct bfs_template *row = bfs_template_find(options->template);
    struct starter starter __attribute__((cleanup(starter_done))) = {0};
    struct bfs_error error = {0};
    (void)n_args;
    if (!row)
        return bfs_message_usage("init", "there is no template \"%s\"", options->template);
    if (make(row, args[0], &starter, &error) ||
        write_new(args[0], "contract.json", &starter.contract, &error) ||
        (starter.list.size && write_new(args[0], "bundle.json", &starter.list, &error)))
        return bfs_message_error(&error);
    (void)printf("%s/contract.json\n", args[0]);
    if (starter.list.size)
        (void)printf("%s/bundle.json\n", args[0]);
    return BFS_EXIT_OK;
}

static void print_templates(void)
{
    const struct bfs_template *row;
    (void)printf("\nTemplates:\n");
    for (unsigned i = 0; (row = bfs_template_at(i)); i++)
        (void)printf("  %-10s %s\n", row->name, row->summary);
}

static const struct bfs_option table[] = {
    {"template", 't', "NAME", BFS_OPTION_STRING, offsetof(struct options, template),
     "for which use: server, edge or batch (default: server)"},
    {0},
};

static const struct options defaults = {.template = "server"};

const struct bfs_verb bfs_verb_init = {
    .name = "init",
    .run = run,
    .summary = "write a starter contract for a model directory",
    .synopsis = "DIR",
    .text = "Writes contract.json into the model directory DIR, from its tensors, its config.json "
            "and a template, and bundle.json with views that suit the template and that can be "
            "made of the model. Nothing that is there is changed: a directory with a contract.json "
            "is refused, and an existing bundle.json is left alone.\n\n"
            "What the files do not tell, the author adds: fixtures, benchmarks, owners.",
    .options = table,
    .more_help = print_templates,
    .defaults = &defaults,
    .options_size = sizeof(struct options),
    .min_args = 1,
    .max_args = 1,
};
