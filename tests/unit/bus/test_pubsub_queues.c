#include "bus/pubsub_queues.h"
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct pubsub_queues *queues;

static int set_up(void **state) {
    (void)state;
    queues = pubsub_queues_new();
    return queues ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    pubsub_queues_free(&queues);
    return 0;
}

static struct pubsub_outgoing *put_size(const char *topic, const char *key, const char *text, size_t size) {
    struct message message = {.data = text, .size = strlen(text), .ordering_key = key};
    struct pubsub_outgoing *outgoing = pubsub_outgoing_new(&message, NULL, NULL);
    assert_non_null(outgoing);
    if (size > 0)
        outgoing->size = size;
    struct pubsub_queue *queue = pubsub_queues_get(queues, topic, key);
    assert_non_null(queue);
    pubsub_queue_put(queues, queue, outgoing);
    return outgoing;
}

static struct pubsub_outgoing *put(const char *topic, const char *key, const char *text) {
    return put_size(topic, key, text, 0);
}

/* Checks that the batch holds these one-letter messages, and frees it. */
static void check_batch(struct list_link *batch, const char *letters) {
    char got[64] = "";
    size_t count = 0;
    while (!list_empty(batch)) {
        struct pubsub_outgoing *outgoing = list_entry(batch->next, struct pubsub_outgoing, link);
        list_remove(&outgoing->link);
        if (count < sizeof got - 1)
            got[count++] = (char)*outgoing->wire.data.data;
        free(outgoing);
    }
    assert_string_equal(got, letters);
}

static struct pubsub_queue *next(struct list_link *batch) {
    list_init(batch);
    return pubsub_queues_next(queues, batch);
}

static void a_topic_and_a_key_have_one_queue(void **state) {
    (void)state;
    struct pubsub_queue *same[2], *other[4];
    struct list_link batch;
    put("t", "k", "a");
    same[0] = pubsub_queues_get(queues, "t", "k");
    put("t", NULL, "b");
    put("u", "k", "c");
    put("t", "", "d");
    put("tk", NULL, "e");
    same[1] = pubsub_queues_get(queues, "t", "k");
    assert_ptr_equal(same[0], same[1]);
    other[0] = pubsub_queues_get(queues, "t", NULL);
    other[1] = pubsub_queues_get(queues, "u", "k");
    other[2] = pubsub_queues_get(queues, "t", "");
    other[3] = pubsub_queues_get(queues, "tk", NULL);
    for (int i = 0; i < 4; i++) {
        assert_ptr_not_equal(same[0], other[i]);
        assert_ptr_not_equal(other[i], other[(i + 1) % 4]);
    }
    static const char *const letters[] = {"a", "b", "c", "d", "e"};
    for (int i = 0; i < 5; i++) { /* first come, first served */
        struct pubsub_queue *queue = next(&batch);
        check_batch(&batch, letters[i]);
        pubsub_queue_over(queues, queue);
    }
    assert_null(next(&batch));
}

static void a_key_has_one_request_at_a_time(void **state) {
    (void)state;
    struct list_link first, second;
    put("t", "k", "a");
    put("t", "k", "b");
    struct pubsub_queue *queue = next(&first);
    assert_string_equal(queue->key, "k");
    put("t", "k", "c");
    assert_null(next(&second));
    pubsub_queue_over(queues, queue);
    check_batch(&first, "ab");
    assert_ptr_equal(next(&second), queue);
    pubsub_queue_over(queues, queue);
    check_batch(&second, "c");
}

static void without_a_key_many_requests_go_at_once(void **state) {
    (void)state;
    struct list_link first, second;
    put("t", NULL, "a");
    struct pubsub_queue *queue = next(&first);
    put("t", NULL, "b");
    assert_ptr_equal(next(&second), queue);
    pubsub_queue_over(queues, queue);
    pubsub_queue_over(queues, queue);
    check_batch(&first, "a");
    check_batch(&second, "b");
}

