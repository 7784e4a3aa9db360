/*
 * A real redis-server for one test, on a unix socket or a free loopback port, in a directory of its own. It
 * dies with the test's process. Every function blocks until what it does is done, and fails the test when
 * that takes longer than a minute.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_REDIS_SERVER_H
#define PHASEGATE_TESTS_SUPPORT_REDIS_SERVER_H

#include "redis/settings.h"

#include <hiredis/hiredis.h>

struct redis_server;

struct redis_server_options {
    bool tcp;                     /* a port of 127.0.0.1; else a unix socket */
    bool append_only;             /* what was answered survives kill -9: appendfsync always */
    const char *password;         /* requirepass; NULL: none */
    const char *const *arguments; /* more of redis-server's, ended by NULL; NULL: none */
    bool keeps_settings;  /* it has a configuration file, which CONFIG REWRITE writes and a restart reads */
    const char *sentinel; /* run as a sentinel with these lines as its configuration file; needs tcp */
};

/* Started, and has answered PING. */
struct redis_server *redis_server_start(struct redis_server_options options);

/* Reserves the address, but starts nothing: a server that is down. redis_server_restart brings it up. */
struct redis_server *redis_server_reserve(struct redis_server_options options);

/* How to reach it. Valid until the server is freed. */
const struct redis_settings *redis_server_settings(const struct redis_server *server);
const char *redis_server_url(const struct redis_server *server);

/* SIGTERM: a clean shutdown. SIGKILL: a crash. */
void redis_server_stop(struct redis_server *server);
void redis_server_kill(struct redis_server *server);

/* Is its process there, frozen or not? */
bool redis_server_running(struct redis_server *server);

/* Starts it on the same address and directory; stops it before when it is up. */
void redis_server_restart(struct redis_server *server);

/* SIGSTOP: connections are accepted, nothing is answered. SIGCONT: it goes on. */
void redis_server_freeze(struct redis_server *server);
void redis_server_thaw(struct redis_server *server);

/* One command, redisCommand's format; the reply is the caller's, an error reply fails the test. */
redisReply *redis_server_ask(struct redis_server *server, const char *format, ...);

/* The same, for a command whose reply does not matter, and for one that answers a number. */
void redis_server_do(struct redis_server *server, const char *format, ...);
long long redis_server_ask_number(struct redis_server *server, const char *format, ...);

/* How often a command, "fcall", was called since the server's start or its CONFIG RESETSTAT. */
long long redis_server_calls(struct redis_server *server, const char *command);

/* One command for a server that may be away or say no: NULL then; else the reply, the caller's. */
redisReply *redis_server_try(struct redis_server *server, const char *format, ...);

/* Waits until so many of its replicas have all that it has written so far, and have told it so. WAIT over a
 * connection of its own would wait for nothing: it covers what that connection wrote. */
void redis_server_await_copies(struct redis_server *master, int replicas);

/* Kills it, removes its directory and sets the pointer to NULL; safe on NULL. */
void redis_server_free(struct redis_server **server);

#endif
