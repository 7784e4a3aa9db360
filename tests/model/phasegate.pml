/*
 * phasegate, as few steps of it as decide whether a trigger can be lost, doubled or misordered: one date, two groups,
 * two replicas, one re-run and so at most two runs. README.md says which lines of C and Lua each step stands for, what
 * is left out and why, and what `check` makes of it.
 *
 * Group 1 needs upstream A; group 2 needs upstream B, and group 1 done. RERUN says which of the two is made anew. A
 * step is atomic where the real one is: a function of the store, or what a callback does between two waits. All that a
 * replica knows and the store does not is in the arrays by replica, which a crash clears.
 *
 * Faults come in any order and at any moment, FAULTS of them; CRASH, STALL, LAPSE, LOSS, LATE and DUP are their kinds.
 * BREAK_... takes one guard out: see `check`.
 */

#ifndef REPLICAS
#define REPLICAS 2
#endif
#ifndef RERUN
#define RERUN 1 /* 0: none; 1: of A, so that run 2 begins with group 1; 2: of B, so that group 1 carries over */
#endif
#ifndef FAULTS
#define FAULTS 2 /* so many of those below, of any kinds */
#endif
#ifndef CRASH
#define CRASH 1 /* kill -9 of a replica; it is started again, or, if another is there, never */
#endif
#ifndef STALL
#define STALL 1 /* a lease ends while its replica is sending, or waits for the confirmation to be stored */
#endif
#ifndef LAPSE
#define LAPSE 1 /* a lease ends and its replica, which is alive, knows */
#endif
#ifndef LOSS
#define LOSS 1 /* the bus has taken a trigger, and its replica hears that it failed */
#endif
#ifndef LATE
#define LATE 1 /* a sweep acts on what stood in the outbox some time ago */
#endif
#ifndef DUP
#define DUP 1 /* the bus delivers a completion that is in hand already, or was acked */
#endif
#ifndef ONCE
#define ONCE 0 /* 1: is no trigger published twice? */
#endif
#ifndef RUNS_IN_ORDER
#define RUNS_IN_ORDER 0 /* 1: is no trigger of run 1 published, for the first time, after one of run 2? */
#endif

/* Triggers, in the order in which one replica's lane sends them: by run, then by group. */
#define GROUPS 2
#define TRIGGERS 4
#define TRIGGER(group, run_) (2 * ((run_)-1) + (group)-1)
#define GROUP_OF(trigger) ((trigger) % 2 + 1)
#define RUN_OF(trigger) ((trigger) / 2 + 1)
#define NONE 7
#define BIT(number) (1 << (number))
#define HAS(set, number) (((set) >> (number)) & 1)

/* Completions: A and B, the re-run, and of each trigger the answer. */
#define A1 0
#define B1 1
#define AGAIN 2
#define ANSWER(trigger) (3 + (trigger))
#define TRIGGER_OF(answer) (((answer) + 1) % 4) /* 3 to 6: 0 to 3; and never out of bounds */
#define COMPLETIONS 7

/* --- The bus -------------------------------------------------------------------------------------------------------- */

/* Which completions there are: a trigger's processor answers it, sooner or later. */
#if RERUN > 0
#define FED (BIT(A1) | BIT(B1) | BIT(AGAIN))
#else
#define FED (BIT(A1) | BIT(B1))
#endif
#define SENT (FED | (out << 3))
byte acked = 0;

/* --- The store ------------------------------------------------------------------------------------------------------ */

#define WAITING 0
#define READY 1
#define TRIGGERED 2
#define DONE 3

byte record_a = 0, record_b = 0; /* 0: none; else the execution that is recorded */
byte phase[GROUPS + 1];          /* [0] is nobody's */
byte run_of[GROUPS + 1];         /* of the group's trigger */
byte current = 1; /* the date's run */
byte stale = 0; /* the first stale group */
byte outbox = 0;

#define NOBODY 3
#define DEAD 2 /* the lease of a replica that is no more, and has not ended */
byte lessee[TRIGGERS] = NOBODY;

