/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include "accel/view/gguf_head.h"
#include "accel/view/gguf_policy.h"
#include "codec/container/container.h"
#include "tests/support/tensor_files.h"

#include <errno.h>
#include <string.h>

enum { FILE_TYPE = 7, N_OURS = 3 };

/* The type of one tensor in a view, 0 when refused. */
static enum bfs_dtype fate(const char *name, enum bfs_dtype dtype, uint32_t n_dims,
                           const uint64_t *shape, enum bfs_dtype target)
{
    bfs_autofree char *copy = strdup(name);
    struct bfs_tensor tensor = {.name = copy, .dtype = dtype, .n_dims = n_dims};
    struct bfs_error error = {0};
    enum bfs_dtype ret = BFS_DTYPE_NONE;
    uint64_t elements;
    memcpy(tensor.shape, shape, n_dims * sizeof(*shape));
    assert_int_equal(
        bfs_tensor_measure(bfs_dtype_info(dtype), shape, n_dims, &elements, &tensor.size), 0);
    int r = bfs_gguf_policy(&tensor, target, &ret, &error);
    if (r) {
        assert_int_equal(r, -EINVAL);
        assert_non_null(strstr(error.what, name));
        assert_non_null(strstr(error.what, bfs_dtype_info(dtype)->name));
        assert_int_equal(ret, BFS_DTYPE_NONE);
    }
    return ret;
}

