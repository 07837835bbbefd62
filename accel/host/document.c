/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/host.h"

#include "accel/host/words.h"
#include "verify/json.h"

#include <stdio.h>
#include <string.h>

#define SCHEMA_VERSION "1.0"

static const struct bfs_json_field root_fields[] = {
    {"schema_version", BFS_JSON_STRING, true},
    {"arch", BFS_JSON_STRING, false},
    {"cpu", BFS_JSON_OBJECT, false},
    {"memory_bytes", BFS_JSON_INTEGER, false},
    {"plane_kernels", BFS_JSON_STRING, false},
    {"devices", BFS_JSON_ARRAY, false},
    {0},
};
static const struct bfs_json_field cpu_fields[] = {
    {"vendor", BFS_JSON_STRING, false},
    {"model", BFS_JSON_STRING, false},
    {"usable", BFS_JSON_INTEGER, false},
    {"features", BFS_JSON_ARRAY, false},
    {0},
};
static const struct bfs_json_field device_fields[] = {
    {"hardware", BFS_JSON_STRING, true},
    {"vendor", BFS_JSON_STRING, false},
    {"arch", BFS_JSON_STRING, false},
    {"name", BFS_JSON_STRING, false},
    {"compute_capability", BFS_JSON_STRING, false},
    {"driver", BFS_JSON_STRING, false},
    {"driver_version", BFS_JSON_STRING, false},
    {"memory_bytes", BFS_JSON_INTEGER, false},
    {"pci_address", BFS_JSON_STRING, false},
    {"pci_id", BFS_JSON_STRING, false},
    {"usable", BFS_JSON_BOOLEAN, false},
    {"integrated", BFS_JSON_BOOLEAN, false},
    {0},
};

static void add_text(struct json_object *object, const char *name, const char *text, int *status)
{
    if (*text)
        bfs_json_add_string(object, name, text, status);
}

static void add_number(struct json_object *object, const char *name, uint64_t value, int *status)
{
    if (value)
        bfs_json_add_integer(object, name, value, status);
}

static void add_features(struct json_object *cpu, const char *features, int *status)
{
    if (!*features)
        return;
    struct json_object *list = bfs_json_new_array(status);
    bfs_autofree char *words = strdup(features);
    char *rest = words;
    for (char *word; words && (word = strsep(&rest, " "));)
        bfs_json_append(list, bfs_json_new_string(word, status), status);
    if (!words)
        *status = -ENOMEM;
    bfs_json_add(cpu, "features", list, status);
}

static struct json_object *device_object(const struct bfs_host_device *device, int *status)
{
    char capability[BFS_COMPUTE_CAPABILITY_TEXT_SIZE];
    struct json_object *object = bfs_json_new_object(status);
    bfs_json_add_string(object, "hardware", bfs_hardware_class_name(device->hardware), status);
    add_text(object, "vendor", device->vendor, status);
    add_text(object, "arch", device->arch, status);
    add_text(object, "name", device->name, status);
    if (device->compute_capability)
        bfs_json_add_string(object, "compute_capability",
                            bfs_compute_capability_text(device->compute_capability, capability),
                            status);
    add_text(object, "driver", device->driver, status);
    add_text(object, "driver_version", device->driver_version, status);
    add_number(object, "memory_bytes", device->memory_bytes, status);
    add_text(object, "pci_address", device->pci_address, status);
    add_text(object, "pci_id", device->pci_id, status);
    bfs_json_add_boolean(object, "usable", device->is_usable, status);
    bfs_json_add_boolean(object, "integrated", device->is_integrated, status);
    return object;
}

int bfs_host_write(const struct bfs_host *host, struct bfs_buffer *ret)
{
    int status = 0;
    bfs_autojson struct json_object *root = bfs_json_new_object(&status);
    bfs_json_add_string(root, "schema_version", SCHEMA_VERSION, &status);
    add_text(root, "arch", host->architecture, &status);
    struct json_object *cpu = bfs_json_new_object(&status);
    add_text(cpu, "vendor", host->cpu_vendor, &status);
    add_text(cpu, "model", host->cpu_model, &status);
    bfs_json_add_integer(cpu, "usable", host->n_cpus, &status);
    add_features(cpu, host->cpu_features, &status);
    bfs_json_add(root, "cpu", cpu, &status);
    add_number(root, "memory_bytes", host->memory_bytes, &status);
    add_text(root, "plane_kernels", host->kernels, &status);
    if (host->n_devices) {
        struct json_object *list = bfs_json_new_array(&status);
        for (unsigned i = 0; i < host->n_devices; i++)
            bfs_json_append(list, device_object(&host->devices[i], &status), &status);
        bfs_json_add(root, "devices", list, &status);
    }
    if (status == 0)
        status = bfs_json_publish(root, ret);
    return status;
}

