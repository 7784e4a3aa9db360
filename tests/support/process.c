#include "support/process.h"

#include "support/patience.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { AWAIT_STEP_MS = 20, OUTPUT_TAIL_BYTES = 240 };

static int64_t monotonic_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- In the child, before exec: an errno written to the report pipe says what went wrong. --------------- */

static _Noreturn void child_give_up(int report) {
    int error = errno;
    ssize_t ignored = write(report, &error, sizeof error);
    (void)ignored;
    _exit(127);
}

static void child_redirect(const char *output, int report) {
    int in = open("/dev/null", O_RDONLY);
    int out = open(output ? output : "/dev/null", O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (in < 0 || out < 0)
        child_give_up(report);
    if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0)
        child_give_up(report);
    if (in > STDERR_FILENO)
        close(in);
    if (out > STDERR_FILENO)
        close(out);
}

static _Noreturn void child_run(
    const char *const argv[], const char *const environment[], const char *output, pid_t parent, int report) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it died before prctl took effect */
        _exit(127);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    child_redirect(output, report);
    for (size_t i = 0; environment && environment[i]; i++)
        putenv((char *)environment[i]);
    execvp(argv[0], (char *const *)argv);
    child_give_up(report);
}

/* --- In the test. --------------------------------------------------------------------------------------- */

/* The errno that the child met before exec; 0 when exec closed the pipe. */
static int child_error(int report) {
    int error = 0;
    ssize_t got;
    do {
        got = read(report, &error, sizeof error);
    } while (got < 0 && errno == EINTR);
    return got == (ssize_t)sizeof error ? error : 0;
}

struct result process_spawn(
    const char *const argv[], const char *const environment[], const char *output, struct process *process) {
    if (output && strlen(output) >= PROCESS_PATH_MAX)
        return fail(CODE_LIMIT, "%s: the path of the output file is too long", output);
    int report[2];
    if (pipe2(report, O_CLOEXEC) < 0)
        return fail(CODE_INTERNAL, "pipe: %s", strerror(errno));
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        child_run(argv, environment, output, parent, report[1]);
    int error = pid < 0 ? errno : 0;
    close(report[1]);
    if (pid > 0)
        error = child_error(report[0]);
    close(report[0]);
    int fd = error == 0 ? pidfd_open(pid, 0) : -1;
    if (fd < 0) {
        if (error == 0)
            error = errno;
        if (pid > 0) {
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
        }
        return fail(error == ENOENT ? CODE_NOT_FOUND : CODE_INTERNAL, "cannot start %s: %s", argv[0],
            strerror(error));
    }
    *process = (struct process){.pid = pid, .fd = fd};
    snprintf(process->output, sizeof process->output, "%s", output ? output : "");
    return ok();
}

static bool ended_within(struct process *process, int duration_ms) {
    int64_t deadline = monotonic_ms() + duration_ms;
    struct pollfd end = {.fd = process->fd, .events = POLLIN};
    while (process->pid > 0) {
        int64_t left = deadline - monotonic_ms();
        if (poll(&end, 1, left > 0 ? (int)left : 0) > 0) {
            int status = 0;
            waitpid(process->pid, &status, 0);
            process->status = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
            close(process->fd);
            process->fd = -1;
            process->pid = 0;
        } else if (left <= 0) {
            return false;
        }
    }
    return true;
}

bool process_wait(struct process *process, int timeout_ms) {
    return ended_within(process, patient_ms(timeout_ms));
}

bool process_running(struct process *process) {
    return !ended_within(process, 0);
}

bool process_stop(struct process *process, int timeout_ms) {
    if (process->pid <= 0)
        return true;
    kill(process->pid, SIGTERM);
    bool ended = process_wait(process, timeout_ms);
    if (!ended)
        process_kill(process);
    return ended;
}

void process_kill(struct process *process) {
    if (process->pid <= 0)
        return;
    kill(process->pid, SIGKILL);
    while (process_running(process))
        ended_within(process, 1000);
}

void process_freeze(struct process *process) {
    if (process->pid > 0)
        kill(process->pid, SIGSTOP);
}

void process_thaw(struct process *process) {
    if (process->pid > 0)
        kill(process->pid, SIGCONT);
}

char *process_output_tail(const struct process *process, char *text, size_t size) {
    text[0] = '\0';
    FILE *file = process->output[0] ? fopen(process->output, "r") : NULL;
    if (!file)
        return text;
    fseek(file, -(long)(size - 1), SEEK_END); /* fails, and stays at the start, when there is less */
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
    return text;
}

struct result process_await(
    struct process *process, bool (*ready)(void *context), void *context, int timeout_ms) {
    timeout_ms = patient_ms(timeout_ms);
    int64_t deadline = monotonic_ms() + timeout_ms;
    char tail[OUTPUT_TAIL_BYTES];
    while (!ready(context)) {
        if (ended_within(process, AWAIT_STEP_MS))
            return fail(CODE_UNAVAILABLE, "it ended with status %d; its last output: %s", process->status,
                process_output_tail(process, tail, sizeof tail));
        if (monotonic_ms() >= deadline)
            return fail(CODE_UNAVAILABLE, "not ready after %d ms; its last output: %s", timeout_ms,
                process_output_tail(process, tail, sizeof tail));
    }
    return ok();
}

static struct sockaddr_in loopback(int port) {
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

int port_free(void) {
    struct sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) < 0
        || getsockname(fd, (struct sockaddr *)&address, &length) < 0) {
        perror("port_free");
        abort();
    }
    close(fd);
    return ntohs(address.sin_port);
}

bool port_accepts(int port) {
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool accepts = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0)
        close(fd);
    return accepts;
}
