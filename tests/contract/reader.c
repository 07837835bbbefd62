/* SPDX-License-Identifier: Apache-2.0
 * Reads documents from stdin, each after a line with its length, and prints a line for each: "0",
 * or the errno's number and what is wrong. */
#include "verify/contract/contract.h"

#include <stdio.h>
#include <stdlib.h>

static void judge(const char *bytes, size_t size)
{
    bfs_autocontract struct bfs_contract contract = {0};
    struct bfs_error error = {0};
    char text[BFS_ERROR_TEXT_SIZE];
    int r = bfs_contract_parse(bytes, size, "contract.json", &contract, &error);
    if (r == 0) {
        (void)puts("0");
        return;
    }
    (void)bfs_error_text(&error, text);
    for (char *at = text; *at; at++)
        if (*at == '\n' || *at == '\r')
            *at = ' ';
    (void)printf("%d %s\n", -r, text);
}

int main(void)
{
    char line[32];
    while (fgets(line, sizeof(line), stdin)) {
        size_t size = strtoul(line, NULL, 10);
        char *bytes = malloc(size ? size : 1);
        if (!bytes || fread(bytes, 1, size, stdin) != size)
            return 1;
        judge(bytes, size);
        free(bytes);
    }
    return 0;
}
