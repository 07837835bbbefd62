/* SPDX-License-Identifier: Apache-2.0
 * Every field of contract.json. An array holds at most as many elements as a careful author could
 * want; those of a generated contract as many as a bundle has files. */
#include "verify/contract/schema.h"

enum {
    FEW = 256,
    MANY = 4096,
    FILES = 1 << 20,
    DIMENSIONS = 16,
};

/* clang-format off */
#define STRING(id) &(const struct bfs_schema){.kind = BFS_SCHEMA_STRING, .format = BFS_FORMAT_##id}
#define INTEGER(low, high) \
    &(const struct bfs_schema){.kind = BFS_SCHEMA_INTEGER, .min = (low), .max = (high)}
#define NUMBER INTEGER(0, (int64_t)BFS_JSON_INTEGER_MAX)
#define BOOLEAN &(const struct bfs_schema){.kind = BFS_SCHEMA_BOOLEAN}
#define OPEN &(const struct bfs_schema){.kind = BFS_SCHEMA_OPEN}
#define ARRAY(of, most) \
    &(const struct bfs_schema){.kind = BFS_SCHEMA_ARRAY, .items = of, .items_max = (most)}
#define OBJECT(...) \
    &(const struct bfs_schema){.kind = BFS_SCHEMA_OBJECT, \
                               .fields = (const struct bfs_schema_field[]){__VA_ARGS__, {0}}}
#define MUST true
#define MAY false

#define MODEL OBJECT( \
    {"architecture", STRING(LABEL), MAY, "GGUF general.architecture, or model_type of config.json"}, \
    {"format", STRING(LABEL), MAY, "safetensors, gguf or onnx"}, \
    {"precision", STRING(LABEL), MAY, "the element type that takes the most bytes"}, \
    {"quantization", STRING(LABEL), MAY, "GGUF general.file_type as a word"})

#define API OBJECT( \
    {"version", STRING(VERSION), MUST, "of the interface, which may differ from the bundle's"}, \
    {"compatible_with", ARRAY(STRING(RANGE), FEW), MAY, "versions whose callers can use this one"})

#define TENSOR OBJECT( \
    {"name", STRING(NAME), MUST, "each once"}, \
    {"datatype", STRING(DATATYPE), MUST, "as in the Open Inference Protocol v2"}, \
    {"shape", ARRAY(INTEGER(-1, (int64_t)BFS_JSON_INTEGER_MAX), DIMENSIONS), MUST, \
     "-1: any size; no element: a scalar"}, \
    {"description", STRING(TEXT), MAY, "for people"}, \
    {"optional", BOOLEAN, MAY, "true: may be left out, or be missing in an answer"})

#define PARAMETER OBJECT( \
    {"name", STRING(NAME), MUST, "each once"}, \
    {"type", STRING(PARAMETER), MUST, "of its values"}, \
    {"default", STRING(TEXT), MAY, "what is taken when it is not given"}, \
    {"minimum", STRING(DECIMAL), MAY, "smallest value"}, \
    {"maximum", STRING(DECIMAL), MAY, "largest value"}, \
    {"description", STRING(TEXT), MAY, "for people"})

#define ERROR OBJECT( \
    {"code", STRING(WORD), MUST, "what a caller gets; each once"}, \
    {"when", STRING(TEXT), MUST, "what leads to it"}, \
    {"retryable", BOOLEAN, MUST, "may the same request succeed later?"})

#define EFFECT OBJECT( \
    {"kind", STRING(EFFECT), MUST, "what else than its outputs a request changes or touches"}, \
    {"description", STRING(TEXT), MAY, "for people"})

#define SERIALIZATION OBJECT( \
    {"weights", STRING(WORD), MAY, "safetensors, gguf, onnx, pickle, ..."}, \
    {"executes_code", BOOLEAN, MAY, "does loading run code from the bundle?"}, \
    {"requests", ARRAY(STRING(LABEL), FEW), MAY, "media types that are taken"}, \
    {"responses", ARRAY(STRING(LABEL), FEW), MAY, "media types that are given"})

#define RUNTIME OBJECT( \
    {"name", STRING(WORD), MUST, "llama.cpp, onnxruntime, vllm, ..."}, \
    {"version", STRING(RANGE), MAY, "of the runtime"}, \
    {"view", STRING(VIEW), MAY, "what it opens; absent: the bundle itself"})

