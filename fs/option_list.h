/* SPDX-License-Identifier: Apache-2.0
 * Every mount option of our own, once: the parser, --help and the man page follow this list.
 *   X(FIELD, type, "name", "value", "default", "help")
 * Types: SIZE (bytes, K/M/G), NUMBER, FLAG, TEXT, CHOICE (uint64_t, the place of a word in "value",
 * where words are separated by '|'). */
#ifndef BFS_FS_OPTION_LIST_H
#define BFS_FS_OPTION_LIST_H

#define BFS_MOUNT_OPTION_LIST(X)                                                                   \
    X(cache_size, SIZE, "cache_size", "SIZE", "auto", "memory for decoded chunks, at least 16M")   \
    X(workers, NUMBER, "workers", "N", "CPUs", "threads that read, prove and decode")              \
    X(timeout, NUMBER, "timeout", "SECONDS", "30", "a request that waits longer gets EIO")         \
    X(verify, CHOICE, "verify", "always|once|strict", "always", "when stored bytes are proved")    \
    X(read_ahead_kb, NUMBER, "read_ahead_kb", "KIB", "1024", "kernel read-ahead; only as root")    \
    X(poll_ms, NUMBER, "poll_ms", "MS", "1000", "how often index.json is looked at")               \
    X(view, TEXT, "view", "ID", NULL, "views/auto is that view, whatever this host is")            \
    X(hide_unfit, FLAG, "hide_unfit", NULL, NULL, "show only views that this host can use")        \
    X(hidden, FLAG, "hidden", NULL, NULL, "show bundles that were packed with --hidden")           \
    X(host, TEXT, "host", "FILE", NULL, "take the host to be what FILE says")                      \
    X(passthrough, TEXT, "passthrough", "MODE", "auto",                                            \
      "auto or off: the kernel reads proved files")                                                \
    X(backing, TEXT, "backing", "DIR", NULL, "the folder of these files, or: memory")              \
    X(backing_size, SIZE, "backing_size", "SIZE", "quarter",                                       \
      "what they may take, of what is free there")                                                 \
    X(backing_fill, TEXT, "backing_fill", "WHEN", "again",                                         \
      "which files are kept: again, first, warm")                                                  \
    X(warm, TEXT, "warm", "BUNDLE", NULL, "ready when NAME:VERSION[/VIEW] is kept")                \
    X(allow_other, FLAG, "allow_other", NULL, NULL, "let other users in (root: the default)")      \
    X(trace, TEXT, "trace", "FILE", NULL, "write the order in which files are read to FILE")       \
    X(replay, TEXT, "replay", "FILE", "bundle", "decode ahead in the order of a trace; or: off")   \
    X(policy, TEXT, "policy", "FILE", NULL, "serve what FILE allows, to whom it says; or: none")   \
    X(audit, TEXT, "audit", "FILE", NULL, "record in FILE who opens what, and what is refused")    \
    X(log_file, TEXT, "log", "FILE", NULL, "append messages to FILE, not to syslog")

#endif
