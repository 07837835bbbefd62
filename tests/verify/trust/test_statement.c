/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/verify/trust/keys.h"
#include "tests/verify/trust/statements.h"

#include <errno.h>

static int parse_copy(const void *text, size_t size, struct bfs_statement *ret,
                      struct bfs_error *error)
{
    char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    memset(ret, 0x5a, sizeof(*ret));
    *error = (struct bfs_error){0};
    int r = bfs_statement_parse(copy, size, "s", ret, error);
    free(copy);
    assert_int_equal(error->code, r);
    if (r) {
        assert_true(error->what[0] != '\0');
        for (size_t i = 0; i < sizeof(*ret); i++)
            assert_int_equal(((const uint8_t *)ret)[i], 0x5a);
        *ret = (struct bfs_statement){0};
    }
    return r;
}

static void write_text(const struct bfs_statement *statement, struct bfs_buffer *ret)
{
    struct bfs_error error = {0};
    if (bfs_statement_write(statement, ret, &error))
        fail_msg("not written: %s", error.what);
}

static void refused(const char *text, int code, const char *why)
{
    struct bfs_statement statement;
    struct bfs_error error;
    int r = parse_copy(text, strlen(text), &statement, &error);
    if (r != code || !strstr(error.what, why))
        fail_msg("%s: %d: %s", text, r, error.what);
}

static void each_kind_is_written_and_read(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < BFS_N_STATEMENT_KINDS; kind++) {
        bfs_autostatement struct bfs_statement made = {0}, read = {0};
        bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT, again = BFS_BUFFER_INIT;
        struct bfs_error error;
        test_statement_full((enum bfs_statement_kind)kind, &made);
        write_text(&made, &text);
        assert_int_equal(parse_copy(text.bytes, text.size, &read, &error), 0);
        assert_int_equal(read.kind, kind);
        assert_true(read.when == TEST_WHEN);
        assert_string_equal(read.subject_name.name, "acme/tiny");
        assert_string_equal(read.subject_name.version, "1.0.0");
        assert_true(bfs_digest_equal(&read.subject, &made.subject));
        assert_string_equal(read.reason, made.reason);
        write_text(&read, &again);
        assert_int_equal(again.size, text.size);
        assert_memory_equal(again.bytes, text.bytes, text.size);
    }
}

#define HEX_AA "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_BB "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define SUBJECT "[{\"name\":\"acme/tiny:1.0.0\",\"digest\":{\"sha256\":\"" HEX_AA "\"}}]"
#define STATEMENT_OF(type, subject, predicate_type, predicate)                                     \
    "{\"_type\":\"" type "\",\"subject\":" subject ",\"predicateType\":\"" predicate_type          \
    "\",\"predicate\":{" predicate "}}"
#define STATEMENT(word, predicate)                                                                 \
    STATEMENT_OF(BFS_STATEMENT_IN_TOTO, SUBJECT, "https://bundlefs/" word "/v1",                   \
                 "\"when\":\"2026-01-01T00:00:00Z\"" predicate)

static void the_text_of_an_alias(void **state)
{
    static const char expected[] = STATEMENT(
        "alias", ",\"alias\":\"production\",\"move\":\"rollback\",\"sequence\":7,\"previous\":"
                 "\"sha256:" HEX_BB "\",\"reason\":\"because it is good\"") "\n";
    bfs_autostatement struct bfs_statement made = {0}, read = {0};
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    struct bfs_error error;
    (void)state;
    test_statement_full(BFS_STATEMENT_ALIAS, &made);
    write_text(&made, &text);
    assert_int_equal(text.size, strlen(expected));
    assert_memory_equal(text.bytes, expected, text.size);
    assert_int_equal(parse_copy(text.bytes, text.size, &read, &error), 0);
    assert_string_equal(read.alias, "production");
    assert_true(read.sequence == 7 && read.has_previous && read.move == BFS_ALIAS_ROLLBACK);
    assert_true(bfs_digest_equal(&read.previous, &made.previous));
}

