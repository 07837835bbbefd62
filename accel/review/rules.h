/* SPDX-License-Identifier: Apache-2.0
 * The groups of rules behind bfs_review(). Each adds findings about a subject whose contract was
 * read. Errors are those of bfs_review(). */
#ifndef BFS_ACCEL_RULES_H
#define BFS_ACCEL_RULES_H

#include "accel/review/review.h"

void bfs_rules_contract(const struct bfs_subject *subject, struct bfs_findings *findings);
void bfs_rules_licence(const struct bfs_subject *subject, struct bfs_findings *findings);
void bfs_rules_resources(const struct bfs_subject *subject, struct bfs_findings *findings);
/* The bundle's views are judged too, when it is a bundle. */
int bfs_rules_host(const struct bfs_subject *subject, const struct bfs_host *host,
                   struct bfs_findings *findings, struct bfs_error *error);
/* Files that the contract names, and indexes of shards. */
int bfs_rules_files(const struct bfs_subject *subject, struct bfs_findings *findings,
                    struct bfs_error *error);
/* Pointers, web pages and nothing in place of weights. */
int bfs_rules_weights(const struct bfs_subject *subject, struct bfs_findings *findings,
                      struct bfs_error *error);
int bfs_rules_fixtures(const struct bfs_subject *subject, struct bfs_findings *findings,
                       struct bfs_error *error);
/* Required bundles, and those that they require. */
int bfs_rules_needs(const struct bfs_subject *subject, const struct bfs_review_options *options,
                    struct bfs_findings *findings, struct bfs_error *error);

#endif
