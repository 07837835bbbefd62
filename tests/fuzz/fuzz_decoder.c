/* SPDX-License-Identifier: Apache-2.0
 * The input: codec, width (lower half) and transform (upper half of the byte), raw size (4 bytes,
 * little-endian), then the stored bytes. */
#include "codec/chunk/codec.h"
#include "tests/fuzz/fuzz_target.h"

#include <errno.h>
#include <string.h>

enum { HEAD = 6 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bfs_decoder *decoder;
    if (size < HEAD)
        return 0;
    fuzz_require(decoder || bfs_decoder_new(&decoder) == 0, "memory for a decoder");
    struct bfs_encoding encoding = {
        .codec = data[0], .width = data[1] & 15, .transform = data[1] >> 4};
    uint32_t raw_size;
    memcpy(&raw_size, data + 2, sizeof(raw_size));
    raw_size = 1 + raw_size % (1 << 18);
    /* The exact sizes on the heap, so that a sanitizer sees every access beyond them. */
    uint8_t *exact = malloc(size > HEAD ? size - HEAD : 1);
    uint8_t *raw = malloc(raw_size), *again = malloc(raw_size);
    fuzz_require(exact && raw && again, "memory for the input");
    memcpy(exact, data + HEAD, size - HEAD);
    memset(raw, 0x00, raw_size);
    memset(again, 0xff, raw_size);
    int r = bfs_decoder_decode(decoder, encoding, exact, size - HEAD, raw, raw_size);
    fuzz_require(r == 0 || r == -EBADMSG || r == -EPROTONOSUPPORT, "a documented error");
    fuzz_require((r == -EPROTONOSUPPORT) == (bfs_encoding_check(encoding) != 0),
                 "known encodings are those that the check knows");
    fuzz_require(bfs_decoder_decode(decoder, encoding, exact, size - HEAD, again, raw_size) == r,
                 "the same again");
    fuzz_require(r != 0 || memcmp(raw, again, raw_size) == 0, "every byte is written");
    free(exact);
    free(raw);
    free(again);
    return 0;
}
