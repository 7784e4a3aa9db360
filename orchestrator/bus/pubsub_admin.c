#include "bus/pubsub_admin.h"

#include "base/backoff.h"
#include "base/clock.h"
#include "bus/pubsub_list.h"
#include "bus/pubsub_names.h"
#include "bus/pubsub_status.h"
#include "proto/pubsub.pb-c.h"

#include <stdlib.h>
#include <string.h>

/* A server that is just starting, or a connection that broke unnoticed, is given a few seconds. */
enum { DEADLINE_MS = 30000, PATIENCE_MS = 5000, RETRY_LEAST_MS = 100, RETRY_MOST_MS = 1000 };

/* How long a subscription of ours keeps what was acked, and one of others that does not say: Google's
 * default. */
enum { KEPT_SECONDS = 7 * 24 * 3600 };

/*
 * Creating goes from the first to the fourth, and a step whose thing is there already skips the making of it.
 * Seeking is the last two, and looking one of its own.
 */
enum step {
    GET_TOPIC,
    CREATE_TOPIC,
    GET_SUBSCRIPTION,
    CREATE_SUBSCRIPTION,
    LOOK,
    CHECK_KEEPING,
    SEEK,
    FINISHED
};

typedef Google__Pubsub__V1__Subscription Subscription;

struct job {
    struct list_link link;
    struct pubsub_admin *admin;
    enum step step;
    char topic[PUBSUB_NAME_MAX];
    char subscription[PUBSUB_NAME_MAX]; /* "": none */
    int lease_seconds;                  /* creating */
    int64_t time_ms;                    /* seeking */
    bus_done_fn *done;
    void *context;
    struct rpc_call *call; /* NULL: waits for the timer */
    uint64_t retry_until_ms;
    struct backoff backoff;
};

struct pubsub_admin {
    struct rpc_channel *channel;
    const struct log *log;
    struct list_link jobs;
    struct pubsub_timer timer; /* does the step of jobs that wait */
    bool closing;
};

static void on_reply(void *context, const struct rpc_reply *reply);

static void job_end(struct job *job, struct result result) {
    bus_done_fn *done = job->done;
    void *context = job->context;
    list_remove(&job->link);
    free(job);
    done(context, result);
}

static struct result call(
    struct job *job, const char *method, const char *key, const ProtobufCMessage *message) {
    char routing[PUBSUB_ROUTING_MAX];
    const char *name = job->step == GET_TOPIC || job->step == CREATE_TOPIC ? job->topic : job->subscription;
    struct rpc_request request = {
        .method = method,
        .routing = pubsub_routing(key, name, routing),
        .message = message,
        .deadline_ms = DEADLINE_MS,
    };
    return rpc_call(job->admin->channel, &request, on_reply, job, &job->call);
}

static struct result get_topic(struct job *job) {
    Google__Pubsub__V1__GetTopicRequest request = GOOGLE__PUBSUB__V1__GET_TOPIC_REQUEST__INIT;
    request.topic = job->topic;
    return call(job, "/google.pubsub.v1.Publisher/GetTopic", "topic", &request.base);
}

static struct result create_topic(struct job *job) {
    Google__Pubsub__V1__Topic topic = GOOGLE__PUBSUB__V1__TOPIC__INIT;
    topic.name = job->topic;
    return call(job, "/google.pubsub.v1.Publisher/CreateTopic", "name", &topic.base);
}

static struct result get_subscription(struct job *job) {
    Google__Pubsub__V1__GetSubscriptionRequest request = GOOGLE__PUBSUB__V1__GET_SUBSCRIPTION_REQUEST__INIT;
    request.subscription = job->subscription;
    return call(job, "/google.pubsub.v1.Subscriber/GetSubscription", "subscription", &request.base);
}

/*
 * Without ordering: completions do not depend on each other, and order would make one wait for another. It
 * never expires, since a season's break is longer than the 31 days after which Pub/Sub drops an unread one.
 * Acked messages are kept, so that it can be moved back in time.
 */
static struct result create_subscription(struct job *job) {
    Google__Pubsub__V1__ExpirationPolicy never = GOOGLE__PUBSUB__V1__EXPIRATION_POLICY__INIT;
    Google__Pubsub__V1__Duration kept = GOOGLE__PUBSUB__V1__DURATION__INIT;
    Subscription subscription = GOOGLE__PUBSUB__V1__SUBSCRIPTION__INIT;
    kept.seconds = KEPT_SECONDS;
    subscription.name = job->subscription;
    subscription.topic = job->topic;
    subscription.ack_deadline_seconds = job->lease_seconds;
    subscription.retain_acked_messages = true;
    subscription.message_retention_duration = &kept;
    subscription.expiration_policy = &never;
    return call(job, "/google.pubsub.v1.Subscriber/CreateSubscription", "name", &subscription.base);
}

