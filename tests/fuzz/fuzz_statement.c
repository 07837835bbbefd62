/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz_target.h"
#include "verify/trust/statement.h"

#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bfs_error error = {0};
    struct bfs_statement statement = {0}, again = {0};
    char *copy = malloc(size ? size : 1);
    fuzz_require(copy != NULL, "memory for the input");
    memcpy(copy, data, size);
    int r = bfs_statement_parse(copy, size, "s", &statement, &error);
    free(copy);
    fuzz_require(r == 0 || r == -EBADMSG || r == -E2BIG || r == -EPROTONOSUPPORT,
                 "a documented error");
    fuzz_require(error.code == r, "the error says what was returned");
    if (r) {
        fuzz_require(statement.when == 0, "nothing changed on failure");
        return 0;
    }
    struct bfs_buffer text = BFS_BUFFER_INIT, twice = BFS_BUFFER_INIT;
    r = bfs_statement_write(&statement, &text, NULL);
    fuzz_require(r == 0 || r == -E2BIG, "what was read can be written");
    if (r == 0) {
        fuzz_require(bfs_statement_parse(text.bytes, text.size, "s", &again, NULL) == 0,
                     "what was written can be read");
        fuzz_require(bfs_digest_equal(&statement.subject, &again.subject) &&
                         statement.kind == again.kind && statement.when == again.when,
                     "and is about the same");
        fuzz_require(bfs_statement_write(&again, &twice, NULL) == 0 && twice.size == text.size &&
                         memcmp(twice.bytes, text.bytes, text.size) == 0,
                     "and is written alike");
    }
    bfs_buffer_done(&text);
    bfs_buffer_done(&twice);
    bfs_statement_done(&again);
    bfs_statement_done(&statement);
    return 0;
}
