#include "support/commands.h"

#include "support/check.h"
#include "support/process.h"
#include "support/temp_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 24, COMMAND_MS = 60000, OUTPUT_MAX = 4 << 20 };

struct commands {
    const char *binary;
    const char *const *environment;
    struct temp_dir dir;
    char output[OUTPUT_MAX];
};

struct commands *commands_new(const char *binary, const char *const *environment) {
    struct commands *commands = calloc(1, sizeof *commands);
    if (!commands)
        fail_msg("out of memory");
    commands->binary = binary;
    commands->environment = environment;
    commands->dir = temp_dir_make();
    return commands;
}

void commands_free(struct commands **commands) {
    if (!*commands)
        return;
    temp_dir_remove(&(*commands)->dir);
    free(*commands);
    *commands = NULL;
}

static void read_output(struct commands *commands, const char *path) {
    FILE *file = fopen(path, "re");
    size_t size = file ? fread(commands->output, 1, OUTPUT_MAX - 1, file) : 0;
    commands->output[size] = '\0';
    if (file)
        fclose(file);
}

int commands_run(struct commands *commands, const char *const *words) {
    const char *argv[WORDS_MAX + 2] = {commands->binary};
    char path[128];
    for (int i = 0; words[i]; i++) {
        if (i == WORDS_MAX)
            fail_msg("more than %d words", WORDS_MAX);
        argv[i + 1] = words[i];
    }
    snprintf(path, sizeof path, "%s/output", commands->dir.path);
    remove(path);
    struct process process = PROCESS_NONE;
    check_ok(process_spawn(argv, commands->environment, path, &process));
    bool ended = process_wait(&process, COMMAND_MS);
    if (!ended)
        process_kill(&process);
    read_output(commands, path);
    if (!ended)
        fail_msg(
            "phasegate %s did not end within %d ms; it printed:\n%s", words[0], COMMAND_MS, commands->output);
    return process.status;
}

const char *commands_output(const struct commands *commands) {
    return commands->output;
}

json_t *commands_json(const struct commands *commands) {
    json_error_t error;
    json_t *json = json_loads(commands->output, 0, &error);
    if (!json)
        fail_msg("not JSON: %s\n%s", error.text, commands->output);
    return json;
}

void commands_check_output(const struct commands *commands, const char *part) {
    if (!strstr(commands->output, part))
        fail_msg("expected to find\n  %s\nin\n%s", part, commands->output);
}

void commands_check_run(
    struct commands *commands, int expected, const char *const *words, const char *file, int line) {
    int status = commands_run(commands, words);
    if (status != expected)
        check_failed_at(file, line, "phasegate %s: exit status %d, expected %d; it printed:\n%s", words[0],
            status, expected, commands->output);
}
