#include "support/temp_dir.h"

#include "support/check.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct temp_dir temp_dir_make(void) {
    struct temp_dir dir = {.path = "/tmp/phasegate-test-XXXXXX"};
    if (!mkdtemp(dir.path))
        fail_msg("cannot make a directory like %s: %s", dir.path, strerror(errno));
    return dir;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place) {
    (void)status, (void)kind, (void)place;
    return remove(path) == 0 || errno == ENOENT ? 0 : -1;
}

void temp_dir_remove(struct temp_dir *dir) {
    if (dir->path[0] == '\0')
        return;
    if (getenv("PHASEGATE_TEST_KEEP"))
        fprintf(stderr, "kept: %s\n", dir->path);
    else if (nftw(dir->path, remove_entry, 8, FTW_DEPTH | FTW_PHYS) != 0)
        fprintf(stderr, "cannot remove %s: %s\n", dir->path, strerror(errno));
    dir->path[0] = '\0';
}
