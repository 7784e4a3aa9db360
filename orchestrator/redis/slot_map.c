#include "redis/slot_map.h"

#include "redis/internal.h"
#include "redis/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- Keys ----------------------------------------------------------------------------------------------- */

/* CRC16/XMODEM: polynomial 0x1021, from 0, as the Cluster specification asks. */
static uint16_t crc16(const char *text, size_t length) {
    uint16_t crc = 0;
    for (size_t i = 0; i < length; i++) {
        crc = (uint16_t)(crc ^ ((unsigned char)text[i] << 8));
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1);
    }
    return crc;
}

int slot_of(const char *key, size_t length) {
    const char *open = memchr(key, '{', length);
    const char *close = open ? memchr(open, '}', length - (size_t)(open - key)) : NULL;
    if (close && close > open + 1)
        return crc16(open + 1, (size_t)(close - open) - 1) % SLOT_COUNT;
    return crc16(key, length) % SLOT_COUNT;
}

static bool is_word(const char *argument, size_t length, const char *word) {
    return length == strlen(word) && strncasecmp(argument, word, length) == 0;
}

int slot_key_argument(int argc, const char *const *argv, const size_t *lengths) {
    enum { NUMBER = 2, FIRST_KEY = 3 };
    size_t length = lengths ? lengths[0] : strlen(argv[0]);
    if (!is_word(argv[0], length, "FCALL") && !is_word(argv[0], length, "EVAL"))
        return argc > 1 ? 1 : 0;
    return argc > FIRST_KEY && argv[NUMBER][0] != '0' ? FIRST_KEY : 0;
}

/* --- The map -------------------------------------------------------------------------------------------- */

int slot_map_master(struct slot_map *map, const char *host, int port) {
    for (int i = 0; i < map->count; i++)
        if (map->masters[i].port == port && strcmp(map->masters[i].host, host) == 0)
            return i;
    if (map->count == SLOT_MASTERS_MAX)
        return -1;
    struct slot_master *master = &map->masters[map->count];
    snprintf(master->host, sizeof master->host, "%s", host);
    master->port = port;
    return map->count++;
}

/* A range: first slot, last slot, then the master and its replicas, each an array of host, port and more. */
static bool read_range(const redisReply *range, const char *asked_host, struct slot_map *map) {
    enum { FIRST, LAST, MASTER, PARTS };
    if (range->type != REDIS_REPLY_ARRAY || range->elements < PARTS)
        return false;
    const redisReply *master = range->element[MASTER];
    long long first = range->element[FIRST]->integer, last = range->element[LAST]->integer;
    if (master->type != REDIS_REPLY_ARRAY || master->elements < 2 || first < 0 || last >= SLOT_COUNT)
        return false;
    const char *host = master->element[0]->str;
    if (host && strcmp(host, "?") == 0)
        return true; /* the node does not know where that master is */
    int place = slot_map_master(map, host && *host ? host : asked_host, (int)master->element[1]->integer);
    for (long long slot = first; slot <= last && place >= 0; slot++)
        map->owner[slot] = (uint8_t)place;
    return place >= 0;
}

struct result slot_map_read(const redisReply *reply, const char *asked_host, struct slot_map *map) {
    struct result r = redis_reply_result(reply);
    if (!is_ok(r))
        return r;
    if (reply->type != REDIS_REPLY_ARRAY)
        return fail(CODE_INTERNAL, "CLUSTER SLOTS answered no list");
    map->count = 0;
    memset(map->owner, SLOT_UNKNOWN, sizeof map->owner);
    for (size_t i = 0; i < reply->elements; i++)
        if (!read_range(reply->element[i], asked_host, map))
            return fail(CODE_INTERNAL,
                "CLUSTER SLOTS answered what this phasegate does not understand, or "
                "more than %d masters",
                SLOT_MASTERS_MAX);
    return map->count > 0 ? ok() : fail(CODE_UNAVAILABLE, "the Cluster has no slots assigned");
}

bool redirection_read(const redisReply *reply, const char *asked_host, struct redirection *redirection) {
    bool ask = redis_reply_is_error(reply, "ASK");
    char host[SLOT_HOST_MAX];
    int slot;
    if (!ask && !redis_reply_is_error(reply, "MOVED"))
        return false;
    if (sscanf(reply->str, "%*s %d %255s", &slot, host) != 2 || slot < 0 || slot >= SLOT_COUNT)
        return false;
    char *colon = strrchr(host, ':');
    if (!colon)
        return false;
    *colon = '\0';
    long port = strtol(colon + 1, NULL, 10);
    if (port < 1 || port > UINT16_MAX)
        return false;
    *redirection = (struct redirection){.ask = ask, .slot = slot, .to = {.port = (int)port}};
    snprintf(redirection->to.host, SLOT_HOST_MAX, "%s", *host ? host : asked_host);
    return true;
}
