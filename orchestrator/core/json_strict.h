/*
 * What JSON forbids and yajl lets through, looked for before it reads (json_notes.c): bytes that are not
 * UTF-8 (it takes overlong forms, surrogates, what is past U+10FFFF), halves of surrogate pairs written as
 * \uXXXX, and two control characters that it takes for spaces. Without it two texts could become one, such as
 * two ids.
 */
#ifndef PHASEGATE_CORE_JSON_STRICT_H
#define PHASEGATE_CORE_JSON_STRICT_H

#include "base/result.h"

#include <stddef.h>

/* Is there nothing of that in it? CODE_INVALID with the place when there is. */
struct result json_check(const char *data, size_t size) MUST_CHECK;

/* CODE_INVALID: the fault, at the last of so many bytes that were read. Lines and columns count from 1, and a
 * character is a column. */
struct result json_refuse(const char *data, size_t read, const char *fault) MUST_CHECK;

#endif
