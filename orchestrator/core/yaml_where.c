#include "core/yaml_where.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct yaml_where {
    const char *file;
    yaml_document_t document;
};

struct key_path key_path(const char *format, ...) {
    struct key_path path;
    va_list args;
    va_start(args, format);
    vsnprintf(path.text, sizeof path.text, format, args);
    va_end(args);
    return path;
}

static int line_of(yaml_mark_t mark) {
    return (int)mark.line + 1;
}

/* Messages quote the file, which may hold anything: what comes out is one printable line. */
static struct result at_line(const char *file, int line, struct result cause) {
    struct result r = fail_within(cause, "%s:%d", file, line);
    char shown[RESULT_TEXT_MAX];
    snprintf(r.text, sizeof r.text, "%s", text_show(r.text, strlen(r.text), shown, sizeof shown));
    return r;
}

/* --- The guard: a look at the events before a tree is built of them. ------------------------------------ */

/* The reader, which comes before lines are counted, reports a byte. */
static int line_of_byte(const yaml_parser_t *parser) {
    int line = 1;
    const unsigned char *text = parser->input.string.start;
    for (size_t i = 0; i < parser->problem_offset && text + i < parser->input.string.end; i++)
        line += text[i] == '\n';
    return line;
}

static struct result parser_problem(const char *file, const yaml_parser_t *parser) {
    if (parser->error == YAML_MEMORY_ERROR)
        return fail(CODE_INTERNAL, "%s: out of memory", file);
    const char *problem = parser->problem ? parser->problem : "no reason given";
    if (parser->error == YAML_READER_ERROR)
        return at_line(file, line_of_byte(parser), fail(CODE_INVALID, "not UTF-8 text: %s", problem));
    struct result r = parser->context ? fail(CODE_INVALID, "not valid YAML: %s, %s that began on line %d",
                          problem, parser->context, line_of(parser->context_mark))
                                      : fail(CODE_INVALID, "not valid YAML: %s", problem);
    return at_line(file, line_of(parser->problem_mark), r);
}

struct guard {
    int depth;
    int documents;
};

static struct result guard_event(struct guard *guard, const yaml_event_t *event) {
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (++guard->documents > 1)
            return fail(CODE_INVALID, "a second document starts here; expected one");
        break;
    case YAML_ALIAS_EVENT:
        return fail(CODE_INVALID, "*%.60s: aliases are not allowed; write it out", event->data.alias.anchor);
    case YAML_SCALAR_EVENT:
        if (strlen((const char *)event->data.scalar.value) != event->data.scalar.length)
            return fail(CODE_INVALID, "a NUL character in a value");
        break;
    case YAML_MAPPING_START_EVENT:
    case YAML_SEQUENCE_START_EVENT:
        if (++guard->depth > YAML_DEPTH_MAX)
            return fail(CODE_LIMIT, "nested more than %d deep", YAML_DEPTH_MAX);
        break;
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        guard->depth--;
        break;
    default:
        break;
    }
    return ok();
}

static struct result guard_all(const char *file, yaml_parser_t *parser) {
    struct guard guard = {0};
    struct result r = ok();
    yaml_event_type_t type = YAML_NO_EVENT;
    while (is_ok(r) && type != YAML_STREAM_END_EVENT) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event))
            return parser_problem(file, parser);
        type = event.type;
        r = at_line(file, line_of(event.start_mark), guard_event(&guard, &event));
        yaml_event_delete(&event);
    }
    if (is_ok(r) && guard.documents == 0)
        r = fail(CODE_INVALID, "%s:1: the file is empty", file);
    return r;
}

static bool parser_start(yaml_parser_t *parser, const char *text, size_t length) {
    if (!yaml_parser_initialize(parser))
        return false;
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(parser, (const unsigned char *)text, length);
    return true;
}

static struct result guard_text(const char *file, const char *text, size_t length, size_t max_bytes) {
    if (length > max_bytes)
        return fail(CODE_LIMIT, "%s: %zu bytes; at most %zu are read", file, length, max_bytes);
    yaml_parser_t parser;
    if (!parser_start(&parser, text, length))
        return fail(CODE_INTERNAL, "out of memory");
    struct result r = guard_all(file, &parser);
    yaml_parser_delete(&parser);
    return r;
}

/* --- The tree. ------------------------------------------------------------------------------------------ */

struct result yaml_where_read(
    const char *file, const char *text, size_t length, size_t max_bytes, struct yaml_where **where) {
    struct result r = guard_text(file, text, length, max_bytes);
    if (!is_ok(r))
        return r;
    yaml_parser_t parser;
    struct yaml_where *read = malloc(sizeof *read);
    if (!read || !parser_start(&parser, text, length)) {
        free(read);
        return fail(CODE_INTERNAL, "out of memory");
    }
    read->file = file;
    if (yaml_parser_load(&parser, &read->document)) {
        *where = read;
    } else {
        r = parser_problem(file, &parser);
        free(read);
    }
    yaml_parser_delete(&parser);
    return r;
}

void yaml_where_free(struct yaml_where **where) {
    if (!*where)
        return;
    yaml_document_delete(&(*where)->document);
    free(*where);
    *where = NULL;
}

yaml_document_t *yaml_where_document(struct yaml_where *where) {
    return &where->document;
}

static yaml_node_t *child_by_key(
    yaml_document_t *document, yaml_node_t *node, const char *key, size_t length) {
    if (node->type != YAML_MAPPING_NODE)
        return NULL;
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top;
         pair++) {
        yaml_node_t *name = yaml_document_get_node(document, pair->key);
        if (name->type == YAML_SCALAR_NODE && name->data.scalar.length == length
            && memcmp(name->data.scalar.value, key, length) == 0)
            return yaml_document_get_node(document, pair->value);
    }
    return NULL;
}

static yaml_node_t *child_by_index(yaml_document_t *document, yaml_node_t *node, long index) {
    if (node->type != YAML_SEQUENCE_NODE)
        return NULL;
    yaml_node_item_t *item = node->data.sequence.items.start + index;
    return index >= 0 && item < node->data.sequence.items.top ? yaml_document_get_node(document, *item)
                                                              : NULL;
}

int yaml_where_line(struct yaml_where *where, const char *path) {
    yaml_node_t *node = yaml_document_get_root_node(&where->document);
    yaml_node_t *found = node;
    while (node && *path) {
        found = node;
        if (*path == '[') {
            char *end;
            node = child_by_index(&where->document, node, strtol(path + 1, &end, 10));
            path = end + (*end == ']');
        } else {
            path += *path == '.';
            size_t length = strcspn(path, ".[");
            node = child_by_key(&where->document, node, path, length);
            path += length;
        }
    }
    return line_of((node ? node : found)->start_mark);
}

struct result yaml_where_on(
    const struct yaml_where *where, int line, struct key_path path, struct result cause) {
    return at_line(where->file, line, path.text[0] ? fail_within(cause, "%s", path.text) : cause);
}

struct result yaml_where_at(struct yaml_where *where, struct key_path path, struct result cause) {
    if (is_ok(cause))
        return cause;
    return yaml_where_on(where, yaml_where_line(where, path.text), path, cause);
}
