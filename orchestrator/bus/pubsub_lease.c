#include "bus/pubsub_lease.h"

#include <stdlib.h>

/*
 * A third of the lease: an extension that fails can be tried again twice before the lease is over, and one
 * that is not answered once. So an answer is not waited for longer than that.
 */
enum { PARTS = 3, PATIENCE_MOST_MS = 30000 };

struct pubsub_leases {
    struct pubsub_leases_settings settings;
    struct list_link waiting; /* in the order of due_ms: all leases are equally long */
    struct pubsub_timer timer;
    struct pubsub_lane extend, ack, nack;
    size_t ending;
    bool closing;
};

static struct pubsub_lease *lease_of(struct pubsub_word *word) {
    return list_entry(word, struct pubsub_lease, word);
}

static uint64_t lease_ms(const struct pubsub_leases *leases) {
    return (uint64_t)leases->settings.lease_seconds * 1000;
}

static int patience_ms(const struct pubsub_leases_settings *settings) {
    int part = settings->lease_seconds * 1000 / PARTS;
    return part < PATIENCE_MOST_MS ? part : PATIENCE_MOST_MS;
}

static void watch(struct pubsub_leases *leases) {
    if (list_empty(&leases->waiting) || leases->closing || pubsub_timer_running(&leases->timer))
        return;
    struct pubsub_word *first = list_entry(leases->waiting.next, struct pubsub_word, link);
    uint64_t now = pubsub_now_ms(leases->settings.timers), due = lease_of(first)->due_ms;
    pubsub_timer_start(&leases->timer, due > now ? due - now : 0);
}

static void wait_for_due(struct pubsub_leases *leases, struct pubsub_lease *lease) {
    lease->due_ms = pubsub_now_ms(leases->settings.timers) + lease_ms(leases) / PARTS;
    list_append(&leases->waiting, &lease->word.link);
    watch(leases);
}

static void extend_due(void *context) {
    struct pubsub_leases *leases = context;
    uint64_t now = pubsub_now_ms(leases->settings.timers);
    while (!list_empty(&leases->waiting)) {
        struct pubsub_word *word = list_entry(leases->waiting.next, struct pubsub_word, link);
        if (lease_of(word)->due_ms > now)
            break;
        list_remove(&word->link);
        pubsub_lane_put(&leases->extend, word);
    }
    watch(leases);
}

static void settle(struct pubsub_leases *leases, struct pubsub_lease *lease, bool left) {
    leases->ending--;
    pubsub_ticket_return(leases->settings.flush, &lease->ticket, left);
    leases->settings.settled(leases->settings.context, lease);
}

static void put_to_end(struct pubsub_leases *leases, struct pubsub_lease *lease) {
    pubsub_lane_put(lease->wish == PUBSUB_ACK ? &leases->ack : &leases->nack, &lease->word);
}

static void on_extended(void *context, struct pubsub_word *word, bool confirmed, uint64_t sent_ms) {
    struct pubsub_leases *leases = context;
    struct pubsub_lease *lease = lease_of(word);
    if (confirmed)
        lease->until_ms = sent_ms + lease_ms(leases);
    if (lease->wish == PUBSUB_KEEP)
        wait_for_due(leases, lease);
    else
        put_to_end(leases, lease);
}

/* An extension is tried again for as long as the message is in hand. */
static bool extend_again(void *context, struct pubsub_word *word) {
    struct pubsub_lease *lease = lease_of(word);
    if (lease->wish == PUBSUB_KEEP)
        return true;
    put_to_end(context, lease);
    return false;
}

/* One that was refused has left as well: it would be refused again. */
static void on_ended(void *context, struct pubsub_word *word, bool confirmed, uint64_t sent_ms) {
    (void)confirmed;
    (void)sent_ms;
    settle(context, lease_of(word), true);
}

/* An ack or nack is tried again until the lease is over: by then the message comes again anyway. */
static bool end_again(void *context, struct pubsub_word *word) {
    struct pubsub_leases *leases = context;
    struct pubsub_lease *lease = lease_of(word);
    if (pubsub_now_ms(leases->settings.timers) < lease->until_ms) {
        pubsub_ticket_stick(leases->settings.flush, &lease->ticket);
        return true;
    }
    log_debug(leases->settings.log,
        "the lease of a message of %s ended before Pub/Sub took its ack; it comes again",
        leases->settings.subscription);
    settle(leases, lease, false);
    return false;
}

struct pubsub_leases *pubsub_leases_new(const struct pubsub_leases_settings *settings) {
    struct pubsub_leases *leases = calloc(1, sizeof *leases);
    if (!leases)
        return NULL;
    leases->settings = *settings;
    list_init(&leases->waiting);
    pubsub_timer_init(settings->timers, &leases->timer, extend_due, leases);
    struct pubsub_lane_settings lane = {.timers = settings->timers,
        .channel = settings->channel,
        .log = settings->log,
        .subscription = settings->subscription,
        .routing = settings->routing,
        .deadline_seconds = settings->lease_seconds,
        .patience_ms = patience_ms(settings),
        .finished = on_extended,
        .again = extend_again,
        .context = leases};
    pubsub_lane_init(&leases->extend, &lane);
    lane.finished = on_ended;
    lane.again = end_again;
    lane.deadline_seconds = PUBSUB_LANE_ACK;
    pubsub_lane_init(&leases->ack, &lane);
    lane.deadline_seconds = 0;
    pubsub_lane_init(&leases->nack, &lane);
    return leases;
}

void pubsub_lease_begin(struct pubsub_leases *leases, struct pubsub_lease *lease) {
    lease->wish = PUBSUB_KEEP;
    lease->word.lane = NULL;
    lease->word.sent = false;
    lease->ticket = (struct pubsub_ticket){0};
    lease->until_ms = pubsub_now_ms(leases->settings.timers) + lease_ms(leases);
    wait_for_due(leases, lease);
}

/* In the waiting list or the extend lane; whichever, it is not in a request under way. */
static void take_out(struct pubsub_lease *lease) {
    if (lease->word.lane)
        pubsub_lane_take_back(&lease->word);
    else
        list_remove(&lease->word.link);
}

void pubsub_lease_end(struct pubsub_leases *leases, struct pubsub_lease *lease, enum pubsub_wish wish) {
    lease->wish = wish;
    leases->ending++;
    pubsub_ticket_take(leases->settings.flush, &lease->ticket);
    if (lease->word.sent)
        return; /* its extension is under way and must not overtake: on_extended goes on */
    take_out(lease);
    put_to_end(leases, lease);
}

size_t pubsub_leases_ending(const struct pubsub_leases *leases) {
    return leases->ending;
}

void pubsub_leases_flush(struct pubsub_leases *leases) {
    pubsub_lane_flush(&leases->ack);
    pubsub_lane_flush(&leases->nack);
}

void pubsub_leases_close(struct pubsub_leases *leases) {
    leases->closing = true;
    pubsub_timer_stop(&leases->timer);
    pubsub_lane_close(&leases->extend);
    pubsub_lane_close(&leases->ack);
    pubsub_lane_close(&leases->nack);
}

bool pubsub_leases_empty(const struct pubsub_leases *leases) {
    return leases->ending == 0 && leases->extend.words == 0 && list_empty(&leases->waiting);
}

void pubsub_leases_free(struct pubsub_leases **leases) {
    free(*leases);
    *leases = NULL;
}
