#include "base/clock.h"

#include <stdio.h>
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

static bool two_digits(const char *text, int *value) {
    if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9')
        return false;
    *value = (text[0] - '0') * 10 + (text[1] - '0');
    return true;
}

/* Exactly "YYYY-MM-DDThh:mm:ss"; the separator may be T, t or a space. */
static bool parse_seconds(const char *text, struct tm *tm) {
    if (strnlen(text, 19) < 19 || text[4] != '-' || text[7] != '-' || !strchr("Tt ", text[10]) || text[13] != ':'
        || text[16] != ':')
        return false;
    int century, year;
    if (!two_digits(text, &century) || !two_digits(text + 2, &year) || !two_digits(text + 5, &tm->tm_mon)
        || !two_digits(text + 8, &tm->tm_mday) || !two_digits(text + 11, &tm->tm_hour)
        || !two_digits(text + 14, &tm->tm_min) || !two_digits(text + 17, &tm->tm_sec))
        return false;
    tm->tm_year = century * 100 + year - 1900;
    tm->tm_mon -= 1;
    struct tm normal = *tm;
    time_t seconds = timegm(&normal);
    (void)seconds;
    return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec <= 60 && normal.tm_mon == tm->tm_mon
           && (normal.tm_mday == tm->tm_mday || tm->tm_sec == 60);
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

struct result timestamp_parse(const char *text, int64_t *ms) {
    struct tm tm = {0};
    int64_t fraction = 0;
    int zone;
    const char *rest = text + 19;
    bool good = parse_seconds(text, &tm);
    if (good && (*rest == '.' || *rest == ',')) {
        int scale = 100;
        const char *first = ++rest;
        for (; *rest >= '0' && *rest <= '9'; rest++, scale /= 10)
            fraction += (*rest - '0') * scale;
        good = rest > first;
    }
    if (!good || !parse_zone(rest, &zone))
        return fail(CODE_INVALID, "\"%.40s\" is not a timestamp like 2025-12-04T18:20:00Z", text);
    *ms = ((int64_t)timegm(&tm) - (int64_t)zone * 60) * 1000 + fraction;
    return ok();
}

char *timestamp_format(int64_t ms, char text[TIMESTAMP_TEXT_MAX]) {
    int64_t below = ((ms % 1000) + 1000) % 1000;
    time_t seconds = (time_t)((ms - below) / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    size_t length = strftime(text, TIMESTAMP_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + length, TIMESTAMP_TEXT_MAX - length, ".%03dZ", (int)below);
    return text;
}