#define ACCELERATOR OBJECT( \
    {"hardware", STRING(HARDWARE), MUST, "the key of a view: see docs/views.md"}, \
    {"vendor", STRING(KEY_WORD), MAY, "as there"}, \
    {"arch", STRING(KEY_WORD), MAY, "as there"}, \
    {"features", ARRAY(STRING(KEY_WORD), 32), MAY, "as there"}, \
    {"compute_capability_min", STRING(CAPABILITY), MAY, "as there"}, \
    {"driver_min", INTEGER(0, UINT32_MAX), MAY, "as there"}, \
    {"memory_bytes", NUMBER, MAY, "of the device"})

#define RESOURCES OBJECT( \
    {"memory_bytes", NUMBER, MAY, "in use when it answers; generated: bytes of all tensors; 0 or absent: unknown"}, \
    {"disk_bytes", NUMBER, MAY, "of all files of the model, without its views"}, \
    {"accelerator", ACCELERATOR, MAY, "what it cannot do without"})

#define REQUIRES OBJECT( \
    {"features", ARRAY(STRING(KEY_WORD), FEW), MAY, "of the CPU, in the words of /proc/cpuinfo"}, \
    {"files", ARRAY(STRING(PATH), MANY), MAY, "in the bundle"}, \
    {"bundles", ARRAY(OBJECT( \
        {"name", STRING(BUNDLE), MUST, "each once"}, \
        {"version", STRING(RANGE), MUST, "which versions will do"}), FEW), MAY, \
     "other bundles, in the same store"})

#define TOLERANCE OBJECT( \
    {"rtol", STRING(UNSIGNED), MAY, "of the expected value; absent: 0"}, \
    {"atol", STRING(UNSIGNED), MAY, "absolute; absent: 0"})

#define DETERMINISM OBJECT( \
    {"seeds", ARRAY(NUMBER, FEW), MAY, "with which the fixtures were made"}, \
    {"tolerance", TOLERANCE, MAY, "within which two runs agree"})

#define BINDINGS(meaning) ARRAY(OBJECT( \
    {"name", STRING(NAME), MUST, meaning}, \
    {"file", STRING(PATH), MUST, "in the bundle: .npy, .json, or exact bytes"}), FEW)

#define FIXTURE OBJECT( \
    {"name", STRING(WORD), MUST, "each once"}, \
    {"description", STRING(TEXT), MAY, "for people"}, \
    {"inputs", BINDINGS("of an input"), MUST, "what is given"}, \
    {"outputs", BINDINGS("of an output"), MUST, "what is expected"}, \
    {"rtol", STRING(UNSIGNED), MAY, "of the expected value; absent: that of determinism"}, \
    {"atol", STRING(UNSIGNED), MAY, "absolute; absent: that of determinism"})

#define PROVENANCE OBJECT( \
    {"source", STRING(TEXT), MAY, "where it comes from"}, \
    {"base_model", OBJECT( \
        {"name", STRING(TEXT), MUST, "as its publisher calls it"}, \
        {"relation", STRING(RELATION), MUST, "in the words of Hugging Face's model cards"}, \
        {"digest", STRING(DIGEST), MAY, "a bundle's id"}), MAY, "what it was made from"}, \
    {"training_data", ARRAY(OBJECT( \
        {"name", STRING(TEXT), MUST, "of the data set"}, \
        {"source", STRING(TEXT), MAY, "where it comes from"}, \
        {"license", STRING(LICENCE), MAY, "SPDX licence expression"}, \
        {"digest", STRING(DIGEST), MAY, "of the data set"}), MANY), MAY, "what it was trained with"}, \
    {"revision", STRING(REVISION), MAY, "git revision of the source"}, \
    {"builder", STRING(TEXT), MAY, "who or what made the directory"})

#define BENCHMARK OBJECT( \
    {"metric", STRING(TEXT), MUST, "accuracy, perplexity, tokens_per_second, ..."}, \
    {"value", STRING(DECIMAL), MUST, "what was measured"}, \
    {"unit", STRING(LABEL), MAY, "of the value"}, \
    {"dataset", STRING(TEXT), MAY, "what it was measured on"}, \
    {"view", STRING(VIEW), MAY, "absent: the bundle itself"}, \
    {"hardware", STRING(TEXT), MAY, "what it was measured with"})

