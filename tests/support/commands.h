/*
 * phasegate's commands, run as an operator or a script runs them: the real binary as a process, its exit
 * status and what it printed.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_COMMANDS_H
#define PHASEGATE_TESTS_SUPPORT_COMMANDS_H

#include <jansson.h>

struct commands;

/* environment: "NAME=value" strings that every command gets, ended by NULL; they outlive it, as binary does.
 */
struct commands *commands_new(const char *binary, const char *const *environment);

/* Removes what it made; safe on NULL. */
void commands_free(struct commands **commands);

/* Runs `phasegate words…` to its end; its exit status. Fails the test when it takes longer than a minute. */
int commands_run(struct commands *commands, const char *const *words);

/* What the last one printed, on standard output and error. */
const char *commands_output(const struct commands *commands);

/* The same as JSON, the caller's; fails the test when it is none. */
json_t *commands_json(const struct commands *commands);

/* Fails the test when the last one did not print the part. */
void commands_check_output(const struct commands *commands, const char *part);

void commands_check_run(
    struct commands *commands, int expected, const char *const *words, const char *file, int line);

#define check_run(commands, expected, ...)                                                                   \
    commands_check_run((commands), (expected), (const char *const[]){__VA_ARGS__, NULL}, __FILE__, __LINE__)

#endif
