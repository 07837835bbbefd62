/* SPDX-License-Identifier: Apache-2.0
 * The catalogue of a store: index.json, which names bundles, and its atomic change. Reading it
 * reads no bundle.
 *
 * THREAD SAFETY: a loaded catalogue is immutable. Changes lock the store. */
#ifndef BFS_CODEC_CATALOG_H
#define BFS_CODEC_CATALOG_H

#include "codec/store/store.h"
#include "verify/name.h"
#include "verify/trust/statement.h"

enum {
    BFS_CATALOG_SIZE_MAX = 256 << 20, /* bytes of index.json: half a million bundles */
    BFS_CATALOG_REFUSALS_MAX = 4096,  /* with their reasons; the last one counts those beyond */
    BFS_CATALOG_REASON_MAX = BFS_ERROR_WHAT_SIZE,
};

struct bfs_catalog_entry {
    struct bfs_reference reference;
    struct bfs_digest manifest; /* the bundle id */
    uint64_t manifest_size;
    bool is_hidden; /* mounts leave it out, and so does "latest", until an alias is moved to it */
};

/* A statement as its name tells it, which is a hint: codec/store/statements.h reads and proves it.
 */
struct bfs_catalog_statement {
    struct bfs_digest subject;  /* the bundle that it is about */
    struct bfs_digest manifest; /* its own */
    uint32_t manifest_size;
    enum bfs_statement_kind kind;
    char *model; /* owned by the catalogue */
};

/* An entry of index.json that cannot be a bundle of the tree, and why. */
struct bfs_catalog_refusal {
    char name[BFS_REFERENCE_MAX + 1]; /* what names it, shortened; or its digest */
    char reason[BFS_CATALOG_REASON_MAX];
};

struct bfs_catalog {
    struct bfs_catalog_entry *entries; /* by name, then version, in byte order; no two alike */
    size_t n_entries;
    /* By subject, kind and manifest; no two alike. Their subjects need not be in the store. */
    struct bfs_catalog_statement *statements;
    size_t n_statements;
    const struct bfs_catalog_statement **aliases; /* those of the kind ALIAS, by model */
    size_t n_aliases;
    struct bfs_catalog_refusal *refusals;
    size_t n_refusals;
    size_t n_refused; /* entries: more than n_refusals when those were too many */
};

/* Entries that are no bundles (another artifactType, no ref.name of the form NAME:VERSION) or that
 * contradict others (one name twice, a model inside a bundle, a hidden bundle with the name of
 * another) become refusals; only a damaged
 * index.json fails. Errors: -ENOENT, -EBADMSG, -E2BIG, -ENOMEM, errno of the file system. */
int bfs_catalog_load(const struct bfs_store *store, struct bfs_catalog **ret,
                     struct bfs_error *error);
/* The same of the bytes of an index.json. */
int bfs_catalog_parse(const void *text, size_t size, struct bfs_catalog **ret,
                      struct bfs_error *error);
struct bfs_catalog *bfs_catalog_free(struct bfs_catalog *catalog);
BFS_DEFINE_CLEANUP(bfs_catalog, bfs_catalog_free)

/* Takes the hidden bundles out of a catalogue that nobody else uses yet. */
void bfs_catalog_drop_hidden(struct bfs_catalog *catalog);

/* NULL when there is none. Borrowed from the catalogue. */
const struct bfs_catalog_entry *bfs_catalog_find(const struct bfs_catalog *catalog,
                                                 const struct bfs_reference *reference);
/* The highest released version of a model that is not hidden, by semantic-version precedence; NULL:
 * none. */
const struct bfs_catalog_entry *bfs_catalog_latest(const struct bfs_catalog *catalog,
                                                   const char *name);

/* The same among those that `skips` does not leave out. */
typedef bool (*bfs_catalog_skips)(void *context, const struct bfs_catalog_entry *entry);
const struct bfs_catalog_entry *bfs_catalog_latest_of(const struct bfs_catalog *catalog,
                                                      const char *name, bfs_catalog_skips skips,
                                                      void *context);
/* The bundles of a model: consecutive in the array; NULL when there are none. */
const struct bfs_catalog_entry *bfs_catalog_model(const struct bfs_catalog *catalog,
                                                  const char *name, size_t *ret_n);

/* All statements about a bundle: consecutive in an array; NULL when there are none. */
const struct bfs_catalog_statement *bfs_catalog_statements(const struct bfs_catalog *catalog,
                                                           const struct bfs_digest *subject,
                                                           size_t *ret_n);
/* The statements that move aliases of a model: consecutive; NULL when there are none. */
const struct bfs_catalog_statement *const *bfs_catalog_aliases(const struct bfs_catalog *catalog,
                                                               const char *model, size_t *ret_n);

/* Could `reference` be added? -EEXIST when the version is taken by another digest than `manifest`
 * (NULL: by any), or when a bundle would lie inside another's directory. -EINVAL when its directory
 * would hide the link "latest" of a model; a bundle that the catalogue holds may do so. */
int bfs_catalog_check_new(const struct bfs_catalog *catalog, const struct bfs_reference *reference,
                          const struct bfs_digest *manifest, struct bfs_error *error);

/* Adds the bundle to index.json, which is replaced in one step, keeping whatever else is in it.
 * Publishing what is there already succeeds. The caller holds the CONTENT lock since before the
 * first blob of the bundle was added or relied on. Errors: those of check_new, of
 * bfs_aliases_check_new() and load, -EBUSY. */
int bfs_catalog_publish(const struct bfs_store *store, const struct bfs_reference *reference,
                        const struct bfs_descriptor *manifest, struct bfs_error *error);
/* The same, but the bundle stays hidden until a statement moves an alias to it; one that is not
 * hidden stays as it is. bfs_catalog_publish() shows a hidden one too. */
int bfs_catalog_publish_hidden(const struct bfs_store *store, const struct bfs_reference *reference,
                               const struct bfs_descriptor *manifest, struct bfs_error *error);
/* Takes every entry of that name out; the statements about the bundle too, unless it has another
 * name, except those that must not be forgotten: what moved aliases, and revocations.
 * Errors: -ENOENT, and as above. */
int bfs_catalog_remove(const struct bfs_store *store, const struct bfs_reference *reference,
                       struct bfs_error *error);
/* Takes every entry out that has the name of a statement, be it as damaged as it may. Errors: the
 * same; -EINVAL when it is no such name. */
int bfs_catalog_remove_statement(const struct bfs_store *store, const char *name,
                                 struct bfs_error *error);

#endif
