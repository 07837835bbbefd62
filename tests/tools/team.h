/* SPDX-License-Identifier: Apache-2.0
 * What a model team has: a model of one tensor file, a store, keys without a passphrase, and a
 * policy. Included after cmocka.h. */
#ifndef BFS_TESTS_TOOLS_TEAM_H
#define BFS_TESTS_TOOLS_TEAM_H

#include "tests/support/tensor_files.h"
#include "tests/tools/run.h"
#include "verify/json_value.h"

struct team {
    struct test_folder folder;
    char store[128];
    char model[128];
    char policy[128];
};

static inline void team_done(struct team *team)
{
    test_folder_remove(&team->folder);
}
#define test_autoteam BFS_CLEANUP(team_done)

static inline void team_write_model(const struct team *team, const char *folder, uint64_t seed)
{
    static const struct test_tensor tensors[] = {
        {"model.embed_tokens.weight", BFS_DTYPE_BF16, 2, {64, 32}},
        {"model.layers.0.mlp.weight", BFS_DTYPE_BF16, 2, {32, 32}},
        {"model.norm.weight", BFS_DTYPE_BF16, 1, {32}},
    };
    char name[64];
    bfs_autobuffer struct bfs_buffer bytes = BFS_BUFFER_INIT;
    test_make_folder(&team->folder, folder);
    test_safetensors_build(tensors, 3, seed, &bytes);
    assert_int_equal(bfs_buffer_status(&bytes), 0);
    (void)snprintf(name, sizeof(name), "%s/model.safetensors", folder);
    test_write_file(&team->folder, name, bytes.bytes, bytes.size);
    (void)snprintf(name, sizeof(name), "%s/config.json", folder);
    test_write_text(&team->folder, name, "{\"model_type\": \"llama\", \"torch_dtype\": \"bfloat16\"}");
}

static inline struct team team_make(void)
{
    struct team team = {.folder = test_folder_make()};
    (void)snprintf(team.store, sizeof(team.store), "%s/store", team.folder.path);
    (void)snprintf(team.model, sizeof(team.model), "%s/model", team.folder.path);
    (void)snprintf(team.policy, sizeof(team.policy), "%s/policy.json", team.folder.path);
    team_write_model(&team, "model", 1);
    return team;
}

/* "FOLDER/NAME.key" or ".pub" into ret. */
static inline const char *team_file(const struct team *team, const char *name, char ret[128])
{
    (void)snprintf(ret, 128, "%s/%s", team->folder.path, name);
    return ret;
}

static inline void team_keygen(const struct team *team, const char *name)
{
    char path[128];
    test_autorun struct tool_run run =
        tool_run("keygen", "--no-password", "--out", team_file(team, name, path), NULL);
    tool_expect(&run, BFS_EXIT_OK);
}

/* The second line of NAME.pub, which a policy quotes. */
static inline void team_public_key(const struct team *team, const char *name, char ret[128])
{
    char file[32], path[128];
    (void)snprintf(file, sizeof(file), "%.20s.pub", name);
    FILE *stream = fopen(team_file(team, file, path), "re");
    assert_non_null(stream);
    for (int i = 0; i < 2; i++)
        assert_non_null(fgets(ret, 128, stream));
    ret[strcspn(ret, "\n")] = '\0';
    (void)fclose(stream);
}

/* Release signs and promotes what qa has approved; security revokes. */
static inline void team_write_policy(const struct team *team)
{
    char text[2048], release[128], qa[128], security[128];
    team_public_key(team, "release", release);
    team_public_key(team, "qa", qa);
    team_public_key(team, "security", security);
    int n = snprintf(text, sizeof(text),
                     "{\"schema_version\": \"1.0\", \"keys\": [\n"
                     "{\"name\": \"release\", \"public_key\": \"%s\", \"roles\": [\"release\"]},\n"
                     "{\"name\": \"qa\", \"public_key\": \"%s\", \"roles\": [\"qa\"]},\n"
                     "{\"name\": \"security\", \"public_key\": \"%s\", \"roles\": [\"security\"]}],\n"
                     "\"rules\": [{\"match\": \"acme/*\",\n"
                     " \"require\": [{\"statement\": \"signature\", \"role\": \"release\"}],\n"
                     " \"aliases\": {\"production\": {\"move\": [\"release\"],\n"
                     "  \"require\": [{\"statement\": \"approval\", \"role\": \"qa\"}]}},\n"
                     " \"deprecate\": [\"release\"], \"revoke\": [\"security\"]}]}\n",
                     release, qa, security);
    assert_true(n > 0 && (size_t)n < sizeof(text));
    test_write_text(&team->folder, "policy.json", text);
}

static inline void team_pack(const struct team *team, const char *reference)
{
    test_autorun struct tool_run run =
        tool_run("pack", team->store, reference, team->model, NULL);
    tool_expect(&run, BFS_EXIT_OK);
}

/* The program's own reader says whether what a verb prints is one JSON document. */
static inline void team_expect_json(const struct tool_run *run)
{
    struct bfs_json_value root;
    struct bfs_error error = {0};
    if (bfs_json_value_open(run->out, strlen(run->out), "output", &root, &error))
        fail_msg("not JSON: %s", run->out);
    assert_int_equal(root.text[0], '{');
}

#endif
