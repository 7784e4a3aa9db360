#include "cli/program.h"

#include "cli/help.h"
#include "core/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COMMANDS_MAX = 32 };

static enum exit_status exit_status_of(struct result r, bool answer) {
    switch (r.code) {
    case CODE_OK:
        return answer ? EXIT_FINE : EXIT_NO;
    case CODE_NOT_FOUND:
        return EXIT_NO;
    case CODE_INVALID:
    case CODE_REFUSED:
    case CODE_LIMIT:
        return EXIT_USAGE;
    case CODE_UNAVAILABLE:
    case CODE_INTERNAL:
        break;
    }
    return EXIT_UNREACHABLE;
}

static struct result find_command(
    const struct command *const *commands, const char *name, const struct command **found) {
    const char *names[COMMANDS_MAX + 1] = {"help"};
    size_t count = 1;
    for (; *commands; commands++) {
        if (strcmp((*commands)->name, name) == 0) {
            *found = *commands;
            return ok();
        }
        if (count <= COMMANDS_MAX)
            names[count++] = (*commands)->name;
    }
    const char *nearest = name_nearest(name, names, count);
    if (nearest)
        return fail(CODE_INVALID, "unknown command \"%.40s\"; did you mean %s?", name, nearest);
    return fail(CODE_INVALID, "unknown command \"%.40s\"; `phasegate help` lists them", name);
}

static struct result check_operands(const struct command *command, int count) {
    if (count < command->operands_min)
        return fail(CODE_INVALID, "something is missing: phasegate %s %s", command->name, command->synopsis);
    if (count > command->operands_max)
        return fail(CODE_INVALID, "%d word%s too many: phasegate %s %s", count - command->operands_max,
            count - command->operands_max == 1 ? "" : "s", command->name, command->synopsis);
    return ok();
}

/* Output that could not be written is a failure, but for a reader who has seen enough (`phasegate status |
 * head`). */
static struct result flush_output(FILE *out) {
    bool failed = fflush(out) != 0 || ferror(out);
    if (failed && errno != EPIPE)
        return fail(CODE_INTERNAL, "cannot write the output: %s", strerror(errno));
    return ok();
}

static enum exit_status finish(struct result r, bool answer, FILE *out, FILE *err) {
    if (is_ok(r))
        r = flush_output(out);
    if (!is_ok(r)) {
        fflush(out);
        if (*r.text)
            fprintf(err, "phasegate: %s\n", r.text);
    }
    return exit_status_of(r, answer);
}

static enum exit_status usage_error(struct result r, const struct command *command, FILE *err) {
    fprintf(err, "phasegate: %s\n", r.text);
    if (command)
        fprintf(err, "`phasegate help %s` explains.\n", command->name);
    return EXIT_USAGE;
}

static enum exit_status run_command(const struct command *command, const struct common_options *common,
    void *fields, int argc, const char **argv, FILE *out, FILE *err) {
    struct invocation call = {
        .command = command,
        .common = common,
        .fields = fields,
        .operands = argv,
        .operand_count = argc,
        .term = term_detect(fileno(out), common->no_color),
        .out = out,
    };
    bool answer = true;
    struct result r = command->run(&call, &answer);
    return finish(r, answer, out, err);
}

/* argv: what follows the command's name. */
static enum exit_status call_command(const struct command *command, struct common_options *common, int argc,
    const char **argv, FILE *out, FILE *err) {
    void *fields = calloc(1, command->fields_size + 1);
    if (!fields)
        return finish(fail(CODE_INTERNAL, "out of memory"), true, out, err);
    const struct option_target targets[] = {{command->options, fields}, {common_option_rows, common}};
    options_clear(targets[0]);
    int operands = 0;
    enum exit_status status;
    struct result r = options_parse(targets, 2, argc, argv, &operands);
    if (is_ok(r) && !common->help && !common->version)
        r = check_operands(command, operands);
    struct term term = term_detect(fileno(out), common->no_color);
    if (!is_ok(r)) {
        status = usage_error(r, command, err);
    } else if (common->help) {
        help_command(command, &term, out);
        status = finish(ok(), true, out, err);
    } else if (common->version) {
        help_version(out);
        status = finish(ok(), true, out, err);
    } else {
        status = run_command(command, common, fields, operands, argv, out, err);
    }
    free(fields);
    return status;
}

/* `phasegate`, `phasegate --help`, `phasegate help [COMMAND]`; argv: what follows `help`. */
static enum exit_status call_help(const struct command *const *commands, const struct common_options *common,
    int argc, const char **argv, FILE *out, FILE *err) {
    struct term term = term_detect(fileno(out), common->no_color);
    if (argc == 0) {
        help_overview(commands, &term, out);
    } else {
        const struct command *command;
        struct result r = find_command(commands, argv[0], &command);
        if (!is_ok(r))
            return usage_error(r, NULL, err);
        help_command(command, &term, out);
    }
    return finish(ok(), true, out, err);
}

enum exit_status program_run(
    const struct command *const *commands, int argc, const char **argv, FILE *out, FILE *err) {
    struct common_options common = {0};
    const struct option_target target = {common_option_rows, &common};
    int used = 0;
    argc = argc > 0 ? argc - 1 : 0;
    argv++;
    struct result r = options_parse_leading(&target, 1, argc, argv, &used);
    if (!is_ok(r))
        return usage_error(r, NULL, err);
    argc -= used;
    argv += used;
    if (common.version) {
        help_version(out);
        return finish(ok(), true, out, err);
    }
    if (argc == 0 || strcmp(argv[0], "help") == 0)
        return call_help(commands, &common, argc > 0 ? argc - 1 : 0, argv + 1, out, err);
    const struct command *command;
    r = find_command(commands, argv[0], &command);
    if (!is_ok(r))
        return usage_error(r, NULL, err);
    return call_command(command, &common, argc - 1, argv + 1, out, err);
}
