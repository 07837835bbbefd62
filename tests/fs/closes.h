/* SPDX-License-Identifier: Apache-2.0
 * Who closes descriptors: on a network file system close(2) may wait for the server. The program is
 * linked with -Wl,--wrap=close. */
#ifndef BFS_TESTS_CLOSES_H
#define BFS_TESTS_CLOSES_H

/* Calls of close(2) by this thread so far. */
unsigned closes_of_this_thread(void);

#endif
