/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/warm_up.h"

#include "fs/clock.h"
#include "fs/node.h"
#include "fs/op.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TELL_MS = 1000 };

/* One question for a worker, which may hang in it for longer than anybody waits. */
struct question {
    struct bfs_job job;
    struct bfs_waiter waiter; /* for a chunk of a small file */
    struct bfs_fs *fs;
    atomic_uint references; /* of who waits and of the worker */
    atomic_bool is_answered;
    struct bfs_warm_steps steps; /* to be seen while it is not answered, and the node with them */
    bool is_found;
    uint64_t node;
    int result;
    struct bfs_warm_status status;
    uint32_t next;              /* inode to look at for a small file */
    struct bfs_open_file *open; /* which it is; NULL: there are no more */
    struct bfs_error error;
    char what[];
};

static void unref(struct question *question)
{
    if (!question || atomic_fetch_sub(&question->references, 1) != 1)
        return;
    if (question->open)
        bfs_files_unref(question->fs->files, question->open);
    free(question);
}

static void cleanup_question(struct question **question)
{
    unref(*question);
}

static void answer(struct bfs_job *job, struct bfs_chunk_reader *reader)
{
    struct question *question = (struct question *)job; /* its first member */
    int r = reader ? 0 : -ECANCELED;
    if (r == 0 && !question->is_found) {
        r = bfs_warm_find(question->fs, question->what, &question->node, &question->error);
        question->is_found = r == 0;
    }
    if (r == 0)
        r = bfs_warm(question->fs, question->node, &question->steps, &question->status);
    question->result = r;
    atomic_store(&question->is_answered, true);
    unref(question);
}

static void answer_small(struct bfs_job *job, struct bfs_chunk_reader *reader)
{
    struct question *question = (struct question *)job; /* its first member */
    question->result = reader ? bfs_warm_next_small(question->fs, question->node, &question->steps,
                                                    &question->next, &question->open)
                              : -ECANCELED;
    atomic_store(&question->is_answered, true);
    unref(question);
}

static void answer_chunk(struct bfs_waiter *waiter, int status, struct bfs_block *block)
{
    struct question *question =
        (struct question *)((char *)waiter - offsetof(struct question, waiter));
    if (block)
        bfs_cache_put(question->fs->cache, block);
    question->result = status;
    atomic_store(&question->is_answered, true);
    unref(question);
}

/* One reference is the answer's. */
static void begin(struct question *question)
{
    atomic_store(&question->is_answered, false);
    (void)atomic_fetch_add(&question->references, 1);
}

static void ask(struct question *question, void (*how)(struct bfs_job *, struct bfs_chunk_reader *))
{
    begin(question);
    question->job.run = how;
    bfs_pool_submit(question->fs->pool, &question->job, BFS_PRIORITY_METADATA);
}

/* How far it is, as who waits has seen it. */
struct waiting {
    struct question *question;
    const struct bfs_warm_watcher *watcher;
    struct bfs_warm_status seen; /* the last answer */
    bool has_seen;
    unsigned n_opened;
    uint64_t asked_ms, moved_ms, told_ms;
    bool is_news;
};

static void tell(struct waiting *waiting, uint64_t now)
{
    /* What is all there is waited for while the disk takes it, which shows nothing. */
    bool syncs = waiting->seen.total > 0 && waiting->seen.done == waiting->seen.total;
    if (!waiting->watcher->moves || !(waiting->is_news || syncs) ||
        now - waiting->told_ms < TELL_MS)
        return;
    waiting->told_ms = now;
    waiting->is_news = false;
    waiting->watcher->moves(waiting->watcher->context, &waiting->seen);
}

static void note_moved(struct waiting *waiting, uint64_t now)
{
    waiting->moved_ms = now;
    waiting->is_news = true;
}

/* Has nothing moved for so long that the store must hang? Something else that is slow, such as the
 * disk of backing files, leaves no worker with one piece of work for as long. */
static bool is_stalled(const struct waiting *waiting, uint64_t now)
{
    const struct bfs_fs *fs = waiting->question->fs;
    uint64_t limit = fs->options->timeout * 1000, since = waiting->moved_ms;
    if (!atomic_load(&waiting->question->is_answered))
        since = since > waiting->asked_ms ? since : waiting->asked_ms;
    else if (waiting->seen.done == waiting->seen.total)
        return false;
    return now - since >= limit && bfs_pool_longest_ms(fs->pool) >= limit;
}

static int fail_stalled(const struct waiting *waiting, struct bfs_error *error)
{
    struct question *question = waiting->question;
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
    bfs_autofree char *path = NULL;
    const char *what = question->what;
    uint64_t timeout = question->fs->options->timeout;
    bool is_opening = atomic_load(&question->steps.is_opening);
    if (waiting->has_seen && !is_opening)
        return bfs_fail(error, -ETIMEDOUT,
                        "%s: the store has not answered for %" PRIu64 " seconds: %" PRIu64
                        " of %" PRIu64 " bytes are there, and the next chunk does not come",
                        what, timeout, waiting->seen.done, waiting->seen.total);
    if (is_opening && bfs_op_bundle(question->fs, question->node, false, &bundle) == 0)
        path = bfs_index_path(bfs_bundle_index(bundle), atomic_load(&question->steps.inode));
    return bfs_fail(error, -ETIMEDOUT,
                    "%s: the store has not answered for %" PRIu64 " seconds: %s cannot be opened",
                    what, timeout, path ? path : "the bundle");
}

