/* SPDX-License-Identifier: Apache-2.0
 * What mount(8) calls for "mount -t bundlefs", "mount -t fuse.bundlefs" and /etc/fstab:
 * mount.TYPE SOURCE TARGET [-sfnv] [-N NAMESPACE] [-t TYPE] [-o OPT,...]. */
#include "tools/mount_helper.h"

#include "tools/message.h"
#include "tools/mount_run.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* mount(8)'s own exit statuses. */
enum { MOUNT_OK = 0, MOUNT_USAGE = 1, MOUNT_FAILED = 32 };

/* mount(8) says "rw" whenever nobody said "ro", so here it means nothing. */
static char *without_rw(const char *list)
{
    bfs_autobuffer struct bfs_buffer kept = BFS_BUFFER_INIT;
    for (const char *at = list; *at;) {
        size_t length = strcspn(at, ",");
        if (!(length == 2 && strncmp(at, "rw", 2) == 0)) {
            if (kept.size)
                bfs_buffer_put_u8(&kept, ',');
            bfs_buffer_put(&kept, at, length);
        }
        at += length + (at[length] == ',');
    }
    bfs_buffer_put_u8(&kept, '\0');
    return bfs_buffer_status(&kept) ? NULL : (char *)bfs_buffer_steal(&kept);
}

static int mount_with(const char *source, const char *target, const char *list)
{
    bfs_automountoptions struct bfs_mount_options options;
    struct bfs_error error = {0};
    bfs_autofree char *kept = without_rw(list);
    bfs_mount_options_init(&options);
    if (!kept || bfs_mount_options_parse(kept, &options, &error)) {
        (void)bfs_message_error(&error);
        return MOUNT_USAGE;
    }
    return bfs_mount_run(source, target, &options, false) == 0 ? MOUNT_OK : MOUNT_FAILED;
}

int bfs_mount_helper_main(int argc, char **argv)
{
    const char *list = "";
    bool fake = false;
    int letter;
    opterr = 0;
    while ((letter = getopt(argc, argv, "sfnvN:t:o:")) != -1) {
        if (letter == 'o')
            list = optarg;
        else if (letter == 'f')
            fake = true;
        else if (letter == '?') {
            bfs_message("%s: unknown option; this is called by mount(8), see mount.bundlefs(8)",
                        argv[0]);
            return MOUNT_USAGE;
        }
    }
    if (argc - optind != 2) {
        bfs_message("%s: wants STORE and MOUNTPOINT; see mount.bundlefs(8)", argv[0]);
        return MOUNT_USAGE;
    }
    return fake ? MOUNT_OK : mount_with(argv[optind], argv[optind + 1], list);
}
