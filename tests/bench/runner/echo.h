/*
 * A bare echo between publishers and subscribers, over the Pub/Sub emulator, with the same client as the
 * daemon's: it answers each fifth completion of a date with a message that looks like the date's first
 * trigger, and keeps, asks and decides nothing. What a decision costs is what the daemon takes longer.
 */
#ifndef PHASEGATE_BENCH_ECHO_H
#define PHASEGATE_BENCH_ECHO_H

/* `bench echo HOST:PORT PROJECT`: says "ready" and echoes until it is killed. */
int echo_main(int argc, char **argv);

#endif
