/* What a process that still runs has used so far: processor time and memory, as the kernel counts them. */
#ifndef PHASEGATE_BENCH_USAGE_H
#define PHASEGATE_BENCH_USAGE_H

#include <sys/types.h>

struct usage {
    double cpu_seconds; /* user and system, of all threads, since it was started; in steps of 10 ms */
    double peak_bytes;  /* the most that was resident at once */
};

/* Fails the bench when there is no such process. */
struct usage usage_of(pid_t process);

/* Seconds of the monotonic clock. */
double seconds_now(void);

#endif
