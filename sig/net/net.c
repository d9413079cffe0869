/* The loop, the listeners and UDP. Connections have their own file. */
#include "sig/base/hash.h"
#include "sig/net/net_priv.h"
#include "sig/net/stun.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define UDP_BUFFER_BYTES (4 << 20)
#define UDP_BATCHES 4 /* of one listener in one turn: the others want their turn too */

static_assert(UDP_BATCHES * NET_BATCH > NET_TURN_FULL, "else no turn is ever full");

static uint64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

void net_random(void *bytes, size_t n_bytes)
{
    uint8_t *to = bytes;
    while (n_bytes > 0) {
        ssize_t n = getrandom(to, n_bytes, 0);
        if (n < 0) {
            must(errno == EINTR);
            continue;
        }
        to += n;
        n_bytes -= (size_t)n;
    }
}

/* ---- listeners ---- */

static int watch(struct net *net, int fd, enum net_kind kind, uint32_t index)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)kind << 32 | index};
    return epoll_ctl(net->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

static int listener_open(struct net *net, unsigned i)
{
    const struct net_listener *listener = &net->cfg.listeners[i];
    bool is_udp = listener->transport == FLOW_UDP;
    bool is_tls = listener->transport == FLOW_TLS;
    if ((!is_udp && !is_tls && listener->transport != FLOW_TCP) || (is_tls && !net->cfg.tls)) {
        return -EPROTONOSUPPORT;
    }
    int family = listener->addr.sa.sa_family, on = 1;
    int fd = socket(family, (is_udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    net->fds[i] = fd;
    if (family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    }
    if (is_udp) {
        int bytes = UDP_BUFFER_BYTES;
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    } else {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    }
    socklen_t n = sizeof net->locals[i];
    if (bind(fd, &listener->addr.sa, addr_len(&listener->addr)) != 0 || (!is_udp && listen(fd, 1024) != 0) ||
        getsockname(fd, &net->locals[i].sa, &n) != 0) {
        return -errno;
    }
    return watch(net, fd, NET_LISTENER, i);
}

static uint32_t or_default(uint32_t value, uint32_t usual)
{
    return value == 0 ? usual : value;
}

int net_build(struct net **net, const struct net_config *cfg, const struct net_user *user, unsigned *failed)
{
    must(user->on_message != NULL && user->on_closed != NULL && user->on_beat != NULL);
    *net = NULL;
    *failed = 0;
    if (cfg->n_listeners > NET_LISTENERS_MAX) {
        return -EINVAL;
    }
    struct net *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return -ENOMEM;
    }
    made->cfg = *cfg;
    made->cfg.max_conns = or_default(cfg->max_conns, 4096);
    made->cfg.max_conns_per_source = or_default(cfg->max_conns_per_source, made->cfg.max_conns);
    made->cfg.idle_ms = or_default(cfg->idle_ms, 600000);
    made->cfg.message_ms = or_default(cfg->message_ms, 10000);
    made->cfg.queue_bytes_max = or_default(cfg->queue_bytes_max, 262144);
    made->user = *user;
    made->now_ns = clock_ns();
    net_random(&made->stun_seed, sizeof made->stun_seed);
    timer_wheel_init(&made->wheel, made->now_ns);
    for (unsigned i = 0; i < NET_LISTENERS_MAX; i++) {
        made->fds[i] = -1;
    }
    made->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    made->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    made->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    made->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    made->datagrams = malloc(NET_BATCH * sizeof *made->datagrams);
    int err = made->epoll_fd < 0 || made->stop_fd < 0 || made->wake_fd < 0 ? -errno
              : made->datagrams == NULL                                    ? -ENOMEM
                                                                           : 0;
    if (err == 0) {
        err = net_conns_build(made);
    }
    if (err == 0) {
        err = watch(made, made->stop_fd, NET_STOP, 0);
    }
    if (err == 0) {
        err = watch(made, made->wake_fd, NET_WAKE, 0);
    }
    for (unsigned i = 0; i < cfg->n_listeners && err == 0; i++) {
        *failed = i;
        err = listener_open(made, i);
    }
    if (err != 0) {
        net_free(made);
        return err;
    }
    *net = made;
    return 0;
}

void net_free(struct net *net)
{
    if (net == NULL) {
        return;
    }
    net_conns_free(net);
    for (unsigned i = 0; i < NET_LISTENERS_MAX; i++) {
        if (net->fds[i] >= 0) {
            close(net->fds[i]);
        }
    }
    int fds[] = {net->epoll_fd, net->stop_fd, net->wake_fd, net->spare_fd};
    for (unsigned i = 0; i < ARRAY_LEN(fds); i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    free(net->datagrams);
    free(net);
}

struct timer_wheel *net_timers(struct net *net)
{
    return &net->wheel;
}

uint64_t net_now_ns(const struct net *net)
{
    return net->now_ns;
}

const struct net_stats *net_stats(const struct net *net)
{
    return &net->stats;
}

const struct addr *net_local(const struct net *net, unsigned listener)
{
    must(listener < net->cfg.n_listeners);
    return &net->locals[listener];
}

int net_listener_for(const struct net *net, enum flow_transport transport, int family)
{
    for (unsigned i = 0; i < net->cfg.n_listeners; i++) {
        if (net->cfg.listeners[i].transport == transport && net->locals[i].sa.sa_family == family) {
            return (int)i;
        }
    }
    return -ENOENT;
}

void net_sent_by(const struct net *net, const struct flow *flow, char *text, size_t size)
{
    unsigned at = flow->listener;
    if (at >= net->cfg.n_listeners || net->cfg.listeners[at].transport != flow->transport) {
        int other = net_listener_for(net, flow->transport, flow->remote.sa.sa_family);
        at = other >= 0 ? (unsigned)other : at;
    }
    must(at < net->cfg.n_listeners);
    char host[ADDR_TEXT_MAX];
    const char *shown = net->cfg.listeners[at].advertised;
    if (shown[0] == 0) {
        shown = addr_host_text(&net->locals[at], host);
    }
    snprintf(text, size, strchr(shown, ':') != NULL ? "[%s]:%u" : "%s:%u", shown, addr_port(&net->locals[at]));
}

/* ---- UDP ---- */

/* A host's place. An IPv6 host is its /64, as in quotas. */
static uint32_t stun_place(const struct net *net, const struct addr *source)
{
    char text[ADDR_TEXT_MAX];
    struct addr host = addr_unmapped(source);
    if (host.sa.sa_family == AF_INET6) {
        memset((uint8_t *)&host.v6.sin6_addr + 8, 0, 8);
    }
    return hash_text(net->stun_seed, addr_host_text(&host, text)) % NET_STUN_SOURCES;
}

/* Sources may be forged, and the answer is longer than the question: few a second. */
static void stun_read(struct net *net, const struct flow *flow, const char *bytes, size_t n_bytes)
{
    uint8_t answer[STUN_ANSWER_MAX];
    uint32_t second = (uint32_t)(net->now_ns / NS_PER_S), place = stun_place(net, &flow->remote);
    size_t n = stun_answer(bytes, n_bytes, &flow->remote, answer);
    if (net->stun[place].second != second) {
        net->stun[place].second = second;
        net->stun[place].n = 0;
    }
    if (n == 0 || net->stun[place].n == NET_STUN_A_SECOND) {
        count_add(&net->stats.stun_dropped, 1);
        return;
    }
    struct flow to = *flow;
    net->stun[place].n++;
    count_add(&net->stats.stun, 1);
    net_send(net, &to, (const char *)answer, n);
}

static void udp_read(struct net *net, unsigned listener)
{
    struct mmsghdr messages[NET_BATCH];
    struct iovec pieces[NET_BATCH];
    struct addr from[NET_BATCH];
    for (int batch = 0; batch < UDP_BATCHES; batch++) {
        memset(messages, 0, sizeof messages);
        memset(from, 0, sizeof from);
        for (unsigned i = 0; i < NET_BATCH; i++) {
            pieces[i] = (struct iovec){net->datagrams[i], NET_DATAGRAM};
            messages[i].msg_hdr = (struct msghdr){
                .msg_name = &from[i], .msg_namelen = sizeof from[i], .msg_iov = &pieces[i], .msg_iovlen = 1};
        }
        int n = recvmmsg(net->fds[listener], messages, NET_BATCH, MSG_DONTWAIT, NULL);
        for (int i = 0; i < n; i++) {
            struct flow flow = flow_to(FLOW_UDP, (uint8_t)listener, &from[i]);
            count_add(&net->stats.rx_datagrams, 1);
            count_add(&net->stats.rx_bytes, messages[i].msg_len);
            if (stun_is(net->datagrams[i], messages[i].msg_len)) {
                stun_read(net, &flow, net->datagrams[i], messages[i].msg_len);
            } else {
                net->user.on_message(net->user.ctx, &flow, net->datagrams[i], messages[i].msg_len, net->now_ns);
            }
        }
        if (n < NET_BATCH) {
            break;
        }
    }
}

int net_send(struct net *net, struct flow *flow, const char *bytes, size_t n_bytes)
{
    if (flow->transport != FLOW_UDP) {
        bool can = flow->transport == FLOW_TCP || (flow->transport == FLOW_TLS && net->cfg.tls);
        return can ? net_conn_send(net, flow, bytes, n_bytes) : -EPROTONOSUPPORT;
    }
    if (flow->listener >= net->cfg.n_listeners || net->cfg.listeners[flow->listener].transport != FLOW_UDP ||
        addr_port(&flow->remote) == 0) {
        return -EINVAL;
    }
    ssize_t n = sendto(net->fds[flow->listener], bytes, n_bytes, MSG_DONTWAIT | MSG_NOSIGNAL, &flow->remote.sa,
                       addr_len(&flow->remote));
    if (n < 0) {
        count_add(&net->stats.tx_errors, 1);
        return errno == EAGAIN ? -ENOBUFS : -errno;
    }
    count_add(&net->stats.tx_datagrams, 1);
    count_add(&net->stats.tx_bytes, (uint64_t)n);
    return 0;
}

/* ---- the loop ---- */

static int wait_time_ms(const struct net *net, unsigned wait_ms)
{
    uint64_t until_ns = MIN(timer_next_ns(&net->wheel), net->beat_ns);
    uint64_t ms = until_ns <= net->now_ns  ? 0
                  : until_ns == UINT64_MAX ? wait_ms
                                           : (until_ns - net->now_ns + NS_PER_MS - 1) / NS_PER_MS;
    return (int)MIN(ms, (uint64_t)wait_ms);
}

static void wake_read(struct net *net)
{
    uint64_t n;
    while (read(net->wake_fd, &n, sizeof n) < 0 && errno == EINTR) {
    }
}

void net_wake(struct net *net)
{
    uint64_t one = 1;
    while (write(net->wake_fd, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

int net_step(struct net *net, unsigned wait_ms)
{
    struct epoll_event events[NET_EVENTS];
    int n = epoll_wait(net->epoll_fd, events, NET_EVENTS, wait_time_ms(net, MIN(wait_ms, 60000u)));
    if (n < 0 && errno != EINTR) {
        return -errno;
    }
    net->now_ns = clock_ns();
    timer_run(&net->wheel, net->now_ns); /* first: what starts a timer below counts from now */
    for (int i = 0; i < n; i++) {
        uint32_t index = (uint32_t)events[i].data.u64;
        switch ((enum net_kind)(events[i].data.u64 >> 32)) {
        case NET_LISTENER:
            if (net->cfg.listeners[index].transport == FLOW_UDP) {
                udp_read(net, index);
            } else {
                net_accept(net, index);
            }
            break;
        case NET_CONN:
            net_conn_event(net, index, events[i].events);
            break;
        case NET_STOP:
            net->is_stopped = true;
            break;
        case NET_WAKE:
            wake_read(net); /* the turn is all that was wanted */
            break;
        }
    }
    uint64_t next_ns = net->user.on_beat(net->user.ctx, net->now_ns);
    net->beat_ns = next_ns == UINT64_MAX ? UINT64_MAX : net->now_ns + next_ns;
    net_conns_bury(net);
    return 0;
}

int net_run(struct net *net)
{
    int err = 0;
    while (!net->is_stopped && err == 0) {
        err = net_step(net, 60000);
    }
    return err;
}

void net_stop(struct net *net)
{
    uint64_t one = 1;
    ssize_t n = write(net->stop_fd, &one, sizeof one); /* fails only when it is set already */
    (void)n;
}
