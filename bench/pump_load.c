/* The pump bench's load generator. See pump.h. */
#include "bench/pump.h"

#include "core/base/addr.h"
#include "core/io_socket.h"
#include "core/media/rtp.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    FRAME = 160,
    PACKET = RTP_HEADER_BYTES + FRAME,
    BURST = 16,
    RX_BATCH = 64,
    RX_BYTES = 512,
    MARK_DIGITS = 8,
    WIRE = PACKET + SEAL_RTP_BYTES
};

#define PERIOD_US (TICK_MS * 1000)

/* Sixteen u-law codes of both signs, none of which is zero: a digit survives decode, sum with zeros and encode. */
static const uint8_t digit_codes[16] = {0xB0, 0xB3, 0xB6, 0xB9, 0xBC, 0xBF, 0xC2, 0xC5,
                                        0x30, 0x33, 0x36, 0x39, 0x3C, 0x3F, 0x42, 0x45};
#define ULAW_ZERO 0xff

struct tx_leg {
    struct sockaddr_in to;
    uint8_t packet[PACKET];
    uint16_t seq;
    uint32_t ts;
};

struct rx_leg {
    bool any;
    uint16_t seq;
    uint64_t at_ns;
};

struct generator {
    const struct pump_shape *shape;
    struct pump_heard *heard;
    int fds[PUMP_CLIENTS];
    unsigned n_slots, *first, *order; /* legs by arrival phase */
    struct tx_leg *tx;
    struct rx_leg *rx;
    struct seal **seals;         /* of legs with SRTP */
    uint64_t measure_ns, end_ns; /* count between them */
};

static unsigned phase_of(unsigned leg)
{
    return leg * 7919u % (PERIOD_US / PUMP_SLOT_US);
}

uint16_t pump_client_port(const struct pump_shape *shape, unsigned leg)
{
    return (uint16_t)(shape->client_port + phase_of(leg) % PUMP_CLIENTS);
}

int pump_socket(uint16_t port, int buffer_bytes)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0) {
        return -errno;
    }
    if (buffer_bytes && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof buffer_bytes)) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
    }
    if (bind(fd, (struct sockaddr *)&a, sizeof a)) {
        int err = -errno;
        close(fd);
        return err;
    }
    return fd;
}

/* A talker's own stretch of the frame. */
static unsigned stretch_at(const struct pump_shape *s, unsigned talker)
{
    return talker * (FRAME / s->talkers);
}

static void mark_write(uint8_t *payload, uint32_t mark)
{
    for (unsigned d = 0; d < MARK_DIGITS; d++) {
        payload[d] = digit_codes[mark >> 4 * d & 15];
    }
}

static bool mark_read(const uint8_t *payload, uint32_t *mark)
{
    *mark = 0;
    for (unsigned d = 0; d < MARK_DIGITS; d++) {
        const uint8_t *code = memchr(digit_codes, payload[d], sizeof digit_codes);
        if (!code) {
            return false;
        }
        *mark |= (uint32_t)(code - digit_codes) << 4 * d;
    }
    return true;
}

struct seal_keys pump_keys(const struct pump_shape *shape, unsigned leg)
{
    struct seal_keys keys = {.suite = shape->suite};
    for (unsigned i = 0; i < SEAL_KEY_BYTES_MAX; i++) {
        keys.rx[i] = (uint8_t)(leg * 7 + i);
        keys.tx[i] = (uint8_t)(leg * 7 + i + 101);
    }
    return keys;
}

static int seals_build(struct generator *g)
{
    int err = 0;
    g->seals = calloc(g->shape->legs, sizeof *g->seals);
    for (unsigned leg = 0; leg < g->shape->legs && g->shape->suite && !err; leg++) {
        struct seal_keys servers = pump_keys(g->shape, leg), keys = servers;
        memcpy(keys.rx, servers.tx, sizeof keys.rx);
        memcpy(keys.tx, servers.rx, sizeof keys.tx);
        err = seal_build(&g->seals[leg], &keys, leg + 1);
    }
    return err;
}

