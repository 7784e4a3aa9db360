#include "core/json_notes.h"

#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 4, LONG = (1 << 20) + (1 << 17) /* where a buffer is hardly half full */ };

/* The keys that are noted: id, rows and tags of the message, and id and flag of tags. */
enum { ID, ROWS, TAGS, TAGS_ID, TAGS_FLAG, KEYS };

static const struct note_key names[KEYS] = {{"id", 2}, {"rows", 4}, {"tags", 4}, {"id", 2}, {"flag", 4}};
static const struct note_keys keys = {.keys = names, .count = KEYS, .outer = TAGS_ID, .inner = TAGS};

static struct note notes[KEYS];
static void *texts;

/* Reads from an allocation of exactly its size, so that the sanitizer sees a read past the end. */
static struct result read_bytes(const char *text, size_t size) {
    char *exact = malloc(size + !size);
    memcpy(exact, text, size);
    free(texts);
    texts = NULL;
    struct result r = json_note(exact, size, DEPTH_MAX, &keys, notes, &texts);
    memset(exact, '#', size); /* nothing that was noted may lie in the message */
    free(exact);
    return r;
}

static void check_read(const char *text) {
    check_ok(read_bytes(text, strlen(text)));
}

static void check_refused(const char *text, const char *reason) {
    struct result r = read_bytes(text, strlen(text));
    assert_string_equal(r.text, reason);
    assert_null(texts);
}

static void check_text(int key, const char *text, size_t length) {
    assert_int_equal(notes[key].kind, NOTE_TEXT);
    assert_int_equal(notes[key].length, length);
    assert_memory_equal(notes[key].text, text, length + 1);
}

static int let_go(void **state) {
    (void)state;
    free(texts);
    texts = NULL;
    return 0;
}

static void each_kind_of_value_is_noted(void **state) {
    (void)state;
    check_read("{\"id\": \"pgs\", \"rows\": 241, \"tags\": {\"id\": 2.5, \"flag\": true}}");
    check_text(ID, "pgs", 3);
    assert_int_equal(notes[ROWS].kind, NOTE_INTEGER);
    assert_int_equal(notes[ROWS].integer, 241);
    assert_int_equal(notes[TAGS].kind, NOTE_OBJECT);
    assert_int_equal(notes[TAGS_ID].kind, NOTE_REAL);
    assert_true(notes[TAGS_ID].real == 2.5);
    assert_int_equal(notes[TAGS_FLAG].kind, NOTE_TRUE);
    check_read(" \r\n\t{ \"rows\" : null , \"tags\" : [ ] , \"id\" : false } \n");
    assert_int_equal(notes[ID].kind, NOTE_FALSE);
    assert_int_equal(notes[ROWS].kind, NOTE_NULL);
    assert_int_equal(notes[TAGS].kind, NOTE_ARRAY);
    assert_int_equal(notes[TAGS_ID].kind, NOTE_ABSENT);
    assert_int_equal(notes[TAGS_FLAG].kind, NOTE_ABSENT);
}

/* The same names elsewhere are other keys. */
static void keys_count_where_they_are_looked_for(void **state) {
    (void)state;
    const char *const elsewhere[] = {"{}", "{\"flag\": 1}", "{\"tags.flag\": 1}",
        "{\"other\": {\"flag\": 1, \"id\": 1}}", "{\"other\": [{\"id\": 1}, \"id\"]}",
        "{\"i\": 1, \"idd\": 1, \"ID\": 1}", "{\"id\\u0000\": 1}",
        "{\"other\": {\"tags\": {\"flag\": 1, \"id\": 1}}}"};
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++) {
        check_read(elsewhere[i]);
        for (int key = 0; key < KEYS; key++)
            assert_int_equal(notes[key].kind, NOTE_ABSENT);
    }
    check_read("{\"tags\": [{\"flag\": 1}], \"x\": {\"flag\": 1}}");
    assert_int_equal(notes[TAGS_FLAG].kind, NOTE_ABSENT);
    check_read("{\"tags\": {\"x\": {\"flag\": 1}, \"y\": [1], \"id\": 7}, \"id\": 8, \"x\": {\"id\": 9}}");
    assert_int_equal(notes[TAGS_FLAG].kind, NOTE_ABSENT);
    assert_int_equal(notes[TAGS_ID].integer, 7);
    assert_int_equal(notes[ID].integer, 8);
    check_read("{\"\\u0069d\": 3}");
    assert_int_equal(notes[ID].integer, 3);
}

