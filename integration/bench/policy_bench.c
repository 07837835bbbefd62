/* SPDX-License-Identifier: Apache-2.0
 * What a policy costs: reading it, and reaching the verdict on every bundle of a store, with who
 * may read it as the kernel is told. Prints one JSON object. */
#include "codec/store/trust.h"
#include "fs/access.h"

#include <stdio.h>
#include <time.h>

static double now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int fail(const struct bfs_error *error)
{
    char text[BFS_ERROR_TEXT_SIZE];
    (void)fprintf(stderr, "policy-bench: %s\n", bfs_error_text(error, text));
    return 1;
}

struct figures {
    double *ms; /* of each bundle */
    size_t n, n_served;
};

/* What a mount does with one bundle. */
static int judge(const struct bfs_trust *trust, const struct bfs_catalog_entry *entry,
                 struct figures *figures, struct bfs_error *error)
{
    bfs_autobuffer struct bfs_buffer acl = BFS_BUFFER_INIT;
    struct stat stat = {.st_mode = S_IFDIR | 0555};
    struct bfs_xxh128 fingerprint;
    struct bfs_verdict verdict;
    double start = now_ms();
    int r = bfs_trust_judge(trust, &entry->reference, &entry->manifest, NULL, &verdict, error);
    if (r == 0)
        r = bfs_trust_fingerprint(trust, &entry->reference, &entry->manifest, &fingerprint);
    const struct bfs_access *access = bfs_policy_access(trust->policy, &entry->reference);
    if (r == 0 && access) {
        bfs_access_apply(access, &stat);
        r = bfs_access_acl(access, &stat, &acl);
        r = r == -ENODATA ? 0 : r;
    }
    figures->ms[figures->n++] = now_ms() - start;
    figures->n_served += verdict.code == 0;
    return r;
}

static int by_size(const void *a, const void *b)
{
    const double *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

int main(int argc, char **argv)
{
    BFS_CLEANUP(bfs_store_cleanup) struct bfs_store *store = NULL;
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = NULL;
    BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = NULL;
    struct bfs_error error = {0};
    struct figures figures = {0};
    if (argc != 3) {
        (void)fprintf(stderr, "usage: policy-bench POLICY STORE\n");
        return 2;
    }
    if (bfs_store_open(argv[2], &store, &error) || bfs_catalog_load(store, &catalog, &error))
        return fail(&error);
    double start = now_ms();
    if (bfs_policy_load(argv[1], &policy, &error) || bfs_policy_resolve(policy, argv[1], &error))
        return fail(&error);
    double read = now_ms() - start;
    const struct bfs_trust trust = {
        .store = store, .catalog = catalog, .policy = policy, .now = (int64_t)time(NULL)};
    bfs_autofree double *ms = calloc(catalog->n_entries + 1, sizeof(*ms));
    if (!ms)
        return 1;
    figures.ms = ms;
    start = now_ms();
    for (size_t i = 0; i < catalog->n_entries; i++)
        if (judge(&trust, &catalog->entries[i], &figures, &error))
            return fail(&error);
    double judged = now_ms() - start;
    qsort(ms, figures.n, sizeof(*ms), by_size);
    (void)printf("{\"read_ms\": %.3f, \"judge_ms\": %.3f, \"bundles\": %zu, \"served\": %zu, "
                 "\"bundle_ms\": %.4f}\n",
                 read, judged, figures.n, figures.n_served, ms[figures.n / 2]);
    return 0;
}
