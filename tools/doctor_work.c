/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/doctor_private.h"

#include "codec/chunk/kernels.h"
#include "verify/digest.h"

#include <string.h>

/* Fewer are not worth a word. */
enum { TWICE_MIN = 64 << 20, TWICE_SHARE = 8 };

void bfs_doctor_look_at_work(struct bfs_diagnosis *diagnosis)
{
    size_t lanes = bfs_sha256_many_best();
    uint64_t workers = bfs_doctor_said(diagnosis, "workers"),
             cpus = bfs_doctor_said(diagnosis, "usable_cpus");
    uint64_t hits = bfs_doctor_metric(diagnosis, "bundlefs_cache_hits_total");
    uint64_t misses = bfs_doctor_metric(diagnosis, "bundlefs_cache_misses_total");
    uint64_t decoded = bfs_doctor_metric(diagnosis, "bundlefs_decoded_bytes_total");
    uint64_t again = bfs_doctor_metric(diagnosis, "bundlefs_decoded_again_bytes_total");
    const char *kernels = bfs_plane_kernels()->name;
    bfs_doctor_add(diagnosis, "proving", bfs_doctor_missing_unless(lanes > 1),
                   "SHA-256 one message at a time, the dearest step of a cold read",
                   "a CPU with SHA-NI or AVX-512; verify=once proves each chunk only once",
                   "verify=%s, %zu at once by this CPU",
                   bfs_json_string(diagnosis->session, "verify"), lanes);
    bfs_doctor_add(
        diagnosis, "decoding",
        bfs_doctor_missing_unless(strcmp(kernels, bfs_plane_kernels_scalar()->name) != 0),
        "planes are joined a value at a time", "a CPU with AVX2, AVX-512 or NEON", "%s kernels",
        kernels);
    bfs_doctor_add(diagnosis, "workers", bfs_doctor_missing_unless(workers >= cpus),
                   "CPUs that the daemon may use stay idle while it decodes", "-o workers=N",
                   "%" PRIu64 " on %" PRIu64 " CPUs", workers, cpus);
    bfs_doctor_add(diagnosis, "chunk cache", BFS_FINDING_NOTE, NULL, NULL,
                   "%" PRIu64 " MB of %" PRIu64 " MB; %" PRIu64 " chunks found, %" PRIu64
                   " waited for (%.1f %% found)",
                   bfs_doctor_metric(diagnosis, "bundlefs_cache_bytes") >> 20,
                   bfs_doctor_said(diagnosis, "cache_size_bytes") >> 20, hits, misses,
                   hits + misses ? 100.0 * (double)hits / (double)(hits + misses) : 0.0);
    bool is_much = again > TWICE_MIN && again > decoded / TWICE_SHARE;
    bfs_doctor_add(diagnosis, "decoded twice", bfs_doctor_missing_unless(!is_much),
                   "CPU time: chunks are decoded again after the cache let them go",
                   strcmp(bfs_json_string(diagnosis->session, "verify"), "strict") == 0
                       ? "verify=always or once, which decode nothing before it is read; or raise "
                         "cache_size"
                       : "raise cache_size; record the load with trace=FILE, then replay=FILE or "
                         "pack --trace",
                   "%" PRIu64 " of %" PRIu64 " MB decoded had been decoded before", again / 1000000,
                   decoded / 1000000);
}

void bfs_doctor_look_at_trouble(struct bfs_diagnosis *diagnosis)
{
    uint64_t timeouts = bfs_doctor_metric(diagnosis, "bundlefs_timeouts_total");
    uint64_t evictions = bfs_doctor_metric(diagnosis, "bundlefs_backing_evictions_total");
    uint64_t failures = bfs_doctor_metric(diagnosis, "bundlefs_backing_failures_total");
    uint64_t lost = bfs_doctor_metric(diagnosis, "bundlefs_trace_lost_total");
    if (timeouts > 0)
        bfs_doctor_add(diagnosis, "deadlines", BFS_FINDING_MISSING,
                       "whoever asked got EIO, although nothing is damaged",
                       "a store that answers; where it is only slow, raise timeout",
                       "%" PRIu64 " requests were not answered within %" PRIu64 " s", timeouts,
                       bfs_doctor_said(diagnosis, "timeout_seconds"));
    if (bfs_doctor_metric(diagnosis, "bundlefs_memory_tight") > 0)
        bfs_doctor_add(diagnosis, "memory", BFS_FINDING_MISSING,
                       "less is read ahead, so readers wait for chunks",
                       "more memory for the host or the daemon's cgroup, or a smaller cache_size",
                       "tight at present");
    if (evictions > 0)
        bfs_doctor_add(diagnosis, "room for backing files", BFS_FINDING_MISSING,
                       "files that the kernel read by itself are read through the daemon again, "
                       "and decoded again",
                       "raise backing_size",
                       "%" PRIu64 " files were given up for others; %" PRIu64 " of %" PRIu64
                       " MB are taken",
                       evictions, bfs_doctor_metric(diagnosis, "bundlefs_backing_bytes") / 1000000,
                       bfs_doctor_metric(diagnosis, "bundlefs_backing_limit_bytes") / 1000000);
    if (failures > 0)
        bfs_doctor_add(diagnosis, "backing files", BFS_FINDING_MISSING,
                       "these files are read through the daemon",
                       "the log says why: \"its backing file is given up\"; mostly a full disk, or "
                       "a corrupt chunk",
                       "%" PRIu64 " were given up because of an error", failures);
    if (lost > 0)
        bfs_doctor_add(diagnosis, "trace", BFS_FINDING_MISSING,
                       "a replay of it does not decode ahead what is missing",
                       "a faster disk, with room, for trace=FILE; then record the load again",
                       "%" PRIu64 " reads did not get into it", lost);
}
