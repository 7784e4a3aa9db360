#include "bus/pubsub_item.h"
#include "bus/pubsub_outgoing.h"
#include "support/check.h"

#include <stdlib.h>
#include <string.h>

/* What goes out, packed and unpacked as the server would send it. */
static struct pubsub_item *through_the_wire(const struct message *message, const char *id) {
    struct pubsub_outgoing *outgoing = pubsub_outgoing_new(message, NULL, NULL);
    assert_non_null(outgoing);
    Google__Pubsub__V1__Timestamp time = GOOGLE__PUBSUB__V1__TIMESTAMP__INIT;
    time.seconds = 1637193600;
    time.nanos = 123999999;
    outgoing->wire.message_id = (char *)id;
    outgoing->wire.publish_time = &time;
    Google__Pubsub__V1__ReceivedMessage received = GOOGLE__PUBSUB__V1__RECEIVED_MESSAGE__INIT;
    received.ack_id = (char *)"ack";
    received.message = &outgoing->wire;
    uint8_t packed[4096];
    size_t size = google__pubsub__v1__received_message__get_packed_size(&received);
    assert_true(size <= sizeof packed);
    google__pubsub__v1__received_message__pack(&received, packed);
    free(outgoing);
    Google__Pubsub__V1__ReceivedMessage *unpacked =
        google__pubsub__v1__received_message__unpack(NULL, size, packed);
    assert_non_null(unpacked);
    struct pubsub_item *item = pubsub_item_new(unpacked, NULL);
    google__pubsub__v1__received_message__free_unpacked(unpacked, NULL);
    assert_non_null(item);
    return item;
}

static void a_message_goes_out_and_comes_in_whole(void **state) {
    (void)state;
    struct attribute attributes[] = {{"one", "1"}, {"empty", ""}, {"long name", "long value"}};
    struct message message = {.data = "\0bytes\0",
        .size = 7,
        .attributes = attributes,
        .attribute_count = 3,
        .ordering_key = "nba/2021-11-17"};
    struct pubsub_item *item = through_the_wire(&message, "id");
    const struct message *got = &item->delivery.message;
    assert_string_equal(item->lease.word.ack_id, "ack");
    assert_string_equal(got->id, "id");
    assert_int_equal(got->size, 7);
    assert_memory_equal(got->data, "\0bytes\0", 8); /* and a NUL behind */
    assert_int_equal(got->attribute_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(got->attributes[i].key, attributes[i].key);
        assert_string_equal(got->attributes[i].value, attributes[i].value);
    }
    assert_string_equal(got->ordering_key, "nba/2021-11-17");
    assert_int_equal(got->published_ms, 1637193600123);
    pubsub_item_free(item);
}

static void the_lease_outlives_the_message(void **state) {
    (void)state;
    struct pubsub_item *item = through_the_wire(&(struct message){.data = "bytes", .size = 5}, "id");
    pubsub_item_drop_message(item);
    assert_null(item->content);
    assert_null(item->delivery.message.data);
    assert_string_equal(item->lease.word.ack_id, "ack");
    pubsub_item_free(item);
}

static void a_bare_message_too(void **state) {
    (void)state;
    struct pubsub_item *item = through_the_wire(&(struct message){0}, "");
    assert_int_equal(item->delivery.message.size, 0);
    assert_int_equal(item->delivery.message.attribute_count, 0);
    assert_null(item->delivery.message.ordering_key);
    assert_string_equal(item->delivery.message.id, "");
    pubsub_item_free(item);
}

/* Nobody sends this; a server that does must not bring us down. */
static void a_delivery_without_a_message_is_empty(void **state) {
    (void)state;
    Google__Pubsub__V1__ReceivedMessage received = GOOGLE__PUBSUB__V1__RECEIVED_MESSAGE__INIT;
    received.ack_id = (char *)"ack";
    struct pubsub_item *item = pubsub_item_new(&received, NULL);
    assert_non_null(item);
    assert_int_equal(item->delivery.message.size, 0);
    assert_int_equal(item->delivery.message.published_ms, 0);
    assert_string_equal(item->lease.word.ack_id, "ack");
    pubsub_item_free(item);
}

/* Nor this: a time that no Timestamp may be. */
static void a_publish_time_of_no_year_is_none(void **state) {
    (void)state;
    static const int64_t seconds[] = {INT64_MAX, INT64_MIN, INT64_C(253402300800), INT64_C(-62135596801)};
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
        Google__Pubsub__V1__Timestamp time = GOOGLE__PUBSUB__V1__TIMESTAMP__INIT;
        Google__Pubsub__V1__PubsubMessage message = GOOGLE__PUBSUB__V1__PUBSUB_MESSAGE__INIT;
        Google__Pubsub__V1__ReceivedMessage received = GOOGLE__PUBSUB__V1__RECEIVED_MESSAGE__INIT;
        time.seconds = seconds[i];
        message.publish_time = &time;
        received.message = &message;
        struct pubsub_item *item = pubsub_item_new(&received, NULL);
        assert_non_null(item);
        assert_int_equal(item->delivery.message.published_ms, 0);
        pubsub_item_free(item);
    }
}

static void a_size_covers_the_wire(void **state) {
    (void)state;
    static char data[100000];
    struct message message = {.data = data, .size = sizeof data, .ordering_key = "key"};
    struct pubsub_outgoing *outgoing = pubsub_outgoing_new(&message, NULL, NULL);
    assert_non_null(outgoing);
    Google__Pubsub__V1__PublishRequest request = GOOGLE__PUBSUB__V1__PUBLISH_REQUEST__INIT;
    Google__Pubsub__V1__PubsubMessage *messages[] = {&outgoing->wire};
    request.messages = messages;
    request.n_messages = 1;
    assert_true(google__pubsub__v1__publish_request__get_packed_size(&request) <= outgoing->size);
    free(outgoing);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_goes_out_and_comes_in_whole),
        cmocka_unit_test(the_lease_outlives_the_message),
        cmocka_unit_test(a_bare_message_too),
        cmocka_unit_test(a_delivery_without_a_message_is_empty),
        cmocka_unit_test(a_publish_time_of_no_year_is_none),
        cmocka_unit_test(a_size_covers_the_wire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
