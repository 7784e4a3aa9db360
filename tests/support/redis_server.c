#include "support/redis_server.h"

#include "support/await.h"
#include "support/check.h"
#include "support/process.h"
#include "support/temp_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEADLINE_MS = 60000, ARGUMENTS_MAX = 64, PORT_ATTEMPTS = 5 };

struct redis_server {
    struct redis_server_options options;
    struct redis_settings settings;
    struct temp_dir dir;
    struct process process;
    char socket[96], url[128], log[96];
};

static void choose_address(struct redis_server *server) {
    server->settings = (struct redis_settings){.password = server->options.password};
    if (server->options.tcp) {
        server->settings.host = "127.0.0.1";
        server->settings.port = port_free();
        snprintf(server->url, sizeof server->url, "redis://127.0.0.1:%d/0", server->settings.port);
    } else {
        snprintf(server->socket, sizeof server->socket, "%s/redis.sock", server->dir.path);
        server->settings.path = server->socket;
        snprintf(server->url, sizeof server->url, "unix://%s", server->socket);
    }
}

static redisContext *connect_to(const struct redis_server *server) {
    struct timeval timeout = {.tv_sec = DEADLINE_MS / 1000};
    redisContext *connection = server->settings.path
        ? redisConnectUnixWithTimeout(server->settings.path, timeout)
        : redisConnectWithTimeout("127.0.0.1", server->settings.port, timeout);
    if (!connection || connection->err) {
        redisFree(connection);
        return NULL;
    }
    redisSetTimeout(connection, timeout);
    if (server->options.password)
        freeReplyObject(redisCommand(connection, "AUTH %s", server->options.password));
    return connection;
}

static bool answers(void *context) {
    redisContext *connection = connect_to(context);
    if (!connection)
        return false;
    redisReply *reply = redisCommand(connection, "PING");
    bool pong = reply && reply->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
    redisFree(connection);
    return pong;
}

/* A sentinel keeps its state in its configuration file, so that one is written once for each address. */
static const char *sentinel_file(const struct redis_server *server, char path[128]) {
    snprintf(path, 128, "%s/sentinel-%d.conf", server->dir.path, server->settings.port);
    FILE *file = fopen(path, "wxe");
    if (file) {
        fprintf(file, "port %d\nbind 127.0.0.1\ndir %s\n%s", server->settings.port, server->dir.path,
            server->options.sentinel);
        fclose(file);
    }
    return path;
}

static struct result launch_sentinel(struct redis_server *server) {
    char path[128];
    const char *argv[] = {"redis-server", sentinel_file(server, path), "--sentinel", NULL};
    struct result started = process_spawn(argv, NULL, server->log, &server->process);
    if (is_ok(started))
        started = process_await(&server->process, answers, server, DEADLINE_MS);
    return started;
}

/* Empty at first. */
static const char *settings_file(const struct redis_server *server, char path[128]) {
    snprintf(path, 128, "%s/redis.conf", server->dir.path);
    FILE *file = fopen(path, "ae");
    if (file)
        fclose(file);
    return path;
}

static struct result launch(struct redis_server *server) {
    if (server->options.sentinel)
        return launch_sentinel(server);
    char port[16], file[128];
    snprintf(port, sizeof port, "%d", server->settings.port);
    const char *argv[ARGUMENTS_MAX] = {"redis-server"};
    size_t count = 1;
    if (server->options.keeps_settings)
        argv[count++] = settings_file(server, file);
    const char *const always[] = {"--dir", server->dir.path, "--save", "", "--port", port, "--bind",
        "127.0.0.1", "--daemonize", "no", "--appendfsync", "always", "--appendonly",
        server->options.append_only ? "yes" : "no"};
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        argv[count++] = always[i];
    if (server->settings.path) {
        argv[count++] = "--unixsocket";
        argv[count++] = server->settings.path;
    }
    if (server->options.password) {
        argv[count++] = "--requirepass";
        argv[count++] = server->options.password;
    }
    for (const char *const *more = server->options.arguments; more && *more && count + 1 < ARGUMENTS_MAX;
         more++)
        argv[count++] = *more;
    struct result started = process_spawn(argv, NULL, server->log, &server->process);
    if (is_ok(started))
        started = process_await(&server->process, answers, server, DEADLINE_MS);
    return started;
}

struct redis_server *redis_server_reserve(struct redis_server_options options) {
    struct redis_server *server = calloc(1, sizeof *server);
    if (!server)
        fail_msg("out of memory");
    server->options = options;
    server->process = PROCESS_NONE;
    server->dir = temp_dir_make();
    snprintf(server->log, sizeof server->log, "%s/redis.log", server->dir.path);
    choose_address(server);
    return server;
}

