/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fs/gate.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

int __real_bfs_pread_exact(int fd, void *bytes, size_t size, uint64_t offset);
int __wrap_bfs_pread_exact(int fd, void *bytes, size_t size, uint64_t offset);

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool closed; /* protected by mutex, like the two below */
static unsigned n_waiting;
static uint64_t n_passed;

int __wrap_bfs_pread_exact(int fd, void *bytes, size_t size, uint64_t offset)
{
    (void)pthread_mutex_lock(&mutex);
    n_waiting++;
    (void)pthread_cond_broadcast(&changed);
    while (closed)
        (void)pthread_cond_wait(&changed, &mutex);
    n_waiting--;
    n_passed++;
    (void)pthread_mutex_unlock(&mutex);
    return __real_bfs_pread_exact(fd, bytes, size, offset);
}

static void set(bool now_closed)
{
    (void)pthread_mutex_lock(&mutex);
    closed = now_closed;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&mutex);
}

void gate_close(void)
{
    set(true);
}

void gate_open(void)
{
    set(false);
}

void gate_await(unsigned n)
{
    (void)pthread_mutex_lock(&mutex);
    while (n_waiting < n)
        (void)pthread_cond_wait(&changed, &mutex);
    (void)pthread_mutex_unlock(&mutex);
}

uint64_t gate_count(void)
{
    (void)pthread_mutex_lock(&mutex);
    uint64_t n = n_passed;
    n_passed = 0;
    (void)pthread_mutex_unlock(&mutex);
    return n;
}