/* --- Replicas ------------------------------------------------------------------------------------------------------- */

#define UP 0
#define DOWN 1
#define GONE 2
byte life[2] = UP;

byte next[2] = 0; /* within one step: the group that may start */

byte first[2] = NONE;   /* of its triggers, the one that is on its way: the lane's first */
byte lane[2] = 0;       /* those behind it */
byte believed[2] = 0;   /* those of which it believes to have the lease */
#define STEP 0          /* what is next for the first one? */
#define SENDING 1       /* it stands still after its look at the clock */
#define PUBLISHED 2     /* to be confirmed */
byte stage[2] = STEP;

byte faults = FAULTS;

/* --- What only the checker knows ------------------------------------------------------------------------------------ */

byte decided = 0;        /* triggers that were decided */
byte out = 0;            /* those that were published */
byte answered = 0;       /* those whose processor was heard to have done its work */
byte withdrawn = 0;      /* those that a new run superseded */
byte opened_from = 0;    /* the first group of run 2 */

/* Invariant 2: one decision for each date, group and run. */
inline note_decided(trigger) {
    assert(!HAS(decided, trigger));
    decided = decided | BIT(trigger);
}

/* Invariants 2, 3 and 4, at every publish. */
inline note_published(trigger) {
    assert(HAS(decided, trigger));
    assert(GROUP_OF(trigger) == 1 || HAS(answered, TRIGGER(1, RUN_OF(trigger)))
        || (RUN_OF(trigger) == 2 && opened_from == 2 && HAS(answered, TRIGGER(1, 1))));
    assert(GROUP_OF(trigger) != 1 || record_a != 0);
    assert(GROUP_OF(trigger) != 2 || record_b != 0);
    assert(RUN_OF(trigger) != 2 || RERUN != 1 || record_a == 2);
    assert(!RUNS_IN_ORDER || HAS(out, trigger) || RUN_OF(trigger) == 2 || (out & (BIT(2) | BIT(3))) == 0);
    assert(!ONCE || !HAS(out, trigger));
    out = out | BIT(trigger);
}

/* --- Steps of the store --------------------------------------------------------------------------------------------- */

inline take_out(trigger) {
    outbox = outbox & ~BIT(trigger);
    lessee[trigger] = NOBODY;
}

#ifdef BREAK_NEEDS
#define HAS_NEEDS(record) true
#else
#define HAS_NEEDS(record) ((record) != 0)
#endif

#ifdef BREAK_GROUP_ORDER
#define MAY_FOLLOW(before) ((before) != WAITING)
#else
#define MAY_FOLLOW(before) ((before) == DONE)
#endif

/* The group that may start; 0 when none may. */
inline find_next(me) {
    next[me] = 0;
    if
    :: stale == 0 && phase[1] == WAITING && HAS_NEEDS(record_a) -> next[me] = 1
    :: stale == 0 && phase[2] == WAITING && MAY_FOLLOW(phase[1]) && HAS_NEEDS(record_b) -> next[me] = 2
    :: else
    fi
}

/* Into the lane, behind the first, in order. */
inline insert(me, trigger) {
    if
    :: first[me] == NONE -> first[me] = trigger
    :: else -> lane[me] = lane[me] | BIT(trigger)
    fi
}

#ifdef BREAK_EARLY /* published, then stored */
#define publish_early(trigger) note_published(trigger)
#else
#define publish_early(trigger) skip
#endif

inline start(me, group) {
    publish_early(TRIGGER(group, current));
    phase[group] = READY;
    run_of[group] = current;
    note_decided(TRIGGER(group, current));
    outbox = outbox | BIT(TRIGGER(group, current));
    lessee[TRIGGER(group, current)] = me;
    insert(me, TRIGGER(group, current));
    believed[me] = believed[me] | BIT(TRIGGER(group, current));
}

inline start_found(me) {
    if
    :: next[me] != 0 -> start(me, next[me]); next[me] = 0
    :: else
    fi
}