static void quantizes_by_shape(void **state)
{
    (void)state;
    static const struct {
        uint32_t n_dims;
        uint64_t shape[BFS_TENSOR_DIMS_MAX];
        enum bfs_dtype from, q8_0, q4_k;
    } cases[] = {
        {2, {2, 256}, BFS_DTYPE_F32, BFS_DTYPE_Q8_0, BFS_DTYPE_Q4_K},
        {2, {2, 256}, BFS_DTYPE_F16, BFS_DTYPE_Q8_0, BFS_DTYPE_Q4_K},
        {2, {2, 256}, BFS_DTYPE_BF16, BFS_DTYPE_Q8_0, BFS_DTYPE_Q4_K},
        {3, {2, 2, 256}, BFS_DTYPE_F16, BFS_DTYPE_Q8_0, BFS_DTYPE_Q4_K},
        {4, {1, 2, 2, 256}, BFS_DTYPE_F16, BFS_DTYPE_Q8_0, BFS_DTYPE_Q4_K},
        /* rows that are not whole blocks */
        {2, {2, 32}, BFS_DTYPE_F16, BFS_DTYPE_Q8_0, BFS_DTYPE_Q5_0},
        {2, {2, 33}, BFS_DTYPE_BF16, BFS_DTYPE_F16, BFS_DTYPE_F16},
        {2, {2, 33}, BFS_DTYPE_F16, BFS_DTYPE_F16, BFS_DTYPE_F16},
        /* vectors, however many dimensions they are said to have */
        {0, {0}, BFS_DTYPE_F16, BFS_DTYPE_F32, BFS_DTYPE_F32},
        {1, {256}, BFS_DTYPE_F32, BFS_DTYPE_F32, BFS_DTYPE_F32},
        {1, {256}, BFS_DTYPE_BF16, BFS_DTYPE_F32, BFS_DTYPE_F32},
        {2, {1, 256}, BFS_DTYPE_F16, BFS_DTYPE_F32, BFS_DTYPE_F32},
        {1, {256}, BFS_DTYPE_I32, BFS_DTYPE_I32, BFS_DTYPE_I32},
        {1, {256}, BFS_DTYPE_Q6_K, BFS_DTYPE_Q6_K, BFS_DTYPE_Q6_K},
        /* what nobody multiplies as matrices */
        {4, {2, 2, 2, 256}, BFS_DTYPE_F16, BFS_DTYPE_F16, BFS_DTYPE_F16},
        {2, {0, 256}, BFS_DTYPE_F16, BFS_DTYPE_F16, BFS_DTYPE_F16},
        /* quantized already: as it is, or not at all */
        {2, {2, 256}, BFS_DTYPE_Q8_0, BFS_DTYPE_Q8_0, BFS_DTYPE_NONE},
        {2, {2, 256}, BFS_DTYPE_Q4_K, BFS_DTYPE_NONE, BFS_DTYPE_Q4_K},
        {2, {2, 256}, BFS_DTYPE_MXFP4, BFS_DTYPE_NONE, BFS_DTYPE_NONE},
        {2, {2, 256}, BFS_DTYPE_I32, BFS_DTYPE_NONE, BFS_DTYPE_NONE},
        {2, {2, 256}, BFS_DTYPE_F64, BFS_DTYPE_NONE, BFS_DTYPE_NONE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum bfs_dtype q8_0 =
            fate("x.weight", cases[i].from, cases[i].n_dims, cases[i].shape, BFS_DTYPE_Q8_0);
        enum bfs_dtype q4_k =
            fate("x.weight", cases[i].from, cases[i].n_dims, cases[i].shape, BFS_DTYPE_Q4_K);
        if (q8_0 != cases[i].q8_0 || q4_k != cases[i].q4_k)
            fail_msg("case %zu: %d %d", i, (int)q8_0, (int)q4_k);
    }
}

static void quantizes_by_name(void **state)
{
    (void)state;
    static const char *const quantized[] = {"token_embd.weight",
                                            "output.weight",
                                            "blk.0.attn_q.weight",
                                            "blk.0.ffn_gate.weight",
                                            "blk.3.ssm_in.weight",
                                            "blk.0.ffn_gate_inp_shexp.weight",
                                            "weight",
                                            "position_embd2.weight"};
    static const char *const kept[] = {"blk.0.attn_q.bias",
                                       "blk.0.attn_q.weights",
                                       "blk.0.ssm_a",
                                       "eight",
                                       "",
                                       "output_norm.weight",
                                       "blk.0.attn_q_norm.weight",
                                       "blk.0.ffn_gate_inp.weight",
                                       "blk.0.ffn_gate_tid2eid.weight",
                                       "altup_proj.weight",
                                       "blk.1.laurel_l.weight",
                                       "per_layer_model_proj.weight",
                                       "position_embd.weight",
                                       "token_types.weight",
                                       "blk.0.ssm_conv1d.weight",
                                       "blk.0.ssm_conv1d_q.weight",
                                       "blk.0.shortconv.conv.weight",
                                       "blk.0.indexer.k_proj.weight",
                                       "blk.0.indexer.q_proj.weight",
                                       "blk.0.time_mix_first.weight",
                                       "blk.0.time_mix_w2.weight",
                                       "blk.0.time_mix_decay_w1.weight",
                                       "blk.0.time_mix_lerp_fused.weight",
                                       "enc.blk.0.attn_rel_b.weight",
                                       "v.position_embd.weight",
                                       "v.patch_embd.weight",
                                       "v.sam.pos_embd.weight",
                                       "mm.a.code_embd.weight"};
    static const uint64_t shape[] = {2, 256};
    for (size_t i = 0; i < sizeof(quantized) / sizeof(quantized[0]); i++) {
        assert_true(bfs_gguf_name_is_quantized(quantized[i]));
        assert_int_equal(fate(quantized[i], BFS_DTYPE_BF16, 2, shape, BFS_DTYPE_Q6_K),
                         BFS_DTYPE_Q6_K);
    }
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        if (bfs_gguf_name_is_quantized(kept[i]))
            fail_msg("%s", kept[i]);
        assert_int_equal(fate(kept[i], BFS_DTYPE_BF16, 2, shape, BFS_DTYPE_Q6_K), BFS_DTYPE_BF16);
        assert_int_equal(fate(kept[i], BFS_DTYPE_MXFP4, 2, shape, BFS_DTYPE_Q6_K), BFS_DTYPE_MXFP4);
    }
}

static int write_head(const struct bfs_gguf_header *source, struct bfs_buffer *ret,
                      uint64_t *ret_size, struct bfs_error *error)
{
    bfs_autofree enum bfs_dtype *types = calloc(source->map.n_tensors + 1, sizeof(*types));
    assert_non_null(types);
    int r = bfs_gguf_policy_map(&source->map, BFS_DTYPE_Q8_0, types, error);
    return r ? r : bfs_gguf_head_write(source, types, FILE_TYPE, ret, ret_size, error);
}

static void is_u32(const struct bfs_gguf_header *header, const char *key, uint32_t want)
{
    const struct bfs_gguf_value *value = bfs_gguf_find(header, key);
    uint64_t number;
    assert_non_null(value);
    assert_int_equal(value->type, BFS_GGUF_U32);
    assert_true(bfs_gguf_number(value, &number));
    assert_int_equal(number, want);
}