static void what_is_noted_may_not_come_twice(void **state) {
    (void)state;
    check_refused("{\"id\": null, \"id\": null}", "id comes twice; expected once");
    check_refused("{\"id\": 1, \"i\\u0064\": 2}", "id comes twice; expected once");
    check_refused("{\"tags\": {\"id\": 1, \"id\": 1}}", "tags.id comes twice; expected once");
    check_refused("{\"tags\": {\"id\": 1}, \"tags\": {\"id\": 1}}", "tags comes twice; expected once");
    check_read("{\"x\": 1, \"x\": 2, \"id\": {\"a\": 1, \"a\": 2}}");
}

static void escapes_are_undone(void **state) {
    (void)state;
    check_read("{\"id\": \"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u20AC\\ud83c\\udfc0\\u0000.\"}");
    check_text(ID, "\"\\/\b\f\n\r\t\xC3\xA9\xE2\x82\xAC\xF0\x9F\x8F\x80\0.", 19);
    check_read("{\"id\": \"\"}");
    check_text(ID, "", 0);
    check_read("{\"id\": \"\\\\ud800\"}"); /* a backslash, and six letters */
    check_text(ID, "\\ud800", 6);
}

static void numbers_are_kept_whole(void **state) {
    (void)state;
    check_read("{\"id\": 9223372036854775807, \"rows\": -9223372036854775808}");
    assert_true(notes[ID].integer == INT64_MAX && notes[ROWS].integer == INT64_MIN);
    check_read("{\"id\": -0, \"rows\": 1E-400}");
    assert_int_equal(notes[ID].integer, 0);
    assert_true(notes[ROWS].real == 0);
    check_read("{\"id\": 1.5e+3}");
    assert_true(notes[ID].real == 1500);
    check_refused("{\"id\": 9223372036854775808}", "not JSON: line 1 column 26: the number is too large");
    check_refused("{\"x\": -9223372036854775809}", "not JSON: line 1 column 26: the number is too large");
    check_refused("{\"x\": [1e309]}", "not JSON: line 1 column 12: the number is too large");
}

/* Each of them is refused, and where reading ended is told. */
static void what_is_no_json_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *reason;
    } refused[] = {
        {"", "column 0: premature EOF"},
        {"{\"id\": 1", "column 8: premature EOF"},
        {"{\"id\": \"", "column 8: premature EOF"},
        {"nope", "column 1: invalid string in json text"},
        {"{\"id\": NaN}", "column 8: invalid char in json text"},
        {"{id: 1}", "column 2: invalid char in json text"},
        {"{\"id\": 1,}", "column 10: invalid object key (must be a string)"},
        {"{1: 1}", "column 2: invalid object key (must be a string)"},
        {"{\"id\" 1}", "column 7: object key and value must be separated by a colon (':')"},
        {"{\"id\": 1 \"rows\": 2}", "column 11: after key and value, inside map, I expect ',' or '}'"},
        {"{\"id\": 01}", "column 8: after key and value, inside map, I expect ',' or '}'"},
        {"00", "column 2: trailing garbage"},
        {"{\"id\": -}", "column 8: malformed number, a digit is required after the minus sign"},
        {"{\"id\": 1.}", "column 9: malformed number, a digit is required after the decimal point"},
        {"{\"id\": 1e}", "column 9: malformed number, a digit is required after the exponent"},
        {"{\"id\": [1 2]}", "column 11: after array element, I expect ',' or ']'"},
        {"{\"id\": 1 /* one */}", "column 9: probable comment found in input text, comments are not enabled"},
        {"{\"id\": \"\t\"}", "column 8: invalid character inside string"},
        {"{\"id\": \"\\x\"}", "column 9: inside a string, '\\' occurs before a character which it may not"},
        {"{}}", "column 3: trailing garbage"},
        {"{} {}", "column 4: trailing garbage"},
        {"{} \"x", "column 5: trailing garbage"},
        {"{} tru", "column 6: trailing garbage"},
        {"\xEF\xBB\xBF{}", "column 1: invalid char in json text"},
        {"{}\f", "column 3: a control character"},
        {"{\v}", "column 2: a control character"},
        {"{\"\xC3\xA9\": \"\xC0\xAF\"}", "column 8: not UTF-8"},
        {"{\"x\": \"\xED\xA0\x80\"}", "column 8: not UTF-8"},
        {"{\"x\": \"\xF4\x90\x80\x80\"}", "column 8: not UTF-8"},
        {"{\"x\": \"\\ud800\"}", "column 8: half of a surrogate pair"},
        {"{\"x\": \"\\udc00\"}", "column 8: half of a surrogate pair"},
        {"{\"x\": \"\\ud83c\\u0041\"}", "column 8: half of a surrogate pair"},
        {"{\"x\": \"\\\\\\ud83c\\ud83c\\udfc0\"}", "column 10: half of a surrogate pair"},
        {"{\"x\": \"\\ud83c\\udfc0\\uDFC0\"}", "column 20: half of a surrogate pair"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        char reason[200];
        snprintf(reason, sizeof reason, "not JSON: line 1 %s", refused[i].reason);
        check_refused(refused[i].text, reason);
    }
    check_refused(
        "{\n  \"id\": 1,\n  \"\xC3\xA9\": ?\n}", "not JSON: line 3 column 8: invalid char in json text");
    check_fails(read_bytes("{}\0", 3), CODE_INVALID, "not JSON: line 1 column 3");
    check_fails(read_bytes("{\"x\": 1\0}", 9), CODE_INVALID, "not JSON: line 1 column 8");
    check_fails(read_bytes("{\"x\": \"\0\"}", 10), CODE_INVALID, "not JSON: line 1 column 7");
}

