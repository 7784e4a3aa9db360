/* The unary methods, with the checks that production makes. Limits: https://cloud.google.com/pubsub/quotas */
#include "support/fake_pubsub_server.h"

#include "proto/pubsub.pb-c.h"

#include <inttypes.h>
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PUBLISH_MESSAGES_MAX = 1000,
    PUBLISH_BYTES_MAX = 10000000, /* of the whole request */
    ACKS_BYTES_MAX = 524288,      /* of the whole request */
    ATTRIBUTES_MAX = 100,
    ATTRIBUTE_KEY_MAX = 256,
    ATTRIBUTE_VALUE_MAX = 1024,
    ORDERING_KEY_MAX = 1024,
    DEADLINE_LEAST_SECONDS = 10, /* of a subscription */
    DEADLINE_MOST_SECONDS = 600,
    KEPT_LEAST_SECONDS = 10 * 60,
    KEPT_MOST_SECONDS = 31 * 24 * 3600,
};

typedef Google__Pubsub__V1__Topic Topic;
typedef Google__Pubsub__V1__Subscription Subscription;
typedef Google__Pubsub__V1__PublishRequest PublishRequest;
typedef Google__Pubsub__V1__PubsubMessage Message;

void fake_refuse(struct fake_answer *answer, grpc_status_code status, const char *format, ...) {
    answer->status = status;
    va_list args;
    va_start(args, format);
    vsnprintf(answer->text, sizeof answer->text, format, args);
    va_end(args);
}

bool fake_fault_strikes(struct fake_fault *fault) {
    if (fault->calls <= 0)
        return false;
    fault->calls--;
    return true;
}

/* --- Topics and subscriptions --------------------------------------------------------------------------- */

/* A full name with a last part that production allows. */
#define TOPIC_NAME "^projects/[^/]+/topics/[A-Za-z][A-Za-z0-9_.~+%-]{2,254}$"
#define SUBSCRIPTION_NAME "^projects/[^/]+/subscriptions/[A-Za-z][A-Za-z0-9_.~+%-]{2,254}$"

static bool is_name(const char *name, const char *pattern) {
    regex_t regex;
    if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return false;
    bool matches = regexec(&regex, name, 0, NULL, 0) == 0;
    regfree(&regex);
    return matches && strncmp(strrchr(name, '/') + 1, "goog", 4) != 0;
}

static void answer_topic(struct fake_answer *answer, const struct fake_topic *topic) {
    Topic wire = GOOGLE__PUBSUB__V1__TOPIC__INIT;
    wire.name = topic->name;
    answer->body = fake_pack(&wire.base);
}

static void create_topic(
    struct fake_pubsub *fake, const ProtobufCMessage *message, size_t size, struct fake_answer *answer) {
    const Topic *request = (const Topic *)message;
    (void)size;
    if (!is_name(request->name, TOPIC_NAME)) {
        fake_refuse(answer, GRPC_STATUS_INVALID_ARGUMENT, "invalid topic name: %s", request->name);
        return;
    }
    if (fake_store_topic(&fake->store, request->name)) {
        fake_refuse(answer, GRPC_STATUS_ALREADY_EXISTS, "there is a topic %s already", request->name);
        return;
    }
    const struct fake_topic *topic = fake_store_add_topic(&fake->store, request->name);
    if (topic)
        answer_topic(answer, topic);
    else
        fake_refuse(answer, GRPC_STATUS_RESOURCE_EXHAUSTED, "fake: no more than %d topics", FAKE_TOPICS_MAX);
}

static void get_topic(
    struct fake_pubsub *fake, const ProtobufCMessage *message, size_t size, struct fake_answer *answer) {
    const char *name = ((const Google__Pubsub__V1__GetTopicRequest *)message)->topic;
    const struct fake_topic *topic = fake_store_topic(&fake->store, name);
    (void)size;
    if (topic)
        answer_topic(answer, topic);
    else
        fake_refuse(answer, GRPC_STATUS_NOT_FOUND, "there is no topic %s", name);
}

