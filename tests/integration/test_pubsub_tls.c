/*
 * Pub/Sub as in production: over TLS, with Google's default credentials from a service account's key. What is
 * not who it says it is gets nothing, and nothing ever leaves in plain text.
 */
#include "support/check.h"
#include "support/fake_pubsub.h"
#include "support/loop.h"
#include "support/pubsub_world.h"
#include "support/skip.h"
#include "support/temp_dir.h"
#include "support/tls_files.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOPIC "projects/p/topics/completions"
#define SUBSCRIPTION "projects/p/subscriptions/phasegate"
#define EMAIL "phasegate@test.iam.gserviceaccount.com"

enum { HEADER_MAX = 4096 };

/* Made once for all tests: gRPC reads the roots that it trusts when it first needs them, and keeps them. */
static struct {
    struct temp_dir dir;
    struct tls_certificate trusted, stranger;
} files;

static int make_files(void **state) {
    (void)state;
    char account[TLS_PATH_MAX];
    files.dir = temp_dir_make();
    require_started(tls_certificate_make(files.dir.path, "trusted", &files.trusted));
    check_ok(tls_certificate_make(files.dir.path, "stranger", &files.stranger));
    check_ok(tls_account_make(files.dir.path, EMAIL, account));
    setenv("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", files.trusted.certificate, 1);
    setenv("GOOGLE_APPLICATION_CREDENTIALS", account, 1);
    setenv("GRPC_DNS_RESOLVER", "native", 1); /* c-ares leaks a few bytes when asked for localhost */
    return 0;
}

static int remove_files(void **state) {
    (void)state;
    temp_dir_remove(&files.dir);
    return 0;
}

struct scene {
    struct fake_pubsub *fake;
    struct world world;
};

/* A fake with this certificate (NULL: plain text), and a bus that is told to find it at host. */
static struct scene *open_scene(const struct tls_certificate *certificate, const char *host) {
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    char *pem = certificate ? tls_file_read(certificate->certificate) : NULL;
    char *key = certificate ? tls_file_read(certificate->key) : NULL;
    struct fake_pubsub_options options = {.certificate = pem, .key = key};
    check_ok(fake_pubsub_start(&options, &scene->fake));
    free(pem);
    free(key);
    check_ok(fake_pubsub_create(scene->fake, TOPIC, SUBSCRIPTION, false));

    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "%s:%d", host, fake_pubsub_port(scene->fake));
    struct pubsub_settings settings = {
        .project = "p", .endpoint = endpoint, .streams = 1, .lease_seconds = 10};
    assert_int_equal(uv_loop_init(&scene->world.loop), 0);
    log_capture_open(&scene->world.log);
    check_ok(bus_open_pubsub(&scene->world.loop, &settings, &scene->world.log.log, &scene->world.bus));
    return scene;
}

static void close_scene(struct scene *scene) {
    world_close(&scene->world);
    fake_pubsub_free(&scene->fake);
    free(scene);
}

/* --- The token ------------------------------------------------------------------------------------------ */

/* The bytes of a base64url text without padding (RFC 4648 section 5), as a string. */
static void decode(const char *text, size_t length, char *out, size_t size) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t bits = 0;
    int held = 0;
    size_t count = 0;
    for (size_t i = 0; i < length; i++) {
        const char *digit = strchr(digits, text[i]);
        assert_non_null(digit);
        bits = bits << 6 | (uint32_t)(digit - digits);
        held += 6;
        if (held < 8)
            continue;
        held -= 8;
        assert_true(count + 1 < size);
        out[count++] = (char)(bits >> held & 0xff);
    }
    out[count] = '\0';
}

/* The claims of the JSON Web Token that the method's last call came with. */
static json_t *claims_of(struct fake_pubsub *fake, enum fake_method method) {
    char header[HEADER_MAX], claims[HEADER_MAX];
    assert_true(fake_pubsub_header(fake, method, "authorization", header, sizeof header));
    assert_memory_equal(header, "Bearer ", 7);
    const char *first = strchr(header, '.'), *second = first ? strchr(first + 1, '.') : NULL;
    assert_non_null(second);
    decode(first + 1, (size_t)(second - first - 1), claims, sizeof claims);
    json_t *parsed = json_loads(claims, 0, NULL);
    assert_non_null(parsed);
    return parsed;
}

