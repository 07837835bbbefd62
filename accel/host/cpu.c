/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/host/cpu.h"

#include "accel/host/source.h"

#include <stdio.h>
#include <string.h>

enum {
    CPUINFO_SIZE = 64 << 10,  /* the first processor's lines, some times over */
    FEATURES_SIZE = 32 << 10, /* of one line */
};

/* x86 vendors by the CPUID string; ARM implementers as Arm's manual of MIDR_EL1 numbers them. */
static const struct {
    const char *found;
    const char *word;
} vendors[] = {
    {"GenuineIntel", "intel"},   {"AuthenticAMD", "amd"}, {"HygonGenuine", "hygon"},
    {"CentaurHauls", "zhaoxin"}, {"Shanghai", "zhaoxin"}, {"0x41", "arm"},
    {"0x42", "broadcom"},        {"0x43", "cavium"},      {"0x46", "fujitsu"},
    {"0x48", "hisilicon"},       {"0x4e", "nvidia"},      {"0x50", "apm"},
    {"0x51", "qualcomm"},        {"0x53", "samsung"},     {"0x61", "apple"},
    {"0x6d", "microsoft"},       {"0xc0", "ampere"},
};

/* Arm's own server cores by part number, as its reference manuals have it: the kernel prints no
 * model there. */
static const struct {
    const char *part;
    const char *name;
} arm_parts[] = {
    {"0xd08", "Cortex-A72"},  {"0xd0c", "Neoverse-N1"}, {"0xd40", "Neoverse-V1"},
    {"0xd49", "Neoverse-N2"}, {"0xd4f", "Neoverse-V2"}, {"0xd84", "Neoverse-V3"},
    {"0xd8e", "Neoverse-N3"},
};

/* The kernel has names of its own for some; views may ask by the usual ones. */
static const struct {
    const char *found;
    const char *word;
} aliases[] = {
    {"pni", "sse3"},
    {"abm", "lzcnt"},
    {"asimd", "neon"},
    {"asimddp", "dotprod"},
};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static void describe_vendor(const char *text, struct bfs_host *host)
{
    char found[BFS_HOST_WORD_MAX + 1];
    bfs_source_value(text, "vendor_id", found, sizeof(found));
    if (!found[0])
        bfs_source_value(text, "CPU implementer", found, sizeof(found));

    for (size_t i = 0; i < LENGTH(vendors); i++)
        if (strcmp(found, vendors[i].found) == 0)
            (void)snprintf(host->cpu_vendor, sizeof(host->cpu_vendor), "%s", vendors[i].word);
}

static void describe_model(const char *text, struct bfs_host *host)
{
    char part[BFS_HOST_WORD_MAX + 1];
    bfs_source_value(text, "model name", host->cpu_model, sizeof(host->cpu_model));
    bfs_source_value(text, "CPU part", part, sizeof(part));
    for (size_t i = 0; i < LENGTH(arm_parts) && !host->cpu_model[0]; i++)
        if (strcmp(host->cpu_vendor, "arm") == 0 && strcmp(part, arm_parts[i].part) == 0)
            (void)snprintf(host->cpu_model, sizeof(host->cpu_model), "%s", arm_parts[i].name);
    bfs_source_clean(host->cpu_model);
}

static int describe_features(const char *text, bool is_live, struct bfs_host *host)
{
    struct bfs_words words = {0};
    bfs_autofree char *line = malloc(FEATURES_SIZE);
    if (!line)
        return -ENOMEM;
    bfs_source_value(text, "flags", line, FEATURES_SIZE);
    if (!line[0])
        bfs_source_value(text, "Features", line, FEATURES_SIZE); /* ARM's word for it */
    bfs_words_add_all(&words, line);
    if (is_live)
        bfs_cpu_add_live_features(&words);
    for (size_t i = 0; i < LENGTH(aliases); i++)
        if (bfs_words_have((const char *)words.text.bytes, words.text.size, aliases[i].found,
                           strlen(aliases[i].found)))
            bfs_words_add(&words, aliases[i].word, strlen(aliases[i].word));
    bfs_buffer_put_u8(&words.text, 0);
    if (bfs_buffer_status(&words.text)) {
        bfs_buffer_done(&words.text);
        return -ENOMEM;
    }
    host->cpu_features = (char *)bfs_buffer_steal(&words.text);
    return 0;
}

int bfs_cpu_describe(const char *root, bool is_live, struct bfs_host *host)
{
    bfs_autofree char *text = malloc(CPUINFO_SIZE);
    if (!text)
        return -ENOMEM;
    (void)bfs_source_text(text, CPUINFO_SIZE, root, "proc/cpuinfo");
    describe_vendor(text, host);
    describe_model(text, host);
    return describe_features(text, is_live, host);
}

unsigned bfs_cpu_count_listed(const char *root)
{
    unsigned n = 0;
    bfs_autofree char *text = malloc(CPUINFO_SIZE);
    if (!text || !bfs_source_text(text, CPUINFO_SIZE, root, "proc/cpuinfo"))
        return 1;
    for (const char *at = text; at; at = strchr(at + 1, '\n'))
        n += strncmp(at + (*at == '\n'), "processor\t", 10) == 0;
    return n ? n : 1;
}
