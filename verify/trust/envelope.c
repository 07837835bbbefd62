/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/trust/envelope.h"

#include "verify/json.h"
#include "verify/trust/base64.h"
#include "verify/utf8.h"

#include <errno.h>
#include <string.h>

static void signature_done(struct bfs_envelope_signature *signature)
{
    free(signature->key_id);
    free(signature->bytes);
}

void bfs_envelope_done(struct bfs_envelope *envelope)
{
    for (size_t i = 0; i < envelope->n_signatures; i++)
        signature_done(&envelope->signatures[i]);
    free(envelope->signatures);
    free(envelope->payload);
    free(envelope->type);
    *envelope = (struct bfs_envelope){0};
}

int bfs_envelope_new(const char *type, const void *payload, size_t size, struct bfs_envelope *ret,
                     struct bfs_error *error)
{
    bfs_autoenvelope struct bfs_envelope envelope = {0};
    if (*type == '\0' || !bfs_utf8_is_valid(type, strlen(type)))
        return bfs_fail(error, -EINVAL, "a payload must have a type, in UTF-8");
    if (strlen(type) > BFS_ENVELOPE_TYPE_MAX || size > BFS_ENVELOPE_SIZE_MAX)
        return bfs_fail(error, -E2BIG, "%zu bytes of \"%s\" are too many for an envelope", size,
                        type);
    envelope.type = strdup(type);
    envelope.payload = malloc(size ? size : 1);
    if (!envelope.type || !envelope.payload)
        return bfs_fail(error, -ENOMEM, "out of memory");
    if (size > 0)
        memcpy(envelope.payload, payload, size);
    envelope.payload_size = size;
    *ret = envelope;
    envelope = (struct bfs_envelope){0};
    return 0;
}

/* Takes what is in `signature`, also on failure. */
static int add_signature(struct bfs_envelope *envelope, struct bfs_envelope_signature signature,
                         struct bfs_error *error)
{
    size_t n = envelope->n_signatures;
    struct bfs_envelope_signature *grown = NULL;
    int r = 0;
    if (n >= BFS_ENVELOPE_SIGNATURES_MAX)
        r = bfs_fail(error, -E2BIG, "an envelope has at most %d signatures",
                     BFS_ENVELOPE_SIGNATURES_MAX);
    else if (!signature.key_id || !signature.bytes ||
             !(grown = realloc(envelope->signatures, (n + 1) * sizeof(*grown))))
        r = bfs_fail(error, -ENOMEM, "out of memory");
    if (r) {
        signature_done(&signature);
        return r;
    }
    grown[n] = signature;
    envelope->signatures = grown;
    envelope->n_signatures = n + 1;
    return 0;
}

void bfs_envelope_pae(const char *type, const void *payload, size_t size, struct bfs_buffer *ret)
{
    bfs_buffer_printf(ret, "DSSEv1 %zu %s %zu ", strlen(type), type, size);
    bfs_buffer_put(ret, payload, size);
}

int bfs_envelope_sign(struct bfs_envelope *envelope, const struct bfs_secret_key *key,
                      struct bfs_error *error)
{
    bfs_autobuffer struct bfs_buffer message = BFS_BUFFER_INIT;
    char id[BFS_KEY_ID_TEXT_SIZE];
    uint8_t bytes[BFS_SIGNATURE_SIZE];
    bfs_envelope_pae(envelope->type, envelope->payload, envelope->payload_size, &message);
    int r = bfs_buffer_status(&message);
    if (r || (r = bfs_secret_key_sign(key, message.bytes, message.size, bytes)))
        return bfs_fail(error, r, "cannot sign");
    struct bfs_envelope_signature signature = {
        .key_id = strdup(bfs_key_id_text(bfs_secret_key_public(key)->id, id)),
        .bytes = malloc(sizeof(bytes)),
        .size = sizeof(bytes),
    };
    if (signature.bytes)
        memcpy(signature.bytes, bytes, sizeof(bytes));
    return add_signature(envelope, signature, error);
}

/* Adds a string member with the base64 of the bytes. */
static void add_base64(struct json_object *object, const char *name, const void *bytes, size_t size,
                       int *status)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    bfs_base64_encode(bytes, size, &text);
    bfs_buffer_put_u8(&text, '\0');
    if (bfs_buffer_status(&text))
        *status = -ENOMEM;
    else
        bfs_json_add_string(object, name, (const char *)text.bytes, status);
}

int bfs_envelope_write(const struct bfs_envelope *envelope, struct bfs_buffer *ret)
{
    int status = 0;
    bfs_autojson struct json_object *root = bfs_json_new_object(&status);
    add_base64(root, "payload", envelope->payload, envelope->payload_size, &status);
    bfs_json_add_string(root, "payloadType", envelope->type, &status);
    struct json_object *list = bfs_json_new_array(&status);
    for (size_t i = 0; i < envelope->n_signatures; i++) {
        const struct bfs_envelope_signature *signature = &envelope->signatures[i];
        struct json_object *object = bfs_json_new_object(&status);
        if (*signature->key_id)
            bfs_json_add_string(object, "keyid", signature->key_id, &status);
        add_base64(object, "sig", signature->bytes, signature->size, &status);
        bfs_json_append(list, object, &status);
    }
    bfs_json_add(root, "signatures", list, &status);
    if (status == 0)
        status = bfs_json_publish_line(root, ret);
    return status;
}

