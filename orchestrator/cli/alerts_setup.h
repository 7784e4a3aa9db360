/* The alerts of the configuration: where they go and which there are, checked. */
#ifndef PHASEGATE_CLI_ALERTS_SETUP_H
#define PHASEGATE_CLI_ALERTS_SETUP_H

#include "alerts/alerts.h"
#include "cli/setup.h"

/*
 * The webhook from the configuration, the environment, or the file that it names, and the rest of its
 * section. Texts live as long as the setup. *wanted is false when there is no webhook; settings are then not
 * set. CODE_INVALID says what is wrong with it, and never shows the webhook.
 */
struct result setup_alerts(
    const struct setup *setup, struct alerts_settings *settings, bool *wanted) MUST_CHECK;

#endif
