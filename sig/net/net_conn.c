/*
 * TCP and TLS connections: accepting, opening, framing by Content-Length, writing with a bounded queue, and every way
 * to die. A connection is marked dying where the reason is found and buried at the end of the turn, so nobody loses one
 * in the middle of its work.
 */
#include "sig/net/net_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

static struct flow flow_of(const struct net_conn *conn)
{
    struct flow flow = flow_to(conn->transport, conn->listener, &conn->remote);
    flow.conn = conn->slot;
    flow.generation = conn->generation;
    return flow;
}

static void conn_die(struct net_conn *conn, int err, counter *why)
{
    if (!conn->is_dying) {
        conn->is_dying = true;
        conn->err = err;
        conn->next_dying = conn->net->dying;
        conn->net->dying = conn;
        if (why != NULL) {
            count_add(why, 1);
        }
    }
}

static void on_idle(struct timer *timer, uint64_t now_ns)
{
    struct net_conn *conn = TIMER_OWNER(timer, struct net_conn, idle);
    conn_die(conn, -ETIMEDOUT, &conn->net->stats.closed_idle);
}

static void on_slow(struct timer *timer, uint64_t now_ns)
{
    struct net_conn *conn = TIMER_OWNER(timer, struct net_conn, slow);
    conn_die(conn, -ETIMEDOUT, conn->is_draining ? NULL : &conn->net->stats.closed_slow);
}

/* ---- slots ---- */

int net_conns_build(struct net *net)
{
    net->conns = calloc(net->cfg.max_conns, sizeof *net->conns);
    if (net->conns == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = net->cfg.max_conns; i-- > 0;) {
        struct net_conn *conn = &net->conns[i];
        conn->net = net;
        conn->fd = -1;
        conn->slot = i;
        conn->generation = 1;
        timer_init(&conn->idle, on_idle);
        timer_init(&conn->slow, on_slow);
        conn->next_free = net->free;
        net->free = conn;
    }
    return 0;
}

void net_conns_free(struct net *net)
{
    for (uint32_t i = 0; net->conns != NULL && i < net->cfg.max_conns; i++) {
        if (net->conns[i].fd >= 0) {
            tls_free(net->conns[i].tls);
            close(net->conns[i].fd);
            free(net->conns[i].rx);
            free(net->conns[i].tx);
        }
    }
    free(net->conns);
}

static struct net_conn **host_list(struct net *net, const struct addr *host)
{
    uint32_t hash = host->v4.sin_addr.s_addr;
    if (host->sa.sa_family == AF_INET6) {
        uint32_t words[4];
        memcpy(words, &host->v6.sin6_addr, sizeof words);
        hash = words[0] ^ words[1] ^ words[2] ^ words[3];
    }
    return &net->by_host[(hash * 2654435761u) >> 22];
}
static_assert(NET_HOST_LISTS == 1 << 10, "the upper 10 bits of a 32-bit hash");

static bool source_is_full(struct net *net, const struct addr *remote)
{
    uint32_t n = 0;
    for (struct net_conn *conn = *host_list(net, remote); conn != NULL; conn = conn->next_by_host) {
        n += !conn->is_outbound && addr_same_host(&conn->remote, remote);
    }
    return n >= net->cfg.max_conns_per_source;
}

/* Asks epoll for what the connection waits for now. */
static void conn_watch(struct net_conn *conn)
{
    bool has_words = conn->tx_at < conn->n_tx && !conn->is_shaking_hands && conn->tls_waits != TLS_WANT_READ;
    bool wants_out = conn->is_connecting || conn->tls_waits == TLS_WANT_WRITE || has_words;
    uint32_t events = EPOLLIN | (wants_out ? EPOLLOUT : 0);
    if (events != conn->events) {
        struct epoll_event event = {.events = events, .data.u64 = (uint64_t)NET_CONN << 32 | conn->slot};
        int op = conn->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
        if (epoll_ctl(conn->net->epoll_fd, op, conn->fd, &event) != 0) {
            conn_die(conn, -errno, NULL);
            return;
        }
        conn->events = events;
    }
}