static int take_base64(struct json_object *object, const char *name, const char *what,
                       uint8_t **ret, size_t *ret_size, struct bfs_error *error)
{
    struct json_object *text = bfs_json_member(object, name);
    int r = bfs_base64_decode(json_object_get_string(text),
                              (size_t)json_object_get_string_len(text), ret, ret_size);
    return r ? bfs_fail(error, r, "%s: \"%s\" is not base64", what, name) : 0;
}

/* Programs differ in whether case matters in a name, and so might see another payload. */
static int refuse_look_alikes(struct json_object *object, const struct bfs_json_field *fields,
                              const char *what, struct bfs_error *error)
{
    json_object_object_foreach(object, key, value)
    {
        (void)value;
        for (const struct bfs_json_field *field = fields; field->name; field++)
            if (strcasecmp(key, field->name) == 0 && strcmp(key, field->name) != 0)
                return bfs_fail(error, -EBADMSG, "%s: \"%s\" would pass for \"%s\"", what, key,
                                field->name);
    }
    return 0;
}

static int check_members(struct json_object *object, const struct bfs_json_field *fields,
                         const char *what, struct bfs_error *error)
{
    int r = bfs_json_check(object, fields, true, what, error);
    return r ? r : refuse_look_alikes(object, fields, what, error);
}

static int parse_signature(struct json_object *object, const char *what,
                           struct bfs_envelope *envelope, struct bfs_error *error)
{
    static const struct bfs_json_field fields[] = {
        {"keyid", BFS_JSON_STRING, false},
        {"sig", BFS_JSON_STRING, true},
        {0},
    };
    struct bfs_envelope_signature signature = {0};
    int r = check_members(object, fields, what, error);
    if (r || (r = take_base64(object, "sig", what, &signature.bytes, &signature.size, error)))
        return r;
    const char *key_id = bfs_json_string(object, "keyid");
    if (signature.size > BFS_ENVELOPE_SIGNATURE_MAX ||
        (key_id && strlen(key_id) > BFS_ENVELOPE_KEY_ID_MAX)) {
        signature_done(&signature);
        return bfs_fail(error, -E2BIG, "%s: a signature or keyid is too long", what);
    }
    signature.key_id = strdup(key_id ? key_id : "");
    return add_signature(envelope, signature, error);
}

static int parse_signatures(struct json_object *list, const char *what,
                            struct bfs_envelope *envelope, struct bfs_error *error)
{
    size_t n = json_object_array_length(list);
    if (n == 0)
        return bfs_fail(error, -EBADMSG, "%s: nobody signed", what);
    if (n > BFS_ENVELOPE_SIGNATURES_MAX)
        return bfs_fail(error, -E2BIG, "%s: %zu signatures are more than %d", what, n,
                        BFS_ENVELOPE_SIGNATURES_MAX);
    for (size_t i = 0; i < n; i++) {
        int r = parse_signature(json_object_array_get_idx(list, i), what, envelope, error);
        if (r)
            return r;
    }
    return 0;
}

int bfs_envelope_parse(const void *text, size_t size, const char *what, struct bfs_envelope *ret,
                       struct bfs_error *error)
{
    static const struct bfs_json_field fields[] = {
        {"payload", BFS_JSON_STRING, true},
        {"payloadType", BFS_JSON_STRING, true},
        {"signatures", BFS_JSON_ARRAY, true},
        {0},
    };
    bfs_autojson struct json_object *root = NULL;
    bfs_autoenvelope struct bfs_envelope envelope = {0};
    int r;
    if (size > BFS_ENVELOPE_SIZE_MAX)
        return bfs_fail(error, -E2BIG, "%s: an envelope of %zu bytes is larger than %d", what, size,
                        BFS_ENVELOPE_SIZE_MAX);
    if ((r = bfs_json_parse(text, size, what, &root, error)) ||
        (r = check_members(root, fields, what, error)))
        return r;
    const char *type = bfs_json_string(root, "payloadType");
    if (*type == '\0')
        return bfs_fail(error, -EBADMSG, "%s: the payload has no type", what);
    if (strlen(type) > BFS_ENVELOPE_TYPE_MAX)
        return bfs_fail(error, -E2BIG, "%s: a payload type is at most %d bytes", what,
                        BFS_ENVELOPE_TYPE_MAX);
    if (!(envelope.type = strdup(type)))
        return bfs_fail(error, -ENOMEM, "out of memory");
    if ((r = take_base64(root, "payload", what, &envelope.payload, &envelope.payload_size,
                         error)) ||
        (r = parse_signatures(bfs_json_member(root, "signatures"), what, &envelope, error)))
        return r;
    *ret = envelope;
    envelope = (struct bfs_envelope){0};
    return 0;
}
