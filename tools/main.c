/* SPDX-License-Identifier: Apache-2.0
 * bundlefs: finds the verb and runs it. */
#include "tools/message.h"
#include "tools/mount_helper.h"
#include "tools/text.h"
#include "tools/verb.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* A file holds every blob open that its chunks lie in, and a mount holds many files. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Where a standard descriptor is closed, the next file that is opened gets its number, and what is
 * said then goes into a lock, a blob or a key. Reading alone, so that writing fails as it should.
 */
static void fill_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd)
            return;
}

static void on_file_limit(int number)
{
    (void)number;
}

/* Beyond "ulimit -f", write(2) then gives EFBIG, which a verb can report, and its temporary files
 * go. A handler rather than SIG_IGN: what a verb runs has the default again. */
static void survive_file_limit(void)
{
    const struct sigaction action = {.sa_handler = on_file_limit, .sa_flags = SA_RESTART};
    (void)sigaction(SIGXFSZ, &action, NULL);
}

static int run_help(int argc, char **argv)
{
    if (argc == 0) {
        bfs_help_program();
        return BFS_EXIT_OK;
    }
    const struct bfs_verb *verb = bfs_verb_find(argv[0]);
    if (!verb)
        return bfs_message_usage(NULL, "there is no verb \"%.64s\"", argv[0]);
    if (argc > 1)
        return bfs_message_usage(NULL, "unexpected argument \"%.64s\"", argv[1]);
    bfs_help_verb(verb);
    return BFS_EXIT_OK;
}

static int run(int argc, char **argv)
{
    if (argc < 2)
        return bfs_message_usage(NULL, "name a verb");
    if (strcmp(argv[1], "help") == 0)
        return run_help(argc - 2, argv + 2);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return run_help(0, NULL);
    if (strcmp(argv[1], "--version") == 0) {
        (void)printf("bundlefs %s\n", BFS_VERSION);
        return BFS_EXIT_OK;
    }
    if (argv[1][0] == '-')
        return bfs_message_usage(NULL, "unknown option %.64s", argv[1]);
    const struct bfs_verb *verb = bfs_verb_find(argv[1]);
    return verb ? bfs_verb_run(verb, argc - 2, argv + 2)
                : bfs_message_usage(NULL, "there is no verb \"%.64s\"", argv[1]);
}

int main(int argc, char **argv)
{
    fill_standard_descriptors();
    raise_descriptor_limit();
    survive_file_limit();
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    const char *name = argc > 0 ? (slash ? slash + 1 : argv[0]) : "";
    bool is_helper = strncmp(name, "mount.", 6) == 0;
    int status = is_helper ? bfs_mount_helper_main(argc, argv) : run(argc, argv);
    /* A report that did not arrive was not made. */
    if (fflush(stdout) != 0 || ferror(stdout)) {
        bfs_message("cannot write the output: %s", strerror(errno));
        return BFS_EXIT_FAILED;
    }
    if (status == BFS_EXIT_OK && bfs_text_is_lost()) {
        bfs_message("out of memory: the output is not complete");
        return BFS_EXIT_FAILED;
    }
    return status;
}
