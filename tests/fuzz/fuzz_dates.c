/* Dates, months and timestamps: each line of the input as each of them, and all of them as a choice of dates
 * on the command line. */
#include "base/calendar.h"
#include "base/clock.h"
#include "base/text.h"
#include "cli/dates.h"
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 8, ARENA_BYTES = 1 << 16 };

static void check_date(const char *text) {
    game_date date, again;
    char shown[DATE_TEXT_MAX];
    struct result result = date_parse(text, strlen(text), &date);
    if (!is_ok(result)) {
        fuzz_check_reason(result);
        fuzz_check(!is_ok(date_parse_plausible(text, strlen(text), FUZZ_NOW_MS, &again)));
        return;
    }
    fuzz_check(strcmp(date_format(date, shown), text) == 0);
    fuzz_check(date_day(date) >= 1 && date_day(date) <= 31);
    game_date next = date_next_month(date);
    fuzz_check(next > date && next - date <= 31);
    fuzz_check(date_day(next) == 1 || next > CALENDAR_LAST);
    if (is_ok(date_parse_plausible(text, strlen(text), FUZZ_NOW_MS, &again)))
        fuzz_check(again == date);
}

static void check_month(const char *text) {
    game_date first;
    char shown[MONTH_TEXT_MAX];
    struct result result = month_parse(text, &first);
    if (!is_ok(result)) {
        fuzz_check_reason(result);
        return;
    }
    fuzz_check(strcmp(month_format(first, shown), text) == 0);
    fuzz_check(date_day(first) == 1);
}

static void check_timestamp(const char *text) {
    int64_t ms, again;
    char shown[TIMESTAMP_TEXT_MAX];
    struct result result = timestamp_parse(text, &ms);
    if (!is_ok(result)) {
        fuzz_check_reason(result);
        return;
    }
    fuzz_check(is_ok(timestamp_parse(timestamp_format(ms, shown), &again)));
    fuzz_check(again == ms);
}

static void check_shown(const uint8_t *data, size_t size) {
    char out[TEXT_SHOWN_MAX];
    text_show((const char *)data, size, out, sizeof out);
    fuzz_check(text_is_utf8(out, strlen(out)) && !strchr(out, '\n'));
    fuzz_check(text_cut((const char *)data, size, 5) <= 5);
}

/* The lines: --dates, --start-date, --end-date, then operands. An empty one is not given. */
static void check_choice(const char *const *lines, int count) {
    struct arena *arena = fuzz_arena(ARENA_BYTES);
    struct date_options options = {0};
    game_date *dates;
    size_t found;
    if (count > 0 && lines[0][0])
        options.lists = (struct option_list){.items = {lines[0]}, .count = 1};
    options.start = count > 1 && lines[1][0] ? lines[1] : NULL;
    options.end = count > 2 && lines[2][0] ? lines[2] : NULL;
    int operands = count > 3 ? count - 3 : 0;
    struct result result =
        dates_choose(&options, operands > 0 ? lines + 3 : NULL, operands, arena, &dates, &found);
    if (!is_ok(result))
        fuzz_check_reason(result);
    else
        fuzz_check(found <= DATES_MAX);
    for (size_t i = 1; is_ok(result) && i < found; i++)
        fuzz_check(dates[i - 1] < dates[i]);
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = fuzz_text(data, size), *rest = text;
    const char *lines[LINES_MAX];
    int count = 0;
    check_shown(data, size);
    while (rest && count < LINES_MAX)
        lines[count++] = strsep(&rest, "\n");
    for (int i = 0; i < count; i++) {
        check_date(lines[i]);
        check_month(lines[i]);
        check_timestamp(lines[i]);
    }
    check_choice(lines, count);
    free(text);
    return 0;
}
