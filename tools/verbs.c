/* SPDX-License-Identifier: Apache-2.0
 * The table of verbs. Each row is defined beside the verb's function. */
#include "tools/verbs.h"

#include <string.h>

const struct bfs_verb *const bfs_verbs[] = {
    &bfs_verb_init,
    &bfs_verb_pack,
    &bfs_verb_ls,
    &bfs_verb_inspect,
    &bfs_verb_views,
    &bfs_verb_check,
    &bfs_verb_conform,
    &bfs_verb_verify,
    &bfs_verb_unpack,
    &bfs_verb_mount,
    &bfs_verb_umount,
    &bfs_verb_warm,
    &bfs_verb_sign,
    &bfs_verb_approve,
    &bfs_verb_promote,
    &bfs_verb_rollback,
    &bfs_verb_deprecate,
    &bfs_verb_undeprecate,
    &bfs_verb_revoke,
    &bfs_verb_history,
    &bfs_verb_rm,
    &bfs_verb_gc,
    &bfs_verb_keygen,
    &bfs_verb_host,
    &bfs_verb_doctor,
    &bfs_verb_audit,
    &bfs_verb_completion,
    NULL,
};

const struct bfs_verb *bfs_verb_find(const char *name)
{
    for (size_t i = 0; bfs_verbs[i]; i++)
        if (strcmp(bfs_verbs[i]->name, name) == 0)
            return bfs_verbs[i];
    return NULL;
}
