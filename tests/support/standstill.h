/*
 * Did the machine stand still while this process ran, or was its clock put on? A virtual machine may be
 * stopped for seconds; leases run out meanwhile, and what a test says then is nothing about phasegate.
 *
 * Of one process, and on one thread.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_STANDSTILL_H
#define PHASEGATE_TESTS_SUPPORT_STANDSTILL_H

#include <stdbool.h>

enum { STANDSTILL_MS = 2000, STANDSTILL_TEXT_MAX = 128 };

/* A wait of the kernel's, without anything of ours in it, that was to last wanted_ms at most lasted so long.
 */
void standstill_note(long long lasted_ms, int wanted_ms);

/* True from STANDSTILL_MS on; then the text says what was seen, else it is empty. */
bool standstill_seen(char text[STANDSTILL_TEXT_MAX]);

#endif