static int generator_open(struct generator *g)
{
    const struct pump_shape *s = g->shape;
    for (unsigned i = 0; i < PUMP_CLIENTS; i++) {
        g->fds[i] = pump_socket((uint16_t)(s->client_port + i), 4 << 20);
        if (g->fds[i] < 0) {
            return g->fds[i];
        }
    }
    g->n_slots = PERIOD_US / PUMP_SLOT_US;
    g->first = calloc(g->n_slots + 1, sizeof *g->first);
    g->order = calloc(s->legs, sizeof *g->order);
    g->tx = calloc(s->legs, sizeof *g->tx);
    g->rx = calloc(s->legs, sizeof *g->rx);
    unsigned n = 0;
    for (unsigned slot = 0; slot < g->n_slots; slot++) {
        g->first[slot] = n;
        for (unsigned leg = 0; leg < s->legs; leg++) {
            if (phase_of(leg) == slot) {
                g->order[n++] = leg;
            }
        }
    }
    g->first[g->n_slots] = n;
    for (unsigned leg = 0; leg < s->legs; leg++) {
        struct tx_leg *t = &g->tx[leg];
        t->to = (struct sockaddr_in){.sin_family = AF_INET,
                                     .sin_port = htons((uint16_t)(s->server_port + 2 * leg)),
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        memset(t->packet + RTP_HEADER_BYTES, ULAW_ZERO, FRAME);
    }
    return seals_build(g);
}

/* One phase slot's packets. */
static void slot_send(struct generator *g, unsigned slot, uint64_t now_ns)
{
    const struct pump_shape *s = g->shape;
    uint8_t wires[BURST][WIRE] ALIGNED_LINE;
    struct mmsghdr headers[BURST];
    struct iovec parts[BURST];
    for (unsigned at = g->first[slot]; at < g->first[slot + 1];) {
        unsigned n = 0;
        for (; n < BURST && at + n < g->first[slot + 1]; n++) {
            unsigned leg = g->order[at + n], member = leg % s->room;
            struct tx_leg *t = &g->tx[leg];
            rtp_write(t->packet, 0, false, t->seq++, t->ts, leg + 1, NULL, 0);
            t->ts += FRAME;
            if (member < s->talkers) {
                mark_write(t->packet + RTP_HEADER_BYTES + stretch_at(s, member), (uint32_t)(now_ns / 1000));
            }
            parts[n] = (struct iovec){t->packet, PACKET};
            if (g->seals[leg]) {
                memcpy(wires[n], t->packet, PACKET);
                parts[n] = (struct iovec){wires[n], seal_rtp(g->seals[leg], wires[n], PACKET)};
            }
            headers[n].msg_hdr =
                (struct msghdr){.msg_name = &t->to, .msg_namelen = sizeof t->to, .msg_iov = &parts[n], .msg_iovlen = 1};
        }
        int sent = sendmmsg(g->fds[slot % PUMP_CLIENTS], headers, n, 0);
        g->heard->sent += now_ns >= g->measure_ns && sent > 0 ? (uint64_t)sent : 0;
        at += n;
    }
}

static void marks_check(struct generator *g, unsigned leg, const struct rtp *rtp, uint64_t now_ns)
{
    const struct pump_shape *s = g->shape;
    struct pump_heard *h = g->heard;
    for (unsigned talker = 0; talker < s->talkers; talker++) {
        uint32_t mark;
        bool own = leg % s->room == talker, there = mark_read(rtp->payload + stretch_at(s, talker), &mark);
        if (!s->mixes && !own) {
            continue;
        }
        h->checked++;
        h->own_heard += s->mixes && own && there;
        h->other_missing += (!own || !s->mixes) && !there;
        if (there) {
            uint32_t delay_us = (uint32_t)(now_ns / 1000) - mark;
            h->delay_100us[MIN(delay_us / 100, PUMP_DELAY_BUCKETS - 1u)]++;
        }
    }
}

static void packet_take(struct generator *g, uint8_t *buf, size_t bytes, uint16_t port, uint64_t now_ns)
{
    struct rtp rtp;
    unsigned leg = (unsigned)(port - g->shape->server_port) / 2;
    if (leg >= g->shape->legs || (g->seals[leg] && seal_open_rtp(g->seals[leg], buf, &bytes)) ||
        rtp_parse(buf, bytes, &rtp) || rtp.bytes != FRAME) {
        return;
    }
    struct rx_leg *r = &g->rx[leg];
    if (now_ns >= g->measure_ns && now_ns < g->end_ns) {
        g->heard->received++;
        if (r->any) {
            g->heard->lost += (uint16_t)(rtp.seq - r->seq - 1);
            g->heard->gaps_over_40ms += now_ns - r->at_ns > 40 * NS_PER_MS;
            g->heard->gaps_over_60ms += now_ns - r->at_ns > 60 * NS_PER_MS;
        }
        marks_check(g, leg, &rtp, now_ns);
    }
    *r = (struct rx_leg){.any = true, .seq = rtp.seq, .at_ns = now_ns};
}

static void replies_take(struct generator *g)
{
    static uint8_t bufs[RX_BATCH][RX_BYTES] ALIGNED_LINE;
    struct sockaddr_in from[RX_BATCH];
    struct mmsghdr headers[RX_BATCH];
    struct iovec parts[RX_BATCH];
    for (unsigned c = 0; c < PUMP_CLIENTS; c++) {
        int n;
        do {
            for (unsigned i = 0; i < RX_BATCH; i++) {
                parts[i] = (struct iovec){bufs[i], RX_BYTES};
                headers[i].msg_hdr = (struct msghdr){
                    .msg_name = &from[i], .msg_namelen = sizeof from[i], .msg_iov = &parts[i], .msg_iovlen = 1};
            }
            n = recvmmsg(g->fds[c], headers, RX_BATCH, MSG_DONTWAIT, NULL);
            uint64_t now_ns = io_socket_now();
            for (int i = 0; i < n; i++) {
                packet_take(g, bufs[i], headers[i].msg_len, ntohs(from[i].sin_port), now_ns);
            }
        } while (n == RX_BATCH);
    }
}

static uint64_t process_cpu_ns(int pid)
{
    clockid_t clock;
    struct timespec t = {0};
    if (clock_getcpuclockid(pid, &clock) == 0) {
        clock_gettime(clock, &t);
    }
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

int pump_generate(const struct pump_shape *shape, struct pump_heard *heard)
{
    struct generator g = {.shape = shape, .heard = heard};
    memset(heard, 0, sizeof *heard);
    int err = generator_open(&g);
    if (err) {
        return err;
    }
    uint64_t begin_ns = io_socket_now() + NS_PER_MS;
    g.measure_ns = begin_ns + NS_PER_S;
    uint64_t end_ns = g.end_ns = g.measure_ns + shape->seconds * NS_PER_S;
    uint64_t cpu_begin_ns = 0, cpu_end_ns = 0;
    for (uint64_t k = 0;; k++) {
        uint64_t due_ns = begin_ns + k * PUMP_SLOT_US * NS_PER_US;
        io_socket_sleep(due_ns);
        uint64_t now_ns = io_socket_now();
        heard->late_sends += now_ns > due_ns + NS_PER_MS;
        if (!cpu_begin_ns && now_ns >= g.measure_ns) {
            cpu_begin_ns = process_cpu_ns(shape->server_pid);
        }
        if (!cpu_end_ns && now_ns >= end_ns) {
            cpu_end_ns = process_cpu_ns(shape->server_pid);
            heard->server_cpu_ns = cpu_end_ns - cpu_begin_ns;
        }
        if (now_ns < end_ns) {
            slot_send(&g, (unsigned)(k % g.n_slots), now_ns);
        }
        replies_take(&g);
        if (now_ns > end_ns + 100 * NS_PER_MS) {
            break;
        }
    }
    for (unsigned i = 0; i < PUMP_CLIENTS; i++) {
        close(g.fds[i]);
    }
    free(g.first);
    free(g.order);
    for (unsigned leg = 0; leg < shape->legs; leg++) {
        seal_free(g.seals[leg]);
    }
    free(g.seals);
    free(g.tx);
    free(g.rx);
    return 0;
}
