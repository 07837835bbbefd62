/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/sha256_internal.h"
#include "verify/xxh_internal.h"

#include <pthread.h>
#include <string.h>

static const EVP_MD *sha256_method;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

static void fetch_sha256(void)
{
    sha256_method = EVP_MD_fetch(NULL, "SHA256", NULL);
}

const EVP_MD *bfs_sha256_method(void)
{
    (void)pthread_once(&sha256_once, fetch_sha256);
    return sha256_method;
}

int bfs_sha256(const void *bytes, size_t size, struct bfs_digest *ret)
{
    const EVP_MD *md = bfs_sha256_method();
    struct bfs_digest digest;
    if (!md)
        return -EIO;
    if (EVP_Digest(bytes, size, digest.bytes, NULL, md, NULL) != 1)
        return -ENOMEM; /* nothing else can fail in it */
    *ret = digest;
    return 0;
}

static void first_xxh(void)
{
    enum { LONG = 1024 }; /* short messages have code of their own, which makes no choice */
    static const uint8_t message[LONG];
    (void)XXH3_128bits(message, sizeof(message));
}

void bfs_xxh_choose(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, first_xxh);
}

struct bfs_xxh128 bfs_xxh128(const void *bytes, size_t size)
{
    bfs_xxh_choose();
    static const uint8_t nothing;
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(size ? bytes : &nothing, size));
    struct bfs_xxh128 hash;
    _Static_assert(sizeof(hash.bytes) == sizeof(canonical.digest), "XXH3-128 has 16 bytes");
    memcpy(hash.bytes, canonical.digest, sizeof(hash.bytes));
    return hash;
}

int bfs_digest_compare(const struct bfs_digest *a, const struct bfs_digest *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool bfs_digest_equal(const struct bfs_digest *a, const struct bfs_digest *b)
{
    return bfs_digest_compare(a, b) == 0;
}

bool bfs_xxh128_equal(const struct bfs_xxh128 *a, const struct bfs_xxh128 *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

char *bfs_digest_hex(const struct bfs_digest *digest, char ret[static BFS_DIGEST_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < sizeof(digest->bytes); i++) {
        ret[2 * i] = digits[digest->bytes[i] >> 4];
        ret[2 * i + 1] = digits[digest->bytes[i] & 15];
    }
    ret[2 * sizeof(digest->bytes)] = '\0';
    return ret;
}

char *bfs_digest_text(const struct bfs_digest *digest, char ret[static BFS_DIGEST_TEXT_SIZE])
{
    memcpy(ret, "sha256:", 7);
    (void)bfs_digest_hex(digest, ret + 7);
    return ret;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int bfs_digest_parse_hex(const char *hex, struct bfs_digest *ret)
{
    struct bfs_digest digest;
    if (strlen(hex) != BFS_DIGEST_HEX_SIZE - 1)
        return -EINVAL;
    for (size_t i = 0; i < sizeof(digest.bytes); i++) {
        int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return -EINVAL;
        digest.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *ret = digest;
    return 0;
}

int bfs_digest_parse_text(const char *text, struct bfs_digest *ret)
{
    if (strncmp(text, "sha256:", 7) != 0)
        return -EINVAL;
    return bfs_digest_parse_hex(text + 7, ret);
}

struct bfs_sha256_stream {
    EVP_MD_CTX *context;
    bool has_begun; /* a message: its state is there */
};

struct bfs_sha256_stream *bfs_sha256_stream_free(struct bfs_sha256_stream *stream)
{
    if (stream) {
        EVP_MD_CTX_free(stream->context);
        free(stream);
    }
    return NULL;
}

/* A context whose start has failed has no state, and libcrypto does not look whether it has. */
static int begin(struct bfs_sha256_stream *stream)
{
    if (stream->has_begun)
        return 0;
    if (!bfs_sha256_method())
        return -EIO;
    if (EVP_DigestInit_ex2(stream->context, bfs_sha256_method(), NULL) != 1)
        return -ENOMEM;
    stream->has_begun = true;
    return 0;
}

int bfs_sha256_stream_new(struct bfs_sha256_stream **ret)
{
    BFS_CLEANUP(bfs_sha256_stream_cleanup)
    struct bfs_sha256_stream *stream = calloc(1, sizeof(*stream));
    if (!stream)
        return -ENOMEM;
    stream->context = EVP_MD_CTX_new();
    if (!stream->context)
        return -ENOMEM;
    int r = begin(stream);
    if (r)
        return r;
    *ret = bfs_steal(&stream);
    return 0;
}

int bfs_sha256_stream_update(struct bfs_sha256_stream *stream, const void *bytes, size_t size)
{
    int r = begin(stream);
    if (r)
        return r;
    return EVP_DigestUpdate(stream->context, bytes, size) == 1 ? 0 : -EIO;
}

int bfs_sha256_stream_finish(struct bfs_sha256_stream *stream, struct bfs_digest *ret)
{
    struct bfs_digest digest;
    int r = begin(stream);
    if (r)
        return r;
    stream->has_begun = false;
    if (EVP_DigestFinal_ex(stream->context, digest.bytes, NULL) != 1)
        return -EIO;
    *ret = digest;
    return 0;
}
