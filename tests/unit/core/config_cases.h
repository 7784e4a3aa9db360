/* A small configuration, and the same with one place changed: what the tests of core/config*.c share. */
#ifndef PHASEGATE_TESTS_CONFIG_CASES_H
#define PHASEGATE_TESTS_CONFIG_CASES_H

#include "core/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char small_config[] =                              /* line */
    "store:\n"                                                  /*  1 */
    "  url: redis://127.0.0.1:6379/0\n"                         /*  2 */
    "bus:\n"                                                    /*  3 */
    "  kind: redis\n"                                           /*  4 */
    "pipelines:\n"                                              /*  5 */
    "  - name: nba\n"                                           /*  6 */
    "    completions:\n"                                        /*  7 */
    "      - {topic: phase3, subscription: gate-3}\n"           /*  8 */
    "      - {topic: phase4, subscription: gate-4}\n"           /*  9 */
    "    triggers: {topic: phase4-start}\n"                     /* 10 */
    "    processors:\n"                                         /* 11 */
    "      - {name: salmon, abbr: sal, aliases: [salmon_v2]}\n" /* 12 */
    "      - {name: herring, abbr: her}\n"                      /* 13 */
    "      - {name: mackerel, abbr: mac, min_rows: 3}\n"        /* 14 */
    "      - {name: halibut, abbr: hal}\n"                      /* 15 */
    "    groups:\n"                                             /* 16 */
    "      - processors: [mackerel]\n"                          /* 17 */
    "        needs: [salmon, herring]\n"                        /* 18 */
    "      - processors: [halibut]\n"                           /* 19 */
    "        needs: [mackerel]\n";                              /* 20 */

enum { CHANGED_MAX = 8192 };

/* text with the first `from`, which has to be there, replaced by `to`; from "" puts it at the end. Returns
 * out. */
static inline char *changed(const char *text, const char *from, const char *to, char out[CHANGED_MAX]) {
    const char *at = *from ? strstr(text, from) : text + strlen(text);
    if (!at || strlen(text) + strlen(to) >= CHANGED_MAX) {
        fprintf(stderr, "cannot put \"%s\" for \"%s\"\n", to, from);
        abort();
    }
    memcpy(out, text, (size_t)(at - text));
    stpcpy(stpcpy(out + (at - text), to), at + strlen(from));
    return out;
}

#endif