static bool is_ours(const struct bfs_gguf_value *value)
{
    return bfs_gguf_is_key(value, "general.alignment") ||
           bfs_gguf_is_key(value, "general.file_type") ||
           bfs_gguf_is_key(value, "general.quantization_version");
}

/* What was copied is the same bytes at the same place of the list. */
static void check_values(const struct bfs_gguf_header *source, const struct bfs_gguf_header *made)
{
    size_t n_new = 0;
    is_u32(made, "general.alignment", 4096);
    is_u32(made, "general.file_type", FILE_TYPE);
    is_u32(made, "general.quantization_version", 2);
    for (size_t i = 0; i < source->n_values; i++) {
        const struct bfs_gguf_value *a = &source->values[i], *b = &made->values[i];
        assert_int_equal(a->key_size, b->key_size);
        assert_memory_equal(a->key, b->key, a->key_size);
        if (is_ours(a))
            continue;
        assert_int_equal(a->size, b->size);
        assert_memory_equal(a->bytes, b->bytes, a->size);
    }
    for (size_t i = source->n_values; i < made->n_values; i++) {
        assert_true(is_ours(&made->values[i]));
        n_new++;
    }
    assert_true(n_new <= N_OURS);
}

static void check_tensors(const struct bfs_gguf_header *source, const struct bfs_gguf_header *made,
                          size_t head_size, uint64_t size)
{
    uint64_t next = head_size;
    assert_int_equal(source->map.n_tensors, made->map.n_tensors);
    for (size_t i = 0; i < source->map.n_tensors; i++) {
        const struct bfs_tensor *a = &source->map.tensors[i], *b = &made->map.tensors[i];
        enum bfs_dtype want;
        assert_string_equal(a->name, b->name);
        assert_int_equal(a->n_dims, b->n_dims);
        assert_memory_equal(a->shape, b->shape, sizeof(a->shape));
        assert_int_equal(bfs_gguf_policy(a, BFS_DTYPE_Q8_0, &want, NULL), 0);
        assert_int_equal(b->dtype, want);
        assert_int_equal(b->offset, next);
        next = (b->offset + b->size + 4095) / 4096 * 4096;
    }
    assert_int_equal(next, size);
}

/* Writes a head from these bytes and reads it again. 0, or what the source was refused with. */
static int check_view(const uint8_t *bytes, size_t size, struct bfs_error *error)
{
    bfs_autogguf struct bfs_gguf_header source = {0}, made = {0};
    bfs_autobuffer struct bfs_buffer head = BFS_BUFFER_INIT;
    bfs_autotensors struct bfs_tensor_map map = {0};
    uint64_t made_size = 77;
    int r = bfs_gguf_header_parse(bytes, size, size, &source, error);
    if (r == 0)
        r = write_head(&source, &head, &made_size, error);
    if (r) {
        assert_int_equal(made_size, 77);
        return r;
    }
    struct bfs_error why = {0};
    if (bfs_gguf_header_parse(head.bytes, head.size, made_size, &made, &why))
        fail_msg("cannot be read again: %s", why.what);
    assert_int_equal(bfs_gguf_parse(head.bytes, head.size, made_size, &map, NULL), 0);
    assert_null(test_tensor_map_fault(&made.map, made_size));
    assert_int_equal(head.size % 4096, 0);
    check_values(&source, &made);
    check_tensors(&source, &made, head.size, made_size);
    return 0;
}

