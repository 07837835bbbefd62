/* SPDX-License-Identifier: Apache-2.0
 * An allocator to preload: it counts the allocations of a process tree and fails one of them, or one
 * and all later ones. Counting begins with main(), so what libraries allocate while they are loaded
 * is left out: nothing of bundlefs has run by then.
 *
 *   BUNDLEFS_FAIL_STATE  a file that stays mapped and shared: struct state, below. Forked children
 *                        count in it too, and the counts survive any kind of end.
 *   BUNDLEFS_FAIL_AT     the number of the allocation that fails, from 1; 0 or absent: none
 *   BUNDLEFS_FAIL_LATER  set: all allocations after that one fail too
 *   BUNDLEFS_FAIL_WARM   set: libcrypto computes a digest before counting begins. Its start takes
 *                        4,000 allocations, the same ones in every verb: one verb that is swept
 *                        without this is enough for them.
 *
 * These and LD_PRELOAD leave the environment at once: other programs that are started run
 * unharmed. glibc's own calls (strdup, getline, opendir, fopen) come here as well. */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FRAMES = 24, FRAME_TEXT = 160 };

/* support/malloc_sweep.py reads this layout. */
struct state {
    _Atomic uint64_t count;  /* allocations since main() */
    _Atomic uint64_t failed; /* of these, the ones that got no memory */
    uint64_t n_frames;       /* who asked for the first one that failed, innermost first */
    char frames[FRAMES][FRAME_TEXT]; /* "OBJECT+0xOFFSET SYMBOL" */
};

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static struct state *state;
static uint64_t fail_at;
static bool fail_later;
static _Thread_local bool is_inside; /* what this file itself causes is not counted */

static void describe(void *address, char *text)
{
    Dl_info info = {0};
    if (!dladdr(address, &info) || !info.dli_fname)
        return;
    const char *slash = strrchr(info.dli_fname, '/');
    (void)snprintf(text, FRAME_TEXT, "%s+0x%zx %s", slash ? slash + 1 : info.dli_fname,
                   (size_t)((char *)address - (char *)info.dli_fbase),
                   info.dli_sname ? info.dli_sname : "?");
}

static void remember_stack(void)
{
    void *addresses[FRAMES + 2];
    is_inside = true;
    int n = backtrace(addresses, FRAMES + 2);
    for (int i = 2; i < n; i++)
        describe(addresses[i], state->frames[i - 2]);
    state->n_frames = n > 2 ? (uint64_t)n - 2 : 0;
    is_inside = false;
}

/* noinline, so that the two innermost frames are always this one and the caller's. */
__attribute__((noinline)) static bool refuse(void)
{
    if (!state || is_inside)
        return false;
    uint64_t number = atomic_fetch_add(&state->count, 1) + 1;
    if (!fail_at || (fail_later ? number < fail_at : number != fail_at))
        return false;
    if (atomic_fetch_add(&state->failed, 1) == 0)
        remember_stack();
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return refuse() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    return refuse() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *memory, size_t size)
{
    /* realloc(memory, 0) frees; it cannot fail. */
    if ((size || !memory) && refuse())
        return NULL;
    return __libc_realloc(memory, size);
}

void *reallocarray(void *memory, size_t n, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(n, size, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(memory, total);
}

void *memalign(size_t alignment, size_t size)
{
    return refuse() ? NULL : __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return refuse() ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **ret, size_t alignment, size_t size)
{
    int before = errno;
    if (refuse()) {
        errno = before; /* posix_memalign(3) leaves errno alone */
        return ENOMEM;
    }
    void *memory = __libc_memalign(alignment, size);
    if (!memory)
        return ENOMEM;
    *ret = memory;
    return 0;
}

/* int EVP_Digest(data, size, ret, ret_size, EVP_sha256(), NULL), which this file is not linked with. */
static void warm_libcrypto(void)
{
    const void *(*sha256)(void) = NULL;
    int (*digest)(const void *, size_t, unsigned char *, unsigned *, const void *, void *) = NULL;
    void *found[] = {dlsym(RTLD_DEFAULT, "EVP_sha256"), dlsym(RTLD_DEFAULT, "EVP_Digest")};
    unsigned char result[64];
    if (!found[0] || !found[1])
        return;
    /* ISO C knows no cast from an object to a function. */
    memcpy(&sha256, &found[0], sizeof(sha256));
    memcpy(&digest, &found[1], sizeof(digest));
    (void)digest("", 0, result, NULL, sha256(), NULL);
}

static void start(void)
{
    const char *path = getenv("BUNDLEFS_FAIL_STATE"), *at = getenv("BUNDLEFS_FAIL_AT");
    int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644) : -1;
    fail_at = at ? strtoull(at, NULL, 10) : 0;
    fail_later = getenv("BUNDLEFS_FAIL_LATER") != NULL;
    void *first[1];
    if (getenv("BUNDLEFS_FAIL_WARM"))
        warm_libcrypto();
    (void)backtrace(first, 1); /* loads libgcc now, not when memory is short */
    (void)unsetenv("BUNDLEFS_FAIL_STATE");
    (void)unsetenv("BUNDLEFS_FAIL_AT");
    (void)unsetenv("BUNDLEFS_FAIL_LATER");
    (void)unsetenv("BUNDLEFS_FAIL_WARM");
    (void)unsetenv("LD_PRELOAD");
    if (fd < 0)
        return;
    if (ftruncate(fd, sizeof(struct state)) == 0) {
        void *memory =
            mmap(NULL, sizeof(struct state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        state = memory == MAP_FAILED ? NULL : memory;
    }
    (void)close(fd);
}

typedef int main_function(int argc, char **argv, char **environment);
typedef int start_function(main_function *main, int argc, char **argv, void (*init)(void),
                           void (*fini)(void), void (*rtld_fini)(void), void *stack_end);
int __libc_start_main(main_function *main, int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void *stack_end);

static main_function *real_main;

static int counted_main(int argc, char **argv, char **environment)
{
    start();
    return real_main(argc, argv, environment);
}

int __libc_start_main(main_function *main, int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void *stack_end)
{
    start_function *next = NULL;
    void *found = dlsym(RTLD_NEXT, "__libc_start_main");
    memcpy(&next, &found, sizeof(next));
    real_main = main;
    return next(counted_main, argc, argv, init, fini, rtld_fini, stack_end);
}
