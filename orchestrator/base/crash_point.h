/*
 * Crash points: named moments at which a test lets the process die, as by kill -9, to see that nothing is
 * lost, doubled or out of order when it is started again. They exist only where PHASEGATE_CRASH_POINTS is
 * defined, that is in the binary phasegate-crash-points, which is built with the tests; else they are
 * nothing.
 *
 * The environment variable PHASEGATE_CRASH_POINT says where: a name of the table, and after a colon the
 * how-manieth time ("after_apply:3"; without it, the first).
 */
#ifndef PHASEGATE_BASE_CRASH_POINT_H
#define PHASEGATE_BASE_CRASH_POINT_H

/* Every point there is; a test visits each. X(name, what is lost by dying there). */
// clang-format off
#define CRASH_POINTS(X) \
    X(at_start,             "nothing has been done yet") \
    X(after_create,         "topics and subscriptions are there, nobody receives") \
    X(before_apply,         "a completion was received and decoded") \
    X(while_applying,       "its call has left for the store, and is not answered") \
    X(after_apply,          "it is stored, a trigger may be decided, and nobody here has heard of it") \
    X(after_decide,         "the dispatcher has the trigger, the completion is not acked") \
    X(after_ack,            "the ack is handed to the bus, and has not left") \
    X(before_quarantine,    "a message was found bad, and is not stored") \
    X(after_quarantine,     "it is stored as bad, and not acked") \
    X(before_claim,         "a backfill trigger asks for its slot") \
    X(after_claim,          "it has its slot, and is not published") \
    X(while_leasing,        "it asks for the lease of a trigger whose first owner has died, and the call has not left") \
    X(after_lease,          "it has the lease, and has not published") \
    X(before_publish,       "a trigger is about to be handed to the bus") \
    X(while_publishing,     "it is handed to the bus, and may or may not leave") \
    X(after_publish,        "the bus has it, the store does not know") \
    X(while_confirming,     "the confirmation has left for the store, and is not answered") \
    X(after_confirm,        "it has left the outbox") \
    X(before_release,       "a group is over, its slot is not given back") \
    X(before_retrigger,     "a deadline has passed, and nothing is done yet") \
    X(after_retrigger,      "the trigger is in the outbox again, and nobody here has heard of it") \
    X(while_recovering,     "some of the outbox has been read") \
    X(while_draining,       "told to stop, and what is in hand is not finished") \
    X(while_flushing,       "all is finished, acks have not left") \
    X(before_seek,          "a seek was asked for") \
    X(while_seeking,        "one subscription has been moved back, the other may not")
// clang-format on

enum crash_point {
#define CRASH_POINT_NAME(name, lost) CRASH_POINT_##name,
    CRASH_POINTS(CRASH_POINT_NAME)
#undef CRASH_POINT_NAME
        CRASH_POINT_COUNT
};

#ifdef PHASEGATE_CRASH_POINTS
#define crash_point(name) crash_point_reached(CRASH_POINT_##name)

/* Does not return when this is the place, and the time. From one thread. */
void crash_point_reached(enum crash_point point);
#else
#define crash_point(name) ((void)CRASH_POINT_##name)
#endif

#endif
