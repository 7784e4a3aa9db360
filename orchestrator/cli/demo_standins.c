#include "cli/demo_standins.h"

#include "core/completion.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_BYTES_MAX = 64 * 1024 };

/* One trigger at work; acked when every processor's completion was published. */
struct task {
    struct standins *standins;
    struct delivery *delivery;
    char trigger_id[128];
    char correlation_id[COMPLETION_ID_MAX + 1];
    game_date date;
    size_t open; /* processors whose completion is not published yet */
    bool failed;
};

/* One processor of a task. */
struct job {
    uv_timer_t timer;
    struct task *task;
    const struct processor *processor;
    struct job *next;
};

struct standins {
    uv_loop_t *loop;
    struct bus *bus;
    const struct story *story;
    int work_ms;
    struct subscription *subscription;
    struct job *jobs;
};

static void on_job_closed(uv_handle_t *handle) {
    free(handle->data);
}

static void job_end(struct job *job) {
    struct job **place = &job->task->standins->jobs;
    while (*place != job)
        place = &(*place)->next;
    *place = job->next;
    uv_close((uv_handle_t *)&job->timer, on_job_closed);
}

/* One processor less; after the last, a trigger that was not answered whole goes back to the bus and comes
 * again. */
static void task_part_done(struct task *task) {
    if (--task->open > 0)
        return;
    if (task->failed)
        bus_nack(task->delivery);
    else
        bus_ack(task->delivery);
    free(task);
}

static void on_published(void *context, struct result result, const char *message_id) {
    struct task *task = context;
    (void)message_id;
    task->failed = task->failed || !is_ok(result);
    task_part_done(task);
}

static void answer(const struct job *job) {
    struct task *task = job->task;
    const struct standins *standins = task->standins;
    const struct pipeline *pipeline = standins->story->pipeline;
    struct clock clock = clock_system();
    char execution_id[160];
    snprintf(execution_id, sizeof execution_id, "demo-%s-%s", job->processor->abbr, task->trigger_id);
    struct completion completion = {
        .processor = job->processor,
        .date = task->date,
        .status = STATUS_SUCCESS,
        .record_count = story_answer(standins->story, job->processor, task->date),
        .timestamp_ms = clock_now_ms(&clock),
        .execution_id = execution_id,
        .correlation_id = task->correlation_id[0] ? task->correlation_id : NULL,
        .trigger_id = task->trigger_id,
    };
    struct arena *arena = arena_new(ANSWER_BYTES_MAX);
    struct message *message = arena ? completion_encode(pipeline, &completion, arena) : NULL;
    const char *topic = pipeline->completions[pipeline->completion_count - 1].topic;
    if (message)
        bus_publish(standins->bus, topic, message, on_published, task);
    else
        on_published(task, fail(CODE_LIMIT, "out of memory"), NULL);
    arena_free(&arena);
}

static void on_work_done(uv_timer_t *timer) {
    struct job *job = timer->data;
    answer(job);
    job_end(job);
}

/* The n-th processor of a group takes a little longer, so that they do not all end at once. */
static bool start_job(struct task *task, const struct processor *processor, size_t n) {
    struct job *job = processor ? calloc(1, sizeof *job) : NULL;
    if (!job)
        return false;
    struct standins *standins = task->standins;
    job->task = task;
    job->processor = processor;
    job->next = standins->jobs;
    standins->jobs = job;
    job->timer.data = job;
    uv_timer_init(standins->loop, &job->timer);
    uv_timer_start(&job->timer, on_work_done, (uint64_t)standins->work_ms * (2 + n) / 2, 0);
    return true;
}

static bool read_trigger(const struct message *message, struct task *task, json_t **json) {
    const char *id, *date, *correlation = "";
    json_t *processors;
    json_t *root = json_loadb(message->data, message->size, 0, NULL);
    if (json_unpack(root, "{s:s, s:s, s:o, s?s}", "trigger_id", &id, "game_date", &date, "processors",
            &processors, "correlation_id", &correlation)
            != 0
        || !is_ok(date_parse(date, strlen(date), &task->date))) {
        json_decref(root);
        return false;
    }
    snprintf(task->trigger_id, sizeof task->trigger_id, "%s", id);
    snprintf(task->correlation_id, sizeof task->correlation_id, "%s", correlation);
    *json = root;
    return true;
}

static void on_delivery(void *context, struct delivery *delivery) {
    struct standins *standins = context;
    struct task *task = calloc(1, sizeof *task);
    json_t *json, *name;
    size_t index;
    if (!task || !read_trigger(&delivery->message, task, &json)) {
        free(task);
        bus_ack(delivery); /* not one of ours: the check will miss it */
        return;
    }
    task->standins = standins;
    task->delivery = delivery;
    json_array_foreach(json_object_get(json, "processors"), index, name) {
        const char *text = json_string_value(name);
        if (text && start_job(task, pipeline_processor(standins->story->pipeline, text), index))
            task->open++;
    }
    json_decref(json);
    if (task->open == 0) {
        bus_nack(delivery);
        free(task);
    }
}

struct result standins_start(uv_loop_t *loop, struct bus *bus, const struct story *story,
    const struct source *source, int work_ms, struct standins **standins) {
    struct standins *started = calloc(1, sizeof *started);
    if (!started)
        return fail(CODE_LIMIT, "out of memory");
    *started = (struct standins){.loop = loop, .bus = bus, .story = story, .work_ms = work_ms};
    struct receiver receiver = {.on_delivery = on_delivery, .context = started};
    struct result result = bus_subscribe(bus, source, receiver, &started->subscription);
    if (!is_ok(result)) {
        free(started);
        return result;
    }
    *standins = started;
    return ok();
}

void standins_stop(struct standins *standins) {
    while (standins->jobs) {
        struct task *task = standins->jobs->task;
        job_end(standins->jobs);
        task->failed = true;
        task_part_done(task);
    }
}

void standins_free(struct standins **standins) {
    free(*standins);
    *standins = NULL;
}
