/* The program: the table of its commands. Everything else is in program.c and in the commands' own files. */
#include "cli/program.h"

#include <locale.h>
#include <signal.h>

static const struct command *const commands[] = {
    &serve_command,
    &status_command,
    &explain_command,
    &history_command,
    &gaps_command,
    &preflight_command,
    &publish_command,
    &backfill_command,
    &replay_command,
    &quarantine_command,
    &config_command,
    &alerts_command,
    &demo_command,
    NULL,
};

int main(int argc, char **argv) {
    setlocale(LC_CTYPE, "");
    signal(SIGPIPE, SIG_IGN); /* a closed pipe or connection is an error of the write, not our end */
    return program_run(commands, argc, (const char **)argv, stdout, stderr);
}
