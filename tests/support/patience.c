#include "support/patience.h"

#include <limits.h>
#include <stdlib.h>

int patient_ms(int deadline_ms) {
    const char *text = getenv("PHASEGATE_TESTS_PATIENCE");
    long factor = text ? strtol(text, NULL, 10) : 1;
    if (factor < 1)
        factor = 1;
    if (factor > PATIENCE_MAX)
        factor = PATIENCE_MAX;
    return deadline_ms > INT_MAX / PATIENCE_MAX ? INT_MAX : deadline_ms * (int)factor;
}
