/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fs/closes.h"

int __real_close(int fd);
int __wrap_close(int fd);

static _Thread_local unsigned n_closes;

unsigned closes_of_this_thread(void)
{
    return n_closes;
}

int __wrap_close(int fd)
{
    n_closes++;
    return __real_close(fd);
}
