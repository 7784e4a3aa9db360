#include "cli/alerts_setup.h"

#include "alerts/body.h"
#include "alerts/http.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WEBHOOK_BYTES_MAX = 2048 };

/* Whoever may read it may write to the channel. */
static struct result check_mode(int file) {
    struct stat status;
    if (fstat(file, &status) != 0)
        return fail(CODE_INVALID, "cannot be looked at: %s", strerror(errno));
    if (!S_ISREG(status.st_mode))
        return fail(CODE_INVALID, "is no file");
    if (status.st_mode & (S_IRWXO | S_IWGRP))
        return fail(CODE_INVALID,
            "others may read or write it (mode %04o), and the webhook is a secret; do: chmod 0600",
            (unsigned)status.st_mode & 07777);
    return ok();
}

static struct result read_all(int file, struct arena *arena, const char **webhook) {
    char text[WEBHOOK_BYTES_MAX + 1];
    ssize_t size = read(file, text, sizeof text);
    if (size < 0)
        return fail(CODE_INVALID, "cannot be read: %s", strerror(errno));
    if (size > WEBHOOK_BYTES_MAX)
        return fail(CODE_INVALID, "is larger than %d bytes", WEBHOOK_BYTES_MAX);
    while (size > 0 && strchr(" \t\r\n", text[size - 1]))
        size--;
    text[size] = '\0';
    if (size == 0 || strlen(text) != (size_t)size || strpbrk(text, " \t\r\n"))
        return fail(CODE_INVALID, "expected one address in one line");
    const char *copy = arena_strdup(arena, text);
    if (!copy)
        return fail(CODE_INTERNAL, "out of memory");
    *webhook = copy;
    return ok();
}

static struct result read_webhook_file(const struct setup *setup, const char *name, const char **webhook) {
    const char *path = setup_beside_config(setup, name, setup->secrets);
    if (!path)
        return fail(CODE_INTERNAL, "out of memory");
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (file < 0)
        return fail(CODE_INVALID, "%s: cannot be opened: %s", path, strerror(errno));
    struct result result = check_mode(file);
    if (is_ok(result))
        result = read_all(file, setup->secrets, webhook);
    close(file);
    return fail_within(result, "%s", path);
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
