/*
 * Text that came from elsewhere and has to be shown: is it UTF-8, where may it be cut, and how does it look
 * in one line of a log or a reason. And numbers as text. Pure functions.
 */
#ifndef PHASEGATE_BASE_TEXT_H
#define PHASEGATE_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Enough for what a reason shows of a strange value. */
enum { TEXT_SHOWN_MAX = 80 };

/* How many bytes from the start are whole characters of UTF-8. */
size_t text_utf8_length(const char *text, size_t length);

bool text_is_utf8(const char *text, size_t length);

/* How many bytes, at most max, may be kept without breaking a UTF-8 character. */
size_t text_cut(const char *text, size_t length, size_t max);

/* Makes it UTF-8, in place: a byte that belongs to no character becomes "?". */
void text_mend(char *text);

/*
 * One printable line, always valid UTF-8: control characters and bytes that are not UTF-8 become \xNN, and
 * what does not fit is replaced by "...". size is at least 4. Returns out.
 */
char *text_show(const char *text, size_t length, char *out, size_t size);

/* The longest number, "-9223372036854775808", with its NUL. */
enum { TEXT_NUMBER_MAX = 21 };

/* A whole number in digits, where printf's price counts. Returns out. */
char *text_number(int64_t number, char out[TEXT_NUMBER_MAX]);

/* The last count digits of a number from 0, with leading zeros and no NUL: for dates and times. */
static inline void text_digits(char *out, int count, int number) {
    for (int i = count - 1; i >= 0; i--, number /= 10)
        out[i] = (char)('0' + number % 10);
}

#endif
