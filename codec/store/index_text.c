/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/store/index_text.h"

#include "verify/array.h"

#include <inttypes.h>
#include <string.h>

#define ENTRY_INDENT "\n    "
#define MEMBER_INDENT "\n      "

int bfs_index_edit_begin(const void *text, size_t size, struct bfs_index_edit *ret,
                         struct bfs_error *error)
{
    struct bfs_index_edit edit = {.text = text, .size = size};
    int r = bfs_json_value_open(text, size, "index.json", &edit.root, error);
    if (r)
        return r;
    edit.manifests = bfs_json_value_member(edit.root, "manifests", BFS_JSON_ARRAY);
    if (!edit.manifests.text)
        return bfs_fail(error, -EBADMSG, "index.json: no list of manifests");
    edit.n_entries = bfs_json_value_count(edit.manifests);
    edit.dropped = calloc(edit.n_entries + 1, sizeof(*edit.dropped));
    if (!edit.dropped)
        return bfs_fail(error, -ENOMEM, "index.json: out of memory");
    *ret = edit;
    return 0;
}

void bfs_index_edit_done(struct bfs_index_edit *edit)
{
    free(edit->dropped);
    free(edit->ends);
    bfs_buffer_done(&edit->added);
    *edit = (struct bfs_index_edit){0};
}

static void put_member(struct bfs_buffer *ret, const char *name, const char *value)
{
    bfs_json_put_string(ret, name, strlen(name));
    bfs_buffer_put_text(ret, ": ");
    bfs_json_put_string(ret, value, strlen(value));
}

/* As bfs_json_write() has it inside of index.json. */
static void put_entry(struct bfs_buffer *ret, const struct bfs_descriptor *manifest,
                      const char *artifact, const char *name)
{
    char digest[BFS_DIGEST_TEXT_SIZE];
    bfs_buffer_put_text(ret, "{" MEMBER_INDENT);
    put_member(ret, "mediaType", manifest->media_type);
    bfs_buffer_put_text(ret, "," MEMBER_INDENT);
    put_member(ret, "digest", bfs_digest_text(&manifest->digest, digest));
    bfs_buffer_printf(ret, "," MEMBER_INDENT "\"size\": %" PRIu64 "," MEMBER_INDENT,
                      manifest->size);
    put_member(ret, "artifactType", artifact);
    bfs_buffer_put_text(ret, "," MEMBER_INDENT "\"annotations\": {" MEMBER_INDENT "  ");
    put_member(ret, BFS_OCI_REF_NAME, name);
    bfs_buffer_put_text(ret, MEMBER_INDENT "}" ENTRY_INDENT "}");
}

/* Does a reader take the text for this entry? */
static bool says(const void *text, size_t size, const struct bfs_descriptor *manifest,
                 const char *artifact, const char *name)
{
    struct bfs_json_value root;
    struct bfs_descriptor descriptor;
    struct bfs_entry_members members;
    return bfs_json_value_open(text, size, "", &root, NULL) == 0 &&
           bfs_descriptor_take_entry(root, "", &descriptor, &members, NULL) == 0 &&
           bfs_descriptor_equal(&descriptor, manifest) &&
           bfs_json_value_is(members.artifact_type, artifact) &&
           bfs_json_value_is(
               bfs_json_value_member(members.annotations, BFS_OCI_REF_NAME, BFS_JSON_STRING), name);
}

int bfs_index_edit_append(struct bfs_index_edit *edit, const struct bfs_descriptor *manifest,
                          const char *artifact, const char *name, struct bfs_error *error)
{
    size_t before = edit->added.size;
    if (bfs_array_grow(&edit->ends, edit->n_added, sizeof(*edit->ends)))
        return bfs_fail(error, -ENOMEM, "index.json: out of memory");
    put_entry(&edit->added, manifest, artifact, name);
    if (bfs_buffer_status(&edit->added))
        return bfs_fail(error, -ENOMEM, "index.json: out of memory");
    if (!says(edit->added.bytes + before, edit->added.size - before, manifest, artifact, name))
        return bfs_fail(error, -EINVAL, "index.json: \"%.300s\" cannot be written", name);
    edit->ends[edit->n_added++] = edit->added.size;
    return 0;
}

static struct bfs_json_value old_entry(const struct bfs_index_edit *edit, size_t i)
{
    struct bfs_json_elements elements = {0};
    struct bfs_json_value entry = {0};
    for (size_t k = 0; k <= i && bfs_json_value_next(edit->manifests, &elements, &entry); k++)
        ;
    return entry;
}

