/* SPDX-License-Identifier: Apache-2.0
 * bundlefs ls: the bundles of a store, or the files of a bundle. */
#include "tools/message.h"
#include "tools/opened.h"
#include "tools/report_file.h"
#include "tools/standing.h"
#include "tools/text.h"
#include "tools/tree.h"
#include "tools/verbs.h"
#include "verify/errno_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct options {
    bool json;
};

/* What the bundles, or the files, are gathered in. */
struct listing {
    const struct bfs_opened *opened;
    struct bfs_table *table;   /* or NULL */
    struct json_object *array; /* or NULL; borrowed from the document */
    int status;                /* of the JSON builders */
    bool incomplete;           /* something is damaged or unreadable */
};

static struct json_object *view_ids(const struct bfs_bundle_config *config, int *status)
{
    struct json_object *array = bfs_json_new_array(status);
    for (uint32_t i = 0; i < config->n_views; i++)
        bfs_json_append(array, bfs_json_new_string(config->views[i].id, status), status);
    return array;
}

/* Of a bundle that cannot be opened. */
static const char *fault_word(const struct bfs_error *error)
{
    return bfs_is_unreadable(error->code) ? "unreadable" : "damaged";
}

static void add_bundle_json(struct listing *listing, const struct bfs_catalog_entry *entry,
                            const struct bfs_bundle *bundle, const struct bfs_standing *standing,
                            const struct bfs_error *error)
{
    int *status = &listing->status;
    struct json_object *object = bfs_json_new_object(status);
    bfs_report_entry(object, entry, status);
    bfs_report_repository(object, entry, status);
    if (bundle) {
        const struct bfs_bundle_config *config = bfs_bundle_config(bundle);
        bfs_json_add_integer(object, "size", config->content_size, status);
        bfs_json_add_integer(object, "stored_size", bfs_bundle_stored_size(bundle), status);
        bfs_json_add_integer(object, "n_files", config->n_files, status);
        bfs_json_add_string(object, "created", config->created, status);
        bfs_json_add(object, "views", view_ids(config, status), status);
    } else {
        char text[BFS_ERROR_TEXT_SIZE];
        (void)bfs_error_text(error, text);
        bfs_report_text(object, fault_word(error), text, strlen(text), status);
    }
    bfs_standing_json(standing, object, status);
    bfs_json_append(listing->array, object, status);
}

static void add_bundle_row(struct listing *listing, const struct bfs_catalog_entry *entry,
                           const struct bfs_bundle *bundle, const char *standing,
                           const struct bfs_error *error)
{
    char id[BFS_DIGEST_HEX_SIZE], size[BFS_SIZE_TEXT_SIZE], stored[BFS_SIZE_TEXT_SIZE], files[24];
    (void)bfs_digest_hex(&entry->manifest, id);
    id[BFS_SHORT_ID_SIZE - 1] = '\0';
    if (!bundle) {
        bfs_table_row(listing->table, entry->reference.name, entry->reference.version, id, "-", "-",
                      "-", fault_word(error), standing, "-", NULL);
        return;
    }
    const struct bfs_bundle_config *config = bfs_bundle_config(bundle);
    char views[BFS_VIEWS_MAX * (BFS_VIEW_ID_MAX + 1) + 1] = "-";
    size_t used = 0;
    for (uint32_t i = 0; i < config->n_views; i++)
        used += (size_t)snprintf(views + used, sizeof(views) - used, "%s%s", i ? "," : "",
                                 config->views[i].id);
    (void)snprintf(files, sizeof(files), "%" PRIu64, config->n_files);
    bfs_table_row(listing->table, entry->reference.name, entry->reference.version, id,
                  bfs_text_size(config->content_size, size),
                  bfs_text_size(bfs_bundle_stored_size(bundle), stored), files, config->created,
                  standing, views, NULL);
}

static void list_bundle(struct listing *listing, const struct bfs_catalog_entry *entry)
{
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
    bfs_autostanding struct bfs_standing standing = {0};
    struct bfs_error error = {0};
    if (bfs_standing_find(listing->opened, entry, &standing, &error)) {
        (void)bfs_message_error(&error);
        listing->incomplete = true;
        return;
    }
    if (bfs_opened_open(listing->opened, entry, &bundle, &error)) {
        (void)bfs_message_error(&error);
        listing->incomplete = true;
    }
    if (!listing->table)
        add_bundle_json(listing, entry, bundle, &standing, &error);
    else {
        bfs_autofree char *text = bfs_standing_text(&standing);
        if (text)
            add_bundle_row(listing, entry, bundle, text, &error);
        else
            listing->status = -ENOMEM;
    }
}

static void list_refusals(struct listing *listing, struct json_object *root)
{
    const struct bfs_catalog *catalog = listing->opened->catalog;
    struct json_object *array = root ? bfs_json_new_array(&listing->status) : NULL;
    for (size_t i = 0; i < catalog->n_refusals; i++) {
        const struct bfs_catalog_refusal *refusal = &catalog->refusals[i];
        bfs_message("%s: %s", refusal->name, refusal->reason);
        if (!root)
            continue;
        struct json_object *object = bfs_json_new_object(&listing->status);
        bfs_report_text(object, "name", refusal->name, strlen(refusal->name), &listing->status);
        bfs_report_text(object, "reason", refusal->reason, strlen(refusal->reason),
                        &listing->status);
        bfs_json_append(array, object, &listing->status);
    }
    if (root)
        bfs_json_add(root, "refused", array, &listing->status);
}

