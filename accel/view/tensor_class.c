/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/view/tensor_class.h"

#include <stdbool.h>
#include <string.h>

/* A component of a dotted name. */
struct component {
    const char *text;
    size_t length;
};

static bool is(struct component c, const char *word)
{
    return strlen(word) == c.length && memcmp(c.text, word, c.length) == 0;
}

static bool is_one_of(struct component c, const char *const *words)
{
    for (; *words; words++)
        if (is(c, *words))
            return true;
    return false;
}

static bool starts_with(struct component c, const char *word)
{
    size_t length = strlen(word);
    return c.length >= length && memcmp(c.text, word, length) == 0;
}

static bool has(struct component c, const char *word)
{
    return memmem(c.text, c.length, word, strlen(word)) != NULL;
}

static const char *const head_modules[] = {"lm_head",    "embed_out",  "score",
                                           "classifier", "qa_outputs", NULL};
static const char *const embedding_modules[] = {"wte", "wpe", "shared", NULL};
static const char *const router_modules[] = {"gate", "wg", "shared_expert_gate", NULL};

/* The module that owns the parameter, and whether a component before or of it has `word`. */
struct split {
    struct component module; /* "" when there is none */
    struct component parameter;
    bool is_top; /* the module is the first component */
    bool in_embedding;
};

static struct split split_name(const char *name)
{
    struct split split = {.module = {.text = "", .length = 0}, .is_top = true};
    for (;;) {
        struct component c = {.text = name, .length = strcspn(name, ".")};
        if (name[c.length] == '\0') {
            split.parameter = c;
            return split;
        }
        split.is_top = split.module.length == 0;
        split.module = c;
        split.in_embedding = split.in_embedding || has(c, "embed");
        name += c.length + 1;
    }
}

enum bfs_tensor_class bfs_tensor_class_of(const struct bfs_tensor *tensor)
{
    struct split split = split_name(tensor->name);
    if (!is(split.parameter, "weight"))
        return BFS_CLASS_OTHER;
    if (is_one_of(split.module, head_modules) || (split.is_top && is(split.module, "output")))
        return BFS_CLASS_HEAD;
    if (split.in_embedding || is_one_of(split.module, embedding_modules))
        return BFS_CLASS_EMBEDDING;
    if (has(split.module, "norm") || starts_with(split.module, "ln"))
        return BFS_CLASS_NORM;
    if (is_one_of(split.module, router_modules) || has(split.module, "router"))
        return BFS_CLASS_ROUTER;
    return tensor->n_dims == 2 && tensor->size > 0 ? BFS_CLASS_LINEAR : BFS_CLASS_OTHER;
}

const char *bfs_tensor_class_name(enum bfs_tensor_class class)
{
    static const char *const names[] = {"linear", "embedding", "lm_head",
                                        "router", "norm",      "other"};
    return names[class];
}
