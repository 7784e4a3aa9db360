/*
 * fake-pubsub: the fake Pub/Sub as a program, for a daemon that is tested from outside. Prints its port, then
 * serves until SIGTERM or SIGINT. `fake-pubsub --help` lists the options; faults given there last as long as
 * it runs.
 */
#include "support/fake_pubsub.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PEM_MAX = 65536 };

static _Noreturn void usage_error(const char *option, const char *value, const char *expected) {
    fprintf(stderr, "fake-pubsub: %s %s: expected %s\n", option, value ? value : "", expected);
    exit(2);
}

static int number(const char *option, const char *text) {
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno || *end || end == text || value < 0 || value > INT_MAX)
        usage_error(option, text, "a number");
    return (int)value;
}

static void require(struct result r) {
    if (is_ok(r))
        return;
    fprintf(stderr, "fake-pubsub: %s\n", r.text);
    exit(2);
}

/* --- Options that say what is there and what goes wrong ------------------------------------------------- */

static void set_topic(struct fake_pubsub *fake, const char *value) {
    require(fake_pubsub_create(fake, value, NULL, false));
}

/* "SUBSCRIPTION=TOPIC" */
static void add_subscription(struct fake_pubsub *fake, const char *option, const char *value, bool ordered) {
    const char *equals = strchr(value, '=');
    if (!equals)
        usage_error(option, value, "SUBSCRIPTION=TOPIC");
    char *name = strndup(value, (size_t)(equals - value));
    if (!name)
        exit(2);
    require(fake_pubsub_create(fake, equals + 1, name, ordered));
    free(name);
}

static void set_subscription(struct fake_pubsub *fake, const char *value) {
    add_subscription(fake, "--subscription", value, false);
}

static void set_ordered(struct fake_pubsub *fake, const char *value) {
    add_subscription(fake, "--ordered-subscription", value, true);
}

static void set_break_every(struct fake_pubsub *fake, const char *value) {
    fake_pubsub_break_streams_every(fake, number("--break-every", value));
}

static void set_delay(struct fake_pubsub *fake, const char *value) {
    fake_pubsub_delay(fake, number("--delay", value));
}

static void set_duplicate(struct fake_pubsub *fake, const char *value) {
    fake_pubsub_duplicate(fake, number("--duplicate", value));
}

static void set_unconfirmed(struct fake_pubsub *fake, const char *value) {
    fake_pubsub_publish_unconfirmed(fake, number("--unconfirmed", value), GRPC_STATUS_UNAVAILABLE);
}

static void set_lose_acks(struct fake_pubsub *fake, const char *value) {
    fake_pubsub_lose_acks(fake, number("--lose-acks", value) != 0);
}

static void set_black_hole(struct fake_pubsub *fake, const char *value) {
    fake_pubsub_black_hole(fake, number("--black-hole", value) != 0);
}

/* "METHOD:STATUS:CALLS", such as Publish:14:3 */
static void set_refuse(struct fake_pubsub *fake, const char *value) {
    static const char *const names[FAKE_METHODS] = {
        [FAKE_CREATE_TOPIC] = "CreateTopic:",
        [FAKE_GET_TOPIC] = "GetTopic:",
        [FAKE_PUBLISH] = "Publish:",
        [FAKE_CREATE_SUBSCRIPTION] = "CreateSubscription:",
        [FAKE_GET_SUBSCRIPTION] = "GetSubscription:",
        [FAKE_STREAMING_PULL] = "StreamingPull:",
        [FAKE_ACKNOWLEDGE] = "Acknowledge:",
        [FAKE_MODIFY_ACK_DEADLINE] = "ModifyAckDeadline:",
        [FAKE_SEEK] = "Seek:",
    };
    int status, calls;
    for (enum fake_method method = 0; method < FAKE_METHODS; method++) {
        size_t length = strlen(names[method]);
        if (strncmp(value, names[method], length) == 0
            && sscanf(value + length, "%d:%d", &status, &calls) == 2) {
            fake_pubsub_answer_next(fake, method, calls, (grpc_status_code)status);
            return;
        }
    }
    usage_error("--refuse", value, "METHOD:STATUS:CALLS, for example Publish:14:3");
}

