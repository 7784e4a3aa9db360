/* How the harness' files make a call to the store: begin, the call, finish, with the answer in between. */
#ifndef PHASEGATE_TESTS_SUPPORT_STORE_HARNESS_CALL_H
#define PHASEGATE_TESTS_SUPPORT_STORE_HARNESS_CALL_H

#include "support/store_harness.h"

void harness_call_begin(struct store_harness *harness, const struct pipeline *pipeline, size_t calls);

/* Runs the loop until all calls were answered; what says what is waited for. */
struct result harness_call_finish(struct store_harness *harness, const char *what);

/* The store_done_fn: one call was answered, with the harness as the context. */
void harness_call_done(void *context, struct result result);

/* Room for one more in an array of count things in the harness' arena; NULL when that is full. */
void *harness_call_grow(struct store_harness *harness, void *things, size_t count, size_t size);
struct result harness_arena_is_full(void);

#endif
