#include "redis/command.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

enum { HEAD_MAX = TEXT_NUMBER_MAX + 3 }; /* "$24\r\n", with a NUL */

static size_t length_of(const char *const *argv, const size_t *lengths, int i) {
    return lengths ? lengths[i] : strlen(argv[i]);
}

/* How many arguments ('*') or bytes ('$') come. Returns the end. */
static char *put_head(char *end, char kind, size_t count) {
    *end++ = kind;
    return stpcpy(end + strlen(text_number((int64_t)count, end)), "\r\n");
}

char *redis_command(int argc, const char *const *argv, const size_t *lengths, size_t *size) {
    size_t most = HEAD_MAX;
    for (int i = 0; i < argc; i++)
        most += HEAD_MAX + length_of(argv, lengths, i) + strlen("\r\n");
    char *command = malloc(most);
    if (!command)
        return NULL;
    char *end = put_head(command, '*', (size_t)argc);
    for (int i = 0; i < argc; i++) {
        size_t length = length_of(argv, lengths, i);
        end = put_head(end, '$', length);
        end = stpcpy(mempcpy(end, argv[i], length), "\r\n");
    }
    *size = (size_t)(end - command);
    return command;
}
