/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/trace/order_make.h"
#include "tests/index/samples.h"
#include "tests/trace/samples.h"

#include <errno.h>

#define HEX "0584b0df696456f801715bb2da4c3f3f436ab7ddd7da3ffb2e4f49875a9c9447"
#define OTHER "1584b0df696456f801715bb2da4c3f3f436ab7ddd7da3ffb2e4f49875a9c9447"

/* Lines of a trace: '@' stands for what all of this bundle begin with, '#' for another bundle. */
static struct bfs_order make(const char *lines, uint32_t limit, struct bfs_order_report *ret)
{
    BFS_CLEANUP(bfs_index_cleanup) struct bfs_index *index = sample_parsed_index();
    bfs_autotrace struct bfs_trace_steps trace = {0};
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    struct bfs_order order = {0};
    struct bfs_digest bundle;
    for (; *lines; lines++)
        if (*lines == '@' || *lines == '#')
            bfs_buffer_printf(&text, "{\"ms\":0,\"bundle\":\"sha256:%s\",",
                              *lines == '@' ? HEX : OTHER);
        else
            bfs_buffer_put_u8(&text, (uint8_t)*lines);
    assert_int_equal(bfs_trace_parse(text.bytes, text.size, &trace, NULL), 0);
    assert_int_equal(bfs_digest_parse_text("sha256:" HEX, &bundle), 0);
    assert_int_equal(bfs_order_make(&trace, &bundle, index, limit, &order, ret), 0);
    /* What is made is what is accepted. */
    bfs_autobuffer struct bfs_buffer bytes = BFS_BUFFER_INIT;
    bfs_autoorder struct bfs_order again = {0};
    assert_int_equal(bfs_order_write(&order, &bytes), 0);
    assert_int_equal(bfs_order_parse(bytes.bytes, bytes.size, index, &again, NULL),
                     order.n_steps ? 0 : -EBADMSG);
    return order;
}

static void check_step(const struct bfs_order *order, uint32_t i, uint64_t offset, uint64_t size)
{
    assert_true(i < order->n_steps);
    assert_int_equal(order->steps[i].inode, SAMPLE_FILE);
    assert_int_equal(order->steps[i].offset, offset);
    assert_int_equal(order->steps[i].size, size);
}

static void lines_become_steps(void **state)
{
    struct bfs_order_report report;
    (void)state;
    bfs_autoorder struct bfs_order order =
        make("@\"path\":\"a/x\",\"offset\":600,\"size\":100,\"tensor\":\"w.bias\"}\n"
             "#\"path\":\"a/x\",\"offset\":0,\"size\":5}\n"
             "@\"path\":\"a/x\",\"offset\":700,\"size\":50}\n"
             "@\"path\":\"a/x\",\"offset\":0,\"size\":200,\"tensor\":\"w.weight\"}\n",
             10, &report);
    assert_int_equal(order.n_steps, 2);
    check_step(&order, 0, 600, 150); /* which two lines have said */
    check_step(&order, 1, 0, 200);
    assert_int_equal(order.size, 350);
    assert_int_equal(report.n_lines, 3);
    assert_int_equal(report.n_left_out, 0);
    assert_string_equal(report.reason, "");
    assert_false(report.is_cut);
}

