/* SPDX-License-Identifier: Apache-2.0
 * Names that come from outside: bundle references, versions, path components, symlink targets.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_VERIFY_NAME_H
#define BFS_VERIFY_NAME_H

#include "verify/error.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    BFS_NAME_MAX = 255,    /* a whole model name; what registries accept for a repository */
    BFS_VERSION_MAX = 128, /* the length of an OCI tag */
    BFS_REFERENCE_MAX = BFS_NAME_MAX + 1 + BFS_VERSION_MAX,
    BFS_COMPONENT_MAX = 255, /* NAME_MAX of Linux */
    BFS_TARGET_MAX = 4095,   /* PATH_MAX without its NUL */
    BFS_DEPTH_MAX = 256,     /* nested directories; PATH_MAX would allow 2048 one-letter ones */
};

/* NAME:VERSION, split. */
struct bfs_reference {
    char name[BFS_NAME_MAX + 1];
    char version[BFS_VERSION_MAX + 1];
};

/* NAME is components joined by '/', each alphanumeric runs joined by '.', '_', '-' (the grammar of
 * the OCI ref.name annotation, so none can be "..", hidden, or ".bundlefs"). VERSION is an OCI tag.
 * "latest" is no version: it is the name of a link; and neither is what bfs_version_is_reserved().
 * Errors: -EINVAL with a sentence that says what to write instead. */
int bfs_reference_parse(const char *text, struct bfs_reference *ret, struct bfs_error *error);
/* "NAME:VERSION". */
char *bfs_reference_text(const struct bfs_reference *reference,
                         char ret[static BFS_REFERENCE_MAX + 1]);

/* Is it a model name of that grammar? */
bool bfs_model_name_is_valid(const char *name, size_t length);
/* 0, or -EINVAL with a sentence that says what is allowed. */
int bfs_model_name_check(const char *name, size_t length, struct bfs_error *error);
/* "sha256-" and 64 lower-case hexadecimal digits, alone or with a dot after them: the tags under
 * which registries keep what refers to a manifest (OCI distribution-spec 1.1, referrers tag schema).
 */
bool bfs_version_is_reserved(const char *version);

/* Semantic-version precedence (semver.org, section 11) with any number of numeric parts and an
 * optional leading 'v'; returns false, leaving *ret alone, when either is not such a version. */
bool bfs_version_compare(const char *a, const char *b, int *ret);
/* Is it a version in that sense, without a pre-release part? */
bool bfs_version_is_release(const char *version);

/* One name inside a directory: 1..255 bytes, no '/', no NUL, not "." or "..". */
bool bfs_component_is_valid(const char *name, size_t length);

/* Does `target`, seen from a link in a directory `depth` levels below the root (0: the root
 * itself), stay inside the root? Absolute and empty targets do not; neither do those with a ".."
 * after a name, because the name may be a link itself and then ".." leaves from somewhere else. */
bool bfs_target_stays_inside(size_t depth, const char *target);

/* Names that the mount adds to a bundle's root: manifest.json, SHA256SUMS, signatures, views. A
 * directory "views" may be in a bundle, where it holds its views.
 * contract.json is reserved too, but a model may bring its own. */
bool bfs_name_is_reserved(const char *name);

#endif