int bfs_index_edit_retype(struct bfs_index_edit *edit, size_t i, const char *artifact,
                          struct bfs_error *error)
{
    struct bfs_json_value entry = old_entry(edit, i);
    struct bfs_json_value type = bfs_json_value_member(entry, "artifactType", BFS_JSON_STRING);
    if (!type.text)
        return bfs_fail(error, -EINVAL, "index.json: manifest %zu has no artifactType", i);
    if (bfs_array_grow(&edit->ends, edit->n_added, sizeof(*edit->ends)))
        return bfs_fail(error, -ENOMEM, "index.json: out of memory");
    const char *after = type.text + type.size;
    bfs_buffer_put(&edit->added, entry.text, (size_t)(type.text - entry.text));
    bfs_json_put_string(&edit->added, artifact, strlen(artifact));
    bfs_buffer_put(&edit->added, after, (size_t)(entry.text + entry.size - after));
    if (bfs_buffer_status(&edit->added))
        return bfs_fail(error, -ENOMEM, "index.json: out of memory");
    edit->ends[edit->n_added++] = edit->added.size;
    edit->dropped[i] = true;
    return 0;
}

static struct bfs_json_value added_entry(const struct bfs_index_edit *edit, size_t i)
{
    size_t start = i ? edit->ends[i - 1] : 0;
    return (struct bfs_json_value){.text = (const char *)edit->added.bytes + start,
                                   .size = edit->ends[i] - start};
}

/* The entries of the new text one by one; the old ones first. */
struct walk {
    const struct bfs_index_edit *edit;
    struct bfs_json_elements elements;
    size_t old;   /* entries of the old text that were passed */
    size_t added; /* new entries that were passed */
};

static bool next_entry(struct walk *walk, struct bfs_json_value *ret)
{
    while (bfs_json_value_next(walk->edit->manifests, &walk->elements, ret))
        if (!walk->edit->dropped[walk->old++])
            return true;
    if (walk->added == walk->edit->n_added)
        return false;
    *ret = added_entry(walk->edit, walk->added++);
    return true;
}

static bool is_equal(struct bfs_json_value a, struct bfs_json_value b)
{
    return a.size == b.size && memcmp(a.text, b.text, a.size) == 0;
}

static bool has_entries(const struct bfs_index_edit *edit, struct bfs_json_value manifests)
{
    struct walk walk = {.edit = edit};
    struct bfs_json_elements elements = {0};
    struct bfs_json_value wanted, found;
    while (next_entry(&walk, &wanted))
        if (!bfs_json_value_next(manifests, &elements, &found) || !is_equal(wanted, found))
            return false;
    return !bfs_json_value_next(manifests, &elements, &found);
}

bool bfs_index_edit_check(const struct bfs_index_edit *edit, const void *text, size_t size)
{
    struct bfs_json_members old = {0}, new = {0};
    struct bfs_json_value root, name, value, new_name, new_value;
    if (bfs_json_value_open(text, size, "index.json", &root, NULL))
        return false;
    while (bfs_json_value_next_member(edit->root, &old, &name, &value)) {
        if (!bfs_json_value_next_member(root, &new, &new_name, &new_value) ||
            !is_equal(name, new_name))
            return false;
        if (value.text == edit->manifests.text ? !has_entries(edit, new_value)
                                               : !is_equal(value, new_value))
            return false;
    }
    return !bfs_json_value_next_member(root, &new, &name, &value);
}

int bfs_index_edit_write(const struct bfs_index_edit *edit, struct bfs_buffer *ret,
                         struct bfs_error *error)
{
    struct walk walk = {.edit = edit};
    struct bfs_json_value entry;
    const char *end = edit->manifests.text + edit->manifests.size;
    size_t start = ret->size;
    bool any = false;
    bfs_buffer_reserve(ret, edit->size + edit->added.size + 16 * (edit->n_added + 1));
    bfs_buffer_put(ret, edit->text, (size_t)(edit->manifests.text - edit->text));
    bfs_buffer_put_u8(ret, '[');
    while (next_entry(&walk, &entry)) {
        bfs_buffer_put_text(ret, any ? "," ENTRY_INDENT : ENTRY_INDENT);
        bfs_buffer_put(ret, entry.text, entry.size);
        any = true;
    }
    bfs_buffer_put_text(ret, any ? "\n  ]" : "]");
    bfs_buffer_put(ret, end, (size_t)(edit->text + edit->size - end));
    if (bfs_buffer_status(ret) ||
        !bfs_index_edit_check(edit, ret->bytes + start, ret->size - start))
        return bfs_fail(error, -ENOMEM, "index.json: out of memory, nothing was changed");
    return 0;
}
