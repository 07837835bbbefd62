/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/verify/trust/dsse_vectors.h"
#include "tests/verify/trust/keys.h"
#include "verify/trust/envelope.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#define auto_key BFS_CLEANUP(bfs_secret_key_cleanup) struct bfs_secret_key *

static int parse_copy(const char *text, size_t size, struct bfs_envelope *ret)
{
    struct bfs_error error = {0};
    struct bfs_envelope before;
    char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    memset(ret, 0x5a, sizeof(*ret));
    memset(&before, 0x5a, sizeof(before));
    int r = bfs_envelope_parse(copy, size, "e", ret, &error);
    free(copy);
    assert_int_equal(error.code, r);
    if (r) {
        assert_true(error.what[0] != '\0');
        assert_memory_equal(ret, &before, sizeof(before));
        *ret = (struct bfs_envelope){0};
    }
    return r;
}

static struct bfs_public_key public_key(const char *hex, uint8_t id)
{
    struct bfs_public_key key;
    memset(key.id, id, sizeof(key.id));
    test_unhex(hex, key.bytes, sizeof(key.bytes));
    return key;
}

static size_t count_signers(const struct bfs_envelope *envelope, const char *type,
                            const struct bfs_public_key *keys, size_t n, bool *signed_by, int code)
{
    size_t count = 0;
    struct bfs_error error = {0};
    assert_int_equal(bfs_envelope_verify(envelope, type, keys, n, signed_by, &count, "e", &error),
                     code);
    assert_int_equal(error.code, code);
    return count;
}

static void published_vectors(void **state)
{
    const struct bfs_public_key keys[] = {public_key(PUBLIC_A, 1), public_key(PUBLIC_B, 2)};
    (void)state;
    for (size_t i = 0; i < N_DSSE_VECTORS; i++) {
        const struct dsse_vector *vector = &dsse_vectors[i];
        bfs_autoenvelope struct bfs_envelope envelope = {0};
        bfs_autobuffer struct bfs_buffer message = BFS_BUFFER_INIT;
        bool signed_by[2] = {false};
        size_t count = 0;
        int r = parse_copy(vector->envelope, strlen(vector->envelope), &envelope);
        if (r == 0)
            r = bfs_envelope_verify(&envelope, vector->type, keys, vector->trusts_b ? 2 : 1,
                                    signed_by, &count, "e", NULL);
        if ((r == 0 && count >= vector->threshold) != vector->accept)
            fail_msg("%s: %d, %zu keys", vector->id, r, count);
        if (!vector->message)
            continue;
        bfs_envelope_pae(envelope.type, envelope.payload, envelope.payload_size, &message);
        assert_int_equal(message.size, strlen(vector->message));
        assert_memory_equal(message.bytes, vector->message, message.size);
    }
}

/* Does ECDSA over P-256 and SHA-256 verify, with the vector's key? */
static bool ecdsa_verifies(const struct bfs_buffer *message, const uint8_t signature[static 64])
{
    uint8_t point[65] = {4};
    unsigned char *der = NULL;
    BIGNUM *x = NULL, *y = NULL;
    EVP_PKEY *key = NULL;
    assert_true(BN_dec2bn(&x, HELLO_X) && BN_dec2bn(&y, HELLO_Y));
    assert_true(BN_bn2binpad(x, point + 1, 32) == 32 && BN_bn2binpad(y, point + 33, 32) == 32);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    assert_true(OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) &&
                OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, 65));
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
    assert_int_equal(EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters), 1);
    ECDSA_SIG *pair = ECDSA_SIG_new();
    assert_true(
        ECDSA_SIG_set0(pair, BN_bin2bn(signature, 32, NULL), BN_bin2bn(signature + 32, 32, NULL)));
    int size = i2d_ECDSA_SIG(pair, &der);
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestVerifyInit(digest, NULL, EVP_sha256(), NULL, key), 1);
    bool good = EVP_DigestVerify(digest, der, (size_t)size, message->bytes, message->size) == 1;
    EVP_MD_CTX_free(digest);
    ECDSA_SIG_free(pair);
    OPENSSL_free(der);
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(key);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(build);
    BN_free(x);
    BN_free(y);
    return good;
}