static void answer_subscription(struct fake_answer *answer, const struct fake_subscription *subscription) {
    Subscription wire = GOOGLE__PUBSUB__V1__SUBSCRIPTION__INIT;
    wire.name = subscription->name;
    wire.topic = subscription->topic->name;
    wire.ack_deadline_seconds = subscription->ack_deadline_seconds;
    wire.enable_message_ordering = subscription->ordered;
    wire.retain_acked_messages = subscription->keeps_acked;
    Google__Pubsub__V1__Duration kept = GOOGLE__PUBSUB__V1__DURATION__INIT;
    kept.seconds = subscription->kept_seconds;
    wire.message_retention_duration = &kept;
    answer->body = fake_pack(&wire.base);
}

static int32_t deadline_of(const Subscription *request) {
    return request->ack_deadline_seconds ? request->ack_deadline_seconds : DEADLINE_LEAST_SECONDS;
}

/* What is wrong with its settings; NULL when nothing is. */
static const char *subscription_fault(const Subscription *request) {
    int32_t deadline = deadline_of(request);
    const Google__Pubsub__V1__Duration *kept = request->message_retention_duration;
    if (!is_name(request->name, SUBSCRIPTION_NAME))
        return "invalid subscription name";
    if (deadline < DEADLINE_LEAST_SECONDS || deadline > DEADLINE_MOST_SECONDS)
        return "ack_deadline_seconds has to be 10 to 600";
    if (kept && (kept->seconds < KEPT_LEAST_SECONDS || kept->seconds > KEPT_MOST_SECONDS))
        return "message_retention_duration has to be 10 minutes to 31 days";
    return NULL;
}

static void create_subscription(
    struct fake_pubsub *fake, const ProtobufCMessage *message, size_t size, struct fake_answer *answer) {
    const Subscription *request = (const Subscription *)message;
    struct fake_topic *topic = fake_store_topic(&fake->store, request->topic);
    const char *wrong = subscription_fault(request);
    (void)size;
    if (wrong) {
        fake_refuse(answer, GRPC_STATUS_INVALID_ARGUMENT, "%s: %s", request->name, wrong);
        return;
    }
    if (!topic) {
        fake_refuse(answer, GRPC_STATUS_NOT_FOUND, "there is no topic %s", request->topic);
        return;
    }
    if (fake_store_subscription(&fake->store, request->name)) {
        fake_refuse(answer, GRPC_STATUS_ALREADY_EXISTS, "there is a subscription %s already", request->name);
        return;
    }
    struct fake_subscription *subscription = fake_store_add_subscription(
        &fake->store, request->name, topic, deadline_of(request), request->enable_message_ordering);
    if (!subscription) {
        fake_refuse(answer, GRPC_STATUS_RESOURCE_EXHAUSTED, "fake: too many subscriptions");
        return;
    }
    subscription->keeps_acked = request->retain_acked_messages;
    if (request->message_retention_duration)
        subscription->kept_seconds = request->message_retention_duration->seconds;
    answer_subscription(answer, subscription);
}

static void get_subscription(
    struct fake_pubsub *fake, const ProtobufCMessage *message, size_t size, struct fake_answer *answer) {
    const char *name = ((const Google__Pubsub__V1__GetSubscriptionRequest *)message)->subscription;
    const struct fake_subscription *subscription = fake_store_subscription(&fake->store, name);
    (void)size;
    if (subscription)
        answer_subscription(answer, subscription);
    else
        fake_refuse(answer, GRPC_STATUS_NOT_FOUND, "there is no subscription %s", name);
}

