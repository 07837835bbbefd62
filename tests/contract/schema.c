/* SPDX-License-Identifier: Apache-2.0
 * Prints the schema of contract.json as the tables have it; with the name of a file, says whether
 * that is what the file holds. */
#include "verify/contract/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare(const struct bfs_buffer *text, const char *path)
{
    char *found = calloc(1, text->size + 1);
    FILE *file = fopen(path, "re");
    size_t n = found && file ? fread(found, 1, text->size + 1, file) : 0;
    int same = n == text->size && memcmp(found, text->bytes, n) == 0;
    if (file)
        (void)fclose(file);
    free(found);
    if (!same)
        (void)fprintf(stderr, "%s is not what the tables say\n", path);
    return same ? 0 : 1;
}

int main(int argc, char **argv)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    if (bfs_schema_publish(&bfs_contract_schema, "contract.json of a bundle", &text))
        return 1;
    if (argc > 1)
        return compare(&text, argv[1]);
    return fwrite(text.bytes, 1, text.size, stdout) == text.size ? 0 : 1;
}
