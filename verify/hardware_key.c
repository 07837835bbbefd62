/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/hardware_key.h"

#include <stdio.h>
#include <string.h>

#define WORD_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789._-"

static const struct bfs_json_field fields[] = {
    {"hardware", BFS_JSON_STRING, true},
    {"vendor", BFS_JSON_STRING, false},
    {"arch", BFS_JSON_STRING, false},
    {"features", BFS_JSON_ARRAY, false},
    {"compute_capability_min", BFS_JSON_STRING, false},
    {"driver_min", BFS_JSON_INTEGER, false},
    {"memory_bytes", BFS_JSON_INTEGER, false},
    {"runtime", BFS_JSON_STRING, false},
    {"layout_id", BFS_JSON_STRING, false},
    {"layout_version", BFS_JSON_INTEGER, false},
    {0},
};

static const char *const class_names[] = {
    [BFS_HARDWARE_CPU] = "cpu",
    [BFS_HARDWARE_GPU] = "gpu",
    [BFS_HARDWARE_ACCELERATOR] = "accelerator",
};
enum { N_CLASSES = sizeof(class_names) / sizeof(class_names[0]) };

const char *bfs_hardware_class_name(enum bfs_hardware_class hardware)
{
    return class_names[hardware];
}

int bfs_hardware_class_parse(const char *text, enum bfs_hardware_class *ret)
{
    for (unsigned i = 0; i < N_CLASSES; i++)
        if (strcmp(text, class_names[i]) == 0) {
            *ret = (enum bfs_hardware_class)i;
            return 0;
        }
    return -EBADMSG;
}

bool bfs_hardware_word_is_valid(const char *word)
{
    size_t length = strlen(word);
    return length > 0 && length <= BFS_KEY_WORD_MAX && strspn(word, WORD_CHARACTERS) == length;
}

uint32_t bfs_compute_capability_parse(const char *text)
{
    size_t n = strspn(text, "0123456789");
    if (n < 1 || n > 2 || text[0] == '0' || text[n] != '.' || text[n + 1] < '0' ||
        text[n + 1] > '9' || text[n + 2] != '\0')
        return 0;
    uint32_t major = (uint32_t)(text[0] - '0');
    if (n == 2)
        major = major * 10 + (uint32_t)(text[1] - '0');
    return major * 10 + (uint32_t)(text[n + 1] - '0');
}

char *bfs_compute_capability_text(uint32_t capability,
                                  char ret[static BFS_COMPUTE_CAPABILITY_TEXT_SIZE])
{
    (void)snprintf(ret, BFS_COMPUTE_CAPABILITY_TEXT_SIZE, "%u.%u", capability / 10,
                   capability % 10);
    return ret;
}

static int take_text(const char *text, const char *name, const char *what,
                     char ret[static BFS_KEY_WORD_MAX + 1], struct bfs_error *error)
{
    if (strlen(text) > BFS_KEY_WORD_MAX)
        return bfs_fail(error, -E2BIG, "%s: \"%s\" is longer than %d bytes", what, name,
                        BFS_KEY_WORD_MAX);
    if (!bfs_hardware_word_is_valid(text)) {
        (void)bfs_fail(error, -EBADMSG, "%s: \"%s\" is not a word", what, name);
        bfs_fail_values(error, "lower case letters, digits, '.', '_' and '-'", text);
        return -EBADMSG;
    }
    memcpy(ret, text, strlen(text) + 1);
    return 0;
}

static int take_word(struct json_object *object, const char *name, const char *what,
                     char ret[static BFS_KEY_WORD_MAX + 1], struct bfs_error *error)
{
    const char *text = bfs_json_string(object, name);
    return text ? take_text(text, name, what, ret, error) : 0;
}

static int take_number(struct json_object *object, const char *name, const char *what,
                       uint32_t *ret, struct bfs_error *error)
{
    uint64_t value = bfs_json_integer(object, name);
    if (value > UINT32_MAX)
        return bfs_fail(error, -E2BIG, "%s: \"%s\" is larger than 2^32-1", what, name);
    *ret = (uint32_t)value;
    return 0;
}

static int take_class(struct json_object *object, const char *what, struct bfs_hardware_key *key,
                      struct bfs_error *error)
{
    const char *text = bfs_json_string(object, "hardware");
    if (bfs_hardware_class_parse(text, &key->hardware)) {
        (void)bfs_fail(error, -EBADMSG, "%s: \"hardware\" is not a class of hardware", what);
        bfs_fail_values(error, "cpu, gpu or accelerator", text);
        return -EBADMSG;
    }
    return 0;
}

