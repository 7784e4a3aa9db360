#include "cli/demo_daemon.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { START_MS = 20000, STOP_MS = 30000, POLL_MS = 20 };

static MUST_CHECK struct result make_directory(struct demo_daemon *daemon) {
    const char *temporary = getenv("TMPDIR");
    int length = snprintf(daemon->directory, sizeof daemon->directory, "%s/phasegate-demo-XXXXXX",
        temporary && *temporary ? temporary : "/tmp");
    if (length >= (int)sizeof daemon->directory || !mkdtemp(daemon->directory))
        return fail(CODE_INVALID, "no temporary directory can be made in %s", temporary ? temporary : "/tmp");
    snprintf(daemon->socket, sizeof daemon->socket, "%s/redis.sock", daemon->directory);
    snprintf(daemon->log, sizeof daemon->log, "%s/phasegate.log", daemon->directory);
    return ok();
}

/* --- Its environment ------------------------------------------------------------------------------------ */

static bool is_foreign(const char *variable) {
    static const char ours[] = "PHASEGATE_", emulator[] = "PUBSUB_EMULATOR_HOST=";
    return strncmp(variable, ours, strlen(ours)) == 0 || strncmp(variable, emulator, strlen(emulator)) == 0;
}

char **demo_daemon_environment(const struct demo_daemon *daemon) {
    size_t count = 0, kept = 0;
    while (environ[count])
        count++;
    char **made = calloc(count + 2, sizeof *made), *data = NULL;
    if (!made || asprintf(&data, "PHASEGATE_DATA=%s", daemon->directory) < 0) {
        free(made);
        return NULL;
    }
    made[kept++] = data;
    for (size_t i = 0; i < count; i++)
        if (!is_foreign(environ[i]))
            made[kept++] = environ[i];
    return made;
}

void demo_daemon_environment_free(char ***environment) {
    if (*environment)
        free((*environment)[0]); /* the others are the process's own */
    free(*environment);
    *environment = NULL;
}

/* --- The process ---------------------------------------------------------------------------------------- */

/* In the child: never returns. */
static _Noreturn void become_daemon(const struct demo_daemon *daemon) {
    char **environment = demo_daemon_environment(daemon);
    if (environment)
        environ = environment;
    setenv("PHASEGATE_LOG_FORMAT", "json", 1);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    setpgid(0, 0); /* Ctrl-C reaches the demo, which then stops the daemon */
    int log = open(daemon->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(log, STDERR_FILENO);
    execl("/proc/self/exe", "phasegate", "serve", "--embedded", (char *)NULL);
    _exit(127);
}

static bool log_says(const struct demo_daemon *daemon, const char *what) {
    char line[4096];
    bool found = false;
    FILE *file = fopen(daemon->log, "re");
    while (file && !found && fgets(line, sizeof line, file))
        found = strstr(line, what) != NULL;
    if (file)
        fclose(file);
    return found;
}

/* Waits for the child's end; false when it still runs at the deadline. Its exit status, or -signal. */
static bool wait_for_end(struct demo_daemon *daemon, int timeout_ms, int *status) {
    int fd = (int)syscall(SYS_pidfd_open, daemon->pid, 0);
    struct pollfd ended = {.fd = fd, .events = POLLIN};
    bool gone = fd >= 0 && poll(&ended, 1, timeout_ms) == 1;
    if (fd >= 0)
        close(fd);
    int raw;
    if (!gone || waitpid(daemon->pid, &raw, 0) != daemon->pid)
        return false;
    daemon->pid = 0;
    *status = WIFEXITED(raw) ? WEXITSTATUS(raw) : -WTERMSIG(raw);
    return true;
}

struct result demo_daemon_start(struct demo_daemon *daemon) {
    *daemon = (struct demo_daemon){0};
    struct result result = make_directory(daemon);
    if (!is_ok(result))
        return result;
    pid_t pid = fork();
    if (pid < 0)
        return fail(CODE_INTERNAL, "no process can be started: %s", strerror(errno));
    if (pid == 0)
        become_daemon(daemon);
    daemon->pid = pid;
    for (int waited = 0; waited < START_MS; waited += POLL_MS) {
        int status;
        if (log_says(daemon, "\"running\""))
            return ok();
        if (wait_for_end(daemon, POLL_MS, &status))
            return fail(
                CODE_INTERNAL, "phasegate serve ended with status %d; its log: %s", status, daemon->log);
    }
    return fail(CODE_INTERNAL, "phasegate serve is not running after %d s; its log: %s", START_MS / 1000,
        daemon->log);
}

struct result demo_daemon_stop(struct demo_daemon *daemon) {
    int status;
    if (daemon->pid == 0)
        return ok();
    kill(daemon->pid, SIGTERM);
    if (!wait_for_end(daemon, STOP_MS, &status))
        return fail(CODE_INTERNAL, "phasegate serve has not stopped after %d s; its log: %s", STOP_MS / 1000,
            daemon->log);
    if (status != 0)
        return fail(
            CODE_INTERNAL, "phasegate serve stopped with status %d; its log: %s", status, daemon->log);
    return ok();
}

struct result demo_daemon_write(const struct demo_daemon *daemon, const char *name, const char *text) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", daemon->directory, name);
    FILE *file = fopen(path, "we");
    bool written = file && fputs(text, file) >= 0;
    if (file)
        written = fclose(file) == 0 && written;
    return written ? ok() : fail(CODE_INTERNAL, "%s cannot be written: %s", path, strerror(errno));
}

static void remove_all(const char *directory) {
    DIR *listing = opendir(directory);
    const struct dirent *entry;
    while (listing && (entry = readdir(listing))) {
        char path[512];
        struct stat what;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        if (lstat(path, &what) == 0 && S_ISDIR(what.st_mode))
            remove_all(path);
        else
            unlink(path);
    }
    if (listing)
        closedir(listing);
    rmdir(directory);
}

void demo_daemon_clean(const struct demo_daemon *daemon) {
    remove_all(daemon->directory);
}
