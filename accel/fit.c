/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/fit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The conditions on a device, in the order in which they are asked. */
enum condition {
    CONDITION_VENDOR,
    CONDITION_ARCH,
    CONDITION_USABLE,
    CONDITION_INTEGRATED,
    CONDITION_KIND,
    CONDITION_CAPABILITY,
    CONDITION_DRIVER,
    CONDITION_MEMORY,
    N_CONDITIONS,
};

static const char *class_words(enum bfs_hardware_class hardware)
{
    return hardware == BFS_HARDWARE_GPU ? "GPU" : "accelerator";
}

enum { GB_TEXT_SIZE = 32 };

/* What is needed is rounded up and what there is down, so that the two never look the same when one
 * is too small. */
static char *gb_text(uint64_t bytes, bool is_need, char ret[static GB_TEXT_SIZE])
{
    const uint64_t tenth = 100000000;
    uint64_t tenths = bytes / tenth + (is_need && bytes % tenth != 0);
    (void)snprintf(ret, GB_TEXT_SIZE, "%" PRIu64 ".%" PRIu64 " GB", tenths / 10, tenths % 10);
    return ret;
}

/* The PCI class of accelerators has FPGA cards too, and nothing says what is loaded into them: a
 * key for any accelerator fits those that are known by their ids. */
static bool is_of_unknown_kind(const struct bfs_host_device *device,
                               const struct bfs_hardware_key *key)
{
    return device->hardware == BFS_HARDWARE_ACCELERATOR && !device->arch[0] && !key->vendor[0] &&
           !key->arch[0];
}

static enum condition first_missing(const struct bfs_host_device *device,
                                    const struct bfs_hardware_key *key, uint64_t need)
{
    if (key->vendor[0] && strcmp(key->vendor, device->vendor) != 0)
        return CONDITION_VENDOR;
    if (key->arch[0] && strcmp(key->arch, device->arch) != 0)
        return CONDITION_ARCH;
    if (!device->is_usable)
        return CONDITION_USABLE;
    if (device->is_integrated && !key->vendor[0])
        return CONDITION_INTEGRATED;
    if (is_of_unknown_kind(device, key))
        return CONDITION_KIND;
    if (key->compute_capability_min > device->compute_capability)
        return CONDITION_CAPABILITY;
    if (key->driver_min > bfs_host_driver_major(device))
        return CONDITION_DRIVER;
    if (device->memory_bytes && need > device->memory_bytes)
        return CONDITION_MEMORY;
    return N_CONDITIONS;
}

/* Would `a` be named rather than `b`? Of two that meet as many conditions the one that is nearer.
 */
static bool is_better(const struct bfs_host_device *a, enum condition a_missing,
                      const struct bfs_host_device *b, enum condition b_missing)
{
    if (a_missing != b_missing)
        return a_missing > b_missing;
    if (a_missing == N_CONDITIONS && !a->memory_bytes != !b->memory_bytes)
        return a->memory_bytes != 0;
    if (a_missing != CONDITION_MEMORY && a_missing != CONDITION_DRIVER &&
        a->compute_capability != b->compute_capability)
        return a->compute_capability > b->compute_capability;
    if (a_missing == CONDITION_DRIVER && bfs_host_driver_major(a) != bfs_host_driver_major(b))
        return bfs_host_driver_major(a) > bfs_host_driver_major(b);
    return a->memory_bytes > b->memory_bytes;
}

static const struct bfs_host_device *best_device(const struct bfs_host *host,
                                                 const struct bfs_hardware_key *key, uint64_t need,
                                                 enum condition *ret_missing, unsigned *ret_n)
{
    const struct bfs_host_device *best = NULL;
    unsigned n = 0;
    for (unsigned i = 0; i < host->n_devices; i++) {
        const struct bfs_host_device *device = &host->devices[i];
        if (device->hardware != key->hardware)
            continue;
        enum condition missing = first_missing(device, key, need);
        n++;
        if (!best || is_better(device, missing, best, *ret_missing)) {
            best = device;
            *ret_missing = missing;
        }
    }
    *ret_n = n;
    return best;
}

