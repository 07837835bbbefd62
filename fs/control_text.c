/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/control_text.h"

#include "fs/clock.h"

#include <pthread.h>
#include <string.h>

struct kept {
    struct bfs_text *text;       /* NULL: none */
    uint64_t made_ms, opened_ms; /* bfs_now_ms(); opened_ms 0: nobody has opened it */
};

struct bfs_control_texts {
    pthread_mutex_t mutex; /* held while a text is rendered, which waits for no store */
    struct kept kept[BFS_N_CONTROLS];
};

int bfs_control_texts_new(struct bfs_control_texts **ret)
{
    struct bfs_control_texts *texts = calloc(1, sizeof(*texts));
    if (!texts)
        return -ENOMEM;
    (void)pthread_mutex_init(&texts->mutex, NULL);
    *ret = texts;
    return 0;
}

struct bfs_control_texts *bfs_control_texts_free(struct bfs_control_texts *texts)
{
    if (!texts)
        return NULL;
    for (int i = 0; i < BFS_N_CONTROLS; i++)
        if (texts->kept[i].text)
            bfs_text_unref(texts->kept[i].text);
    (void)pthread_mutex_destroy(&texts->mutex);
    free(texts);
    return NULL;
}

static bool is_recent(uint64_t then_ms, uint64_t now_ms)
{
    return then_ms != 0 && now_ms - then_ms < BFS_CONTROL_KEPT_MS;
}

/* Ages and counts gain and lose digits from one text to the next. Spaces before the last newline of a
 * JSON text take that up, so that whoever asked for a size just before another's open finds as many
 * bytes at its own. before: the size of the text that this one replaces, or 0. */
static int pad(struct bfs_buffer *text, size_t before)
{
    if (bfs_buffer_status(text) || text->size == 0)
        return bfs_buffer_status(text);
    size_t to = before;
    if (text->size > before || before - text->size > 2 * (size_t)BFS_CONTROL_PADDING)
        to = (text->size / BFS_CONTROL_PADDING + 2) * BFS_CONTROL_PADDING;
    size_t n_spaces = to - text->size--; /* without the newline, which follows them */
    for (size_t i = 0; i < n_spaces; i++)
        bfs_buffer_put_text(text, " ");
    bfs_buffer_put_text(text, "\n");
    return bfs_buffer_status(text);
}

static bool is_json(enum bfs_control control)
{
    const char *ending = strrchr(bfs_control_name(control), '.');
    return ending && strcmp(ending, ".json") == 0;
}

/* Puts a new text in the place of the old one. */
static int render(struct bfs_fs *fs, enum bfs_control control, struct kept *kept, uint64_t now_ms)
{
    struct bfs_text *text = calloc(1, sizeof(*text));
    if (!text)
        return -ENOMEM;
    atomic_init(&text->references, 1);
    int r = bfs_control_write(fs, control, &text->bytes);
    if (r == 0 && is_json(control))
        r = pad(&text->bytes, kept->text ? kept->text->bytes.size : 0);
    if (r) {
        bfs_text_unref(text);
        return r;
    }
    if (kept->text)
        bfs_text_unref(kept->text);
    *kept = (struct kept){.text = text, .made_ms = now_ms};
    return 0;
}

int bfs_control_text_size(struct bfs_fs *fs, enum bfs_control control, uint64_t *ret)
{
    struct kept *kept = &fs->control_texts->kept[control];
    (void)pthread_mutex_lock(&fs->control_texts->mutex);
    uint64_t now_ms = bfs_now_ms();
    int r =
        kept->text && is_recent(kept->opened_ms, now_ms) ? 0 : render(fs, control, kept, now_ms);
    if (r == 0)
        *ret = kept->text->bytes.size;
    (void)pthread_mutex_unlock(&fs->control_texts->mutex);
    return r;
}

int bfs_control_text_open(struct bfs_fs *fs, enum bfs_control control, struct bfs_text **ret)
{
    struct kept *kept = &fs->control_texts->kept[control];
    (void)pthread_mutex_lock(&fs->control_texts->mutex);
    uint64_t now_ms = bfs_now_ms();
    bool is_promised = kept->text && !kept->opened_ms && is_recent(kept->made_ms, now_ms);
    int r = is_promised ? 0 : render(fs, control, kept, now_ms);
    if (r == 0) {
        kept->opened_ms = now_ms;
        *ret = bfs_text_ref(kept->text);
    }
    (void)pthread_mutex_unlock(&fs->control_texts->mutex);
    return r;
}
