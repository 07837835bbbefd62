/* SPDX-License-Identifier: Apache-2.0
 * The schema of contract.json as tables. The reader, the writer, docs/contract.schema.json and the
 * tables of docs/contract.md all follow from them.
 *
 * THREAD SAFETY: constant data; pure functions. */
#ifndef BFS_VERIFY_CONTRACT_SCHEMA_H
#define BFS_VERIFY_CONTRACT_SCHEMA_H

#include "verify/buffer.h"
#include "verify/contract/format.h"
#include "verify/error.h"
#include "verify/json.h"

#include <stdint.h>

enum bfs_schema_kind {
    BFS_SCHEMA_OBJECT,
    BFS_SCHEMA_ARRAY,
    BFS_SCHEMA_STRING,
    BFS_SCHEMA_INTEGER,
    BFS_SCHEMA_BOOLEAN,
    BFS_SCHEMA_OPEN, /* an object with anything in it */
};

struct bfs_schema;
struct bfs_schema_field {
    const char *name; /* NULL ends a list */
    const struct bfs_schema *schema;
    bool required;
    const char *meaning;
};

/* What a value may be. */
struct bfs_schema {
    enum bfs_schema_kind kind;
    const struct bfs_schema_field *fields; /* OBJECT; in the order in which they are written */
    const struct bfs_schema *items;        /* ARRAY */
    size_t items_max;                      /* ARRAY */
    enum bfs_format format;                /* STRING */
    int64_t min, max;                      /* INTEGER */
};

/* All of contract.json. */
extern const struct bfs_schema bfs_contract_schema;

/* Does the value follow the schema? The first member, in the order of the document, that does not
 * is named by its JSON pointer (RFC 6901), after `what`. Errors: -EBADMSG, -ENOMEM. */
int bfs_schema_check(const struct bfs_schema *schema, struct json_object *value, const char *what,
                     struct bfs_error *error);

enum { BFS_SCHEMA_FAULTS_MAX = 100 }; /* that are reported of one document */
/* Takes one fault. */
typedef void bfs_schema_report(void *context, const struct bfs_error *error);
/* The same, but goes on after a fault and reports each, in the order of the document, a member that
 * is missing after those that are there; the first one is in `error` too. Errors: as above. */
int bfs_schema_check_all(const struct bfs_schema *schema, struct json_object *value,
                         const char *what, bfs_schema_report *report, void *context,
                         struct bfs_error *error);

/* Appends the value, which follows the schema, with members in the schema's order; empty arrays and
 * objects, which say nothing, are left out. Errors: those of bfs_json_publish(). */
int bfs_schema_write(const struct bfs_schema *schema, struct json_object *value,
                     struct bfs_buffer *ret);

/* Appends the schema as JSON Schema, draft 2020-12. Errors: those of bfs_json_publish(). */
int bfs_schema_publish(const struct bfs_schema *schema, const char *title, struct bfs_buffer *ret);

#endif