static void the_other_members(void **state)
{
    bfs_autostatement struct bfs_statement read = {0};
    struct bfs_error error;
    static const char approval[] = STATEMENT("approval", ",\"role\":\"legal\"");
    static const char deprecation[] =
        STATEMENT("deprecation", ",\"replaced_by\":\"acme/tiny:2.0.0\",\"sunset\":"
                                 "\"2027-01-01T00:00:00Z\"");
    static const char bare[] = STATEMENT("deprecation", "");
    static const char noted[] =
        STATEMENT("revocation", ",\"annotations\":{\"any\":[1,{\"x\":null}],\"thing\":2.5}");
    (void)state;
    assert_int_equal(parse_copy(approval, strlen(approval), &read, &error), 0);
    assert_string_equal(read.role, "legal");
    assert_string_equal(read.reason, "");
    assert_int_equal(parse_copy(deprecation, strlen(deprecation), &read, &error), 0);
    assert_true(read.has_replaced_by && read.has_sunset && read.sunset == 1798761600);
    assert_string_equal(read.replaced_by.version, "2.0.0");
    assert_int_equal(parse_copy(bare, strlen(bare), &read, &error), 0);
    assert_true(!read.has_replaced_by && !read.has_sunset);
    static const char withdrawn[] = STATEMENT("deprecation", ",\"withdrawn\":true");
    assert_int_equal(parse_copy(withdrawn, strlen(withdrawn), &read, &error), 0);
    assert_true(read.is_withdrawn && !read.has_sunset);
    assert_int_equal(parse_copy(noted, strlen(noted), &read, &error), 0);
    assert_int_equal(read.kind, BFS_STATEMENT_REVOCATION);
}

static void refuses_other_statements(void **state)
{
#define WHEN "\"when\":\"2026-01-01T00:00:00Z\""
#define SIGNATURE_TYPE "https://bundlefs/signature/v1"
    (void)state;
    refused("", -EBADMSG, "s: ");
    refused("{}", -EBADMSG, "\"_type\" is missing");
    refused(STATEMENT_OF("https://in-toto.io/Statement/v0.1", SUBJECT, SIGNATURE_TYPE, WHEN),
            -EPROTONOSUPPORT, "in-toto");
    refused(STATEMENT_OF(BFS_STATEMENT_IN_TOTO, SUBJECT, "https://bundlefs/signature/v2", WHEN),
            -EPROTONOSUPPORT, "unknown kind");
    refused(STATEMENT_OF(BFS_STATEMENT_IN_TOTO, "[]", SIGNATURE_TYPE, WHEN), -EBADMSG,
            "one subject");
    refused(STATEMENT_OF(BFS_STATEMENT_IN_TOTO,
                         "[{\"name\":\"a:1\",\"digest\":{\"sha256\":\"" HEX_AA "\"}},"
                         "{\"name\":\"a:1\",\"digest\":{\"sha256\":\"" HEX_BB "\"}}]",
                         SIGNATURE_TYPE, WHEN),
            -EBADMSG, "one subject");
    refused(STATEMENT_OF(BFS_STATEMENT_IN_TOTO, "[1]", SIGNATURE_TYPE, WHEN), -EBADMSG,
            "not a JSON object");
    refused(STATEMENT_OF(BFS_STATEMENT_IN_TOTO, "[{\"name\":\"a:1\",\"digest\":{}}]",
                         SIGNATURE_TYPE, WHEN),
            -EBADMSG, "\"sha256\" is missing");
    refused(STATEMENT_OF(BFS_STATEMENT_IN_TOTO,
                         "[{\"name\":\"a:1\",\"digest\":{\"sha256\":\"" HEX_AA
                         "\",\"sha1\":\"00\"}}]",
                         SIGNATURE_TYPE, WHEN),
            -EBADMSG, "unknown field \"sha1\"");
    refused(STATEMENT_OF(BFS_STATEMENT_IN_TOTO,
                         "[{\"name\":\"a:1\",\"digest\":{\"sha256\":\"sha256:" HEX_AA "\"}}]",
                         SIGNATURE_TYPE, WHEN),
            -EBADMSG, "64 hexadecimal digits");
    refused(STATEMENT_OF(BFS_STATEMENT_IN_TOTO,
                         "[{\"name\":\"../a:1\",\"digest\":{\"sha256\":\"" HEX_AA "\"}}]",
                         SIGNATURE_TYPE, WHEN),
            -EBADMSG, "NAME:VERSION");
    refused("{\"_type\":\"" BFS_STATEMENT_IN_TOTO "\",\"subject\":" SUBJECT
            ",\"predicateType\":\"" SIGNATURE_TYPE "\",\"predicate\":{" WHEN "},\"more\":1}",
            -EBADMSG, "unknown field \"more\"");
}