/* One model: key-values of every type but nested arrays, all ways that a tensor can go. */
static void put_model(struct bfs_buffer *ret, bool has_ours)
{
    static const struct {
        const char *name;
        uint32_t n_dims;
        uint64_t ne[4];
        enum bfs_dtype dtype;
    } tensors[] = {
        {"token_embd.weight", 2, {32, 3}, BFS_DTYPE_F16},
        {"blk.0.attn_norm.weight", 1, {32}, BFS_DTYPE_F32},
        {"blk.0.ffn_down_exps.weight", 3, {64, 1, 2}, BFS_DTYPE_BF16},
        {"blk.0.ffn_gate_inp.weight", 2, {32, 2}, BFS_DTYPE_F32},
        {"none", 2, {3, 0}, BFS_DTYPE_F16},
        {"odd.weight", 2, {5, 2}, BFS_DTYPE_F32},
        {"n", 0, {0}, BFS_DTYPE_I64},
        {"output.weight", 2, {32, 3}, BFS_DTYPE_F32},
    };
    enum { N = sizeof(tensors) / sizeof(tensors[0]) };
    static const uint8_t sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    uint64_t offset = 0;
    test_gguf_header(ret, 3, N, 11 + 3 + (has_ours ? 3 : 1));
    for (uint32_t type = 0; type < sizeof(sizes); type++) {
        char key[] = {(char)('a' + type), '\0'};
        if (sizes[type] == 0)
            continue;
        test_gguf_key(ret, key, type);
        bfs_buffer_put(ret, "\1\0\0\0\0\0\0\0", sizes[type]);
    }
    test_gguf_key(ret, "general.architecture", BFS_GGUF_STRING);
    test_gguf_text(ret, "llama");
    test_gguf_key(ret, "general.alignment", BFS_GGUF_U32);
    bfs_buffer_put_u32(ret, 8);
    if (has_ours) {
        test_gguf_key(ret, "general.quantization_version", BFS_GGUF_U32);
        bfs_buffer_put_u32(ret, 1);
        test_gguf_key(ret, "general.file_type", BFS_GGUF_U32);
        bfs_buffer_put_u32(ret, 1);
    }
    test_gguf_key(ret, "words", BFS_GGUF_ARRAY);
    bfs_buffer_put_u32(ret, BFS_GGUF_STRING);
    bfs_buffer_put_u64(ret, 2);
    test_gguf_text(ret, "x");
    test_gguf_text(ret, "");
    test_gguf_key(ret, "numbers", BFS_GGUF_ARRAY);
    bfs_buffer_put_u32(ret, BFS_GGUF_U16);
    bfs_buffer_put_u64(ret, 3);
    bfs_buffer_put(ret, "\1\0\2\0\3\0", 6);
    for (size_t i = 0; i < N; i++) {
        const struct bfs_dtype_info *dtype = bfs_dtype_info(tensors[i].dtype);
        uint64_t elements = 1;
        for (uint32_t j = 0; j < tensors[i].n_dims; j++)
            elements *= tensors[i].ne[j];
        test_gguf_tensor(ret, tensors[i].name, tensors[i].n_dims, tensors[i].ne,
                         (uint32_t)dtype->ggml_type, offset);
        offset = (offset + elements * dtype->block_bytes + 7) / 8 * 8;
    }
    bfs_buffer_align(ret, 8);
    while (offset-- > 0)
        bfs_buffer_put_u8(ret, 0);
    assert_int_equal(bfs_buffer_status(ret), 0);
}

static void writes_heads(void **state)
{
    (void)state;
    for (int has_ours = 0; has_ours < 2; has_ours++) {
        bfs_autobuffer struct bfs_buffer file = BFS_BUFFER_INIT;
        struct bfs_error error = {0};
        put_model(&file, has_ours);
        if (check_view(file.bytes, file.size, &error))
            fail_msg("%s", error.what);
    }
    bfs_autobuffer struct bfs_buffer empty = BFS_BUFFER_INIT;
    test_gguf_header(&empty, 2, 0, 0);
    assert_int_equal(check_view(empty.bytes, empty.size, NULL), 0);
}

/* Every mutant is refused with a reason, or gives a head that can be read again. */
static void survives_mutants(void **state)
{
    (void)state;
    bfs_autobuffer struct bfs_buffer file = BFS_BUFFER_INIT;
    put_model(&file, true);
    size_t n_accepted = 0, n_refused = 0;
    for (size_t bit = 0; bit < file.size * 8; bit++) {
        struct bfs_error error = {0};
        bfs_autofree uint8_t *copy = malloc(file.size);
        assert_non_null(copy);
        memcpy(copy, file.bytes, file.size);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        int r = check_view(copy, file.size, &error);
        assert_int_equal(error.code, r);
        if (r == 0)
            n_accepted++;
        else
            n_refused++;
        assert_true(r == 0 || r == -EBADMSG || r == -E2BIG || r == -EPROTONOSUPPORT ||
                    r == -EINVAL);
    }
    assert_int_equal(n_accepted + n_refused, file.size * 8);
    assert_true(n_accepted > 1000 && n_refused > 1000);
    for (size_t cut = 0; cut < file.size; cut++) {
        struct bfs_error error = {0};
        bfs_autofree uint8_t *copy = malloc(cut + 1);
        assert_non_null(copy);
        memcpy(copy, file.bytes, cut);
        assert_int_equal(check_view(copy, cut, &error), -EBADMSG);
        assert_true(error.what[0] != '\0');
    }
}

