#include "base/clock.h"

#include "base/calendar.h"
#include "base/text.h"

#include <string.h>
#include <time.h>

static int64_t system_now_ms(void *context) {
    (void)context;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct clock clock_system(void) {
    return (struct clock){.now_ms = system_now_ms};
}

static int64_t uptime_now_ms(void *context) {
    (void)context;
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct clock clock_uptime(void) {
    return (struct clock){.now_ms = uptime_now_ms};
}

static bool two_digits(const char *text, int *value) {
    if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9')
        return false;
    *value = (text[0] - '0') * 10 + (text[1] - '0');
    return true;
}

enum { SECONDS_LENGTH = sizeof "YYYY-MM-DDThh:mm:ss" - 1, DAY_SECONDS = 86400 };

static const int64_t day_ms = (int64_t)DAY_SECONDS * 1000;

/* Exactly "YYYY-MM-DDThh:mm:ss"; the separator may be T, t or a space. Second 60, a leap second, is the next
 * minute. */
static bool parse_seconds(const char *text, int64_t *seconds) {
    if (strnlen(text, SECONDS_LENGTH) < SECONDS_LENGTH || text[4] != '-' || text[7] != '-'
        || !strchr("Tt ", text[10]) || text[13] != ':' || text[16] != ':')
        return false;
    int century, year, month, day, hour, minute, second;
    if (!two_digits(text, &century) || !two_digits(text + 2, &year) || !two_digits(text + 5, &month)
        || !two_digits(text + 8, &day) || !two_digits(text + 11, &hour) || !two_digits(text + 14, &minute)
        || !two_digits(text + 17, &second))
        return false;
    year += century * 100;
    if (month < 1 || month > 12 || day < 1 || day > calendar_month_days(year, month) || hour > 23
        || minute > 59 || second > 60)
        return false;
    int64_t days = calendar_number((struct calendar_day){.year = year, .month = month, .day = day});
    *seconds = days * DAY_SECONDS + hour * 3600 + minute * 60 + second;
    return true;
}

/* The zone: "", "Z", "+hh:mm", "-hhmm"; minutes east of UTC. */
static bool parse_zone(const char *text, int *minutes) {
    *minutes = 0;
    if (*text == '\0' || strcmp(text, "Z") == 0 || strcmp(text, "z") == 0)
        return true;
    if (*text != '+' && *text != '-')
        return false;
    int sign = *text == '-' ? -1 : 1, hours, rest;
    if (!two_digits(text + 1, &hours))
        return false;
    text += text[3] == ':' ? 4 : 3;
    if (!two_digits(text, &rest) || text[2] != '\0' || hours > 23 || rest > 59)
        return false;
    *minutes = sign * (hours * 60 + rest);
    return true;
}

/* Steps over ".104233" or ",104233", if it is there; digits below the millisecond are dropped. */
static bool parse_fraction(const char **text, int *ms) {
    *ms = 0;
    if (**text != '.' && **text != ',')
        return true;
    const char *digit = *text + 1;
    for (int scale = 100; *digit >= '0' && *digit <= '9'; digit++, scale /= 10)
        *ms += (*digit - '0') * scale;
    bool any = digit > *text + 1;
    *text = digit;
    return any;
}

struct result timestamp_parse(const char *text, int64_t *ms) {
    int64_t seconds;
    if (parse_seconds(text, &seconds)) {
        const char *rest = text + SECONDS_LENGTH;
        int fraction, zone;
        if (parse_fraction(&rest, &fraction) && parse_zone(rest, &zone)) {
            int64_t utc = (seconds - (int64_t)zone * 60) * 1000 + fraction;
            if (utc >= CALENDAR_FIRST * day_ms && utc < (CALENDAR_LAST + 1) * day_ms) {
                *ms = utc;
                return ok();
            }
        }
    }
    char shown[TEXT_SHOWN_MAX];
    return fail(CODE_INVALID, "\"%s\" is not a timestamp like 2025-12-04T18:20:00Z",
        text_show(text, strlen(text), shown, sizeof shown));
}

char *timestamp_format(int64_t ms, char text[TIMESTAMP_TEXT_MAX]) {
    static const char form[] = "YYYY-MM-DDThh:mm:ss.mmmZ";
    int64_t number = ms / day_ms - (ms % day_ms < 0);
    if (number < CALENDAR_FIRST || number > CALENDAR_LAST) {
        number = number < 0 ? CALENDAR_FIRST : CALENDAR_LAST;
        ms = number < 0 ? number * day_ms : (number + 1) * day_ms - 1;
    }
    struct calendar_day day = calendar_day((int32_t)number);
    int below = (int)(ms - number * day_ms);
    memcpy(text, form, sizeof form);
    text_digits(text, 4, day.year);
    text_digits(text + 5, 2, day.month);
    text_digits(text + 8, 2, day.day);
    text_digits(text + 11, 2, below / 3600000);
    text_digits(text + 14, 2, below / 60000 % 60);
    text_digits(text + 17, 2, below / 1000 % 60);
    text_digits(text + 20, 3, below % 1000);
    return text;
}
