/* SPDX-License-Identifier: Apache-2.0
 * Ranges of versions, as contracts ask for bundles and runtimes. docs/contract.md has the grammar:
 * terms separated by spaces must all hold, " || " separates alternatives.
 *
 * THREAD SAFETY: plain data; pure functions. */
#ifndef BFS_VERIFY_CONTRACT_RANGE_H
#define BFS_VERIFY_CONTRACT_RANGE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    BFS_SEMVER_PRE_MAX = 127, /* bytes after the "-"; a bundle's version has at most 128 in all */
    BFS_RANGE_LENGTH_MAX = 512,
};

/* 1.2.3-rc.1; "+build" is no part of what is compared. */
struct bfs_semver {
    uint32_t numbers[3];
    char pre[BFS_SEMVER_PRE_MAX + 1]; /* "": a release */
};

/* Reads a bundle's version: one to three numbers of at most nine digits, perhaps after a "v", then
 * perhaps "-" and a pre-release. What is missing is 0. Errors: -EINVAL. */
int bfs_semver_parse(const char *text, struct bfs_semver *ret);
/* Less than, equal to or greater than 0, by semver.org's section 11. */
int bfs_semver_compare(const struct bfs_semver *a, const struct bfs_semver *b);

/* Is the text a range? */
bool bfs_range_is_valid(const char *range);
/* Is the version in the range, which is valid? "*" takes any version, also one that is no semantic
 * version; a pre-release is only in a range that names a pre-release of the same three numbers. */
bool bfs_range_has(const char *range, const char *version);

#endif
