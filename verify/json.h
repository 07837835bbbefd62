/* SPDX-License-Identifier: Apache-2.0
 * Strict reading of JSON that somebody else wrote, and the deterministic writing of our own.
 *
 * Reading refuses what json-c would let pass: whatever RFC 8259 does not allow (verify/json_scan.h
 * has the list), duplicate keys, trailing bytes, invalid UTF-8, NULs in strings, too deep nesting,
 * and integers that are not exact in a double (beyond 2^53 - 1, RFC 7493).
 * Writing is json-c's pretty form by a printer of our own: two spaces, keys in the order they were added, no escaped
 * slashes, a final newline; callers add no floats and no empty containers, whose printing differs
 * between json-c versions.
 *
 * THREAD SAFETY: a json_object belongs to one thread at a time. */
#ifndef BFS_VERIFY_JSON_H
#define BFS_VERIFY_JSON_H

#include "verify/buffer.h"
#include "verify/cleanup.h"
#include "verify/error.h"
#include "verify/json_value.h"

#include <json-c/json_object.h>
#include <json-c/linkhash.h>
#include <stdbool.h>
#include <stdint.h>

static inline void bfs_json_cleanup(struct json_object **object)
{
    (void)json_object_put(*object);
}
#define bfs_autojson BFS_CLEANUP(bfs_json_cleanup)

/* Parses exactly `size` bytes (white space around the value is fine). *ret is owned by the caller
 * (json_object_put). `what` names the document in messages.
 * Errors: -EBADMSG, -E2BIG (over INT32_MAX bytes or too deep), -ENOMEM. */
int bfs_json_parse(const void *text, size_t size, const char *what, struct json_object **ret,
                   struct bfs_error *error);
/* The same for files of models that Python's json module wrote (verify/json_scan.h). Errors: as
 * above. */
int bfs_json_parse_python(const void *text, size_t size, const char *what,
                          struct json_object **ret, struct bfs_error *error);

/* Checks that `object` is an object whose members are all in `fields` (ended by a NULL name) with
 * the right type, and that the required ones are there. `open` lets other members pass, for
 * documents whose standard says so. Errors: -EBADMSG. */
int bfs_json_check(struct json_object *object, const struct bfs_json_field *fields, bool open,
                   const char *what, struct bfs_error *error);

/* Members of an object that bfs_json_check() accepted. Borrowed; NULL when absent. */
struct json_object *bfs_json_member(struct json_object *object, const char *name);
const char *bfs_json_string(struct json_object *object, const char *name);
/* 0 when absent. */
uint64_t bfs_json_integer(struct json_object *object, const char *name);

/* Builders: each takes ownership of `value`, also on failure, and remembers a failure by putting
 * -ENOMEM into *status, so that a whole document is checked once. A value that could not be added is
 * freed: fill it before, or look at *status after. */
struct json_object *bfs_json_new_object(int *status);
struct json_object *bfs_json_new_array(int *status);
struct json_object *bfs_json_new_string(const char *text, int *status);
void bfs_json_add(struct json_object *object, const char *name, struct json_object *value,
                  int *status);
void bfs_json_add_string(struct json_object *object, const char *name, const char *text,
                         int *status);
void bfs_json_add_integer(struct json_object *object, const char *name, uint64_t value,
                          int *status);
void bfs_json_add_boolean(struct json_object *object, const char *name, bool value, int *status);
void bfs_json_append(struct json_object *array, struct json_object *value, int *status);

/* Appends the text, which is UTF-8, as a JSON string with its quotes. */
void bfs_json_put_string(struct bfs_buffer *buffer, const char *text, size_t size);

/* Appends the document's bytes: all of them, or bfs_buffer_status() is -ENOMEM. NULL is a document
 * that could not be built. */
void bfs_json_write(struct json_object *object, struct bfs_buffer *ret);
/* Appends the same document on one line, with a final newline. */
void bfs_json_write_line(struct json_object *object, struct bfs_buffer *ret);

/* Does the text, read by the strict reader, say what the tree says, in the same order? Errors:
 * -EINVAL (it does not), -ENOMEM. */
int bfs_json_prove(const void *text, size_t size, struct json_object *object);
/* As bfs_json_write() and bfs_json_write_line(), for documents that others will rely on: what was
 * appended is read back and proved. Errors: -ENOMEM; -EINVAL (a reader would refuse the text, or
 * see something else in it). */
int bfs_json_publish(struct json_object *object, struct bfs_buffer *ret);
int bfs_json_publish_line(struct json_object *object, struct bfs_buffer *ret);

#endif
