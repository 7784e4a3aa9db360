/*
 * Every scalar setting, once. The structs of config.h, the YAML schema, defaults, ranges, environment
 * variables, `config show` and the reference page are all made from these lines; to add a setting, add a
 * line.
 *
 * X(section, key, kind, ...): the rest is initialisers of struct setting (config_settings.h). `fallback` is
 * the default as one would write it in the file. `environment` overrides the file; `ambient`, a variable that
 * others set too, only fills in what the file leaves out.
 */
#ifndef PHASEGATE_CORE_CONFIG_TABLE_H
#define PHASEGATE_CORE_CONFIG_TABLE_H

#define CONFIG_NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

// clang-format off
#define CONFIG_STORE(X) \
    X(store, url, URL, .fallback = "", .environment = "PHASEGATE_STORE_URL", \
        .meaning = "The Redis that keeps the state: `redis://HOST[:PORT][/DATABASE]`, `unix:///PATH[?db=N]`, the master that " \
                   "sentinels name, `sentinel://HOST[:PORT],HOST[:PORT]/MASTER[/DATABASE]`, or a Cluster, " \
                   "`cluster://HOST[:PORT],HOST[:PORT]`; without user and password. Empty: an embedded one") \
    X(store, username, TEXT, .fallback = "", .environment = "PHASEGATE_STORE_USERNAME", \
        .meaning = "The ACL user to sign in as. Empty: Redis' default user") \
    X(store, password, SECRET, .fallback = "", .environment = "PHASEGATE_STORE_PASSWORD", \
        .meaning = "Its password. Prefer the environment variable or `password_file`. Empty: none") \
    X(store, password_file, TEXT, .fallback = "", .environment = "PHASEGATE_STORE_PASSWORD_FILE", \
        .meaning = "Where there is no `password`: a file that holds it in its only line; relative to the configuration's directory") \
    X(store, epoch_file, TEXT, .fallback = "", .environment = "PHASEGATE_EPOCH_FILE", \
        .meaning = "A small file, on another disk than Redis' own, in which `serve` remembers how far the store was, so that it " \
                   "notices after a restart that Redis forgot. Empty: none; embedded: one in the data directory") \
    X(store, sentinel_password, SECRET, .fallback = "", .environment = "PHASEGATE_STORE_SENTINEL_PASSWORD", \
        .meaning = "With `sentinel://`: the password of the sentinels themselves. Empty: none") \
    X(store, sentinel_password_file, TEXT, .fallback = "", .environment = "PHASEGATE_STORE_SENTINEL_PASSWORD_FILE", \
        .meaning = "Where there is no `sentinel_password`: a file that holds it, like `password_file`") \
    X(store, durability, WORD, .fallback = "written", .environment = "PHASEGATE_STORE_DURABILITY", \
        .words = CONFIG_NAMES("written", "replicas 1", "replicas 2", "replicas 3"), \
        .meaning = "What an ack and the publishing of a trigger wait for: that Redis has answered, or also that so many of " \
                   "its replicas have what was written") \
    X(store, durability_timeout, INT, .fallback = "1000", .least = 50, .most = 5000, \
        .meaning = "With `replicas`: milliseconds that they may take before the step counts as failed and is tried again")