struct redis_server *redis_server_start(struct redis_server_options options) {
    struct redis_server *server = redis_server_reserve(options);
    struct result started = launch(server);
    for (int attempt = 1; !is_ok(started) && options.tcp && attempt < PORT_ATTEMPTS; attempt++) {
        redis_server_kill(server);
        choose_address(server);
        started = launch(server);
    }
    if (!is_ok(started)) {
        redis_server_free(&server);
        fail_msg("redis-server: %s", started.text);
    }
    return server;
}

const struct redis_settings *redis_server_settings(const struct redis_server *server) {
    return &server->settings;
}

const char *redis_server_url(const struct redis_server *server) {
    return server->url;
}

void redis_server_stop(struct redis_server *server) {
    process_thaw(&server->process);
    if (!process_stop(&server->process, DEADLINE_MS))
        fail_msg("redis-server does not end on SIGTERM, see %s", server->log);
}

void redis_server_kill(struct redis_server *server) {
    process_kill(&server->process);
}

bool redis_server_running(struct redis_server *server) {
    return process_running(&server->process);
}

void redis_server_restart(struct redis_server *server) {
    redis_server_stop(server);
    struct result started = launch(server);
    if (!is_ok(started))
        fail_msg("redis-server: %s", started.text);
}

void redis_server_freeze(struct redis_server *server) {
    process_freeze(&server->process);
}

void redis_server_thaw(struct redis_server *server) {
    process_thaw(&server->process);
}

static redisReply *ask(struct redis_server *server, const char *format, va_list arguments) {
    redisContext *connection = connect_to(server);
    if (!connection)
        fail_msg("%s cannot be reached", server->url);
    redisReply *reply = redisvCommand(connection, format, arguments);
    redisFree(connection);
    if (!reply || reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s: %s", format, reply ? reply->str : "no answer");
    return reply;
}

redisReply *redis_server_ask(struct redis_server *server, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = ask(server, format, arguments);
    va_end(arguments);
    return reply;
}

void redis_server_do(struct redis_server *server, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    freeReplyObject(ask(server, format, arguments));
    va_end(arguments);
}

long long redis_server_ask_number(struct redis_server *server, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = ask(server, format, arguments);
    va_end(arguments);
    bool number = reply->type == REDIS_REPLY_INTEGER;
    long long value = reply->integer;
    freeReplyObject(reply);
    if (!number)
        fail_msg("%s did not answer a number", format);
    return value;
}

long long redis_server_calls(struct redis_server *server, const char *command) {
    char part[64];
    redisReply *reply = redis_server_ask(server, "INFO commandstats");
    snprintf(part, sizeof part, "cmdstat_%s:calls=", command);
    const char *at = strstr(reply->str, part);
    long long calls = at ? atoll(at + strlen(part)) : 0;
    freeReplyObject(reply);
    return calls;
}

redisReply *redis_server_try(struct redis_server *server, const char *format, ...) {
    redisContext *connection = connect_to(server);
    if (!connection)
        return NULL;
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = redisvCommand(connection, format, arguments);
    va_end(arguments);
    redisFree(connection);
    if (reply && reply->type == REDIS_REPLY_ERROR) {
        freeReplyObject(reply);
        return NULL;
    }
    return reply;
}

struct copying {
    struct redis_server *master;
    long long written; /* of its replication stream, in bytes, when first asked; -1 before */
    int wanted;
};

static const char *after(const char *text, const char *part) {
    const char *at = strstr(text, part);
    return at ? at + strlen(part) : NULL;
}

static bool is_copied(void *context) {
    struct copying *copying = context;
    redisReply *reply = redis_server_ask(copying->master, "INFO replication");
    const char *own = after(reply->str, "\nmaster_repl_offset:");
    if (own && copying->written < 0)
        copying->written = atoll(own);
    int copies = 0;
    for (const char *at = reply->str; own && (at = after(at, "state=online,offset="));)
        copies += atoll(at) >= copying->written;
    freeReplyObject(reply);
    return copies >= copying->wanted;
}

void redis_server_await_copies(struct redis_server *master, int replicas) {
    struct copying copying = {.master = master, .written = -1, .wanted = replicas};
    if (!await_until(is_copied, &copying, DEADLINE_MS))
        fail_msg("%s: fewer than %d replicas have what it has written", master->url, replicas);
}

void redis_server_free(struct redis_server **server) {
    if (!*server)
        return;
    redis_server_kill(*server);
    temp_dir_remove(&(*server)->dir);
    free(*server);
    *server = NULL;
}
