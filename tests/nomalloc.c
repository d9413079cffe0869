/*
 * Interposes the allocator of the whole process. In a test the guarded stretch is marked by nomalloc_begin/end. As a
 * preloaded library under the real server (tests/wire) it guards every thread named mixer/N from the moment that the
 * worker has told its starter that it runs (the thread's first sem_post), and counts instead of aborting: the sum goes
 * to the file named by NOMALLOC_REPORT at exit.
 */
#include "tests/nomalloc.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Thread_local int guarded; /* 1: abort on a heap call; 2: count it */
#ifdef NOMALLOC_PRELOAD
static _Thread_local int is_worker;
static _Atomic int n_workers;
#endif

void nomalloc_begin(void)
{
    guarded = 1;
}
void nomalloc_end(void)
{
    guarded = 0;
}

#ifndef MIXMINUS_SANITIZED

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static _Atomic unsigned long n_caught;

static void caught(const char *what)
{
    int mode = guarded;
    if (!mode) {
        return;
    }
    guarded = 0;
    if (mode == 1 || atomic_fetch_add(&n_caught, 1) < 5) {
        void *frames[32];
        dprintf(2, "heap call on the media path: %s\n", what);
        backtrace_symbols_fd(frames, backtrace(frames, 32), 2);
    }
    if (mode == 1) {
        abort();
    }
    guarded = mode;
}

void *malloc(size_t n)
{
    caught("malloc");
    return __libc_malloc(n);
}

void *calloc(size_t n, size_t each)
{
    caught("calloc");
    return __libc_calloc(n, each);
}

void *realloc(void *p, size_t n)
{
    caught("realloc");
    return __libc_realloc(p, n);
}

void free(void *p)
{
    if (p) {
        caught("free");
    }
    __libc_free(p);
}

void *memalign(size_t alignment, size_t n)
{
    caught("memalign");
    return __libc_memalign(alignment, n);
}

void *aligned_alloc(size_t alignment, size_t n)
{
    return memalign(alignment, n);
}

int posix_memalign(void **p, size_t alignment, size_t n)
{
    *p = memalign(alignment, n);
    return *p ? 0 : ENOMEM;
}

#ifdef NOMALLOC_PRELOAD

int pthread_setname_np(pthread_t thread, const char *name)
{
    int (*real)(pthread_t, const char *) = (int (*)(pthread_t, const char *))dlsym(RTLD_NEXT, "pthread_setname_np");
    is_worker = strncmp(name, "mixer/", 6) == 0;
    return real(thread, name);
}

int sem_post(sem_t *sem)
{
    int (*real)(sem_t *) = (int (*)(sem_t *))dlsym(RTLD_NEXT, "sem_post");
    int result = real(sem);
    if (is_worker) {
        guarded = 2;
        atomic_fetch_add(&n_workers, 1);
    }
    return result;
}

__attribute__((destructor)) static void report(void)
{
    const char *path = getenv("NOMALLOC_REPORT");
    FILE *f = path ? fopen(path, "w") : NULL;
    if (f) {
        fprintf(f, "workers=%d heap_calls=%lu\n", atomic_load(&n_workers), atomic_load(&n_caught));
        fclose(f);
    }
}

#endif
#endif