static const struct {
    const char *name;
    const char *value;
    const char *help;
    void (*set)(struct fake_pubsub *fake, const char *value); /* NULL: read before the start */
} options[] = {
    {"--port", "PORT", "listen here on 127.0.0.1; default: a free port", NULL},
    {"--certificate", "FILE", "serve TLS with this certificate (PEM)", NULL},
    {"--key", "FILE", "the certificate's key (PEM)", NULL},
    {"--topic", "NAME", "make this topic (projects/p/topics/t)", set_topic},
    {"--subscription", "NAME=TOPIC", "make this subscription, and its topic", set_subscription},
    {"--ordered-subscription", "NAME=TOPIC", "the same, with message ordering", set_ordered},
    {"--break-every", "N", "end each stream after N messages", set_break_every},
    {"--delay", "MS", "answer this much later", set_delay},
    {"--duplicate", "N", "deliver each message N times", set_duplicate},
    {"--unconfirmed", "N", "take the first N publishes, and answer UNAVAILABLE", set_unconfirmed},
    {"--lose-acks", "0|1", "forget acks", set_lose_acks},
    {"--black-hole", "0|1", "answer nothing", set_black_hole},
    {"--refuse", "METHOD:STATUS:CALLS", "answer the first calls of a method with a status", set_refuse},
};

enum { OPTIONS = sizeof options / sizeof *options };

static _Noreturn void help(void) {
    printf("usage: fake-pubsub [option value]...\n");
    for (size_t i = 0; i < OPTIONS; i++)
        printf("  %-24s %-20s %s\n", options[i].name, options[i].value, options[i].help);
    exit(0);
}

static char *read_file(const char *path) {
    FILE *file = fopen(path, "r");
    char *text = file ? calloc(1, PEM_MAX + 1) : NULL;
    if (!text || fread(text, 1, PEM_MAX, file) == 0) {
        fprintf(stderr, "fake-pubsub: %s: %s\n", path, strerror(errno));
        exit(2);
    }
    fclose(file);
    return text;
}

static size_t option_of(int argc, char **argv, int at) {
    if (strcmp(argv[at], "--help") == 0)
        help();
    for (size_t i = 0; i < OPTIONS; i++)
        if (strcmp(argv[at], options[i].name) == 0) {
            if (at + 1 == argc)
                usage_error(argv[at], NULL, options[i].value);
            return i;
        }
    usage_error(argv[at], NULL, "a known option; see --help");
}

int main(int argc, char **argv) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGUSR1);
    sigaddset(&signals, SIGUSR2);
    pthread_sigmask(
        SIG_BLOCK, &signals, NULL); /* before any thread is there, so that sigwait alone gets them */

    struct fake_pubsub_options start = {.port = 0};
    char *certificate = NULL, *key = NULL;
    for (int i = 1; i < argc; i += 2) {
        const char *name = options[option_of(argc, argv, i)].name;
        if (strcmp(name, "--port") == 0)
            start.port = number(name, argv[i + 1]);
        else if (strcmp(name, "--certificate") == 0)
            start.certificate = certificate = read_file(argv[i + 1]);
        else if (strcmp(name, "--key") == 0)
            start.key = key = read_file(argv[i + 1]);
    }
    struct fake_pubsub *fake;
    require(fake_pubsub_start(&start, &fake));
    for (int i = 1; i < argc; i += 2) {
        size_t option = option_of(argc, argv, i);
        if (options[option].set)
            options[option].set(fake, argv[i + 1]);
    }
    printf("%d\n", fake_pubsub_port(fake));
    fflush(stdout);
    int signal_number = 0;
    while (sigwait(&signals, &signal_number) == 0 && signal_number != SIGTERM && signal_number != SIGINT)
        if (signal_number == SIGUSR1)
            fake_pubsub_stop(fake);
        else
            require(fake_pubsub_restart(fake));
    fake_pubsub_free(&fake);
    free(certificate);
    free(key);
    return 0;
}
