#include "support/webhook.h"

#include "support/check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BODIES_MAX = 256, REQUEST_MAX = 32 * 1024, HELD_MAX = 16, READ_MS = 5000 };

enum mode { ANSWER, HANG, REFUSE };

struct webhook {
    pthread_t thread;
    int wake; /* an eventfd: what is below has changed */
    struct sockaddr_in address;
    char url[96];

    pthread_mutex_t mutex; /* of all below */
    enum mode mode;
    int status;
    int retry_after_s;
    char location[96]; /* "": none */
    bool ending;
    size_t requests;
    char *bodies[BODIES_MAX];
    size_t count;

    /* The thread's own: */
    int listener; /* -1: none */
    int held[HELD_MAX];
    size_t held_count;
};

/* --- The thread ----------------------------------------------------------------------------------------- */

static int listen_at(struct sockaddr_in *address) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    socklen_t length = sizeof *address;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)address, length) != 0 || listen(listener, 16) != 0
        || getsockname(listener, (struct sockaddr *)address, &length) != 0) {
        close(listener);
        return -1;
    }
    return listener;
}

/* The whole request, NUL-terminated; its body, or NULL when it is none. */
static char *read_request(int connection, char request[REQUEST_MAX]) {
    size_t used = 0;
    while (used < REQUEST_MAX - 1) {
        struct pollfd ready = {.fd = connection, .events = POLLIN};
        if (poll(&ready, 1, READ_MS) <= 0)
            return NULL;
        ssize_t size = read(connection, request + used, REQUEST_MAX - 1 - used);
        if (size <= 0)
            return NULL;
        used += (size_t)size;
        request[used] = '\0';
        char *body = strstr(request, "\r\n\r\n");
        const char *length = strcasestr(request, "\r\nContent-Length:");
        if (body && length && strlen(body + 4) >= (size_t)atol(length + strlen("\r\nContent-Length:")))
            return body + 4;
    }
    return NULL;
}

static void answer(struct webhook *webhook, int connection, const char *body) {
    char text[512], header[160] = "";
    if (webhook->location[0])
        snprintf(header, sizeof header, "Location: %s\r\n", webhook->location);
    else if (webhook->retry_after_s > 0)
        snprintf(header, sizeof header, "Retry-After: %d\r\n", webhook->retry_after_s);
    /* Its content is what many servers say on an error: they repeat the address. */
    int size =
        snprintf(text, sizeof text, "HTTP/1.1 %d x\r\n%sContent-Length: %zu\r\nConnection: close\r\n\r\n/%s",
            webhook->status, header, strlen(WEBHOOK_SECRET) + 1, WEBHOOK_SECRET);
    bool heard = write(connection, text, (size_t)size) == size;
    if (heard && webhook->status == 200 && webhook->count < BODIES_MAX)
        webhook->bodies[webhook->count++] = strdup(body);
}

static void take_request(struct webhook *webhook) {
    static _Thread_local char request[REQUEST_MAX];
    int connection = accept4(webhook->listener, NULL, NULL, SOCK_CLOEXEC);
    const char *body = connection >= 0 ? read_request(connection, request) : NULL;
    pthread_mutex_lock(&webhook->mutex);
    webhook->requests += body ? 1 : 0;
    bool hold = webhook->mode == HANG && webhook->held_count < HELD_MAX;
    if (body && webhook->mode == ANSWER)
        answer(webhook, connection, body);
    if (connection >= 0 && hold)
        webhook->held[webhook->held_count++] = connection;
    else if (connection >= 0)
        close(connection);
    pthread_mutex_unlock(&webhook->mutex);
}

static void drop_held(struct webhook *webhook) {
    while (webhook->held_count > 0)
        close(webhook->held[--webhook->held_count]);
}

/* Does what was asked for; false: the end. */
static bool obey(struct webhook *webhook) {
    pthread_mutex_lock(&webhook->mutex);
    enum mode mode = webhook->mode;
    bool ending = webhook->ending;
    pthread_mutex_unlock(&webhook->mutex);
    if (mode != HANG || ending)
        drop_held(webhook);
    if (webhook->listener >= 0 && (mode == REFUSE || ending)) {
        close(webhook->listener);
        webhook->listener = -1;
    }
    if (webhook->listener < 0 && mode != REFUSE && !ending)
        webhook->listener = listen_at(&webhook->address);
    return !ending;
}

