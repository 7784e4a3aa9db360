#include "cli/alerts_setup.h"

#include "alerts/body.h"
#include "alerts/http.h"
#include "cli/secret_file.h"

/* Whoever may read it may write to the channel. */
static struct result read_webhook_file(const struct setup *setup, const char *name, const char **webhook) {
    const char *path = setup_beside_config(setup, name, setup->secrets);
    if (!path)
        return fail(CODE_INTERNAL, "out of memory");
    return secret_file_read(path, SECRET_PRIVATE, setup->secrets, webhook);
}

static struct result find_webhook(const struct setup *setup, const char **webhook) {
    const struct config_alerts *config = config_alerts(setup->config);
    *webhook = config->webhook;
    if (**webhook || !*config->webhook_file)
        return ok();
    return fail_within(read_webhook_file(setup, config->webhook_file, webhook), "%s: alerts.webhook_file",
        setup->config_name);
}

static struct alerts_settings settings_of(const struct config_alerts *config, const char *webhook) {
    return (struct alerts_settings){.webhook = webhook,
        .template = *config->template ? config->template : body_slack,
        .period_ms = (int64_t)config->period * 1000,
        .gather_ms = (int64_t)config->gather * 1000,
        .outbox_age = config->outbox_age,
        .quarantined = config->quarantined,
        .off = {[ALERT_STALL] = !config->stall,
            [ALERT_FAILED] = !config->failed,
            [ALERT_EPOCH] = !config->epoch}};
}

/* The template is checked without a webhook, too: `config check` runs where the secret may not be. */
struct result setup_alerts(const struct setup *setup, struct alerts_settings *settings, bool *wanted) {
    const struct config_alerts *config = config_alerts(setup->config);
    const char *webhook = "";
    struct result result = *config->template ? body_check(config->template) : ok();
    if (!is_ok(result))
        return fail_within(result, "%s: alerts.template", setup->config_name);
    result = find_webhook(setup, &webhook);
    if (is_ok(result) && *webhook)
        result = fail_within(http_check(webhook), "%s: the alerts' webhook", setup->config_name);
    if (!is_ok(result))
        return result;
    if (*webhook)
        *settings = settings_of(config, webhook);
    *wanted = *webhook != '\0';
    return ok();
}