#define CONFIG_BUS(X) \
    X(bus, kind, BUS, .fallback = "redis", .environment = "PHASEGATE_BUS", .words = CONFIG_NAMES("redis", "pubsub"), \
        .meaning = "Redis Streams, or Google Pub/Sub") \
    X(bus, url, URL, .fallback = "", .environment = "PHASEGATE_BUS_URL", \
        .meaning = "With `redis`: the Redis that has the streams, in the form of `store.url`, but no Cluster. Empty: the store's") \
    X(bus, username, TEXT, .fallback = "", .environment = "PHASEGATE_BUS_USERNAME", \
        .meaning = "With `redis` and a `url` of its own: the ACL user to sign in as") \
    X(bus, password, SECRET, .fallback = "", .environment = "PHASEGATE_BUS_PASSWORD", \
        .meaning = "Its password. Prefer the environment variable or `password_file`") \
    X(bus, password_file, TEXT, .fallback = "", .environment = "PHASEGATE_BUS_PASSWORD_FILE", \
        .meaning = "Where there is no `password`: a file that holds it, like `store.password_file`") \
    X(bus, sentinel_password, SECRET, .fallback = "", .environment = "PHASEGATE_BUS_SENTINEL_PASSWORD", \
        .meaning = "With a `url` of sentinels: the password of the sentinels themselves. Empty: none") \
    X(bus, sentinel_password_file, TEXT, .fallback = "", .environment = "PHASEGATE_BUS_SENTINEL_PASSWORD_FILE", \
        .meaning = "Where there is no `sentinel_password`: a file that holds it, like `store.password_file`") \
    X(bus, project, TEXT, .fallback = "", .environment = "PHASEGATE_PROJECT", .ambient = "GOOGLE_CLOUD_PROJECT", \
        .meaning = "With `pubsub`: the Google Cloud project of the topics and subscriptions") \
    X(bus, endpoint, ADDRESS, .fallback = "", .environment = "PHASEGATE_ENDPOINT", \
        .meaning = "With `pubsub`: another endpoint than Google's global one, such as a regional one") \
    X(bus, emulator, ADDRESS, .fallback = "", .environment = "PUBSUB_EMULATOR_HOST", \
        .meaning = "With `pubsub`: a Pub/Sub emulator to use instead of Google's, in plain text") \
    X(bus, streams, INT, .fallback = "8", .least = 1, .most = 16, \
        .meaning = "With `pubsub`: StreamingPull streams of each subscription") \
    X(bus, lease_seconds, INT, .fallback = "60", .least = 10, .most = 600, \
        .meaning = "With `pubsub`: how long a message is ours before its lease has to be extended")

#define CONFIG_ENGINE(X) \
    X(engine, in_hand_max, INT, .fallback = "1000", .least = 1, .most = 100000, \
        .meaning = "Completions received and not yet acked, for each pipeline") \
    X(engine, drain_seconds, INT, .fallback = "30", .least = 0, .most = 600, \
        .meaning = "How long a stop may take to finish what is in hand") \
    X(engine, quarantine_days, INT, .fallback = "30", .least = 1, .most = 3650, \
        .meaning = "Messages that could not be understood are kept for so long. Of each pipeline the oldest go earlier when there " \
                   "are more than 10,000, or more than `quarantine_megabytes`") \
    X(engine, quarantine_megabytes, INT, .fallback = "64", .least = 1, .most = 1048576, \
        .meaning = "What they may take in the store, for each pipeline") \
    X(engine, lease_seconds, INT, .fallback = "30", .least = 1, .most = 600, \
        .meaning = "How long a trigger is one replica's to publish. When that replica dies, another one publishes it at the latest " \
                   "this much later, and a third")

#define CONFIG_LOG(X) \
    X(log, level, WORD, .fallback = "info", .environment = "PHASEGATE_LOG_LEVEL", \
        .words = CONFIG_NAMES("debug", "info", "notice", "warning", "error", "critical"), \
        .meaning = "Lines below it are dropped") \
    X(log, format, WORD, .fallback = "auto", .environment = "PHASEGATE_LOG_FORMAT", \
        .words = CONFIG_NAMES("auto", "json", "text"), \
        .meaning = "`json` is Cloud Logging's; `auto` is `text` on a terminal, else `json`")

