/*
 * Watchers of the rosters while the calls are measured: each subscribes to one of the conferences and counts what
 * it is told. And what the server says of itself: its memory, and its late ticks from /metrics. See load.h.
 */
#include "tools/load/load.h"

#include "core/io_socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BURST_MAX 8 /* subscribed in one turn of 200 us */
#define EXPIRES_S 86400
#define LATE_TICKS "mixminus_tick_late_total{"

struct load_watcher {
    struct ua_call *call;
    uint64_t notified_ns, n;
};

int load_watch_open(struct load *load)
{
    load->watch.shortest_s = -1;
    load->watch.watchers = calloc(load->cfg->watchers + 1, sizeof *load->watch.watchers);
    return load->watch.watchers ? 0 : -ENOMEM;
}

void load_watch_close(struct load *load)
{
    free(load->watch.watchers);
}

bool load_is_watcher(const struct load *load, const void *tag)
{
    const char *first = (const char *)load->watch.watchers, *at = tag;
    return at >= first && at < first + load->cfg->watchers * sizeof *load->watch.watchers;
}

void load_watch_step(struct load *load)
{
    struct load_watch *w = &load->watch;
    for (unsigned n = 0; n < BURST_MAX && w->n_tried < load->cfg->watchers; n++) {
        const char *uri = load->rooms[w->n_tried % load->n_rooms].uri;
        struct load_watcher *watcher = &w->watchers[w->n_tried++];
        int err = !uri ? -ENOENT
                       : ua_subscribe(load->ua, uri, "conference", "application/conference-info+xml", EXPIRES_S,
                                      watcher, &watcher->call);
        w->n_failed += err != 0;
    }
}

bool load_watch_is_done(const struct load *load)
{
    return load->watch.n_up + load->watch.n_failed >= load->cfg->watchers;
}

static void notified(struct load *load, struct load_watcher *watcher, const struct ua_event *event)
{
    struct load_watch *w = &load->watch;
    uint64_t now_ns = io_socket_now();
    double since_s = (double)(now_ns - watcher->notified_ns) / 1e9;
    bool is_next = watcher->notified_ns != 0 && !event->is_last; /* the last word waits for nothing */
    watcher->notified_ns = now_ns;
    if (is_next && (w->shortest_s < 0 || since_s < w->shortest_s)) {
        w->shortest_s = since_s;
    }
    if (load->measuring) {
        w->n_notified++;
        w->n_bytes += event->n_body;
        watcher->n++;
        w->most = MAX(w->most, watcher->n);
    }
}

void load_watch_event(struct load *load, struct ua_call *call, const struct ua_event *event)
{
    struct load_watch *w = &load->watch;
    struct load_watcher *watcher = ua_call_tag(call);
    if (event->kind == UA_SUBSCRIBED) {
        w->n_up += event->status < 300;
    } else if (event->kind == UA_NOTIFY) {
        notified(load, watcher, event);
    } else if (event->kind == UA_ENDED) {
        watcher->call = NULL;
        w->n_failed += !event->by_us && event->status >= 300;
        if (!event->by_us && event->status >= 300 && !w->failure[0]) {
            snprintf(w->failure, sizeof w->failure, "watcher: %d %s", event->status, event->text);
        }
    }
}

void load_watch_end(struct load *load)
{
    for (unsigned i = 0; i < load->cfg->watchers; i++) {
        if (load->watch.watchers[i].call) {
            ua_hangup(load->watch.watchers[i].call);
        }
    }
}

/* ---- the server ---- */

/* @return kilobytes | negative: unknown */
static double rss_kb(uint32_t pid)
{
    char path[64], line[128];
    long kb = -1;
    snprintf(path, sizeof path, "/proc/%u/status", pid);
    FILE *f = pid ? fopen(path, "r") : NULL;
    while (f && fgets(line, sizeof line, f)) {
        sscanf(line, "VmRSS: %ld", &kb);
    }
    if (f) {
        fclose(f);
    }
    return (double)kb;
}

/* The sum of a metric over its labels. @return negative: unknown */
static double metric_sum(const struct addr *http, const char *name)
{
    static const char ask[] = "GET /metrics HTTP/1.0\r\n\r\n";
    char line[1024];
    double sum = -1;
    int fd = addr_is_set(http) ? socket(http->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
    if (fd < 0) {
        return -1;
    }
    bool is_asked = connect(fd, &http->sa, addr_len(http)) == 0 && write(fd, ask, sizeof ask - 1) == sizeof ask - 1;
    FILE *f = is_asked ? fdopen(fd, "r") : NULL;
    if (!f) {
        close(fd);
        return -1;
    }
    while (fgets(line, sizeof line, f)) {
        const char *value = strrchr(line, ' ');
        if (strncmp(line, name, strlen(name)) == 0 && value) {
            sum = MAX(sum, 0) + strtod(value, NULL);
        }
    }
    fclose(f);
    return sum;
}

void load_server_look(const struct load *load, struct load_server *seen)
{
    seen->rss_kb = rss_kb(load->cfg->server_pid);
    seen->late_ticks = metric_sum(&load->cfg->http, LATE_TICKS);
}
