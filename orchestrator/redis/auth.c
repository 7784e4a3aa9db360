#include "redis/auth.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

const char *redis_auth_format(const struct redis_settings *settings, struct arena *arena, size_t *length) {
    const char *user = settings->username ? settings->username : "default";
    const char *text = arena_printf(arena, "*3\r\n$4\r\nAUTH\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n", strlen(user),
        user, strlen(settings->password), settings->password);
    if (text)
        *length = strlen(text);
    return text;
}

struct result redis_auth_send(int socket, const char *command, size_t length) {
    ssize_t sent = send(socket, command, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0)
        return fail(CODE_UNAVAILABLE, "%s", strerror(errno));
    if ((size_t)sent < length)
        return fail(CODE_UNAVAILABLE, "the connection takes %zd bytes of %zu at once", sent, length);
    return ok();
}
