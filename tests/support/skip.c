#include "support/skip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void skip_unless_ci(const char *reason) {
    const char *ci = getenv("CI");
    if (ci && strcmp(ci, "true") == 0)
        fail_msg("%s: in CI it has to be there", reason);
    print_message("skipped: %s\n", reason);
    skip();
}

void require_started(struct result started) {
    if (started.code == CODE_NOT_FOUND)
        skip_unless_ci(started.text);
    if (!is_ok(started))
        fail_msg("%s", started.text);
}