static void published_example(void **state)
{
    bfs_autoenvelope struct bfs_envelope envelope = {0};
    bfs_autobuffer struct bfs_buffer message = BFS_BUFFER_INIT;
    const struct bfs_public_key key = public_key(PUBLIC_A, 1);
    bool signed_by[1];
    (void)state;
    assert_int_equal(parse_copy(HELLO_ENVELOPE, strlen(HELLO_ENVELOPE), &envelope), 0);
    assert_string_equal(envelope.type, HELLO_TYPE);
    assert_int_equal(envelope.payload_size, 11);
    assert_memory_equal(envelope.payload, "hello world", 11);
    bfs_envelope_pae(envelope.type, envelope.payload, envelope.payload_size, &message);
    assert_int_equal(message.size, strlen(HELLO_PAE));
    assert_memory_equal(message.bytes, HELLO_PAE, message.size);
    assert_int_equal(envelope.n_signatures, 1);
    assert_int_equal(envelope.signatures[0].size, 64);
    assert_string_equal(envelope.signatures[0].key_id, "");
    assert_true(ecdsa_verifies(&message, envelope.signatures[0].bytes));
    message.bytes[0] ^= 1;
    assert_false(ecdsa_verifies(&message, envelope.signatures[0].bytes));
    /* A signature of another algorithm is nobody's. */
    (void)count_signers(&envelope, HELLO_TYPE, &key, 1, signed_by, -EKEYREJECTED);
}

static void made(const char *type, const char *payload, struct bfs_envelope *ret)
{
    assert_int_equal(bfs_envelope_new(type, payload, strlen(payload), ret, NULL), 0);
}

static void makes_the_vectors_signature(void **state)
{
    bfs_autoenvelope struct bfs_envelope envelope = {0};
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    auto_key a = test_key(SEED_A, 0xab);
    auto_key b = test_key(SEED_B, 0xcd);
    (void)state;
    made(IN_TOTO, BODY, &envelope);
    assert_int_equal(bfs_envelope_sign(&envelope, a, NULL), 0);
    assert_int_equal(bfs_envelope_sign(&envelope, b, NULL), 0);
    assert_int_equal(bfs_envelope_write(&envelope, &text), 0);
    static const char expected[] =
        "{\"payload\":\"" BODY_BASE64 "\",\"payloadType\":\"" IN_TOTO "\",\"signatures\":["
        "{\"keyid\":\"ABABABABABABABAB\",\"sig\":\"" SIG_A "\"},"
        "{\"keyid\":\"CDCDCDCDCDCDCDCD\",\"sig\":\"" SIG_B "\"}]}\n";
    assert_int_equal(text.size, strlen(expected));
    assert_memory_equal(text.bytes, expected, text.size);
}

static void counts_keys_by_their_bytes(void **state)
{
    bfs_autoenvelope struct bfs_envelope envelope = {0};
    auto_key a = test_key(SEED_A, 1);
    auto_key b = test_key(SEED_B, 2);
    /* The second entry is key A under another id; B is found although its id is said to be A's. */
    struct bfs_public_key keys[] = {public_key(PUBLIC_B, 1), public_key(PUBLIC_A, 1),
                                    public_key(PUBLIC_A, 3)};
    bool signed_by[3] = {true, true, true};
    (void)state;
    made(IN_TOTO, BODY, &envelope);
    assert_int_equal(bfs_envelope_sign(&envelope, a, NULL), 0);
    assert_int_equal(count_signers(&envelope, IN_TOTO, keys, 3, signed_by, 0), 1);
    assert_true(!signed_by[0] && signed_by[1] && !signed_by[2]);
    /* The same, when the signature is found by the second entry first. */
    free(envelope.signatures[0].key_id);
    envelope.signatures[0].key_id = strdup("0303030303030303");
    assert_int_equal(count_signers(&envelope, IN_TOTO, keys, 3, signed_by, 0), 1);
    assert_true(!signed_by[0] && signed_by[1] && !signed_by[2]);
    assert_int_equal(bfs_envelope_sign(&envelope, a, NULL), 0);
    assert_int_equal(count_signers(&envelope, IN_TOTO, keys, 3, signed_by, 0), 1);
    assert_int_equal(bfs_envelope_sign(&envelope, b, NULL), 0);
    assert_int_equal(count_signers(&envelope, IN_TOTO, keys, 3, signed_by, 0), 2);
    assert_true(signed_by[0] && signed_by[1] && !signed_by[2]);
}

