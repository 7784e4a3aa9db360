#include "alerts/body.h"

#include "base/clock.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char body_slack[] = "{\"text\": \"{{slack}}\"}";

/* --- Values --------------------------------------------------------------------------------------------- */

static void put_json(FILE *out, char c) {
    if (c == '"' || c == '\\')
        fprintf(out, "\\%c", c);
    else if ((unsigned char)c < ' ')
        fprintf(out, "\\u%04x", (unsigned)c);
    else
        fputc(c, out);
}

static void put_text(FILE *out, const char *text) {
    for (; *text; text++)
        put_json(out, *text);
}

/* Slack takes <…> for links and for mentions such as <!channel>, also in what a processor said.
 * Source: https://api.slack.com/reference/surfaces/formatting#escaping */
static void put_slack(FILE *out, const char *text) {
    for (; *text; text++) {
        if (*text == '&')
            fputs("&amp;", out);
        else if (*text == '<')
            fputs("&lt;", out);
        else if (*text == '>')
            fputs("&gt;", out);
        else
            put_json(out, *text);
    }
}

static const char placeholders[] = "text, slack, kind, pipeline, subject, state and time";

/* False when there is none of that name. */
static bool put_value(FILE *out, const struct body_facts *facts, const char *name, size_t length) {
    char time[TIMESTAMP_TEXT_MAX];
    const struct {
        const char *name;
        const char *value;
    } values[] = {{"text", facts->text}, {"kind", facts->kind}, {"pipeline", facts->pipeline},
        {"subject", facts->subject}, {"state", facts->state}, {"time", timestamp_format(facts->at_ms, time)}};
    if (length == strlen("slack") && memcmp(name, "slack", length) == 0) {
        put_slack(out, facts->text);
        return true;
    }
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        if (length == strlen(values[i].name) && memcmp(name, values[i].name, length) == 0) {
            put_text(out, values[i].value);
            return true;
        }
    }
    return false;
}

/* --- Templates ------------------------------------------------------------------------------------------ */

static struct result put_filled(FILE *out, const char *template, const struct body_facts *facts) {
    for (int count = 0;; count++) {
        const char *open = strstr(template, "{{");
        const char *close = open ? strstr(open, "}}") : NULL;
        if (!open) {
            fputs(template, out);
            return ok();
        }
        if (!close)
            return fail(CODE_INVALID, "\"%.20s\" has no end, }}", open);
        if (count == BODY_PLACEHOLDERS_MAX)
            return fail(CODE_INVALID, "more than %d placeholders", BODY_PLACEHOLDERS_MAX);
        fwrite(template, 1, (size_t)(open - template), out);
        if (!put_value(out, facts, open + 2, (size_t)(close - open) - 2))
            return fail(CODE_INVALID, "there is no placeholder %.*s; expected one of %s",
                (int)(close + 2 - open < 40 ? close + 2 - open : 40), open, placeholders);
        template = close + 2;
    }
}

static struct result fill(const char *template, const struct body_facts *facts, char **filled) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return fail(CODE_INTERNAL, "out of memory");
    struct result result = put_filled(out, template, facts);
    if (fclose(out) != 0 && is_ok(result))
        result = fail(CODE_INTERNAL, "out of memory");
    if (is_ok(result))
        *filled = text;
    else
        free(text);
    return result;
}

char *body_fill(const char *template, const struct body_facts *facts) {
    char *filled = NULL;
    return is_ok(fill(template, facts, &filled)) ? filled : NULL;
}

static struct result check_filled(const char *template, const struct body_facts *facts) {
    char *filled = NULL;
    json_error_t error;
    struct result result = fill(template, facts, &filled);
    if (!is_ok(result))
        return result;
    json_t *json = json_loads(filled, 0, &error);
    free(filled);
    if (!json)
        return fail(CODE_INVALID,
            "gives no JSON when it is filled in: %s (at byte %d); placeholders belong inside quotes, and no "
            "backslash before them",
            error.text, error.position);
    json_decref(json);
    return ok();
}

/* The second has what makes no escape of a backslash before a placeholder, as the first "t" does by chance.
 */
struct result body_check(const char *template) {
    static const struct body_facts awkward = {.text = "a \"text\" \\ of\ttwo\nlines, <é>",
        .kind = "stall",
        .pipeline = "nba",
        .subject = "2021-11-17/g2",
        .state = "test"};
    static const struct body_facts dots = {
        .text = ".", .kind = ".", .pipeline = ".", .subject = ".", .state = "."};
    struct result result = check_filled(template, &awkward);
    return is_ok(result) ? check_filled(template, &dots) : result;
}
