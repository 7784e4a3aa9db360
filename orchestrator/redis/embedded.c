#include "redis/embedded.h"

#include "base/backoff.h"
#include "redis/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    STOP_MS = 10000,
    POLL_MS = 20,
    ADOPT_MS = 250,
    FIRST_START_MS = 3000,
    ROOM_BYTES_MIN = 1024 * 1024, /* a disk with less is full */
    HEALTHY_MS = 60000,           /* one that lived so long starts again at once */
    PATH_BYTES_MAX = 1024,
    ENVIRONMENT_MAX = 16,
};

struct embedded {
    uv_loop_t *loop;
    struct log log;
    char directory[PATH_BYTES_MAX];
    char socket[PATH_BYTES_MAX];
    int lock;
    uv_process_t *process; /* NULL when it was taken over, or is down */
    int adopted;           /* a pidfd, which a reused process id cannot fool; -1 when it is our child */
    uv_timer_t *timer; /* starts it again; while stopping or with an adopted one, looks whether it has gone */
    struct backoff backoff;
    uint64_t started_ms; /* loop time */
    bool finding;        /* there is one that was left behind, and it does not answer yet */
    bool stopping;
    uint64_t stop_by_ms;
    void (*stopped)(void *context);
    void *stopped_context;
};

/* --- The directory -------------------------------------------------------------------------------------- */

static MUST_CHECK struct result make_directory(const char *directory) {
    if (mkdir(directory, 0700) == 0)
        return ok();
    struct stat existing;
    bool is_there = errno == EEXIST && stat(directory, &existing) == 0 && S_ISDIR(existing.st_mode);
    if (is_there && (existing.st_mode & S_IWOTH))
        return fail(CODE_INVALID,
            "anybody may write to the data directory %s, and put a server of their own there; do: chmod 0700",
            directory);
    if (is_there)
        return ok();
    return fail(CODE_INVALID, "the data directory %s cannot be made: %s", directory, strerror(errno));
}

/* Opens and locks a file of the directory. The lock lasts until the last copy of the fd is closed, in
 * whatever process. */
static MUST_CHECK struct result lock_file(
    const char *directory, const char *name, struct result taken, int *lock) {
    char path[PATH_BYTES_MAX + 32];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail(CODE_INVALID, "%s cannot be opened: %s", path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        return taken;
    }
    *lock = fd;
    return ok();
}

static MUST_CHECK struct result lock_directory(const char *directory, int *lock) {
    struct result taken = fail(CODE_REFUSED,
        "another phasegate serves from %s; stop it first, or choose another --data DIR", directory);
    return lock_file(directory, "phasegate.lock", taken, lock);
}

/* --- The server ----------------------------------------------------------------------------------------- */

static void finish(struct embedded *embedded) {
    uv_timer_stop(embedded->timer);
    uv_close((uv_handle_t *)embedded->timer, (uv_close_cb)free);
    close(embedded->lock);
    if (embedded->stopped)
        embedded->stopped(embedded->stopped_context);
    free(embedded);
}

static struct result spawn(struct embedded *embedded);

static void on_start_again(uv_timer_t *timer) {
    struct embedded *embedded = timer->data;
    struct result result = spawn(embedded);
    if (!is_ok(result)) {
        log_error(&embedded->log, "%s", result.text);
        uv_timer_start(timer, on_start_again, backoff_next_ms(&embedded->backoff), 0);
    }
}

/* Why it may have ended, where that can be seen from here; "" when not. */
static const char *tell_room(const struct embedded *embedded, char *text, size_t size) {
    struct statvfs disk;
    text[0] = '\0';
    if (statvfs(embedded->directory, &disk) == 0 && disk.f_bavail * disk.f_frsize < ROOM_BYTES_MIN)
        snprintf(text, size, ": the disk of %s is full: make room there", embedded->directory);
    return text;
}

static void start_again(struct embedded *embedded, const char *how) {
    char room[PATH_BYTES_MAX + 64];
    if (uv_now(embedded->loop) - embedded->started_ms > HEALTHY_MS)
        embedded->backoff.failures = 0;
    uint64_t wait_ms = backoff_next_ms(&embedded->backoff);
    log_error(&embedded->log, "redis-server %s%s; starting it again (its log: %s/redis.log)", how,
        tell_room(embedded, room, sizeof room), embedded->directory);
    uv_timer_start(embedded->timer, on_start_again, wait_ms, 0);
}

static void on_exit_of_child(uv_process_t *process, int64_t status, int signal) {
    struct embedded *embedded = process->data;
    embedded->process = NULL;
    uv_close((uv_handle_t *)process, (uv_close_cb)free);
    if (embedded->stopping) {
        finish(embedded);
        return;
    }
    char how[64];
    snprintf(how, sizeof how, signal ? "was killed by signal %d" : "ended with status %d",
        signal ? signal : (int)status);
    start_again(embedded, how);
}

