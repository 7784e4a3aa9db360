#include "redis/auth.h"

#include <hiredis/sds.h>
#include <string.h>

enum { LOGIN_BYTES = 8192 }; /* all commands of a login */

const char *redis_auth_format(const struct redis_settings *settings, struct arena *arena, size_t *length) {
    const char *user = settings->username ? settings->username : "default";
    const char *text = arena_printf(arena, "*3\r\n$4\r\nAUTH\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n", strlen(user),
        user, strlen(settings->password), settings->password);
    if (text)
        *length = strlen(text);
    return text;
}

bool redis_auth_make_room(redisContext *connection) {
    sds buffer = sdsMakeRoomFor(connection->obuf, LOGIN_BYTES);
    if (buffer)
        connection->obuf = buffer;
    return buffer;
}
