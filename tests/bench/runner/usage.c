#include "bench/runner/usage.h"

#include "support/check.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A file of /proc/PROCESS, cut. */
static void read_file(pid_t process, const char *name, char *text, size_t size) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)process, name);
    FILE *file = fopen(path, "re");
    if (!file)
        fail_msg("process %d has gone", (int)process);
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
}

/* utime and stime are the 12th and 13th word behind the command's name, which may have any character. */
static double cpu_seconds(pid_t process) {
    char text[1024];
    unsigned long user = 0, system = 0;
    read_file(process, "stat", text, sizeof text);
    const char *words = strrchr(text, ')');
    if (!words
        || sscanf(words + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        fail_msg("/proc/%d/stat is not understood: %s", (int)process, text);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static double peak_bytes(pid_t process) {
    char text[4096];
    unsigned long kilobytes = 0;
    read_file(process, "status", text, sizeof text);
    const char *line = strstr(text, "VmHWM:");
    if (!line || sscanf(line, "VmHWM: %lu kB", &kilobytes) != 1)
        fail_msg("/proc/%d/status has no VmHWM", (int)process);
    return (double)kilobytes * 1024;
}

struct usage usage_of(pid_t process) {
    return (struct usage){.cpu_seconds = cpu_seconds(process), .peak_bytes = peak_bytes(process)};
}

double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}