static void seek(
    struct fake_pubsub *fake, const ProtobufCMessage *message, size_t size, struct fake_answer *answer) {
    const Google__Pubsub__V1__SeekRequest *request = (const Google__Pubsub__V1__SeekRequest *)message;
    struct fake_subscription *subscription = fake_store_subscription(&fake->store, request->subscription);
    const Google__Pubsub__V1__Timestamp *moment = request->time;
    Google__Pubsub__V1__SeekResponse response = GOOGLE__PUBSUB__V1__SEEK_RESPONSE__INIT;
    (void)size;
    if (!moment || moment->nanos < 0 || moment->nanos > 999999999) {
        fake_refuse(answer, GRPC_STATUS_INVALID_ARGUMENT, "a seek needs a time");
        return;
    }
    if (!subscription) {
        fake_refuse(answer, GRPC_STATUS_NOT_FOUND, "there is no subscription %s", request->subscription);
        return;
    }
    fake_subscription_seek(subscription, moment->seconds * 1000 + (moment->nanos + 999999) / 1000000);
    answer->body = fake_pack(&response.base);
}

/* --- Publish -------------------------------------------------------------------------------------------- */

/* What is wrong with one message; NULL when nothing is. */
static const char *message_fault(const Message *message) {
    if (!message->data.len && !message->n_attributes)
        return "a message needs data or at least one attribute";
    if (strlen(message->ordering_key) > ORDERING_KEY_MAX)
        return "an ordering key has at most 1024 bytes";
    if (message->n_attributes > ATTRIBUTES_MAX)
        return "a message has at most 100 attributes";
    for (size_t i = 0; i < message->n_attributes; i++) {
        size_t key = strlen(message->attributes[i]->key), value = strlen(message->attributes[i]->value);
        if (key == 0 || key > ATTRIBUTE_KEY_MAX || value > ATTRIBUTE_VALUE_MAX)
            return "an attribute has a key of 1 to 256 bytes and a value of at most 1024";
    }
    return NULL;
}

static const char *publish_fault(const PublishRequest *request, size_t size) {
    if (request->n_messages == 0 || request->n_messages > PUBLISH_MESSAGES_MAX)
        return "a publish request has 1 to 1000 messages";
    if (size > PUBLISH_BYTES_MAX)
        return "a publish request has at most 10000000 bytes";
    for (size_t i = 0; i < request->n_messages; i++) {
        const char *wrong = message_fault(request->messages[i]);
        if (wrong)
            return wrong;
        if (strcmp(request->messages[i]->ordering_key, request->messages[0]->ordering_key) != 0)
            return "all messages of a publish request need the same ordering key";
    }
    return NULL;
}

/* Stores one message of the request; its id, or NULL. */
static const char *publish_one(struct fake_pubsub *fake, struct fake_topic *topic, const Message *wire) {
    struct attribute attributes[ATTRIBUTES_MAX];
    for (size_t i = 0; i < wire->n_attributes; i++)
        attributes[i] = (struct attribute){wire->attributes[i]->key, wire->attributes[i]->value};
    struct message message = {
        .data = wire->data.data,
        .size = wire->data.len,
        .attributes = attributes,
        .attribute_count = wire->n_attributes,
        .ordering_key = *wire->ordering_key ? wire->ordering_key : NULL,
    };
    const struct message *stored = fake_store_publish(&fake->store, topic, &message);
    return stored ? stored->id : NULL;
}

static void publish(
    struct fake_pubsub *fake, const ProtobufCMessage *message, size_t size, struct fake_answer *answer) {
    const PublishRequest *request = (const PublishRequest *)message;
    struct fake_topic *topic = fake_store_topic(&fake->store, request->topic);
    const char *wrong = publish_fault(request, size);
    if (wrong) {
        fake_refuse(answer, GRPC_STATUS_INVALID_ARGUMENT, "%s", wrong);
        return;
    }
    if (!topic) {
        fake_refuse(answer, GRPC_STATUS_NOT_FOUND, "there is no topic %s", request->topic);
        return;
    }
    char *ids[PUBLISH_MESSAGES_MAX];
    for (size_t i = 0; i < request->n_messages; i++) {
        ids[i] = (char *)publish_one(fake, topic, request->messages[i]);
        if (!ids[i]) {
            fake_refuse(answer, GRPC_STATUS_RESOURCE_EXHAUSTED, "fake: the topic is full");
            return;
        }
    }
    Google__Pubsub__V1__PublishResponse response = GOOGLE__PUBSUB__V1__PUBLISH_RESPONSE__INIT;
    response.n_message_ids = request->n_messages;
    response.message_ids = ids;
    if (fake_fault_strikes(&fake->faults.unconfirmed))
        fake_refuse(answer, fake->faults.unconfirmed.status, "fake: published, told not to confirm");
    else
        answer->body = fake_pack(&response.base);
}

