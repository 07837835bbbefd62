/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/review.h"

#include "codec/store/aliases.h"
#include "tools/message.h"
#include "tools/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

char *bfs_review_line(const struct bfs_finding *finding)
{
    const struct bfs_finding_info *info = bfs_finding_info(finding->id);
    bfs_autobuffer struct bfs_buffer line = BFS_BUFFER_INIT;
    bfs_buffer_printf(&line, "%s %s: %s; %s", bfs_severity_name(finding->severity), info->id,
                      finding->sentence, info->advice);
    if (bfs_buffer_status(&line)) {
        bfs_text_set_lost();
        return NULL;
    }
    return bfs_text_printable((const char *)line.bytes, line.size);
}

struct json_object *bfs_review_json(const struct bfs_finding *finding, int *status)
{
    const struct bfs_finding_info *info = bfs_finding_info(finding->id);
    struct json_object *object = bfs_json_new_object(status);
    bfs_json_add_string(object, "id", info->id, status);
    bfs_json_add_string(object, "severity", bfs_severity_name(finding->severity), status);
    bfs_report_text(object, "sentence", finding->sentence, strlen(finding->sentence), status);
    bfs_json_add_string(object, "advice", info->advice, status);
    return object;
}

static int tell(const struct bfs_findings *findings, bool only_warn, struct bfs_error *error)
{
    for (size_t i = 0; i < findings->n; i++) {
        if (findings->items[i].severity == BFS_SEVERITY_NOTE)
            continue;
        bfs_autofree char *line = bfs_review_line(&findings->items[i]);
        if (!line)
            return bfs_fail(error, -ENOMEM, "out of memory");
        bfs_message("%s", line);
    }
    size_t n = findings->counts[BFS_SEVERITY_ERROR];
    if (n == 0 || only_warn)
        return 0;
    return bfs_fail(error, -EINVAL,
                    "%zu error%s; nothing was packed (--no-check packs all the same)", n,
                    n == 1 ? "" : "s");
}

int bfs_review_state(void *context, const struct bfs_catalog_entry *entry,
                     enum bfs_requirement_state *ret, char **ret_reason, struct bfs_error *error)
{
    const struct bfs_review_place *place = context;
    bfs_autostatements struct bfs_statements about = {0};
    int r = bfs_statements_of_bundle(place->store, place->catalog, &entry->manifest, &about, error);
    if (r)
        return r;
    const struct bfs_stored_statement *revoked =
        bfs_statements_newest(&about, BFS_STATEMENT_REVOCATION);
    const struct bfs_stored_statement *newest =
        revoked ? revoked : bfs_statements_deprecation(&about);
    char *reason = newest ? strdup(newest->statement.reason) : NULL;
    if (newest && !reason)
        return bfs_fail(error, -ENOMEM, "out of memory");
    *ret = revoked  ? BFS_REQUIREMENT_REVOKED
           : newest ? BFS_REQUIREMENT_DEPRECATED
                    : BFS_REQUIREMENT_GOOD;
    *ret_reason = reason;
    return 0;
}

int bfs_review_store(const char *path, struct bfs_store **ret_store,
                     struct bfs_catalog **ret_catalog, struct bfs_error *error)
{
    int r = bfs_store_open(path, ret_store, NULL);
    if (r == -ENOMEM)
        return bfs_fail(error, r, "out of memory");
    return r ? 0 : bfs_catalog_load(*ret_store, ret_catalog, error);
}

int bfs_review_pack(const char *store_path, const struct bfs_pack_options *options,
                    const struct bfs_scan *scan, bool only_warn, struct bfs_error *error)
{
    BFS_CLEANUP(bfs_store_cleanup) struct bfs_store *store = NULL;
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = NULL;
    bfs_autosubject struct bfs_subject subject = {0};
    bfs_autofindings struct bfs_findings findings = {0};
    int r = bfs_review_store(store_path, &store, &catalog, error);
    if (r == 0)
        r = bfs_subject_of_scan(&options->reference, options->directory, options->dereference, scan,
                                &subject, error);
    struct bfs_review_place place = {.store = store, .catalog = catalog};
    const struct bfs_review_options review = {.store = store,
                                              .catalog = catalog,
                                              .standing = store ? bfs_review_state : NULL,
                                              .context = &place};
    if (r == 0)
        r = bfs_review(&subject, &review, &findings, error);
    return r ? r : tell(&findings, only_warn, error);
}