#ifdef BREAK_ATOMIC /* deciding and storing what was decided are two steps */
#define IS_ATOMIC false
#else
#define IS_ATOMIC true
#endif

inline start_next(me) {
    find_next(me);
    if
    :: IS_ATOMIC -> start_found(me)
    :: else
    fi
}

#ifdef BREAK_DUPLICATE
#define DECIDES_AGAIN true
#else
#define DECIDES_AGAIN false
#endif

/* A recorded completion, of the execution, for A (which 1) or B (which 2). */
inline apply_upstream(me, which, execution, record) {
    if
    :: record < execution ->
        if
        :: record == 1 && phase[which] != WAITING -> stale = (stale == 0 || which < stale -> which : stale)
        :: else
        fi;
        record = execution;
        start_next(me)
    :: DECIDES_AGAIN && record == execution && phase[which] != WAITING && run_of[which] == current ->
        start(me, which)
    :: else /* a duplicate, or late */
    fi
}

#ifdef BREAK_RUN_CHECK
#define IS_OF_RUN(trigger) true
#else
#define IS_OF_RUN(trigger) (run_of[GROUP_OF(trigger)] == RUN_OF(trigger))
#endif

/* An answer to a trigger names it. */
inline apply_answer(me, trigger) {
    answered = answered | BIT(trigger);
    if
    :: phase[GROUP_OF(trigger)] != WAITING && phase[GROUP_OF(trigger)] != DONE && IS_OF_RUN(trigger) ->
        phase[GROUP_OF(trigger)] = DONE;
        start_next(me)
    :: else
    fi
}

inline apply(me, completion) {
    if
    :: completion == A1 -> apply_upstream(me, 1, 1, record_a)
    :: completion == B1 -> apply_upstream(me, 2, 1, record_b)
    :: completion == AGAIN && RERUN == 1 -> apply_upstream(me, 1, 2, record_a)
    :: completion == AGAIN && RERUN != 1 -> apply_upstream(me, 2, 2, record_b)
    :: else -> apply_answer(me, TRIGGER_OF(completion))
    fi
}

#ifdef BREAK_SUPERSEDED
#define withdraw(trigger) skip
#else
#define withdraw(trigger) take_out(trigger)
#endif

inline drop_group(group) {
    if
    :: phase[group] != WAITING ->
        phase[group] = WAITING;
        withdrawn = withdrawn | BIT(TRIGGER(group, current));
        withdraw(TRIGGER(group, current));
        run_of[group] = 0
    :: else
    fi
}

inline open_run(me) {
    opened_from = stale;
    drop_group(2);
    if
    :: stale == 1 -> drop_group(1)
    :: else
    fi;
    current = 2;
    stale = 0;
    find_next(me);
    start_found(me)
}

inline confirm(trigger) {
    take_out(trigger);
    if
    :: phase[GROUP_OF(trigger)] == READY && run_of[GROUP_OF(trigger)] == RUN_OF(trigger) ->
        phase[GROUP_OF(trigger)] = TRIGGERED
    :: else
    fi
}

/* --- A replica ------------------------------------------------------------------------------------------------------ */

inline orphan(me, trigger) {
    if
    :: lessee[trigger] == me -> lessee[trigger] = DEAD
    :: else
    fi
}

inline crash(me, how) {
    faults--;
    life[me] = how;
    next[me] = 0;
    lane[me] = 0;
    believed[me] = 0;
    first[me] = NONE;
    stage[me] = STEP;
    orphan(me, 0);
    orphan(me, 1);
    orphan(me, 2);
    orphan(me, 3)
}

/*
 * Intake: receive, apply, ack, in one step: until its ack is heard a completion is the bus', and what a replica has in
 * hand but has not applied is nowhere else. A crash between apply and ack is a step of its own, as is a duplicate. What
 * the store decides is in the lane with its answer.
 */
