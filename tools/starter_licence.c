/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/starter.h"

#include "verify/licence/licence.h"

#include <errno.h>
#include <string.h>

enum { TEXT_MAX = 1 << 20 };

static char *read_text(const struct bfs_subject *subject, const char *path)
{
    const struct bfs_subject_file *file = bfs_subject_find(subject, path);
    uint8_t *bytes = NULL;
    size_t size;
    if (!file || bfs_subject_read(subject, file, TEXT_MAX, &bytes, &size, NULL))
        return NULL;
    return (char *)bytes;
}

/* "license: apache-2.0" in the head of a model card, which stands between two lines "---". */
static bool find_in_card(char *text, char *ret, size_t size)
{
    static const char key[] = "license:";
    char *rest = text, *line = strsep(&rest, "\n");
    if (!line || strcmp(line, "---") != 0)
        return false;
    while ((line = strsep(&rest, "\n")) && strcmp(line, "---") != 0) {
        if (strncmp(line, key, strlen(key)) != 0)
            continue;
        line += strlen(key);
        line += strspn(line, " \"'");
        line[strcspn(line, " \"'\r#")] = '\0';
        size_t length = strlen(line);
        if (length == 0 || length >= size)
            return false;
        memcpy(ret, line, length + 1);
        return true;
    }
    return false;
}

static const char *find_in_licence(const char *text)
{
    static const struct {
        const char *id, *first, *second;
    } known[] = {{"Apache-2.0", "Apache License", "Version 2.0, January 2004"},
                 {"MIT", "MIT License", "Permission is hereby granted, free of charge"},
                 {"BSD-3-Clause", "Redistribution and use", "Neither the name of"}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strstr(text, known[i].first) && strstr(text, known[i].second))
            return known[i].id;
    return NULL;
}

int bfs_starter_add_licence(const struct bfs_subject *subject, struct json_object *root)
{
    static const char *const files[] = {"LICENSE", "LICENSE.txt", "LICENSE.md"};
    char word[BFS_LICENCE_WORD_MAX + 1], found[BFS_LICENCE_WORD_MAX + 1];
    bfs_autofree char *card = read_text(subject, "README.md");
    const char *id = NULL;
    int status = 0;
    if (card && find_in_card(card, found, sizeof(found)) &&
        bfs_licence_judge(found, word) == BFS_LICENCE_KNOWN)
        id = found;
    for (size_t i = 0; !id && i < sizeof(files) / sizeof(files[0]); i++) {
        bfs_autofree char *text = read_text(subject, files[i]);
        id = text ? find_in_licence(text) : NULL;
    }
    if (!id)
        return 0;
    struct json_object *list = bfs_json_new_array(&status);
    bfs_json_append(list, bfs_json_new_string(id, &status), &status);
    bfs_json_add(root, "licenses", list, &status);
    return status;
}
