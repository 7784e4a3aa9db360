#include "cli/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct result look_at(int file, enum secret_access access) {
    struct stat status;
    if (fstat(file, &status) != 0)
        return fail(CODE_INVALID, "cannot be looked at: %s", strerror(errno));
    if (!S_ISREG(status.st_mode))
        return fail(CODE_INVALID, "is no file");
    unsigned mode = (unsigned)status.st_mode & 07777;
    if (mode & S_IWOTH)
        return fail(CODE_INVALID, "anybody may write it (mode %04o); do: chmod 0600", mode);
    if (access == SECRET_PRIVATE && mode & (S_IRWXO | S_IWGRP))
        return fail(CODE_INVALID,
            "others may read or write it (mode %04o), and it holds a secret; do: chmod 0600", mode);
    return ok();
}

static bool is_secret(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return false;
    }
    return length > 0;
}

static struct result take_line(char *text, ssize_t size, struct arena *arena, const char **secret) {
    if (size < 0)
        return fail(CODE_INVALID, "cannot be read: %s", strerror(errno));
    if (size > SECRET_BYTES_MAX)
        return fail(CODE_INVALID, "is larger than %d bytes", SECRET_BYTES_MAX);
    size_t length = (size_t)size;
    if (length > 0 && text[length - 1] == '\n')
        length--;
    if (length > 0 && text[length - 1] == '\r')
        length--;
    if (!is_secret(text, length))
        return fail(CODE_INVALID, "expected a secret in one line, without control characters");
    const char *copy = arena_strndup(arena, text, length);
    if (!copy)
        return fail(CODE_INTERNAL, "out of memory");
    *secret = copy;
    return ok();
}

struct result secret_file_read(
    const char *path, enum secret_access access, struct arena *arena, const char **secret) {
    char text[SECRET_BYTES_MAX + 1];
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (file < 0)
        return fail(CODE_INVALID, "%s: cannot be opened: %s", path, strerror(errno));
    struct result result = look_at(file, access);
    if (is_ok(result))
        result = take_line(text, read(file, text, sizeof text), arena, secret);
    close(file);
    explicit_bzero(text, sizeof text);
    return fail_within(result, "%s", path);
}

bool secret_file_exposed(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && (status.st_mode & S_IROTH);
}