static void *run(void *context) {
    struct webhook *webhook = context;
    while (obey(webhook)) {
        struct pollfd ready[] = {
            {.fd = webhook->wake, .events = POLLIN}, {.fd = webhook->listener, .events = POLLIN}};
        eventfd_t value;
        poll(ready, 2, -1);
        if (ready[0].revents)
            eventfd_read(webhook->wake, &value);
        else if (ready[1].revents)
            take_request(webhook);
    }
    return NULL;
}

/* --- For the test --------------------------------------------------------------------------------------- */

struct webhook *webhook_open(void) {
    struct webhook *webhook = calloc(1, sizeof *webhook);
    if (!webhook)
        fail_msg("out of memory");
    webhook->address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    webhook->listener = listen_at(&webhook->address);
    webhook->wake = eventfd(0, EFD_CLOEXEC);
    webhook->status = 200;
    snprintf(webhook->url, sizeof webhook->url, "http://127.0.0.1:%d/services/%s",
        ntohs(webhook->address.sin_port), WEBHOOK_SECRET);
    pthread_mutex_init(&webhook->mutex, NULL);
    if (webhook->listener < 0 || pthread_create(&webhook->thread, NULL, run, webhook) != 0)
        fail_msg("the webhook cannot be started");
    return webhook;
}

static void order(
    struct webhook *webhook, enum mode mode, int status, int retry_after_s, const char *location) {
    pthread_mutex_lock(&webhook->mutex);
    webhook->mode = mode;
    webhook->status = status;
    webhook->retry_after_s = retry_after_s;
    snprintf(webhook->location, sizeof webhook->location, "%s", location);
    pthread_mutex_unlock(&webhook->mutex);
    eventfd_write(webhook->wake, 1);
}

void webhook_answer(struct webhook *webhook, int status, int retry_after_s) {
    order(webhook, ANSWER, status, retry_after_s, "");
}

void webhook_redirect(struct webhook *webhook, const char *to) {
    order(webhook, ANSWER, 302, 0, to);
}

void webhook_hang(struct webhook *webhook) {
    order(webhook, HANG, 200, 0, "");
}

void webhook_refuse(struct webhook *webhook) {
    order(webhook, REFUSE, 200, 0, "");
}

const char *webhook_url(const struct webhook *webhook) {
    return webhook->url;
}

size_t webhook_requests(struct webhook *webhook) {
    pthread_mutex_lock(&webhook->mutex);
    size_t requests = webhook->requests;
    pthread_mutex_unlock(&webhook->mutex);
    return requests;
}

size_t webhook_count(struct webhook *webhook, const char *part) {
    size_t count = 0;
    pthread_mutex_lock(&webhook->mutex);
    for (size_t i = 0; i < webhook->count; i++)
        count += !part || strstr(webhook->bodies[i], part) ? 1 : 0;
    pthread_mutex_unlock(&webhook->mutex);
    return count;
}

const char *webhook_body(struct webhook *webhook, const char *part) {
    const char *found = NULL;
    pthread_mutex_lock(&webhook->mutex);
    for (size_t i = 0; i < webhook->count; i++)
        found = !part || strstr(webhook->bodies[i], part) ? webhook->bodies[i] : found;
    pthread_mutex_unlock(&webhook->mutex);
    return found;
}

void webhook_close(struct webhook **closing) {
    struct webhook *webhook = *closing;
    if (!webhook)
        return;
    pthread_mutex_lock(&webhook->mutex);
    webhook->ending = true;
    pthread_mutex_unlock(&webhook->mutex);
    eventfd_write(webhook->wake, 1);
    pthread_join(webhook->thread, NULL);
    pthread_mutex_destroy(&webhook->mutex);
    close(webhook->wake);
    for (size_t i = 0; i < webhook->count; i++)
        free(webhook->bodies[i]);
    free(webhook);
    *closing = NULL;
}
