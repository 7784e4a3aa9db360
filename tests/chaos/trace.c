#include "chaos/trace.h"

#include "base/clock.h"

#include <inttypes.h>
#include <time.h>

/* Begins a line as Redis and phasegate begin theirs: 17:05:09.123, in UTC. */
static void begin(FILE *trace, int64_t at_ms) {
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm parts;
    char text[16];
    strftime(text, sizeof text, "%H:%M:%S", gmtime_r(&seconds, &parts));
    fprintf(trace, "%s.%03d ", text, (int)(at_ms % 1000));
}

static int64_t now_ms(void) {
    return clock_system().now_ms(NULL);
}

void trace_fed(FILE *trace, const struct fed *fed, const char *execution) {
    char date[DATE_TEXT_MAX];
    if (!trace)
        return;
    begin(trace, fed->at_ms);
    fprintf(trace, "fed %s processor %d run %d %s %s\n", date_format(fed->date, date), fed->processor,
        fed->run, fed->satisfies ? "satisfies" : "fails", execution);
}

void trace_came(FILE *trace, const struct came *came) {
    char date[DATE_TEXT_MAX];
    if (!trace)
        return;
    begin(trace, came->at_ms);
    fprintf(trace, "came %s g%d r%d message %016" PRIx64 " decision %016" PRIx64 "\n",
        date_format(came->date, date), came->group, came->run, came->message, came->decision);
}

void trace_fault(FILE *trace, const char *fault, const char *what, int whom) {
    if (!trace)
        return;
    begin(trace, now_ms());
    fprintf(trace, "fault %s %s %d\n", what, fault, whom);
}

void trace_name(FILE *trace, const char *name, int number, const char *where) {
    if (!trace)
        return;
    begin(trace, now_ms());
    fprintf(trace, "%s %d is %s\n", name, number, where);
}
