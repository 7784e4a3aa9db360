/*
 * Which master of a Redis Cluster has which key: the slot of a key, the map of slots to masters as CLUSTER
 * SLOTS tells it, and the redirections by which a node corrects it. No I/O.
 */
#ifndef PHASEGATE_REDIS_SLOT_MAP_H
#define PHASEGATE_REDIS_SLOT_MAP_H

#include "base/result.h"

#include <hiredis/hiredis.h>
#include <stdint.h>

enum { SLOT_COUNT = 16384, SLOT_MASTERS_MAX = 128, SLOT_HOST_MAX = 256, SLOT_UNKNOWN = 0xff };

struct slot_master {
    char host[SLOT_HOST_MAX];
    int port;
};

struct slot_map {
    struct slot_master masters[SLOT_MASTERS_MAX];
    int count;
    uint8_t owner[SLOT_COUNT]; /* a place in masters, or SLOT_UNKNOWN */
};

/* The slot of a key: of what stands between its first { and the next }, if anything does. */
int slot_of(const char *key, size_t length);

/*
 * The place of a command's first key among its arguments; 0: it has none. For the commands that this project
 * sends: of FCALL and EVAL the key follows their number, of others it is the first argument.
 */
int slot_key_argument(int argc, const char *const *argv, const size_t *lengths);

/* The answer to CLUSTER SLOTS of a node that was reached as asked_host, which stands in where it does not
 * know its own address. CODE_UNAVAILABLE when it names no master at all. */
struct result slot_map_read(const redisReply *reply, const char *asked_host, struct slot_map *map) MUST_CHECK;

/* The place of that master, added if need be; -1 when the map is full. */
int slot_map_master(struct slot_map *map, const char *host, int port);

struct redirection {
    bool ask; /* only for this command, after ASKING; else the slot has moved for good */
    int slot;
    struct slot_master to;
};

/* Is the reply "MOVED slot host:port" or "ASK slot host:port"? */
bool redirection_read(const redisReply *reply, const char *asked_host, struct redirection *redirection);

#endif
