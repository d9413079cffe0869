/*
 * The transport over real sockets of the loopback: UDP and TCP, IPv4 and IPv6, framing whatever the pieces, every limit
 * and every way to die (A9). The server turns by hand, so the test decides when. Row 6.
 */
#include "tests/unit/sig/sip/sip_help.h"

#include "sig/net/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define PLAIN "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKa\r\n"

struct served {
    struct net *net;
    unsigned n_messages, n_closed, n_beats;
    size_t n_bytes; /* of the last message */
    struct flow flow;
    int closed_err, verdict;
    bool is_echoing;
    char last[70000];
};

static int on_message(void *ctx, const struct flow *flow, const char *bytes, size_t n, uint64_t now_ns)
{
    struct served *s = ctx;
    s->n_messages++;
    s->n_bytes = n;
    s->flow = *flow;
    memcpy(s->last, bytes, MIN(n, sizeof s->last));
    if (s->is_echoing) {
        struct flow back = *flow;
        net_send(s->net, &back, bytes, n);
    }
    return s->verdict;
}

static void on_closed(void *ctx, const struct flow *flow, int err)
{
    struct served *s = ctx;
    s->n_closed++;
    s->closed_err = err;
    s->flow = *flow;
}

static uint64_t on_beat(void *ctx, uint64_t now_ns)
{
    ((struct served *)ctx)->n_beats++;
    return 5 * NS_PER_MS;
}

static struct served *serve(struct net_config cfg)
{
    struct served *s = calloc(1, sizeof *s);
    static const struct {
        uint8_t transport;
        const char *host;
    } listeners[] = {{FLOW_UDP, "127.0.0.1"}, {FLOW_TCP, "127.0.0.1"}, {FLOW_UDP, "::1"}, {FLOW_TCP, "::1"}};
    cfg.n_listeners = ARRAY_LEN(listeners);
    for (unsigned i = 0; i < ARRAY_LEN(listeners); i++) {
        cfg.listeners[i].transport = listeners[i].transport;
        assert_int_equal(addr_parse(&cfg.listeners[i].addr, listeners[i].host, 0), 0);
    }
    struct net_user user = {s, on_message, on_closed, on_beat};
    unsigned failed;
    int err = net_build(&s->net, &cfg, &user, &failed);
    if (err != 0 && failed >= 2) { /* a machine without IPv6 */
        cfg.n_listeners = 2;
        err = net_build(&s->net, &cfg, &user, &failed);
    }
    assert_int_equal(err, 0);
    return s;
}

static void unserve(struct served *s)
{
    net_free(s->net);
    free(s);
}

static void turn(struct served *s, unsigned ms)
{
    uint64_t end_ns = net_now_ns(s->net) + ms * NS_PER_MS;
    do {
        assert_int_equal(net_step(s->net, 5), 0);
    } while (net_now_ns(s->net) < end_ns);
}

static void turn_until(struct served *s, const unsigned *what, unsigned value)
{
    for (unsigned i = 0; i < 1000 && *what < value; i++) {
        assert_int_equal(net_step(s->net, 5), 0);
    }
    assert_int_equal(*what, value);
}

static void turn_until_counted(struct served *s, const counter *what, uint64_t value)
{
    for (unsigned i = 0; i < 1000 && count_get(what) != value; i++) {
        assert_int_equal(net_step(s->net, 5), 0);
    }
    assert_int_equal(count_get(what), value);
}

static int dial(struct served *s, unsigned listener)
{
    const struct addr *to = net_local(s->net, listener);
    bool is_udp = listener % 2 == 0;
    int fd = socket(to->sa.sa_family, is_udp ? SOCK_DGRAM : SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, &to->sa, addr_len(to)), 0);
    return fd;
}

static void say(int fd, const char *bytes, size_t n)
{
    assert_int_equal(send(fd, bytes, n, MSG_NOSIGNAL), n);
}

/* Reads what is there within a second. @return octets, 0: closed, -1: nothing or reset */
static ssize_t hear(struct served *s, int fd, char *bytes, size_t size)
{
    for (unsigned i = 0; i < 400; i++) {
        net_step(s->net, 2);
        ssize_t n = recv(fd, bytes, size, MSG_DONTWAIT);
        if (n >= 0 || errno != EAGAIN) {
            return n;
        }
    }
    return -1;
}

static void udp_both_families(void **state)
{
    struct served *s = serve((struct net_config){0});
    s->is_echoing = true;
    for (unsigned listener = 0; listener < 4; listener += 2) {
        if (net_listener_for(s->net, FLOW_UDP, AF_INET6) < 0 && listener == 2) {
            break;
        }
        int fd = dial(s, listener);
        say(fd, "hello", 5);
        char bytes[64];
        assert_int_equal(hear(s, fd, bytes, sizeof bytes), 5);
        assert_int_equal(s->flow.listener, listener);
        assert_int_equal(s->flow.transport, FLOW_UDP);
        char text[64];
        net_sent_by(s->net, &s->flow, text, sizeof text);
        char want[64];
        snprintf(want, sizeof want, listener == 0 ? "127.0.0.1:%u" : "[::1]:%u",
                 addr_port(net_local(s->net, listener)));
        assert_string_equal(text, want);
        close(fd);
    }
    unserve(s);
}

