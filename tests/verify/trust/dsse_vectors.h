/* SPDX-License-Identifier: Apache-2.0
 * The vectors that the DSSE specification publishes (secure-systems-lab/dsse:
 * testvectors/vectors.json), as envelopes. Keys A and B are those of keys.h. */
#ifndef BFS_TESTS_TRUST_DSSE_VECTORS_H
#define BFS_TESTS_TRUST_DSSE_VECTORS_H

#include <stdbool.h>
#include <stddef.h>

#define IN_TOTO "application/vnd.in-toto+json"
#define UMLAUT "application/vnd.ex\xc3\xa4mple+json"
#define BODY "{\"_type\":\"https://in-toto.io/Statement/v1\"}"
#define BODY_BASE64 "eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEifQ=="
#define SIG_A                                                                                      \
    "2WAfaHm5jluo0w+0rk8uVkluELJYWjSmU9x7EUzx+AyteDGJ4/nqyJXfmAUVFIAoQafWm7AxBZNw5M9ixNHiCA=="
#define SIG_B                                                                                      \
    "c1+67/aT0yqEpwx8PsVY3MLHsj9D0CZ014/Fv/QlG59P+9CobUZ7xECJ/V3USG0Ob9CiE5LjReEZUzNF2l7eBw=="

#define ENVELOPE(payload, type, signatures)                                                        \
    "{\"payload\":\"" payload "\",\"payloadType\":\"" type "\",\"signatures\":[" signatures "]}"
#define SIGNED(sig, id) "{\"sig\":\"" sig "\",\"keyid\":\"" id "\"}"
#define SIGNED_NO_ID(sig) "{\"sig\":\"" sig "\"}"

struct dsse_vector {
    const char *id;
    const char *envelope;
    const char *type; /* that the verifier supports */
    bool trusts_b;    /* key A always */
    size_t threshold;
    const char *message; /* what is signed */
    bool accept;
};

static const struct dsse_vector dsse_vectors[] = {
    {"single-signature", ENVELOPE(BODY_BASE64, IN_TOTO, SIGNED(SIG_A, "A")), IN_TOTO, false, 1,
     "DSSEv1 28 " IN_TOTO " 43 " BODY, true},
    {"url-safe-base64",
     ENVELOPE("-_-_Pj8=", IN_TOTO,
              SIGNED("P-_KHICeR7tI6S_YyejJTRtrXhcQyQ2LYPaL8h90KjC9qN8HU_svOQ6TuDOT1HIrsGW886DbWNWc"
                     "CmX5twLrAw==",
                     "A")),
     IN_TOTO, false, 1, "DSSEv1 28 " IN_TOTO " 5 \xfb\xff\xbf>?", true},
    /* The verifier supports both types: the signature is what refuses. */
    {"payload-type-swapped",
     ENVELOPE(BODY_BASE64, "application/vnd.example.other+json", SIGNED(SIG_A, "A")),
     "application/vnd.example.other+json", false, 1, NULL, false},
    {"non-ascii-payload-type",
     ENVELOPE(
         BODY_BASE64, UMLAUT,
         SIGNED("xmSk/ug66ysT7ayhkCIjhAq42zgZXSsEWuzUaNL7w2eGAdF/NU6/fRXPtmfN+5DNSAs5/i2lUnHjbb"
                "jPsu0tAw==",
                "A")),
     UMLAUT, false, 1, "DSSEv1 29 " UMLAUT " 43 " BODY, true},
    {"empty-payload",
     ENVELOPE("", IN_TOTO,
              SIGNED("gSggCAaTLTYyRH6FIDBem6meyIynsYy8RTHVzwx9tnTb7Bg/1jMWnuVgI/gffqmbsC2VX5/"
                     "jHfkkDqsj7CDbDg==",
                     "A")),
     IN_TOTO, false, 1, "DSSEv1 28 " IN_TOTO " 0 ", true},
    {"empty-payload-type",
     ENVELOPE(BODY_BASE64, "",
              SIGNED("iC3q/+3Rm0+lpAJRueDmDh15PnwCfxKmS0NAfKsbv+zgulXQC/WM9trc+j1XEqlwDIg/"
                     "vf/uNfebeD6sxInrDg==",
                     "A")),
     IN_TOTO, false, 1, NULL, false},
    {"threshold-two-distinct-keys",
     ENVELOPE(BODY_BASE64, IN_TOTO, SIGNED(SIG_A, "A") "," SIGNED(SIG_B, "B")), IN_TOTO, true, 2,
     "DSSEv1 28 " IN_TOTO " 43 " BODY, true},
    {"threshold-two-one-key-twice",
     ENVELOPE(BODY_BASE64, IN_TOTO, SIGNED(SIG_A, "A") "," SIGNED(SIG_A, "A")), IN_TOTO, true, 2,
     "DSSEv1 28 " IN_TOTO " 43 " BODY, false},
    {"threshold-two-without-keyids",
     ENVELOPE(BODY_BASE64, IN_TOTO, SIGNED_NO_ID(SIG_A) "," SIGNED_NO_ID(SIG_B)), IN_TOTO, true, 2,
     "DSSEv1 28 " IN_TOTO " 43 " BODY, true},
};
enum { N_DSSE_VECTORS = sizeof(dsse_vectors) / sizeof(dsse_vectors[0]) };

/* protocol.md: ECDSA over P-256 and SHA-256; r and s one after the other. */
#define HELLO_TYPE "http://example.com/HelloWorld"
#define HELLO_PAE "DSSEv1 29 http://example.com/HelloWorld 11 hello world"
#define HELLO_X "46950820868899156662930047687818585632848591499744589407958293238635476079160"
#define HELLO_Y "5640078356564379163099075877009565129882514886557779369047442380624545832820"
#define HELLO_ENVELOPE                                                                             \
    "{\"payload\": \"aGVsbG8gd29ybGQ=\",\n"                                                        \
    " \"payloadType\": \"" HELLO_TYPE "\",\n"                                                      \
    " \"signatures\": [{\"sig\": \"A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiH" \
    "qJPcIAriEGAHTVeCUjW2JIZA==\"}]}"

#endif
