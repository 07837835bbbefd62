/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fs/fake_fuse.h"

#include <errno.h>
#include <string.h>
#include <time.h>

void fake_request_init(struct fake_request *request, void *userdata)
{
    *request = (struct fake_request){.userdata = userdata};
    (void)pthread_mutex_init(&request->mutex, NULL);
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&request->answered, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
}

void fake_request_done(struct fake_request *request)
{
    bfs_buffer_done(&request->bytes);
    (void)pthread_mutex_destroy(&request->mutex);
    (void)pthread_cond_destroy(&request->answered);
}

bool fake_wait(struct fake_request *request, unsigned timeout_ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    int r = 0;
    (void)pthread_mutex_lock(&request->mutex);
    while (request->n_replies == 0 && r == 0)
        r = pthread_cond_timedwait(&request->answered, &request->mutex, &until);
    bool answered = request->n_replies > 0;
    (void)pthread_mutex_unlock(&request->mutex);
    return answered;
}

unsigned fake_n_replies(struct fake_request *request)
{
    (void)pthread_mutex_lock(&request->mutex);
    unsigned n = request->n_replies;
    (void)pthread_mutex_unlock(&request->mutex);
    return n;
}

int fuse_req_interrupted(fuse_req_t handle)
{
    return ((struct fake_request *)(void *)handle)->interrupted;
}

void fuse_req_interrupt_func(fuse_req_t handle, fuse_interrupt_func_t function, void *data)
{
    struct fake_request *request = (struct fake_request *)(void *)handle;
    request->on_interrupt = function;
    request->interrupt_context = data;
}

void fake_interrupt(struct fake_request *request)
{
    request->interrupted = true;
    if (request->on_interrupt)
        request->on_interrupt(fake_handle(request), request->interrupt_context);
}

static struct fake_request *lock(fuse_req_t handle)
{
    struct fake_request *request = (struct fake_request *)(void *)handle;
    if (request->on_reply)
        request->on_reply(request);
    (void)pthread_mutex_lock(&request->mutex);
    return request;
}

static int unlock(struct fake_request *request)
{
    int r = request->undeliverable ? -ENOENT : 0;
    request->n_replies++;
    (void)pthread_cond_broadcast(&request->answered);
    (void)pthread_mutex_unlock(&request->mutex);
    return r;
}

void *fuse_req_userdata(fuse_req_t handle)
{
    return ((struct fake_request *)(void *)handle)->userdata;
}

const struct fuse_ctx *fuse_req_ctx(fuse_req_t handle)
{
    (void)handle;
    static const struct fuse_ctx context = {.uid = 1000, .gid = 1000, .pid = 1};
    return &context;
}

int fuse_reply_err(fuse_req_t handle, int error)
{
    struct fake_request *request = lock(handle);
    request->error = error;
    return unlock(request);
}

int fuse_reply_buf(fuse_req_t handle, const char *bytes, size_t size)
{
    struct fake_request *request = lock(handle);
    bfs_buffer_put(&request->bytes, bytes, size);
    return unlock(request);
}

int fuse_reply_iov(fuse_req_t handle, const struct iovec *segments, int n)
{
    struct fake_request *request = lock(handle);
    for (int i = 0; i < n; i++)
        bfs_buffer_put(&request->bytes, segments[i].iov_base, segments[i].iov_len);
    return unlock(request);
}

int fuse_reply_entry(fuse_req_t handle, const struct fuse_entry_param *entry)
{
    struct fake_request *request = lock(handle);
    request->entry = *entry;
    return unlock(request);
}

int fuse_reply_attr(fuse_req_t handle, const struct stat *attr, double timeout)
{
    struct fake_request *request = lock(handle);
    request->entry.attr = *attr;
    request->entry.attr_timeout = timeout;
    return unlock(request);
}

int fuse_reply_open(fuse_req_t handle, const struct fuse_file_info *info)
{
    struct fake_request *request = lock(handle);
    request->open = *info;
    return unlock(request);
}

int fuse_reply_readlink(fuse_req_t handle, const char *target)
{
    struct fake_request *request = lock(handle);
    bfs_buffer_put_text(&request->bytes, target);
    return unlock(request);
}

int fuse_reply_xattr(fuse_req_t handle, size_t count)
{
    struct fake_request *request = lock(handle);
    request->count = count;
    return unlock(request);
}

int fuse_reply_statfs(fuse_req_t handle, const struct statvfs *statfs)
{
    struct fake_request *request = lock(handle);
    request->statfs = *statfs;
    return unlock(request);
}