static struct result seek(struct job *job) {
    Google__Pubsub__V1__Timestamp moment = GOOGLE__PUBSUB__V1__TIMESTAMP__INIT;
    Google__Pubsub__V1__SeekRequest request = GOOGLE__PUBSUB__V1__SEEK_REQUEST__INIT;
    moment.seconds = job->time_ms / 1000;
    moment.nanos = (int32_t)(job->time_ms % 1000) * 1000000;
    request.subscription = job->subscription;
    request.time = &moment;
    return call(job, "/google.pubsub.v1.Subscriber/Seek", "subscription", &request.base);
}

static void job_do(struct job *job) {
    struct result (*const steps[])(struct job *) = {
        [GET_TOPIC] = get_topic,
        [CREATE_TOPIC] = create_topic,
        [GET_SUBSCRIPTION] = get_subscription,
        [CREATE_SUBSCRIPTION] = create_subscription,
        [LOOK] = get_subscription,
        [CHECK_KEEPING] = get_subscription,
        [SEEK] = seek,
    };
    if (job->step == FINISHED) {
        job_end(job, ok());
        return;
    }
    struct result r = steps[job->step](job);
    if (!is_ok(r))
        job_end(job, r);
}

static enum step after_topic(const struct job *job) {
    return *job->subscription ? GET_SUBSCRIPTION : FINISHED;
}

/* How long acked messages are kept: by the subscription, or by its topic for all of them. 0: they are not. */
static int64_t kept_seconds(const Subscription *found) {
    const Google__Pubsub__V1__Duration *by_topic = found->topic_message_retention_duration;
    const Google__Pubsub__V1__Duration *by_itself = found->message_retention_duration;
    int64_t topic = by_topic ? by_topic->seconds : 0;
    int64_t own = by_itself ? by_itself->seconds : KEPT_SECONDS;
    return found->retain_acked_messages && own > topic ? own : topic;
}

#define NOT_KEPT "does not keep acked messages (retain_acked_messages is off)"
#define KEEP_THEM                                                                                            \
    "let it, from now on: gcloud pubsub subscriptions update %s --retain-acked-messages "                    \
    "--message-retention-duration=7d"

/* It is there: on the right topic? One whose topic was deleted stays on "_deleted-topic_" for ever. */
static struct result check_found(const struct job *job, const Subscription *found) {
    if (strcmp(found->topic, job->topic) != 0)
        return fail(CODE_REFUSED,
            "%s is there, but on topic %.150s, not on %s; delete it, or give it another name",
            job->subscription, found->topic, job->topic);
    if (kept_seconds(found) == 0)
        log_notice(job->admin->log, "%s " NOT_KEPT ", so it cannot be moved back in time; " KEEP_THEM,
            job->subscription, job->subscription);
    return ok();
}

static void warn_of_gap(const struct job *job, int64_t seconds) {
    char moment[TIMESTAMP_TEXT_MAX], first[TIMESTAMP_TEXT_MAX];
    struct clock clock = clock_system();
    int64_t first_ms = clock_now_ms(&clock) - seconds * 1000;
    if (job->time_ms < first_ms)
        log_warning(job->admin->log,
            "%s is moved back to %s, but keeps nothing from before %s: what was acked before then is gone",
            job->subscription, timestamp_format(job->time_ms, moment), timestamp_format(first_ms, first));
}

/* Without it Pub/Sub would say that all is well, and bring nothing back. */
static struct result check_keeping(const struct job *job, const Subscription *found) {
    int64_t seconds = kept_seconds(found);
    if (seconds == 0)
        return fail(CODE_REFUSED, "%s " NOT_KEPT ", so none can come again; " KEEP_THEM, job->subscription,
            job->subscription);
    warn_of_gap(job, seconds);
    return ok();
}

static struct result check_subscription(const struct job *job, const struct rpc_reply *reply) {
    Subscription *found = google__pubsub__v1__subscription__unpack(NULL, reply->size, reply->data);
    if (!found)
        return fail(CODE_INTERNAL, "%s: Pub/Sub's description of it cannot be read", job->subscription);
    struct result r = job->step == CHECK_KEEPING ? check_keeping(job, found) : check_found(job, found);
    google__pubsub__v1__subscription__free_unpacked(found, NULL);
    return r;
}

/* The step after one whose thing is there now. */
static enum step step_after(const struct job *job) {
    if (job->step <= CREATE_TOPIC)
        return after_topic(job);
    return job->step == CHECK_KEEPING ? SEEK : FINISHED;
}

