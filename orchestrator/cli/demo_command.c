#include "cli/demo_command.h"

#include <stdlib.h>

enum { WORDS_MAX = 16 };

struct child {
    uv_process_t process;
    bool ended;
    bool closed;
    int status;
};

static void on_closed(uv_handle_t *handle) {
    struct child *child = handle->data;
    child->closed = true;
}

static void on_exit_of_child(uv_process_t *process, int64_t status, int signal) {
    struct child *child = process->data;
    child->status = signal ? -signal : (int)status;
    child->ended = true;
}

static uv_process_options_t options_of(const struct demo_daemon *daemon, char **argv, char **environment,
    uv_stdio_container_t stdio[3], FILE *out) {
    stdio[0] = (uv_stdio_container_t){.flags = UV_IGNORE};
    stdio[1] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = fileno(out)};
    stdio[2] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = fileno(stderr)};
    return (uv_process_options_t){
        .file = "/proc/self/exe",
        .args = argv,
        .env = environment,
        .cwd = daemon->directory,
        .stdio_count = 3,
        .stdio = stdio,
        .exit_cb = on_exit_of_child,
    };
}

struct result demo_command_run(
    uv_loop_t *loop, const struct demo_daemon *daemon, const char *const *words, FILE *out, int *status) {
    char *argv[WORDS_MAX + 1] = {0};
    for (int i = 0; words[i] && i < WORDS_MAX; i++)
        argv[i] = (char *)words[i]; /* not written to: uv's type is execvp's */
    char **environment = demo_daemon_environment(daemon);
    if (!environment)
        return fail(CODE_LIMIT, "out of memory");
    struct child child = {.process = {.data = &child}};
    uv_stdio_container_t stdio[3];
    const uv_process_options_t options = options_of(daemon, argv, environment, stdio, out);
    fflush(out);
    int error = uv_spawn(loop, &child.process, &options);
    while (error == 0 && !child.ended)
        uv_run(loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&child.process, on_closed);
    while (!child.closed)
        uv_run(loop, UV_RUN_ONCE);
    demo_daemon_environment_free(&environment);
    if (error != 0)
        return fail(CODE_INTERNAL, "no process can be started: %s", uv_strerror(error));
    *status = child.status;
    return ok();
}
