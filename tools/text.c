/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/text.h"

#include "verify/buffer.h"
#include "verify/utf8.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define REPLACEMENT "\xEF\xBF\xBD"

/* C0, DEL and C1, which terminals obey. */
static bool is_control(const char *text, size_t length)
{
    unsigned char first = (unsigned char)text[0];
    return first < 0x20 || first == 0x7F ||
           (length == 2 && first == 0xC2 && (unsigned char)text[1] < 0xA0);
}

static atomic_bool is_lost;

static char *clean(const char *text, size_t size, bool keep_control)
{
    bfs_autobuffer struct bfs_buffer buffer = BFS_BUFFER_INIT;
    for (size_t i = 0; i < size;) {
        size_t length = bfs_utf8_sequence(text + i, size - i);
        if (length == 0 || (!keep_control && is_control(text + i, length)))
            bfs_buffer_put_text(&buffer, REPLACEMENT);
        else
            bfs_buffer_put(&buffer, text + i, length);
        i += length ? length : 1;
    }
    bfs_buffer_put_u8(&buffer, 0);
    if (bfs_buffer_status(&buffer)) {
        bfs_text_set_lost();
        return NULL;
    }
    return (char *)bfs_buffer_steal(&buffer);
}

void bfs_text_set_lost(void)
{
    atomic_store(&is_lost, true);
}

bool bfs_text_is_lost(void)
{
    return atomic_load(&is_lost);
}

char *bfs_text_utf8(const char *text, size_t size)
{
    return clean(text, size, true);
}

char *bfs_text_printable(const char *text, size_t size)
{
    return clean(text, size, false);
}

char *bfs_text_size(uint64_t size, char ret[static BFS_SIZE_TEXT_SIZE])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    size_t unit = 0;
    double value = (double)size;
    while (value >= 999.95 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        value /= 1000;
        unit++;
    }
    if (unit == 0)
        (void)snprintf(ret, BFS_SIZE_TEXT_SIZE, "%" PRIu64 " B", size);
    else
        (void)snprintf(ret, BFS_SIZE_TEXT_SIZE, "%.1f %s", value, units[unit]);
    return ret;
}

char *bfs_text_left(uint64_t stored, uint64_t size, char ret[static BFS_SIZE_TEXT_SIZE])
{
    if (size == 0)
        (void)snprintf(ret, BFS_SIZE_TEXT_SIZE, "-");
    else
        (void)snprintf(ret, BFS_SIZE_TEXT_SIZE, "%.1f %%", 100.0 * (double)stored / (double)size);
    return ret;
}

char *bfs_text_mode(mode_t mode, char ret[static BFS_MODE_TEXT_SIZE])
{
    static const char letters[] = "rwxrwxrwx";
    ret[0] = '-';
    if (S_ISDIR(mode))
        ret[0] = 'd';
    else if (S_ISLNK(mode))
        ret[0] = 'l';
    for (unsigned i = 0; i < 9; i++)
        ret[i + 1] = '-';
    for (unsigned i = 0; i < 9; i++)
        if (mode & (0400U >> i))
            ret[i + 1] = letters[i];
    ret[BFS_MODE_TEXT_SIZE - 1] = '\0';
    return ret;
}

char *bfs_text_time(int64_t seconds, char ret[static BFS_SIZE_TEXT_SIZE])
{
    struct tm parts;
    time_t time = (time_t)seconds;
    if (!gmtime_r(&time, &parts) ||
        strftime(ret, BFS_SIZE_TEXT_SIZE, "%Y-%m-%d %H:%M:%S", &parts) == 0)
        (void)snprintf(ret, BFS_SIZE_TEXT_SIZE, "%" PRId64, seconds);
    return ret;
}
