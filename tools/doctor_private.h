/* SPDX-License-Identifier: Apache-2.0
 * What the parts of doctor share. Each part adds its findings to a diagnosis whose documents were
 * checked; what costs nothing and is no news is left out.
 *
 * THREAD SAFETY: belongs to the main thread. */
#ifndef BFS_TOOLS_DOCTOR_PRIVATE_H
#define BFS_TOOLS_DOCTOR_PRIVATE_H

#include "tools/doctor.h"
#include "verify/buffer.h"
#include "verify/cleanup.h"

#include <inttypes.h>
#include <stdbool.h>

/* Files of /sys and of the control directory have no size before they are read. Errors: errno of
 * reading, -E2BIG. */
int bfs_doctor_read_text(const char *folder, const char *name, struct bfs_buffer *ret);
/* The first line, as a number; `otherwise` when there is none. */
uint64_t bfs_doctor_read_number(const char *folder, const char *name, uint64_t otherwise);

/* `cost` and `how` are kept of what is MISSING. */
void bfs_doctor_add(struct bfs_diagnosis *diagnosis, const char *name, enum bfs_finding_state state,
                    const char *cost, const char *how, const char *format, ...)
    __attribute__((format(printf, 6, 7)));
enum bfs_finding_state bfs_doctor_missing_unless(bool ok);

/* A number of session.json; 0: it does not say. */
uint64_t bfs_doctor_said(const struct bfs_diagnosis *diagnosis, const char *name);
bool bfs_doctor_said_true(struct json_object *object, const char *name);
/* A sample of the metrics; 0: there is none. */
uint64_t bfs_doctor_metric(const struct bfs_diagnosis *diagnosis, const char *name);

/* The store's file system, which is waited for no longer than `timeout_ms`. */
void bfs_doctor_look_at_store(struct bfs_diagnosis *diagnosis, unsigned timeout_ms);
void bfs_doctor_look_at_passthrough(struct bfs_diagnosis *diagnosis);
/* Keys of the policy that end soon: names the one that ends first, and counts the others. */
void bfs_doctor_look_at_keys(struct bfs_diagnosis *diagnosis);
/* How much was done, with what, and how much of it for nothing. */
void bfs_doctor_look_at_work(struct bfs_diagnosis *diagnosis);
/* What went wrong or had to give way since the daemon started. */
void bfs_doctor_look_at_trouble(struct bfs_diagnosis *diagnosis);
/* CPUs of a virtual machine that halt as soon as they are idle; `root` is "" or stands for "/". */
void bfs_doctor_look_at_idle(struct bfs_diagnosis *diagnosis, const char *root);

#endif
