/*
 * How much longer a test waits, before it says that something does not come, where everything is slower:
 * under sanitizers, coverage or valgrind. One factor for all deadlines, so that they can be written for a
 * plain build: PHASEGATE_TESTS_PATIENCE, which ctest sets for instrumented builds, and tests/modes/valgrind;
 * 1 without it.
 *
 * For deadlines. What is expected not to happen for a while is as written, and so are the program's own times
 * but for leases: who is slow loses them, and what he had comes again, which is right, and not what is
 * tested.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_PATIENCE_H
#define PHASEGATE_TESTS_SUPPORT_PATIENCE_H

enum { PATIENCE_MAX = 20 };

/* The deadline times the factor; 0 stays 0. */
int patient_ms(int deadline_ms);

#endif