static void refuses_other_members(void **state)
{
    (void)state;
    refused(STATEMENT_OF(BFS_STATEMENT_IN_TOTO, SUBJECT, SIGNATURE_TYPE, ""), -EBADMSG,
            "\"when\" is missing");
    refused(STATEMENT_OF(BFS_STATEMENT_IN_TOTO, SUBJECT, SIGNATURE_TYPE, "\"when\":\"today\""),
            -EBADMSG, "\"when\" is not valid");
    /* What a signer could claim about itself. */
    refused(STATEMENT("signature", ",\"role\":\"release\""), -EBADMSG, "unknown field \"role\"");
    refused(STATEMENT("signature", ",\"reason\":\"\""), -EBADMSG, "\"reason\" is not valid");
    refused(STATEMENT("signature", ",\"reason\":\"a\\nb\""), -EBADMSG, "\"reason\" is not valid");
    refused(STATEMENT("signature", ",\"reason\":\"\\u001b[2J\""), -EBADMSG,
            "\"reason\" is not valid");
    refused(STATEMENT("signature", ",\"reason\":\"a\",\"reason\":\"b\""), -EBADMSG, "twice");
    refused(STATEMENT("approval", ""), -EBADMSG, "\"role\" is missing");
    refused(STATEMENT("approval", ",\"role\":\"a b\""), -EBADMSG, "\"role\" is not valid");
    refused(STATEMENT("approval", ",\"role\":\"\""), -EBADMSG, "\"role\" is not valid");
#define ALIAS(members) STATEMENT("alias", ",\"alias\":\"production\",\"move\":\"promote\"" members)
#define PREVIOUS ",\"previous\":\"sha256:" HEX_BB "\""
    refused(ALIAS(""), -EBADMSG, "\"sequence\" is missing");
    refused(ALIAS(",\"sequence\":0"), -EBADMSG, "\"sequence\" must be 1");
    refused(ALIAS(",\"sequence\":1" PREVIOUS), -EBADMSG, "\"sequence\" must be 1");
    refused(ALIAS(",\"sequence\":2"), -EBADMSG, "\"sequence\" must be 1");
    refused(ALIAS(",\"sequence\":-1"), -EBADMSG, "wrong type");
    refused(ALIAS(",\"sequence\":9007199254740992" PREVIOUS), -EBADMSG, "s: ");
    refused(ALIAS(",\"sequence\":2,\"previous\":\"" HEX_BB "\""), -EBADMSG, "\"previous\"");
    refused(STATEMENT("alias", ",\"alias\":\"latest\",\"move\":\"promote\",\"sequence\":1"),
            -EBADMSG, "\"alias\" is not valid");
    refused(STATEMENT("alias", ",\"alias\":\"a/b\",\"move\":\"promote\",\"sequence\":1"), -EBADMSG,
            "\"alias\" is not valid");
    refused(STATEMENT("alias", ",\"alias\":\"a\",\"move\":\"drop\",\"sequence\":1"), -EBADMSG,
            "\"move\" is not valid");
    refused(STATEMENT("deprecation", ",\"replaced_by\":\"acme/tiny\""), -EBADMSG,
            "\"replaced_by\" is not valid");
    refused(STATEMENT("deprecation", ",\"sunset\":\"2027\""), -EBADMSG, "\"sunset\" is not valid");
    refused(STATEMENT("deprecation", ",\"withdrawn\":true,\"sunset\":\"2027-01-01T00:00:00Z\""),
            -EBADMSG, "a withdrawn deprecation has neither");
    refused(STATEMENT("deprecation", ",\"withdrawn\":true,\"replaced_by\":\"acme/tiny:2\""),
            -EBADMSG, "a withdrawn deprecation has neither");
    refused(STATEMENT("revocation", ",\"withdrawn\":true"), -EBADMSG,
            "unknown field \"withdrawn\"");
    refused(STATEMENT("revocation", ",\"replaced_by\":\"acme/tiny:2\""), -EBADMSG,
            "unknown field \"replaced_by\"");
}

