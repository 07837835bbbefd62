/* SPDX-License-Identifier: Apache-2.0
 * What the trust of bundlefs does, on files of the caller's:
 *   trust-filter sign KEYFILE PASSPHRASE NAME:VERSION SHA256 REASON   prints an envelope
 *   trust-filter verify PUBFILE <ENVELOPE                             prints the signed statement
 *   trust-filter time N                                               nanoseconds of each step
 * PASSPHRASE "" is none. Exits 0; 1 when refused, with the errno's word; 2 when not understood. */
#include "verify/trust/statement.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int complain(const struct bfs_error *error)
{
    char text[BFS_ERROR_TEXT_SIZE];
    (void)fprintf(stderr, "%s: %s\n", bfs_error_word(error->code), bfs_error_text(error, text));
    return 1;
}

static int sign(char **args)
{
    BFS_CLEANUP(bfs_secret_key_cleanup) struct bfs_secret_key *key = NULL;
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    struct bfs_statement statement = {.kind = BFS_STATEMENT_SIGNATURE, .when = time(NULL)};
    struct bfs_error error = {0};
    (void)snprintf(statement.reason, sizeof(statement.reason), "%s", args[4]);
    if (bfs_reference_parse(args[2], &statement.subject_name, &error) ||
        bfs_secret_key_load(args[0], *args[1] ? args[1] : NULL, &key, &error))
        return complain(&error);
    if (bfs_digest_parse_hex(args[3], &statement.subject))
        return 2;
    if (bfs_statement_sign(&statement, key, &text, &error))
        return complain(&error);
    return fwrite(text.bytes, 1, text.size, stdout) == text.size ? 0 : 1;
}

static int verify(char **args)
{
    static char text[BFS_ENVELOPE_SIZE_MAX + 1];
    bfs_autoenvelope struct bfs_envelope envelope = {0};
    bfs_autostatement struct bfs_statement statement = {0};
    struct bfs_public_key key;
    struct bfs_error error = {0};
    bool signed_by[1];
    size_t count, size = fread(text, 1, sizeof(text), stdin);
    if (bfs_public_key_load(args[0], &key, &error) ||
        bfs_envelope_parse(text, size, "standard input", &envelope, &error) ||
        bfs_envelope_verify(&envelope, BFS_STATEMENT_MEDIA, &key, 1, signed_by, &count,
                            "standard input", &error) ||
        bfs_statement_read(&envelope, "standard input", &statement, &error))
        return complain(&error);
    return fwrite(envelope.payload, 1, envelope.payload_size, stdout) == envelope.payload_size ? 0
                                                                                               : 1;
}

static uint64_t now(void)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000000000 + (uint64_t)at.tv_nsec;
}

/* The least of n, which noise disturbs least. */
static int measure(unsigned n)
{
    BFS_CLEANUP(bfs_secret_key_cleanup) struct bfs_secret_key *key = NULL;
    struct bfs_statement made = {.kind = BFS_STATEMENT_SIGNATURE, .when = time(NULL)};
    struct bfs_error error = {0};
    uint64_t least[3] = {UINT64_MAX, UINT64_MAX, UINT64_MAX};
    if (bfs_reference_parse("acme/tiny:1.0.0", &made.subject_name, &error) ||
        bfs_secret_key_generate(&key, &error))
        return complain(&error);
    for (unsigned i = 0; i < n; i++) {
        bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
        bfs_autoenvelope struct bfs_envelope envelope = {0};
        bfs_autostatement struct bfs_statement read = {0};
        bool signed_by[1];
        size_t count;
        uint64_t at[4];
        at[0] = now();
        if (bfs_statement_sign(&made, key, &text, &error))
            return complain(&error);
        at[1] = now();
        if (bfs_envelope_parse(text.bytes, text.size, "e", &envelope, &error))
            return complain(&error);
        at[2] = now();
        if (bfs_envelope_verify(&envelope, BFS_STATEMENT_MEDIA, bfs_secret_key_public(key), 1,
                                signed_by, &count, "e", &error) ||
            bfs_statement_read(&envelope, "e", &read, &error))
            return complain(&error);
        at[3] = now();
        for (unsigned step = 0; step < 3; step++)
            if (at[step + 1] - at[step] < least[step])
                least[step] = at[step + 1] - at[step];
    }
    (void)printf("sign %" PRIu64 "\nparse %" PRIu64 "\nverify and read %" PRIu64 "\n", least[0],
                 least[1], least[2]);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 7 && strcmp(argv[1], "sign") == 0)
        return sign(argv + 2);
    if (argc == 3 && strcmp(argv[1], "verify") == 0)
        return verify(argv + 2);
    if (argc == 3 && strcmp(argv[1], "time") == 0)
        return measure((unsigned)strtoul(argv[2], NULL, 10));
    return 2;
}
