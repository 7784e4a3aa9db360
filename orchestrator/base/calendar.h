/*
 * The proleptic Gregorian calendar of the years 0000 to 9999, as day numbers. Game dates and timestamps both
 * count on it. Pure functions.
 */
#ifndef PHASEGATE_BASE_CALENDAR_H
#define PHASEGATE_BASE_CALENDAR_H

#include <stdint.h>

struct calendar_day {
    int year;  /* 0 to 9999 */
    int month; /* 1 to 12 */
    int day;   /* 1 to 31 */
};

/* Day numbers of 0000-01-01 and 9999-12-31; 1970-01-01 is 0. */
enum { CALENDAR_FIRST = -719528, CALENDAR_LAST = 2932896 };

/* 28 to 31. The month must be one. */
int calendar_month_days(int year, int month);

/* The day must exist. */
int32_t calendar_number(struct calendar_day day);

/* A number before the first day gives the first, one after the last the last. */
struct calendar_day calendar_day(int32_t number);

#endif
