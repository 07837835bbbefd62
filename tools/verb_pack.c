/* SPDX-License-Identifier: Apache-2.0
 * bundlefs pack: a directory becomes a bundle. */
#include "accel/profile.h"
#include "accel/view/views.h"
#include "codec/pack/pack.h"
#include "tools/interrupt.h"
#include "tools/jobs.h"
#include "tools/message.h"
#include "tools/opened.h"
#include "tools/progress.h"
#include "tools/provenance.h"
#include "tools/report.h"
#include "tools/review.h"
#include "tools/text.h"
#include "tools/verbs.h"
#include "verify/checked.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct options {
    const char *key;
    const char *password_file;
    const char *trace;
    const char *mode;
    char *views; /* ids, joined by commas */
    uint64_t jobs;
    uint64_t chunk_size;
    bool dereference;
    bool no_dedup;
    bool is_hidden;
    bool no_check;
    bool json;
};

/* What the callbacks of a pack share. */
struct packing {
    struct bfs_progress progress;
    const struct bfs_pack_options *options;
    const char *store_path;
    bool no_check;
};

static int on_progress(void *context, const struct bfs_pack_progress *now)
{
    struct packing *packing = context;
    packing->progress.what = now->section;
    bfs_progress_show(&packing->progress, now->done, now->total, now->stored);
    return bfs_interrupted();
}

static void on_warning(void *context, const char *text)
{
    struct packing *packing = context;
    bfs_progress_clear(&packing->progress);
    bfs_message("%s", text);
}

/* https://reproducible-builds.org/specs/source-date-epoch: decimal digits and nothing else. */
static int read_source_date_epoch(int64_t *ret)
{
    static const int64_t last = 253402300799; /* the end of the year 9999 */
    const char *text = getenv("SOURCE_DATE_EPOCH");
    int64_t value = 0;
    *ret = -1;
    if (!text)
        return BFS_EXIT_OK;
    for (const char *at = text; *at || at == text; at++) {
        if (*at < '0' || *at > '9' || value > last / 10)
            return bfs_message_usage("pack", "SOURCE_DATE_EPOCH is \"%s\", not seconds since 1970",
                                     text);
        value = value * 10 + (*at - '0');
    }
    if (value > last)
        return bfs_message_usage("pack", "SOURCE_DATE_EPOCH lies after the year 9999");
    *ret = value;
    return BFS_EXIT_OK;
}

/* As chmod(1) takes it. Nobody outside the owner's group may write in a store, and the owner must
 * be able to. */
static int read_mode(const char *text, mode_t *ret)
{
    char *end;
    *ret = BFS_STORE_MODE_ANY;
    if (!text)
        return BFS_EXIT_OK;
    unsigned long mode = strtoul(text, &end, 8);
    if (*text < '0' || *text > '7' || *end || (mode & 0700) != 0700 || (mode & ~02775UL))
        return bfs_message_usage("pack",
                                 "--mode is \"%s\", not an octal mode of a folder such as 0750, "
                                 "which leaves all to the owner and no writing to others",
                                 text);
    *ret = (mode_t)mode;
    return BFS_EXIT_OK;
}

static int print_json(const struct bfs_pack_options *options, const struct bfs_pack_report *report)
{
    int status = 0;
    struct json_object *root = bfs_json_new_object(&status);
    bfs_json_add_string(root, "name", options->reference.name, &status);
    bfs_json_add_string(root, "version", options->reference.version, &status);
    bfs_report_digest(root, "id", &report->bundle, &status);
    bfs_json_add_integer(root, "n_files", report->n_files, &status);
    bfs_json_add_integer(root, "n_tensors", report->n_tensors, &status);
    bfs_json_add_integer(root, "content_size", report->content_size, &status);
    bfs_json_add_integer(root, "stored_size", report->stored_size, &status);
    bfs_json_add_integer(root, "new_size", report->new_size, &status);
    bfs_json_add_integer(root, "known_size", report->known_size, &status);
    return bfs_report_print(root, status);
}

static int print_line(const struct bfs_pack_options *options, const struct bfs_pack_report *report)
{
    char name[BFS_REFERENCE_MAX + 1], id[BFS_DIGEST_TEXT_SIZE];
    char size[BFS_SIZE_TEXT_SIZE], left[BFS_SIZE_TEXT_SIZE], added[BFS_SIZE_TEXT_SIZE];
    (void)printf("%s  %s  %" PRIu64 " files, %s, %s left, %s new\n",
                 bfs_reference_text(&options->reference, name),
                 bfs_digest_text(&report->bundle, id), report->n_files,
                 bfs_text_size(report->content_size, size),
                 bfs_text_left(report->stored_size, report->content_size, left),
                 bfs_text_size(report->new_size, added));
    return BFS_EXIT_OK;
}