static void not_written(const struct bfs_statement *statement, int code)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    struct bfs_error error = {0};
    assert_int_equal(bfs_statement_write(statement, &text, &error), code);
    assert_int_equal(error.code, code);
    assert_int_equal(text.size, 0);
}

static void writes_nothing_that_is_refused(void **state)
{
    bfs_autostatement struct bfs_statement good = {0};
    (void)state;
    test_statement_full(BFS_STATEMENT_ALIAS, &good);
    struct bfs_statement bad = good;
    bad.sequence = 1;
    not_written(&bad, -EINVAL);
    bad = good;
    bad.has_previous = false;
    not_written(&bad, -EINVAL);
    bad = good;
    memcpy(bad.alias, "latest", sizeof("latest"));
    not_written(&bad, -EINVAL);
    bad = good;
    bad.when = -1;
    not_written(&bad, -EINVAL);
    bad = good;
    memcpy(bad.reason, "two\nlines", sizeof("two\nlines"));
    not_written(&bad, -EINVAL);
    bad = good;
    memcpy(bad.reason, "\xff", sizeof("\xff"));
    not_written(&bad, -EINVAL);
    bad = good;
    bad.subject_name.version[0] = '\0';
    not_written(&bad, -EINVAL);
}

static void limits(void **state)
{
    bfs_autostatement struct bfs_statement made = {0}, read = {0};
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT, longer = BFS_BUFFER_INIT;
    char role[BFS_STATEMENT_ROLE_MAX + 2];
    struct bfs_error error;
    (void)state;
    test_statement_full(BFS_STATEMENT_SIGNATURE, &made);
    memset(made.reason, 'r', BFS_STATEMENT_REASON_MAX);
    write_text(&made, &text);
    assert_int_equal(parse_copy(text.bytes, text.size, &read, &error), 0);
    /* one letter more */
    bfs_buffer_put(&longer, text.bytes, text.size);
    char *reason = strstr((char *)longer.bytes, "rrr");
    bfs_buffer_put_u8(&longer, ' ');
    reason = (char *)longer.bytes + (strstr((char *)text.bytes, "rrr") - (char *)text.bytes);
    memmove(reason + 1, reason, longer.size - 1 - (size_t)(reason - (char *)longer.bytes));
    assert_int_equal(parse_copy(longer.bytes, longer.size, &read, &error), -E2BIG);
    memset(role, 'r', sizeof(role));
    role[BFS_STATEMENT_ROLE_MAX + 1] = '\0';
    assert_false(bfs_role_is_valid(role));
    assert_true(bfs_role_is_valid(role + 1));
    bfs_autofree char *large = malloc(BFS_STATEMENT_SIZE_MAX + 1);
    assert_non_null(large);
    memset(large, ' ', BFS_STATEMENT_SIZE_MAX + 1);
    memcpy(large, text.bytes, text.size);
    assert_int_equal(parse_copy(large, BFS_STATEMENT_SIZE_MAX + 1, &read, &error), -E2BIG);
    assert_int_equal(parse_copy(large, BFS_STATEMENT_SIZE_MAX, &read, &error), 0);
}

static void words(void **state)
{
    enum bfs_statement_kind kind = BFS_STATEMENT_ALIAS;
    enum bfs_alias_move move = BFS_ALIAS_PROMOTE;
    char long_alias[BFS_VERSION_MAX + 2];
    (void)state;
    assert_int_equal(bfs_statement_kind_parse("provenance", &kind), 0);
    assert_int_equal(kind, BFS_STATEMENT_PROVENANCE);
    assert_int_equal(bfs_statement_kind_parse("Provenance", &kind), -EINVAL);
    assert_string_equal(bfs_statement_type(kind), "https://slsa.dev/provenance/v1");
    assert_int_equal(bfs_alias_move_parse("rollback", &move), 0);
    assert_string_equal(bfs_alias_move_word(move), "rollback");
    assert_int_equal(bfs_alias_move_parse("", &move), -EINVAL);
    memset(long_alias, 'a', sizeof(long_alias));
    long_alias[BFS_VERSION_MAX + 1] = '\0';
    assert_false(bfs_alias_is_valid(long_alias));
    assert_true(bfs_alias_is_valid(long_alias + 1));
    assert_true(bfs_alias_is_valid("production"));
    assert_false(bfs_alias_is_valid("latest"));
    assert_false(bfs_alias_is_valid(""));
    assert_false(bfs_alias_is_valid("a:b"));
    assert_false(bfs_alias_is_valid("a/b"));
    assert_false(bfs_alias_is_valid(".."));
}