#define CONFIG_ALERTS(X) \
    X(alerts, webhook, SECRET, .fallback = "", .environment = "PHASEGATE_ALERTS_WEBHOOK", \
        .meaning = "Where alerts are posted to: `https://…`, or `http://` to this machine itself. A secret: prefer the environment " \
                   "variable or `webhook_file`. Empty, and no file: no alerts") \
    X(alerts, webhook_file, TEXT, .fallback = "", .environment = "PHASEGATE_ALERTS_WEBHOOK_FILE", \
        .meaning = "A file with the webhook's address in its only line, which only its owner and group may read; relative to the " \
                   "configuration's directory") \
    X(alerts, template, TEXT, .fallback = "", \
        .meaning = "What is posted: JSON with `{{text}}`, `{{slack}}` (the text, escaped for Slack as well), `{{kind}}`, `{{pipeline}}`, " \
                   "`{{subject}}`, `{{state}}` (raised, resolved or test) and `{{time}}` inside quotes. Empty: Slack's " \
                   "`{\"text\": \"{{slack}}\"}`") \
    X(alerts, period, INT, .fallback = "3600", .least = 1, .most = 604800, \
        .meaning = "Seconds in which one cause is told once, over all replicas and restarts") \
    X(alerts, gather, INT, .fallback = "60", .least = 0, .most = 86400, \
        .meaning = "Seconds for which a backfill's stalls and failures are gathered into one message") \
    X(alerts, outbox_age, INT, .fallback = "600", .least = 0, .most = 604800, \
        .meaning = "Seconds that a trigger may wait in the outbox until it is an alert; those of backfill while they wait for their " \
                   "turn do not count. 0: never") \
    X(alerts, quarantined, INT, .fallback = "1", .least = 0, .most = 10000, \
        .meaning = "Messages put into quarantine within a period that are an alert. 0: never") \
    X(alerts, stall, BOOL, .fallback = "true", .meaning = "Are stalls an alert?") \
    X(alerts, failed, BOOL, .fallback = "true", .meaning = "Are failed groups?") \
    X(alerts, epoch, BOOL, .fallback = "true", .meaning = "Is a store that came back empty or older?")

/* Of each pipeline, its processors and its groups: these live in struct pipeline, processor and group. */
#define CONFIG_PIPELINE(X) \
    X(pipeline, phase, TEXT, .fallback = "phase_4_precompute", \
        .meaning = "What the triggers say in `phase`") \
    X(pipeline, rerun, CHOICE, .fallback = "auto", .words = CONFIG_NAMES("auto", "hold"), \
        .meaning = "When a table that a started group rests on was computed again: `auto` starts that group and those after " \
                   "it again, `hold` only marks the date and leaves it to an operator") \
    X(pipeline, rerun_settle, INT, .fallback = "600", .least = 0, .most = 604800, \
        .meaning = "With `auto`: seconds without a further re-run of the date before it starts again") \
    X(pipeline, upstream_deadline, INT, .fallback = "21600", .least = 0, .most = 31536000, \
        .meaning = "Seconds that a group may wait for what it needs, from the date's first completion or from the end of the " \
                   "group before it, until the date counts as stalled. 0: no deadline") \
    X(pipeline, group_deadline, INT, .fallback = "7200", .least = 0, .most = 31536000, \
        .meaning = "Seconds from a group's trigger until it is done, else it counts as stalled. 0: no deadline") \
    X(pipeline, on_stall, CHOICE, .fallback = "report", .words = CONFIG_NAMES("report", "retrigger"), \
        .meaning = "What a stalled group leads to: a report alone, or the same trigger once more as well") \
    X(pipeline, retrigger_limit, INT, .fallback = "3", .least = 1, .most = 100, \
        .meaning = "With `retrigger`: how often for one group of one run") \
    X(pipeline, games_file, TEXT, .fallback = "", \
        .meaning = "A CSV file of the dates that have games, `game_date,num_games`; relative to the configuration's directory. Empty: " \
                   "none") \
    X(pipeline, seasons_file, TEXT, .fallback = "", \
        .meaning = "A CSV file of the seasons' starts, `season,first_game_date`; relative to the configuration's directory. Empty: " \
                   "none") \
    X(pipeline, bootstrap_days, INT, .fallback = "14", .least = 0, .most = 366, \
        .meaning = "The first days of a season, in which the groups' processors may have no rows")

#define CONFIG_PROCESSOR(X) \
    X(processor, min_rows, ROWS, .fallback = "1", .least = 1, .most = 1000000000000, \
        .meaning = "Fewer rows do not satisfy") \
    X(processor, min_coverage, RATIO, .fallback = "0.95", .least = 0, .most = 1, \
        .meaning = "Of a partial completion: record_count ÷ (record_count + records_failed) that still satisfies") \
    X(processor, require_rows, BOOL, .fallback = "false", \
        .meaning = "An unknown record_count does not satisfy") \
    X(processor, allow_empty, BOOL, .fallback = "false", \
        .meaning = "no_data, skipped and zero rows satisfy too")

#define CONFIG_GROUP(X) \
    X(group, backfill_cap, INT, .fallback = "15", .least = 1, .most = 10000, \
        .meaning = "Triggers of backfill dates that may be in flight at once. Live dates do not count and do not wait")
// clang-format on

#endif
