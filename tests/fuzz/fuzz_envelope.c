/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz_target.h"
#include "verify/trust/envelope.h"

#include <errno.h>
#include <string.h>

static void require_equal(const struct bfs_envelope *a, const struct bfs_envelope *b)
{
    fuzz_require(strcmp(a->type, b->type) == 0 && a->payload_size == b->payload_size &&
                     memcmp(a->payload, b->payload, a->payload_size) == 0 &&
                     a->n_signatures == b->n_signatures,
                 "and is the same");
    for (size_t i = 0; i < a->n_signatures; i++)
        fuzz_require(
            strcmp(a->signatures[i].key_id, b->signatures[i].key_id) == 0 &&
                a->signatures[i].size == b->signatures[i].size &&
                memcmp(a->signatures[i].bytes, b->signatures[i].bytes, a->signatures[i].size) == 0,
            "signature by signature");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bfs_error error = {0};
    struct bfs_envelope envelope = {0}, again = {0};
    struct bfs_public_key key = {.bytes = {0x58}};
    bool signed_by[1];
    size_t count;
    char *copy = malloc(size ? size : 1);
    fuzz_require(copy != NULL, "memory for the input");
    memcpy(copy, data, size);
    int r = bfs_envelope_parse(copy, size, "e", &envelope, &error);
    free(copy);
    fuzz_require(r == 0 || r == -EBADMSG || r == -E2BIG, "a documented error");
    fuzz_require(error.code == r, "the error says what was returned");
    if (r) {
        fuzz_require(envelope.type == NULL, "nothing changed on failure");
        return 0;
    }
    fuzz_require(envelope.n_signatures > 0 && *envelope.type != '\0', "what every envelope has");
    fuzz_require(bfs_envelope_verify(&envelope, envelope.type, &key, 1, signed_by, &count, "e",
                                     NULL) == -EKEYREJECTED,
                 "nobody can sign for a key that has no owner");
    struct bfs_buffer text = BFS_BUFFER_INIT;
    fuzz_require(bfs_envelope_write(&envelope, &text) == 0, "what was read can be written");
    r = bfs_envelope_parse(text.bytes, text.size, "e", &again, NULL);
    /* What has less room in another form of the same bytes may become too large in ours. */
    fuzz_require(r == 0 || (r == -E2BIG && text.size > BFS_ENVELOPE_SIZE_MAX),
                 "what was written can be read");
    if (r == 0)
        require_equal(&envelope, &again);
    bfs_buffer_done(&text);
    bfs_envelope_done(&again);
    bfs_envelope_done(&envelope);
    return 0;
}