/* Signed for us, and good for this server alone. */
static void check_token(struct fake_pubsub *fake, enum fake_method method) {
    char audience[128];
    snprintf(audience, sizeof audience, "https://localhost:%d/", fake_pubsub_port(fake));
    json_t *claims = claims_of(fake, method);
    assert_string_equal(json_string_value(json_object_get(claims, "iss")), EMAIL);
    assert_memory_equal(json_string_value(json_object_get(claims, "aud")), audience, strlen(audience));
    json_decref(claims);
}

/* --- The tests ------------------------------------------------------------------------------------------ */

static void messages_flow_over_tls_with_a_token(void **state) {
    (void)state;
    struct scene *scene = open_scene(&files.trusted, "localhost");
    world_subscribe(&scene->world, "phasegate", 0);
    world_publish(&scene->world, "completions", "over TLS", "nba/2021-11-17");
    world_await_outcomes(&scene->world, 1);
    check_ok(scene->world.outcomes[0].result);
    world_await_received(&scene->world, 1);
    assert_string_equal(scene->world.received[0].text, "over TLS");
    world_ack_all(&scene->world);
    check_ok(world_flush(&scene->world));
    assert_int_equal(fake_pubsub_counts(scene->fake, SUBSCRIPTION).acked, 1);

    check_token(scene->fake, FAKE_PUBLISH);
    check_token(scene->fake, FAKE_STREAMING_PULL);
    check_token(scene->fake, FAKE_ACKNOWLEDGE);
    char value[HEADER_MAX];
    assert_true(fake_pubsub_header(scene->fake, FAKE_PUBLISH, "x-goog-request-params", value, sizeof value));
    assert_non_null(strstr(value, "topic="));
    close_scene(scene);
}

static void survives_a_restart(void **state) {
    (void)state;
    struct scene *scene = open_scene(&files.trusted, "localhost");
    scene->world.acks = true;
    world_subscribe(&scene->world, "phasegate", 0);
    world_publish(&scene->world, "completions", "before", NULL);
    world_await_received(&scene->world, 1);
    fake_pubsub_stop(scene->fake);
    check_ok(fake_pubsub_restart(scene->fake));
    const struct message message = {.data = "after", .size = 5};
    check_ok(fake_pubsub_publish(scene->fake, TOPIC, &message));
    world_await_received(&scene->world, 2);
    assert_string_equal(scene->world.received[1].text, "after");
    close_scene(scene);
}

/* Nothing reaches a server that cannot be trusted, and the caller hears that it could not be published. */
static void check_refused(struct scene *scene) {
    world_subscribe(&scene->world, "phasegate", 0);
    world_publish(&scene->world, "completions", "secret", NULL);
    world_await_outcomes(&scene->world, 1);
    check_fails(scene->world.outcomes[0].result, CODE_UNAVAILABLE, "");
    for (enum fake_method method = 0; method < FAKE_METHODS; method++)
        assert_int_equal(fake_pubsub_calls(scene->fake, method), 0);
    close_scene(scene);
}

static void a_stranger_gets_nothing(void **state) {
    (void)state;
    check_refused(open_scene(&files.stranger, "localhost"));
}

static void another_name_gets_nothing(void **state) {
    (void)state;
    check_refused(open_scene(&files.trusted, "127.0.0.1"));
}

static void plain_text_gets_nothing(void **state) {
    (void)state;
    check_refused(open_scene(NULL, "localhost"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_flow_over_tls_with_a_token),
        cmocka_unit_test(survives_a_restart),
        cmocka_unit_test(a_stranger_gets_nothing),
        cmocka_unit_test(another_name_gets_nothing),
        cmocka_unit_test(plain_text_gets_nothing),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
