/*
 * Plays the inputs in the folders that are named, each in a block of memory of its own size, so that a read
 * past its end is seen under AddressSanitizer. The last line says how many there were; none is a failure.
 */
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static uint8_t *read_all(FILE *file, size_t *size) {
    fuzz_check(fseek(file, 0, SEEK_END) == 0);
    long end = ftell(file);
    fuzz_check(end >= 0 && fseek(file, 0, SEEK_SET) == 0);
    *size = (size_t)end;
    uint8_t *data = malloc(*size > 0 ? *size : 1);
    fuzz_check(data && fread(data, 1, *size, file) == *size);
    return data;
}

static void play(const char *folder, const char *name) {
    char path[1024];
    size_t size;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    fuzz_check(file);
    uint8_t *data = read_all(file, &size);
    fclose(file);
    printf("%s\n", path);
    fflush(stdout);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
}

static int play_folder(const char *folder) {
    int played = 0;
    DIR *entries = opendir(folder);
    fuzz_check(entries);
    for (const struct dirent *entry = readdir(entries); entry; entry = readdir(entries)) {
        if (entry->d_name[0] == '.')
            continue;
        play(folder, entry->d_name);
        played++;
    }
    closedir(entries);
    return played;
}

int main(int argc, char **argv) {
    int played = 0;
    for (int i = 1; i < argc; i++)
        played += play_folder(argv[i]);
    printf("%d kept inputs played\n", played);
    return played > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
