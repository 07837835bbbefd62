/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/doctor_private.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONTROL_MAX = 1 << 20 };

int bfs_doctor_read_text(const char *folder, const char *name, struct bfs_buffer *ret)
{
    bfs_autofree char *path = NULL;
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        return -ENOMEM;
    bfs_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    char piece[4096];
    for (ssize_t n; (n = read(fd, piece, sizeof(piece))) != 0;) {
        if (n < 0)
            return -errno;
        bfs_buffer_put(ret, piece, (size_t)n);
        if (ret->size > CONTROL_MAX)
            return -E2BIG;
    }
    return bfs_buffer_status(ret);
}

uint64_t bfs_doctor_read_number(const char *folder, const char *name, uint64_t otherwise)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    if (bfs_doctor_read_text(folder, name, &text))
        return otherwise;
    bfs_buffer_put_u8(&text, '\0');
    char *end;
    if (bfs_buffer_status(&text))
        return otherwise;
    unsigned long long number = strtoull((const char *)text.bytes, &end, 10);
    return end == (const char *)text.bytes ? otherwise : number;
}

void bfs_doctor_add(struct bfs_diagnosis *diagnosis, const char *name, enum bfs_finding_state state,
                    const char *cost, const char *how, const char *format, ...)
{
    if (diagnosis->n == BFS_FINDINGS_MAX)
        return;
    struct bfs_finding *finding = &diagnosis->findings[diagnosis->n++];
    bool is_missing = state == BFS_FINDING_MISSING || state == BFS_FINDING_FAULT;
    *finding = (struct bfs_finding){.name = name,
                                    .state = state,
                                    .cost = is_missing ? cost : NULL,
                                    .how = is_missing ? how : NULL};
    va_list args;
    va_start(args, format);
    (void)vsnprintf(finding->found, sizeof(finding->found), format, args);
    va_end(args);
}

enum bfs_finding_state bfs_doctor_missing_unless(bool ok)
{
    return ok ? BFS_FINDING_OK : BFS_FINDING_MISSING;
}

uint64_t bfs_doctor_said(const struct bfs_diagnosis *diagnosis, const char *name)
{
    return bfs_json_integer(diagnosis->session, name);
}

bool bfs_doctor_said_true(struct json_object *object, const char *name)
{
    struct json_object *member = object ? bfs_json_member(object, name) : NULL;
    return member && json_object_get_boolean(member);
}

uint64_t bfs_doctor_metric(const struct bfs_diagnosis *diagnosis, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = diagnosis->metrics; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && line[length] == ' ')
            return strtoull(line + length, NULL, 10);
    }
    return 0;
}

void bfs_diagnosis_done(struct bfs_diagnosis *diagnosis)
{
    (void)json_object_put(diagnosis->session);
    (void)json_object_put(diagnosis->health);
    free(diagnosis->metrics);
    *diagnosis = (struct bfs_diagnosis){0};
}