#define RECEIVE(me, completion)                                                                                       \
    :: d_step { life[me] == UP && next[me] == 0 && HAS(SENT & ~acked, completion) ->                                  \
           apply(me, completion); acked = acked | BIT(completion) }                                                   \
    :: d_step { DUP && faults > 0 && life[me] == UP && next[me] == 0 && HAS(SENT, completion) ->                               \
           faults--; apply(me, completion) }                                                                            \
    :: d_step { CRASH && faults > 0 && life[me] == UP && next[me] == 0 && HAS(SENT & ~acked, completion) ->                   \
           crash_between(me, completion) }

#ifdef BREAK_ACK
#define crash_between(me, completion) acked = acked | BIT(completion); crash(me, DOWN)
#else
#define crash_between(me, completion) apply(me, completion); crash(me, DOWN)
#endif

proctype intake(byte me) {
end:
    do
    RECEIVE(me, A1)
    RECEIVE(me, B1)
    RECEIVE(me, AGAIN)
    RECEIVE(me, ANSWER(0))
    RECEIVE(me, ANSWER(1))
    RECEIVE(me, ANSWER(2))
    RECEIVE(me, ANSWER(3))
#ifdef BREAK_ATOMIC
    :: d_step { life[me] == UP && next[me] != 0 -> start_found(me) }
#endif
    od
}

#define HAS_FIRST(me, stage_of_it) (life[me] == UP && first[me] != NONE && stage[me] == stage_of_it)

inline leave_first(me) {
    believed[me] = believed[me] & ~BIT(first[me]);
    stage[me] = STEP;
    if
    :: lane[me] == 0 -> first[me] = NONE
    :: HAS(lane[me], 0) -> first[me] = 0
    :: !HAS(lane[me], 0) && HAS(lane[me], 1) -> first[me] = 1
    :: (lane[me] & 3) == 0 && HAS(lane[me], 2) -> first[me] = 2
    :: lane[me] == BIT(3) -> first[me] = 3
    fi;
    lane[me] = lane[me] & ~BIT(first[me])
}

/* Is the lease of a trigger this replica's, or free? */
#ifdef BREAK_LEASE
#define IS_OPEN(me, trigger) true
#else
#define IS_OPEN(me, trigger) (lessee[trigger] == me || lessee[trigger] == NOBODY)
#endif

inline ask_for_lease(me) {
    if
    :: HAS(outbox, first[me]) && IS_OPEN(me, first[me]) ->
        lessee[first[me]] = me;
        believed[me] = believed[me] | BIT(first[me])
    :: else -> leave_first(me)
    fi
}

#define IS_LEASED(me) HAS(believed[me], first[me])

#if defined(BREAK_POPPED) || defined(BREAK_CONFIRM)
#define after_publish(trigger) skip
#else
#define after_publish(trigger) confirm(trigger)
#endif

/*
 * Dispatcher: one lane, since there is one date. Without a lease, ask; with one, publish, then confirm. Between the look
 * at the clock and the send the replica may stand still.
 */
proctype dispatcher(byte me) {
end:
    do
    :: d_step { HAS_FIRST(me, STEP) && !IS_LEASED(me) -> ask_for_lease(me) }
#ifdef BREAK_POPPED /* out of the outbox before it is published, not when that is confirmed */
    :: d_step { HAS_FIRST(me, STEP) && IS_LEASED(me) -> confirm(first[me]); stage[me] = SENDING }
#else
    :: d_step { HAS_FIRST(me, STEP) && IS_LEASED(me) -> note_published(first[me]); stage[me] = PUBLISHED }
#endif
    :: d_step { LOSS && faults > 0 && HAS_FIRST(me, STEP) && IS_LEASED(me) ->
           faults--;
           note_published(first[me]);
           believed[me] = believed[me] & ~BIT(first[me])
       }
    :: d_step { HAS_FIRST(me, SENDING) -> note_published(first[me]); stage[me] = PUBLISHED }
    :: d_step { HAS_FIRST(me, PUBLISHED) -> after_publish(first[me]); leave_first(me) }
    od
}

#define IS_IN_LANE(me, trigger) (HAS(lane[me], trigger) || first[me] == trigger)