static void what_is_no_object_is_refused(void **state) {
    (void)state;
    check_refused("[[1]]", "not a JSON object but an array");
    check_refused("\"p\\u0067s\"", "not a JSON object but the text \"pgs\"");
    check_refused("12", "not a JSON object but the number 12");
    check_refused("1.5", "not a JSON object but the number 1.5");
    check_refused("true", "not a JSON object but true");
}

static void depth_has_an_end(void **state) {
    (void)state;
    check_read("{\"x\": [[{}], [[]], {\"x\": []}]}");
    check_refused("{\"x\": [[{\"x\": []}]]}", "JSON nested deeper than 4 levels");
    check_fails(read_bytes("[[[[[", 5), CODE_LIMIT, "JSON nested deeper than 4 levels");
}

/* A message of one text, of so many parts between a head and a tail; *size says how long it is. */
static char *long_message(const char *head, const char *part, const char *tail, size_t *size) {
    size_t parts = LONG / strlen(part);
    char *text = malloc(strlen(head) + LONG + strlen(tail));
    *size = strlen(head);
    memcpy(text, head, *size);
    for (size_t i = 0; i < parts; i++, *size += strlen(part))
        memcpy(text + *size, part, strlen(part));
    memcpy(text + *size, tail, strlen(tail));
    *size += strlen(tail);
    return text;
}

/* The memory that is taken beforehand is enough, or the process would end. */
static void long_texts_have_room(void **state) {
    (void)state;
    static const struct {
        const char *head, *part, *tail;
    } messages[] = {{"{\"id\": \"", "x", "\"}"}, {"{\"id\": \"", "x", ""}, {"{\"id\": \"\\n", "x", "\"}"},
        {"{\"id\": \"", "\\n", "\"}"}, {"{\"id\": \"", "\\n", ""}, {"\"", "\\n", "\""},
        {"{\"", "\\u00e9", "\": 1}"}, {"{\"id\": \"\\n\", \"", "\\n", "\": \"\\n"}, {"{} \"", "\\n", ""},
        {"{\"id\": ", "1", "}"}, {"{\"id\": 1.", "1", "}"},
        {"{\"id\": \"", "\\n012345678901234567890123456789", "\"}"}, {"{\"id\": 1.", "1", ""}};
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        size_t size;
        char *text = long_message(messages[i].head, messages[i].part, messages[i].tail, &size);
        for (size_t most = size; most > size - 3; most--)
            if (is_ok(read_bytes(text, most)) && notes[ID].kind == NOTE_TEXT)
                assert_true(notes[ID].length >= LONG / 2);
        for (size_t most = 1; most < size; most += most / 2 + 1)
            (void)!is_ok(read_bytes(text, most));
        free(text);
    }
}

#define test(name) cmocka_unit_test_teardown(name, let_go)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(each_kind_of_value_is_noted),
        test(keys_count_where_they_are_looked_for),
        test(what_is_noted_may_not_come_twice),
        test(escapes_are_undone),
        test(numbers_are_kept_whole),
        test(what_is_no_json_is_refused),
        test(what_is_no_object_is_refused),
        test(depth_has_an_end),
        test(long_texts_have_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