/* Parses what ggml's reader would not, and expects the refusal. */
static void refuses(struct bfs_buffer *file, int code, const char *why)
{
    struct bfs_error error = {0};
    assert_int_equal(bfs_buffer_status(file), 0);
    int r = check_view(file->bytes, file->size, &error);
    if (r != code || error.code != code || !strstr(error.what, why))
        fail_msg("expected %d %s, got %d %s", code, why, r, error.what);
    bfs_buffer_done(file);
}

static void refuses_what_ggml_refuses(void **state)
{
    (void)state;
    struct bfs_buffer file = BFS_BUFFER_INIT;
    static const char *const ours[] = {"general.alignment", "general.file_type",
                                       "general.quantization_version"};
    for (size_t i = 0; i < N_OURS; i++) {
        test_gguf_header(&file, 3, 0, 1);
        test_gguf_key(&file, ours[i], BFS_GGUF_U64);
        bfs_buffer_put_u64(&file, 32);
        refuses(&file, -EBADMSG, ours[i]);
    }
    test_gguf_header(&file, 3, 0, 1);
    test_gguf_key(&file, "deep", BFS_GGUF_ARRAY);
    bfs_buffer_put_u32(&file, BFS_GGUF_ARRAY);
    bfs_buffer_put_u64(&file, 0);
    refuses(&file, -EBADMSG, "\"deep\"");
    test_gguf_header(&file, 3, 0, 2);
    for (int i = 0; i < 2; i++) {
        test_gguf_key(&file, "twice", BFS_GGUF_U8);
        bfs_buffer_put_u8(&file, 0);
    }
    refuses(&file, -EBADMSG, "twice");
    test_gguf_header(&file, 3, 0, 1);
    test_gguf_key(&file, "text", BFS_GGUF_STRING);
    bfs_buffer_put_u64(&file, UINT64_MAX);
    refuses(&file, -EBADMSG, "beyond the file");

    static const uint64_t vast[] = {UINT64_C(1) << 32, UINT64_C(1) << 31, 0};
    static const uint64_t removed[] = {32};
    test_gguf_header(&file, 3, 1, 0);
    test_gguf_tensor(&file, "vast", 3, vast, 0, 0);
    bfs_buffer_align(&file, 32);
    refuses(&file, -E2BIG, "\"vast\"");
    test_gguf_header(&file, 3, 1, 0);
    test_gguf_tensor(&file, "removed", 1, removed, 31, 0);
    bfs_buffer_align(&file, 32);
    refuses(&file, -EPROTONOSUPPORT, "\"removed\"");
    char name[65] = {0};
    for (size_t length = 63; length <= 64; length++) {
        static const uint64_t one[] = {1};
        memset(name, 'n', length);
        test_gguf_header(&file, 3, 1, 0);
        test_gguf_tensor(&file, name, 1, one, 0, 0);
        bfs_buffer_align(&file, 32);
        bfs_buffer_put_u32(&file, 0);
        if (length == 64)
            refuses(&file, -E2BIG, "63 bytes");
        else
            assert_int_equal(check_view(file.bytes, file.size, NULL), 0);
        bfs_buffer_done(&file);
    }
}

static void names_classes(void **state)
{
    (void)state;
    assert_string_equal(bfs_gguf_tensor_class("token_embd.weight"), "embedding");
    assert_string_equal(bfs_gguf_tensor_class("per_layer_token_embd.weight"), "embedding");
    assert_string_equal(bfs_gguf_tensor_class("output.weight"), "lm_head");
    assert_string_equal(bfs_gguf_tensor_class("blk.0.attn_output.weight"), "linear");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantizes_by_shape),
        cmocka_unit_test(quantizes_by_name),
        cmocka_unit_test(writes_heads),
        cmocka_unit_test(survives_mutants),
        cmocka_unit_test(refuses_what_ggml_refuses),
        cmocka_unit_test(names_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
