/*
 * A disk of a few megabytes that a test can fill: a tmpfs in a mount namespace of the test's own, which its
 * children share and which is gone with them.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_SMALL_DISK_H
#define PHASEGATE_TESTS_SUPPORT_SMALL_DISK_H

#include "support/temp_dir.h"

struct small_disk {
    struct temp_dir dir; /* dir.path is the disk; empty while there is none */
};

/* Skips the test, saying so, where it may not mount. */
struct small_disk small_disk_make(int megabytes);

/* Not one byte more can be written; and it has as much room as before. */
void small_disk_fill(const struct small_disk *disk);
void small_disk_empty(const struct small_disk *disk);

/* Whatever still uses it. Safe to repeat. */
void small_disk_remove(struct small_disk *disk);

#endif
