/* SPDX-License-Identifier: Apache-2.0
 * What the kernel gives or withholds beside the connection itself. */
#include "tools/doctor_private.h"

#include <stdio.h>
#include <string.h>

/* How to get what the daemon says is missing; its words are those of fs/passthrough.c. */
static const char *how_to_pass_through(const char *reason)
{
    static const struct {
        const char *word, *how;
    } ways[] = {
        {"passthrough=off", "mount without passthrough=off"},
        {"only root may", "a daemon with CAP_SYS_ADMIN: mount as root"},
        {"the kernel offers none", "Linux 6.9 or later, built with CONFIG_FUSE_PASSTHROUGH"},
        {"libfuse does not let", "libfuse 3.17 or later"},
        {"the kernel does not take",
         "a backing folder on a file system that is not stacked on another (ext4, xfs, btrfs), or "
         "backing=memory"},
        {"no unnamed file",
         "a backing folder on a file system with O_TMPFILE (ext4, xfs, btrfs, tmpfs), or "
         "backing=memory"},
        {"No space left", "room in the backing folder, or another one: backing=DIR"},
        {"no backing file of", "room in the backing folder, or another one: backing=DIR"},
        {"No such file", "make the backing folder, or name another one: backing=DIR"},
        {"Permission denied", "a backing folder that the daemon may write to: backing=DIR"},
        {"Read-only", "a backing folder that can be written to: backing=DIR"},
    };
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
        if (strstr(reason, ways[i].word))
            return ways[i].how;
    return "see the log; Linux 6.9 or later, root, and a backing folder on a local disk";
}

void bfs_doctor_look_at_passthrough(struct bfs_diagnosis *diagnosis)
{
    struct json_object *word = bfs_json_member(diagnosis->health, "passthrough");
    struct json_object *said = bfs_json_member(diagnosis->health, "passthrough_reason");
    bool is_on = word && strcmp(json_object_get_string(word), "on") == 0;
    const char *reason = said ? json_object_get_string(said) : is_on ? "" : "this build has none";
    bfs_doctor_add(diagnosis, "passthrough", bfs_doctor_missing_unless(is_on),
                   "what was read before is copied by FUSE again when the page cache lost it, and "
                   "mapped in small pages",
                   how_to_pass_through(reason), "%s%s%s", is_on ? "on" : "off", *reason ? ": " : "",
                   reason);
}

/* Only a virtual machine has this driver. With 0, each thread that is woken up on another CPU costs
 * an exit of the virtual machine, which is much of a request that takes little time otherwise. */
void bfs_doctor_look_at_idle(struct bfs_diagnosis *diagnosis, const char *root)
{
    char folder[512];
    bfs_autobuffer struct bfs_buffer driver = BFS_BUFFER_INIT;
    if (bfs_doctor_said(diagnosis, "usable_cpus") < 2)
        return;
    (void)snprintf(folder, sizeof(folder), "%s/sys/devices/system/cpu/cpuidle", root);
    if (bfs_doctor_read_text(folder, "current_driver", &driver))
        return;
    bfs_buffer_put_u8(&driver, '\0');
    (void)snprintf(folder, sizeof(folder), "%s/sys/module/haltpoll/parameters", root);
    if (bfs_buffer_status(&driver) || strcmp((const char *)driver.bytes, "haltpoll\n") != 0 ||
        bfs_doctor_read_number(folder, "guest_halt_poll_ns", 1) != 0)
        return;
    bfs_doctor_add(
        diagnosis, "idle CPUs", BFS_FINDING_MISSING,
        "each wake-up of another CPU leaves the virtual machine (43 us, not 6, measured): "
        "a first walk through many bundles takes about a fifth longer, large reads hardly",
        "as root, echo 200000 > /sys/module/haltpoll/parameters/guest_halt_poll_ns; idle "
        "CPUs then poll before they halt, which costs CPU time of the host",
        "halt at once: guest_halt_poll_ns is 0");
}
