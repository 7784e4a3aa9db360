/*
 * Delivery: letters to the webhook, one after the other, in the order in which they came. What fails is tried
 * again with back-off for as long as it takes; the queue has a maximum, and its oldest gives way. The log has
 * one line when it begins to fail, and one when it works again.
 */
#ifndef PHASEGATE_ALERTS_SENDER_H
#define PHASEGATE_ALERTS_SENDER_H

#include "base/log.h"

#include <stddef.h>
#include <uv.h>

struct sender;

enum { SENDER_QUEUE_MAX = 100 };

enum sent {
    SENT_DELIVERED,
    SENT_REFUSED, /* the webhook will not have it, now or later */
    SENT_DROPPED, /* the queue was full, or it stops */
};

/* detail lives during the call: why it was refused, or NULL. */
typedef void sent_fn(void *context, enum sent sent, const char *detail);

/* The url has passed http_check. log outlives it. */
struct result sender_open(
    uv_loop_t *loop, const char *url, const struct log *log, struct sender **sender) MUST_CHECK;

/* Takes the body over, which is freed with free. sent is called once; within this call only when it is closed
 * or out of memory. */
void sender_send(struct sender *sender, char *body, sent_fn *sent, void *context);

/* Takes the letter of this context back, unless it is on its way already: sent is not called then. */
bool sender_withdraw(struct sender *sender, const void *context);

/*
 * It is about to stop: what waits is tried at once. idle is called once, maybe within this call: when
 * everything was sent, or the first has failed again.
 */
void sender_hurry(struct sender *sender, void (*idle)(void *context), void *context);

/* Drops what is left, with how many in the log. closed is called when the last handle has left the loop, and
 * it is gone. */
void sender_close(struct sender *sender, void (*closed)(void *context), void *context);

#endif
