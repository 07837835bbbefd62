/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/report.h"

#include "codec/store/bundle_config.h"
#include "tools/message.h"
#include "tools/text.h"
#include "tools/verb.h"
#include "verify/repository.h"

#include <stdio.h>
#include <string.h>

void bfs_report_text(struct json_object *object, const char *name, const char *text, size_t size,
                     int *status)
{
    bfs_autofree char *utf8 = bfs_text_utf8(text, size);
    if (utf8)
        bfs_json_add_string(object, name, utf8, status);
    else
        *status = -ENOMEM;
}

void bfs_report_digest(struct json_object *object, const char *name,
                       const struct bfs_digest *digest, int *status)
{
    char text[BFS_DIGEST_TEXT_SIZE];
    bfs_json_add_string(object, name, bfs_digest_text(digest, text), status);
}

void bfs_report_entry(struct json_object *object, const struct bfs_catalog_entry *entry,
                      int *status)
{
    bfs_json_add_string(object, "name", entry->reference.name, status);
    bfs_json_add_string(object, "version", entry->reference.version, status);
    bfs_report_digest(object, "id", &entry->manifest, status);
}

void bfs_report_repository(struct json_object *object, const struct bfs_catalog_entry *entry,
                           int *status)
{
    char repository[BFS_REPOSITORY_MAX + 1];
    if (bfs_repository_from_name(entry->reference.name, repository, NULL) == 0)
        bfs_json_add_string(object, "repository", repository, status);
}

void bfs_report_time(struct json_object *object, const char *name, int64_t seconds, int *status)
{
    char text[BFS_TIME_TEXT_SIZE];
    if (bfs_time_text(seconds, text) == 0)
        bfs_json_add_string(object, name, text, status);
}

int bfs_report_print(struct json_object *object, int status)
{
    bfs_autojson struct json_object *owned = object;
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    if (status == 0) {
        bfs_json_write(owned, &text);
        status = bfs_buffer_status(&text);
    }
    if (status) {
        bfs_message("out of memory");
        return BFS_EXIT_FAILED;
    }
    (void)fwrite(text.bytes, 1, text.size, stdout);
    return BFS_EXIT_OK;
}