/* What the reply to a step means, and the step after it. */
static struct result next_step(const struct job *job, const struct rpc_reply *reply, enum step *next) {
    bool looking = job->step == GET_TOPIC || job->step == GET_SUBSCRIPTION;
    bool making = job->step == CREATE_TOPIC || job->step == CREATE_SUBSCRIPTION;
    bool missing = looking && reply->status == RPC_NOT_FOUND;
    bool there = reply->status == RPC_OK || (making && reply->status == RPC_ALREADY_EXISTS);
    if (!missing && !there)
        return pubsub_result(reply, job->step <= CREATE_TOPIC ? job->topic : job->subscription);
    *next = missing ? job->step + 1 : step_after(job);
    bool described = there && (job->step == GET_SUBSCRIPTION || job->step == CHECK_KEEPING);
    return described ? check_subscription(job, reply) : ok();
}

static void on_reply(void *context, const struct rpc_reply *reply) {
    struct job *job = context;
    struct pubsub_admin *admin = job->admin;
    if (pubsub_class(reply->status) == PUBSUB_PASSING && !admin->closing
        && pubsub_now_ms(admin->timer.group) < job->retry_until_ms) {
        job->call = NULL;
        pubsub_timer_start(&admin->timer, backoff_next_ms(&job->backoff));
        return;
    }
    enum step next = FINISHED;
    struct result r = next_step(job, reply, &next);
    if (!is_ok(r)) {
        job_end(job, r);
        return;
    }
    job->step = next;
    job_do(job);
}

static void do_waiting(void *context) {
    struct pubsub_admin *admin = context;
    struct list_link *link = admin->jobs.next;
    while (link != &admin->jobs) {
        struct job *job = list_entry(link, struct job, link);
        link = link->next;
        if (!job->call && admin->closing)
            job_end(job, fail(CODE_UNAVAILABLE, "the bus is being closed"));
        else if (!job->call)
            job_do(job);
    }
}

struct pubsub_admin *pubsub_admin_new(
    struct pubsub_timers *timers, struct rpc_channel *channel, const struct log *log) {
    struct pubsub_admin *admin = calloc(1, sizeof *admin);
    if (!admin)
        return NULL;
    admin->channel = channel;
    admin->log = log;
    list_init(&admin->jobs);
    pubsub_timer_init(timers, &admin->timer, do_waiting, admin);
    return admin;
}

/* It begins in the loop's next turn. NULL when out of memory; then done has been called. */
static struct job *job_new(
    struct pubsub_admin *admin, enum step first, const char *subscription, bus_done_fn *done, void *context) {
    struct job *job = calloc(1, sizeof *job);
    if (!job) {
        done(context, fail(CODE_INTERNAL, "out of memory"));
        return NULL;
    }
    job->admin = admin;
    job->step = first;
    job->done = done;
    job->context = context;
    job->retry_until_ms = pubsub_now_ms(admin->timer.group) + PATIENCE_MS;
    job->backoff = (struct backoff){.first_ms = RETRY_LEAST_MS, .max_ms = RETRY_MOST_MS};
    if (subscription)
        strncpy(job->subscription, subscription, sizeof job->subscription - 1);
    list_append(&admin->jobs, &job->link);
    pubsub_timer_start(&admin->timer, 0);
    return job;
}

void pubsub_admin_create(struct pubsub_admin *admin, const char *topic, const char *subscription,
    int lease_seconds, bus_done_fn *done, void *context) {
    struct job *job = job_new(admin, GET_TOPIC, subscription, done, context);
    if (!job)
        return;
    job->lease_seconds = lease_seconds;
    strncpy(job->topic, topic, sizeof job->topic - 1);
}

void pubsub_admin_seek(
    struct pubsub_admin *admin, const char *subscription, int64_t time_ms, bus_done_fn *done, void *context) {
    struct job *job = job_new(admin, CHECK_KEEPING, subscription, done, context);
    if (job)
        job->time_ms = time_ms;
}

void pubsub_admin_look(
    struct pubsub_admin *admin, const char *subscription, bus_done_fn *done, void *context) {
    job_new(admin, LOOK, subscription, done, context);
}

void pubsub_admin_close(struct pubsub_admin *admin) {
    admin->closing = true;
    for (struct list_link *link = admin->jobs.next; link != &admin->jobs; link = link->next) {
        struct job *job = list_entry(link, struct job, link);
        if (job->call)
            rpc_call_cancel(job->call);
    }
    pubsub_timer_start(&admin->timer, 0);
}

bool pubsub_admin_idle(const struct pubsub_admin *admin) {
    return list_empty(&admin->jobs);
}

void pubsub_admin_free(struct pubsub_admin **admin) {
    free(*admin);
    *admin = NULL;
}
