#include "support/small_disk.h"

#include "support/check.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

struct small_disk small_disk_make(int megabytes) {
    char options[32];
    snprintf(options, sizeof options, "size=%dm,mode=0700", megabytes);
    struct small_disk disk = {.dir = temp_dir_make()};
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0
        || mount("tmpfs", disk.dir.path, "tmpfs", 0, options) != 0) {
        print_message("a small disk cannot be mounted here (%s); it takes CAP_SYS_ADMIN\n", strerror(errno));
        temp_dir_remove(&disk.dir);
        skip();
    }
    return disk;
}

static char *ballast_of(const struct small_disk *disk, char path[80]) {
    snprintf(path, 80, "%s/ballast", disk->dir.path);
    return path;
}

void small_disk_fill(const struct small_disk *disk) {
    static const char zeros[4096];
    char path[80];
    int fd = open(ballast_of(disk, path), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    for (size_t size = sizeof zeros; size > 0;)
        if (write(fd, zeros, size) <= 0)
            size /= 2;
    close(fd);
}

void small_disk_empty(const struct small_disk *disk) {
    char path[80];
    assert_int_equal(unlink(ballast_of(disk, path)), 0);
}

void small_disk_remove(struct small_disk *disk) {
    if (disk->dir.path[0])
        umount2(disk->dir.path, MNT_DETACH);
    temp_dir_remove(&disk->dir);
}