static void refuses_the_wrong_type_first(void **state)
{
    bfs_autoenvelope struct bfs_envelope envelope = {0};
    auto_key a = test_key(SEED_A, 1);
    bool signed_by[1] = {true};
    (void)state;
    made("text/plain", BODY, &envelope);
    assert_int_equal(bfs_envelope_sign(&envelope, a, NULL), 0);
    (void)count_signers(&envelope, IN_TOTO, bfs_secret_key_public(a), 1, signed_by,
                        -EPROTONOSUPPORT);
    assert_true(signed_by[0]);
    assert_int_equal(
        count_signers(&envelope, "text/plain", bfs_secret_key_public(a), 1, signed_by, 0), 1);
    (void)count_signers(&envelope, "text/plain", NULL, 0, NULL, -EKEYREJECTED);
}

static void refused(const char *text, int code, const char *why)
{
    struct bfs_envelope envelope = {0};
    struct bfs_error error = {0};
    int r = bfs_envelope_parse(text, strlen(text), "e", &envelope, &error);
    if (r != code || !strstr(error.what, why))
        fail_msg("%s: %d: %s", text, r, error.what);
}

static void refuses_malformed_ones(void **state)
{
    (void)state;
    refused("", -EBADMSG, "e: ");
    refused("[]", -EBADMSG, "not a JSON object");
    refused("{\"payloadType\":\"t\",\"signatures\":[{\"sig\":\"\"}]}", -EBADMSG, "\"payload\"");
    refused("{\"payload\":\"\",\"signatures\":[{\"sig\":\"\"}]}", -EBADMSG, "\"payloadType\"");
    refused("{\"payload\":\"\",\"payloadType\":\"t\"}", -EBADMSG, "\"signatures\"");
    refused(ENVELOPE("", "t", ""), -EBADMSG, "nobody signed");
    refused(ENVELOPE("", "t", "{}"), -EBADMSG, "\"sig\" is missing");
    refused(ENVELOPE("", "t", "1"), -EBADMSG, "not a JSON object");
    refused(ENVELOPE("", "t", "{\"sig\":1}"), -EBADMSG, "wrong type");
    refused(ENVELOPE("", "t", "{\"sig\":\"\",\"keyid\":1}"), -EBADMSG, "wrong type");
    refused(ENVELOPE("", "", SIGNED_NO_ID("")), -EBADMSG, "no type");
    refused(ENVELOPE("", "t\\u0000", SIGNED_NO_ID("")), -EBADMSG, "e: ");
    refused(ENVELOPE("A", "t", SIGNED_NO_ID("")), -EBADMSG, "\"payload\" is not base64");
    refused(ENVELOPE("QQ", "t", SIGNED_NO_ID("")), -EBADMSG, "\"payload\" is not base64");
    refused(ENVELOPE("QR==", "t", SIGNED_NO_ID("")), -EBADMSG, "\"payload\" is not base64");
    refused(ENVELOPE("Q Q=", "t", SIGNED_NO_ID("")), -EBADMSG, "\"payload\" is not base64");
    refused(ENVELOPE("", "t", SIGNED_NO_ID("-+AA")), -EBADMSG, "\"sig\" is not base64");
    refused(ENVELOPE("", "t", SIGNED_NO_ID("")) "x", -EBADMSG, "e: ");
}

/* Readers that differ in what they take of these would see different payloads. */
static void refuses_several_payloads_and_types(void **state)
{
#define REST "\"signatures\":[{\"sig\":\"\"}]}"
    (void)state;
    refused("{\"payload\":\"\",\"payloadType\":\"a\",\"payloadType\":\"b\"," REST, -EBADMSG,
            "occurs twice");
    refused("{\"payload\":\"\",\"payload\":\"\",\"payloadType\":\"a\"," REST, -EBADMSG,
            "occurs twice");
    refused("{\"payload\":\"\",\"payloadType\":\"a\",\"payloadtype\":\"b\"," REST, -EBADMSG,
            "would pass for \"payloadType\"");
    refused("{\"payload\":\"\",\"Payload\":\"QQ==\",\"payloadType\":\"a\"," REST, -EBADMSG,
            "would pass for \"payload\"");
    refused(ENVELOPE("", "t", "{\"sig\":\"\",\"SIG\":\"\"}"), -EBADMSG, "would pass for \"sig\"");
    refused("{\"payload\":\"\",\"payloadType\":[\"a\",\"b\"]," REST, -EBADMSG, "wrong type");
#undef REST
}

