/* SPDX-License-Identifier: Apache-2.0
 * Every verb, in alphabetical order. */
#ifndef BFS_TOOLS_VERBS_H
#define BFS_TOOLS_VERBS_H

#include "tools/verb.h"

extern const struct bfs_verb bfs_verb_approve;
extern const struct bfs_verb bfs_verb_audit;
extern const struct bfs_verb bfs_verb_check;
extern const struct bfs_verb bfs_verb_completion;
extern const struct bfs_verb bfs_verb_conform;
extern const struct bfs_verb bfs_verb_deprecate;
extern const struct bfs_verb bfs_verb_doctor;
extern const struct bfs_verb bfs_verb_gc;
extern const struct bfs_verb bfs_verb_history;
extern const struct bfs_verb bfs_verb_host;
extern const struct bfs_verb bfs_verb_init;
extern const struct bfs_verb bfs_verb_inspect;
extern const struct bfs_verb bfs_verb_keygen;
extern const struct bfs_verb bfs_verb_ls;
extern const struct bfs_verb bfs_verb_mount;
extern const struct bfs_verb bfs_verb_pack;
extern const struct bfs_verb bfs_verb_promote;
extern const struct bfs_verb bfs_verb_revoke;
extern const struct bfs_verb bfs_verb_rm;
extern const struct bfs_verb bfs_verb_rollback;
extern const struct bfs_verb bfs_verb_sign;
extern const struct bfs_verb bfs_verb_umount;
extern const struct bfs_verb bfs_verb_undeprecate;
extern const struct bfs_verb bfs_verb_unpack;
extern const struct bfs_verb bfs_verb_verify;
extern const struct bfs_verb bfs_verb_views;
extern const struct bfs_verb bfs_verb_warm;

#endif
