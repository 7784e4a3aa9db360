#include "support/crowd.h"

#include "base/clock.h"
#include "support/standstill.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_STANDSTILL = 75, ATTEMPTS = 3 };

static _Noreturn void give_up(const char *what) {
    perror(what);
    abort();
}

static FILE *temporary_file(void) {
    FILE *file = tmpfile();
    if (!file)
        give_up("tmpfile");
    return file;
}

static int64_t now_ms(void) {
    return clock_system().now_ms(NULL);
}

/* From its beginning; closes it. */
static void append(FILE *output, FILE *to) {
    char part[4096];
    size_t size;
    rewind(output);
    while ((size = fread(part, 1, sizeof part, output)) > 0)
        fwrite(part, 1, size, to);
    fclose(output);
}

static void keep_failure(struct crowd *crowd, struct crowd_place *place, int status) {
    crowd->failed++;
    if (!crowd->failures)
        crowd->failures = temporary_file();
    fprintf(crowd->failures, "== %s\n", place->test.name);
    append(place->output, crowd->failures);
    if (WIFSIGNALED(status))
        fprintf(
            crowd->failures, "[  FAILED  ] process %d: signal %d\n", (int)place->process, WTERMSIG(status));
}

static _Noreturn void run(const struct crowd *crowd, const struct crowd_place *place, pid_t parent) {
    char text[STANDSTILL_TEXT_MAX];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_FAILURE);
    dup2(fileno(place->output), STDOUT_FILENO);
    dup2(fileno(place->output), STDERR_FILENO);
    const struct CMUnitTest tests[] = {place->test};
    int failed = cmocka_run_group_tests_name(crowd->name, tests, NULL, NULL);
    if (failed != 0 && standstill_seen(text)) {
        printf("%s\n", text);
        exit(EXIT_STANDSTILL);
    }
    exit(failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

static void start(struct crowd *crowd, struct crowd_place *place, struct CMUnitTest test, int attempt) {
    pid_t parent = getpid();
    *place = (struct crowd_place){
        .test = test, .attempt = attempt, .output = temporary_file(), .started_ms = now_ms()};
    fflush(NULL);
    place->process = fork();
    if (place->process == 0)
        run(crowd, place, parent);
    place->fd = place->process > 0 ? pidfd_open(place->process, 0) : -1;
    if (place->fd < 0)
        give_up("fork");
}

static void say(const char *what, const struct crowd_place *place) {
    printf("%s %s (%.1f s)\n", what, place->test.name, (double)(now_ms() - place->started_ms) / 1000);
    fflush(stdout);
}

static void end(struct crowd *crowd, struct crowd_place *place) {
    int status = -1;
    waitpid(place->process, &status, 0);
    close(place->fd);
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
    if (code == EXIT_STANDSTILL && place->attempt < ATTEMPTS) {
        say("again, since the machine stood still:", place);
        append(place->output, stdout);
        start(crowd, place, place->test, place->attempt + 1);
        return;
    }
    say(code == EXIT_SUCCESS ? "passed" : "FAILED", place);
    if (code == EXIT_SUCCESS)
        fclose(place->output);
    else
        keep_failure(crowd, place, status);
    *place = (struct crowd_place){0};
}

/* Waits until at least one has ended; false when none is running. */
static bool await_some(struct crowd *crowd) {
    struct pollfd ends[CROWD_MAX];
    bool running = false;
    for (int i = 0; i < CROWD_MAX; i++) {
        bool taken = crowd->places[i].process != 0;
        ends[i] = (struct pollfd){.fd = taken ? crowd->places[i].fd : -1, .events = POLLIN};
        running = running || taken;
    }
    if (!running)
        return false;
    if (poll(ends, CROWD_MAX, -1) < 0)
        give_up("poll");
    for (int i = 0; i < CROWD_MAX; i++) {
        if (ends[i].revents)
            end(crowd, &crowd->places[i]);
    }
    return true;
}

static struct crowd_place *free_place(struct crowd *crowd) {
    for (;;) {
        for (int i = 0; i < CROWD_MAX; i++) {
            if (crowd->places[i].process == 0)
                return &crowd->places[i];
        }
        await_some(crowd);
    }
}

void crowd_add(struct crowd *crowd, const char *name, const struct CMUnitTest *tests, size_t count) {
    crowd->name = name;
    for (size_t i = 0; i < count; i++)
        start(crowd, free_place(crowd), tests[i], 1);
}

int crowd_await(struct crowd *crowd) {
    while (await_some(crowd))
        continue;
    if (crowd->failures)
        append(crowd->failures, stdout);
    crowd->failures = NULL;
    return crowd->failed;
}
