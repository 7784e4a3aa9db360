#include "bus/pubsub_names.h"

#include <stdio.h>
#include <string.h>

static struct result full_name(
    const char *project, const char *kind, const char *id, char name[PUBSUB_NAME_MAX]) {
    if (!id || *id == '\0')
        return fail(CODE_INVALID, "a name of %s is empty", kind);
    char text[PUBSUB_NAME_MAX];
    int length = strncmp(id, "projects/", 9) == 0
        ? snprintf(text, sizeof text, "%s", id)
        : snprintf(text, sizeof text, "projects/%s/%s/%s", project, kind, id);
    if (length >= (int)sizeof text)
        return fail(CODE_INVALID, "the name \"%.60s…\" is too long; Pub/Sub takes at most 255 bytes", id);
    memcpy(name, text, (size_t)length + 1);
    return ok();
}

struct result pubsub_topic_name(const char *project, const char *topic, char name[PUBSUB_NAME_MAX]) {
    return full_name(project, "topics", topic, name);
}

struct result pubsub_subscription_name(
    const char *project, const char *subscription, char name[PUBSUB_NAME_MAX]) {
    return full_name(project, "subscriptions", subscription, name);
}

/* Unreserved in a URL; and the slash, which Google's own clients leave. */
static bool stays(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
        || (c != '\0' && strchr("-._~/", c));
}

char *pubsub_routing(const char *key, const char *name, char text[PUBSUB_ROUTING_MAX]) {
    static const char digits[] = "0123456789ABCDEF";
    int used = snprintf(text, PUBSUB_ROUTING_MAX, "%s=", key);
    for (; *name && used + 4 <= PUBSUB_ROUTING_MAX; name++) {
        unsigned char byte = (unsigned char)*name;
        if (stays(*name)) {
            text[used++] = *name;
        } else {
            text[used++] = '%';
            text[used++] = digits[byte >> 4];
            text[used++] = digits[byte & 15];
        }
    }
    text[used] = '\0';
    return text;
}
