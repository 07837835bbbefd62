/* SPDX-License-Identifier: Apache-2.0
 * Every kind of string in a contract, once: the reader matches with these patterns, and the
 * published JSON Schema holds the same ones.
 *
 *   X(ID, longest in characters, pattern or NULL, what it is)
 *
 * A pattern is both a POSIX extended and an ECMA-262 regular expression, with one meaning: ranges
 * of ASCII, no classes, no escapes but of punctuation. A string is never empty. Patterns of
 * versions and ranges bound their numbers to nine digits, so that they fit 32 bits. */
#ifndef BFS_VERIFY_CONTRACT_FORMAT_LIST_H
#define BFS_VERIFY_CONTRACT_FORMAT_LIST_H

#define BFS_RE_NUMBER "(0|[1-9][0-9]{0,8})"
#define BFS_RE_IDENTIFIERS "[0-9A-Za-z-]+(\\.[0-9A-Za-z-]+)*"
#define BFS_RE_PARTIAL                                                                             \
    BFS_RE_NUMBER "(\\." BFS_RE_NUMBER "(\\." BFS_RE_NUMBER "(-" BFS_RE_IDENTIFIERS ")?)?)?"
#define BFS_RE_TERM "(\\*|(=|>=|<=|>|<|\\^|~)?" BFS_RE_PARTIAL ")"
#define BFS_RE_SET BFS_RE_TERM "( " BFS_RE_TERM ")*"
/* not "", "." or "..", and no "/" */
#define BFS_RE_COMPONENT "([^./]|\\.[^./]|\\.\\.[^/])[^/]*"
#define BFS_RE_UNSIGNED "(0|[1-9][0-9]{0,17})(\\.[0-9]{1,18})?([eE][+-]?[0-9]{1,2})?"

/* clang-format off */
#define BFS_FORMAT_LIST(X)                                                                         \
    X(TEXT, 4096, NULL, "text")                                                                    \
    X(LABEL, 63, "^[ -~]+$", "printable ASCII")                                                    \
    X(NAME, 255, "^[!-~]+$", "printable ASCII without spaces")                                     \
    X(WORD, 63, "^[A-Za-z0-9][A-Za-z0-9._+-]*$", "a word of letters, digits, '.', '_', '+', '-'")  \
    X(SCHEMA_VERSION, 5, "^1\\.(0|[1-9][0-9]{0,2})$", "1.0")                                       \
    X(VERSION, 128,                                                                                \
      "^" BFS_RE_NUMBER "\\." BFS_RE_NUMBER "\\." BFS_RE_NUMBER "(-" BFS_RE_IDENTIFIERS ")?"       \
      "(\\+" BFS_RE_IDENTIFIERS ")?$", "a semantic version such as 1.2.3")                         \
    X(RANGE, 512, "^" BFS_RE_SET "( \\|\\| " BFS_RE_SET ")*$",                                     \
      "a range of versions such as ^1.2 or >=1.2 <3")                                              \
    X(DECIMAL, 48, "^-?" BFS_RE_UNSIGNED "$", "a decimal number in a string")                      \
    X(UNSIGNED, 48, "^" BFS_RE_UNSIGNED "$", "a decimal number in a string, not negative")         \
    X(PATH, 65535, "^" BFS_RE_COMPONENT "(/" BFS_RE_COMPONENT ")*$",                               \
      "a relative path of plain names")                                                            \
    X(BUNDLE, 255, "^[A-Za-z0-9]+([._-]+[A-Za-z0-9]+)*(/[A-Za-z0-9]+([._-]+[A-Za-z0-9]+)*)*$",     \
      "a bundle's name without a version")                                                         \
    X(VIEW, 63, "^[a-z0-9][a-z0-9._-]*$", "the id of a view")                                      \
    X(DIGEST, 71, "^sha256:[0-9a-f]{64}$", "sha256: and 64 digits")                                \
    X(REVISION, 64, "^[0-9a-f]{7,64}$", "a git revision")                                          \
    X(LICENCE, 1024, "^[A-Za-z0-9.()+: -]+$", "an SPDX licence expression")                        \
    X(HARDWARE, 11, "^(cpu|gpu|accelerator)$", "cpu, gpu or accelerator")                          \
    X(KEY_WORD, 63, "^[a-z0-9._-]+$", "lower case letters, digits, '.', '_', '-'")                 \
    X(CAPABILITY, 4, "^[1-9][0-9]?\\.[0-9]$", "a version such as 8.9")                             \
    X(DATATYPE, 6, "^(BOOL|U?INT(8|16|32|64)|FP(16|32|64)|BF16|BYTES)$",                           \
      "BOOL, UINT8 to UINT64, INT8 to INT64, FP16, FP32, FP64, BF16 or BYTES")                     \
    X(PARAMETER, 7, "^(boolean|integer|number|string)$", "boolean, integer, number or string")     \
    X(EFFECT, 9, "^(none|files|network|devices|processes)$",                                       \
      "none, files, network, devices or processes")                                                \
    X(RELATION, 9, "^(adapter|finetune|merge|quantized)$",                                         \
      "adapter, finetune, merge or quantized")
/* clang-format on */

#endif
