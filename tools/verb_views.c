/* SPDX-License-Identifier: Apache-2.0
 * bundlefs views: the profiles that there are, or the views of one bundle and how they suit this
 * host. */
#include "accel/choice.h"
#include "accel/profile.h"
#include "codec/store/view_size.h"
#include "tools/message.h"
#include "tools/opened.h"
#include "tools/report.h"
#include "tools/text.h"
#include "tools/verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct options {
    const char *host;
    bool json;
};

enum { HARDWARE_TEXT_SIZE = 512 };

static void add_word(char *text, const char *before, const char *word)
{
    size_t used = strlen(text);
    if (*word)
        (void)snprintf(text + used, HARDWARE_TEXT_SIZE - used, "%s%s", before, word);
}

/* "cpu x86_64 amx_tile amx_bf16", "gpu nvidia >=8.9". */
static const char *hardware_text(const struct bfs_hardware_key *key,
                                 char ret[static HARDWARE_TEXT_SIZE])
{
    char capability[BFS_COMPUTE_CAPABILITY_TEXT_SIZE];
    ret[0] = '\0';
    add_word(ret, "", bfs_hardware_class_name(key->hardware));
    add_word(ret, " ", key->vendor);
    add_word(ret, " ", key->arch);
    for (unsigned i = 0; i < key->n_features; i++)
        add_word(ret, " ", key->features[i]);
    if (key->compute_capability_min)
        add_word(ret, " >=", bfs_compute_capability_text(key->compute_capability_min, capability));
    return ret;
}

static int print_profiles(void)
{
    const struct bfs_profile *profile;
    struct bfs_table *table = bfs_table_new("lllllll");
    int r = -ENOMEM;
    if (table) {
        bfs_table_row(table, "PROFILE", "HARDWARE", "CONTAINER", "DTYPE", "LAYOUT", "LOSSLESS",
                      "SOURCE", NULL);
        for (unsigned i = 0; (profile = bfs_profile_at(i)); i++) {
            char hardware[HARDWARE_TEXT_SIZE], layout[BFS_KEY_WORD_MAX + 16];
            (void)snprintf(layout, sizeof(layout), "%s/%" PRIu32, profile->key.layout_id,
                           profile->key.layout_version);
            bfs_table_row(table, profile->id, hardware_text(&profile->key, hardware),
                          profile->container, profile->dtype->name, layout,
                          profile->is_lossless ? "yes" : "no", profile->source, NULL);
        }
        r = bfs_table_print(table, stdout);
    }
    if (r == 0)
        return BFS_EXIT_OK;
    bfs_message("out of memory");
    return BFS_EXIT_FAILED;
}

static int print_profiles_json(void)
{
    const struct bfs_profile *profile;
    int status = 0;
    struct json_object *root = bfs_json_new_object(&status);
    struct json_object *array = bfs_json_new_array(&status);
    for (unsigned i = 0; (profile = bfs_profile_at(i)); i++) {
        struct json_object *object = bfs_json_new_object(&status);
        bfs_json_add_string(object, "id", profile->id, &status);
        bfs_json_add_string(object, "summary", profile->summary, &status);
        bfs_json_add(object, "key", bfs_hardware_key_json(&profile->key, &status), &status);
        bfs_json_add_string(object, "container", profile->container, &status);
        bfs_json_add_string(object, "dtype", profile->dtype->name, &status);
        bfs_json_add_integer(object, "alignment", profile->alignment, &status);
        bfs_json_add_boolean(object, "lossless", profile->is_lossless, &status);
        bfs_json_add_string(object, "source", profile->source, &status);
        bfs_json_append(array, object, &status);
    }
    bfs_json_add(root, "profiles", array, &status);
    return bfs_report_print(root, status);
}

/* A bundle's views with all that is told about them. */
struct judged {
    const struct bfs_opened *opened;
    const struct bfs_choice *choice;
    struct bfs_view_size sizes[BFS_VIEWS_MAX];
};

static void add_view_row(struct bfs_table *table, const struct judged *judged, unsigned i)
{
    const struct bfs_choice_view *view = &judged->choice->views[i];
    const struct bfs_view_config *config = view->config;
    char hardware[HARDWARE_TEXT_SIZE], size[BFS_SIZE_TEXT_SIZE], own[BFS_SIZE_TEXT_SIZE];
    const char *kind = config->is_opaque ? "opaque" : config->is_lossless ? "lossless" : "lossy";
    const char *fits = (int)i == judged->choice->best ? "auto" : view->fit.fits ? "yes" : "no";
    bfs_table_row(table, config->id, hardware_text(&config->key, hardware), kind,
                  bfs_text_size(judged->sizes[i].content_size, size),
                  bfs_text_size(judged->sizes[i].own_size, own), fits, view->fit.reason, NULL);
}

static void add_error_rows(struct bfs_table *table, const struct bfs_view_config *config)
{
    for (unsigned i = 0; i < config->n_errors; i++) {
        const struct bfs_view_error *error = &config->errors[i];
        char n[24];
        (void)snprintf(n, sizeof(n), "%" PRIu64, error->n_tensors);
        bfs_table_row(table, config->id, error->tensor_class, n,
                      *error->max_abs ? error->max_abs : "-",
                      *error->mean_abs ? error->mean_abs : "-",
                      *error->relative_rms ? error->relative_rms : "-", NULL);
    }
}

