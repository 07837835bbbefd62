/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/profile.h"

#include "accel/profile_list.h"
#include "accel/view/planners.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define BFS_PROFILE_COUNT(...) +1
enum { N_PROFILES = 0 BFS_PROFILE_LIST(BFS_PROFILE_COUNT) };
#undef BFS_PROFILE_COUNT

/* Features stand in the list as one text, and in a key as words: split once. */
static struct bfs_profile profiles[N_PROFILES];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void split_features(const char *text, struct bfs_hardware_key *key)
{
    while (*text) {
        int length = (int)strcspn(text, " ");
        (void)snprintf(key->features[key->n_features++], sizeof(key->features[0]), "%.*s", length,
                       text);
        text += length;
        text += strspn(text, " ");
    }
}

static void fill(void)
{
    unsigned n = 0;
#define BFS_PROFILE_FILL(ID, HARDWARE, VENDOR, ARCH, FEATURES, CAPABILITY, RUNTIME, CONTAINER,     \
                         DTYPE, LAYOUT, VERSION, ALIGNMENT, LOSSLESS, SOURCE, PLANNER, SUMMARY)    \
    profiles[n] = (struct bfs_profile){                                                            \
        .id = ID,                                                                                  \
        .key = {.hardware = BFS_HARDWARE_##HARDWARE,                                               \
                .vendor = VENDOR,                                                                  \
                .arch = ARCH,                                                                      \
                .compute_capability_min = CAPABILITY,                                              \
                .runtime = RUNTIME,                                                                \
                .layout_id = LAYOUT,                                                               \
                .layout_version = VERSION},                                                        \
        .container = CONTAINER,                                                                    \
        .dtype = bfs_dtype_info(BFS_DTYPE_##DTYPE),                                                \
        .alignment = ALIGNMENT,                                                                    \
        .is_lossless = LOSSLESS,                                                                   \
        .source = SOURCE,                                                                          \
        .summary = SUMMARY,                                                                        \
        .plan = bfs_view_plan_##PLANNER,                                                           \
    };                                                                                             \
    split_features(FEATURES, &profiles[n].key);                                                    \
    n++;
    BFS_PROFILE_LIST(BFS_PROFILE_FILL)
#undef BFS_PROFILE_FILL
}

const struct bfs_profile *bfs_profile_at(unsigned i)
{
    (void)pthread_once(&once, fill);
    return i < N_PROFILES ? &profiles[i] : NULL;
}

const struct bfs_profile *bfs_profile_find(const char *id)
{
    const struct bfs_profile *profile;
    for (unsigned i = 0; (profile = bfs_profile_at(i)); i++)
        if (strcmp(profile->id, id) == 0)
            return profile;
    return NULL;
}
