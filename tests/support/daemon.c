#include "support/daemon.h"

#include "redis/sync.h"
#include "support/check.h"
#include "support/patience.h"
#include "support/process.h"
#include "support/stage_config.h"
#include "support/temp_dir.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    DEADLINE_MS = 30000,
    BUS_LEASE_MS = 10000,
    ASK_MS = 1000,
    PATH_MAX_BYTES = 96,
    ENVIRONMENT_MAX = 16,
    LOG_SHOWN = 3000
};

struct daemon {
    struct daemon_options options;
    struct temp_dir dir;
    char data[PATH_MAX_BYTES], url[PATH_MAX_BYTES + 32], config[PATH_MAX_BYTES], log[PATH_MAX_BYTES];
    char password[64];
    struct process process;
    size_t start; /* bytes of log before the last start */
    char *text;   /* the log as it was last read */
};

/* --- Configuration -------------------------------------------------------------------------------------- */

static void write_configuration(struct daemon *daemon, FILE *file) {
    const struct daemon_options *options = &daemon->options;
    fprintf(file, "store: {url: \"%s\"}\n", options->redis_url ? options->redis_url : "");
    if (options->pubsub)
        fprintf(file, "bus: {kind: pubsub, project: %s, emulator: \"%s\", lease_seconds: %d}\n",
            DAEMON_PROJECT, options->pubsub, patient_ms(BUS_LEASE_MS) / 1000);
    else
        fprintf(file, "bus: {kind: redis}\n");
    if (!options->settings || !strstr(options->settings, "engine:"))
        fprintf(file, "engine: {lease_seconds: 1}\n");
    fprintf(file, "%s\n", options->settings ? options->settings : "");
    stage_config_pipelines(file, 0, options->pipeline);
}

static FILE *open_configuration(struct daemon *daemon) {
    FILE *file = fopen(daemon->config, "we");
    if (!file)
        fail_msg("%s: %s", daemon->config, strerror(errno));
    return file;
}

void daemon_configure(struct daemon *daemon, const char *yaml) {
    FILE *file = open_configuration(daemon);
    fputs(yaml, file);
    fclose(file);
}

struct daemon *daemon_new(struct daemon_options options) {
    struct daemon *daemon = calloc(1, sizeof *daemon);
    if (!daemon)
        fail_msg("out of memory");
    daemon->options = options;
    daemon->process = PROCESS_NONE;
    daemon->dir = temp_dir_make();
    if (options.data)
        snprintf(daemon->data, sizeof daemon->data, "%s", options.data);
    else
        snprintf(daemon->data, sizeof daemon->data, "%s/data", daemon->dir.path);
    snprintf(daemon->url, sizeof daemon->url, "unix://%s/redis.sock", daemon->data);
    snprintf(daemon->config, sizeof daemon->config, "%s/phasegate.yaml", daemon->dir.path);
    snprintf(daemon->log, sizeof daemon->log, "%s/phasegate.log", daemon->dir.path);
    FILE *file = open_configuration(daemon);
    write_configuration(daemon, file);
    fclose(file);
    return daemon;
}

const char *daemon_config(const struct daemon *daemon) {
    return daemon->config;
}

/* --- Its log -------------------------------------------------------------------------------------------- */

const char *daemon_log(struct daemon *daemon) {
    struct stat status;
    FILE *file = fopen(daemon->log, "re");
    size_t size = file && fstat(fileno(file), &status) == 0 ? (size_t)status.st_size : 0;
    free(daemon->text);
    daemon->text = calloc(1, size + 1);
    if (!daemon->text)
        fail_msg("out of memory");
    if (file) {
        size = fread(daemon->text, 1, size, file);
        daemon->text[size] = '\0';
        fclose(file);
    }
    return daemon->text;
}

/* The end of the log, for a failed test. */
static const char *log_tail(struct daemon *daemon) {
    const char *text = daemon_log(daemon);
    size_t length = strlen(text);
    return text + (length > LOG_SHOWN ? length - LOG_SHOWN : 0);
}

size_t daemon_said(struct daemon *daemon, const char *part) {
    const char *text = daemon_log(daemon);
    size_t count = 0;
    if (strlen(text) <= daemon->start)
        return 0;
    for (const char *line = text + daemon->start, *end; (end = strchr(line, '\n')); line = end + 1)
        count += !part || memmem(line, (size_t)(end - line), part, strlen(part)) ? 1 : 0;
    return count;
}

struct saying {
    struct daemon *daemon;
    const char *part;
};

static bool was_said(void *context) {
    const struct saying *saying = context;
    return daemon_said(saying->daemon, saying->part) > 0;
}

void daemon_await_said(struct daemon *daemon, const char *part) {
    struct saying saying = {daemon, part};
    struct result said = process_await(&daemon->process, was_said, &saying, DEADLINE_MS);
    if (!is_ok(said) && !was_said(&saying)) /* it may have been its last words */
        fail_msg("the daemon does not say \"%s\": %s\n%s", part, said.text, log_tail(daemon));
}

void daemon_await_running(struct daemon *daemon) {
    daemon_await_said(daemon, "running\"");
}

/* --- Start and end -------------------------------------------------------------------------------------- */

