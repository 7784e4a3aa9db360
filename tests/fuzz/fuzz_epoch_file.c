/*
 * The file in which a process remembers the stores' epochs: whatever stands in it, what was written
 * afterwards is read back, and the lines of other pipelines stay.
 */
#include "engine/epoch_file.h"
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char directory[64], path[96];

/* One for the process: on a file system in memory where there is one. */
static void make_directory(void) {
    if (*directory)
        return;
    strcpy(
        directory, access("/dev/shm", W_OK) == 0 ? "/dev/shm/fuzz-epoch-XXXXXX" : "/tmp/fuzz-epoch-XXXXXX");
    fuzz_check(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/epoch", directory);
}

static void put(const uint8_t *data, size_t size) {
    FILE *file = fopen(path, "we");
    fuzz_check(file && fwrite(data, 1, size, file) == size);
    fuzz_check(fclose(file) == 0);
}

static void clean(void) {
    unlink(path);
    rmdir(directory);
    directory[0] = '\0';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct pipeline nba = {.name = "nba"}, nfl = {.name = "nfl"};
    const struct pipeline *mine[] = {&nba}, *other[] = {&nfl};
    struct epoch_memory found = {0}, before = {0}, after = {0}, again = {0};
    make_directory();
    put(data, size);
    fuzz_check(is_ok(epoch_file_read(path, mine, 1, &found)));
    fuzz_check(is_ok(epoch_file_read(path, other, 1, &before)));
    fuzz_check(memchr(found.identity, '\0', sizeof found.identity));
    const struct epoch_memory written = {
        .identity = "0123456789abcdef", .value = 812, .seen_ms = FUZZ_NOW_MS};
    fuzz_check(is_ok(epoch_file_write(path, mine, 1, &written)));
    fuzz_check(is_ok(epoch_file_read(path, mine, 1, &again)));
    fuzz_check(is_ok(epoch_file_read(path, other, 1, &after)));
    fuzz_check(strcmp(again.identity, written.identity) == 0 && again.value == 812);
    fuzz_check(strcmp(before.identity, after.identity) == 0 && before.value == after.value);
    clean();
    return 0;
}
