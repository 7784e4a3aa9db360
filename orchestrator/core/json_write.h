/*
 * JSON written member by member into an arena, in one pass and without a tree. For what goes out with every
 * event; everything else is written with jansson.
 *
 * A key of NULL is an array's element, or the whole. Keys are written as they are: names that need no escape.
 * That objects and arrays are closed, and keys given where they belong, is the caller's affair.
 */
#ifndef PHASEGATE_CORE_JSON_WRITE_H
#define PHASEGATE_CORE_JSON_WRITE_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Starts as {.arena = arena}. */
struct json_writer {
    struct arena *arena;
    char *text; /* in the arena, without a NUL */
    size_t length;
    size_t room; /* bytes at text */
    bool full;   /* the arena has no more: what is written from here on is lost */
};

/* bracket is { or [, and } or ]. */
void json_open(struct json_writer *writer, const char *key, char bracket);
void json_close(struct json_writer *writer, char bracket);

/* text is UTF-8; NULL is written as null. */
void json_put_text(struct json_writer *writer, const char *key, const char *text);

void json_put_number(struct json_writer *writer, const char *key, int64_t number);
void json_put_flag(struct json_writer *writer, const char *key, bool flag);

#endif
