/* SPDX-License-Identifier: Apache-2.0
 * Everything that a check can find, once. Identifiers are stable: scripts go by them.
 *
 *   X(ID, identifier, severity, what it means, what to do)
 *
 * A finding of severity ERROR fails the check. Those of group host are warnings unless a host was
 * named. docs/contract.md has the same table. */
#ifndef BFS_ACCEL_FINDING_LIST_H
#define BFS_ACCEL_FINDING_LIST_H

/* clang-format off */
#define BFS_FINDING_LIST(X)                                                                        \
    X(CONTRACT_GENERATED, "contract-generated", NOTE, "the contract was made from the files alone", \
      "write one: bundlefs init makes a starter")                                                  \
    X(CONTRACT_INVALID, "contract-invalid", ERROR, "the contract does not follow the schema",      \
      "correct the member that is named")                                                          \
    X(CONTRACT_DUPLICATE, "contract-duplicate", ERROR, "a name stands twice in one list",          \
      "give each its own name, or remove one")                                                     \
    X(CONTRACT_CONTRADICTION, "contract-contradiction", ERROR, "two members contradict each other", \
      "correct the member that is named")                                                          \
    X(VIEW_UNKNOWN, "view-unknown", ERROR, "the contract names a view that the bundle lacks",      \
      "pack with that view, or take its name out")                                                 \
    X(FILE_MISSING, "file-missing", ERROR, "the contract names a file that the bundle lacks",      \
      "add the file, or take its name out")                                                        \
    X(WEIGHT_MAP_INVALID, "weight-map-invalid", ERROR, "an index of shards cannot be read",        \
      "make the index anew from the shards")                                                       \
    X(WEIGHT_MAP_TENSOR, "weight-map-tensor", ERROR, "an index of shards names a tensor that its shard lacks", \
      "make the index anew from the shards")                                                       \
    X(WEIGHT_MAP_UNLISTED, "weight-map-unlisted", WARNING, "a shard has a tensor that the index lacks", \
      "make the index anew: loaders do not see the tensor")                                        \
    X(WEIGHT_MAP_COPY, "weight-map-copy", WARNING, "a shard has a tensor that the index places in another shard", \
      "remove the copy: some loaders read it in place of the other one; views leave it out")       \
    X(WEIGHTS_UNREADABLE, "weights-unreadable", WARNING, "a file named as weights holds none",     \
      "download it again; git lfs pull fetches the file for which a pointer stands")               \
    X(FIXTURE_NONE, "fixture-none", NOTE, "there is no fixture",                                   \
      "add one, so that conform can tell whether a runtime gives the right answers")               \
    X(FIXTURE_INVALID, "fixture-invalid", ERROR, "a fixture's file cannot be read",                \
      "write it again as .npy, .json or plain bytes")                                              \
    X(FIXTURE_MISFIT, "fixture-misfit", ERROR, "a fixture's values do not fit the input or output", \
      "correct the values, or the datatype and shape that the contract declares")                  \
    X(FIXTURE_NAME, "fixture-name", ERROR, "a fixture names an input or output that is not declared", \
      "declare it, or correct the name")                                                           \
    X(FIXTURE_INCOMPLETE, "fixture-incomplete", ERROR, "a fixture lacks an input that is not optional", \
      "add the input, or declare it optional")                                                     \
    X(BUNDLE_MISSING, "bundle-missing", ERROR, "a required bundle is not in the store",            \
      "pack or copy it into this store")                                                           \
    X(BUNDLE_VERSION, "bundle-version", ERROR, "no version of a required bundle is in the range",  \
      "add such a version, or widen the range")                                                    \
    X(BUNDLE_CONFLICT, "bundle-conflict", ERROR, "two requirements leave no version of a bundle",  \
      "widen one of the ranges, or add a version that is in both")                                 \
    X(BUNDLE_CYCLE, "bundle-cycle", ERROR, "bundles require each other in a circle",               \
      "take one of the requirements out")                                                          \
    X(BUNDLE_EXCESS, "bundle-excess", ERROR, "more bundles are required in turn than can be followed", \
      "require fewer, and less deeply")                                                            \
    X(BUNDLE_DAMAGED, "bundle-damaged", ERROR, "a required bundle, or its contract, cannot be read", \
      "repair it: bundlefs verify tells what is wrong")                                            \
    X(BUNDLE_DEPRECATED, "bundle-deprecated", WARNING, "a required bundle is deprecated",          \
      "move to its replacement")                                                                   \
    X(BUNDLE_REVOKED, "bundle-revoked", ERROR, "a required bundle is revoked",                     \
      "require another version")                                                                   \
    X(DISK_UNDERSTATED, "disk-understated", ERROR, "the files are larger than disk_bytes says",    \
      "raise resources.disk_bytes")                                                                \
    X(DISK_OVERSTATED, "disk-overstated", NOTE, "disk_bytes is more than twice what the files take", \
      "lower resources.disk_bytes")                                                                \
    X(MEMORY_UNDERSTATED, "memory-understated", WARNING, "memory_bytes is less than the smallest form of the model takes", \
      "raise resources.memory_bytes, unless the runtime leaves weights on disk")                   \
    X(LICENCE_NONE, "licence-none", WARNING, "the contract names no licence",                      \
      "name it in licenses; LicenseRef- begins one of your own")                                   \
    X(LICENCE_MALFORMED, "licence-malformed", ERROR, "a licence is no SPDX expression",            \
      "write identifiers joined by AND, OR and WITH")                                              \
    X(LICENCE_UNKNOWN, "licence-unknown", ERROR, "an identifier is not in the SPDX list",          \
      "correct it, or begin it with LicenseRef-")                                                  \
    X(LICENCE_DEPRECATED, "licence-deprecated", WARNING, "the SPDX list deprecates an identifier", \
      "write the identifier that replaces it")                                                     \
    X(HOST_VIEW, "host-view", ERROR, "no view fits the host",                                      \
      "pack a view for it, or serve the bundle itself")                                            \
    X(HOST_ACCELERATOR, "host-accelerator", ERROR, "the host lacks the accelerator",               \
      "serve it elsewhere")                                                                        \
    X(HOST_MEMORY, "host-memory", ERROR, "the host has less memory than memory_bytes",             \
      "serve it elsewhere, or a smaller view of it")                                               \
    X(HOST_FEATURE, "host-feature", ERROR, "the host's CPU lacks a required feature",              \
      "serve it elsewhere")                                                                        \
    X(VERSION_ORDER, "version-order", ERROR, "the version is not higher than the one compared with", \
      "give it a higher version")                                                                  \
    X(VERSION_CLASS, "version-class", ERROR, "the version says less than what changed",            \
      "raise the part of the version that is named")                                               \
    X(VERSION_UNKNOWN, "version-unknown", WARNING, "a version is no semantic version",             \
      "number versions as 1.2.3, so that they can be compared")
/* clang-format on */

#endif
