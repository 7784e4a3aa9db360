#include "bus/bus_ops.h"
#include "bus/streams_entry.h"
#include "support/check.h"

#include <stdlib.h>
#include <string.h>

/* --- Answers of Redis, made by hand --------------------------------------------------------------------- */

static redisReply text(const char *bytes, size_t length) {
    return (redisReply){.type = REDIS_REPLY_STRING, .str = (char *)bytes, .len = length};
}

struct made {
    redisReply values[16], *pointers[16], fields, name, *pair[2], element;
    size_t count;
};

static void add(struct made *made, const char *bytes, size_t length) {
    made->values[made->count] = text(bytes, length);
    made->pointers[made->count] = &made->values[made->count];
    made->count++;
}

static const redisReply *finish(struct made *made, const char *id) {
    made->fields =
        (redisReply){.type = REDIS_REPLY_ARRAY, .elements = made->count, .element = made->pointers};
    made->name = text(id, strlen(id));
    made->pair[0] = &made->name;
    made->pair[1] = &made->fields;
    made->element = (redisReply){.type = REDIS_REPLY_ARRAY, .elements = 2, .element = made->pair};
    return &made->element;
}

/* --- Ids ------------------------------------------------------------------------------------------------ */

static void ids_are_read(void **state) {
    (void)state;
    struct stream_id id;
    assert_true(stream_id_parse("1700000000000-12", &id));
    assert_int_equal(id.ms, INT64_C(1700000000000));
    assert_int_equal(id.sequence, 12);
    assert_true(stream_id_parse("18446744073709551615-18446744073709551615", &id));
    assert_true(id.ms == UINT64_MAX && id.sequence == UINT64_MAX);
    assert_true(stream_id_parse("0-0", &id));
}

static void what_is_no_id_is_refused(void **state) {
    (void)state;
    const char *wrong[] = {"", "-", "1", "1-", "-1", "1-2-3", "a-1", "1-a", " 1-1", "1-1 ", "+1-1",
        "18446744073709551616-0", "0-18446744073709551616", "1-99999999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct stream_id id = {7, 7};
        assert_false(stream_id_parse(wrong[i], &id));
        assert_true(id.ms == 7 && id.sequence == 7);
    }
}

/* --- Reading -------------------------------------------------------------------------------------------- */

static void an_entry_becomes_a_message(void **state) {
    (void)state;
    struct made made = {0};
    struct subscription subscription;
    struct stream_id id;
    add(&made, "a:run", 5);
    add(&made, "2", 1);
    add(&made, "data", 4);
    add(&made, "a\0b", 3);
    add(&made, "unknown", 7);
    add(&made, "ignored", 7);
    add(&made, "key", 3);
    add(&made, "nba/2021-11-17", 14);
    add(&made, "a:", 2);
    add(&made, "", 0);
    const redisReply *element = finish(&made, "1700000000000-3");
    assert_int_equal(entry_read(element, &id), ENTRY_FULL);
    struct entry *entry = entry_new(element, id, &subscription);
    assert_non_null(entry);
    const struct message *message = &entry->delivery.message;
    assert_ptr_equal(entry->delivery.subscription, &subscription);
    assert_string_equal(message->id, "1700000000000-3");
    assert_int_equal(message->published_ms, INT64_C(1700000000000));
    assert_int_equal(message->size, 3);
    assert_memory_equal(message->data, "a\0b", 3);
    assert_string_equal(message->ordering_key, "nba/2021-11-17");
    assert_int_equal(message->attribute_count, 2);
    assert_string_equal(message->attributes[0].key, "run");
    assert_string_equal(message->attributes[0].value, "2");
    assert_string_equal(message->attributes[1].key, "");
    free(entry);
}

static void an_entry_without_fields_is_an_empty_message(void **state) {
    (void)state;
    struct made made = {0};
    struct stream_id id;
    const redisReply *element = finish(&made, "1-1");
    assert_int_equal(entry_read(element, &id), ENTRY_FULL);
    struct entry *entry = entry_new(element, id, NULL);
    assert_int_equal(entry->delivery.message.size, 0);
    assert_non_null(entry->delivery.message.data);
    assert_null(entry->delivery.message.ordering_key);
    free(entry);
}

static void a_removed_entry_is_known_by_its_id(void **state) {
    (void)state;
    struct made made = {0};
    struct stream_id id;
    const redisReply *element = finish(&made, "5-6");
    made.fields = (redisReply){.type = REDIS_REPLY_NIL};
    assert_int_equal(entry_read(element, &id), ENTRY_DELETED);
    assert_int_equal(id.sequence, 6);
}

