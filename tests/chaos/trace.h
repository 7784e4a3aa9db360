/*
 * What happened in a run, line by line with the wall clock's time, for whoever has to find out what became of
 * one trigger: what was fed, what came, which fault was done to whom and when it was healed. Beside it stand
 * the logs of the servers and the replicas, which PHASEGATE_TEST_KEEP leaves where they are
 * (support/temp_dir.h). Every function does nothing for a trace that is NULL.
 */
#ifndef PHASEGATE_TESTS_CHAOS_TRACE_H
#define PHASEGATE_TESTS_CHAOS_TRACE_H

#include "chaos/checker.h"

#include <stdio.h>

void trace_fed(FILE *trace, const struct fed *fed, const char *execution);
void trace_came(FILE *trace, const struct came *came);

/* what: "done" or "healed". whom: a port or a replica's number. */
void trace_fault(FILE *trace, const char *fault, const char *what, int whom);

/* Who can be told from the logs: "redis 0" is the one with this port and directory. */
void trace_name(FILE *trace, const char *name, int number, const char *where);

#endif
