#include "cli/setup.h"

#include "cli/secret_file.h"
#include "core/config_settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

enum {
    ARENA_MAX = 1 << 30,          /* a full quarantine; or 5,000 dates of 64 processors */
    SECRETS_MAX = 2 << 20,        /* the configuration's text, and what is in files of its own */
    CALENDAR_BYTES_MAX = 2 << 20, /* of each of its files; CALENDAR_DATES_MAX lines of 50 bytes */
    CALENDAR_ARENA_MAX = 5 << 20, /* both of them, and their names */
};

static struct result read_stream(
    FILE *file, size_t most, struct arena *arena, const char **text, size_t *length) {
    char *bytes = arena_alloc(arena, most + 1);
    if (!bytes)
        return fail(CODE_INTERNAL, "out of memory");
    size_t size = fread(bytes, 1, most + 1, file);
    if (ferror(file))
        return fail(CODE_INVALID, "cannot be read: %s", strerror(errno));
    if (size > most)
        return fail(CODE_LIMIT, "is larger than %zu bytes", most);
    bytes[size] = '\0';
    *text = bytes;
    *length = size;
    return ok();
}

static struct result read_file(
    const char *name, size_t most, struct arena *arena, const char **text, size_t *length) {
    FILE *stream = fopen(name, "re");
    if (!stream)
        return fail(CODE_INVALID, "%s: cannot be opened: %s", name, strerror(errno));
    struct result r = read_stream(stream, most, arena, text, length);
    fclose(stream);
    return fail_within(r, "%s", name);
}

struct result setup_config_text(
    const char *file, struct arena *arena, const char **name, const char **text, size_t *length) {
    if (!file)
        file = getenv("PHASEGATE_CONFIG");
    if (!file || !*file) {
        *name = "built-in configuration";
        *text = config_default_yaml;
        *length = strlen(config_default_yaml);
        return ok();
    }
    struct result r = read_file(file, CONFIG_BYTES_MAX, arena, text, length);
    if (is_ok(r))
        *name = file;
    return r;
}

/* --data, else $PHASEGATE_DATA, else ~/.phasegate; NULL when there is not even a home. */
static struct result find_data_directory(const char *option, struct arena *arena, const char **directory) {
    const char *home = getenv("HOME");
    const char *chosen = option ? option : getenv("PHASEGATE_DATA");
    if (chosen && *chosen) {
        *directory = chosen;
        return ok();
    }
    *directory = NULL;
    if (home && *home)
        *directory = arena_printf(arena, "%s/.phasegate", home);
    return home && *home && !*directory ? fail(CODE_INTERNAL, "out of memory") : ok();
}

static const char *environment(const char *name) {
    return getenv(name);
}

struct result setup_load(const struct common_options *options, struct setup *setup) {
    struct setup made = {.arena = arena_new(ARENA_MAX),
        .secrets = arena_new_private(SECRETS_MAX),
        .pipeline_name = options->pipeline};
    if (!made.arena || !made.secrets) {
        setup_close(&made);
        return fail(CODE_INTERNAL, "out of memory");
    }
    const char *text;
    size_t length;
    struct result r = setup_config_text(options->config, made.secrets, &made.config_name, &text, &length);
    if (is_ok(r))
        r = find_data_directory(options->data, made.arena, &made.data_directory);
    if (is_ok(r))
        r = config_parse(made.config_name, text, length, environment, &made.config);
    if (!is_ok(r)) {
        setup_close(&made);
        return r;
    }
    const struct config_bus *bus = config_bus(made.config);
    made.embedded = options->embedded || !*config_store(made.config)->url;
    made.embedded_bus = options->embedded || (made.embedded && bus->kind == BUS_REDIS && !*bus->url);
    *setup = made;
    return ok();
}

void setup_close(struct setup *setup) {
    config_free(&setup->config);
    arena_free(&setup->secrets);
    arena_free(&setup->arena);
}

struct result setup_pipeline(const struct setup *setup, const struct pipeline **pipeline) {
    struct result r = config_pipeline(setup->config, setup->pipeline_name, pipeline);
    if (r.code == CODE_NOT_FOUND)
        r.code = CODE_INVALID; /* wrong usage, where "not there" would be the answer no */
    return r;
}

struct result setup_socket(const struct setup *setup, const char **path) {
    if (!setup->data_directory)
        return fail(CODE_INVALID, "no data directory: give --data DIR, or set PHASEGATE_DATA");
    const char *socket = arena_printf(setup->arena, "%s/redis.sock", setup->data_directory);
    if (!socket)
        return fail(CODE_INTERNAL, "out of memory");
    size_t most = sizeof((struct sockaddr_un *)0)->sun_path - 1;
    if (strlen(socket) > most)
        return fail(CODE_INVALID,
            "data directory %.200s: its path is too long for a socket in it (%zu bytes at most)",
            setup->data_directory, most - strlen("/redis.sock"));
    *path = socket;
    return ok();
}

