/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fs/tables.h"

#include <stdatomic.h>

size_t __real_bfs_file_tables_size(void);
size_t __wrap_bfs_file_tables_size(void);

static atomic_size_t pretended;

size_t __wrap_bfs_file_tables_size(void)
{
    return __real_bfs_file_tables_size() + atomic_load(&pretended);
}

void tables_pretend(size_t size)
{
    atomic_store(&pretended, size);
}