/*
 * What redis-server gets of our environment: where programs and libraries are, and how it writes times. All
 * the rest may hold secrets (a proxy's password, a cloud's key) and would stand in its memory and in /proc.
 */
static const char **environment_of_server(const char *made[ENVIRONMENT_MAX]) {
    static const char *const passed[] = {
        "PATH=", "LD_LIBRARY_PATH=", "TZ=", "LANG=", "LC_ALL=", "LC_CTYPE=", "TMPDIR="};
    size_t count = 0;
    for (char **variable = environ; *variable; variable++) {
        for (size_t i = 0; i < sizeof passed / sizeof *passed && count + 1 < ENVIRONMENT_MAX; i++) {
            if (strncmp(*variable, passed[i], strlen(passed[i])) == 0)
                made[count++] = *variable;
        }
    }
    made[count] = NULL;
    return made;
}

/* The server inherits the lock, and holds it as long as it lives. */
static MUST_CHECK struct result spawn_with(struct embedded *embedded, int lock) {
    char log_file[PATH_BYTES_MAX + 32];
    const char *environment[ENVIRONMENT_MAX];
    snprintf(log_file, sizeof log_file, "%s/redis.log", embedded->directory);
    /* A value of up to 256 bytes leaves a date's hash compact: an error message or a long id is no more. */
    const char *arguments[] = {"redis-server", "--hash-max-listpack-value", "256", "--port", "0",
        "--unixsocket", embedded->socket, "--unixsocketperm", "600", "--dir", embedded->directory,
        "--appendonly", "yes", "--appendfsync", "always", "--save", "", "--maxmemory-policy", "noeviction",
        "--proto-max-bulk-len", "16mb", "--daemonize", "no", "--logfile", log_file, NULL};
    uv_stdio_container_t inherited[] = {{.flags = UV_IGNORE}, {.flags = UV_IGNORE}, {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = lock}};
    uv_process_options_t options = {.file = "redis-server",
        .args = (char **)arguments,
        .env = (char **)environment_of_server(environment),
        .exit_cb = on_exit_of_child,
        .stdio = inherited,
        .stdio_count = sizeof inherited / sizeof *inherited,
        .flags = UV_PROCESS_DETACHED};
    uv_process_t *process = calloc(1, sizeof *process);
    if (!process)
        return fail(CODE_LIMIT, "out of memory");
    process->data = embedded;
    embedded->started_ms = uv_now(embedded->loop);
    int error = uv_spawn(embedded->loop, process, &options);
    if (error != 0) {
        uv_close((uv_handle_t *)process, (uv_close_cb)free);
        return fail(error == UV_ENOENT ? CODE_REFUSED : CODE_INTERNAL,
            "redis-server cannot be started: %s; install Redis 7 (apt-get install redis-server), or name a "
            "store of your own in store.url",
            uv_strerror(error));
    }
    embedded->process = process;
    return ok();
}

/* CODE_UNAVAILABLE when there is one in the directory: two of them would spoil each other's files. */
static struct result spawn(struct embedded *embedded) {
    int lock;
    struct result taken =
        fail(CODE_UNAVAILABLE, "an earlier redis-server has not left %s yet", embedded->directory);
    struct result result = lock_file(embedded->directory, "redis.lock", taken, &lock);
    if (is_ok(result)) {
        result = spawn_with(embedded, lock);
        close(lock);
    }
    return result;
}

/* --- One that was left behind --------------------------------------------------------------------------- */

static pid_t pid_from_info(const char *info) {
    const char *line = strstr(info, "process_id:");
    return line ? (pid_t)atol(line + strlen("process_id:")) : 0;
}

/* The process id of a server that answers on the socket; 0 when none does. */
static pid_t running_server(const char *socket) {
    struct redis_settings settings = {.path = socket};
    redisContext *connection;
    if (!is_ok(redis_connect(&settings, ADOPT_MS, &connection)))
        return 0;
    const char *words[] = {"INFO", "server"};
    redisReply *reply;
    pid_t pid = 0;
    if (is_ok(redis_ask(connection, &reply, 2, words, (size_t[]){4, 6}))) {
        pid = reply->str ? pid_from_info(reply->str) : 0;
        freeReplyObject(reply);
    }
    redisFree(connection);
    return pid;
}

/* A pidfd is readable once its process has ended, whether or not init has reaped it. */
static bool has_gone(int pidfd) {
    return poll(&(struct pollfd){.fd = pidfd, .events = POLLIN}, 1, 0) == 1;
}

