/*
 * Where in a YAML text something stands: the text as libyaml's tree, and the line of a key path such as
 * pipelines[0].groups[1].needs[0]. Reading it refuses what a configuration has no use for and what would make
 * a small text expensive: aliases, several documents, deep nesting, text that is too large, NULs.
 */
#ifndef PHASEGATE_CORE_YAML_WHERE_H
#define PHASEGATE_CORE_YAML_WHERE_H

#include "base/result.h"

#include <stddef.h>
#include <yaml.h>

enum { YAML_DEPTH_MAX = 16, KEY_PATH_MAX = 160 };

struct yaml_where;

/* A key path as a value, so that it can be made where it is used; cut when longer. */
struct key_path {
    char text[KEY_PATH_MAX];
};

struct key_path key_path(const char *format, ...) PRINTF_LIKE(1, 2);

/*
 * Reads text, which has to be one YAML document in UTF-8 of at most max_bytes. file is its name in messages,
 * and is not copied. A failure reads "file:line: what was wrong"; CODE_LIMIT when too large or too deep, else
 * CODE_INVALID.
 */
struct result yaml_where_read(const char *file, const char *text, size_t length, size_t max_bytes,
    struct yaml_where **where) MUST_CHECK;

/* Frees it and sets the pointer to NULL; safe on NULL. */
void yaml_where_free(struct yaml_where **where);

/* The tree; it is never empty. */
yaml_document_t *yaml_where_document(struct yaml_where *where);

/* The line of the value at the path, counted from 1; of the nearest part of the path that is there, when it
 * is not. */
int yaml_where_line(struct yaml_where *where, const char *path);

/* Puts "file:line: path: " before the text of a failure. */
struct result yaml_where_at(struct yaml_where *where, struct key_path path, struct result cause) MUST_CHECK;

/* The same where the line is known; an empty path is left out. */
struct result yaml_where_on(
    const struct yaml_where *where, int line, struct key_path path, struct result cause) MUST_CHECK;

#endif
