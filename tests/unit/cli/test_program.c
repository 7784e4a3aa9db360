#include "cli/program.h"
#include "printed.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

struct echo_fields {
    const char *code;
    bool no;
};

static const struct option_row rows[] = {
    {"code", 0, OPTION_TEXT, "CODE", offsetof(struct echo_fields, code), "fail with this code"},
    {"no", 'n', OPTION_FLAG, NULL, offsetof(struct echo_fields, no), "answer no"},
    {0},
};

static struct result echo(const struct invocation *call, bool *answer) {
    const struct echo_fields *fields = call->fields;
    for (enum code code = CODE_INVALID; fields->code && code <= CODE_INTERNAL; code++)
        if (strcmp(fields->code, code_name(code)) == 0)
            return fail(code, "told to");
    *answer = !fields->no;
    fprintf(call->out, "%s %s\n", call->operands[0], call->common->json ? "json" : "text");
    return ok();
}

static const struct command echo_command = {
    .name = "echo",
    .synopsis = "WORD [--no]",
    .summary = "says a word",
    .description = "Says the word that it is given.\n",
    .options = rows,
    .fields_size = sizeof(struct echo_fields),
    .operands_min = 1,
    .operands_max = 2,
    .run = echo,
};

static const struct command bare_command = {
    .name = "bare", .synopsis = "", .summary = "no options", .description = "Bare.\n", .run = echo};

static const struct command *const commands[] = {&echo_command, &bare_command, NULL};

static struct printed out, err;

static int tear_down(void **state) {
    (void)state;
    printed_free(&out);
    printed_free(&err);
    return 0;
}

/* Prints go to files, since commands look at the descriptor behind their output. */
static enum exit_status run(const char *const *words) {
    const char *argv[32] = {"phasegate"};
    int argc = 1;
    for (; words[argc - 1]; argc++)
        argv[argc] = words[argc - 1];
    printed_free(&out);
    printed_free(&err);
    printed_start(&out);
    printed_start(&err);
    enum exit_status status = program_run(commands, argc, argv, out.out, err.out);
    printed_end(&out);
    printed_end(&err);
    return status;
}

#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})

static void a_command_gets_its_words(void **state) {
    (void)state;
    assert_int_equal(RUN("echo", "hello"), EXIT_FINE);
    assert_string_equal(out.text, "hello text\n");
    assert_int_equal(RUN("--json", "echo", "--", "--no"), EXIT_FINE);
    assert_string_equal(out.text, "--no json\n");
}

static void the_exit_status_follows_from_the_result(void **state) {
    (void)state;
    assert_int_equal(RUN("echo", "x", "--no"), EXIT_NO);
    assert_int_equal(RUN("echo", "x", "--code", "not_found"), EXIT_NO);
    assert_int_equal(RUN("echo", "x", "--code", "invalid"), EXIT_USAGE);
    assert_int_equal(RUN("echo", "x", "--code", "limit"), EXIT_USAGE);
    assert_int_equal(RUN("echo", "x", "--code", "refused"), EXIT_USAGE);
    assert_int_equal(RUN("echo", "x", "--code", "unavailable"), EXIT_UNREACHABLE);
    assert_string_equal(err.text, "phasegate: told to\n");
    assert_int_equal(RUN("echo", "x", "--code", "internal"), EXIT_UNREACHABLE);
}

static void wrong_usage_is_explained(void **state) {
    (void)state;
    assert_int_equal(RUN("ecko", "x"), EXIT_USAGE);
    assert_string_equal(err.text, "phasegate: unknown command \"ecko\"; did you mean echo?\n");
    assert_int_equal(RUN("wonderful"), EXIT_USAGE);
    check_contains(err.text, "`phasegate help` lists them");
    assert_int_equal(RUN("echo"), EXIT_USAGE);
    assert_string_equal(err.text,
        "phasegate: something is missing: phasegate echo WORD [--no]\n`phasegate help echo` explains.\n");
    assert_int_equal(RUN("echo", "a", "b", "c"), EXIT_USAGE);
    check_contains(err.text, "1 word too many");
    assert_int_equal(RUN("echo", "a", "--na"), EXIT_USAGE);
    check_contains(err.text, "unknown option --na; did you mean --no?");
    assert_int_equal(RUN("--jso"), EXIT_USAGE);
    check_contains(err.text, "did you mean --json?");
    assert_string_equal(out.text, "");
}

static void help_comes_from_the_tables(void **state) {
    (void)state;
    assert_int_equal(RUN(NULL), EXIT_FINE);
    check_contains(out.text, "  echo          says a word\n");
    check_contains(out.text, "--no-color");
    assert_int_equal(RUN("help", "echo"), EXIT_FINE);
    check_contains(out.text, "usage  phasegate echo WORD [--no]\n");
    check_contains(out.text, "Says the word that it is given.\n");
    check_contains(out.text, "-n, --no");
    check_contains(out.text, "--code CODE");
    char *same = strdup(out.text);
    assert_int_equal(RUN("echo", "--help"), EXIT_FINE);
    assert_string_equal(out.text, same);
    free(same);
    assert_int_equal(RUN("-h"), EXIT_FINE);
    check_contains(out.text, "commands\n");
    assert_int_equal(RUN("help", "ech"), EXIT_USAGE);
    check_contains(err.text, "did you mean echo?");
    assert_int_equal(RUN("help", "bare"), EXIT_FINE);
}

static void the_version_is_printed(void **state) {
    (void)state;
    assert_int_equal(RUN("--version"), EXIT_FINE);
    check_contains(out.text, "phasegate ");
    assert_int_equal(RUN("echo", "--version"), EXIT_FINE);
    check_contains(out.text, "phasegate ");
}

static enum exit_status run_into(FILE *file) {
    const char *argv[] = {"phasegate", "echo", "hello"};
    printed_free(&err);
    printed_start(&err);
    enum exit_status status = program_run(commands, 3, argv, file, err.out);
    printed_end(&err);
    return status;
}

static void a_closed_pipe_is_no_error(void **state) {
    (void)state;
    int ends[2];
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    FILE *file = fdopen(ends[1], "w");
    assert_int_equal(run_into(file), EXIT_FINE);
    assert_string_equal(err.text, "");
    fclose(file);
}

static void a_full_disk_is_one(void **state) {
    (void)state;
    FILE *file = fopen("/dev/full", "w");
    if (!file)
        skip();
    assert_int_equal(run_into(file), EXIT_UNREACHABLE);
    check_contains(err.text, "cannot write the output: No space left");
    fclose(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_command_gets_its_words, tear_down),
        cmocka_unit_test_teardown(the_exit_status_follows_from_the_result, tear_down),
        cmocka_unit_test_teardown(wrong_usage_is_explained, tear_down),
        cmocka_unit_test_teardown(help_comes_from_the_tables, tear_down),
        cmocka_unit_test_teardown(the_version_is_printed, tear_down),
        cmocka_unit_test_teardown(a_closed_pipe_is_no_error, tear_down),
        cmocka_unit_test_teardown(a_full_disk_is_one, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