static struct result embedded_settings(const struct setup *setup, struct redis_settings *settings) {
    const char *path;
    struct result r = setup_socket(setup, &path);
    if (is_ok(r))
        *settings = (struct redis_settings){.path = path};
    return r;
}

/* --- Secrets. ------------------------------------------------------------------------------------------- */

const char *setup_beside_config(const struct setup *setup, const char *file, struct arena *arena) {
    const char *slash = strrchr(setup->config_name, '/');
    if (*file == '/' || !slash)
        return file;
    return arena_printf(arena, "%.*s%s", (int)(slash + 1 - setup->config_name), setup->config_name, file);
}

/* NULL in *password where there is none. */
static struct result find_password(const struct setup *setup, const char *written, const char *file,
    const char *key, const char **password) {
    *password = *written ? written : NULL;
    if (*written || !*file)
        return ok();
    const char *path = setup_beside_config(setup, file, setup->secrets);
    if (!path)
        return fail(CODE_INTERNAL, "out of memory");
    return fail_within(
        secret_file_read(path, SECRET_READABLE, setup->secrets, password), "%s: %s", setup->config_name, key);
}

static void warn_of_exposed(const struct setup *setup, const char *file, const struct log *log) {
    const char *path = *file ? setup_beside_config(setup, file, setup->secrets) : NULL;
    if (path && secret_file_exposed(path))
        log_warning(
            log, "%s holds a secret, and every user of this machine may read it; do: chmod 0600", path);
}

void setup_hide_secrets(const struct setup *setup, const struct log *log) {
    for (int i = 0; i < CONFIG_SETTINGS; i++) {
        const struct setting *setting = &config_settings[i];
        char *value =
            setting->kind == SETTING_SECRET && setting->environment ? getenv(setting->environment) : NULL;
        if (!value)
            continue;
        explicit_bzero(value, strlen(value));
        unsetenv(setting->environment);
    }
    const struct config_store *store = config_store(setup->config);
    const struct config_bus *bus = config_bus(setup->config);
    warn_of_exposed(setup, store->password_file, log);
    warn_of_exposed(setup, store->sentinel_password_file, log);
    warn_of_exposed(setup, bus->password_file, log);
    warn_of_exposed(setup, bus->sentinel_password_file, log);
}

static const char *none_if_empty(const char *text) {
    return text && *text ? text : NULL;
}

/* "replicas 2"; 0 for "written". The schema lets nothing else through. */
static int replicas_of(const char *durability) {
    const char *number = strchr(durability, ' ');
    return number ? atoi(number) : 0;
}

struct result setup_redis(const struct setup *setup, struct redis_settings *settings) {
    if (setup->embedded)
        return embedded_settings(setup, settings);
    const struct config_store *store = config_store(setup->config);
    struct redis_settings parsed;
    struct result r = redis_settings_parse(store->url, setup->arena, &parsed);
    if (!is_ok(r))
        return fail_within(r, "%s: store.url", setup->config_name);
    parsed.username = none_if_empty(store->username);
    parsed.replicas = replicas_of(store->durability);
    parsed.replicas_timeout_ms = store->durability_timeout;
    r = find_password(setup, store->password, store->password_file, "store.password_file", &parsed.password);
    if (is_ok(r))
        r = find_password(setup, store->sentinel_password, store->sentinel_password_file,
            "store.sentinel_password_file", &parsed.sentinel_password);
    if (is_ok(r))
        *settings = parsed;
    return r;
}

struct result setup_explain(const struct setup *setup, struct result cause) {
    if (cause.code != CODE_UNAVAILABLE || !setup->embedded)
        return cause;
    return fail(CODE_UNAVAILABLE,
        "%s; is `phasegate serve --embedded` running, with this data directory? Else name the store: "
        "store.url, or "
        "PHASEGATE_STORE_URL",
        cause.text);
}

/* A bus with an address of its own has a user and password of its own: those of the store stay with the
 * store. */
static struct result own_bus_redis(const struct setup *setup, struct redis_settings *settings) {
    const struct config_bus *bus = config_bus(setup->config);
    struct redis_settings parsed;
    struct result r = redis_settings_parse(bus->url, setup->arena, &parsed);
    if (!is_ok(r))
        return fail_within(r, "%s: bus.url", setup->config_name);
    parsed.username = none_if_empty(bus->username);
    r = find_password(setup, bus->password, bus->password_file, "bus.password_file", &parsed.password);
    if (is_ok(r))
        r = find_password(setup, bus->sentinel_password, bus->sentinel_password_file,
            "bus.sentinel_password_file", &parsed.sentinel_password);
    if (is_ok(r))
        *settings = parsed;
    return r;
}

