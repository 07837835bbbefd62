/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/name.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alphanumeric(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_separator(char c)
{
    return c == '.' || c == '_' || c == '-';
}

static bool is_name(const char *name, size_t length)
{
    if (length == 0 || length > BFS_NAME_MAX)
        return false;
    for (size_t i = 0; i < length; i++) {
        bool inner = i > 0 && i + 1 < length && is_alphanumeric(name[i - 1]);
        /* "--" and "__" are in use on model hubs; any run of separators between letters is fine. */
        bool run = i > 0 && i + 1 < length && is_separator(name[i - 1]);
        if (is_alphanumeric(name[i]) || (name[i] == '/' && inner))
            continue;
        if (!is_separator(name[i]) || !(inner || run) || name[i + 1] == '/')
            return false;
    }
    return true;
}

static bool is_tag(const char *version, size_t length)
{
    if (length == 0 || length > BFS_VERSION_MAX)
        return false;
    for (size_t i = 0; i < length; i++)
        if (!is_alphanumeric(version[i]) && version[i] != '_' &&
            (i == 0 || !is_separator(version[i])))
            return false;
    return true;
}

bool bfs_model_name_is_valid(const char *name, size_t length)
{
    return is_name(name, length);
}

int bfs_model_name_check(const char *name, size_t length, struct bfs_error *error)
{
    if (is_name(name, length))
        return 0;
    return bfs_fail(
        error, -EINVAL,
        "\"%.*s\" is not a model name; write parts joined by '/', each of letters (also "
        "capitals) and digits with '.', '_' or '-' between them, at most %d bytes in "
        "all, such as Acme/Llama-3",
        (int)(length > 256 ? 256 : length), name, BFS_NAME_MAX);
}

bool bfs_version_is_reserved(const char *version)
{
    static const char prefix[] = "sha256-";
    enum { DIGITS = 64 };
    if (strncmp(version, prefix, strlen(prefix)) != 0)
        return false;
    size_t digits = strspn(version + strlen(prefix), "0123456789abcdef");
    char end = version[strlen(prefix) + digits];
    return digits == DIGITS && (end == '\0' || end == '.');
}

int bfs_reference_parse(const char *text, struct bfs_reference *ret, struct bfs_error *error)
{
    const char *colon = strrchr(text, ':');
    if (!colon)
        return bfs_fail(error, -EINVAL, "\"%s\" has no version; write NAME:VERSION", text);
    size_t name_length = (size_t)(colon - text), version_length = strlen(colon + 1);
    int r = bfs_model_name_check(text, name_length, error);
    if (r)
        return r;
    if (!is_tag(colon + 1, version_length))
        return bfs_fail(error, -EINVAL,
                        "\"%.256s\" is not a version; use letters, digits, '.', '_', '-', at most "
                        "%d, starting with a letter or digit",
                        colon + 1, BFS_VERSION_MAX);
    if (strcmp(colon + 1, "latest") == 0)
        return bfs_fail(error, -EINVAL,
                        "\"latest\" is a link that the mount makes; name a version");
    if (bfs_version_is_reserved(colon + 1))
        return bfs_fail(error, -EINVAL,
                        "\"%.100s\" is reserved for what refers to a manifest; name a version",
                        colon + 1);
    memcpy(ret->name, text, name_length);
    ret->name[name_length] = '\0';
    memcpy(ret->version, colon + 1, version_length + 1);
    return 0;
}

char *bfs_reference_text(const struct bfs_reference *reference,
                         char ret[static BFS_REFERENCE_MAX + 1])
{
    (void)snprintf(ret, BFS_REFERENCE_MAX + 1, "%s:%s", reference->name, reference->version);
    return ret;
}

/* Compares two runs of digits of any length as numbers. */
static int compare_digits(const char *a, size_t a_length, const char *b, size_t b_length)
{
    while (a_length > 1 && *a == '0') {
        a++;
        a_length--;
    }
    while (b_length > 1 && *b == '0') {
        b++;
        b_length--;
    }
    if (a_length != b_length)
        return a_length < b_length ? -1 : 1;
    return memcmp(a, b, a_length);
}

/* Length of the numeric core "1.2.3", or 0 when the text does not start with one. */
static size_t core_length(const char *text)
{
    size_t i = 0;
    for (;;) {
        size_t start = i;
        while (is_digit(text[i]))
            i++;
        if (i == start)
            return 0;
        if (text[i] != '.')
            break;
        i++;
    }
    return text[i] == '\0' || text[i] == '-' || text[i] == '_' ? i : 0;
}

static const char *without_v(const char *version)
{
    return version[0] == 'v' && is_digit(version[1]) ? version + 1 : version;
}

static int compare_identifiers(const char *a, size_t a_length, const char *b, size_t b_length)
{
    bool a_number = a_length > 0 && strspn(a, "0123456789") >= a_length;
    bool b_number = b_length > 0 && strspn(b, "0123456789") >= b_length;
    if (a_number && b_number)
        return compare_digits(a, a_length, b, b_length);
    if (a_number != b_number)
        return a_number ? -1 : 1;
    size_t shorter = a_length < b_length ? a_length : b_length;
    int order = memcmp(a, b, shorter);
    if (order != 0 || a_length == b_length)
        return order;
    return a_length < b_length ? -1 : 1;
}

/* Compares two dotted lists; the one that ends first is the lower. */
static int compare_dotted(const char *a, size_t a_length, const char *b, size_t b_length)
{
    while (a_length > 0 && b_length > 0) {
        const char *a_dot = memchr(a, '.', a_length), *b_dot = memchr(b, '.', b_length);
        size_t a_part = a_dot ? (size_t)(a_dot - a) : a_length;
        size_t b_part = b_dot ? (size_t)(b_dot - b) : b_length;
        int order = compare_identifiers(a, a_part, b, b_part);
        if (order != 0)
            return order;
        size_t a_step = a_dot ? a_part + 1 : a_part, b_step = b_dot ? b_part + 1 : b_part;
        a += a_step;
        a_length -= a_step;
        b += b_step;
        b_length -= b_step;
    }
    if (a_length == b_length)
        return 0;
    return a_length < b_length ? -1 : 1;
}

bool bfs_version_compare(const char *a, const char *b, int *ret)
{
    a = without_v(a);
    b = without_v(b);
    size_t a_core = core_length(a), b_core = core_length(b);
    if (a_core == 0 || b_core == 0)
        return false;
    int order = compare_dotted(a, a_core, b, b_core);
    if (order == 0) {
        const char *a_rest = a + a_core, *b_rest = b + b_core;
        if (*a_rest == '\0' || *b_rest == '\0')
            order = (*a_rest == '\0') - (*b_rest == '\0');
        else
            order = compare_dotted(a_rest + 1, strlen(a_rest + 1), b_rest + 1, strlen(b_rest + 1));
    }
    *ret = (order > 0) - (order < 0);
    return true;
}

bool bfs_version_is_release(const char *version)
{
    version = without_v(version);
    size_t core = core_length(version);
    return core > 0 && version[core] == '\0';
}

bool bfs_component_is_valid(const char *name, size_t length)
{
    if (length == 0 || length > BFS_COMPONENT_MAX)
        return false;
    if (memchr(name, '/', length) || memchr(name, '\0', length))
        return false;
    return !(name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.')));
}

bool bfs_target_stays_inside(size_t depth, const char *target)
{
    if (target[0] == '/' || target[0] == '\0' || strlen(target) > BFS_TARGET_MAX)
        return false;
    bool named = false;
    for (const char *at = target; *at;) {
        size_t length = strcspn(at, "/");
        if (length == 2 && at[0] == '.' && at[1] == '.') {
            if (named || depth == 0)
                return false;
            depth--;
        } else if (length > 0 && !(length == 1 && at[0] == '.')) {
            named = true;
        }
        at += length + (at[length] == '/');
    }
    return true;
}

bool bfs_name_is_reserved(const char *name)
{
    static const char *const reserved[] = {"manifest.json", "SHA256SUMS", "signatures", "views"};
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
        if (strcmp(name, reserved[i]) == 0)
            return true;
    return false;
}
