/* Reading prompts. See prompts_read.h. */
#include "tools/server/prompts_read.h"

#include "tools/lib/wav.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The same from bin/ of a build and of an installation. @return false: the program does not know where it lies */
static bool default_directory(char *path, size_t size)
{
    char program[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    program[MAX(n, (ssize_t)0)] = '\0';
    for (unsigned i = 0; i < 2; i++) {
        char *slash = strrchr(program, '/');
        if (!slash) {
            return false;
        }
        *slash = '\0';
    }
    int put = snprintf(path, size, "%s/share/mixminus/prompts", program);
    return put > 0 && (size_t)put < size;
}

static int file_read(struct prompts *prompts, const char *directory, const char *name)
{
    char path[PATH_MAX];
    int16_t *pcm = NULL;
    uint32_t rate_hz = 0;
    size_t n = 0;

    int put = snprintf(path, sizeof path, "%s/%s", directory, name);
    if (put < 0 || (size_t)put >= sizeof path) {
        return -ENAMETOOLONG;
    }
    int err = wav_read(path, &pcm, &n, &rate_hz);
    err = err ? err : prompts_add(prompts, name, pcm, n, rate_hz);
    free(pcm);
    return err;
}

static void folder_read(struct prompts *prompts, DIR *dir, const char *directory, const struct log *log)
{
    char text[3 * NAME_MAX];
    unsigned n = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        size_t length = strlen(entry->d_name);
        if (length < 4 || strcmp(entry->d_name + length - 4, ".wav") != 0) {
            continue;
        }
        int err = file_read(prompts, directory, entry->d_name);
        if (err) {
            log_line(log, LOG_WARN, "the announcement %s is left out: %s",
                     log_escape(text, sizeof text, entry->d_name, length), strerror(-err));
        }
        n += !err;
    }
    log_line(log, LOG_INFO, "%u announcements in %s", n, directory);
}

int prompts_read(struct prompts **out, const char *directory, const struct log *log)
{
    char path[PATH_MAX];
    struct prompts *prompts;
    bool given = directory[0] != '\0';

    int err = prompts_build(&prompts);
    if (err) {
        return err;
    }
    if (!given && default_directory(path, sizeof path)) {
        directory = path;
    }
    DIR *dir = opendir(directory);
    if (dir) {
        folder_read(prompts, dir, directory, log);
        closedir(dir);
    } else if (given) {
        err = -errno;
        prompts_free(prompts);
        return err;
    }
    if (prompts_beeps(prompts)) {
        log_line(log, LOG_INFO, "%u of %d prompts are not in %s: beeps stand for them (--prompts=DIR)",
                 prompts_beeps(prompts), PROMPTS, directory);
    }
    *out = prompts;
    return 0;
}
