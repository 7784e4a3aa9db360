#include "support/fake_pubsub.h"

#include "support/fake_pubsub_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <grpc/grpc_security.h>

enum {
    CALLS_REQUESTED = 16,           /* calls that may arrive while the thread is busy with another */
    TICK_MS = 50,                   /* how soon a lease that has run out is seen */
    REQUEST_MAX = 64 * 1024 * 1024, /* above every limit of Pub/Sub's, so that ours are the ones that speak */
};

int64_t fake_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t fake_lease_now_ms(const struct fake_pubsub *fake) {
    return fake_now_ms() + fake->ahead_ms;
}

/* --- The server's thread -------------------------------------------------------------------------------- */

/* What time brings: leases that have run out, answers that were delayed. The time to look again. */
static int64_t tick(struct fake_pubsub *fake) {
    bool expired = false;
    for (size_t i = 0; i < fake->store.subscription_count; i++)
        expired |= fake_subscription_expire(fake->store.subscriptions[i], fake_lease_now_ms(fake));
    if (expired)
        fake_streams_deliver(fake);
    int64_t now = fake_now_ms(), next = fake_calls_answer_due(fake, now);
    return next < now + TICK_MS ? next : now + TICK_MS;
}

static gpr_timespec grpc_time(int64_t monotonic_ms) {
    return gpr_time_add(
        gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(monotonic_ms - fake_now_ms(), GPR_TIMESPAN));
}

static void *serve(void *context) {
    struct fake_pubsub *fake = context;
    int64_t next_tick = 0;
    for (;;) {
        grpc_event event = grpc_completion_queue_next(fake->queue, grpc_time(next_tick), NULL);
        if (event.type == GRPC_QUEUE_SHUTDOWN)
            return NULL;
        pthread_mutex_lock(&fake->mutex);
        if (event.type == GRPC_OP_COMPLETE && event.tag == fake)
            grpc_completion_queue_shutdown(
                fake->queue); /* it has stopped; the thread ends with the last event */
        else if (event.type == GRPC_OP_COMPLETE)
            fake_call_event(event.tag, event.success);
        next_tick = tick(fake);
        pthread_mutex_unlock(&fake->mutex);
    }
}

/* --- Start and stop ------------------------------------------------------------------------------------- */

static grpc_server_credentials *make_credentials(const struct fake_pubsub_options *options) {
    if (!options->certificate)
        return grpc_insecure_server_credentials_create();
    grpc_ssl_pem_key_cert_pair pair = {.private_key = options->key, .cert_chain = options->certificate};
    grpc_ssl_server_certificate_config *config = grpc_ssl_server_certificate_config_create(NULL, &pair, 1);
    return grpc_ssl_server_credentials_create_with_options(
        grpc_ssl_server_credentials_create_options_using_config(
            GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE, config));
}

static grpc_server *make_server(void) {
    grpc_arg args[] = {
        {.type = GRPC_ARG_INTEGER, .key = (char *)GRPC_ARG_ALLOW_REUSEPORT, .value.integer = 0},
        {.type = GRPC_ARG_INTEGER,
            .key = (char *)GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH,
            .value.integer = REQUEST_MAX},
    };
    return grpc_server_create(&(grpc_channel_args){sizeof args / sizeof *args, args}, NULL);
}

/* Stops the server, started or not, and waits until nothing of it is left. */
static void close_server(struct fake_pubsub *fake) {
    pthread_mutex_lock(&fake->mutex);
    fake->serving = false;
    fake->faults.black_hole = false;
    grpc_server_shutdown_and_notify(fake->server, fake->queue, fake);
    grpc_server_cancel_all_calls(fake->server);
    pthread_mutex_unlock(&fake->mutex);
    pthread_join(fake->thread, NULL);
    grpc_server_destroy(fake->server);
    grpc_completion_queue_destroy(fake->queue);
    fake->server = NULL;
    fake->queue = NULL;
}

static struct result open_server(struct fake_pubsub *fake) {
    char address[sizeof fake->address];
    snprintf(address, sizeof address, "127.0.0.1:%d", fake->options.port);
    fake->queue = grpc_completion_queue_create_for_next(NULL);
    fake->server = make_server();
    grpc_server_register_completion_queue(fake->server, fake->queue, NULL);
    grpc_server_credentials *credentials = make_credentials(&fake->options);
    int port = credentials ? grpc_server_add_http2_port(fake->server, address, credentials) : 0;
    grpc_server_credentials_release(credentials);
    grpc_server_start(fake->server);
    if (pthread_create(&fake->thread, NULL, serve, fake) != 0)
        abort();
    if (port <= 0) {
        close_server(fake);
        return fail(CODE_UNAVAILABLE, "fake Pub/Sub: cannot serve on %s: is the port taken?", address);
    }
    pthread_mutex_lock(&fake->mutex);
    fake->options.port = port;
    snprintf(fake->address, sizeof fake->address, "127.0.0.1:%d", port);
    fake->serving = true;
    for (int i = 0; i < CALLS_REQUESTED; i++)
        fake_call_request(fake);
    pthread_mutex_unlock(&fake->mutex);
    return ok();
}

static bool copy_text(const char *text, const char **copy) {
    *copy = text ? strdup(text) : NULL;
    return !text || *copy;
}

struct result fake_pubsub_start(const struct fake_pubsub_options *options, struct fake_pubsub **fake) {
    struct fake_pubsub *made = calloc(1, sizeof *made);
    if (!made)
        return fail(CODE_INTERNAL, "fake Pub/Sub: out of memory");
    grpc_init();
    pthread_mutex_init(&made->mutex, NULL);
    TAILQ_INIT(&made->calls);
    made->faults.duplicate = 1;
    struct result r = ok();
    if (options) {
        made->options.port = options->port;
        if (!copy_text(options->certificate, &made->options.certificate)
            || !copy_text(options->key, &made->options.key))
            r = fail(CODE_INTERNAL, "fake Pub/Sub: out of memory");
    }
    if (is_ok(r))
        r = open_server(made);
    if (is_ok(r))
        *fake = made;
    else
        fake_pubsub_free(&made);
    return r;
}

void fake_pubsub_stop(struct fake_pubsub *fake) {
    if (fake->server)
        close_server(fake);
}

struct result fake_pubsub_restart(struct fake_pubsub *fake) {
    fake_pubsub_stop(fake);
    return open_server(fake);
}

void fake_pubsub_free(struct fake_pubsub **fake) {
    struct fake_pubsub *gone = *fake;
    if (!gone)
        return;
    fake_pubsub_stop(gone);
    fake_store_clear(&gone->store);
    for (int i = 0; i < FAKE_METHODS; i++)
        json_decref(gone->headers_of[i]);
    pthread_mutex_destroy(&gone->mutex);
    free((char *)gone->options.certificate);
    free((char *)gone->options.key);
    free(gone);
    *fake = NULL;
    grpc_shutdown();
}

const char *fake_pubsub_address(const struct fake_pubsub *fake) {
    return fake->address;
}

int fake_pubsub_port(const struct fake_pubsub *fake) {
    return fake->options.port;
}