/* A moment. Errors: -ETIMEDOUT, -ECANCELED. */
static int wait_a_moment(struct waiting *waiting, struct bfs_error *error)
{
    static const struct timespec pause = {.tv_nsec = 20000000};
    struct question *question = waiting->question;
    if (atomic_load(waiting->watcher->ends))
        return bfs_fail(error, -ECANCELED, "%s: stopped before it was warm", question->what);
    (void)nanosleep(&pause, NULL);
    uint64_t now = bfs_now_ms();
    unsigned n_opened = atomic_load(&question->steps.n);
    if (n_opened != waiting->n_opened)
        note_moved(waiting, now);
    waiting->n_opened = n_opened;
    if (is_stalled(waiting, now))
        return fail_stalled(waiting, error);
    tell(waiting, now);
    return 0;
}

/* Until it is answered. */
static int await(struct waiting *waiting, struct bfs_error *error)
{
    int r = 0;
    while (r == 0 && !atomic_load(&waiting->question->is_answered))
        r = wait_a_moment(waiting, error);
    return r;
}

static int get_answer(struct waiting *waiting, struct bfs_error *error)
{
    struct question *question = waiting->question;
    waiting->asked_ms = bfs_now_ms();
    ask(question, answer);
    int r = await(waiting, error);
    if (r)
        return r;
    if (question->result) {
        if (question->is_found)
            return bfs_fail(error, question->result, "%s: %s", question->what,
                            strerror(-question->result));
        *error = question->error;
        return question->result;
    }
    if (question->status.done != waiting->seen.done)
        note_moved(waiting, bfs_now_ms());
    waiting->seen = question->status;
    waiting->has_seen = true;
    return 0;
}

/* Chunk i of the small file. */
static int get_chunk(struct waiting *waiting, uint32_t i, struct bfs_error *error)
{
    struct question *question = waiting->question;
    struct bfs_block *block = NULL;
    waiting->asked_ms = bfs_now_ms();
    begin(question);
    int r = bfs_cache_get(question->fs->cache, question->open->file, i, &question->waiter, &block);
    if (r)
        answer_chunk(&question->waiter, r < 0 ? r : 0, block);
    r = await(waiting, error);
    if (r || question->result == 0)
        return r;
    const struct bfs_file *file = question->open->file;
    bfs_autofree char *path =
        bfs_index_path(bfs_bundle_index(bfs_file_bundle(file)), bfs_file_inode(file));
    return bfs_fail(error, question->result, "%s cannot be made warm: %s: chunk %" PRIu32 " is %s",
                    question->what, path ? path : "a file", i, bfs_error_word(question->result));
}

static int get_small(struct waiting *waiting, struct bfs_error *error)
{
    struct question *question = waiting->question;
    for (;;) {
        waiting->asked_ms = bfs_now_ms();
        ask(question, answer_small);
        int r = await(waiting, error);
        if (r)
            return r;
        if (question->result)
            return bfs_fail(error, question->result, "%s: %s", question->what,
                            strerror(-question->result));
        if (!question->open)
            return 0;
        const struct bfs_chunk_table *table = bfs_file_table(question->open->file);
        uint32_t n = table ? bfs_chunk_table_n_chunks(table) : 0;
        for (uint32_t i = 0; r == 0 && i < n; i++)
            r = get_chunk(waiting, i, error);
        if (r)
            return r;
        bfs_files_unref(question->fs->files, question->open);
        question->open = NULL;
        note_moved(waiting, bfs_now_ms());
    }
}

int bfs_warm_up(struct bfs_fs *fs, const char *what, const struct bfs_warm_watcher *watcher,
                struct bfs_error *error)
{
    size_t size = strlen(what) + 1;
    BFS_CLEANUP(cleanup_question)
    struct question *question = calloc(1, sizeof(*question) + size);
    char reason[BFS_ERROR_TEXT_SIZE];
    if (!question)
        return bfs_fail(error, -ENOMEM, "out of memory");
    question->waiter.done = answer_chunk;
    question->fs = fs;
    atomic_store(&question->references, 1);
    memcpy(question->what, what, size);
    struct waiting waiting = {.question = question, .watcher = watcher, .is_news = true};
    int r;
    while ((r = get_answer(&waiting, error)) == 0 && waiting.seen.state == BFS_WARM_FILLING)
        if ((r = wait_a_moment(&waiting, error)))
            break;
    if (r || waiting.seen.state == BFS_WARM_READY)
        return r ? r : get_small(&waiting, error);
    bfs_warm_reason(fs, &waiting.seen, reason);
    return bfs_fail(error, waiting.seen.state == BFS_WARM_OFF ? -ENOTSUP : waiting.seen.error,
                    "%s cannot be made warm: %s", what, reason);
}
