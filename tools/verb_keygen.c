/* SPDX-License-Identifier: Apache-2.0
 * bundlefs keygen: a new pair of keys. */
#include "tools/message.h"
#include "tools/passphrase.h"
#include "tools/report.h"
#include "tools/verbs.h"
#include "verify/trust/key_file.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct options {
    const char *out;
    bool no_password;
    const char *password_file;
    bool json;
};

/* What is made. */
struct pair {
    char *public_path;
    char *secret_path;
    struct bfs_secret_key *key;
};

static void pair_done(struct pair *pair)
{
    free(pair->public_path);
    free(pair->secret_path);
    (void)bfs_secret_key_free(pair->key);
}

static int refuse_existing(const char *path, struct bfs_error *error)
{
    struct stat status;
    if (lstat(path, &status) == 0)
        return bfs_fail(error, -EEXIST, "%s: exists; a key is never replaced", path);
    return 0;
}

static int write_secret(const struct pair *pair, const char *passphrase, struct bfs_error *error)
{
    char text[BFS_SECRET_KEY_TEXT_SIZE];
    int r = bfs_secret_key_write(pair->key, passphrase, &bfs_secret_key_strong, text, error);
    if (r == 0)
        r = bfs_key_file_create(pair->secret_path, true, text, strlen(text), error);
    sodium_memzero(text, sizeof(text));
    return r;
}

static int write_public(const struct pair *pair, struct bfs_error *error)
{
    char text[BFS_PUBLIC_KEY_TEXT_SIZE];
    (void)bfs_public_key_text(bfs_secret_key_public(pair->key), text);
    int r = bfs_key_file_create(pair->public_path, false, text, strlen(text), error);
    if (r)
        (void)unlink(pair->secret_path);
    return r;
}

static int make(const struct options *options, struct pair *pair, struct bfs_error *error)
{
    bfs_autopassphrase char *passphrase = NULL;
    int r;
    if (asprintf(&pair->public_path, "%s.pub", options->out) < 0)
        pair->public_path = NULL;
    if (asprintf(&pair->secret_path, "%s.key", options->out) < 0)
        pair->secret_path = NULL;
    if (!pair->public_path || !pair->secret_path)
        return bfs_fail(error, -ENOMEM, "out of memory");
    if ((r = refuse_existing(pair->public_path, error)) ||
        (r = refuse_existing(pair->secret_path, error)))
        return r;
    if (!options->no_password &&
        (r = bfs_passphrase_read(options->password_file, "Passphrase of the new key: ", true,
                                 &passphrase, error)))
        return r;
    if ((r = bfs_secret_key_generate(&pair->key, error)) ||
        (r = write_secret(pair, passphrase, error)))
        return r;
    return write_public(pair, error);
}

static int print_json(const struct pair *pair, bool is_encrypted)
{
    char id[BFS_KEY_ID_TEXT_SIZE], line[BFS_PUBLIC_KEY_LINE_SIZE];
    const struct bfs_public_key *key = bfs_secret_key_public(pair->key);
    int status = 0;
    struct json_object *root = bfs_json_new_object(&status);
    bfs_json_add_string(root, "key_id", bfs_key_id_text(key->id, id), &status);
    bfs_json_add_string(root, "public_key", bfs_public_key_line(key, line), &status);
    bfs_json_add_boolean(root, "encrypted", is_encrypted, &status);
    bfs_report_text(root, "public_file", pair->public_path, strlen(pair->public_path), &status);
    bfs_report_text(root, "secret_file", pair->secret_path, strlen(pair->secret_path), &status);
    return bfs_report_print(root, status);
}

static int print_text(const struct pair *pair)
{
    char id[BFS_KEY_ID_TEXT_SIZE], line[BFS_PUBLIC_KEY_LINE_SIZE];
    const struct bfs_public_key *key = bfs_secret_key_public(pair->key);
    (void)printf("key id      %s\n", bfs_key_id_text(key->id, id));
    (void)printf("public key  %s\n", bfs_public_key_line(key, line));
    return BFS_EXIT_OK;
}

static int run(const void *given, int n_args, char **args)
{
    const struct options *options = given;
    BFS_CLEANUP(pair_done) struct pair pair = {0};
    struct bfs_error error = {0};
    (void)n_args;
    (void)args;
    size_t length = options->out ? strlen(options->out) : 0;
    if (length == 0 || options->out[length - 1] == '/')
        return bfs_message_usage("keygen",
                                 "--out must say where the keys go, with a name for them");
    if (options->no_password && options->password_file)
        return bfs_message_usage("keygen", "--no-password and --password-file exclude each other");
    if (make(options, &pair, &error))
        return bfs_message_error(&error);
    return options->json ? print_json(&pair, !options->no_password) : print_text(&pair);
}

static const struct bfs_option table[] = {
    {"out", 'o', "PATH", BFS_OPTION_STRING, offsetof(struct options, out),
     "write PATH.pub and PATH.key"},
    {"no-password", '\0', NULL, BFS_OPTION_FLAG, offsetof(struct options, no_password),
     "do not encrypt the secret key"},
    {"password-file", '\0', "FILE", BFS_OPTION_STRING, offsetof(struct options, password_file),
     "take the passphrase from the first line of FILE"},
    BFS_OPTION_JSON(struct options),
    {0},
};

const struct bfs_verb bfs_verb_keygen = {
    .name = "keygen",
    .run = run,
    .summary = "make a pair of keys to sign with",
    .synopsis = "",
    .text =
        "Writes a new Ed25519 key in minisign's format: PATH.key, secret, readable by its owner "
        "alone and encrypted with a passphrase, and PATH.pub, for everybody. Existing files are "
        "never replaced.\n\n"
        "The passphrase is asked for on the terminal, twice; when the standard input is no "
        "terminal, its first line is the passphrase.",
    .options = table,
    .options_size = sizeof(struct options),
    .min_args = 0,
    .max_args = 0,
};
