/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/call.h"
#include "tests/fs/fake_fuse.h"
#include "tests/support/seeded.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static void a_claim_is_the_callers(void **state)
{
    (void)state;
    struct bfs_metrics metrics = {0};
    struct bfs_calls *calls = NULL;
    struct fake_request request;
    struct bfs_call call;
    uint64_t oldest;
    assert_int_equal(bfs_calls_new(60000, &metrics, &calls), 0);
    fake_request_init(&request, NULL);
    bfs_call_start(calls, &call, fake_handle(&request));
    assert_int_equal(bfs_calls_pending(calls, &oldest), 1);
    assert_true(bfs_call_claim(calls, &call));
    assert_int_equal(bfs_calls_pending(calls, &oldest), 0);
    assert_int_equal(oldest, 0);
    (void)bfs_calls_free(calls);
    assert_int_equal(fake_n_replies(&request), 0);
    fake_request_done(&request);
}

static void the_deadline_answers(void **state)
{
    (void)state;
    struct bfs_metrics metrics = {0};
    struct bfs_calls *calls = NULL;
    struct fake_request request;
    struct bfs_call call;
    assert_int_equal(bfs_calls_new(50, &metrics, &calls), 0);
    fake_request_init(&request, NULL);
    uint64_t begun = bfs_now_ms();
    bfs_call_start(calls, &call, fake_handle(&request));
    assert_true(fake_wait(&request, 10000));
    assert_true(bfs_now_ms() - begun >= 50);
    assert_int_equal(request.error, EIO);
    assert_int_equal(bfs_metric_get(&metrics, BFS_METRIC_TIMEOUTS), 1);
    assert_false(bfs_call_claim(calls, &call));
    (void)bfs_calls_free(calls);
    assert_int_equal(fake_n_replies(&request), 1);
    fake_request_done(&request);
}

static void the_end_answers(void **state)
{
    (void)state;
    enum { N = 100 };
    struct bfs_metrics metrics = {0};
    struct bfs_calls *calls = NULL;
    struct fake_request requests[N];
    struct bfs_call open[N];
    assert_int_equal(bfs_calls_new(60000, &metrics, &calls), 0);
    for (unsigned i = 0; i < N; i++) {
        fake_request_init(&requests[i], NULL);
        bfs_call_start(calls, &open[i], fake_handle(&requests[i]));
    }
    for (unsigned i = 0; i < N; i += 3)
        assert_true(bfs_call_claim(calls, &open[i]));
    (void)bfs_calls_free(calls);
    for (unsigned i = 0; i < N; i++) {
        assert_int_equal(fake_n_replies(&requests[i]), i % 3 != 0);
        fake_request_done(&requests[i]);
    }
}

struct renewal {
    atomic_uint *clock;
    unsigned answered_at;
};

static void note_order(struct fake_request *request)
{
    struct renewal *renewal = request->context;
    renewal->answered_at = ++*renewal->clock;
}

/* What gets on is given more time, and so is due after what does not. */
static void a_renewed_call_is_due_later(void **state)
{
    (void)state;
    struct bfs_metrics metrics = {0};
    struct bfs_calls *calls = NULL;
    struct fake_request requests[2];
    struct bfs_call open[2];
    atomic_uint clock = 0;
    struct renewal renewals[2] = {{.clock = &clock}, {.clock = &clock}};
    uint64_t oldest;
    assert_int_equal(bfs_calls_new(300, &metrics, &calls), 0);
    for (unsigned i = 0; i < 2; i++) {
        fake_request_init(&requests[i], NULL);
        requests[i].on_reply = note_order;
        requests[i].context = &renewals[i];
        bfs_call_start(calls, &open[i], fake_handle(&requests[i]));
    }
    assert_int_equal(bfs_call_renew(calls, &open[0]), 0);
    assert_int_equal(bfs_calls_pending(calls, &oldest), 2);
    for (unsigned i = 0; i < 2; i++)
        assert_true(fake_wait(&requests[i], 10000));
    assert_int_equal(renewals[1].answered_at, 1);
    assert_int_equal(renewals[0].answered_at, 2);
    assert_int_equal(bfs_call_renew(calls, &open[0]), -ETIMEDOUT);
    for (unsigned i = 0; i < 2; i++)
        assert_false(bfs_call_claim(calls, &open[i]));
    fake_request_done(&requests[0]);
    fake_request_init(&requests[0], NULL);
    bfs_call_start(calls, &open[0], fake_handle(&requests[0]));
    requests[0].interrupted = true;
    assert_int_equal(bfs_call_renew(calls, &open[0]), -EINTR);
    assert_true(bfs_call_claim(calls, &open[0]));
    (void)bfs_calls_free(calls);
    for (unsigned i = 0; i < 2; i++)
        fake_request_done(&requests[i]);
}

struct worker {
    struct bfs_calls *calls;
    uint64_t seed;
    unsigned n_ours, n_late, n_wrong;
};

enum { N_WORKERS = 8, N_CALLS = 300 };

/* The memory of each call goes right after its claim. */
static void *work(void *argument)
{
    struct worker *worker = argument;
    for (unsigned i = 0; i < N_CALLS; i++) {
        struct fake_request request;
        struct bfs_call *call = malloc(sizeof(*call));
        if (!call)
            return NULL;
        fake_request_init(&request, NULL);
        bfs_call_start(worker->calls, call, fake_handle(&request));
        if (test_random(&worker->seed) % 64 == 0) /* the deadline comes first */
            worker->n_wrong += !fake_wait(&request, 20000);
        if (bfs_call_claim(worker->calls, call)) {
            (void)fuse_reply_err(fake_handle(&request), 0);
            worker->n_ours++;
        } else {
            worker->n_wrong += !fake_wait(&request, 20000) || request.error != EIO;
            worker->n_late++;
        }
        free(call);
        worker->n_wrong += fake_n_replies(&request) != 1;
        fake_request_done(&request);
    }
    return NULL;
}

static void either_the_worker_or_the_deadline(void **state)
{
    (void)state;
    struct bfs_metrics metrics = {0};
    struct bfs_calls *calls = NULL;
    struct worker workers[N_WORKERS];
    pthread_t threads[N_WORKERS];
    unsigned n_ours = 0, n_late = 0;
    assert_int_equal(bfs_calls_new(30, &metrics, &calls), 0);
    for (unsigned i = 0; i < N_WORKERS; i++) {
        workers[i] = (struct worker){.calls = calls, .seed = i};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < N_WORKERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        n_ours += workers[i].n_ours;
        n_late += workers[i].n_late;
        assert_int_equal(workers[i].n_wrong, 0);
    }
    assert_int_equal(n_ours + n_late, N_WORKERS * N_CALLS);
    assert_true(n_ours > 0 && n_late > 0);
    assert_int_equal(bfs_metric_get(&metrics, BFS_METRIC_TIMEOUTS), n_late);
    (void)bfs_calls_free(calls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_renewed_call_is_due_later),
        cmocka_unit_test(a_claim_is_the_callers),
        cmocka_unit_test(the_deadline_answers),
        cmocka_unit_test(the_end_answers),
        cmocka_unit_test(either_the_worker_or_the_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