#define RECOVER(me, trigger)                                                                                          \
    :: d_step { life[me] == UP && HAS(outbox, trigger) && !IS_IN_LANE(me, trigger) && IS_OPEN(me, trigger) ->         \
           insert(me, trigger) }                                                                                      \
    :: d_step { LATE && faults > 0 && life[me] == UP && HAS(decided, trigger) && !IS_IN_LANE(me, trigger) ->                    \
           faults--; insert(me, trigger) }

/* The sweep: settle times that are over, and what stands in the outbox. */
proctype sweep(byte me) {
end:
    do
    :: d_step { life[me] == UP && stale != 0 -> open_run(me) }
#ifndef BREAK_RECOVERY
    RECOVER(me, 0)
    RECOVER(me, 1)
    RECOVER(me, 2)
    RECOVER(me, 3)
#endif
    od
}

/* --- The rest of the world ------------------------------------------------------------------------------------------ */

/* The leases of the dead end by themselves; and what supervises the replicas starts them again. */
proctype clock() {
end:
    do
#ifndef BREAK_TAKE_OVER
    :: d_step { lessee[0] == DEAD -> lessee[0] = NOBODY }
    :: d_step { lessee[1] == DEAD -> lessee[1] = NOBODY }
    :: d_step { lessee[2] == DEAD -> lessee[2] = NOBODY }
    :: d_step { lessee[3] == DEAD -> lessee[3] = NOBODY }
#endif
    :: d_step { life[0] == DOWN -> life[0] = UP }
    :: d_step { life[1] == DOWN -> life[1] = UP }
    od
}

/* A lease ends: of what is not being sent, its replica knows; of what is, it does not. */
#define END_LEASE(me, trigger)                                                                                            \
    :: d_step { LAPSE && faults > 0 && lessee[trigger] == me && (first[me] != trigger || stage[me] == STEP) ->                 \
           faults--; lessee[trigger] = NOBODY;                                                                        \
           believed[me] = believed[me] & ~(BELIEF_ENDS * BIT(trigger)) }                                              \
    :: d_step { STALL && faults > 0 && lessee[trigger] == me && first[me] == trigger && stage[me] != SENDING                   \
           && HAS(believed[me], trigger) ->                                                                           \
           faults--; lessee[trigger] = NOBODY;                                                                        \
           stage[me] = (stage[me] == STEP -> SENDING : PUBLISHED) }

#ifdef BREAK_BELIEF
#define BELIEF_ENDS 0
#else
#define BELIEF_ENDS 1
#endif

#define DISTURB(me)                                                                                                    \
    :: d_step { CRASH && faults > 0 && life[me] == UP -> crash(me, DOWN) }                                                    \
    :: d_step { CRASH && faults > 0 && REPLICAS > 1 && life[me] == UP && life[1 - me] != GONE -> crash(me, GONE) }            \
    END_LEASE(me, 0)                                                                                                      \
    END_LEASE(me, 1)                                                                                                      \
    END_LEASE(me, 2)                                                                                                      \
    END_LEASE(me, 3)

proctype disturbance() {
end:
    do
    DISTURB(0)
#if REPLICAS > 1
    DISTURB(1)
#endif
    :: d_step { faults > 0 -> faults = 0 } /* what may happen need not */
    od
}

/*
 * Invariants 1 and 5, "always in the end": every run ends, since `check` finds no cycle, and where it ends, nothing being
 * left that anybody could do, everything that was received is done with, every trigger that was decided and not superseded
 * was published and has left the outbox, and the date went as far as it can.
 */
#define SETTLED                                                                                                       \
    (acked == (SENT) && outbox == 0 && (decided & ~out & ~withdrawn) == 0 && stale == 0 && phase[2] == DONE)

proctype the_end() {
    timeout -> assert(SETTLED)
}

init {
    atomic {
        run intake(0);
        run dispatcher(0);
        run sweep(0);
#if REPLICAS > 1
        run intake(1);
        run dispatcher(1);
        run sweep(1);
#endif
        run clock();
        run disturbance();
        run the_end()
    }
}