static void say_missing(const struct bfs_host_device *device, enum condition missing, unsigned n,
                        const struct bfs_hardware_key *key, uint64_t need, char *ret)
{
    const char *class = class_words(key->hardware);
    const char *best = n == 1 ? "the" : "the best";
    char a[GB_TEXT_SIZE], b[GB_TEXT_SIZE];
    size_t size = BFS_FIT_REASON_MAX + 1;
    switch (missing) {
    case CONDITION_VENDOR:
        (void)snprintf(ret, size, "needs the vendor %s; %s %s here is of %s", key->vendor, best,
                       class, device->vendor[0] ? device->vendor : "an unknown one");
        break;
    case CONDITION_ARCH:
        (void)snprintf(ret, size, "needs the arch %s; %s %s here has %s", key->arch, best, class,
                       device->arch[0] ? device->arch : "an unknown one");
        break;
    case CONDITION_USABLE:
        (void)snprintf(ret, size, "needs a driver that computes; %s %s here has %s", best, class,
                       device->driver[0] ? device->driver : "none");
        break;
    case CONDITION_INTEGRATED:
        (void)snprintf(ret, size, "needs a %s of its own; %s one here is part of the CPU", class,
                       best);
        break;
    case CONDITION_KIND:
        (void)snprintf(ret, size,
                       "needs an accelerator of a known arch; that of %s one here is unknown",
                       best);
        break;
    case CONDITION_CAPABILITY:
        if (device->compute_capability)
            (void)snprintf(ret, size, "needs compute capability %s; %s %s here has %s",
                           bfs_compute_capability_text(key->compute_capability_min, a), best, class,
                           bfs_compute_capability_text(device->compute_capability, b));
        else
            (void)snprintf(ret, size, "needs compute capability %s; that of %s %s here is unknown",
                           bfs_compute_capability_text(key->compute_capability_min, a), best,
                           class);
        break;
    case CONDITION_DRIVER:
        (void)snprintf(ret, size, "needs driver %" PRIu32 "; %s %s here has %s %s", key->driver_min,
                       best, class, device->driver[0] ? device->driver : "one",
                       device->driver_version[0] ? device->driver_version : "of unknown version");
        break;
    case CONDITION_MEMORY:
        (void)snprintf(ret, size, "needs %s of memory; %s %s here has %s", gb_text(need, true, a),
                       n == 1 ? "the" : "the largest", class,
                       gb_text(device->memory_bytes, false, b));
        break;
    case N_CONDITIONS:
        break;
    }
}

/* The score's parts, the weightiest first. */
struct part {
    uint64_t value;
    unsigned bits;
};

static unsigned isa_rank(const struct bfs_hardware_key *key)
{
    static const struct {
        const char *prefix;
        unsigned rank;
    } ranks[] = {
        {"amx", 7}, {"sme", 7},  {"avx512", 6}, {"avx10", 6}, {"sve2", 5},  {"sve", 4},
        {"avx", 3}, {"f16c", 3}, {"fma", 3},    {"neon", 2},  {"asimd", 2}, {"", 1},
    };
    unsigned best = 0;
    for (unsigned i = 0; i < key->n_features; i++)
        for (size_t j = 0; j < sizeof(ranks) / sizeof(ranks[0]); j++)
            if (strncmp(key->features[i], ranks[j].prefix, strlen(ranks[j].prefix)) == 0) {
                best = ranks[j].rank > best ? ranks[j].rank : best;
                break;
            }
    return best;
}

static uint64_t score(const struct bfs_hardware_key *key, bool is_bare, bool is_memory_known,
                      uint64_t need)
{
    const struct part parts[] = {
        {key->hardware, 2},
        {!is_bare, 1},
        {is_memory_known, 1},
        {key->arch[0] != '\0', 1},
        {key->vendor[0] != '\0', 1},
        {isa_rank(key), 3},
        {key->compute_capability_min, 10},
        {need >> 10, 44},
    };
    uint64_t sum = 1; /* of those that fit none has 0 */
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        uint64_t most = (UINT64_C(1) << parts[i].bits) - 1;
        sum = sum << parts[i].bits | (parts[i].value < most ? parts[i].value : most);
    }
    return sum;
}