static void what_is_no_entry_is_strange(void **state) {
    (void)state;
    struct stream_id id;
    struct made odd = {0}, typed = {0}, named = {0}, nested = {0};
    add(&odd, "data", 4);
    assert_int_equal(entry_read(finish(&odd, "1-1"), &id), ENTRY_STRANGE);
    add(&typed, "data", 4);
    add(&typed, "x", 1);
    typed.values[1].type = REDIS_REPLY_INTEGER;
    assert_int_equal(entry_read(finish(&typed, "1-1"), &id), ENTRY_STRANGE);
    assert_int_equal(entry_read(finish(&named, "first"), &id), ENTRY_STRANGE);
    finish(&nested, "1-1");
    nested.element.elements = 1;
    assert_int_equal(entry_read(&nested.element, &id), ENTRY_STRANGE);
    redisReply nil = {.type = REDIS_REPLY_NIL};
    assert_int_equal(entry_read(&nil, &id), ENTRY_STRANGE);
}

/* --- Writing -------------------------------------------------------------------------------------------- */

static void check_argument(const struct command *command, int index, const char *bytes, size_t length) {
    assert_true(index < command->argc);
    assert_int_equal(command->lengths[index], length);
    assert_memory_equal(command->argv[index], bytes, length);
}

static void a_message_becomes_an_entry(void **state) {
    (void)state;
    const struct attribute attributes[] = {{"group", "2"}, {"empty", ""}};
    struct message message = {
        .data = "\0x", .size = 2, .attributes = attributes, .attribute_count = 2, .ordering_key = "k"};
    struct command *command = command_xadd("pg:bus:{t}", &message);
    assert_int_equal(command->argc, 11);
    check_argument(command, 0, "XADD", 4);
    check_argument(command, 1, "pg:bus:{t}", 10);
    check_argument(command, 2, "*", 1);
    check_argument(command, 3, "data", 4);
    check_argument(command, 4, "\0x", 2);
    check_argument(command, 5, "key", 3);
    check_argument(command, 6, "k", 1);
    check_argument(command, 7, "a:group", 7);
    check_argument(command, 8, "2", 1);
    check_argument(command, 9, "a:empty", 7);
    check_argument(command, 10, "", 0);
    free(command);
}

static void without_data_and_key_there_is_an_empty_field_and_no_key(void **state) {
    (void)state;
    struct message message = {.ordering_key = ""};
    struct command *command = command_xadd("s", &message);
    assert_int_equal(command->argc, 5);
    check_argument(command, 4, "", 0);
    free(command);
}

static void too_large_messages_are_refused(void **state) {
    (void)state;
    static char long_text[2000];
    memset(long_text, 'x', sizeof long_text - 1);
    struct attribute attributes[STREAMS_ATTRIBUTES_MAX + 1];
    for (size_t i = 0; i <= STREAMS_ATTRIBUTES_MAX; i++)
        attributes[i] = (struct attribute){"name", "value"};
    struct message fine = {
        .size = STREAMS_DATA_MAX, .attributes = attributes, .attribute_count = STREAMS_ATTRIBUTES_MAX};
    check_ok(message_check(&fine));
    check_fails(message_check(&(struct message){.size = STREAMS_DATA_MAX + 1}), CODE_LIMIT, "10000001 bytes");
    fine.attribute_count++;
    check_fails(message_check(&fine), CODE_LIMIT, "101 attributes");
    fine.attribute_count = 1;
    attributes[0].value = long_text;
    check_fails(message_check(&fine), CODE_LIMIT, "name is longer");
    attributes[0] = (struct attribute){long_text, "value"};
    check_fails(message_check(&fine), CODE_LIMIT, "is longer");
    attributes[0] = (struct attribute){"", "value"};
    check_fails(message_check(&fine), CODE_INVALID, "no name");
    check_fails(message_check(&(struct message){.ordering_key = long_text}), CODE_LIMIT, "ordering key");
}

/* --- Queues --------------------------------------------------------------------------------------------- */

static void a_queue_gives_the_oldest_first(void **state) {
    (void)state;
    struct entry entries[3] = {0};
    struct entry_queue queue = {0};
    assert_null(entry_pop(&queue));
    for (size_t i = 0; i < 3; i++)
        entry_push(&queue, &entries[i]);
    assert_int_equal(queue.count, 3);
    assert_ptr_equal(entry_pop(&queue), &entries[0]);
    entry_push(&queue, &entries[0]);
    assert_ptr_equal(entry_pop(&queue), &entries[1]);
    assert_ptr_equal(entry_pop(&queue), &entries[2]);
    assert_ptr_equal(entry_pop(&queue), &entries[0]);
    assert_null(entry_pop(&queue));
    entry_push(&queue, &entries[2]);
    assert_ptr_equal(queue.first, &entries[2]);
    assert_int_equal(queue.count, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_read),
        cmocka_unit_test(what_is_no_id_is_refused),
        cmocka_unit_test(an_entry_becomes_a_message),
        cmocka_unit_test(an_entry_without_fields_is_an_empty_message),
        cmocka_unit_test(a_removed_entry_is_known_by_its_id),
        cmocka_unit_test(what_is_no_entry_is_strange),
        cmocka_unit_test(a_message_becomes_an_entry),
        cmocka_unit_test(without_data_and_key_there_is_an_empty_field_and_no_key),
        cmocka_unit_test(too_large_messages_are_refused),
        cmocka_unit_test(a_queue_gives_the_oldest_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
