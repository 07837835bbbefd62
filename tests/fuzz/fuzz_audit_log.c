/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz_target.h"
#include "verify/audit_line.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

enum { WHEN = 1780272000 };

static int file_of(const void *bytes, size_t size)
{
    int fd = memfd_create("log", MFD_CLOEXEC);
    fuzz_require(fd >= 0 && write(fd, bytes, size) == (ssize_t)size, "a file for the input");
    return fd;
}

static struct bfs_audit_report report_of(const void *bytes, size_t size)
{
    struct bfs_audit_report report;
    struct bfs_error error = {0};
    bfs_autoclose int fd = file_of(bytes, size);
    int r = bfs_audit_verify(fd, "log", &report, &error);
    fuzz_require(r == 0, "a broken log is no error");
    fuzz_require((report.broken_line != 0) == (error.code != 0), "a broken line has a reason");
    fuzz_require(report.broken_line <= report.n_lines, "a line that is there");
    fuzz_require(report.n_fragments <= report.n_lines, "fragments are lines");
    return report;
}

/* What a writer makes of an end: the log, and then as many lines. */
static void require_goes_on(const uint8_t *data, size_t size, struct bfs_audit_end end,
                            uint64_t n_lines)
{
    struct bfs_buffer log = BFS_BUFFER_INIT;
    bool was_torn = end.is_torn;
    bfs_buffer_put(&log, data, size);
    if (was_torn)
        fuzz_require(bfs_audit_write_recovery(&end, WHEN, &log) == 0, "a torn log is recovered");
    fuzz_require(bfs_audit_write_line(&end, "mount", WHEN, NULL, &log) == 0, "a log goes on");
    fuzz_require(bfs_buffer_status(&log) == 0, "memory for the log");
    struct bfs_audit_report report = report_of(log.bytes, log.size);
    fuzz_require(report.broken_line == 0, "what continues an intact log is intact");
    fuzz_require(report.n_lines == n_lines + (was_torn ? 3 : 1), "with all its lines");
    fuzz_require(bfs_digest_equal(&report.last, &end.last), "and its end");
    bfs_buffer_done(&log);
}

/* A fragment that reads as a line of its own is a line that somebody made up. */
static bool is_line(const uint8_t *bytes, size_t size)
{
    struct bfs_audit_line line;
    return bfs_audit_line_read(bytes, size, "line", &line, NULL) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bfs_error error = {0};
    struct bfs_audit_end end = {.sequence = 99};
    struct bfs_audit_report whole = report_of(data, size);
    bfs_autoclose int fd = file_of(data, size);
    int r = bfs_audit_find_end(fd, size, "log", &end, &error);
    fuzz_require(r == 0 || r == -EBADMSG, "a documented error");
    fuzz_require(r == 0 || (error.code == r && end.sequence == 99), "nothing changed on failure");
    if (r)
        return 0;
    size_t complete = size - (size_t)end.fragment_size;
    if (end.is_torn) {
        fuzz_require(whole.broken_line != 0, "a torn log is not intact");
        struct bfs_audit_report before = report_of(data, complete);
        if (before.broken_line == 0 && end.fragment_size < BFS_AUDIT_LINE_MAX &&
            !is_line(data + complete, (size_t)end.fragment_size))
            require_goes_on(data, size, end, before.n_lines);
    } else if (whole.broken_line == 0) {
        fuzz_require(bfs_digest_equal(&end.last, &whole.last), "both find the same end");
        require_goes_on(data, size, end, whole.n_lines);
    }
    return 0;
}
