/* SPDX-License-Identifier: Apache-2.0
 * bundlefs host: what this host is, as the choice of views sees it. */
#include "accel/host.h"
#include "tools/message.h"
#include "tools/text.h"
#include "tools/verbs.h"

#include <stdio.h>
#include <string.h>

enum { LABEL_WIDTH = 10, LINE_WIDTH = 80 };

struct options {
    bool json;
};

/* Of the many features, those that kernels of models are written for; a '*' stands for any end. */
static const char *const telling[] = {
    "sse4_2", "avx",  "f16c",    "fma",  "avx2", "avx_vnni", "avx512*", "avx10*",
    "amx_*",  "neon", "dotprod", "i8mm", "bf16", "sve*",     "sme",     "sme2",
};

static bool tells(const char *word, size_t length)
{
    for (size_t i = 0; i < sizeof(telling) / sizeof(telling[0]); i++) {
        size_t n = strcspn(telling[i], "*");
        if (strncmp(word, telling[i], n) == 0 && (length == n || (length > n && telling[i][n])))
            return true;
    }
    return false;
}

static void print_features(const char *at)
{
    size_t column = (size_t)printf("%-*s", LABEL_WIDTH, "features"), n_words = 0;
    for (size_t n; *at; at += n + (at[n] == ' ')) {
        n = strcspn(at, " ");
        if (!tells(at, n))
            continue;
        if (n_words > 0 && column + 1 + n > LINE_WIDTH) {
            column = (size_t)printf("\n%-*s", LABEL_WIDTH, "") - 1;
            n_words = 0;
        }
        column += (size_t)printf("%s%.*s", n_words++ > 0 ? " " : "", (int)n, at);
    }
    (void)printf("%s\n", n_words > 0 ? "" : "none that matters here");
}

static const char *or_dash(const char *text)
{
    return *text ? text : "-";
}

static void add_row(struct bfs_table *table, const struct bfs_host_device *device)
{
    char capability[BFS_COMPUTE_CAPABILITY_TEXT_SIZE], memory[BFS_SIZE_TEXT_SIZE];
    char driver[2 * BFS_KEY_WORD_MAX + 16];
    (void)snprintf(driver, sizeof(driver), "%s%s%s%s", or_dash(device->driver),
                   device->driver_version[0] ? " " : "", device->driver_version,
                   device->is_usable ? "" : " (unusable)");
    bfs_table_row(table, or_dash(device->pci_address),
                  device->is_integrated ? "gpu in cpu" : bfs_hardware_class_name(device->hardware),
                  or_dash(device->vendor), or_dash(device->arch),
                  device->compute_capability
                      ? bfs_compute_capability_text(device->compute_capability, capability)
                      : "-",
                  device->memory_bytes ? bfs_text_size(device->memory_bytes, memory) : "-", driver,
                  or_dash(device->name), NULL);
}

static int print_devices(const struct bfs_host *host)
{
    if (host->n_devices == 0) {
        (void)printf("%-*snone\n", LABEL_WIDTH, "devices");
        return BFS_EXIT_OK;
    }
    struct bfs_table *table = bfs_table_new("llllrrll");
    if (!table) {
        bfs_message("out of memory");
        return BFS_EXIT_FAILED;
    }
    bfs_table_row(table, "PCI", "CLASS", "VENDOR", "ARCH", "COMPUTE", "MEMORY", "DRIVER", "NAME",
                  NULL);
    for (unsigned i = 0; i < host->n_devices; i++)
        add_row(table, &host->devices[i]);
    (void)fputs("\n", stdout);
    if (bfs_table_print(table, stdout)) {
        bfs_message("out of memory");
        return BFS_EXIT_FAILED;
    }
    return BFS_EXIT_OK;
}

static int print_text(const struct bfs_host *host)
{
    char memory[BFS_SIZE_TEXT_SIZE];
    bfs_autofree char *model = bfs_text_printable(host->cpu_model, strlen(host->cpu_model));
    if (!model) {
        bfs_message("out of memory");
        return BFS_EXIT_FAILED;
    }
    (void)printf("%-*s%s\n", LABEL_WIDTH, "cpu", *model ? model : "unknown");
    (void)printf("%-*svendor %s, arch %s, %u usable\n", LABEL_WIDTH, "", or_dash(host->cpu_vendor),
                 or_dash(host->architecture), host->n_cpus);
    print_features(host->cpu_features);
    (void)printf("%-*s%s\n", LABEL_WIDTH, "memory",
                 host->memory_bytes ? bfs_text_size(host->memory_bytes, memory) : "unknown");
    return print_devices(host);
}

static int run(const void *given, int n_args, char **args)
{
    const struct options *options = given;
    bfs_autohost struct bfs_host host = {0};
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    struct bfs_error error = {0};
    (void)n_args;
    (void)args;
    if (bfs_host_load(NULL, &host, &error))
        return bfs_message_error(&error);
    if (!options->json)
        return print_text(&host);
    if (bfs_host_write(&host, &text)) {
        bfs_message("out of memory");
        return BFS_EXIT_FAILED;
    }
    (void)fwrite(text.bytes, 1, text.size, stdout);
    return BFS_EXIT_OK;
}

static const struct bfs_option table[] = {
    BFS_OPTION_JSON(struct options),
    {0},
};

const struct bfs_verb bfs_verb_host = {
    .name = "host",
    .run = run,
    .summary = "show what this host is, as the choice of views sees it",
    .synopsis = "",
    .text = "Shows the CPU and its features, the memory, and each GPU and accelerator with its "
            "compute capability, memory and driver. No device is touched.\n\n"
            "BUNDLEFS_HOST names a file with the description of another host to use instead; what "
            "--json prints is such a file.",
    .options = table,
    .options_size = sizeof(struct options),
    .min_args = 0,
    .max_args = 0,
};