/* C26. */
static void udp_takes_64_kb_and_bursts(void **state)
{
    struct served *s = serve((struct net_config){0});
    int fd = dial(s, 0);
    static char large[60000];
    say(fd, large, sizeof large);
    turn_until(s, &s->n_messages, 1);
    assert_int_equal(s->n_bytes, sizeof large);
    for (unsigned i = 0; i < 100; i++) {
        say(fd, "x", 1);
    }
    turn_until(s, &s->n_messages, 101);
    close(fd);
    unserve(s);
}

/* C27. */
static void tcp_frames_whatever_the_pieces(void **state)
{
    struct served *s = serve((struct net_config){0});
    static const char two[] = PLAIN "Content-Length: 3\r\n\r\nabc\r\n\r\n" PLAIN "l: 0\r\n\r\n";
    size_t n = sizeof two - 1;
    int fd = dial(s, 1);
    say(fd, two, n); /* at once */
    turn_until(s, &s->n_messages, 2);
    char pong[16];
    assert_int_equal(hear(s, fd, pong, sizeof pong), 2); /* the CR LF CR LF between them (RFC 5626 4.4.1) */
    assert_memory_equal(pong, "\r\n", 2);
    for (size_t i = 0; i < n; i++) { /* octet by octet */
        say(fd, two + i, 1);
        net_step(s->net, 1);
    }
    turn_until(s, &s->n_messages, 4);
    close(fd);
    turn_until(s, &s->n_closed, 1);
    unserve(s);
}

static void keepalive_is_answered(void **state)
{
    struct served *s = serve((struct net_config){.message_ms = 100});
    int fd = dial(s, 1);
    static const char ask[] = PLAIN "l: 0\r\n\r\n";
    char pong[16];
    say(fd, ask, sizeof ask - 1);
    turn_until(s, &s->n_messages, 1);
    say(fd, "\r\n", 2);
    turn(s, 200); /* one line end alone is no message that never ends */
    assert_int_equal(s->n_closed, 0);
    say(fd, "\r\n", 2);
    assert_int_equal(hear(s, fd, pong, sizeof pong), 2);
    assert_int_equal(s->n_messages, 1);
    close(fd);
    unserve(s);
}

/* C67, A49. STUN on the SIP port: answered with the address that it came from, ten a second of one host; the rest is
 * silence. */
static void stun_is_answered(void **state)
{
    static const char ask[20] = {0x00, 0x01, 0x00, 0x00, 0x21, 0x12, (char)0xa4, 0x42, 'm', 'i', 'x'};
    struct served *s = serve((struct net_config){0});
    int fd = dial(s, 0);
    uint8_t answer[64];
    struct sockaddr_in mine;
    socklen_t n_mine = sizeof mine;
    unsigned n_answers = 0;
    say(fd, ask, sizeof ask);
    assert_int_equal(hear(s, fd, (char *)answer, sizeof answer), 32);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&mine, &n_mine), 0);
    assert_int_equal((answer[26] << 8 | answer[27]) ^ 0x2112, ntohs(mine.sin_port));
    for (unsigned i = 0; i < 100; i++) {
        say(fd, ask, sizeof ask);
    }
    turn(s, 100);
    while (recv(fd, answer, sizeof answer, MSG_DONTWAIT) > 0) {
        n_answers++;
    }
    assert_in_range(n_answers, 9, 20); /* a second may end meanwhile */
    assert_int_equal(count_get(&net_stats(s->net)->stun), n_answers + 1);
    assert_int_equal(count_get(&net_stats(s->net)->stun_dropped), 100 - n_answers);
    assert_int_equal(s->n_messages, 0);
    close(fd);
    unserve(s);
}

static void no_content_length_closes_after_the_answer(void **state)
{
    struct served *s = serve((struct net_config){0});
    int fd = dial(s, 1);
    static const char bad[] = PLAIN "\r\n";
    s->is_echoing = true; /* stands for the 400 */
    say(fd, bad, sizeof bad - 1);
    say(fd, bad, sizeof bad - 1); /* what comes behind is not looked at */
    char bytes[512];
    assert_int_equal(hear(s, fd, bytes, sizeof bytes), sizeof bad - 1);
    assert_int_equal(hear(s, fd, bytes, sizeof bytes), 0);
    assert_int_equal(s->n_messages, 1);
    close(fd);
    turn_until(s, &s->n_closed, 1);
    unserve(s);
}

