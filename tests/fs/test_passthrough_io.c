/* SPDX-License-Identifier: Apache-2.0
 * The two messages that are completed, as bytes at their documented offsets; others pass as they
 * are. With a libfuse that knows passthrough: what it is told, and that no message is touched. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/passthrough_io.h"
#include "tests/fs/fake_fuse.h"

#include <string.h>

enum { HEADER_IN = 40, INIT_IN = 64, INIT_OUT = 64, OPEN_OUT = 16 };
enum { OFFER = 1 << 5, EXTENDED = 1 << 30 };

static void put_u32(uint8_t *at, uint32_t value)
{
    memcpy(at, &value, sizeof(value));
}

static uint32_t get_u32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

static void make_init(uint8_t message[HEADER_IN + INIT_IN], uint32_t flags, uint32_t flags2)
{
    const uint64_t unique = 7;
    memset(message, 0, HEADER_IN + INIT_IN);
    put_u32(message, HEADER_IN + INIT_IN);
    put_u32(message + 4, 26);
    memcpy(message + 8, &unique, sizeof(unique));
    put_u32(message + HEADER_IN + 12, flags);
    put_u32(message + HEADER_IN + 16, flags2);
}

static struct bfs_passthrough_io fresh(void)
{
    struct bfs_passthrough_io io = {.fd = -1};
    atomic_store(&io.awaits_init, true);
    return io;
}

struct reply {
    uint8_t header[16], body[64];
    struct iovec segments[2];
};

static void make_reply(struct reply *reply, uint64_t unique, int32_t error, size_t size)
{
    memset(reply, 0, sizeof(*reply));
    put_u32(reply->header, (uint32_t)(sizeof(reply->header) + size));
    put_u32(reply->header + 4, (uint32_t)error);
    memcpy(reply->header + 8, &unique, sizeof(unique));
    for (size_t i = 0; i < sizeof(reply->body); i++)
        reply->body[i] = (uint8_t)(i + 1);
    reply->segments[0] = (struct iovec){reply->header, sizeof(reply->header)};
    reply->segments[1] = (struct iovec){reply->body, size};
}

static bool passes(struct bfs_passthrough_io *io, struct reply *reply, int n)
{
    struct bfs_passthrough_scratch scratch;
    return bfs_passthrough_complete(io, reply->segments, n, &scratch) == reply->segments;
}

#if !BFS_LIBFUSE_PASSES_THROUGH
static void init_is_completed(void **state)
{
    (void)state;
    struct bfs_passthrough_io io = fresh();
    struct bfs_passthrough_scratch scratch;
    uint8_t message[HEADER_IN + INIT_IN];
    struct reply reply;
    make_init(message, EXTENDED | 3, OFFER);
    make_reply(&reply, 7, 0, INIT_OUT);
    assert_true(passes(&io, &reply, 2)); /* nobody asked yet */
    bfs_passthrough_received(&io, message, sizeof(message));
    make_reply(&reply, 8, 0, INIT_OUT);
    assert_true(passes(&io, &reply, 2)); /* of another request */
    make_reply(&reply, 7, -5, INIT_OUT);
    assert_true(passes(&io, &reply, 2));
    make_reply(&reply, 7, 0, INIT_OUT);
    assert_true(passes(&io, &reply, 1));
    make_reply(&reply, 7, 0, 24); /* of an old kernel */
    assert_true(passes(&io, &reply, 2));
    assert_false(bfs_passthrough_is_agreed(&io));

    make_reply(&reply, 7, 0, INIT_OUT);
    const struct iovec *sent = bfs_passthrough_complete(&io, reply.segments, 2, &scratch);
    assert_ptr_not_equal(sent, reply.segments);
    assert_int_equal(sent[0].iov_len, 16);
    assert_memory_equal(sent[0].iov_base, reply.header, 16);
    assert_int_equal(sent[1].iov_len, INIT_OUT);
    const uint8_t *body = sent[1].iov_base;
    uint8_t expected[INIT_OUT];
    memcpy(expected, reply.body, INIT_OUT);
    put_u32(expected + 12, get_u32(reply.body + 12) | EXTENDED);
    put_u32(expected + 32, get_u32(reply.body + 32) | OFFER);
    put_u32(expected + 36, 1);
    assert_memory_equal(body, expected, INIT_OUT);
    assert_true(bfs_passthrough_is_agreed(&io));
    assert_true(passes(&io, &reply, 2)); /* INIT comes once */
}