static void set_environment(struct daemon *daemon, const char *environment[ENVIRONMENT_MAX]) {
    size_t count = 0;
    environment[count++] = "PUBSUB_EMULATOR_HOST=";
    environment[count++] = "PHASEGATE_LOG_FORMAT=json";
    if (daemon->options.password) {
        snprintf(daemon->password, sizeof daemon->password, "PHASEGATE_STORE_PASSWORD=%s",
            daemon->options.password);
        environment[count++] = daemon->password;
    }
    for (const char *const *more = daemon->options.environment; more && *more && count + 1 < ENVIRONMENT_MAX;
         more++)
        environment[count++] = *more;
    environment[count] = NULL;
}

void daemon_start(struct daemon *daemon) {
    const struct daemon_options *options = &daemon->options;
    const char *environment[ENVIRONMENT_MAX];
    const char *argv[10] = {options->binary, "serve", "--config", daemon->config};
    size_t count = 4;
    if (!options->redis_url) {
        argv[count++] = "--embedded";
        argv[count++] = "--data";
        argv[count++] = daemon->data;
    }
    if (options->create)
        argv[count++] = "--create";
    set_environment(daemon, environment);
    daemon->start = strlen(daemon_log(daemon));
    check_ok(process_spawn(argv, environment, daemon->log, &daemon->process));
}

pid_t daemon_process(const struct daemon *daemon) {
    return daemon->process.pid;
}

bool daemon_running(struct daemon *daemon) {
    return process_running(&daemon->process);
}

void daemon_terminate(struct daemon *daemon) {
    if (process_running(&daemon->process))
        kill(daemon->process.pid, SIGTERM);
}

void daemon_hang_up(struct daemon *daemon) {
    if (process_running(&daemon->process))
        kill(daemon->process.pid, SIGHUP);
}

int daemon_await_exit(struct daemon *daemon) {
    if (!process_wait(&daemon->process, DEADLINE_MS))
        fail_msg("the daemon does not end:\n%s", log_tail(daemon));
    return daemon->process.status;
}

void daemon_stop(struct daemon *daemon) {
    daemon_terminate(daemon);
    int status = daemon_await_exit(daemon);
    if (status != 0)
        fail_msg("the daemon left with %d:\n%s", status, log_tail(daemon));
}

void daemon_kill(struct daemon *daemon) {
    process_kill(&daemon->process);
}

void daemon_freeze(struct daemon *daemon) {
    process_freeze(&daemon->process);
}

void daemon_thaw(struct daemon *daemon) {
    process_thaw(&daemon->process);
}

/* --- The embedded server -------------------------------------------------------------------------------- */

const char *daemon_data(const struct daemon *daemon) {
    return daemon->data;
}

const char *daemon_redis_url(const struct daemon *daemon) {
    return daemon->url;
}

pid_t daemon_redis_process(const struct daemon *daemon) {
    struct redis_settings settings = {.path = daemon->url + strlen("unix://")};
    redisContext *connection;
    redisReply *reply;
    pid_t pid = 0;
    if (!is_ok(redis_connect(&settings, ASK_MS, &connection)))
        return 0;
    if (is_ok(redis_ask(connection, &reply, 2, (const char *[]){"INFO", "server"}, (size_t[]){4, 6}))) {
        const char *line = reply->str ? strstr(reply->str, "process_id:") : NULL;
        pid = line ? (pid_t)atol(line + strlen("process_id:")) : 0;
        freeReplyObject(reply);
    }
    redisFree(connection);
    return pid;
}

/* A redis-server in the data directory has its path on its command line, as title or as argument. */
static bool is_redis_of(const char *process, const char *data) {
    char path[64], command[4096];
    snprintf(path, sizeof path, "/proc/%.16s/cmdline", process);
    FILE *file = fopen(path, "re");
    size_t length = file ? fread(command, 1, sizeof command, file) : 0;
    if (file)
        fclose(file);
    return length > 12 && memcmp(command, "redis-server", 12) == 0
        && memmem(command, length, data, strlen(data));
}

/* Calls each for every one; returns how many there are. */
static int each_redis(const struct daemon *daemon, void (*each)(pid_t process)) {
    DIR *processes = opendir("/proc");
    int count = 0;
    if (!processes)
        fail_msg("/proc: %s", strerror(errno));
    for (const struct dirent *entry; (entry = readdir(processes));) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || !is_redis_of(entry->d_name, daemon->data))
            continue;
        count++;
        if (each)
            each((pid_t)atol(entry->d_name));
    }
    closedir(processes);
    return count;
}

int daemon_redis_count(const struct daemon *daemon) {
    return each_redis(daemon, NULL);
}

static void kill_process(pid_t process) {
    kill(process, SIGKILL);
}

bool daemon_kill_redis(struct daemon *daemon) {
    pid_t pid = daemon_redis_process(daemon);
    int fd = pid > 0 ? pidfd_open(pid, 0) : -1;
    if (fd < 0)
        return false;
    kill(pid, SIGKILL);
    struct pollfd end = {.fd = fd, .events = POLLIN};
    bool gone = poll(&end, 1, DEADLINE_MS) == 1;
    close(fd);
    if (!gone)
        fail_msg("redis-server, process %d, does not end", (int)pid);
    return true;
}

void daemon_free(struct daemon **daemon) {
    if (!*daemon)
        return;
    process_kill(&(*daemon)->process);
    each_redis(*daemon, kill_process);
    temp_dir_remove(&(*daemon)->dir);
    free((*daemon)->text);
    free(*daemon);
    *daemon = NULL;
}