/* Prints what was gathered; takes `root` and the table over. */
static int finish(struct listing *listing, struct json_object *root)
{
    int status = BFS_EXIT_OK;
    if (!listing->table)
        status = bfs_report_print(root, listing->status);
    else if (bfs_table_print(listing->table, stdout) || listing->status) {
        bfs_message("out of memory");
        status = BFS_EXIT_FAILED;
    }
    return listing->incomplete ? BFS_EXIT_FAILED : status;
}

static int list_store(const char *path, bool json)
{
    bfs_autoopened struct bfs_opened opened = {0};
    struct listing listing = {.opened = &opened};
    struct json_object *root = NULL;
    int status = bfs_opened_store(path, &opened);
    if (status != BFS_EXIT_OK)
        return status;
    if (json) {
        root = bfs_json_new_object(&listing.status);
        listing.array = bfs_json_new_array(&listing.status);
        bfs_json_add(root, "bundles", listing.array, &listing.status);
    } else {
        listing.table = bfs_table_new("lllrrrlll");
        if (!listing.table) {
            bfs_message("out of memory");
            return BFS_EXIT_FAILED;
        }
        bfs_table_row(listing.table, "NAME", "VERSION", "ID", "SIZE", "STORED", "FILES", "CREATED",
                      "STATE", "VIEWS", NULL);
    }
    /* Without memory for the document its array is gone. */
    for (size_t i = 0; listing.status == 0 && i < opened.catalog->n_entries; i++)
        list_bundle(&listing, &opened.catalog->entries[i]);
    list_refusals(&listing, root);
    return finish(&listing, root);
}

static int visit_row(void *context, const char *path, uint32_t number,
                     const struct bfs_inode *inode)
{
    struct listing *listing = context;
    const struct bfs_index *index = bfs_bundle_index(listing->opened->bundle);
    char mode[BFS_MODE_TEXT_SIZE], size[24], stored[24], time[BFS_SIZE_TEXT_SIZE];
    bfs_autofree char *linked = NULL;
    (void)number;
    (void)snprintf(size, sizeof(size), "%" PRIu64, inode->size);
    (void)snprintf(stored, sizeof(stored), "%" PRIu64, inode->stored_size);
    if (S_ISLNK(inode->mode) && asprintf(&linked, "%s -> %.*s", path, (int)inode->size,
                                         bfs_index_target(index, inode)) < 0) {
        linked = NULL;
        return -ENOMEM;
    }
    bfs_table_row(listing->table, bfs_text_mode(inode->mode, mode), size, stored,
                  bfs_text_time(inode->mtime_sec, time), linked ? linked : path, NULL);
    return 0;
}

static int visit_json(void *context, const char *path, uint32_t number,
                      const struct bfs_inode *inode)
{
    struct listing *listing = context;
    const struct bfs_index *index = bfs_bundle_index(listing->opened->bundle);
    (void)number;
    bfs_json_append(listing->array, bfs_report_file(index, path, inode, &listing->status),
                    &listing->status);
    return listing->status;
}

static int list_files(const char *path, const char *reference, bool json)
{
    bfs_autoopened struct bfs_opened opened = {0};
    struct listing listing = {.opened = &opened};
    struct json_object *root = NULL;
    int status = bfs_opened_bundle("ls", path, reference, &opened);
    if (status != BFS_EXIT_OK)
        return status;
    if (json) {
        root = bfs_json_new_object(&listing.status);
        listing.array = bfs_json_new_array(&listing.status);
        bfs_report_entry(root, opened.entry, &listing.status);
        bfs_report_repository(root, opened.entry, &listing.status);
        bfs_json_add(root, "files", listing.array, &listing.status);
    } else {
        listing.table = bfs_table_new("lrrll");
        if (!listing.table) {
            bfs_message("out of memory");
            return BFS_EXIT_FAILED;
        }
        bfs_table_row(listing.table, "MODE", "SIZE", "STORED", "MTIME", "PATH", NULL);
    }
    if (listing.status == 0)
        listing.status =
            bfs_tree_walk(bfs_bundle_index(opened.bundle), json ? visit_json : visit_row, &listing);
    return finish(&listing, root);
}

static int run(const void *given, int n_args, char **args)
{
    const struct options *options = given;
    return n_args == 1 ? list_store(args[0], options->json)
                       : list_files(args[0], args[1], options->json);
}

static const struct bfs_option table[] = {
    BFS_OPTION_JSON(struct options),
    {0},
};

const struct bfs_verb bfs_verb_ls = {
    .name = "ls",
    .run = run,
    .summary = "list the bundles of a store, or the files of a bundle",
    .synopsis = "STORE [NAME:VERSION]",
    .text =
        "Without NAME:VERSION, lists every bundle: name, version, the first digits of its id, "
        "bytes of its files, bytes on disk, number of files, creation time, what "
        "statements say of it (aliases that point to it, deprecated, revoked), and views. A "
        "bundle that is damaged, or that this user or disk cannot read, is listed as damaged or "
        "unreadable, and the exit status is 1.\n\n"
        "With NAME:VERSION, lists the bundle's files: mode, size, bytes stored, time and path.",
    .options = table,
    .options_size = sizeof(struct options),
    .min_args = 1,
    .max_args = 2,
};
