/* SPDX-License-Identifier: Apache-2.0
 * Bits are those of Intel's Software Developer's Manual, volume 2A, CPUID, and of Linux' arm64
 * elf_hwcaps; names are the kernel's. */
#include "accel/host/cpu.h"

#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>

/* State that the kernel must save for a feature to be usable: bits of XCR0. */
enum {
    STATE_NONE = 0,
    STATE_AVX = 0x6,
    STATE_AVX512 = 0xe6,
    STATE_AMX = 0x60000,
};

enum { EAX, EBX, ECX, EDX };

static const struct {
    unsigned leaf;
    unsigned subleaf;
    unsigned reg;
    unsigned bit;
    uint32_t state;
    const char *word;
} bits[] = {
    {1, 0, ECX, 0, STATE_NONE, "sse3"},          {1, 0, ECX, 9, STATE_NONE, "ssse3"},
    {1, 0, ECX, 19, STATE_NONE, "sse4_1"},       {1, 0, ECX, 20, STATE_NONE, "sse4_2"},
    {1, 0, ECX, 28, STATE_AVX, "avx"},           {1, 0, ECX, 12, STATE_AVX, "fma"},
    {1, 0, ECX, 29, STATE_AVX, "f16c"},          {7, 0, EBX, 8, STATE_NONE, "bmi2"},
    {7, 0, EBX, 5, STATE_AVX, "avx2"},           {7, 1, EAX, 4, STATE_AVX, "avx_vnni"},
    {7, 0, EBX, 16, STATE_AVX512, "avx512f"},    {7, 0, EBX, 17, STATE_AVX512, "avx512dq"},
    {7, 0, EBX, 30, STATE_AVX512, "avx512bw"},   {7, 0, EBX, 31, STATE_AVX512, "avx512vl"},
    {7, 0, ECX, 1, STATE_AVX512, "avx512vbmi"},  {7, 0, ECX, 11, STATE_AVX512, "avx512_vnni"},
    {7, 1, EAX, 5, STATE_AVX512, "avx512_bf16"}, {7, 0, EDX, 23, STATE_AVX512, "avx512_fp16"},
    {7, 0, EDX, 22, STATE_AMX, "amx_bf16"},      {7, 0, EDX, 24, STATE_AMX, "amx_tile"},
    {7, 0, EDX, 25, STATE_AMX, "amx_int8"},      {7, 1, EAX, 21, STATE_AMX, "amx_fp16"},
};

static uint32_t saved_state(void)
{
    unsigned a, b, c, d, low, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & 1u << 27)) /* OSXSAVE */
        return 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    (void)high;
    return low;
}

void bfs_cpu_add_live_features(struct bfs_words *words)
{
    uint32_t state = saved_state();
    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        unsigned regs[4];
        if ((state & bits[i].state) == bits[i].state &&
            __get_cpuid_count(bits[i].leaf, bits[i].subleaf, &regs[EAX], &regs[EBX], &regs[ECX],
                              &regs[EDX]) &&
            (regs[bits[i].reg] & 1u << bits[i].bit))
            bfs_words_add(words, bits[i].word, strlen(bits[i].word));
    }
}

#elif defined(__aarch64__)
#include <sys/auxv.h>

void bfs_cpu_add_live_features(struct bfs_words *words)
{
    static const struct {
        unsigned long type;
        unsigned bit;
        const char *word;
    } caps[] = {
        {AT_HWCAP, 1, "asimd"},  {AT_HWCAP, 10, "asimdhp"}, {AT_HWCAP, 20, "asimddp"},
        {AT_HWCAP, 22, "sve"},   {AT_HWCAP2, 1, "sve2"},    {AT_HWCAP2, 13, "i8mm"},
        {AT_HWCAP2, 14, "bf16"}, {AT_HWCAP2, 23, "sme"},
    };
    for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++)
        if (getauxval(caps[i].type) & 1ul << caps[i].bit)
            bfs_words_add(words, caps[i].word, strlen(caps[i].word));
}

#else

void bfs_cpu_add_live_features(struct bfs_words *words)
{
    (void)words;
}

#endif
