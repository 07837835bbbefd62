/* SPDX-License-Identifier: Apache-2.0
 * Strict reading of JSON that somebody else wrote, in place, without a tree. A value is the part of
 * the text where it stands. Only opening a text allocates memory (for objects with many members),
 * so nothing that is read afterwards can be lost to a failed allocation.
 *
 * Refused, but in files that Python wrote, is whatever RFC 8259 does not allow (verify/json_scan.h has the list), duplicate keys,
 * trailing bytes, invalid UTF-8, NULs in strings, too deep nesting, and integers that are not exact
 * in a double (beyond 2^53 - 1, RFC 7493).
 *
 * A walk over an array or object visits each byte of it once. A look-up of one member by its name
 * is a walk too, so code that wants many members of one object walks once.
 *
 * THREAD SAFETY: pure functions; a value is as good as the text that it points into. */
#ifndef BFS_VERIFY_JSON_VALUE_H
#define BFS_VERIFY_JSON_VALUE_H

#include "verify/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BFS_JSON_DEPTH_MAX = 32 }; /* our deepest schema nests 6; tools of others a little more */

#define BFS_JSON_INTEGER_MAX ((UINT64_C(1) << 53) - 1)

enum bfs_json_type {
    BFS_JSON_OBJECT,
    BFS_JSON_ARRAY,
    BFS_JSON_STRING,
    BFS_JSON_INTEGER, /* 0 .. BFS_JSON_INTEGER_MAX */
    BFS_JSON_BOOLEAN,
};

/* "an array": for messages. */
const char *bfs_json_type_word(enum bfs_json_type type);

struct bfs_json_field {
    const char *name;
    enum bfs_json_type type;
    bool required;
};

/* From its first byte to its last, in a text that bfs_json_scan() accepted. text NULL: absent. */
struct bfs_json_value {
    const char *text;
    size_t size;
};

enum { BFS_JSON_FIELDS_MAX = 64 }; /* that one call can take from an object */

/* Scans `size` bytes (white space around the value is fine) and gives the outermost value. `what`
 * names the document in messages. Errors: -EBADMSG, -E2BIG (over INT32_MAX bytes or too deep),
 * -ENOMEM. */
int bfs_json_value_open(const void *text, size_t size, const char *what, struct bfs_json_value *ret,
                        struct bfs_error *error);

/* The same for a file of a model that Python's json module wrote, or reads (verify/json_scan.h has
 * the dialect). NaN, the infinities, integers beyond 2^53 - 1 and strings with a NUL have none of
 * the types above. Of members of one name the last counts. */
int bfs_json_value_open_python(const void *text, size_t size, const char *what,
                               struct bfs_json_value *ret, struct bfs_error *error);

/* Is the value there, and of that type? */
bool bfs_json_value_has_type(struct bfs_json_value value, enum bfs_json_type type);
bool bfs_json_value_is_null(struct bfs_json_value value);
/* "object", "array", "string", "int", "double", "boolean", "null"; "" when absent. For messages. */
const char *bfs_json_value_word(struct bfs_json_value value);

/* Checks that `object` is an object whose members are all in `fields` (ended by a NULL name) with
 * the right type, and that the required ones are there. `open` lets other members pass, for
 * documents whose standard says so. Sets ret[i] to the member of fields[i]; there are at most
 * BFS_JSON_FIELDS_MAX of them. Errors: -EBADMSG. */
int bfs_json_value_fields(struct bfs_json_value object, const struct bfs_json_field *fields,
                          bool open, const char *what, struct bfs_json_value ret[],
                          struct bfs_error *error);
/* The member of that name if `object` is an object and has one of that type; else absent. */
struct bfs_json_value bfs_json_value_member(struct bfs_json_value object, const char *name,
                                            enum bfs_json_type type);
/* The member of that name, of whatever type. */
struct bfs_json_value bfs_json_value_any_member(struct bfs_json_value object, const char *name);

/* The elements of an array one by one: starts with at NULL; false after the last. A value that is
 * no array has none. */
struct bfs_json_elements {
    const char *at;
};
bool bfs_json_value_next(struct bfs_json_value array, struct bfs_json_elements *elements,
                         struct bfs_json_value *ret);
size_t bfs_json_value_count(struct bfs_json_value array);

/* The members of an object one by one, in the text's order; the same way. The name is a string. */
struct bfs_json_members {
    const char *at;
};
bool bfs_json_value_next_member(struct bfs_json_value object, struct bfs_json_members *members,
                                struct bfs_json_value *ret_name, struct bfs_json_value *ret);
size_t bfs_json_value_count_members(struct bfs_json_value object);

/* What a string says, with a final NUL. Errors: -E2BIG when that does not fit into `size` bytes;
 * then as much as fits is there. "" for an absent one. */
int bfs_json_value_text(struct bfs_json_value string, char *ret, size_t size);
/* Bytes of what it says, without a NUL. */
size_t bfs_json_value_length(struct bfs_json_value string);
/* What it says in memory of its own, which the caller frees; NULL: no memory. */
char *bfs_json_value_copy(struct bfs_json_value string);
bool bfs_json_value_is(struct bfs_json_value string, const char *text);
/* Do two strings say the same? Absent ones differ from all. */
bool bfs_json_value_same(struct bfs_json_value a, struct bfs_json_value b);
/* Of a BFS_JSON_INTEGER; 0 when absent. */
uint64_t bfs_json_value_integer(struct bfs_json_value integer);
/* false when absent. */
bool bfs_json_value_is_true(struct bfs_json_value boolean);
/* Of an integer of either sign, up to 2^53 - 1. Errors: -EBADMSG (absent, or no such integer). */
int bfs_json_value_signed(struct bfs_json_value integer, int64_t *ret);
/* Of any number; one beyond a double is an infinity. Errors: -EBADMSG (absent, or no number),
 * -ENOMEM. */
int bfs_json_value_double(struct bfs_json_value number, double *ret);

/* Memory for what the strings of one document say, in one piece, for readers that keep strings. */
struct bfs_json_strings {
    char *bytes; /* owned */
    size_t size;
    size_t used;
};

/* Room for each string of a text of `size` bytes once. Errors: -ENOMEM. */
int bfs_json_strings_init(struct bfs_json_strings *ret, size_t size);
/* The string's bytes with a final NUL; NULL for an absent one, or without room left, which no set
 * of different strings of that text meets. */
const char *bfs_json_strings_take(struct bfs_json_strings *strings, struct bfs_json_value string);
void bfs_json_strings_done(struct bfs_json_strings *strings);
#define bfs_autojsonstrings BFS_CLEANUP(bfs_json_strings_done)

#endif
