#include "cli/rebuild_window.h"

enum {
    WINDOW = 128,       /* calls under way at once */
    SILENCE_MS = 10000, /* without any answer: the store is away */
};

static void wait_for_answers(struct window *window) {
    window->answered = false;
    if (!session_run(window->session, &window->answered, SILENCE_MS))
        window->failure = fail(CODE_UNAVAILABLE, "the store did not answer within %d s", SILENCE_MS / 1000);
}

bool window_room(struct window *window) {
    while (is_ok(window->failure) && window->under_way >= WINDOW)
        wait_for_answers(window);
    if (!is_ok(window->failure))
        return false;
    window->under_way++;
    return true;
}

void window_answered(struct window *window, struct result result) {
    window->under_way--;
    window->answered = true;
    if (is_ok(window->failure))
        window->failure = result;
}

struct result window_finish(struct window *window) {
    while (is_ok(window->failure) && window->under_way > 0)
        wait_for_answers(window);
    return window->failure;
}
