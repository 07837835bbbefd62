/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/conform.h"

#include "codec/fixture/array.h"
#include "codec/store/files.h"
#include "tools/command.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

const char *bfs_conform_verdict_name(enum bfs_conform_verdict verdict)
{
    static const char *const names[] = {"passed", "differs",   "missing",    "invalid",
                                        "failed", "timed-out", "interrupted"};
    return names[verdict];
}

/* The file of a tensor: its name with "/" as "_", and the end of the fixture's file name. */
static char *tensor_path(const char *folder, const char *name, const char *end)
{
    bfs_autofree char *file = malloc(strlen(name) + strlen(end) + 2);
    if (!file)
        return NULL;
    (void)sprintf(file, "%s%s%s", *name == '.' ? "_" : "", name, end);
    for (char *at = file; *at; at++)
        if (*at == '/')
            *at = '_';
    return bfs_join(folder, file);
}

/* ".npy"; "" when the file has no such end. */
static const char *end_of(const char *file)
{
    const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file;
    const char *dot = strrchr(name, '.');
    return dot && dot != name ? dot : "";
}

static int read_fixture(const struct bfs_subject *subject, const char *file, uint8_t **ret,
                        size_t *ret_size, struct bfs_error *error)
{
    const struct bfs_subject_file *found = bfs_subject_find(subject, file);
    if (!found)
        return bfs_fail(error, -EBADMSG, "%.400s: the bundle has no such file", file);
    return bfs_subject_read(subject, found, BFS_ARRAY_SIZE_MAX, ret, ret_size, error);
}

static int write_input(const struct bfs_conform_job *job, const char *folder,
                       const struct bfs_contract_binding *input, struct bfs_error *error)
{
    bfs_autofree uint8_t *bytes = NULL;
    bfs_autofree char *path = tensor_path(folder, input->name, end_of(input->file));
    size_t size;
    int r = path ? read_fixture(job->subject, input->file, &bytes, &size, error) : -ENOMEM;
    if (r)
        return path ? r : bfs_fail(error, r, "out of memory");
    bfs_autoclose int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    r = fd < 0 ? -errno : bfs_write_all(fd, bytes, size);
    return r ? bfs_fail(error, r, "%.400s: %s", path, strerror(-r)) : 0;
}

static int make_folder(const char *folder, const char *name, char **ret, struct bfs_error *error)
{
    *ret = bfs_join(folder, name);
    if (!*ret)
        return bfs_fail(error, -ENOMEM, "out of memory");
    return mkdir(*ret, 0755) ? bfs_fail(error, -errno, "%.400s: %s", *ret, strerror(errno)) : 0;
}

__attribute__((format(printf, 3, 4))) static void
judge(struct bfs_conform_result *result, enum bfs_conform_verdict verdict, const char *format, ...)
{
    va_list args;
    if (result->verdict != BFS_CONFORM_PASSED)
        return;
    result->verdict = verdict;
    va_start(args, format);
    (void)vsnprintf(result->sentence, sizeof(result->sentence), format, args);
    va_end(args);
}

static void judge_error(struct bfs_conform_result *result, enum bfs_conform_verdict verdict,
                        const struct bfs_error *error)
{
    char text[BFS_ERROR_TEXT_SIZE];
    judge(result, verdict, "%.700s", bfs_error_text(error, text));
}

static const struct bfs_contract_tensor *find_output(const struct bfs_contract *contract,
                                                     const char *name)
{
    for (size_t i = 0; i < contract->n_outputs; i++)
        if (strcmp(contract->outputs[i].name, name) == 0)
            return &contract->outputs[i];
    return NULL;
}

/* What the command wrote: as .npy, as .json, or with the end of the expected file. */
static char *find_written(const char *folder, const struct bfs_contract_binding *output)
{
    const char *const ends[] = {".npy", ".json", end_of(output->file)};
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        char *path = tensor_path(folder, output->name, ends[i]);
        struct stat st;
        if (path && lstat(path, &st) == 0 && S_ISREG(st.st_mode))
            return path;
        free(path);
    }
    return NULL;
}

static int compare(const struct bfs_conform_job *job, const struct bfs_contract_binding *output,
                   struct bfs_array *expected, struct bfs_array *found,
                   struct bfs_conform_result *result, struct bfs_error *error)
{
    const struct bfs_contract_tensor *tensor = find_output(&job->subject->contract, output->name);
    struct bfs_error why = {0};
    struct bfs_comparison comparison;
    if (!tensor)
        return bfs_fail(error, -EBADMSG, "\"%s\" is none of the declared outputs", output->name);
    int r = bfs_array_fit(expected, tensor, output->file, error);
    if (r)
        return r;
    if (bfs_array_fit(found, tensor, output->name, &why) ||
        bfs_array_compare(expected, found, job->fixture->rtol, job->fixture->atol, output->name,
                          &comparison, &why)) {
        judge_error(result, BFS_CONFORM_DIFFERS, &why);
        return 0;
    }
    result->n_values += comparison.n_elements;
    if (comparison.largest > result->largest)
        result->largest = comparison.largest;
    if (comparison.n_different)
        judge(result, BFS_CONFORM_DIFFERS,
              "%s: %" PRIu64 " of %" PRIu64 " values are outside of rtol %g, atol %g; the first is "
              "number %" PRIu64 ": expected %.9g, found %.9g",
              output->name, comparison.n_different, comparison.n_elements, job->fixture->rtol,
              job->fixture->atol, comparison.first, comparison.expected, comparison.found);
    return 0;
}