static void only_what_is_offered(void **state)
{
    (void)state;
    uint8_t message[HEADER_IN + INIT_IN];
    struct reply reply;
    make_reply(&reply, 7, 0, INIT_OUT);
    for (unsigned bit = 0; bit < 64; bit++) {
        struct bfs_passthrough_io io = fresh();
        uint32_t flags = EXTENDED, flags2 = OFFER;
        *(bit < 32 ? &flags : &flags2) ^= UINT32_C(1) << bit % 32;
        make_init(message, flags, flags2);
        bfs_passthrough_received(&io, message, sizeof(message));
        bool offered = bit != 30 && bit != 32 + 5;
        assert_int_equal(passes(&io, &reply, 2), !offered);
        assert_int_equal(bfs_passthrough_is_agreed(&io), offered);
    }
    make_init(message, EXTENDED, OFFER);
    for (size_t size = 0; size <= sizeof(message); size++) {
        struct bfs_passthrough_io io = fresh();
        uint8_t *cut = malloc(size + 1); /* so that a sanitizer sees reads beyond */
        assert_non_null(cut);
        memcpy(cut, message, size);
        bfs_passthrough_received(&io, cut, size);
        free(cut);
        assert_int_equal(passes(&io, &reply, 2), size < HEADER_IN + 20);
    }
    put_u32(message + 4, 1); /* another request */
    struct bfs_passthrough_io io = fresh();
    bfs_passthrough_received(&io, message, sizeof(message));
    assert_true(passes(&io, &reply, 2));
}
#endif

/* What the hook does to the reply while fuse_reply_open() runs. */
static struct bfs_passthrough_io open_io = {.fd = -1};
static struct reply open_reply;
static struct bfs_passthrough_scratch open_scratch;
static const struct iovec *open_sent;

static void on_reply(struct fake_request *request)
{
    (void)request;
    open_sent = bfs_passthrough_complete(&open_io, open_reply.segments, 2, &open_scratch);
}

static void open_is_completed(void **state)
{
    (void)state;
    const struct fuse_file_info info = {.fh = 5, .keep_cache = 1};
    struct fake_request request;
    for (int32_t id = 0; id < 2; id++) {
        fake_request_init(&request, NULL);
        request.on_reply = on_reply;
        make_reply(&open_reply, 9, 0, OPEN_OUT);
        put_u32(open_reply.body + 8, 1 << 1 | 1 << 5);
        assert_int_equal(bfs_passthrough_reply_open(fake_handle(&request), &info, id), 0);
        assert_int_equal(request.open.keep_cache, id == 0);
#if BFS_LIBFUSE_PASSES_THROUGH
        assert_int_equal(request.open.backing_id, id);
#endif
        if (id == 0 || BFS_LIBFUSE_PASSES_THROUGH) {
            assert_ptr_equal(open_sent, open_reply.segments);
        } else {
            const uint8_t *body = open_sent[1].iov_base;
            assert_int_equal(open_sent[1].iov_len, OPEN_OUT);
            assert_memory_equal(body, open_reply.body, 8);
            assert_int_equal(get_u32(body + 8), 1 << 5 | 1 << 7);
            assert_int_equal(get_u32(body + 12), 1);
        }
        fake_request_done(&request);
    }
    /* The next reply of this thread is none of it; an error has no body to complete. */
    assert_true(passes(&open_io, &open_reply, 2));
    fake_request_init(&request, NULL);
    request.on_reply = on_reply;
    make_reply(&open_reply, 9, -2, OPEN_OUT);
    assert_int_equal(bfs_passthrough_reply_open(fake_handle(&request), &info, 1), 0);
    assert_ptr_equal(open_sent, open_reply.segments);
    fake_request_done(&request);
}

#if BFS_LIBFUSE_PASSES_THROUGH
static void libfuse_is_asked(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 32; bit++) {
        struct bfs_passthrough_io io = {.fd = 3};
        struct fuse_conn_info connection = {.capable = UINT32_C(1) << bit, .want = 5};
        bool offered = connection.capable == FUSE_CAP_PASSTHROUGH;
        bfs_passthrough_init(&io, &connection);
        assert_int_equal(connection.want, offered ? 5 | FUSE_CAP_PASSTHROUGH : 5);
        assert_int_equal(connection.max_backing_stack_depth, FUSE_BACKING_STACKED_UNDER);
        assert_int_equal(bfs_passthrough_is_agreed(&io), offered);
    }
    struct bfs_passthrough_io none = {.fd = -1};
    struct fuse_conn_info connection = {.capable = FUSE_CAP_PASSTHROUGH};
    bfs_passthrough_init(&none, &connection);
    assert_int_equal(connection.want, 0);
    assert_false(bfs_passthrough_is_agreed(&none));
}

/* Even what would be completed otherwise. */
static void messages_are_left_alone(void **state)
{
    struct bfs_passthrough_io io = fresh();
    uint8_t message[HEADER_IN + INIT_IN];
    struct reply reply;
    (void)state;
    make_init(message, EXTENDED, OFFER);
    bfs_passthrough_received(&io, message, sizeof(message));
    make_reply(&reply, 7, 0, INIT_OUT);
    assert_true(passes(&io, &reply, 2));
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#if BFS_LIBFUSE_PASSES_THROUGH
        cmocka_unit_test(libfuse_is_asked),
        cmocka_unit_test(messages_are_left_alone),
#else
        cmocka_unit_test(init_is_completed),
        cmocka_unit_test(only_what_is_offered),
#endif
        cmocka_unit_test(open_is_completed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
