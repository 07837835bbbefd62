/* SPDX-License-Identifier: Apache-2.0
 * Takes libfuse's place in a test program: its answering functions are defined here, so they win
 * over those of the library, and record what they are given.
 *
 * THREAD SAFETY: a request may be answered by any thread. */
#ifndef BFS_TESTS_FAKE_FUSE_H
#define BFS_TESTS_FAKE_FUSE_H

#include "fs/fuse.h"
#include "verify/buffer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct fake_request {
    void *userdata;
    /* Called inside the answer, before it is counted. NULL is fine. */
    void (*on_reply)(struct fake_request *request);
    void *context;
    bool undeliverable;                 /* the kernel has forgotten the request */
    atomic_bool interrupted;            /* whoever asked got a signal */
    fuse_interrupt_func_t on_interrupt; /* NULL is fine */
    void *interrupt_context;

    pthread_mutex_t mutex;
    pthread_cond_t answered;
    unsigned n_replies; /* protected by mutex, like all below */
    int error;          /* a positive errno */
    struct bfs_buffer bytes;
    struct fuse_entry_param entry; /* or attr alone */
    struct fuse_file_info open;
    struct statvfs statfs;
    size_t count;
};

void fake_request_init(struct fake_request *request, void *userdata);
void fake_request_done(struct fake_request *request);
static inline fuse_req_t fake_handle(struct fake_request *request)
{
    return (fuse_req_t)(void *)request;
}
/* Until it is answered, at most `timeout_ms`; false: it is not. */
bool fake_wait(struct fake_request *request, unsigned timeout_ms);
/* Whoever asked gets a signal. */
void fake_interrupt(struct fake_request *request);
unsigned fake_n_replies(struct fake_request *request);

#endif
