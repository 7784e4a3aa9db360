#include "bench/runner/servers.h"

#include "core/config.h"
#include "support/await.h"
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EMPTY_MS = 60000 };

struct redis_server *bench_redis(void) {
    static const char *const arguments[] = {
        "--hash-max-listpack-value", "256", "--maxmemory-policy", "noeviction", NULL};
    return redis_server_start((struct redis_server_options){.append_only = true, .arguments = arguments});
}

/* What the memory of a large store takes to be given back is nobody's work that comes after it. */
static bool is_idle(void *context) {
    redisReply *reply = redis_server_ask(context, "INFO memory");
    bool idle = strstr(reply->str, "lazyfree_pending_objects:0") != NULL;
    freeReplyObject(reply);
    return idle;
}

void bench_redis_empty(struct redis_server *redis) {
    redis_server_do(redis, "FLUSHALL");
    if (!await_until(is_idle, redis, EMPTY_MS))
        fail_msg("Redis takes too long to become empty");
}

/* A number of one of INFO's sections. */
static double info_number(const redisReply *info, const char *name) {
    const char *line = strstr(info->str, name);
    if (!line)
        fail_msg("INFO has no %s", name);
    return atof(line + strlen(name));
}

double bench_redis_memory(struct redis_server *redis) {
    redisReply *info = redis_server_ask(redis, "INFO memory");
    double bytes = info_number(info, "used_memory:");
    freeReplyObject(info);
    return bytes;
}

double bench_redis_cpu(struct redis_server *redis) {
    redisReply *info = redis_server_ask(redis, "INFO cpu");
    double seconds = info_number(info, "used_cpu_user:") + info_number(info, "used_cpu_sys:");
    freeReplyObject(info);
    return seconds;
}

/* The built-in pipeline under other names, each with topics of its own. */
static void write_more_pipelines(FILE *file, int count) {
    const char *built_in = strstr(config_default_yaml, "\n  - name: nba\n") + 1;
    for (int i = 0; i < count; i++)
        for (const char *line = built_in; *line; line += strcspn(line, "\n") + 1) {
            const char *end = line + strcspn(line, "\n");
            for (const char *at = line; at < end; at++) {
                bool is_name = strncmp(at, "nba", 3) == 0;
                fprintf(file, is_name ? "nba%d" : "%c", is_name ? i : *at);
                at += is_name ? 2 : 0;
            }
            fputc('\n', file);
        }
}

static void write_bus(FILE *file, const struct bench_daemon *options) {
    const char *project = options->project ? options->project : DAEMON_PROJECT;
    if (options->pubsub)
        fprintf(file, "bus: {kind: pubsub, project: %s, emulator: \"%s\"}\n", project, options->pubsub);
    else
        fprintf(file, "bus: {kind: redis, url: \"%s\"}\n", options->bus_url ? options->bus_url : "");
}

struct daemon *bench_daemon(const struct bench *bench, const struct bench_daemon *options) {
    struct daemon *daemon = daemon_new(
        (struct daemon_options){.binary = bench->phasegate, .redis_url = options->store_url, .create = true});
    char *yaml = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&yaml, &size);
    if (!file)
        fail_msg("out of memory");
    fprintf(file, "store: {url: \"%s\"}\n", options->store_url ? options->store_url : "");
    write_bus(file, options);
    fputs(strstr(config_default_yaml, "\npipelines:") + 1, file);
    write_more_pipelines(file, options->pipelines);
    fclose(file);
    daemon_configure(daemon, yaml);
    free(yaml);
    return daemon;
}