/* A member that is a word of a hardware key, or absent. */
static int take_word(struct json_object *object, const char *name, const char *what, char *ret,
                     struct bfs_error *error)
{
    const char *text = bfs_json_string(object, name);
    if (!text)
        return 0;
    if (!bfs_hardware_word_is_valid(text)) {
        (void)bfs_fail(error, -EBADMSG, "%s: \"%s\" is not a word", what, name);
        bfs_fail_values(error, "1 to 63 lower case letters, digits, '.', '_' and '-'", text);
        return -EBADMSG;
    }
    memcpy(ret, text, strlen(text) + 1);
    return 0;
}

/* Any text of at most `size` - 1 bytes without control characters; not empty. */
static int take_text(struct json_object *object, const char *name, const char *what, char *ret,
                     size_t size, struct bfs_error *error)
{
    const char *text = bfs_json_string(object, name);
    if (!text)
        return 0;
    if (strlen(text) >= size)
        return bfs_fail(error, -E2BIG, "%s: \"%s\" is longer than %zu bytes", what, name, size - 1);
    bool is_plain = *text != '\0';
    for (const char *at = text; *at; at++)
        is_plain &= (unsigned char)*at >= 0x20 && *at != 0x7f;
    if (!is_plain)
        return bfs_fail(error, -EBADMSG, "%s: \"%s\" is empty or has control characters", what,
                        name);
    memcpy(ret, text, strlen(text) + 1);
    return 0;
}

static int take_features(struct json_object *cpu, const char *what, struct bfs_host *host,
                         struct bfs_error *error)
{
    struct json_object *list = bfs_json_member(cpu, "features");
    size_t n = list ? json_object_array_length(list) : 0;
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    if (n > BFS_HOST_FEATURES_MAX)
        return bfs_fail(error, -E2BIG, "%s: %zu features are more than %d", what, n,
                        BFS_HOST_FEATURES_MAX);
    for (size_t i = 0; i < n; i++) {
        struct json_object *item = json_object_array_get_idx(list, i);
        const char *word =
            json_object_is_type(item, json_type_string) ? json_object_get_string(item) : "";
        if (!bfs_hardware_word_is_valid(word))
            return bfs_fail(error, -EBADMSG, "%s: feature %zu is not a word", what, i);
        if (bfs_words_have((const char *)text.bytes, text.size, word, strlen(word)))
            return bfs_fail(error, -EBADMSG, "%s: the feature \"%s\" is there twice", what, word);
        if (i > 0)
            bfs_buffer_put_u8(&text, ' ');
        bfs_buffer_put_text(&text, word);
    }
    bfs_buffer_put_u8(&text, 0);
    if (bfs_buffer_status(&text))
        return bfs_fail(error, -ENOMEM, "%s: out of memory", what);
    host->cpu_features = (char *)bfs_buffer_steal(&text);
    return 0;
}

static int read_cpu(struct json_object *cpu, const char *what, struct bfs_host *host,
                    struct bfs_error *error)
{
    char part[128];
    int r;
    (void)snprintf(part, sizeof(part), "%.100s: cpu", what);
    if (cpu && (r = bfs_json_check(cpu, cpu_fields, false, part, error)))
        return r;
    host->n_cpus = 1;
    struct json_object *usable = cpu ? bfs_json_member(cpu, "usable") : NULL;
    if (usable) {
        uint64_t n = bfs_json_integer(cpu, "usable");
        if (n < 1 || n > 65536)
            return bfs_fail(error, -EBADMSG, "%s: \"usable\" is not from 1 to 65536", part);
        host->n_cpus = (unsigned)n;
    }
    if ((r = take_features(cpu, part, host, error)) || !cpu)
        return r;
    if ((r = take_word(cpu, "vendor", part, host->cpu_vendor, error)) ||
        (r = take_text(cpu, "model", part, host->cpu_model, sizeof(host->cpu_model), error)))
        return r;
    return 0;
}

