#include "alerts/sender.h"

#include "alerts/http.h"
#include "base/backoff.h"

#include <stdlib.h>

struct letter {
    struct letter *next;
    char *body;
    sent_fn *sent;
    void *context;
};

struct sender {
    uv_timer_t timer; /* until the next try */
    struct http *http;
    struct log log;
    struct letter *first; /* the one that is on its way, while posting */
    struct letter **end;
    size_t count;
    size_t dropped; /* since it began to fail */
    struct backoff backoff;
    bool posting;
    bool closing;
    void (*idle)(void *context); /* NULL: nobody waits for it */
    void *idle_context;
    void (*closed)(void *context);
    void *closed_context;
};

/* --- The queue ------------------------------------------------------------------------------------------ */

/* Takes out what *at points to. */
static struct letter *take(struct sender *sender, struct letter **at) {
    struct letter *letter = *at;
    *at = letter->next;
    if (sender->end == &letter->next)
        sender->end = at;
    sender->count--;
    return letter;
}

static void finish(struct letter *letter, enum sent sent, const char *detail) {
    letter->sent(letter->context, sent, detail);
    free(letter->body);
    free(letter);
}

static void make_room(struct sender *sender) {
    if (sender->count < SENDER_QUEUE_MAX)
        return;
    struct letter **oldest = sender->posting ? &sender->first->next : &sender->first;
    sender->dropped++;
    finish(take(sender, oldest), SENT_DROPPED, NULL);
}

/* --- Closing -------------------------------------------------------------------------------------------- */

static void on_timer_closed(uv_handle_t *handle) {
    struct sender *sender = handle->data;
    void (*closed)(void *) = sender->closed;
    void *context = sender->closed_context;
    free(sender);
    closed(context);
}

static void on_http_closed(void *context) {
    struct sender *sender = context;
    uv_close((uv_handle_t *)&sender->timer, on_timer_closed);
}

void sender_close(struct sender *sender, void (*closed)(void *context), void *context) {
    sender->closed = closed;
    sender->closed_context = context;
    sender->closing = true;
    if (sender->count > 0)
        log_error(&sender->log, "stopped with %zu alerts not sent", sender->count);
    while (sender->first)
        finish(take(sender, &sender->first), SENT_DROPPED, NULL);
    uv_timer_stop(&sender->timer);
    http_close(sender->http, on_http_closed, sender);
}

/* --- Sending -------------------------------------------------------------------------------------------- */

static void post_first(struct sender *sender);

static void on_timer(uv_timer_t *timer) {
    post_first(timer->data);
}

static void tell_idle(struct sender *sender) {
    void (*idle)(void *) = sender->idle;
    sender->idle = NULL;
    if (idle)
        idle(sender->idle_context);
}

static void tell_working(struct sender *sender) {
    if (sender->backoff.failures > 0)
        log_notice(&sender->log, "alerts are sent again after %u failures; %zu were dropped meanwhile",
            sender->backoff.failures, sender->dropped);
    sender->backoff.failures = 0;
    sender->dropped = 0;
}

/* Too many, not now, a fault of the server's, or no answer: it may work later. */
static bool is_passing(const struct http_answer *answer) {
    return answer->status == 0 || answer->status == 408 || answer->status == 429 || answer->status >= 500;
}

static void try_later(struct sender *sender, const struct http_answer *answer) {
    if (sender->backoff.failures == 0 && answer->status == 0)
        log_error(&sender->log, "cannot send alerts, trying again: %s", answer->failure);
    else if (sender->backoff.failures == 0)
        log_error(&sender->log, "cannot send alerts, trying again: the webhook answers with status %d",
            answer->status);
    uint64_t wait = backoff_next_ms(&sender->backoff);
    if (wait < (uint64_t)answer->retry_after_ms)
        wait = (uint64_t)answer->retry_after_ms;
    uv_timer_start(&sender->timer, on_timer, wait, 0);
    tell_idle(sender);
}

static void on_answered(void *context, const struct http_answer *answer) {
    struct sender *sender = context;
    char detail[80] = "";
    sender->posting = false;
    if (is_passing(answer)) {
        try_later(sender, answer);
        return;
    }
    bool delivered = answer->status >= 200 && answer->status < 300;
    if (delivered) {
        tell_working(sender);
    } else {
        snprintf(detail, sizeof detail, "the webhook answers with status %d", answer->status);
        log_error(&sender->log, "an alert was refused: %s; are its address and the template right?", detail);
    }
    finish(
        take(sender, &sender->first), delivered ? SENT_DELIVERED : SENT_REFUSED, delivered ? NULL : detail);
    post_first(sender);
}

static void post_first(struct sender *sender) {
    if (sender->posting || sender->closing || uv_is_active((uv_handle_t *)&sender->timer))
        return;
    if (sender->first) {
        sender->posting = true;
        http_post(sender->http, sender->first->body, on_answered, sender);
    } else {
        tell_idle(sender);
    }
}

void sender_send(struct sender *sender, char *body, sent_fn *sent, void *context) {
    struct letter *letter = sender->closing ? NULL : malloc(sizeof *letter);
    if (!letter) {
        free(body);
        sent(context, SENT_DROPPED, NULL);
        return;
    }
    make_room(sender);
    *letter = (struct letter){.body = body, .sent = sent, .context = context};
    *sender->end = letter;
    sender->end = &letter->next;
    sender->count++;
    post_first(sender);
}

bool sender_withdraw(struct sender *sender, const void *context) {
    struct letter **at = sender->posting ? &sender->first->next : &sender->first;
    while (*at && (*at)->context != context)
        at = &(*at)->next;
    if (!*at)
        return false;
    struct letter *letter = take(sender, at);
    free(letter->body);
    free(letter);
    return true;
}

/* --- Life ----------------------------------------------------------------------------------------------- */

struct result sender_open(uv_loop_t *loop, const char *url, const struct log *log, struct sender **sender) {
    struct sender *made = calloc(1, sizeof *made);
    if (!made)
        return fail(CODE_INTERNAL, "out of memory");
    struct result result = http_open(loop, url, &made->http);
    if (!is_ok(result)) {
        free(made);
        return result;
    }
    made->log = log_with(log, "part", "alerts");
    made->end = &made->first;
    made->backoff = (struct backoff){.first_ms = 1000, .max_ms = 60000};
    uv_timer_init(loop, &made->timer);
    made->timer.data = made;
    *sender = made;
    return ok();
}

void sender_hurry(struct sender *sender, void (*idle)(void *context), void *context) {
    sender->idle = idle;
    sender->idle_context = context;
    uv_timer_stop(&sender->timer);
    post_first(sender);
}