static void a_request_has_its_limits(void **state) {
    (void)state;
    struct list_link batch;
    for (int i = 0; i < PUBSUB_BATCH_MESSAGES_MAX + 1; i++)
        put("count", NULL, "x");
    struct pubsub_queue *queue = next(&batch);
    size_t count = 0;
    for (struct list_link *link = batch.next; link != &batch; link = link->next)
        count++;
    assert_int_equal(count, PUBSUB_BATCH_MESSAGES_MAX);
    check_batch(&batch, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    assert_ptr_equal(next(&batch), queue);
    check_batch(&batch, "x");
    pubsub_queue_over(queues, queue);
    pubsub_queue_over(queues, queue);

    put_size("bytes", "k", "a", PUBSUB_BATCH_BYTES_MAX - 10);
    put_size("bytes", "k", "b", 10);
    put_size("bytes", "k", "c", 1);
    put_size("bytes", "k", "d", PUBSUB_BATCH_BYTES_MAX + 1); /* too large for any: by itself */
    put_size("bytes", "k", "e", 1);
    static const char *const batches[] = {"ab", "c", "d", "e"};
    for (int i = 0; i < 4; i++) {
        queue = next(&batch);
        assert_non_null(queue);
        check_batch(&batch, batches[i]);
        pubsub_queue_over(queues, queue);
    }
}

static void a_marked_message_goes_alone(void **state) {
    (void)state;
    struct list_link batch;
    put("t", "k", "a");
    put("t", "k", "b")->alone = true;
    put("t", "k", "c");
    put("t", "k", "d")->turned_away = true;
    put("t", "k", "e");
    put("t", "k", "f");
    static const char *const batches[] = {"a", "b", "c", "d", "ef"};
    for (int i = 0; i < 5; i++) {
        struct pubsub_queue *queue = next(&batch);
        check_batch(&batch, batches[i]);
        pubsub_queue_over(queues, queue);
    }
    assert_null(next(&batch));
}

static void what_is_put_back_goes_first(void **state) {
    (void)state;
    struct list_link batch;
    put("t", "k", "a");
    put("t", "k", "b");
    struct pubsub_queue *queue = next(&batch);
    put("t", "k", "c");
    pubsub_queue_put_back(queue, &batch);
    pubsub_queue_over(queues, queue);
    assert_ptr_equal(next(&batch), queue);
    check_batch(&batch, "abc");
    pubsub_queue_over(queues, queue);
}

static void a_drained_queue_stands_in_no_line(void **state) {
    (void)state;
    struct list_link batch, empty;
    put("t", "k", "a");
    struct pubsub_queue *queue = next(&batch);
    put("t", "k", "b");
    put("t", "k", "c");
    pubsub_queue_drain(queue, &batch);
    pubsub_queue_over(queues, queue);
    check_batch(&batch, "abc");
    assert_null(next(&empty));
}

static void thousands_of_keys_are_found_and_forgotten(void **state) {
    (void)state;
    enum { KEYS = 5000 };
    struct list_link batch;
    char key[16];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < KEYS; i++) {
            snprintf(key, sizeof key, "%d", i);
            put("t", key, "a");
        }
        for (int i = 0; i < KEYS; i++) {
            snprintf(key, sizeof key, "%d", i);
            struct pubsub_queue *queue = next(&batch);
            assert_string_equal(queue->key, key);
            assert_ptr_equal(pubsub_queues_get(queues, "t", key), queue);
            check_batch(&batch, "a");
            pubsub_queue_over(queues, queue);
        }
        assert_null(next(&batch));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_topic_and_a_key_have_one_queue, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_has_one_request_at_a_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_key_many_requests_go_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_request_has_its_limits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_marked_message_goes_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_put_back_goes_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_drained_queue_stands_in_no_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(thousands_of_keys_are_found_and_forgotten, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
