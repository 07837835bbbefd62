/* SPDX-License-Identifier: Apache-2.0
 * Numbers in strings: a contract has no floats, whose printing differs between programs.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_VERIFY_CONTRACT_DECIMAL_H
#define BFS_VERIFY_CONTRACT_DECIMAL_H

/* The double nearest to a decimal number, whatever the locale: "-", then up to 18 digits without
 * leading zeros, then perhaps "." and up to 18 digits, and an exponent of one or two digits.
 * Errors: -EINVAL. */
int bfs_decimal_parse(const char *text, double *ret);

#endif