static void ignores_unknown_members(void **state)
{
    static const char text[] =
        "{\"payload\":\"\",\"payloadType\":\"t\",\"new\":{\"payload\":1},"
        "\"signatures\":[{\"sig\":\"\",\"extension\":{\"kind\":\"x\",\"ext\":{}}}]}";
    bfs_autoenvelope struct bfs_envelope envelope = {0};
    (void)state;
    assert_int_equal(parse_copy(text, strlen(text), &envelope), 0);
    assert_int_equal(envelope.payload_size, 0);
    assert_non_null(envelope.payload);
}

/* An envelope whose type, keyid, signature or payload has so many bytes, or with so many
 * signatures. */
static int sized(size_t type, size_t key_id, size_t signature, size_t payload, size_t n)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    struct bfs_envelope envelope = {0};
    bfs_autofree uint8_t *zeros = calloc(1, payload + signature + 1);
    bfs_buffer_put_text(&text, "{\"payload\":\"");
    bfs_base64_encode(zeros, payload, &text);
    bfs_buffer_put_text(&text, "\",\"payloadType\":\"");
    for (size_t i = 0; i < type; i++)
        bfs_buffer_put_u8(&text, 't');
    bfs_buffer_put_text(&text, "\",\"signatures\":[");
    for (size_t i = 0; i < n; i++) {
        bfs_buffer_put_text(&text, i ? ",{\"keyid\":\"" : "{\"keyid\":\"");
        for (size_t j = 0; j < key_id; j++)
            bfs_buffer_put_u8(&text, 'k');
        bfs_buffer_put_text(&text, "\",\"sig\":\"");
        bfs_base64_encode(zeros, signature, &text);
        bfs_buffer_put_text(&text, "\"}");
    }
    bfs_buffer_put_text(&text, "]}");
    assert_int_equal(bfs_buffer_status(&text), 0);
    int r = parse_copy((const char *)text.bytes, text.size, &envelope);
    bfs_envelope_done(&envelope);
    return r;
}

static void limits(void **state)
{
    enum { PAYLOAD = BFS_ENVELOPE_SIZE_MAX / 4 * 3 };
    bfs_autoenvelope struct bfs_envelope envelope = {0};
    auto_key key = test_key(SEED_A, 1);
    char type[BFS_ENVELOPE_TYPE_MAX + 2];
    (void)state;
    assert_int_equal(sized(BFS_ENVELOPE_TYPE_MAX, BFS_ENVELOPE_KEY_ID_MAX,
                           BFS_ENVELOPE_SIGNATURE_MAX, 1, BFS_ENVELOPE_SIGNATURES_MAX),
                     0);
    assert_int_equal(sized(BFS_ENVELOPE_TYPE_MAX + 1, 1, 1, 1, 1), -E2BIG);
    assert_int_equal(sized(1, BFS_ENVELOPE_KEY_ID_MAX + 1, 1, 1, 1), -E2BIG);
    assert_int_equal(sized(1, 1, BFS_ENVELOPE_SIGNATURE_MAX + 1, 1, 1), -E2BIG);
    assert_int_equal(sized(1, 1, 1, 1, BFS_ENVELOPE_SIGNATURES_MAX + 1), -E2BIG);
    assert_int_equal(sized(1, 1, 1, PAYLOAD - 300, 1), 0);
    assert_int_equal(sized(1, 1, 1, PAYLOAD, 1), -E2BIG);
    memset(type, 't', sizeof(type));
    type[BFS_ENVELOPE_TYPE_MAX + 1] = '\0';
    assert_int_equal(bfs_envelope_new(type, "", 0, &envelope, NULL), -E2BIG);
    assert_int_equal(bfs_envelope_new("", "", 0, &envelope, NULL), -EINVAL);
    assert_int_equal(bfs_envelope_new("\xff", "", 0, &envelope, NULL), -EINVAL);
    made("t", "", &envelope);
    for (size_t i = 0; i < BFS_ENVELOPE_SIGNATURES_MAX; i++)
        assert_int_equal(bfs_envelope_sign(&envelope, key, NULL), 0);
    assert_int_equal(bfs_envelope_sign(&envelope, key, NULL), -E2BIG);
    assert_int_equal(envelope.n_signatures, BFS_ENVELOPE_SIGNATURES_MAX);
}

/* What becomes of a mutant of an envelope that key A signed: its errno, or 0, and then type and
 * payload are the signed ones. */