/* --- Acks ----------------------------------------------------------------------------------------------- */

char *fake_ack_id(
    const struct fake_subscription *subscription, uint32_t slot, int copy, char text[ACK_ID_MAX]) {
    memset(text, 'A', ACK_ID_MAX - 1);
    text[ACK_ID_MAX - 1] = '\0';
    int length = snprintf(text, ACK_ID_MAX, "%zu.%" PRIu32 ".%" PRIu32 ".%d", subscription->number, slot,
        subscription->slots[slot].generation, copy);
    text[length] = '-'; /* the filling follows */
    return text;
}

/* The slot of an ack id, and which of its deliveries it was; SLOT_NONE when it is not of this subscription.
 */
static uint32_t acked_slot(
    const struct fake_subscription *subscription, const char *id, uint32_t *generation) {
    size_t number;
    uint32_t slot;
    if (sscanf(id, "%zu.%" SCNu32 ".%" SCNu32 ".", &number, &slot, generation) != 3
        || number != subscription->number || slot >= subscription->count)
        return SLOT_NONE;
    return slot;
}

void fake_ack(struct fake_pubsub *fake, struct fake_subscription *subscription, const char *ack_id) {
    uint32_t generation;
    uint32_t slot = acked_slot(subscription, ack_id, &generation);
    if (slot != SLOT_NONE && !fake->faults.lose_acks)
        fake_subscription_ack(subscription, slot);
}

void fake_modify_deadline(
    struct fake_pubsub *fake, struct fake_subscription *subscription, const char *ack_id, int seconds) {
    uint32_t generation;
    uint32_t slot = acked_slot(subscription, ack_id, &generation);
    if (seconds > 0)
        fake->extensions++;
    if (slot == SLOT_NONE || generation != subscription->slots[slot].generation)
        return; /* of a delivery that is over */
    if (seconds > 0)
        fake_subscription_lease(subscription, slot, fake_lease_now_ms(fake) + seconds * (int64_t)1000);
    else
        fake_subscription_nack(subscription, slot);
}

/* The subscription that acks speak of, when they may; else NULL, with the answer. */
static struct fake_subscription *acks_subscription(
    struct fake_pubsub *fake, const char *name, size_t ids, size_t size, struct fake_answer *answer) {
    struct fake_subscription *subscription = fake_store_subscription(&fake->store, name);
    if (ids == 0 || size > ACKS_BYTES_MAX) {
        fake_refuse(answer, GRPC_STATUS_INVALID_ARGUMENT, "needs ack ids, and at most 524288 bytes");
        return NULL;
    }
    if (!subscription)
        fake_refuse(answer, GRPC_STATUS_NOT_FOUND, "there is no subscription %s", name);
    return subscription;
}

static void answer_empty(struct fake_answer *answer) {
    Google__Pubsub__V1__Empty empty = GOOGLE__PUBSUB__V1__EMPTY__INIT;
    answer->body = fake_pack(&empty.base);
}