/* TLS begins: the handshake has as long as a message. */
static void tls_begin(struct net_conn *conn)
{
    struct net *net = conn->net;
    conn->tls =
        conn->is_outbound ? tls_connect(net->cfg.tls, conn->fd, &conn->remote) : tls_accept(net->cfg.tls, conn->fd);
    conn->is_shaking_hands = true;
    timer_start(&net->wheel, &conn->slow, net->cfg.message_ms);
    if (!conn->tls) {
        conn_die(conn, -ENOMEM, &net->stats.closed_tls);
    }
}

/* @pre there is a free slot */
static struct net_conn *conn_open(struct net *net, int fd, uint8_t transport, uint8_t listener,
                                  const struct addr *remote, bool outbound)
{
    struct net_conn *conn = net->free;
    net->free = conn->next_free;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    conn->fd = fd;
    conn->listener = listener;
    conn->transport = transport;
    conn->tls = NULL;
    conn->is_shaking_hands = false;
    conn->tls_waits = TLS_OK;
    conn->remote = *remote;
    conn->is_outbound = conn->is_connecting = outbound;
    conn->is_dying = conn->is_draining = conn->is_half_ping = conn->has_spoken = false;
    conn->n_rx = conn->n_seen = conn->n_frame = conn->tx_at = conn->n_tx = 0;
    conn->events = 0;
    struct net_conn **head = host_list(net, remote);
    conn->next_by_host = *head;
    conn->link_by_host = head;
    if (*head != NULL) {
        (*head)->link_by_host = &conn->next_by_host;
    }
    *head = conn;
    timer_start(&net->wheel, &conn->idle, net->cfg.idle_ms);
    timer_start(&net->wheel, &conn->slow, net->cfg.message_ms); /* to connect, or to say something */
    count_add(outbound ? &net->stats.connected : &net->stats.accepted, 1);
    count_add(&net->stats.conns, 1);
    if (transport == FLOW_TLS && !outbound) {
        tls_begin(conn);
    }
    conn_watch(conn);
    return conn;
}

void net_conns_bury(struct net *net)
{
    struct net_conn *conn;
    while ((conn = net->dying) != NULL) {
        net->dying = conn->next_dying;
        struct flow flow = flow_of(conn);
        int err = conn->err;
        timer_stop(&net->wheel, &conn->idle);
        timer_stop(&net->wheel, &conn->slow);
        if (conn->tls) {
            tls_bye(conn->tls);
            tls_free(conn->tls);
            conn->tls = NULL;
        }
        close(conn->fd);
        conn->fd = -1;
        free(conn->rx);
        free(conn->tx);
        conn->rx = conn->tx = NULL;
        conn->rx_size = conn->tx_size = 0;
        *conn->link_by_host = conn->next_by_host;
        if (conn->next_by_host != NULL) {
            conn->next_by_host->link_by_host = conn->link_by_host;
        }
        conn->generation++;
        conn->next_free = net->free;
        net->free = conn;
        count_add(&net->stats.conns, (uint64_t)-1);
        net->user.on_closed(net->user.ctx, &flow, err);
    }
}

/* ---- writing ---- */

/* What TLS says of reading or writing, as the system would. @return 0 | -1, errno */
static int tls_result(struct net_conn *conn, enum tls_state state)
{
    conn->tls_waits = (uint8_t)(state == TLS_WANT_READ || state == TLS_WANT_WRITE ? state : TLS_OK);
    if (state == TLS_OK) {
        return 0;
    }
    errno = conn->tls_waits ? EAGAIN : state == TLS_END ? ECONNRESET : EPROTO;
    return -1;
}