static int on_review(void *context, const struct bfs_scan *scan, struct bfs_error *error)
{
    const struct packing *packing = context;
    return bfs_review_pack(packing->store_path, packing->options, scan, packing->no_check, error);
}

static int pack_into(const char *store_path, mode_t mode, bool no_check,
                     struct bfs_pack_options *options, struct bfs_pack_report *ret)
{
    BFS_CLEANUP(bfs_store_cleanup) struct bfs_store *store = NULL;
    struct packing packing = {.progress = bfs_progress_start(),
                              .options = options,
                              .store_path = store_path,
                              .no_check = no_check};
    struct bfs_error error = {0};
    options->review = on_review;
    options->progress = on_progress;
    options->warn = on_warning;
    options->context = &packing;
    bfs_interrupt_install();
    /* A directory that cannot be packed must not leave a new store behind. */
    int r = bfs_pack_check(store_path, options, &error);
    if (r == 0)
        r = bfs_store_create(store_path, mode, &store, &error);
    if (r == 0)
        r = bfs_pack(store, options, ret, &error);
    bfs_progress_clear(&packing.progress);
    if (r == -EINTR) {
        bfs_message("stopped; nothing was published, and \"bundlefs gc\" removes what was written");
        return BFS_EXIT_FAILED;
    }
    return r ? bfs_message_error(&error) : BFS_EXIT_OK;
}

/* Packs, and states with the key how the bundle was made. The key is read first: whoever is asked
 * for its passphrase need not wait. */
static int pack_signed(const struct options *options, mode_t mode, char **args,
                       struct bfs_pack_options *pack, struct bfs_pack_report *ret)
{
    struct bfs_signing_options keys = {.key = options->key,
                                       .password_file = options->password_file};
    struct bfs_pack_parameters parameters = {.dereference = options->dereference,
                                             .no_dedup = options->no_dedup,
                                             .started_on = (int64_t)time(NULL)};
    bfs_autosigning struct bfs_signing signing = {.quiet = true};
    int status = bfs_signing_key("pack", &keys, &signing);
    if (status || (status = pack_into(args[0], mode, options->no_check, pack, ret)) ||
        (status = bfs_opened_entry("pack", args[0], args[1], &signing.opened)))
        return status;
    return bfs_provenance_publish(&signing, &parameters);
}

static int refuse_profile(const char *id)
{
    const struct bfs_profile *profile;
    bfs_autobuffer struct bfs_buffer known = BFS_BUFFER_INIT;
    for (unsigned i = 0; (profile = bfs_profile_at(i)); i++)
        bfs_buffer_printf(&known, "%s%s", i ? ", " : "", profile->id);
    bfs_buffer_put_u8(&known, 0);
    if (bfs_buffer_status(&known))
        return bfs_message_usage("pack", "there is no profile \"%s\"", id);
    return bfs_message_usage("pack", "there is no profile \"%s\" (there are %s)", id,
                             (const char *)known.bytes);
}

/* Splits the list of ids; `text` is cut at its commas. */
static int make_views(char *text, const struct bfs_pack_options *pack, struct bfs_views **ret)
{
    enum { IDS_MAX = 256 }; /* far more than there are profiles; a repeated one is no error */
    const char *ids[IDS_MAX];
    struct bfs_error error = {0};
    struct bfs_views_options options = {
        .directory = pack->directory,
        .dereference = pack->dereference,
        .chunk_size = pack->chunk_size,
        .n_threads = pack->n_jobs,
        .ids = ids,
    };
    char *rest = text;
    for (const char *id; (id = strsep(&rest, ","));) {
        if (!bfs_profile_find(id))
            return refuse_profile(id);
        if (options.n_ids == IDS_MAX)
            return bfs_message_usage("pack", "more than %d times --view", IDS_MAX);
        ids[options.n_ids++] = id;
    }
    return bfs_views_new(&options, ret, &error) ? bfs_message_error(&error) : BFS_EXIT_OK;
}

static int read_trace(const char *path, struct bfs_pack_options *pack, struct bfs_trace_steps *ret)
{
    struct bfs_error error = {0};
    if (!path)
        return BFS_EXIT_OK;
    if (bfs_trace_read(path, ret, &error))
        return bfs_message_error(&error);
    pack->trace = ret;
    return BFS_EXIT_OK;
}

