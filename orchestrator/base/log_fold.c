#include "base/log_fold.h"

#include "base/text.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Lines that are alike. */
struct kind {
    uint64_t shape; /* 0: an empty place */
    int64_t since_ms;
    int64_t last_ms;
    int64_t seen;             /* in this period, which began at since_ms … */
    int64_t allowed;          /* … so many of them are written */
    struct log_folded newest; /* count: those that were not written */
};

struct log_fold {
    pthread_mutex_t mutex;
    struct kind kinds[LOG_FOLD_KINDS];
};

/* Fields that say where a line comes from; the others say what it speaks of. */
static const char *const lasting[LOG_FOLD_FIELDS] = {"pipeline", "part", "subscription"};

/* --- Alike ---------------------------------------------------------------------------------------------- */

/* FNV-1a. */
static uint64_t hash_byte(uint64_t hash, char byte) {
    return (hash ^ (unsigned char)byte) * UINT64_C(1099511628211);
}

static uint64_t hash_text(uint64_t hash, const char *text) {
    while (*text)
        hash = hash_byte(hash, *text++);
    return hash_byte(hash, '\0');
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Numbers count as one sign each, and so does what stands in quotes. */
static uint64_t hash_message(uint64_t hash, const char *text) {
    while (*text) {
        hash = hash_byte(hash, is_digit(*text) ? '0' : *text);
        if (is_digit(*text)) {
            text += strspn(text, "0123456789");
        } else if (*text++ == '"') {
            text += strcspn(text, "\"");
            text += *text ? 1 : 0;
        }
    }
    return hash_byte(hash, '\0');
}

/* The innermost field of this name; NULL when there is none. */
static const char *field_of(const struct log *log, const char *key) {
    for (; log; log = log->parent)
        if (log->key && strcmp(log->key, key) == 0)
            return log->value;
    return NULL;
}

static uint64_t shape_of(const struct log *log, enum severity severity, const char *message) {
    uint64_t hash = hash_byte(UINT64_C(14695981039346656037), (char)severity);
    for (size_t i = 0; i < LOG_FOLD_FIELDS; i++) {
        const char *value = field_of(log, lasting[i]);
        hash = hash_text(hash, value ? value : "");
    }
    hash = hash_message(hash, message);
    return hash ? hash : 1;
}

/* --- Kinds ---------------------------------------------------------------------------------------------- */

static struct kind *find(struct log_fold *fold, uint64_t shape) {
    for (size_t i = 0; i < LOG_FOLD_KINDS; i++)
        if (fold->kinds[i].shape == shape)
            return &fold->kinds[i];
    return NULL;
}

/* An empty place, or that of the kind that was silent for longest. */
static struct kind *place(struct log_fold *fold) {
    struct kind *oldest = &fold->kinds[0];
    for (size_t i = 0; i < LOG_FOLD_KINDS; i++) {
        struct kind *kind = &fold->kinds[i];
        if (kind->shape == 0)
            return kind;
        if (kind->last_ms < oldest->last_ms)
            oldest = kind;
    }
    return oldest;
}

/* Also when the clock was set back. */
static bool is_over(const struct kind *kind, int64_t now_ms) {
    return now_ms - kind->since_ms >= LOG_FOLD_PERIOD_MS || now_ms < kind->since_ms;
}

static void begin_period(struct kind *kind, int64_t allowed, int64_t now_ms) {
    kind->since_ms = now_ms;
    kind->seen = 0;
    kind->allowed = allowed;
    kind->newest.count = 0;
}

/* Ends the period; what was folded in it, if anything, goes into *folded. */
static void sum_up(struct kind *kind, int64_t now_ms, struct log_folded *folded) {
    bool was_folded = kind->newest.count > 0;
    if (was_folded) {
        *folded = kind->newest;
        folded->for_ms = now_ms > kind->since_ms ? now_ms - kind->since_ms : 0;
    }
    begin_period(kind, was_folded ? 1 : LOG_FOLD_LINES, now_ms);
}

static void copy_text(char *to, size_t size, const char *from) {
    size_t length = text_cut(from, strlen(from), size - 1);
    memcpy(to, from, length);
    to[length] = '\0';
}

static void fold_line(struct kind *kind, const struct log *log, enum severity severity, const char *message) {
    struct log_folded *newest = &kind->newest;
    size_t fields = 0;
    newest->severity = severity;
    newest->count++;
    for (size_t i = 0; i < LOG_FOLD_FIELDS; i++) {
        const char *value = field_of(log, lasting[i]);
        if (!value)
            continue;
        copy_text(newest->values[fields], LOG_FOLD_VALUE_MAX, value);
        newest->keys[fields++] = lasting[i];
    }
    if (fields < LOG_FOLD_FIELDS)
        newest->keys[fields] = NULL;
    copy_text(newest->message, LOG_FOLD_MESSAGE_MAX, message);
}

/* --- For log.c ------------------------------------------------------------------------------------------ */

bool log_fold_take(struct log_fold *fold, const struct log *log, enum severity severity, const char *message,
    int64_t now_ms, struct log_folded *before) {
    uint64_t shape = shape_of(log, severity, message);
    before->count = 0;
    pthread_mutex_lock(&fold->mutex);
    struct kind *kind = find(fold, shape);
    if (!kind) {
        kind = place(fold);
        if (kind->shape != 0)
            sum_up(kind, now_ms, before);
        kind->shape = shape;
        begin_period(kind, LOG_FOLD_LINES, now_ms);
    } else if (is_over(kind, now_ms)) {
        sum_up(kind, now_ms, before);
    }
    kind->last_ms = now_ms;
    bool written = ++kind->seen <= kind->allowed;
    if (!written)
        fold_line(kind, log, severity, message);
    pthread_mutex_unlock(&fold->mutex);
    return written;
}

bool log_fold_next(struct log_fold *fold, bool all, int64_t now_ms, struct log_folded *folded) {
    folded->count = 0;
    pthread_mutex_lock(&fold->mutex);
    for (size_t i = 0; i < LOG_FOLD_KINDS && folded->count == 0; i++) {
        struct kind *kind = &fold->kinds[i];
        if (kind->newest.count > 0 && (all || is_over(kind, now_ms)))
            sum_up(kind, now_ms, folded);
    }
    pthread_mutex_unlock(&fold->mutex);
    return folded->count > 0;
}

struct log_fold *log_fold_new(void) {
    struct log_fold *fold = calloc(1, sizeof *fold);
    if (fold && pthread_mutex_init(&fold->mutex, NULL) != 0) {
        free(fold);
        return NULL;
    }
    return fold;
}

void log_fold_free(struct log_fold **fold) {
    if (!*fold)
        return;
    pthread_mutex_destroy(&(*fold)->mutex);
    free(*fold);
    *fold = NULL;
}
