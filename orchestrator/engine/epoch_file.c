#include "engine/epoch_file.h"

#include "core/config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    LINE_BYTES_MAX = PIPELINE_NAME_MAX + EPOCH_IDENTITY_MAX + 64,
    FILE_LINES_MAX = 4 * CONFIG_PIPELINES_MAX,
    PATH_BYTES_MAX = 1024,
};

struct line {
    char name[PIPELINE_NAME_MAX + 1];
    struct epoch_memory memory;
};

_Static_assert(PIPELINE_NAME_MAX == 40 && EPOCH_IDENTITY_MAX == 33, "the widths in parse_line");

static bool parse_line(const char *text, struct line *line) {
    struct line parsed = {0};
    if (sscanf(text, "%40s %32s %" SCNd64 " %" SCNd64, parsed.name, parsed.memory.identity,
            &parsed.memory.value, &parsed.memory.seen_ms)
        != 4)
        return false;
    *line = parsed;
    return true;
}

static int find(const struct line *line, const struct pipeline *const *pipelines, int count) {
    for (int i = 0; i < count; i++)
        if (strcmp(pipelines[i]->name, line->name) == 0)
            return i;
    return -1;
}

struct result epoch_file_read(
    const char *path, const struct pipeline *const *pipelines, int count, struct epoch_memory *memories) {
    char text[LINE_BYTES_MAX];
    FILE *file = fopen(path, "re");
    if (!file && errno == ENOENT)
        return ok();
    if (!file)
        return fail(CODE_INVALID, "%s cannot be read: %s", path, strerror(errno));
    for (int lines = 0; lines < FILE_LINES_MAX && fgets(text, sizeof text, file); lines++) {
        struct line line;
        int index = parse_line(text, &line) ? find(&line, pipelines, count) : -1;
        if (index >= 0)
            memories[index] = line.memory;
    }
    fclose(file);
    return ok();
}

static void print_line(FILE *to, const char *name, const struct epoch_memory *memory) {
    fprintf(to, "%s %s %" PRId64 " %" PRId64 "\n", name, memory->identity, memory->value, memory->seen_ms);
}

static void copy_others(const char *path, const struct pipeline *const *pipelines, int count, FILE *to) {
    char text[LINE_BYTES_MAX];
    FILE *from = fopen(path, "re");
    int kept = 0; /* so that there is room for ours */
    for (int lines = 0; from && lines < FILE_LINES_MAX && fgets(text, sizeof text, from); lines++) {
        struct line line;
        if (kept < FILE_LINES_MAX - count && parse_line(text, &line) && find(&line, pipelines, count) < 0) {
            print_line(to, line.name, &line.memory);
            kept++;
        }
    }
    if (from)
        fclose(from);
}

/* Mode 0600, like everything else that we write. */
static FILE *open_new(const char *path) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (fd >= 0 && !file)
        close(fd);
    return file;
}

struct result epoch_file_write(const char *path, const struct pipeline *const *pipelines, int count,
    const struct epoch_memory *memories) {
    char fresh[PATH_BYTES_MAX + 32];
    snprintf(fresh, sizeof fresh, "%.*s.%ld", PATH_BYTES_MAX, path, (long)getpid());
    FILE *file = open_new(fresh);
    if (!file)
        return fail(CODE_INVALID, "%s cannot be written: %s", fresh, strerror(errno));
    copy_others(path, pipelines, count, file);
    for (int i = 0; i < count; i++)
        if (memories[i].identity[0])
            print_line(file, pipelines[i]->name, &memories[i]);
    bool written = !ferror(file);
    written = fclose(file) == 0 && written;
    if (written && rename(fresh, path) == 0)
        return ok();
    struct result result = fail(CODE_INVALID, "%s cannot be written: %s", path, strerror(errno));
    unlink(fresh);
    return result;
}