static void acknowledge(
    struct fake_pubsub *fake, const ProtobufCMessage *message, size_t size, struct fake_answer *answer) {
    const Google__Pubsub__V1__AcknowledgeRequest *request =
        (const Google__Pubsub__V1__AcknowledgeRequest *)message;
    struct fake_subscription *subscription =
        acks_subscription(fake, request->subscription, request->n_ack_ids, size, answer);
    if (!subscription)
        return;
    for (size_t i = 0; i < request->n_ack_ids; i++)
        fake_ack(fake, subscription, request->ack_ids[i]);
    answer_empty(answer);
}

static void modify_ack_deadline(
    struct fake_pubsub *fake, const ProtobufCMessage *message, size_t size, struct fake_answer *answer) {
    const Google__Pubsub__V1__ModifyAckDeadlineRequest *request =
        (const Google__Pubsub__V1__ModifyAckDeadlineRequest *)message;
    struct fake_subscription *subscription =
        acks_subscription(fake, request->subscription, request->n_ack_ids, size, answer);
    if (!subscription)
        return;
    if (request->ack_deadline_seconds < 0 || request->ack_deadline_seconds > DEADLINE_MOST_SECONDS) {
        fake_refuse(answer, GRPC_STATUS_INVALID_ARGUMENT, "ack_deadline_seconds has to be 0 to 600");
        return;
    }
    for (size_t i = 0; i < request->n_ack_ids; i++)
        fake_modify_deadline(fake, subscription, request->ack_ids[i], request->ack_deadline_seconds);
    answer_empty(answer);
}

/* --- Which method is which ------------------------------------------------------------------------------ */

static const struct {
    const char *path;
    const ProtobufCMessageDescriptor *request;
    void (*run)(
        struct fake_pubsub *fake, const ProtobufCMessage *request, size_t size, struct fake_answer *answer);
} methods[FAKE_METHODS] = {
    [FAKE_CREATE_TOPIC] = {"/google.pubsub.v1.Publisher/CreateTopic", &google__pubsub__v1__topic__descriptor,
        create_topic},
    [FAKE_GET_TOPIC] = {"/google.pubsub.v1.Publisher/GetTopic",
        &google__pubsub__v1__get_topic_request__descriptor, get_topic},
    [FAKE_PUBLISH] = {"/google.pubsub.v1.Publisher/Publish", &google__pubsub__v1__publish_request__descriptor,
        publish},
    [FAKE_CREATE_SUBSCRIPTION] = {"/google.pubsub.v1.Subscriber/CreateSubscription",
        &google__pubsub__v1__subscription__descriptor, create_subscription},
    [FAKE_GET_SUBSCRIPTION] = {"/google.pubsub.v1.Subscriber/GetSubscription",
        &google__pubsub__v1__get_subscription_request__descriptor, get_subscription},
    [FAKE_STREAMING_PULL] = {"/google.pubsub.v1.Subscriber/StreamingPull", NULL, NULL},
    [FAKE_ACKNOWLEDGE] = {"/google.pubsub.v1.Subscriber/Acknowledge",
        &google__pubsub__v1__acknowledge_request__descriptor, acknowledge},
    [FAKE_MODIFY_ACK_DEADLINE] = {"/google.pubsub.v1.Subscriber/ModifyAckDeadline",
        &google__pubsub__v1__modify_ack_deadline_request__descriptor, modify_ack_deadline},
    [FAKE_SEEK] = {"/google.pubsub.v1.Subscriber/Seek", &google__pubsub__v1__seek_request__descriptor, seek},
};

enum fake_method fake_method_of(grpc_slice path) {
    enum fake_method method = 0;
    while (method < FAKE_METHODS && grpc_slice_str_cmp(path, methods[method].path) != 0)
        method++;
    return method;
}

void fake_method_run(struct fake_call *call) {
    size_t size = call->request ? grpc_byte_buffer_length(call->request) : 0;
    ProtobufCMessage *request = fake_call_unpack(call, methods[call->method].request);
    if (!request)
        return;
    methods[call->method].run(call->fake, request, size, &call->answer);
    protobuf_c_message_free_unpacked(request, NULL);
}