static ssize_t conn_send(struct net_conn *conn, const char *bytes, size_t n_bytes)
{
    size_t put = 0;
    if (!conn->tls) {
        return send(conn->fd, bytes, n_bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    return tls_result(conn, tls_write(conn->tls, bytes, n_bytes, &put)) == 0 ? (ssize_t)put : -1;
}

static ssize_t conn_recv(struct net_conn *conn, char *bytes, size_t n_bytes)
{
    size_t got = 0;
    if (!conn->tls) {
        return recv(conn->fd, bytes, n_bytes, MSG_DONTWAIT);
    }
    return tls_result(conn, tls_read(conn->tls, bytes, n_bytes, &got)) == 0 ? (ssize_t)got : -1;
}

static void conn_flush(struct net_conn *conn)
{
    struct net *net = conn->net;
    while (conn->tx_at < conn->n_tx && !conn->is_shaking_hands) {
        ssize_t n = conn_send(conn, conn->tx + conn->tx_at, conn->n_tx - conn->tx_at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            if (errno != EAGAIN) {
                count_add(&net->stats.tx_errors, 1);
                conn_die(conn, -errno, &net->stats.closed_peer);
            }
            break;
        }
        count_add(&net->stats.tx_bytes, (uint64_t)n);
        conn->tx_at += (size_t)n;
    }
    if (conn->tx_at == conn->n_tx && conn->tx != NULL) {
        free(conn->tx); /* an idle connection holds no memory */
        conn->tx = NULL;
        conn->tx_at = conn->n_tx = conn->tx_size = 0;
    }
    if (conn->is_draining && conn->n_tx == 0 && !conn->is_dying) {
        if (conn->tls) {
            tls_bye(conn->tls);
        }
        shutdown(conn->fd, SHUT_WR);
    }
    if (!conn->is_dying) {
        conn_watch(conn);
    }
}

static int conn_queue(struct net_conn *conn, const char *bytes, size_t n_bytes)
{
    size_t n_waiting = conn->n_tx - conn->tx_at;
    if (n_waiting + n_bytes > conn->net->cfg.queue_bytes_max) {
        conn_die(conn, -ENOBUFS, &conn->net->stats.closed_queue); /* a peer that does not read */
        return -ENOBUFS;
    }
    if (conn->n_tx + n_bytes > conn->tx_size) {
        size_t size = MAX(n_waiting + n_bytes, (size_t)4096) * 2;
        char *grown = malloc(size);
        if (grown == NULL) {
            return -ENOMEM;
        }
        if (n_waiting > 0) {
            memcpy(grown, conn->tx + conn->tx_at, n_waiting);
        }
        free(conn->tx);
        conn->tx = grown;
        conn->tx_size = size;
        conn->tx_at = 0;
        conn->n_tx = n_waiting;
    }
    memcpy(conn->tx + conn->n_tx, bytes, n_bytes);
    conn->n_tx += n_bytes;
    timer_start(&conn->net->wheel, &conn->idle, conn->net->cfg.idle_ms);
    if (!conn->is_connecting) {
        conn_flush(conn);
    }
    return conn->is_dying ? conn->err : 0;
}

static int conn_connect(struct net *net, const struct flow *flow, struct net_conn **made)
{
    if (net->free == NULL) {
        return -ENOBUFS;
    }
    int fd = socket(flow->remote.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    int err = 0;
    if (flow->listener < net->cfg.n_listeners &&
        net->locals[flow->listener].sa.sa_family == flow->remote.sa.sa_family) {
        struct addr local = net->locals[flow->listener];
        addr_set_port(&local, 0);
        err = bind(fd, &local.sa, addr_len(&local)) == 0 ? 0 : -errno;
    }
    if (err == 0 && connect(fd, &flow->remote.sa, addr_len(&flow->remote)) != 0 && errno != EINPROGRESS) {
        err = -errno;
    }
    if (err != 0) {
        close(fd);
        return err;
    }
    *made = conn_open(net, fd, flow->transport, flow->listener, &flow->remote, true);
    return (*made)->is_dying ? (*made)->err : 0;
}

int net_conn_send(struct net *net, struct flow *flow, const char *bytes, size_t n_bytes)
{
    struct net_conn *conn = NULL;
    if (flow->conn != FLOW_NO_CONN) {
        if (flow->conn >= net->cfg.max_conns || net->conns[flow->conn].fd < 0 || net->conns[flow->conn].is_dying ||
            net->conns[flow->conn].generation != flow->generation) {
            return -ENOTCONN;
        }
        return conn_queue(&net->conns[flow->conn], bytes, n_bytes);
    }
    if (addr_port(&flow->remote) == 0) {
        return -EINVAL;
    }
    for (conn = *host_list(net, &flow->remote); conn != NULL; conn = conn->next_by_host) {
        bool is_alive = conn->is_outbound && !conn->is_dying && !conn->is_draining;
        if (is_alive && conn->transport == flow->transport && addr_same(&conn->remote, &flow->remote)) {
            break;
        }
    }
    int err = conn == NULL ? conn_connect(net, flow, &conn) : 0;
    if (err != 0) {
        count_add(&net->stats.tx_errors, 1);
        return err;
    }
    flow->conn = conn->slot;
    flow->generation = conn->generation;
    return conn_queue(conn, bytes, n_bytes);
}

/* ---- reading ---- */

/* The last answer is on its way: say no more, and let the peer close, or its unread octets would reset the answer away.
 */
static void conn_drain(struct net_conn *conn)
{
    conn->is_draining = true;
    conn->n_rx = 0;
    timer_start(&conn->net->wheel, &conn->slow, NET_DRAIN_MS);
    conn_flush(conn);
}

/* Takes off line ends between messages (RFC 3261 7.5); two in a row are a keepalive that wants one back (RFC 5626
 * 4.4.1), also when they come one by one. */
static size_t skip_keepalives(struct net_conn *conn, const char *bytes, size_t n_bytes)
{
    size_t n = 0;
    while (n_bytes - n >= 2 && memcmp(bytes + n, "\r\n", 2) == 0 && !conn->is_dying) {
        n += 2;
        conn->is_half_ping = !conn->is_half_ping;
        if (!conn->is_half_ping) {
            count_add(&conn->net->stats.keepalives, 1);
            conn_queue(conn, "\r\n", 2);
        }
    }
    return n;
}

/* Cuts and hands up the messages in rx. @return octets used up */
static size_t conn_frames(struct net_conn *conn)
{
    struct net *net = conn->net;
    size_t at = 0;
    while (at < conn->n_rx && !conn->is_dying && !conn->is_draining) {
        if (conn->n_seen == 0) {
            at += skip_keepalives(conn, conn->rx + at, conn->n_rx - at);
            if (at == conn->n_rx) {
                break;
            }
        }
        if (conn->n_frame > conn->n_rx - at) {
            break; /* its length is known, and it is not all there */
        }
        enum scan_framing framing = scan_frame(conn->rx + at, conn->n_rx - at, &conn->n_seen, &conn->n_frame);
        if (framing == SCAN_FRAME_MORE) {
            break;
        }
        size_t n = conn->n_frame;
        struct flow flow = flow_of(conn);
        conn->n_seen = conn->n_frame = 0;
        conn->is_half_ping = false;
        conn->has_spoken = true;
        int err = net->user.on_message(net->user.ctx, &flow, conn->rx + at, n, net->now_ns);
        at += n;
        if (framing == SCAN_FRAME_BAD || err < 0) {
            count_add(&net->stats.closed_framing, 1);
            conn_drain(conn);
            return at;
        }
    }
    return at;
}

static bool rx_grow(struct net_conn *conn)
{
    if (conn->n_rx < conn->rx_size) {
        return true;
    }
    size_t size = MIN(conn->rx_size == 0 ? (size_t)4096 : conn->rx_size * 4, (size_t)NET_STREAM_BYTES);
    char *grown = size <= conn->rx_size ? NULL : realloc(conn->rx, size);
    if (grown == NULL) {
        return false;
    }
    conn->rx = grown;
    conn->rx_size = size;
    return true;
}

static void conn_read(struct net_conn *conn)
{
    struct net *net = conn->net;
    if (!rx_grow(conn)) {
        conn_die(conn, -ENOMEM, NULL);
        return;
    }
    ssize_t n = conn_recv(conn, conn->rx + conn->n_rx, conn->rx_size - conn->n_rx);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0) {
        conn_die(conn, n == 0 ? -ECONNRESET : -errno, &net->stats.closed_peer);
        return;
    }
    count_add(&net->stats.rx_bytes, (uint64_t)n);
    if (conn->is_draining) {
        return; /* read over, and over again */
    }
    timer_start(&net->wheel, &conn->idle, net->cfg.idle_ms);
    conn->n_rx += (size_t)n;
    size_t used = conn_frames(conn);
    if (conn->is_dying || conn->is_draining) {
        return;
    }
    conn->n_rx -= used;
    if (conn->n_rx == 0) {
        free(conn->rx);
        conn->rx = NULL;
        conn->rx_size = 0;
        if (conn->has_spoken || conn->is_outbound) {
            timer_stop(&net->wheel, &conn->slow); /* keepalives alone keep no connection that nobody uses */
        }
        return;
    }
    memmove(conn->rx, conn->rx + used, conn->n_rx);
    if (used > 0 || !timer_is_running(&conn->slow)) {
        timer_start(&net->wheel, &conn->slow, net->cfg.message_ms);
    }
}

static void conn_shake_hands(struct net_conn *conn)
{
    struct net *net = conn->net;
    enum tls_state state = tls_handshake(conn->tls);
    conn->tls_waits = (uint8_t)(state == TLS_WANT_READ || state == TLS_WANT_WRITE ? state : TLS_OK);
    if (conn->tls_waits) {
        conn_watch(conn);
        return;
    }
    if (state != TLS_OK) {
        conn_die(conn, -EPROTO, &net->stats.closed_tls);
        return;
    }
    conn->is_shaking_hands = false;
    if (conn->is_outbound) {
        timer_stop(&net->wheel, &conn->slow);
    } else {
        timer_start(&net->wheel, &conn->slow, net->cfg.message_ms); /* to say something */
    }
    conn_flush(conn);
}

/* What TLS has taken from the socket tells of itself by no event: all of it now. */
static void conn_read_all(struct net_conn *conn)
{
    do {
        conn_read(conn);
    } while (!conn->is_dying && conn->tls && tls_has_more(conn->tls));
    if (!conn->is_dying) {
        conn_watch(conn);
    }
}

void net_conn_event(struct net *net, uint32_t slot, uint32_t events)
{
    struct net_conn *conn = &net->conns[slot];
    if (conn->fd < 0 || conn->is_dying) {
        return;
    }
    if (conn->is_connecting) {
        int err = 0;
        socklen_t n = sizeof err;
        if (getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &err, &n) != 0) {
            err = errno;
        }
        if (err != 0) {
            conn_die(conn, -err, NULL);
            return;
        }
        if ((events & EPOLLOUT) == 0) {
            return;
        }
        conn->is_connecting = false;
        timer_stop(&net->wheel, &conn->slow);
        if (conn->transport == FLOW_TLS) {
            tls_begin(conn);
        }
    }
    if (conn->is_shaking_hands && !conn->is_dying) {
        conn_shake_hands(conn);
    }
    if (conn->is_shaking_hands || conn->is_dying) {
        return;
    }
    if ((events & EPOLLOUT) != 0 || conn->tls) {
        conn_flush(conn);
    }
    if (((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 || conn->tls) && !conn->is_dying) {
        conn_read_all(conn);
    }
}

/* No descriptor left: without this the pending connection would wake us for ever. */
static void accept_and_drop(struct net *net, int listen_fd)
{
    if (net->spare_fd >= 0) {
        close(net->spare_fd);
    }
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) {
        close(fd);
    }
    net->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    count_add(&net->stats.refused_total, 1);
}

void net_accept(struct net *net, unsigned listener)
{
    for (unsigned i = 0; i < 64; i++) {
        struct addr remote = {0};
        socklen_t n = sizeof remote;
        int fd = accept4(net->fds[listener], &remote.sa, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE) {
                accept_and_drop(net, net->fds[listener]);
            }
            return;
        }
        bool no_room = net->free == NULL;
        if (no_room || source_is_full(net, &remote)) {
            count_add(no_room ? &net->stats.refused_total : &net->stats.refused_source, 1);
            close(fd);
            continue;
        }
        conn_open(net, fd, net->cfg.listeners[listener].transport, (uint8_t)listener, &remote, false);
    }
}
