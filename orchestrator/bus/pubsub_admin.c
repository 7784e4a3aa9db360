#include "bus/pubsub_admin.h"

#include "base/backoff.h"
#include "bus/pubsub_list.h"
#include "bus/pubsub_names.h"
#include "bus/pubsub_status.h"
#include "proto/pubsub.pb-c.h"

#include <stdlib.h>
#include <string.h>

/* A server that is just starting, or a connection that broke unnoticed, is given a few seconds. */
enum { DEADLINE_MS = 30000, PATIENCE_MS = 5000, RETRY_LEAST_MS = 100, RETRY_MOST_MS = 1000 };

/* In this order; a step whose thing is there already skips the making of it. */
enum step { GET_TOPIC, CREATE_TOPIC, GET_SUBSCRIPTION, CREATE_SUBSCRIPTION, FINISHED };

struct job {
    struct list_link link;
    struct pubsub_admin *admin;
    enum step step;
    char topic[PUBSUB_NAME_MAX];
    char subscription[PUBSUB_NAME_MAX]; /* "": none */
    int lease_seconds;
    bus_done_fn *done;
    void *context;
    struct rpc_call *call; /* NULL: waits for the timer */
    uint64_t retry_until_ms;
    struct backoff backoff;
};

struct pubsub_admin {
    struct rpc_channel *channel;
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
 * Acked messages are kept, so that it can be sought back in time.
 */
static struct result create_subscription(struct job *job) {
    Google__Pubsub__V1__ExpirationPolicy never = GOOGLE__PUBSUB__V1__EXPIRATION_POLICY__INIT;
    Google__Pubsub__V1__Subscription subscription = GOOGLE__PUBSUB__V1__SUBSCRIPTION__INIT;
    subscription.name = job->subscription;
    subscription.topic = job->topic;
    subscription.ack_deadline_seconds = job->lease_seconds;
    subscription.retain_acked_messages = true;
    subscription.expiration_policy = &never;
    return call(job, "/google.pubsub.v1.Subscriber/CreateSubscription", "name", &subscription.base);
}

static void job_do(struct job *job) {
    struct result (*const steps[])(struct job *) = {
        [GET_TOPIC] = get_topic,
        [CREATE_TOPIC] = create_topic,
        [GET_SUBSCRIPTION] = get_subscription,
        [CREATE_SUBSCRIPTION] = create_subscription,
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

/* The subscription is there: on the right topic? One whose topic was deleted stays on "_deleted-topic_" for
 * ever. */
static struct result check_subscription(const struct job *job, const struct rpc_reply *reply) {
    Google__Pubsub__V1__Subscription *found =
        google__pubsub__v1__subscription__unpack(NULL, reply->size, reply->data);
    if (!found)
        return fail(CODE_INTERNAL, "%s: Pub/Sub's description of it cannot be read", job->subscription);
    struct result r = ok();
    if (strcmp(found->topic, job->topic) != 0)
        r = fail(CODE_REFUSED,
            "%s is there, but on topic %.150s, not on %s; delete it, or give it another name",
            job->subscription, found->topic, job->topic);
    google__pubsub__v1__subscription__free_unpacked(found, NULL);
    return r;
}

/* What the reply to a step means, and the step after it. */
static struct result next_step(const struct job *job, const struct rpc_reply *reply, enum step *next) {
    bool getting = job->step == GET_TOPIC || job->step == GET_SUBSCRIPTION;
    bool missing = getting && reply->status == RPC_NOT_FOUND;
    bool there = reply->status == RPC_OK || (!getting && reply->status == RPC_ALREADY_EXISTS);
    if (!missing && !there)
        return pubsub_result(reply, job->step <= CREATE_TOPIC ? job->topic : job->subscription);
    if (missing)
        *next = job->step + 1;
    else
        *next = job->step <= CREATE_TOPIC ? after_topic(job) : FINISHED;
    return there && job->step == GET_SUBSCRIPTION ? check_subscription(job, reply) : ok();
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

struct pubsub_admin *pubsub_admin_new(struct pubsub_timers *timers, struct rpc_channel *channel) {
    struct pubsub_admin *admin = calloc(1, sizeof *admin);
    if (!admin)
        return NULL;
    admin->channel = channel;
    list_init(&admin->jobs);
    pubsub_timer_init(timers, &admin->timer, do_waiting, admin);
    return admin;
}

void pubsub_admin_create(struct pubsub_admin *admin, const char *topic, const char *subscription,
    int lease_seconds, bus_done_fn *done, void *context) {
    struct job *job = calloc(1, sizeof *job);
    if (!job) {
        done(context, fail(CODE_INTERNAL, "out of memory"));
        return;
    }
    job->admin = admin;
    job->lease_seconds = lease_seconds;
    job->done = done;
    job->context = context;
    job->retry_until_ms = pubsub_now_ms(admin->timer.group) + PATIENCE_MS;
    job->backoff = (struct backoff){.first_ms = RETRY_LEAST_MS, .max_ms = RETRY_MOST_MS};
    strncpy(job->topic, topic, sizeof job->topic - 1);
    if (subscription)
        strncpy(job->subscription, subscription, sizeof job->subscription - 1);
    list_append(&admin->jobs, &job->link);
    pubsub_timer_start(&admin->timer, 0);
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
