#include "redis/bounds.h"
#include "support/check.h"

#include <string.h>

static redisReader *reader;

static int set_up(void **state) {
    (void)state;
    reader = redisReaderCreate();
    redis_bound(reader);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    redisReaderFree(reader);
    return 0;
}

static void feed(const char *bytes) {
    assert_int_equal(redisReaderFeed(reader, bytes, strlen(bytes)), REDIS_OK);
}

static redisReply *next(void) {
    void *reply = NULL;
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    return reply;
}

static void check_ends(const char *bytes) {
    void *reply = NULL;
    feed(bytes);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_ERR);
    assert_null(reply);
}

static void answers_are_read_as_ever(void **state) {
    (void)state;
    feed("*6\r\n$3\r\na");
    static const char rest[] = "\0b\r\n:-7\r\n$-1\r\n+OK\r\n-ERR no\r\n*2\r\n*0\r\n*-1\r\n";
    assert_int_equal(redisReaderFeed(reader, rest, sizeof rest - 1), REDIS_OK);
    redisReply *reply = next();
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    assert_int_equal(reply->elements, 6);
    assert_int_equal(reply->element[0]->len, 3);
    assert_memory_equal(reply->element[0]->str, "a\0b", 4);
    assert_int_equal(reply->element[1]->integer, -7);
    assert_int_equal(reply->element[2]->type, REDIS_REPLY_NIL);
    assert_int_equal(reply->element[3]->type, REDIS_REPLY_STATUS);
    assert_string_equal(reply->element[4]->str, "ERR no");
    assert_int_equal(reply->element[4]->type, REDIS_REPLY_ERROR);
    assert_int_equal(reply->element[5]->elements, 2);
    assert_int_equal(reply->element[5]->element[0]->elements, 0);
    assert_int_equal(reply->element[5]->element[1]->type, REDIS_REPLY_NIL);
    freeReplyObject(reply);
}

static void a_list_that_claims_too_much_ends_the_connection(void **state) {
    (void)state;
    check_ends("*1048577\r\n");
}

static void so_does_one_within_a_list(void **state) {
    (void)state;
    check_ends("*2\r\n*1\r\n:1\r\n*2147483647\r\n");
}

static void the_longest_list_is_read(void **state) {
    (void)state;
    feed("*1048576\r\n");
    for (int i = 0; i < REDIS_ELEMENTS_MAX; i++)
        feed(":1\r\n");
    redisReply *reply = next();
    assert_int_equal(reply->elements, REDIS_ELEMENTS_MAX);
    freeReplyObject(reply);
}

/* A text is as long as what has come of it, whatever it claims; that has an end, which is not awaited here.
 */
static void a_text_that_does_not_end_ends_the_connection(void **state) {
    (void)state;
    feed("$4294967296\r\nx");
    assert_null(next());
    size_t length = reader->len;
    reader->len = REDIS_TEXT_BYTES_MAX;
    redis_bound_texts(reader);
    assert_int_equal(reader->err, 0);
    reader->len++;
    redis_bound_texts(reader);
    reader->len = length;
    assert_int_equal(redisReaderFeed(reader, "x", 1), REDIS_ERR);
    assert_non_null(strstr(reader->errstr, "a text of its answer has more than "));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_are_read_as_ever, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_list_that_claims_too_much_ends_the_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(so_does_one_within_a_list, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_longest_list_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_text_that_does_not_end_ends_the_connection, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