static int take_features(struct json_object *object, const char *what, struct bfs_hardware_key *key,
                         struct bfs_error *error)
{
    struct json_object *list = bfs_json_member(object, "features");
    size_t n = list ? json_object_array_length(list) : 0;
    if (n > BFS_KEY_FEATURES_MAX)
        return bfs_fail(error, -E2BIG, "%s: %zu features are more than %d", what, n,
                        BFS_KEY_FEATURES_MAX);
    for (size_t i = 0; i < n; i++) {
        struct json_object *item = json_object_array_get_idx(list, i);
        if (!json_object_is_type(item, json_type_string))
            return bfs_fail(error, -EBADMSG, "%s: feature %zu is not a string", what, i);
        int r = take_text(json_object_get_string(item), "features", what, key->features[i], error);
        if (r)
            return r;
        for (size_t j = 0; j < i; j++)
            if (strcmp(key->features[j], key->features[i]) == 0)
                return bfs_fail(error, -EBADMSG, "%s: the feature \"%s\" is there twice", what,
                                key->features[i]);
    }
    key->n_features = (unsigned)n;
    return 0;
}

static int take_device_minima(struct json_object *object, const char *what,
                              struct bfs_hardware_key *key, struct bfs_error *error)
{
    const char *text = bfs_json_string(object, "compute_capability_min");
    if (text && !(key->compute_capability_min = bfs_compute_capability_parse(text))) {
        (void)bfs_fail(error, -EBADMSG, "%s: \"compute_capability_min\" is not understood", what);
        bfs_fail_values(error, "a version such as 8.9, from 1.0 to 99.9", text);
        return -EBADMSG;
    }
    int r = take_number(object, "driver_min", what, &key->driver_min, error);
    if (r)
        return r;
    if (key->hardware == BFS_HARDWARE_CPU && (key->compute_capability_min || key->driver_min))
        return bfs_fail(error, -EBADMSG,
                        "%s: a cpu has neither a compute capability nor a driver to ask for", what);
    return 0;
}

int bfs_hardware_key_read(struct json_object *object, const char *what,
                          struct bfs_hardware_key *ret, struct bfs_error *error)
{
    struct bfs_hardware_key key = {0};
    int r;
    if ((r = bfs_json_check(object, fields, false, what, error)) ||
        (r = take_class(object, what, &key, error)) ||
        (r = take_word(object, "vendor", what, key.vendor, error)) ||
        (r = take_word(object, "arch", what, key.arch, error)) ||
        (r = take_features(object, what, &key, error)) ||
        (r = take_device_minima(object, what, &key, error)) ||
        (r = take_word(object, "runtime", what, key.runtime, error)) ||
        (r = take_word(object, "layout_id", what, key.layout_id, error)) ||
        (r = take_number(object, "layout_version", what, &key.layout_version, error)))
        return r;
    key.memory_bytes = bfs_json_integer(object, "memory_bytes");
    *ret = key;
    return 0;
}

static void add_word(struct json_object *object, const char *name, const char *word, int *status)
{
    if (*word)
        bfs_json_add_string(object, name, word, status);
}

static void add_number(struct json_object *object, const char *name, uint64_t value, int *status)
{
    if (value > BFS_JSON_INTEGER_MAX)
        *status = -E2BIG; /* a reader would refuse it */
    else if (value)
        bfs_json_add_integer(object, name, value, status);
}

struct json_object *bfs_hardware_key_json(const struct bfs_hardware_key *key, int *status)
{
    struct json_object *object = bfs_json_new_object(status);
    bfs_json_add_string(object, "hardware", bfs_hardware_class_name(key->hardware), status);
    add_word(object, "vendor", key->vendor, status);
    add_word(object, "arch", key->arch, status);
    if (key->n_features) {
        struct json_object *list = bfs_json_new_array(status);
        for (unsigned i = 0; i < key->n_features; i++)
            bfs_json_append(list, bfs_json_new_string(key->features[i], status), status);
        bfs_json_add(object, "features", list, status);
    }
    if (key->compute_capability_min) {
        char text[BFS_COMPUTE_CAPABILITY_TEXT_SIZE];
        bfs_json_add_string(object, "compute_capability_min",
                            bfs_compute_capability_text(key->compute_capability_min, text), status);
    }
    add_number(object, "driver_min", key->driver_min, status);
    add_number(object, "memory_bytes", key->memory_bytes, status);
    add_word(object, "runtime", key->runtime, status);
    add_word(object, "layout_id", key->layout_id, status);
    add_number(object, "layout_version", key->layout_version, status);
    return object;
}
