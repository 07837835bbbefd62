/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/host/source.h"

#include "verify/cleanup.h"
#include "verify/utf8.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

__attribute__((format(printf, 3, 0))) static bool place(char ret[static PATH_MAX], const char *root,
                                                        const char *format, va_list arguments)
{
    int n = snprintf(ret, PATH_MAX, "%s/", root);
    if (n < 0 || n >= PATH_MAX)
        return false;
    int m = vsnprintf(ret + n, (size_t)(PATH_MAX - n), format, arguments);
    return m >= 0 && m < PATH_MAX - n;
}

static void cut_space(char *text)
{
    size_t n = strlen(text);
    while (n > 0 && strchr(" \t\r\n", text[n - 1]))
        n--;
    text[n] = '\0';
}

static bool read_text(char *ret, size_t size, const char *path)
{
    struct stat status;
    size_t n = 0;
    /* A pipe or a device in such a place is nobody's idea of a description, and might block. */
    bfs_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &status) || !S_ISREG(status.st_mode))
        return false;
    while (n < size - 1) {
        ssize_t got = read(fd, ret + n, size - 1 - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        if (got == 0)
            break;
        n += (size_t)got;
    }
    ret[n] = '\0';
    cut_space(ret);
    return true;
}

bool bfs_source_text(char *ret, size_t size, const char *root, const char *format, ...)
{
    char path[PATH_MAX];
    va_list arguments;
    va_start(arguments, format);
    bool is_there = place(path, root, format, arguments) && read_text(ret, size, path);
    va_end(arguments);
    if (!is_there)
        ret[0] = '\0';
    return is_there;
}

uint64_t bfs_source_number(const char *root, const char *format, ...)
{
    char path[PATH_MAX], text[32], *end;
    va_list arguments;
    va_start(arguments, format);
    bool is_there = place(path, root, format, arguments) && read_text(text, sizeof(text), path);
    va_end(arguments);
    if (!is_there || text[0] < '0' || text[0] > '9')
        return 0;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 0);
    return errno || *end ? 0 : value;
}

bool bfs_source_link(char *ret, size_t size, const char *root, const char *format, ...)
{
    char path[PATH_MAX], target[PATH_MAX];
    va_list arguments;
    va_start(arguments, format);
    bool is_there = place(path, root, format, arguments);
    va_end(arguments);
    ret[0] = '\0';
    ssize_t n = is_there ? readlink(path, target, sizeof(target) - 1) : -1;
    if (n < 0)
        return false;
    target[n] = '\0';
    const char *slash = strrchr(target, '/');
    const char *name = slash ? slash + 1 : target;
    if (strlen(name) >= size)
        return false;
    memcpy(ret, name, strlen(name) + 1);
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

int bfs_source_list(const char *root, const char *path, const char *prefix, bfs_source_name **ret,
                    size_t *ret_n)
{
    char folder_path[PATH_MAX];
    size_t n = 0, n_seen = 0;
    int length = snprintf(folder_path, sizeof(folder_path), "%s/%s", root, path);
    DIR *folder = length > 0 && length < PATH_MAX ? opendir(folder_path) : NULL;
    bfs_source_name *names = calloc(folder ? BFS_SOURCE_ENTRIES_MAX : 1, sizeof(*names));
    if (!names) {
        if (folder)
            (void)closedir(folder);
        return -ENOMEM;
    }
    const struct dirent *entry;
    while (folder && n_seen++ < BFS_SOURCE_ENTRIES_MAX && (entry = readdir(folder)))
        if (entry->d_name[0] != '.' && strlen(entry->d_name) <= BFS_SOURCE_NAME_MAX &&
            strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
            memcpy(names[n++], entry->d_name, strlen(entry->d_name) + 1);
    if (folder)
        (void)closedir(folder);
    qsort(names, n, sizeof(*names), compare_names);
    *ret = names;
    *ret_n = n;
    return 0;
}

void bfs_source_value(const char *text, const char *key, char *ret, size_t size)
{
    size_t length = strlen(key);
    ret[0] = '\0';
    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, length) != 0)
            continue;
        const char *value = line + length + strspn(line + length, " \t");
        if (*value != ':')
            continue;
        value++;
        value += strspn(value, " \t");
        size_t n = strcspn(value, "\n");
        n = n < size ? n : size - 1;
        memcpy(ret, value, n);
        ret[n] = '\0';
        cut_space(ret);
        return;
    }
}

void bfs_source_clean(char *text)
{
    for (char *at = text, *end = text + strlen(text); at < end;) {
        size_t length = bfs_utf8_sequence(at, (size_t)(end - at));
        if (length == 0 || (unsigned char)*at < 0x20 || *at == 0x7f)
            *at = '?';
        at += length ? length : 1;
    }
}
