/* SPDX-License-Identifier: Apache-2.0
 * The errno values that bundlefs gives a meaning of its own, once: docs/architecture.md and the
 * messages are checked against this list. Anything else is what the operating system said. */
#ifndef BFS_VERIFY_ERROR_LIST_H
#define BFS_VERIFY_ERROR_LIST_H

#define BFS_ERROR_LIST(X)                                                                          \
    X(EBADMSG, "corrupt", "bytes contradict their digest or their format")                         \
    X(EKEYREJECTED, "untrusted", "a signature or policy refuses the object")                       \
    X(ENOKEY, "unsigned", "a required signature is missing")                                       \
    X(EPROTONOSUPPORT, "unsupported", "a version or feature that this build does not know")        \
    X(E2BIG, "over a limit", "a count or size exceeds a named limit")                              \
    X(ENOENT, "missing", "the named object is not in the store")                                   \
    X(EEXIST, "exists", "the name is taken by different content")                                  \
    X(EINVAL, "invalid", "an argument or input is not acceptable")                                 \
    X(EBUSY, "busy", "another process holds what is needed")                                       \
    X(ESTALE, "changed", "an input changed while it was being read")                               \
    X(ETIMEDOUT, "timed out", "the store did not answer within the deadline")                      \
    X(ENOMEM, "out of memory", "memory could not be allocated")                                    \
    X(ENOSPC, "no space", "the file system of the store is full")

#endif
