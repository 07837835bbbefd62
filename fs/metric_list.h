/* SPDX-License-Identifier: Apache-2.0
 * Every metric, once: .bundlefs/metrics, .bundlefs/metrics.openmetrics and their documentation come
 * from this list.
 *   X(ID, type, "name", "unit", "help")
 * Counters only grow (their sample is name_total); gauges are set. Names follow OpenMetrics: base
 * units, the unit as suffix. */
#ifndef BFS_FS_METRIC_LIST_H
#define BFS_FS_METRIC_LIST_H

#define BFS_METRIC_LIST(X)                                                                         \
    X(READ_REQUESTS, COUNTER, "bundlefs_read_requests", "", "Read requests from the kernel")       \
    X(READ_BYTES, COUNTER, "bundlefs_read_bytes", "bytes", "Bytes given to the kernel")            \
    X(CACHE_HITS, COUNTER, "bundlefs_cache_hits", "", "Chunks found decoded")                      \
    X(CACHE_MISSES, COUNTER, "bundlefs_cache_misses", "", "Chunks that a request waited for")      \
    X(CHUNKS_DECODED, COUNTER, "bundlefs_chunks_decoded", "", "Chunks proved and decoded")         \
    X(DECODED_BYTES, COUNTER, "bundlefs_decoded_bytes", "bytes", "Raw bytes of those chunks")      \
    X(DECODED_AGAIN_BYTES, COUNTER, "bundlefs_decoded_again_bytes", "bytes",                       \
      "Of the raw bytes, those of chunks that had been decoded before")                            \
    X(STORED_BYTES, COUNTER, "bundlefs_stored_bytes", "bytes", "Stored bytes read and proved")     \
    X(CHUNKS_PROVED, COUNTER, "bundlefs_chunks_proved", "", "Chunks proved by SHA-256")            \
    X(CHUNKS_RECHECKED, COUNTER, "bundlefs_chunks_rechecked", "",                                  \
      "Chunks proved before, checked by XXH3 alone")                                               \
    X(FILES_PROVED, COUNTER, "bundlefs_files_proved", "", "Files proved whole before an open")     \
    X(CHUNKS_AHEAD, COUNTER, "bundlefs_read_ahead_chunks", "", "Chunks decoded ahead of requests") \
    X(REPLAY_CHUNKS, COUNTER, "bundlefs_replay_chunks", "", "Chunks that a replay asked for")      \
    X(TRACE_LOST, COUNTER, "bundlefs_trace_lost", "", "Reads that did not get into the trace")     \
    X(EVICTIONS, COUNTER, "bundlefs_cache_evictions", "",                                          \
      "Decoded chunks dropped, oldest or read first")                                              \
    X(CORRUPT_CHUNKS, COUNTER, "bundlefs_corrupt_chunks", "", "Chunks refused as corrupt")         \
    X(READ_ERRORS, COUNTER, "bundlefs_read_errors", "", "Read requests answered with an error")    \
    X(TIMEOUTS, COUNTER, "bundlefs_timeouts", "", "Requests answered with EIO at their deadline")  \
    X(RELOADS, COUNTER, "bundlefs_catalog_reloads", "", "Changes of index.json taken over")        \
    X(RELOAD_ERRORS, COUNTER, "bundlefs_catalog_errors", "", "Reads of index.json that failed")    \
    X(BUNDLES, GAUGE, "bundlefs_bundles", "", "Bundles in the tree")                               \
    X(BUNDLES_LOADED, GAUGE, "bundlefs_bundles_loaded", "", "Bundles whose index is in memory")    \
    X(BUNDLES_REFUSED, GAUGE, "bundlefs_bundles_refused", "", "Bundles refused, see refused.json") \
    X(OPEN_FILES, GAUGE, "bundlefs_open_files", "", "Distinct files held open")                    \
    X(CACHE_BYTES, GAUGE, "bundlefs_cache_bytes", "bytes", "Memory of decoded chunks")             \
    X(CACHE_LIMIT_BYTES, GAUGE, "bundlefs_cache_limit_bytes", "bytes", "The limit of that memory") \
    X(BACKING_BYTES, GAUGE, "bundlefs_backing_bytes", "bytes",                                     \
      "Taken by backing files, being filled ones included; none of it is the daemon's memory")     \
    X(BACKING_LIMIT_BYTES, GAUGE, "bundlefs_backing_limit_bytes", "bytes", "The limit of that")    \
    X(BACKING_FILES, GAUGE, "bundlefs_backing_files", "", "Files that the kernel reads by itself") \
    X(BACKING_WRITTEN_BYTES, COUNTER, "bundlefs_backing_written_bytes", "bytes",                   \
      "Proved bytes written into backing files")                                                   \
    X(BACKING_READ_BYTES, COUNTER, "bundlefs_backing_read_bytes", "bytes",                         \
      "Bytes read back from backing files, which were not decoded again")                          \
    X(BACKING_RETRIEVED_BYTES, COUNTER, "bundlefs_backing_retrieved_bytes", "bytes",               \
      "Of the written ones, those that the kernel's page cache had")                               \
    X(BACKING_EVICTIONS, COUNTER, "bundlefs_backing_evictions", "",                                \
      "Backing files given up for the space of others")                                            \
    X(BACKING_FAILURES, COUNTER, "bundlefs_backing_failures", "",                                  \
      "Backing files given up because of an error")                                                \
    X(PASSTHROUGH_OPENS, COUNTER, "bundlefs_passthrough_opens", "",                                \
      "Opens that the kernel reads by itself")                                                     \
    X(TABLE_BYTES, GAUGE, "bundlefs_table_bytes", "bytes", "Chunk tables of open files")           \
    X(MEMORY_TIGHT, GAUGE, "bundlefs_memory_tight", "",                                            \
      "1 while memory is tight: less read-ahead")                                                  \
    X(QUEUED_JOBS, GAUGE, "bundlefs_queued_jobs", "", "Pieces of work that wait for a worker")     \
    X(PENDING_REQUESTS, GAUGE, "bundlefs_pending_requests", "",                                    \
      "Requests that wait for the store")                                                          \
    X(START_TIME, GAUGE, "bundlefs_start_time_seconds", "seconds", "Start of the daemon, Unix time")

#endif
