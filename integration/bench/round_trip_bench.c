/* SPDX-License-Identifier: Apache-2.0
 * How long a question and its answer take between two processes that share nothing but two pipes:
 * the least that any request to a daemon can cost. Once with both on one CPU, once with each on its
 * own; prints JSON. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 20000, WARM_UP = 500 };

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void pin(size_t cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof(set), &set))
        die("sched_setaffinity");
}

/* Until the other end is closed. */
static void answer(int questions, int answers)
{
    char byte;

    while (read(questions, &byte, 1) == 1) {
        if (write(answers, &byte, 1) != 1)
            die("write");
    }
}

static void ask(int questions, int answers, int rounds)
{
    char byte = 0;

    for (int i = 0; i < rounds; i++) {
        if (write(questions, &byte, 1) != 1 || read(answers, &byte, 1) != 1)
            die("a round");
    }
}

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Microseconds that one round takes. */
static double measure(size_t asks_on, size_t answers_on)
{
    int questions[2], answers[2];

    if (pipe(questions) || pipe(answers))
        die("pipe");
    pid_t child = fork();
    if (child < 0)
        die("fork");
    if (child == 0) {
        close(questions[1]);
        close(answers[0]);
        pin(answers_on);
        answer(questions[0], answers[1]);
        _exit(0);
    }
    close(questions[0]);
    close(answers[1]);
    pin(asks_on);
    ask(questions[1], answers[0], WARM_UP);
    double start = now_us();
    ask(questions[1], answers[0], ROUNDS);
    double took = (now_us() - start) / ROUNDS;
    close(questions[1]);
    close(answers[0]);
    if (waitpid(child, NULL, 0) != child)
        die("waitpid");
    return took;
}

int main(void)
{
    cpu_set_t allowed;
    size_t cpus[2], found = 0;

    if (sched_getaffinity(0, sizeof(allowed), &allowed))
        die("sched_getaffinity");
    for (size_t cpu = 0; cpu < CPU_SETSIZE && found < 2; cpu++) {
        if (CPU_ISSET(cpu, &allowed))
            cpus[found++] = cpu;
    }
    (void)printf("{\"one_cpu_us\": %.3f", measure(cpus[0], cpus[0]));
    if (found == 2)
        (void)printf(", \"two_cpus_us\": %.3f", measure(cpus[0], cpus[1]));
    (void)printf("}\n");
    return 0;
}
