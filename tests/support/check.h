/*
 * cmocka together with results: cmocka's fail() gives way to fail() of base/result.h, and two assertions say
 * that a result is ok, or is the failure that was expected; when they fail, they show the result's text.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_CHECK_H
#define PHASEGATE_TESTS_SUPPORT_CHECK_H

#include "base/result.h"

/* In this order, which cmocka.h asks for. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#undef fail
#undef fail_msg
#define fail_msg(...) check_failed_at(__FILE__, __LINE__, __VA_ARGS__)

/* Ends the running test. */
_Noreturn void check_failed_at(const char *file, int line, const char *format, ...) PRINTF_LIKE(3, 4);

void check_ok_at(struct result result, const char *file, int line);
void check_fails_at(struct result result, enum code code, const char *part, const char *file, int line);

#define check_ok(result) check_ok_at((result), __FILE__, __LINE__)

/* The result is of this kind, and its text contains part. */
#define check_fails(result, code, part) check_fails_at((result), (code), (part), __FILE__, __LINE__)

#endif