static bool miss_features(const struct bfs_host *host, const struct bfs_hardware_key *key,
                          char *ret)
{
    char list[BFS_FIT_REASON_MAX + 1];
    size_t size = 0;
    unsigned n = 0;
    for (unsigned i = 0; i < key->n_features; i++) {
        if (bfs_host_has_feature(host, key->features[i]))
            continue;
        if (size < sizeof(list))
            size += (size_t)snprintf(list + size, sizeof(list) - size, "%s%s", n ? ", " : "",
                                     key->features[i]);
        n++;
    }
    if (n > 0)
        (void)snprintf(ret, BFS_FIT_REASON_MAX + 1,
                       "needs the CPU feature%s %.200s%s; missing here", n == 1 ? "" : "s", list,
                       size > 200 ? " ..." : "");
    return n > 0;
}

static bool judge_cpu(const struct bfs_host *host, const struct bfs_hardware_key *key,
                      uint64_t need, char *ret)
{
    char a[GB_TEXT_SIZE], b[GB_TEXT_SIZE];
    size_t size = BFS_FIT_REASON_MAX + 1;
    const char *arch = host->architecture[0] ? host->architecture : "an unknown one";
    const char *vendor = host->cpu_vendor[0] ? host->cpu_vendor : "an unknown one";
    if (key->vendor[0] && strcmp(key->vendor, host->cpu_vendor) != 0)
        (void)snprintf(ret, size, "needs the vendor %s; the CPU here is of %s", key->vendor,
                       vendor);
    else if (key->arch[0] && strcmp(key->arch, host->architecture) != 0)
        (void)snprintf(ret, size, "needs the arch %s; the CPU here has %s", key->arch, arch);
    else if (miss_features(host, key, ret))
        return false;
    else if (host->memory_bytes && need > host->memory_bytes)
        (void)snprintf(ret, size, "needs %s of memory; this host has %s", gb_text(need, true, a),
                       gb_text(host->memory_bytes, false, b));
    else {
        (void)snprintf(ret, size, "fits the CPU%s",
                       host->memory_bytes ? "" : "; the size of the memory is unknown");
        return true;
    }
    return false;
}

static bool judge_device(const struct bfs_host *host, const struct bfs_hardware_key *key,
                         uint64_t need, bool *ret_memory_known, char *ret)
{
    enum condition missing = CONDITION_VENDOR;
    unsigned n;
    const struct bfs_host_device *device = best_device(host, key, need, &missing, &n);
    if (!device) {
        (void)snprintf(ret, BFS_FIT_REASON_MAX + 1, "needs %s %s; there is none here",
                       key->hardware == BFS_HARDWARE_GPU ? "a" : "an", class_words(key->hardware));
        return false;
    }
    if (missing != N_CONDITIONS) {
        say_missing(device, missing, n, key, need, ret);
        return false;
    }
    if (miss_features(host, key, ret))
        return false;
    *ret_memory_known = device->memory_bytes != 0;
    (void)snprintf(ret, BFS_FIT_REASON_MAX + 1, "fits %s%s",
                   device->name[0] ? device->name : class_words(key->hardware),
                   *ret_memory_known ? "" : "; the size of its memory is unknown");
    return true;
}

void bfs_fit_judge(const struct bfs_host *host, const struct bfs_hardware_key *key,
                   struct bfs_fit_view view, struct bfs_fit *ret)
{
    struct bfs_fit fit = {0};
    uint64_t need = key->memory_bytes ? key->memory_bytes : view.size;
    bool is_memory_known = host->memory_bytes != 0;
    fit.fits = key->hardware == BFS_HARDWARE_CPU
                   ? judge_cpu(host, key, need, fit.reason)
                   : judge_device(host, key, need, &is_memory_known, fit.reason);
    if (fit.fits)
        fit.score = score(key, view.is_bare, is_memory_known, need);
    *ret = fit;
}

int bfs_fit_best(const struct bfs_fit *fits, const char *const *ids, size_t n)
{
    size_t best = n;
    for (size_t i = 0; i < n; i++)
        if (fits[i].fits && (best == n || fits[i].score > fits[best].score ||
                             (fits[i].score == fits[best].score && strcmp(ids[i], ids[best]) < 0)))
            best = i;
    return best < n ? (int)best : -1;
}