/* From the statement to the signer and back; then what must not pass. */
static void signs_and_reads(void **state)
{
    BFS_CLEANUP(bfs_secret_key_cleanup) struct bfs_secret_key *key = test_key(SEED_A, 1);
    bfs_autostatement struct bfs_statement made = {0}, read = {0};
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    bfs_autoenvelope struct bfs_envelope envelope = {0}, other = {0};
    struct bfs_error error = {0};
    bool signed_by[1];
    size_t n;
    (void)state;
    test_statement_full(BFS_STATEMENT_APPROVAL, &made);
    assert_int_equal(bfs_statement_sign(&made, key, &text, NULL), 0);
    assert_int_equal(bfs_envelope_parse(text.bytes, text.size, "e", &envelope, NULL), 0);
    assert_int_equal(bfs_envelope_verify(&envelope, BFS_STATEMENT_MEDIA, bfs_secret_key_public(key),
                                         1, signed_by, &n, "e", NULL),
                     0);
    assert_int_equal(bfs_statement_read(&envelope, "e", &read, NULL), 0);
    assert_string_equal(read.role, made.role);
    /* Right signature, wrong subject. */
    struct bfs_digest bundle = made.subject;
    assert_int_equal(bfs_statement_check_subject(&read, &bundle, "e", NULL), 0);
    bundle.bytes[31] ^= 1;
    assert_int_equal(bfs_statement_check_subject(&read, &bundle, "e", &error), -EKEYREJECTED);
    assert_non_null(strstr(error.what, "another bundle"));
    /* A payload of another type is not parsed, whatever it holds. */
    assert_int_equal(
        bfs_envelope_new("application/json", envelope.payload, envelope.payload_size, &other, NULL),
        0);
    assert_int_equal(bfs_statement_read(&other, "e", &read, NULL), -EPROTONOSUPPORT);
    made.role[0] = '\0';
    text.size = 0;
    assert_int_equal(bfs_statement_sign(&made, key, &text, NULL), -EINVAL);
    assert_int_equal(text.size, 0);
}

/* A mutant is refused, or it says something else and is written back as that. */
static void every_flip_and_cut(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < BFS_N_STATEMENT_KINDS; kind++) {
        bfs_autostatement struct bfs_statement made = {0};
        bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
        struct bfs_error error;
        size_t n_refused = 0, n_accepted = 0;
        test_statement_full((enum bfs_statement_kind)kind, &made);
        write_text(&made, &text);
        size_t size = text.size - 1; /* without the newline, so that each cut cuts something */
        for (size_t bit = 0; bit < size * 8; bit++) {
            bfs_autostatement struct bfs_statement read = {0};
            bfs_autobuffer struct bfs_buffer again = BFS_BUFFER_INIT;
            text.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            int r = parse_copy(text.bytes, size, &read, &error);
            text.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_true(r == 0 || r == -EBADMSG || r == -EPROTONOSUPPORT || r == -E2BIG);
            n_refused += r != 0;
            n_accepted += r == 0;
            if (r)
                continue;
            write_text(&read, &again);
            /* A provenance may lose what its standard says to ignore. */
            assert_true(again.size != text.size || memcmp(again.bytes, text.bytes, text.size) != 0);
        }
        assert_int_equal(n_refused + n_accepted, size * 8);
        assert_true(n_refused > size && n_accepted > 0);
        for (size_t cut = 0; cut < size; cut++) {
            bfs_autostatement struct bfs_statement read = {0};
            assert_int_equal(parse_copy(text.bytes, cut, &read, &error), -EBADMSG);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_is_written_and_read),
        cmocka_unit_test(the_text_of_an_alias),
        cmocka_unit_test(the_other_members),
        cmocka_unit_test(refuses_other_statements),
        cmocka_unit_test(refuses_other_members),
        cmocka_unit_test(writes_nothing_that_is_refused),
        cmocka_unit_test(limits),
        cmocka_unit_test(words),
        cmocka_unit_test(signs_and_reads),
        cmocka_unit_test(every_flip_and_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