static int judge(const char *text, size_t size, const struct bfs_public_key *key)
{
    bfs_autoenvelope struct bfs_envelope envelope = {0};
    bool signed_by[1];
    size_t count;
    int r = parse_copy(text, size, &envelope);
    if (r)
        return r;
    r = bfs_envelope_verify(&envelope, IN_TOTO, key, 1, signed_by, &count, "e", NULL);
    if (r == 0) {
        assert_string_equal(envelope.type, IN_TOTO);
        assert_int_equal(envelope.payload_size, strlen(BODY));
        assert_memory_equal(envelope.payload, BODY, envelope.payload_size);
    }
    return r;
}

/* A signature is 64 bytes, neither more, of which the first are one, nor fewer. */
static void other_sizes_are_no_signature(void **state)
{
    const struct bfs_public_key key = public_key(PUBLIC_A, 1);
    bfs_autofree uint8_t *bytes = NULL;
    size_t size;
    (void)state;
    assert_int_equal(bfs_base64_decode(SIG_A, strlen(SIG_A), &bytes, &size), 0);
    assert_int_equal(size, BFS_SIGNATURE_SIZE);
    for (size_t n = 0; n <= size + 1; n++) {
        bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
        uint8_t other[BFS_SIGNATURE_SIZE + 1] = {0};
        memcpy(other, bytes, n < size ? n : size);
        bfs_buffer_put_text(&text, "{\"payload\":\"" BODY_BASE64 "\",\"payloadType\":\"" IN_TOTO
                                   "\",\"signatures\":[{\"sig\":\"");
        bfs_base64_encode(other, n, &text);
        bfs_buffer_put_text(&text, "\"}]}");
        assert_int_equal(judge((const char *)text.bytes, text.size, &key),
                         n == size ? 0 : -EKEYREJECTED);
    }
}

/* The places in the text that must not change, each with what a changed one is refused with. */
static void every_flip_and_cut(void **state)
{
    const struct bfs_public_key key = public_key(PUBLIC_A, 1);
    char text[] = ENVELOPE(BODY_BASE64, IN_TOTO, SIGNED(SIG_A, "0101010101010101"));
    const size_t size = sizeof(text) - 1;
    const size_t payload = (size_t)(strstr(text, BODY_BASE64) - text);
    const size_t type = (size_t)(strstr(text, IN_TOTO) - text);
    const size_t sig = (size_t)(strstr(text, SIG_A) - text);
    size_t n_rejected = 0, n_malformed = 0, n_other_type = 0, n_harmless = 0;
    (void)state;
    assert_int_equal(judge(text, size, &key), 0);
    for (size_t bit = 0; bit < size * 8; bit++) {
        size_t at = bit / 8;
        text[at] = (char)(text[at] ^ (1 << bit % 8));
        int r = judge(text, size, &key);
        text[at] = (char)(text[at] ^ (1 << bit % 8));
        n_rejected += r == -EKEYREJECTED;
        n_malformed += r == -EBADMSG;
        n_other_type += r == -EPROTONOSUPPORT;
        n_harmless += r == 0;
        if ((at >= payload && at < payload + strlen(BODY_BASE64)) ||
            (at >= sig && at < sig + strlen(SIG_A)))
            assert_true(r == -EKEYREJECTED || r == -EBADMSG);
        else if (at >= type && at < type + strlen(IN_TOTO))
            assert_true(r == -EPROTONOSUPPORT || r == -EBADMSG);
        else if (at > sig + strlen(SIG_A)) /* the keyid: a hint, or no longer one */
            assert_true(r == 0 || r == -EBADMSG);
        else
            assert_int_equal(r, -EBADMSG);
    }
    assert_int_equal(n_rejected + n_malformed + n_other_type + n_harmless, size * 8);
    assert_true(n_rejected > 200 && n_malformed > 500 && n_other_type > 100 && n_harmless > 50);
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(judge(text, cut, &key), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(published_example),
        cmocka_unit_test(makes_the_vectors_signature),
        cmocka_unit_test(counts_keys_by_their_bytes),
        cmocka_unit_test(refuses_the_wrong_type_first),
        cmocka_unit_test(refuses_malformed_ones),
        cmocka_unit_test(refuses_several_payloads_and_types),
        cmocka_unit_test(ignores_unknown_members),
        cmocka_unit_test(limits),
        cmocka_unit_test(other_sizes_are_no_signature),
        cmocka_unit_test(every_flip_and_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