/* The streams' keys do not share a slot, and their groups would be read over several nodes at once. */
static struct result bus_redis(const struct setup *setup, struct redis_settings *settings) {
    if (setup->embedded_bus)
        return embedded_settings(setup, settings);
    struct redis_settings found;
    bool own = *config_bus(setup->config)->url;
    struct result r = own ? own_bus_redis(setup, &found) : setup_redis(setup, &found);
    if (is_ok(r) && found.kind == REDIS_BY_CLUSTER)
        r = fail(CODE_INVALID,
            "%s: %s is a Redis Cluster, and the bus of Redis Streams needs a single Redis: give it one of "
            "its "
            "own in bus.url (redis://…, unix://… or sentinel://…), or set bus.kind to pubsub",
            setup->config_name, own ? "bus.url" : "bus.url is empty, and store.url");
    if (!is_ok(r))
        return r;
    found.replicas = 0; /* what the bus confirms, and takes back, it may confirm and give again */
    *settings = found;
    return ok();
}

/* --- Warnings. ------------------------------------------------------------------------------------------ */

static bool warn_of_plain(const char *key, const struct redis_settings *settings, char *text) {
    const char *host = redis_settings_exposed(settings);
    if (host)
        snprintf(text, SETUP_WARNING_MAX,
            "%s: the password goes to %.200s as plain text, and everything else: Redis' TLS is not spoken. "
            "Keep "
            "that network private, or use a unix socket or a tunnel (deploy/SECURITY.md)",
            key, host);
    return host;
}

bool setup_warning(const struct setup *setup, int index, char text[SETUP_WARNING_MAX]) {
    struct redis_settings store, bus;
    bool on_redis = false, own = *config_bus(setup->config)->url;
    int count = 0;
    if (is_ok(setup_redis(setup, &store)) && warn_of_plain("store.url", &store, text) && count++ == index)
        return true;
    return own && is_ok(setup_bus_redis(setup, &bus, &on_redis)) && on_redis
        && warn_of_plain("bus.url", &bus, text) && count == index;
}

/* --- The calendar. -------------------------------------------------------------------------------------- */

/* file "": there is none, and *read stays as it is. */
static struct result read_calendar_file(
    const struct setup *setup, const char *file, struct arena *arena, struct calendar_text *read) {
    if (*file == '\0')
        return ok();
    const char *name = setup_beside_config(setup, file, arena), *text;
    size_t length;
    if (!name)
        return fail(CODE_INTERNAL, "out of memory");
    struct result r = read_file(name, CALENDAR_BYTES_MAX, arena, &text, &length);
    if (is_ok(r) && strlen(text) != length)
        return fail(CODE_INVALID, "%s: has NUL bytes; expected a CSV file", name);
    if (is_ok(r))
        *read = (struct calendar_text){.name = name, .text = text};
    return r;
}

struct result setup_calendar(
    const struct setup *setup, const struct pipeline *pipeline, struct game_calendar **calendar) {
    struct calendar_text games = {0}, seasons = {0};
    struct game_calendar *made = NULL;
    /* An arena of its own: a daemon reads the files again and again. */
    struct arena *arena = arena_new(CALENDAR_ARENA_MAX);
    if (!arena)
        return fail(CODE_INTERNAL, "out of memory");
    struct result r = read_calendar_file(setup, pipeline->games_file, arena, &games);
    if (is_ok(r))
        r = read_calendar_file(setup, pipeline->seasons_file, arena, &seasons);
    if (is_ok(r) && (games.text || seasons.text))
        r = game_calendar_parse(games, seasons, pipeline->bootstrap_days, &made);
    arena_free(&arena);
    if (!is_ok(r))
        return fail_within(r, "calendar of pipeline %s", pipeline->name);
    *calendar = made;
    return ok();
}

/* --- The bus. ------------------------------------------------------------------------------------------- */

static bool is_pubsub(const struct setup *setup) {
    return config_bus(setup->config)->kind == BUS_PUBSUB && !setup->embedded_bus;
}

struct result setup_bus_redis(const struct setup *setup, struct redis_settings *settings, bool *on_redis) {
    struct result r = is_pubsub(setup) ? ok() : bus_redis(setup, settings);
    if (is_ok(r))
        *on_redis = !is_pubsub(setup);
    return r;
}

static struct result open_pubsub(
    const struct setup *setup, uv_loop_t *loop, const struct log *log, struct bus **bus) {
    const struct config_bus *chosen = config_bus(setup->config);
    const struct pubsub_settings settings = {
        .project = chosen->project,
        .endpoint = none_if_empty(chosen->endpoint),
        .emulator = none_if_empty(chosen->emulator),
        .streams = chosen->streams,
        .lease_seconds = chosen->lease_seconds,
    };
    return bus_open_pubsub(loop, &settings, log, bus);
}

struct result setup_open_bus(
    const struct setup *setup, uv_loop_t *loop, const struct log *log, struct bus **bus) {
    if (is_pubsub(setup))
        return open_pubsub(setup, loop, log, bus);
    struct redis_settings redis;
    struct result r = bus_redis(setup, &redis);
    if (!is_ok(r))
        return r;
    /* One daemon at most serves a data directory: under a name that stays, it takes up at once what it had in
     * hand when it was killed, instead of after another consumer's silence. */
    const struct streams_settings settings = {
        .redis = &redis, .consumer = setup->embedded_bus ? "embedded" : NULL};
    return bus_open_streams(loop, &settings, log, bus);
}
