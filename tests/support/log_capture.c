#include "support/log_capture.h"

#include "support/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void log_capture_open(struct log_capture *capture) {
    int fd = memfd_create("log", MFD_CLOEXEC);
    if (fd < 0)
        fail_msg("no memory file for the log: %s", strerror(errno));
    capture->sink = (struct log_sink){.fd = fd, .format = LOG_FORMAT_TEXT, .clock = clock_system()};
    capture->log = log_root(&capture->sink);
}

/* Everything written so far; the caller frees it. */
static char *text_of(const struct log_capture *capture) {
    off_t size = lseek(capture->sink.fd, 0, SEEK_CUR);
    char *text = size < 0 ? NULL : calloc(1, (size_t)size + 1);
    if (!text || pread(capture->sink.fd, text, (size_t)size, 0) != (ssize_t)size)
        fail_msg("the log cannot be read");
    return text;
}

size_t log_capture_count(const struct log_capture *capture, const char *part) {
    char *text = text_of(capture), *rest = text;
    size_t count = 0;
    for (char *line; (line = strsep(&rest, "\n"));)
        count += *line != '\0' && (!part || strstr(line, part)) ? 1 : 0;
    free(text);
    return count;
}

void log_capture_print(const struct log_capture *capture) {
    char *text = text_of(capture);
    fputs(text, stderr);
    free(text);
}

void log_capture_close(struct log_capture *capture) {
    if (capture->sink.fd > 0)
        close(capture->sink.fd);
    capture->sink.fd = -1;
}