static void slow_message_times_out(void **state)
{
    struct served *s = serve((struct net_config){.message_ms = 150});
    int fd = dial(s, 1);
    for (unsigned i = 0; i < 100 && s->n_closed == 0; i++) { /* slowloris: always another octet */
        (void)send(fd, "O", 1, MSG_NOSIGNAL);
        turn(s, 10);
    }
    assert_int_equal(s->n_closed, 1);
    assert_int_equal(s->closed_err, -ETIMEDOUT);
    assert_int_equal(count_get(&net_stats(s->net)->closed_slow), 1);
    close(fd);
    unserve(s);
}

static void idle_connection_times_out(void **state)
{
    struct served *s = serve((struct net_config){.idle_ms = 100});
    int fd = dial(s, 1);
    turn(s, 200);
    assert_int_equal(s->n_closed, 1);
    assert_int_equal(count_get(&net_stats(s->net)->closed_idle), 1);
    close(fd);
    unserve(s);
}

/* Who connects and says nothing, or nothing but keepalives, does not hold his place for long; who has said something
 * does. */
static void silent_connections_make_room(void **state)
{
    struct served *s = serve((struct net_config){.message_ms = 150, .max_conns = 3});
    static const char ask[] = PLAIN "l: 0\r\n\r\n";
    int silent = dial(s, 1), pinging = dial(s, 1), user = dial(s, 1);
    say(user, ask, sizeof ask - 1);
    turn_until_counted(s, &net_stats(s->net)->conns, 3);
    int fourth = dial(s, 1);
    turn_until_counted(s, &net_stats(s->net)->refused_total, 1);
    for (unsigned i = 0; i < 1000 && s->n_closed < 2; i++) {
        ssize_t n = send(pinging, "\r\n\r\n", 4, MSG_DONTWAIT | MSG_NOSIGNAL);
        assert_true(n == 4 || s->n_closed > 0);
        turn(s, 10);
    }
    assert_int_equal(s->n_closed, 2);
    assert_int_equal(count_get(&net_stats(s->net)->closed_slow), 2);
    turn(s, 300);
    assert_int_equal(count_get(&net_stats(s->net)->conns), 1);
    say(user, ask, sizeof ask - 1);
    turn_until(s, &s->n_messages, 2);
    close(silent);
    close(pinging);
    close(fourth);
    close(user);
    unserve(s);
}

static void endless_header_is_cut(void **state)
{
    struct served *s = serve((struct net_config){0});
    int fd = dial(s, 1);
    static char endless[100000];
    memset(endless, 'a', sizeof endless);
    for (size_t at = 0; at < sizeof endless && s->n_messages == 0;) {
        ssize_t n = send(fd, endless + at, MIN(sizeof endless - at, (size_t)8192), MSG_DONTWAIT | MSG_NOSIGNAL);
        at += n > 0 ? (size_t)n : 0;
        net_step(s->net, 1);
    }
    assert_int_equal(s->n_messages, 1);
    assert_true(s->n_bytes <= 65536);
    assert_int_equal(count_get(&net_stats(s->net)->closed_framing), 1);
    close(fd);
    unserve(s);
}

static void connections_are_limited(void **state)
{
    struct served *s = serve((struct net_config){.max_conns = 6, .max_conns_per_source = 4});
    int fds[8];
    for (unsigned i = 0; i < 8; i++) {
        fds[i] = dial(s, 1);
    }
    turn_until_counted(s, &net_stats(s->net)->refused_source, 4);
    turn_until_counted(s, &net_stats(s->net)->conns, 4);
    for (unsigned i = 0; i < 8; i++) {
        close(fds[i]);
    }
    turn_until_counted(s, &net_stats(s->net)->conns, 0);
    int fd = dial(s, 1);
    turn_until_counted(s, &net_stats(s->net)->conns, 1);
    close(fd);
    unserve(s);
}

static void a_peer_that_does_not_read(void **state)
{
    struct served *s = serve((struct net_config){.queue_bytes_max = 100000});
    int fd = dial(s, 1);
    static const char ask[] = PLAIN "l: 0\r\n\r\n";
    say(fd, ask, sizeof ask - 1);
    turn_until(s, &s->n_messages, 1);
    struct flow flow = s->flow;
    static char large[60000];
    int err = 0;
    for (unsigned i = 0; i < 2000 && err == 0; i++) {
        err = net_send(s->net, &flow, large, sizeof large);
    }
    assert_int_equal(err, -ENOBUFS);
    turn_until(s, &s->n_closed, 1);
    assert_int_equal(net_send(s->net, &flow, "x", 1), -ENOTCONN);
    close(fd);
    unserve(s);
}

