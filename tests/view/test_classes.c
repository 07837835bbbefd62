/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "accel/view/tensor_class.h"

#include <string.h>

static void classes_follow_from_names_and_shapes(void **state)
{
    static const struct {
        const char *name;
        uint32_t n_dims;
        enum bfs_tensor_class class;
    } rows[] = {
        {"model.layers.0.self_attn.q_proj.weight", 2, BFS_CLASS_LINEAR},
        {"model.layers.0.mlp.gate_proj.weight", 2, BFS_CLASS_LINEAR},
        {"model.layers.3.mlp.experts.17.up_proj.weight", 2, BFS_CLASS_LINEAR},
        {"transformer.h.0.attn.c_attn.weight", 2, BFS_CLASS_LINEAR},
        {"encoder.layer.0.attention.output.dense.weight", 2, BFS_CLASS_LINEAR},
        {"norm1.linear.weight", 2, BFS_CLASS_LINEAR},
        {"fc.weight", 2, BFS_CLASS_LINEAR},
        {"model.layers.0.mlp.gate_proj.weight", 3, BFS_CLASS_OTHER},
        {"conv.weight", 4, BFS_CLASS_OTHER},
        {"model.layers.0.self_attn.q_proj.bias", 1, BFS_CLASS_OTHER},
        {"model.layers.0.mlp.experts.gate_up_proj", 2, BFS_CLASS_OTHER},
        {"weight", 2, BFS_CLASS_LINEAR},
        {"", 2, BFS_CLASS_OTHER},
        {"model.embed_tokens.weight", 2, BFS_CLASS_EMBEDDING},
        {"bert.embeddings.word_embeddings.weight", 2, BFS_CLASS_EMBEDDING},
        {"bert.embeddings.LayerNorm.weight", 1, BFS_CLASS_EMBEDDING},
        {"transformer.wte.weight", 2, BFS_CLASS_EMBEDDING},
        {"shared.weight", 2, BFS_CLASS_EMBEDDING},
        {"lm_head.weight", 2, BFS_CLASS_HEAD},
        {"model.lm_head.weight", 2, BFS_CLASS_HEAD},
        {"embed_out.weight", 2, BFS_CLASS_HEAD},
        {"output.weight", 2, BFS_CLASS_HEAD},
        {"layers.0.output.weight", 2, BFS_CLASS_LINEAR},
        {"lm_head.bias", 1, BFS_CLASS_OTHER},
        {"model.norm.weight", 1, BFS_CLASS_NORM},
        {"model.layers.0.input_layernorm.weight", 1, BFS_CLASS_NORM},
        {"model.layers.0.q_norm.weight", 2, BFS_CLASS_NORM},
        {"transformer.ln_f.weight", 1, BFS_CLASS_NORM},
        {"model.layers.0.block_sparse_moe.gate.weight", 2, BFS_CLASS_ROUTER},
        {"model.layers.0.mlp.gate.weight", 2, BFS_CLASS_ROUTER},
        {"model.layers.0.mlp.router.weight", 2, BFS_CLASS_ROUTER},
        {"model.layers.0.mlp.shared_expert_gate.weight", 2, BFS_CLASS_ROUTER},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char name[128];
        (void)strcpy(name, rows[i].name);
        const struct bfs_tensor tensor = {.name = name, .n_dims = rows[i].n_dims, .size = 8};
        if (bfs_tensor_class_of(&tensor) != rows[i].class)
            fail_msg("%s with %u dimensions is %s", rows[i].name, rows[i].n_dims,
                     bfs_tensor_class_name(bfs_tensor_class_of(&tensor)));
    }
}

static void what_is_empty_is_no_linear(void **state)
{
    char name[] = "fc.weight";
    const struct bfs_tensor tensor = {.name = name, .n_dims = 2, .size = 0};
    (void)state;
    assert_int_equal(bfs_tensor_class_of(&tensor), BFS_CLASS_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_follow_from_names_and_shapes),
        cmocka_unit_test(what_is_empty_is_no_linear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
