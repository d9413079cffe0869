/* The lock of a store on disk: flock on a file beside it, which holds the process's number. See store.h. */
#include "sig/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static int holder_read(int fd)
{
    char text[16] = "";
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    return n > 0 ? atoi(text) : 0;
}

static void holder_write(int fd)
{
    char text[16];
    int n = snprintf(text, sizeof text, "%d\n", (int)getpid());
    bool is_told = ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)n, 0) == n;
    (void)is_told; /* a full disk: the lock holds all the same, only its holder is not named */
}

int store_lock(int *fd, const char *spec, int *holder)
{
    static const char on_disk[] = "sqlite:";
    char path[PATH_MAX];
    *fd = -1;
    *holder = 0;
    if (strncmp(spec, on_disk, sizeof on_disk - 1) != 0) {
        return 0;
    }
    if (snprintf(path, sizeof path, "%s.lock", spec + sizeof on_disk - 1) >= (int)sizeof path) {
        return -ENAMETOOLONG;
    }
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) {
        return -errno;
    }
    if (flock(file, LOCK_EX | LOCK_NB) != 0) {
        int err = errno == EWOULDBLOCK ? -EBUSY : -errno;
        *holder = holder_read(file);
        close(file);
        return err;
    }
    holder_write(file);
    *fd = file;
    return 0;
}
