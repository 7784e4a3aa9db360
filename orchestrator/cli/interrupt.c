#include "cli/interrupt.h"

#include <signal.h>

static void on_signal(uv_signal_t *handle, int number) {
    struct interrupt *interrupt = handle->data;
    (void)number;
    interrupt->count++;
}

static void on_closed(uv_handle_t *handle) {
    struct interrupt *interrupt = handle->data;
    interrupt->open--;
}

struct result interrupt_start(uv_loop_t *loop, struct interrupt *interrupt) {
    static const int numbers[] = {SIGINT, SIGTERM};
    *interrupt = (struct interrupt){0};
    for (int i = 0; i < 2; i++) {
        uv_signal_t *handle = &interrupt->signals[i];
        int error = uv_signal_init(loop, handle);
        if (error == 0) {
            handle->data = interrupt;
            interrupt->open++;
            error = uv_signal_start(handle, on_signal, numbers[i]);
        }
        if (error != 0) {
            interrupt_stop(interrupt);
            return fail(CODE_INTERNAL, "cannot listen for signals: %s", uv_strerror(error));
        }
    }
    return ok();
}

void interrupt_stop(struct interrupt *interrupt) {
    uv_loop_t *loop = interrupt->signals[0].loop;
    for (int i = 0; i < interrupt->open; i++)
        uv_close((uv_handle_t *)&interrupt->signals[i], on_closed);
    while (interrupt->open > 0)
        uv_run(loop, UV_RUN_ONCE);
}