static int print_list(const struct judged *judged)
{
    struct bfs_table *table = bfs_table_new("lllrrll");
    if (!table)
        return -ENOMEM;
    bfs_table_row(table, "VIEW", "HARDWARE", "KIND", "SIZE", "OWN", "FITS", "WHY", NULL);
    for (unsigned i = 0; i < judged->choice->n_views; i++)
        add_view_row(table, judged, i);
    return bfs_table_print(table, stdout);
}

static int print_errors(const struct judged *judged)
{
    unsigned n = 0;
    for (unsigned i = 0; i < judged->choice->n_views; i++)
        n += judged->choice->views[i].config->n_errors;
    if (n == 0)
        return 0;
    struct bfs_table *table = bfs_table_new("llrrrr");
    if (!table)
        return -ENOMEM;
    bfs_table_row(table, "VIEW", "CLASS", "TENSORS", "MAX ERROR", "MEAN ERROR", "RELATIVE RMS",
                  NULL);
    for (unsigned i = 0; i < judged->choice->n_views; i++)
        add_error_rows(table, judged->choice->views[i].config);
    (void)putchar('\n');
    return bfs_table_print(table, stdout);
}

static int print_views(const struct judged *judged)
{
    if (judged->choice->n_views == 0) {
        (void)printf("the bundle has no views\n");
        return BFS_EXIT_OK;
    }
    if (print_list(judged) == 0 && print_errors(judged) == 0)
        return BFS_EXIT_OK;
    bfs_message("out of memory");
    return BFS_EXIT_FAILED;
}

static int print_views_json(const struct judged *judged)
{
    const struct bfs_choice *choice = judged->choice;
    int status = 0;
    struct json_object *root = bfs_json_new_object(&status);
    struct json_object *array = bfs_json_new_array(&status);
    bfs_report_entry(root, judged->opened->entry, &status);
    if (choice->best >= 0)
        bfs_json_add_string(root, "auto", choice->views[choice->best].config->id, &status);
    for (unsigned i = 0; i < choice->n_views; i++) {
        const struct bfs_choice_view *view = &choice->views[i];
        struct json_object *object = bfs_view_config_json(view->config, &status);
        bfs_json_add_integer(object, "n_files", judged->sizes[i].n_files, &status);
        bfs_json_add_integer(object, "size", judged->sizes[i].content_size, &status);
        bfs_json_add_integer(object, "own_size", judged->sizes[i].own_size, &status);
        bfs_json_add_integer(object, "stored_size", judged->sizes[i].stored_size, &status);
        bfs_json_add_boolean(object, "fits", view->fit.fits, &status);
        bfs_json_add_string(object, "reason", view->fit.reason, &status);
        bfs_json_append(array, object, &status);
    }
    bfs_json_add(root, "views", array, &status);
    return bfs_report_print(root, status);
}

static int report_bundle(const struct options *options, char **args)
{
    bfs_autoopened struct bfs_opened opened = {0};
    bfs_autohost struct bfs_host host = {0};
    bfs_autofree struct bfs_choice *choice = NULL;
    bfs_autofree struct judged *judged = calloc(1, sizeof(*judged));
    struct bfs_error error = {0};
    int r, status = bfs_opened_bundle("views", args[0], args[1], &opened);
    if (status != BFS_EXIT_OK)
        return status;
    if (!judged)
        r = bfs_fail(&error, -ENOMEM, "out of memory");
    else if ((r = bfs_host_load(options->host, &host, &error)) == 0 &&
             (r = bfs_bundle_view_sizes(opened.bundle, judged->sizes, &error)) == 0 &&
             (r = bfs_choice_make(&host, opened.bundle, NULL, &choice)))
        (void)bfs_fail(&error, r, "out of memory");
    if (r)
        return bfs_message_error(&error);
    judged->opened = &opened;
    judged->choice = choice;
    return options->json ? print_views_json(judged) : print_views(judged);
}

static int run(const void *given, int n_args, char **args)
{
    const struct options *options = given;
    if (n_args == 1)
        return bfs_message_usage("views", "a store needs a NAME:VERSION beside it");
    if (n_args == 2)
        return report_bundle(options, args);
    return options->json ? print_profiles_json() : print_profiles();
}

static const struct bfs_option table[] = {
    {"host", 'H', "FILE", BFS_OPTION_STRING, offsetof(struct options, host),
     "judge for the host that FILE describes (see \"bundlefs host --json\")"},
    BFS_OPTION_JSON(struct options),
    {0},
};

const struct bfs_verb bfs_verb_views = {
    .name = "views",
    .run = run,
    .summary = "list the profiles of views, or the views of one bundle",
    .synopsis = "[STORE NAME:VERSION]",
    .text = "Without arguments, lists every profile that \"pack --view\" can make: for which "
            "hardware, in which container and layout, whether nothing is lost, and what it is made "
            "from.\n\n"
            "With a bundle, lists its views: their size and how much of it only they use, whether "
            "this host can use them or why not, which one views/auto points to, and how far their "
            "tensors are from the original's, as it was measured when they were made.",
    .options = table,
    .options_size = sizeof(struct options),
    .min_args = 0,
    .max_args = 2,
};
