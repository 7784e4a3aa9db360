/*
 * A directory of a test's own, gone when the test is over. The path is short, since unix sockets, whose paths
 * may not exceed 107 bytes, are put into it. With PHASEGATE_TEST_KEEP in the environment it stays, for
 * whoever looks for the reason of a failure in the logs that are in it.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_TEMP_DIR_H
#define PHASEGATE_TESTS_SUPPORT_TEMP_DIR_H

struct temp_dir {
    char path[64]; /* empty once removed */
};

/* Makes it in /tmp; fails the test when it cannot. */
struct temp_dir temp_dir_make(void);

/* Removes it with everything in it. Safe to repeat. */
void temp_dir_remove(struct temp_dir *dir);

#endif
