/* SPDX-License-Identifier: Apache-2.0
 * Reading a JSON text in place, without a tree of it: a value is where it stands. For documents
 * that are large, or read by the thousand. The same rules and the same words as verify/json.h.
 *
 * THREAD SAFETY: pure functions; a value is as good as the text that it points into. */
#ifndef BFS_VERIFY_JSON_VALUE_H
#define BFS_VERIFY_JSON_VALUE_H

#include "verify/json.h"

/* From its first byte to its last, in a text that bfs_json_scan() accepted. text NULL: absent. */
struct bfs_json_value {
    const char *text;
    size_t size;
};

enum { BFS_JSON_FIELDS_MAX = 16 }; /* that one call can take from an object */

/* Scans a text as bfs_json_parse() does and gives its outermost value. Errors: as there. */
int bfs_json_value_open(const void *text, size_t size, const char *what, struct bfs_json_value *ret,
                        struct bfs_error *error);

/* As bfs_json_check(), and sets ret[i] to the member of fields[i]; there are at most
 * BFS_JSON_FIELDS_MAX of them. Errors: -EBADMSG. */
int bfs_json_value_fields(struct bfs_json_value object, const struct bfs_json_field *fields,
                          bool open, const char *what, struct bfs_json_value ret[],
                          struct bfs_error *error);
/* The member of that name if `object` is an object and has one of that type; else absent. */
struct bfs_json_value bfs_json_value_member(struct bfs_json_value object, const char *name,
                                            enum bfs_json_type type);

/* Is it there, and of that type? BFS_JSON_INTEGER is one that is not negative. */
bool bfs_json_value_has_type(struct bfs_json_value value, enum bfs_json_type type);

/* The members of an object one by one, in the order of the text: starts with at NULL; false after
 * the last, and for what is no object. The name is a string, to be read as one. */
struct bfs_json_members {
    const char *at;
};
bool bfs_json_value_next_member(struct bfs_json_value object, struct bfs_json_members *members,
                                struct bfs_json_value *ret_name, struct bfs_json_value *ret);

/* The elements of an array one by one: starts with at NULL; false after the last. */
struct bfs_json_elements {
    const char *at;
};
bool bfs_json_value_next(struct bfs_json_value array, struct bfs_json_elements *elements,
                         struct bfs_json_value *ret);
size_t bfs_json_value_count(struct bfs_json_value array);

/* What a string says, with a final NUL. Errors: -E2BIG when that does not fit into `size` bytes;
 * then as much as fits is there. "" for an absent one. */
int bfs_json_value_text(struct bfs_json_value string, char *ret, size_t size);
/* The same in memory of its own, which the caller frees; NULL: no memory. */
char *bfs_json_value_copy(struct bfs_json_value string);
bool bfs_json_value_is(struct bfs_json_value string, const char *text);
/* 0 when absent. */
uint64_t bfs_json_value_integer(struct bfs_json_value integer);
/* false when absent. */
bool bfs_json_value_is_true(struct bfs_json_value boolean);

#endif