static int read_class(struct json_object *object, const char *what, struct bfs_host_device *device,
                      struct bfs_error *error)
{
    const char *class = bfs_json_string(object, "hardware");
    const char *capability = bfs_json_string(object, "compute_capability");
    if (bfs_hardware_class_parse(class, &device->hardware) ||
        device->hardware == BFS_HARDWARE_CPU) {
        (void)bfs_fail(error, -EBADMSG, "%s: \"hardware\" is not a class of device", what);
        bfs_fail_values(error, "gpu or accelerator", class);
        return -EBADMSG;
    }
    if (capability && !(device->compute_capability = bfs_compute_capability_parse(capability))) {
        (void)bfs_fail(error, -EBADMSG, "%s: \"compute_capability\" is not understood", what);
        bfs_fail_values(error, "a version such as 8.9, from 1.0 to 99.9", capability);
        return -EBADMSG;
    }
    return 0;
}

static int read_device(struct json_object *object, const char *what, struct bfs_host_device *device,
                       struct bfs_error *error)
{
    int r;
    if ((r = bfs_json_check(object, device_fields, false, what, error)) ||
        (r = read_class(object, what, device, error)) ||
        (r = take_word(object, "vendor", what, device->vendor, error)) ||
        (r = take_word(object, "arch", what, device->arch, error)) ||
        (r = take_word(object, "driver", what, device->driver, error)) ||
        (r = take_text(object, "name", what, device->name, sizeof(device->name), error)) ||
        (r = take_text(object, "driver_version", what, device->driver_version,
                       sizeof(device->driver_version), error)) ||
        (r = take_text(object, "pci_address", what, device->pci_address,
                       sizeof(device->pci_address), error)) ||
        (r = take_text(object, "pci_id", what, device->pci_id, sizeof(device->pci_id), error)))
        return r;
    struct json_object *usable = bfs_json_member(object, "usable");
    device->is_usable = !usable || json_object_get_boolean(usable);
    device->is_integrated = json_object_get_boolean(bfs_json_member(object, "integrated"));
    device->memory_bytes = bfs_json_integer(object, "memory_bytes");
    return 0;
}

static int read_devices(struct json_object *list, const char *what, struct bfs_host *host,
                        struct bfs_error *error)
{
    size_t n = list ? json_object_array_length(list) : 0;
    if (n > BFS_HOST_DEVICES_MAX)
        return bfs_fail(error, -E2BIG, "%s: %zu devices are more than %d", what, n,
                        BFS_HOST_DEVICES_MAX);
    host->devices = calloc(n ? n : 1, sizeof(*host->devices));
    if (!host->devices)
        return bfs_fail(error, -ENOMEM, "%s: out of memory", what);
    for (size_t i = 0; i < n; i++) {
        char part[128];
        (void)snprintf(part, sizeof(part), "%.100s: device %zu", what, i);
        int r = read_device(json_object_array_get_idx(list, i), part, &host->devices[i], error);
        if (r)
            return r;
    }
    host->n_devices = (unsigned)n;
    return 0;
}

int bfs_host_read(const void *bytes, size_t size, const char *what, struct bfs_host *ret,
                  struct bfs_error *error)
{
    bfs_autojson struct json_object *root = NULL;
    bfs_autohost struct bfs_host host = {0};
    int r;
    if (size > BFS_HOST_FILE_MAX)
        return bfs_fail(error, -E2BIG, "%s: more than %d bytes", what, BFS_HOST_FILE_MAX);
    if ((r = bfs_json_parse(bytes, size, what, &root, error)) ||
        (r = bfs_json_check(root, root_fields, false, what, error)))
        return r;
    const char *version = bfs_json_string(root, "schema_version");
    if (strcmp(version, SCHEMA_VERSION) != 0) {
        (void)bfs_fail(error, -EPROTONOSUPPORT, "%s: the schema version is not known", what);
        bfs_fail_values(error, SCHEMA_VERSION, version);
        return -EPROTONOSUPPORT;
    }
    if ((r = take_word(root, "arch", what, host.architecture, error)) ||
        (r = take_word(root, "plane_kernels", what, host.kernels, error)) ||
        (r = read_cpu(bfs_json_member(root, "cpu"), what, &host, error)) ||
        (r = read_devices(bfs_json_member(root, "devices"), what, &host, error)))
        return r;
    host.memory_bytes = bfs_json_integer(root, "memory_bytes");
    *ret = host;
    memset(&host, 0, sizeof(host));
    return 0;
}