/* Looks after a server that is not our child. */
static void on_look(uv_timer_t *timer) {
    struct embedded *embedded = timer->data;
    bool gone = has_gone(embedded->adopted);
    if (!gone && !(embedded->stopping && uv_now(embedded->loop) >= embedded->stop_by_ms))
        return;
    uv_timer_stop(timer);
    close(embedded->adopted);
    embedded->adopted = -1;
    if (embedded->stopping)
        finish(embedded);
    else
        start_again(embedded, "has gone");
}

/* So that a start that goes well does not begin with warnings about a store that is away. */
static void wait_until_it_listens(const struct embedded *embedded) {
    struct redis_settings settings = {.path = embedded->socket};
    for (int waited = 0; waited < FIRST_START_MS; waited += POLL_MS) {
        redisContext *connection;
        if (is_ok(redis_connect(&settings, ADOPT_MS, &connection))) {
            redisFree(connection);
            return;
        }
        uv_sleep(POLL_MS);
    }
}

/* Takes over a server that answers. */
static bool adopt(struct embedded *embedded) {
    pid_t running = running_server(embedded->socket);
    embedded->adopted = running > 0 ? pidfd_open(running, 0) : -1;
    if (embedded->adopted < 0)
        return false;
    log_notice(
        &embedded->log, "taking over the redis-server that was left running (process %d)", (int)running);
    uv_timer_start(embedded->timer, on_look, POLL_MS, POLL_MS);
    return true;
}

/* There is one that does not answer: it is still starting, or has much to load, or is about to end. */
static void on_find(uv_timer_t *timer) {
    struct embedded *embedded = timer->data;
    bool late = embedded->stopping && uv_now(embedded->loop) >= embedded->stop_by_ms;
    if (adopt(embedded)) {
        embedded->finding = false;
        if (embedded->stopping)
            pidfd_send_signal(embedded->adopted, SIGTERM, NULL, 0);
    } else if (late) {
        finish(embedded);
    } else if (is_ok(spawn(embedded))) {
        embedded->finding = false;
        uv_timer_stop(timer);
        if (embedded->stopping)
            uv_process_kill(embedded->process, SIGTERM);
    }
}

static MUST_CHECK struct result start_or_adopt(struct embedded *embedded) {
    if (adopt(embedded))
        return ok();
    struct result result = spawn(embedded);
    if (is_ok(result)) {
        wait_until_it_listens(embedded);
    } else if (result.code == CODE_UNAVAILABLE) {
        embedded->finding = true;
        uv_timer_start(embedded->timer, on_find, POLL_MS, POLL_MS);
        return ok();
    }
    return result;
}

/* --- Start and stop ------------------------------------------------------------------------------------- */

struct result embedded_start(uv_loop_t *loop, const char *directory, const char *socket,
    const struct log *log, struct embedded **embedded) {
    if (strlen(directory) >= PATH_BYTES_MAX || strlen(socket) >= PATH_BYTES_MAX)
        return fail(CODE_INVALID, "the data directory's path is too long");
    struct embedded *made = calloc(1, sizeof *made);
    uv_timer_t *timer = calloc(1, sizeof *timer);
    if (!made || !timer || uv_timer_init(loop, timer) != 0) {
        free(made);
        free(timer);
        return fail(CODE_LIMIT, "out of memory");
    }
    *made = (struct embedded){.loop = loop,
        .lock = -1,
        .adopted = -1,
        .timer = timer,
        .log = log_with(log, "part", "embedded"),
        .backoff = {.first_ms = 100, .max_ms = 5000}};
    timer->data = made;
    strcpy(made->directory, directory);
    strcpy(made->socket, socket);
    struct result result = make_directory(directory);
    if (is_ok(result))
        result = lock_directory(directory, &made->lock);
    if (is_ok(result))
        result = start_or_adopt(made);
    if (!is_ok(result)) {
        if (made->lock >= 0)
            close(made->lock);
        uv_close((uv_handle_t *)timer, (uv_close_cb)free);
        free(made);
        return result;
    }
    *embedded = made;
    return ok();
}

static void on_stop_deadline(uv_timer_t *timer) {
    struct embedded *embedded = timer->data;
    log_error(&embedded->log, "redis-server has not ended in %d s; leaving it running", STOP_MS / 1000);
    uv_close((uv_handle_t *)embedded->process, (uv_close_cb)free);
    finish(embedded);
}

void embedded_stop(struct embedded *embedded, void (*stopped)(void *context), void *context) {
    embedded->stopping = true;
    embedded->stopped = stopped;
    embedded->stopped_context = context;
    embedded->stop_by_ms = uv_now(embedded->loop) + STOP_MS;
    if (embedded->adopted >= 0) {
        pidfd_send_signal(embedded->adopted, SIGTERM, NULL, 0);
    } else if (embedded->process) {
        uv_process_kill(embedded->process, SIGTERM);
        uv_timer_start(embedded->timer, on_stop_deadline, STOP_MS, 0);
    } else if (!embedded->finding) {
        finish(embedded);
    }
}
