/* SPDX-License-Identifier: Apache-2.0
 * SPDX licence expressions (SPDX 2.3, annex D), judged by the list in verify/licence/spdx_list.h.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_VERIFY_LICENCE_H
#define BFS_VERIFY_LICENCE_H

enum {
    BFS_LICENCE_WORD_MAX = 255,
    BFS_LICENCE_DEPTH_MAX = 32, /* nested parentheses */
};

/* The worst of what an expression has, worse ones later. */
enum bfs_licence_verdict {
    BFS_LICENCE_KNOWN,
    BFS_LICENCE_DEPRECATED, /* an identifier that the list deprecates */
    BFS_LICENCE_UNKNOWN,    /* an identifier that is not in the list */
    BFS_LICENCE_MALFORMED,  /* no expression */
};

/* Identifiers joined by AND, OR and WITH, with parentheses and "+"; identifiers in any case,
 * operators in capitals. LicenseRef-* and DocumentRef-*:LicenseRef-* are known. `ret_word` gets the
 * first identifier, or the place, to which the verdict is due; "" when all is known. */
enum bfs_licence_verdict bfs_licence_judge(const char *expression,
                                           char ret_word[static BFS_LICENCE_WORD_MAX + 1]);

#endif
