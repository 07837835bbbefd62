/* SPDX-License-Identifier: Apache-2.0
 * The bundle that an argument names: by its version, by an alias, or as the latest. */
#include "tools/message.h"
#include "tools/opened.h"
#include "tools/verb.h"

#include "codec/store/aliases.h"

#include <stdio.h>
#include <string.h>

#define LATEST "latest"

/* The length of NAME when the text is NAME:latest; 0: it is not. */
static size_t latest_of(const char *text)
{
    size_t length = strcspn(text, ":");
    return strcmp(text + length, ":" LATEST) == 0 && bfs_model_name_is_valid(text, length) ? length
                                                                                           : 0;
}

int bfs_parse_any_reference(const char *verb, const char *text, struct bfs_reference *ret)
{
    size_t length = latest_of(text);
    if (!length)
        return bfs_parse_reference(verb, text, ret);
    *ret = (struct bfs_reference){0};
    memcpy(ret->name, text, length);
    (void)snprintf(ret->version, sizeof(ret->version), "%s", LATEST);
    return BFS_EXIT_OK;
}

static int say(const char *text, const struct bfs_catalog_entry *entry,
               const struct bfs_catalog_entry **ret)
{
    char name[BFS_REFERENCE_MAX + 1];
    bfs_message("%s is %s", text, bfs_reference_text(&entry->reference, name));
    *ret = entry;
    return BFS_EXIT_OK;
}

struct search {
    const struct bfs_trust *trust;
    struct bfs_error error;
    int status;
};

/* bfs_catalog_skips */
static bool skips(void *context, const struct bfs_catalog_entry *entry)
{
    struct search *search = context;
    bool is_skipped = false;
    if (search->status == 0)
        search->status = bfs_trust_skips(search->trust, entry, &is_skipped, &search->error);
    return is_skipped;
}

static int find_latest(const char *text, const struct bfs_reference *reference,
                       struct bfs_opened *opened, const struct bfs_catalog_entry **ret)
{
    int status = bfs_opened_policy(opened);
    if (status != BFS_EXIT_OK)
        return status;
    const struct bfs_trust trust = bfs_opened_trust(opened);
    struct search search = {.trust = &trust};
    const struct bfs_catalog_entry *entry =
        bfs_catalog_latest_of(opened->catalog, reference->name, skips, &search);
    if (search.status)
        return bfs_message_error(&search.error);
    if (entry)
        return say(text, entry, ret);
    bfs_message("%s: the model has no release that is neither deprecated nor revoked%s; name a "
                "version",
                text, opened->policy ? " and that the policy serves" : "");
    return BFS_EXIT_FAILED;
}

static int find_alias(const char *text, const struct bfs_reference *reference,
                      struct bfs_opened *opened, const struct bfs_catalog_entry **ret)
{
    bfs_autoaliases struct bfs_aliases aliases = {0};
    struct bfs_error error = {0};
    size_t n;
    if (!bfs_catalog_aliases(opened->catalog, reference->name, &n)) {
        *ret = NULL;
        return BFS_EXIT_OK;
    }
    int status = bfs_opened_policy(opened);
    if (status != BFS_EXIT_OK)
        return status;
    struct bfs_trust trust = bfs_opened_trust(opened);
    if (bfs_aliases_load(opened->store, opened->catalog, reference->name, bfs_trust_believes,
                         &trust, &aliases, &error))
        return bfs_message_error(&error);
    if (trust.status) {
        bfs_message("%s: what is said about a bundle cannot be read: %s", text,
                    strerror(-trust.status));
        return BFS_EXIT_FAILED;
    }
    const struct bfs_alias *alias = bfs_aliases_find(&aliases, reference->version);
    if (alias && alias->target)
        return say(text, alias->target, ret);
    *ret = NULL;
    if (!alias)
        return BFS_EXIT_OK;
    bfs_message("%s: the alias points to version %s, which is not in the store", text,
                alias->link->statement->subject_name.version);
    return BFS_EXIT_FAILED;
}

int bfs_opened_find(const char *verb, const char *text, struct bfs_opened *opened,
                    const struct bfs_catalog_entry **ret)
{
    struct bfs_reference reference;
    int status = bfs_parse_any_reference(verb, text, &reference);
    if (status != BFS_EXIT_OK)
        return status;
    if (strcmp(reference.version, LATEST) == 0)
        return find_latest(text, &reference, opened, ret);
    const struct bfs_catalog_entry *entry = bfs_catalog_find(opened->catalog, &reference);
    if (!entry) {
        status = find_alias(text, &reference, opened, &entry);
        if (status != BFS_EXIT_OK)
            return status;
    }
    if (!entry) {
        bfs_message("%s: no such bundle or alias in %s; \"bundlefs ls\" shows what there is", text,
                    bfs_store_path(opened->store));
        return BFS_EXIT_FAILED;
    }
    *ret = entry;
    return BFS_EXIT_OK;
}