static int run(const void *given, int n_args, char **args)
{
    const struct options *options = given;
    struct bfs_pack_options pack = {
        .directory = args[2],
        .dereference = options->dereference,
        .no_dedup = options->no_dedup,
        .is_hidden = options->is_hidden,
    };
    BFS_CLEANUP(bfs_views_cleanup) struct bfs_views *views = NULL;
    bfs_autotrace struct bfs_trace_steps trace = {0};
    bfs_autofree char *ids = options->views ? strdup(options->views) : NULL;
    struct bfs_pack_report report;
    mode_t mode;
    int status;
    (void)n_args;
    if (options->views && !ids) {
        bfs_message("out of memory");
        return BFS_EXIT_FAILED;
    }
    if (options->chunk_size < BFS_CHUNK_SIZE_MIN || options->chunk_size > BFS_CHUNK_SIZE_MAX ||
        !bfs_is_power_of_two(options->chunk_size))
        return bfs_message_usage("pack", "--chunk-size must be a power of two from 64K to 4M");
    pack.chunk_size = (uint32_t)options->chunk_size;
    if ((status = bfs_jobs_resolve("pack", options->jobs, &pack.n_jobs)) ||
        (status = read_mode(options->mode, &mode)) ||
        (status = read_source_date_epoch(&pack.source_date_epoch)) ||
        (status = bfs_parse_reference("pack", args[1], &pack.reference)) ||
        (status = read_trace(options->trace, &pack, &trace)) ||
        (status = make_views(ids, &pack, &views)))
        return status;
    pack.extension = bfs_views_extension(views);
    status = options->key ? pack_signed(options, mode, args, &pack, &report)
                          : pack_into(args[0], mode, options->no_check, &pack, &report);
    if (status)
        return status;
    return options->json ? print_json(&pack, &report) : print_line(&pack, &report);
}

static const struct bfs_option table[] = {
    {"view", 'v', "ID", BFS_OPTION_LIST, offsetof(struct options, views),
     "make the view ID too, one of those that \"bundlefs views\" lists; may be given again"},
    BFS_OPTION_JOBS(struct options),
    {"chunk-size", 'c', "SIZE", BFS_OPTION_SIZE, offsetof(struct options, chunk_size),
     "cut files into chunks of about SIZE: a power of two from 64K to 4M (default: 256K)"},
    {"dereference", 'L', NULL, BFS_OPTION_FLAG, offsetof(struct options, dereference),
     "store what symbolic links point to instead of the links"},
    {"no-dedup", '\0', NULL, BFS_OPTION_FLAG, offsetof(struct options, no_dedup),
     "do not share content with the bundles that the store holds"},
    {"hidden", '\0', NULL, BFS_OPTION_FLAG, offsetof(struct options, is_hidden),
     "leave the bundle out of mounts and of NAME:latest until it is promoted"},
    {"mode", '\0', "MODE", BFS_OPTION_STRING, offsetof(struct options, mode),
     "make a new store with this mode, such as 0750, and all in it as private (default: 0755)"},
    {"trace", 't', "FILE", BFS_OPTION_STRING, offsetof(struct options, trace),
     "keep the order of a load, which \"mount -o trace=FILE\" recorded: mounts decode ahead in it"},
    {"key", 'k', "FILE", BFS_OPTION_STRING, offsetof(struct options, key),
     "state how the bundle was made (SLSA provenance), signed with the secret key in FILE"},
    {"password-file", '\0', "FILE", BFS_OPTION_STRING, offsetof(struct options, password_file),
     "take the key's passphrase from the first line of FILE"},
    {"no-check", '\0', NULL, BFS_OPTION_FLAG, offsetof(struct options, no_check),
     "only warn of what \"bundlefs check\" calls an error"},
    BFS_OPTION_JSON(struct options),
    {0},
};

static const struct options defaults = {
    .jobs = BFS_JOBS_UNSET,
    .chunk_size = BFS_CHUNK_SIZE_DEFAULT,
};

const struct bfs_verb bfs_verb_pack = {
    .name = "pack",
    .run = run,
    .summary = "pack a model directory into a store",
    .synopsis = "STORE NAME:VERSION DIR",
    .text =
        "Packs the directory DIR into STORE as the bundle NAME:VERSION. The store is made when "
        "it does not exist. A version is never replaced by other content, and content that the "
        "store holds already is not stored again. Packing the same version of the same content again "
        "proves its blobs, and makes those again that are damaged or missing.\n\n"
        "Each --view, and each entry of \"views\" in the file bundle.json of DIR, adds the model "
        "as one class of hardware wants it, under views/ID. A folder views/ID in DIR with a "
        "file view.json becomes a view as it is.\n\n"
        "Before anything is written, the directory is checked as \"bundlefs check\" does it, but "
        "for the host; it is refused when there is an error.\n\n"
        "A --trace is of a mount of one bundle, of another version or id too: its lines are "
        "matched "
        "by path, and those that name no bytes of DIR are left out, with a warning; when all do, "
        "nothing is packed.\n\n"
        "On a terminal a progress bar shows the speed and what is left to do. One line on "
        "stdout names the new bundle's id.",
    .options = table,
    .defaults = &defaults,
    .options_size = sizeof(struct options),
    .min_args = 3,
    .max_args = 3,
};
