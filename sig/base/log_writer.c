/* The log's thread. See log_writer.h. */
#include "sig/base/log_writer.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_MS = 50, FAREWELL_MS = 500, JOIN_MS = 1000 };

struct log_writer {
    int fd;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows, down to ring */
    pthread_cond_t work;
    bool stop;
    uint64_t untold;    /* lines dropped since the last one that said so */
    size_t n_bytes, at; /* in the ring, and where they begin */
    counter dropped;
    char ring[LOG_WRITER_BYTES];
};

/* A pipe that polls as writable takes so much without waiting. @return bytes, from the ring; 0: it is empty */
static size_t piece_take(struct log_writer *w, char piece[PIPE_BUF])
{
    size_t n = MIN(w->n_bytes, MIN((size_t)PIPE_BUF, LOG_WRITER_BYTES - w->at));
    memcpy(piece, w->ring + w->at, n);
    w->at = (w->at + n) % LOG_WRITER_BYTES;
    w->n_bytes -= n;
    return n;
}

static void ring_put(struct log_writer *w, const char *text, size_t n)
{
    size_t end = (w->at + w->n_bytes) % LOG_WRITER_BYTES, first = MIN(n, LOG_WRITER_BYTES - end);
    memcpy(w->ring + end, text, first);
    memcpy(w->ring, text + first, n - first);
    w->n_bytes += n;
}

/* @return false: the program ends, and nobody reads */
static bool piece_write(struct log_writer *w, const char *piece, size_t n)
{
    for (unsigned farewell_ms = 0; n > 0;) {
        struct pollfd p = {w->fd, POLLOUT, 0};
        int ready = poll(&p, 1, LOOK_MS);
        ssize_t done = ready > 0 ? write(w->fd, piece, n) : 0;
        if (done > 0) {
            piece += done;
            n -= (size_t)done;
            continue;
        }
        if (done < 0 && errno != EINTR && errno != EAGAIN) {
            return true; /* closed, or a full disk: nowhere to complain to */
        }
        pthread_mutex_lock(&w->lock);
        bool stop = w->stop;
        pthread_mutex_unlock(&w->lock);
        farewell_ms += stop ? LOOK_MS : 0;
        if (farewell_ms > FAREWELL_MS) {
            return false;
        }
    }
    return true;
}

static void *thread_main(void *arg)
{
    struct log_writer *w = arg;
    char piece[PIPE_BUF];
    for (bool goes_on = true; goes_on;) {
        pthread_mutex_lock(&w->lock);
        while (w->n_bytes == 0 && !w->stop) {
            pthread_cond_wait(&w->work, &w->lock);
        }
        size_t n = piece_take(w, piece);
        if (w->untold && LOG_WRITER_BYTES - w->n_bytes > LOG_WRITER_BYTES / 2) {
            char words[96];
            int n_words = snprintf(words, sizeof words, "(%llu lines of the log were dropped here: nothing read it)\n",
                                   (unsigned long long)w->untold);
            w->untold = 0;
            ring_put(w, words, (size_t)n_words);
        }
        pthread_mutex_unlock(&w->lock);
        goes_on = n > 0 && piece_write(w, piece, n);
    }
    return NULL;
}

int log_writer_start(struct log_writer **out, int fd)
{
    struct log_writer *w = calloc(1, sizeof *w);
    if (!w) {
        return -ENOMEM;
    }
    w->fd = fd;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->work, NULL);
    int err = -pthread_create(&w->thread, NULL, thread_main, w);
    if (err) {
        free(w);
        return err;
    }
    pthread_setname_np(w->thread, "log");
    *out = w;
    return 0;
}

void log_writer_put(struct log_writer *w, const char *text, size_t n)
{
    pthread_mutex_lock(&w->lock);
    if (n <= LOG_WRITER_BYTES - w->n_bytes) {
        ring_put(w, text, n);
        pthread_cond_signal(&w->work);
    } else {
        w->untold++;
        count_add(&w->dropped, 1);
    }
    pthread_mutex_unlock(&w->lock);
}

const counter *log_writer_dropped(const struct log_writer *w)
{
    return &w->dropped;
}

void log_writer_stop(struct log_writer *w)
{
    struct timespec until;
    if (!w) {
        return;
    }
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->lock);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += JOIN_MS / 1000;
    if (pthread_timedjoin_np(w->thread, NULL, &until) == 0) {
        pthread_cond_destroy(&w->work);
        pthread_mutex_destroy(&w->lock);
        free(w);
    }
}
