/* Addresses of Redis, and the names that Pub/Sub gives to topics and subscriptions. */
#include "bus/pubsub_names.h"
#include "bus/streams_entry.h"
#include "fuzz/fuzz.h"
#include "redis/settings.h"

#include <stdlib.h>
#include <string.h>

enum { ARENA_BYTES = 1 << 16 };

static void check_redis(const char *url) {
    struct arena *arena = fuzz_arena(ARENA_BYTES);
    struct redis_settings settings, again;
    struct result result = redis_settings_parse(url, arena, &settings);
    if (is_ok(result)) {
        char shown[4096], shown_again[4096];
        fuzz_check(settings.kind == REDIS_SINGLE ? (settings.host != NULL) != (settings.path != NULL)
                                                 : settings.seed_count > 0);
        redis_settings_describe(&settings, shown, sizeof shown);
        fuzz_check(is_ok(redis_settings_parse(shown, arena, &again)));
        fuzz_check(fuzz_same(settings.host, again.host) && fuzz_same(settings.path, again.path));
        fuzz_check(settings.port == again.port && settings.database == again.database);
        fuzz_check(settings.kind == again.kind && settings.seed_count == again.seed_count);
        fuzz_check(fuzz_same(settings.master, again.master));
        for (int i = 0; i < settings.seed_count; i++)
            fuzz_check(fuzz_same(settings.seeds[i].host, again.seeds[i].host)
                && settings.seeds[i].port == again.seeds[i].port);
        redis_settings_describe(&again, shown_again, sizeof shown_again);
        fuzz_check(strcmp(shown, shown_again) == 0);
    } else {
        fuzz_check(result.text[0] != '\0');
    }
    arena_free(&arena);
}

static void check_names(const char *text) {
    char name[PUBSUB_NAME_MAX], again[PUBSUB_NAME_MAX], routing[PUBSUB_ROUTING_MAX];
    if (is_ok(pubsub_topic_name("nba-props", text, name))) {
        fuzz_check(is_ok(pubsub_topic_name("nba-props", name, again)) && strcmp(name, again) == 0);
        pubsub_routing("topic", name, routing);
        fuzz_check(routing[strspn(routing,
                       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                       "-._~%/=")]
            == '\0');
    }
    struct stream_id id;
    if (stream_id_parse(text, &id))
        fuzz_check(text[strspn(text, "0123456789-")] == '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = fuzz_text(data, size);
    if (size < 2000)
        check_redis(text);
    check_names(text);
    free(text);
    return 0;
}
