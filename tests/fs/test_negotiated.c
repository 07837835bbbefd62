/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/fs/served.h"
#include "verify/json.h"

#include <fcntl.h>

static struct json_object *said(struct served *served)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    struct json_object *object = NULL;
    assert_int_equal(bfs_negotiated_write(served->fs, &text), 0);
    assert_int_equal(bfs_json_parse(text.bytes, text.size, "session.json", &object, NULL), 0);
    return object;
}

static void expect_background(struct served *served, uint64_t max, uint64_t congested,
                              bool in_force)
{
    bfs_autojson struct json_object *object = said(served);
    assert_int_equal(bfs_json_integer(object, "max_background"), max);
    assert_int_equal(bfs_json_integer(object, "congestion_threshold"), congested);
    assert_int_equal(json_object_get_boolean(bfs_json_member(object, "background_in_force")),
                     in_force);
}

static void limits_in_force(void **state)
{
    (void)state;
    test_autoserved struct served served;
    served_make(&served);
    struct test_folder folder = test_folder_make();
    bfs_autofree char *path = test_path(&folder, ".");
    served.fs->negotiated.max_background = 64;
    served.fs->negotiated.congestion_threshold = 48;
    expect_background(&served, 64, 48, false);
    bfs_negotiated_note_limits(served.fs, path);
    expect_background(&served, 64, 48, false); /* no such files */
    test_write_text(&folder, "max_background", "12\n");
    test_write_text(&folder, "congestion_threshold", "9\n");
    expect_background(&served, 12, 9, true);
    test_write_text(&folder, "max_background", "256\n");
    expect_background(&served, 256, 9, true); /* asked each time */
    test_folder_remove(&folder);
}

static void what_is_no_connection(void **state)
{
    (void)state;
    bfs_autoclose int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_false(bfs_negotiated_can_clone(fd));
    assert_false(bfs_negotiated_can_clone(-1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_in_force),
        cmocka_unit_test(what_is_no_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
