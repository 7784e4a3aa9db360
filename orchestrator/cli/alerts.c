/* phasegate alerts: sends one message to the webhook, and says how that went. */
#include "alerts/body.h"
#include "alerts/http.h"
#include "cli/alerts_setup.h"
#include "cli/command.h"
#include "cli/json_output.h"

#include <stdlib.h>
#include <string.h>

/* One post, on a loop of its own. */
struct trial {
    uv_loop_t loop;
    struct http *http;
    int status; /* 0: no answer */
    char failure[RESULT_TEXT_MAX];
};

static void on_closed(void *context) {
    (void)context;
}

static void on_answered(void *context, const struct http_answer *answer) {
    struct trial *trial = context;
    trial->status = answer->status;
    if (answer->failure)
        snprintf(trial->failure, sizeof trial->failure, "%s", answer->failure);
    http_close(trial->http, on_closed, NULL);
}

static struct result post(const struct alerts_settings *settings, const char *body, struct trial *trial) {
    uv_loop_init(&trial->loop);
    struct result result = http_open(&trial->loop, settings->webhook, &trial->http);
    if (is_ok(result)) {
        http_post(trial->http, body, on_answered, trial);
        uv_run(&trial->loop, UV_RUN_DEFAULT);
    }
    uv_loop_close(&trial->loop);
    return result;
}

static struct result outcome(const struct trial *trial) {
    if (trial->status == 0)
        return fail(CODE_UNAVAILABLE, "the webhook cannot be reached: %s", trial->failure);
    if (trial->status / 100 == 2)
        return ok();
    if (trial->status == 429 || trial->status >= 500)
        return fail(CODE_UNAVAILABLE, "the webhook answers with status %d: try again later", trial->status);
    return fail(CODE_REFUSED,
        "the webhook answers with status %d; are its address and alerts.template right?", trial->status);
}

static struct result print_sent(const struct invocation *call, const struct trial *trial) {
    if (!call->common->json) {
        term_print(
            &call->term, call->out, TONE_GOOD, "sent: the webhook answers with status %d\n", trial->status);
        return ok();
    }
    json_t *object = json_object();
    json_put(&object, "sent", json_true());
    json_put(&object, "status", json_integer(trial->status));
    return json_print(object, call->out);
}

static struct result send_test(const struct invocation *call, const struct setup *setup) {
    struct alerts_settings settings;
    bool wanted;
    struct result result = setup_alerts(setup, &settings, &wanted);
    if (!is_ok(result))
        return result;
    if (!wanted)
        return fail(CODE_INVALID,
            "%s: there is no webhook, so there are no alerts; set PHASEGATE_ALERTS_WEBHOOK, or "
            "alerts.webhook_file",
            setup->config_name);
    const struct clock clock = clock_system();
    const struct body_facts facts = {.text = "phasegate: this is a test, nothing is wrong",
        .kind = "test",
        .pipeline = call->common->pipeline ? call->common->pipeline : "",
        .subject = "",
        .state = "test",
        .at_ms = clock_now_ms(&clock)};
    char *body = body_fill(settings.template, &facts);
    struct trial trial = {.status = 0};
    result = body ? post(&settings, body, &trial) : fail(CODE_INTERNAL, "out of memory");
    free(body);
    if (is_ok(result))
        result = outcome(&trial);
    return is_ok(result) ? print_sent(call, &trial) : result;
}

static struct result run(const struct invocation *call, bool *answer) {
    (void)answer;
    if (strcmp(call->operands[0], "test") != 0)
        return fail(CODE_INVALID, "alerts %.40s: expected test", call->operands[0]);
    struct setup setup;
    struct result result = setup_load(call->common, &setup);
    if (!is_ok(result))
        return result;
    result = send_test(call, &setup);
    setup_close(&setup);
    return result;
}

const struct command alerts_command = {
    .name = "alerts",
    .synopsis = "test",
    .summary = "send a test message to the webhook of alerts",
    .description =
        "test  sends one message to the webhook that the configuration names (PHASEGATE_ALERTS_WEBHOOK or\n"
        "      alerts.webhook_file), in the form of alerts.template, and says how that went. The webhook is "
        "a\n"
        "      secret, and never shown.\n"
        "\n"
        "Exit status: 0 the webhook took it; 2 there is none, or it refuses; 3 it cannot be reached.\n",
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