static int judge_output(const struct bfs_conform_job *job, const char *folder,
                        const struct bfs_contract_binding *output,
                        struct bfs_conform_result *result, struct bfs_error *error)
{
    bfs_autoarray struct bfs_array expected = {0}, found = {0};
    bfs_autofree uint8_t *want = NULL, *got = NULL;
    bfs_autofree char *path = find_written(folder, output);
    struct bfs_error why = {0};
    size_t want_size, got_size;
    int r;
    if (!path) {
        judge(result, BFS_CONFORM_MISSING, "the command wrote no file for the output \"%s\"",
              output->name);
        return 0;
    }
    if ((r = read_fixture(job->subject, output->file, &want, &want_size, error)) ||
        (r = bfs_array_read(output->file, want, want_size, output->file, &expected, error)))
        return r;
    r = bfs_read_file(path, BFS_ARRAY_SIZE_MAX, &got, &got_size, &why);
    if (r == 0)
        r = bfs_array_read(path, got, got_size, output->name, &found, &why);
    if (r == -ENOMEM)
        return bfs_fail(error, r, "out of memory");
    if (r) {
        judge_error(result, BFS_CONFORM_INVALID, &why);
        return 0;
    }
    return compare(job, output, &expected, &found, result, error);
}

static int run_command(const struct bfs_conform_job *job, const char *inputs, const char *outputs,
                       struct bfs_conform_result *result, struct bfs_error *error)
{
    static const char *const names[] = {"BUNDLEFS_BUNDLE", "BUNDLEFS_VIEW", "BUNDLEFS_FIXTURE",
                                        "BUNDLEFS_INPUTS", "BUNDLEFS_OUTPUTS"};
    enum { N = sizeof(names) / sizeof(names[0]) };
    const char *const values[N] = {job->directory, job->view, job->fixture->name, inputs, outputs};
    struct bfs_buffer texts[N] = {{0}};
    char *environment[N + 1] = {0};
    struct bfs_command_result end;
    int r = 0;
    for (size_t i = 0; i < N; i++) {
        bfs_buffer_printf(&texts[i], "%s=%s", names[i], values[i]);
        bfs_buffer_put_u8(&texts[i], 0);
        r = r ? r : bfs_buffer_status(&texts[i]);
        environment[i] = (char *)texts[i].bytes;
    }
    const struct bfs_command command = {
        .args = job->args, .environment = environment, .timeout_seconds = job->timeout_seconds};
    r = r ? bfs_fail(error, r, "out of memory") : bfs_command_run(&command, &end, error);
    for (size_t i = 0; i < N; i++)
        bfs_buffer_done(&texts[i]);
    if (r)
        return r;
    if (end.end == BFS_COMMAND_TIMED_OUT)
        judge(result, BFS_CONFORM_TIMED_OUT, "the command did not end within %" PRIu64 " seconds",
              job->timeout_seconds);
    else if (end.end == BFS_COMMAND_INTERRUPTED)
        judge(result, BFS_CONFORM_INTERRUPTED, "stopped by a signal");
    else if (end.end == BFS_COMMAND_SIGNALLED)
        judge(result, BFS_CONFORM_FAILED, "the command was ended by signal %d", end.status);
    else if (end.status)
        judge(result, BFS_CONFORM_FAILED, "the command exits with %d", end.status);
    return 0;
}

int bfs_conform_run(const struct bfs_conform_job *job, struct bfs_conform_result *ret,
                    struct bfs_error *error)
{
    struct bfs_conform_result result = {0};
    bfs_autofree char *inputs = NULL, *outputs = NULL;
    int r;
    if ((r = make_folder(job->folder, "inputs", &inputs, error)) ||
        (r = make_folder(job->folder, "outputs", &outputs, error)))
        return r;
    for (size_t i = 0; r == 0 && i < job->fixture->n_inputs; i++)
        r = write_input(job, inputs, &job->fixture->inputs[i], error);
    if (r || (r = run_command(job, inputs, outputs, &result, error)))
        return r;
    bool ran = result.verdict == BFS_CONFORM_PASSED;
    for (size_t i = 0; ran && r == 0 && i < job->fixture->n_outputs; i++)
        r = judge_output(job, outputs, &job->fixture->outputs[i], &result, error);
    if (r)
        return r;
    *ret = result;
    return 0;
}
