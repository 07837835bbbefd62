/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/trust/alias_chain.h"

#include "verify/array.h"

#include <stdlib.h>
#include <string.h>

void bfs_alias_chains_done(struct bfs_alias_chains *chains)
{
    free(chains->links);
    *chains = (struct bfs_alias_chains){0};
}

static int compare(const struct bfs_alias_link *link, const char *alias, uint64_t sequence,
                   const struct bfs_digest *digest)
{
    const struct bfs_statement *statement = link->statement;
    int order = strcmp(statement->alias, alias);
    if (order)
        return order;
    if (statement->sequence != sequence)
        return statement->sequence < sequence ? -1 : 1;
    return bfs_digest_compare(link->digest, digest);
}

static int by_number(const void *a, const void *b)
{
    const struct bfs_alias_link *right = b;
    return compare(a, right->statement->alias, right->statement->sequence, right->digest);
}

static void drop_repeated(struct bfs_alias_chains *chains)
{
    size_t kept = 0;
    for (size_t i = 0; i < chains->n; i++)
        if (kept == 0 || by_number(&chains->links[kept - 1], &chains->links[i]) != 0)
            chains->links[kept++] = chains->links[i];
    chains->n = kept;
}

static const struct bfs_alias_link *find(const struct bfs_alias_chains *chains, const char *alias,
                                         uint64_t sequence, const struct bfs_digest *digest)
{
    size_t low = 0, high = chains->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(&chains->links[middle], alias, sequence, digest);
        if (order == 0)
            return &chains->links[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct bfs_alias_link *bfs_alias_chains_find(const struct bfs_alias_chains *chains,
                                                   const struct bfs_statement *statement,
                                                   const struct bfs_digest *digest)
{
    return find(chains, statement->alias, statement->sequence, digest);
}

/* The link that `link` names as the one before it. */
static const struct bfs_alias_link *find_before(const struct bfs_alias_chains *chains,
                                                const struct bfs_alias_link *link)
{
    const struct bfs_statement *statement = link->statement;
    return statement->has_previous && statement->sequence >= 2
               ? find(chains, statement->alias, statement->sequence - 1, &statement->previous)
               : NULL;
}

static bool has_number_of(const struct bfs_alias_link *a, const struct bfs_alias_link *b)
{
    return a->statement->sequence == b->statement->sequence &&
           strcmp(a->statement->alias, b->statement->alias) == 0;
}

static bool points_as(const struct bfs_alias_link *a, const struct bfs_alias_link *b)
{
    return bfs_digest_equal(&a->statement->subject, &b->statement->subject);
}

/* Of those that have one number, from `first` to before the link that is returned. */
static size_t mark_fork(struct bfs_alias_chains *chains, size_t first)
{
    const struct bfs_alias_link *one = NULL;
    bool is_forked = false;
    size_t end = first;
    for (; end < chains->n && has_number_of(&chains->links[first], &chains->links[end]); end++) {
        const struct bfs_alias_link *link = &chains->links[end];
        if (!link->is_complete)
            continue;
        is_forked = is_forked || (one && !points_as(one, link));
        one = link;
    }
    for (size_t i = first; i < end; i++)
        chains->links[i].is_forked = is_forked && chains->links[i].is_complete;
    return end;
}

/* Numbers ascend, so whatever is before a link is known before it. */
static void connect(struct bfs_alias_chains *chains)
{
    for (size_t i = 0; i < chains->n; i++) {
        struct bfs_alias_link *link = &chains->links[i];
        const struct bfs_statement *statement = link->statement;
        link->before = find_before(chains, link);
        link->is_complete = statement->sequence == 1 ? !statement->has_previous
                                                     : link->before && link->before->is_complete;
    }
    for (size_t i = 0; i < chains->n;)
        i = mark_fork(chains, i);
}

int bfs_alias_chains_add(struct bfs_alias_chains *chains, const struct bfs_statement *statement,
                         const struct bfs_digest *digest)
{
    if (statement->kind != BFS_STATEMENT_ALIAS)
        return 0;
    int r = bfs_array_grow(&chains->links, chains->n, sizeof(*chains->links));
    if (r)
        return r;
    chains->links[chains->n++] = (struct bfs_alias_link){.statement = statement, .digest = digest};
    return 0;
}

void bfs_alias_chains_finish(struct bfs_alias_chains *chains)
{
    if (chains->n)
        qsort(chains->links, chains->n, sizeof(*chains->links), by_number);
    drop_repeated(chains);
    connect(chains);
}

/* The first link of that alias, or of the next one. */
static size_t first_of(const struct bfs_alias_chains *chains, const char *alias)
{
    size_t low = 0, high = chains->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(chains->links[middle].statement->alias, alias) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t end_of(const struct bfs_alias_chains *chains, size_t first)
{
    size_t end = first;
    while (end < chains->n &&
           strcmp(chains->links[end].statement->alias, chains->links[first].statement->alias) == 0)
        end++;
    return end;
}

const struct bfs_alias_link *bfs_alias_chains_head(const struct bfs_alias_chains *chains,
                                                   const char *alias, bfs_alias_believes believes,
                                                   void *context, bool *ret_forked)
{
    const struct bfs_alias_link *head = NULL;
    bool forked = false;
    size_t first = first_of(chains, alias), end = first;
    if (first < chains->n && strcmp(chains->links[first].statement->alias, alias) == 0)
        end = end_of(chains, first);
    /* From the highest number down, for believing takes time. */
    for (size_t i = end; i-- > first;) {
        const struct bfs_alias_link *link = &chains->links[i];
        if (head && head->statement->sequence != link->statement->sequence)
            break;
        if (!link->is_complete || (believes && !believes(context, link)))
            continue;
        forked = forked || (head && !points_as(head, link));
        head = link;
    }
    if (ret_forked)
        *ret_forked = forked;
    return head;
}

const char *bfs_alias_chains_next(const struct bfs_alias_chains *chains, size_t *at)
{
    if (*at >= chains->n)
        return NULL;
    const char *alias = chains->links[*at].statement->alias;
    *at = end_of(chains, *at);
    return alias;
}