static void stale_flow_never_reaches_a_stranger(void **state)
{
    struct served *s = serve((struct net_config){.max_conns = 1});
    static const char ask[] = PLAIN "l: 0\r\n\r\n";
    int fd = dial(s, 1);
    say(fd, ask, sizeof ask - 1);
    turn_until(s, &s->n_messages, 1);
    struct flow old = s->flow;
    close(fd);
    turn_until(s, &s->n_closed, 1);
    fd = dial(s, 1);
    say(fd, ask, sizeof ask - 1);
    turn_until(s, &s->n_messages, 2);
    assert_int_equal(s->flow.conn, old.conn); /* the same slot */
    assert_int_equal(net_send(s->net, &old, "secret", 6), -ENOTCONN);
    close(fd);
    unserve(s);
}

static void outbound_connects_and_is_used_again(void **state)
{
    struct served *s = serve((struct net_config){0}), *peer = serve((struct net_config){0});
    static const char ask[] = PLAIN "l: 0\r\n\r\n";
    peer->is_echoing = true;
    struct flow flow = flow_to(FLOW_TCP, 1, net_local(peer->net, 1)), again = flow;
    assert_int_equal(net_send(s->net, &flow, ask, sizeof ask - 1), 0);
    assert_int_equal(net_send(s->net, &again, ask, sizeof ask - 1), 0);
    assert_true(flow_same(&flow, &again));
    for (unsigned i = 0; i < 200 && s->n_messages < 2; i++) {
        net_step(s->net, 2);
        net_step(peer->net, 2);
    }
    assert_int_equal(s->n_messages, 2);
    assert_true(flow_same(&s->flow, &flow));
    assert_int_equal(count_get(&net_stats(s->net)->connected), 1);
    unserve(peer);
    turn_until(s, &s->n_closed, 1);
    flow.conn = FLOW_NO_CONN;
    assert_int_equal(net_send(s->net, &flow, ask, sizeof ask - 1), 0); /* nobody listens any more */
    turn_until(s, &s->n_closed, 2);
    assert_int_equal(s->closed_err, -ECONNREFUSED);
    assert_true(flow_same(&s->flow, &flow));
    unserve(s);
}

static void taken_port_is_told(void **state)
{
    struct served *s = serve((struct net_config){0});
    struct net_config cfg = {.n_listeners = 2};
    cfg.listeners[0] = (struct net_listener){.transport = FLOW_UDP, .addr = *net_local(s->net, 0)};
    addr_set_port(&cfg.listeners[0].addr, 0);
    cfg.listeners[1] = (struct net_listener){.transport = FLOW_UDP, .addr = *net_local(s->net, 0)};
    struct net_user user = {s, on_message, on_closed, on_beat};
    struct net *net;
    unsigned failed;
    assert_int_equal(net_build(&net, &cfg, &user, &failed), -EADDRINUSE);
    assert_int_equal(failed, 1);
    cfg.listeners[1] = (struct net_listener){.transport = FLOW_TCP, .addr = *net_local(s->net, 1)};
    assert_int_equal(net_build(&net, &cfg, &user, &failed), -EADDRINUSE);
    assert_null(net);
    unserve(s);
}

static struct timer_wheel *wheel_of_stop;

static void on_stop(struct timer *timer, uint64_t now_ns)
{
    wheel_of_stop = NULL;
}

static void beats_runs_timers_and_stops(void **state)
{
    struct served *s = serve((struct net_config){0});
    struct timer timer;
    timer_init(&timer, on_stop);
    wheel_of_stop = net_timers(s->net);
    timer_start(net_timers(s->net), &timer, 30);
    while (wheel_of_stop != NULL) {
        assert_int_equal(net_step(s->net, 1000), 0);
    }
    unsigned n_beats = s->n_beats; /* about six, fewer where the machine was busy elsewhere */
    assert_true(n_beats >= 1);
    turn_until(s, &s->n_beats, n_beats + 4);
    net_stop(s->net);
    assert_int_equal(net_run(s->net), 0);
    unserve(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(udp_both_families),
        cmocka_unit_test(udp_takes_64_kb_and_bursts),
        cmocka_unit_test(tcp_frames_whatever_the_pieces),
        cmocka_unit_test(keepalive_is_answered),
        cmocka_unit_test(stun_is_answered),
        cmocka_unit_test(no_content_length_closes_after_the_answer),
        cmocka_unit_test(slow_message_times_out),
        cmocka_unit_test(idle_connection_times_out),
        cmocka_unit_test(silent_connections_make_room), cmocka_unit_test(endless_header_is_cut),
        cmocka_unit_test(connections_are_limited),
        cmocka_unit_test(a_peer_that_does_not_read),
        cmocka_unit_test(stale_flow_never_reaches_a_stranger),
        cmocka_unit_test(outbound_connects_and_is_used_again),
        cmocka_unit_test(taken_port_is_told),
        cmocka_unit_test(beats_runs_timers_and_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
