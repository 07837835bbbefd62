/* SPDX-License-Identifier: Apache-2.0
 * Runs a fuzz target over files, and over every file of the folders, named on the command line: the
 * corpus is a test in every build, without a fuzzing engine. */
#include "tests/fuzz/fuzz_target.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat status;
    if (!file || fstat(fileno(file), &status) != 0) {
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
        if (file)
            (void)fclose(file);
        return -1;
    }
    size_t size = (size_t)status.st_size;
    uint8_t *data = malloc(size ? size : 1);
    int result = data && fread(data, 1, size, file) == size ? 0 : -1;
    (void)fclose(file);
    if (result == 0) {
        (void)fprintf(stderr, "%s\n", path);
        (void)LLVMFuzzerTestOneInput(data, size);
    }
    free(data);
    return result;
}

/* Adds the number of files replayed to *n_files. */
static int replay_folder(const char *path, unsigned *n_files)
{
    DIR *folder = opendir(path);
    if (!folder) {
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return -1;
    }
    int result = 0;
    for (struct dirent *entry; result == 0 && (entry = readdir(folder));) {
        char name[4096];
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        result = replay_file(name);
        ++*n_files;
    }
    (void)closedir(folder);
    return result;
}

int main(int argc, char **argv)
{
    unsigned n_files = 0;
    for (int i = 1; i < argc; i++) {
        struct stat status;
        int result = stat(argv[i], &status);
        if (result != 0)
            (void)fprintf(stderr, "%s: %s\n", argv[i], strerror(errno));
        else if (S_ISDIR(status.st_mode))
            result = replay_folder(argv[i], &n_files);
        else
            result = replay_file(argv[i]), n_files++;
        if (result != 0)
            return 1;
    }
    if (n_files == 0) {
        (void)fprintf(stderr, "nothing to replay\n");
        return 1;
    }
    return 0;
}