#define HEALTH OBJECT( \
    {"signals", ARRAY(OBJECT( \
        {"name", STRING(NAME), MUST, "of a metric"}, \
        {"description", STRING(TEXT), MUST, "what to watch it for"}), FEW), MAY, \
     "what tells that it works"}, \
    {"toggles", ARRAY(OBJECT( \
        {"name", STRING(NAME), MUST, "of a switch"}, \
        {"description", STRING(TEXT), MUST, "what it switches"}), FEW), MAY, \
     "what can be switched while it serves"}, \
    {"fallback", OBJECT( \
        {"bundle", STRING(BUNDLE), MAY, "absent: this one"}, \
        {"version", STRING(RANGE), MAY, "of that bundle"}, \
        {"view", STRING(VIEW), MAY, "of it"}), MAY, "what to serve when this one fails"})

#define LIFECYCLE OBJECT( \
    {"acceptance", ARRAY(OBJECT( \
        {"criterion", STRING(TEXT), MUST, "what must hold"}, \
        {"metric", STRING(TEXT), MAY, "one of the benchmarks"}, \
        {"minimum", STRING(DECIMAL), MAY, "smallest value of it"}, \
        {"maximum", STRING(DECIMAL), MAY, "largest value of it"}), FEW), MAY, \
     "before it may be promoted"}, \
    {"owners", ARRAY(OBJECT( \
        {"name", STRING(TEXT), MUST, "a person or team"}, \
        {"contact", STRING(TEXT), MAY, "how to reach them"}), FEW), MAY, "who answers for it"})

#define DTYPE OBJECT( \
    {"dtype", STRING(LABEL), MUST, "an element type"}, \
    {"tensors", NUMBER, MUST, "how many of it"}, \
    {"elements", NUMBER, MUST, "in all of them"}, \
    {"size", NUMBER, MUST, "bytes of all of them"})

#define FILE_ENTRY OBJECT( \
    {"path", STRING(PATH), MUST, "every file packed; one that is not UTF-8 is left out"}, \
    {"size", NUMBER, MUST, "bytes"}, \
    {"format", STRING(LABEL), MAY, "safetensors or gguf, when the file parsed as one"}, \
    {"tensors", NUMBER, MAY, "when there are any"})

const struct bfs_schema bfs_contract_schema = {
    .kind = BFS_SCHEMA_OBJECT,
    .fields = (const struct bfs_schema_field[]){
        {"schema_version", STRING(SCHEMA_VERSION), MUST, "1.0"},
        {"generated", BOOLEAN, MAY, "true: written by pack, from the files alone"},
        {"model", MODEL, MAY, "what the files say of themselves"},
        {"api", API, MAY, "the version of what follows"},
        {"inputs", ARRAY(TENSOR, FEW), MAY, "what a request holds"},
        {"outputs", ARRAY(TENSOR, FEW), MAY, "what an answer holds"},
        {"parameters", ARRAY(PARAMETER, FEW), MAY, "what a request may set"},
        {"errors", ARRAY(ERROR, FEW), MAY, "how a request may fail"},
        {"side_effects", ARRAY(EFFECT, FEW), MAY, "absent: unknown"},
        {"serialization", SERIALIZATION, MAY, "how weights and requests are written"},
        {"runtimes", ARRAY(RUNTIME, FEW), MAY, "what can serve it"},
        {"resources", RESOURCES, MAY, "what it takes"},
        {"requires", REQUIRES, MAY, "what must be there"},
        {"determinism", DETERMINISM, MAY, "how far two runs agree"},
        {"fixtures", ARRAY(FIXTURE, FEW), MAY, "inputs with the outputs that they must give"},
        {"provenance", PROVENANCE, MAY, "where it comes from"},
        {"licenses", ARRAY(STRING(LICENCE), FEW), MAY, "all of them apply"},
        {"benchmarks", ARRAY(BENCHMARK, MANY), MAY, "what was measured"},
        {"health", HEALTH, MAY, "how to watch it"},
        {"lifecycle", LIFECYCLE, MAY, "who decides about it, and by what"},
        {"tensors", ARRAY(DTYPE, FEW), MAY, "of the whole model, by element type"},
        {"files", ARRAY(FILE_ENTRY, FILES), MAY, "of the model, without its views"},
        {"annotations", OPEN, MAY, "whatever else, not looked at"},
        {0},
    },
};
/* clang-format on */