static void what_does_not_fit_is_left_out(void **state)
{
    static const struct {
        const char *line, *reason;
    } cases[] = {
        {"@\"path\":\"no\",\"offset\":0,\"size\":1}", "line 1: no: the bundle has no such file"},
        {"@\"path\":\"a\",\"offset\":0,\"size\":1}", "line 1: a: the bundle has no such file"},
        {"@\"path\":\"l\",\"offset\":0,\"size\":1}", "line 1: l: the bundle has no such file"},
        {"@\"path\":\"\",\"offset\":0,\"size\":1}", "line 1: : the bundle has no such file"},
        {"@\"path\":\"a/x/y\",\"offset\":0,\"size\":1}",
         "line 1: a/x/y: the bundle has no such file"},
        {"@\"path\":\"a/x\",\"offset\":0,\"size\":1001}",
         "line 1: a/x: it is beyond the end of the file"},
        {"@\"path\":\"e\",\"offset\":0,\"size\":1}", "line 1: e: it is beyond the end of the file"},
        {"@\"path\":\"a/x\",\"offset\":0,\"size\":9007199254740991}",
         "line 1: a/x: it is beyond the end of the file"},
        {"@\"path\":\"a/x\",\"offset\":0,\"size\":101,\"tensor\":\"w.bias\"}",
         "line 1: a/x: its tensor is not there"},
        {"@\"path\":\"a/x\",\"offset\":0,\"size\":101,\"tensor\":\"w.weigh\"}",
         "line 1: a/x: its tensor is not there"},
        {"@\"path\":\"a/x\",\"offset\":0,\"size\":100,\"tensor\":\"w.weight\"}",
         "line 1: a/x: its tensor is not there"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bfs_autobuffer struct bfs_buffer lines = BFS_BUFFER_INIT;
        struct bfs_order_report report;
        bfs_buffer_printf(&lines, "%s\n@\"path\":\"a/x\",\"offset\":5,\"size\":6}", cases[i].line);
        bfs_buffer_put_u8(&lines, 0);
        bfs_autoorder struct bfs_order order = make((const char *)lines.bytes, 10, &report);
        assert_int_equal(order.n_steps, 1);
        check_step(&order, 0, 5, 6);
        assert_int_equal(report.n_left_out, 1);
        assert_string_equal(report.reason, cases[i].reason);
    }
}

static void the_first_touch_counts(void **state)
{
    struct bfs_order_report report;
    (void)state;
    bfs_autoorder struct bfs_order order = make("@\"path\":\"a/x\",\"offset\":100,\"size\":100}\n"
                                                "@\"path\":\"a/x\",\"offset\":300,\"size\":100}\n"
                                                "@\"path\":\"a/x\",\"offset\":199,\"size\":2}\n"
                                                "@\"path\":\"a/x\",\"offset\":0,\"size\":1000}\n"
                                                "@\"path\":\"a/x\",\"offset\":350,\"size\":1}\n"
                                                "@\"path\":\"a/x\",\"offset\":200,\"size\":100}\n",
                                                10, &report);
    assert_int_equal(order.n_steps, 3);
    check_step(&order, 0, 100, 100);
    check_step(&order, 1, 300, 100);
    check_step(&order, 2, 200, 100);
    assert_int_equal(report.n_lines, 6);
    assert_int_equal(report.n_left_out, 3);
    assert_string_equal(report.reason, "line 3: a/x: it was named before");
}

static void steps_are_bounded(void **state)
{
    static const char lines[] = "@\"path\":\"a/x\",\"offset\":1,\"size\":1}\n"
                                "@\"path\":\"a/x\",\"offset\":3,\"size\":1}\n"
                                "@\"path\":\"a/x\",\"offset\":4,\"size\":1}\n"
                                "@\"path\":\"a/x\",\"offset\":6,\"size\":1}\n"
                                "@\"path\":\"a/x\",\"offset\":8,\"size\":1}\n";
    struct bfs_order_report report;
    (void)state;
    bfs_autoorder struct bfs_order order = make(lines, 2, &report);
    assert_int_equal(order.n_steps, 2);
    check_step(&order, 1, 3, 2);
    assert_true(report.is_cut);
    assert_int_equal(report.n_left_out, 0);
    bfs_autoorder struct bfs_order all = make(lines, 4, &report);
    assert_int_equal(all.n_steps, 4);
    assert_false(report.is_cut);
    bfs_autoorder struct bfs_order none = make("", 2, &report);
    assert_int_equal(none.n_steps, 0);
    assert_int_equal(report.n_lines, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_become_steps),
        cmocka_unit_test(what_does_not_fit_is_left_out),
        cmocka_unit_test(the_first_touch_counts),
        cmocka_unit_test(steps_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
