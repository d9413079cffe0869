/* Sockets and packets, in batches. The few sockets are shared: the server's port tells the legs apart. See load.h. */
#include "tools/load/load.h"

#include "core/io_socket.h"
#include "sig/net/net.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { BURST = 16, RX_BATCH = 64, RX_BYTES = 1500, SOCKET_BUFFER = 4 << 20, PHASE_STEP = 7919, PAIR_TRIES = 50 };

static unsigned phase_of(const struct load *load, unsigned leg) { return leg * PHASE_STEP % LOAD_SLOTS; }

uint16_t load_rtp_port(const struct load *load, const struct load_leg *leg)
{
    return load->ports[phase_of(load, (unsigned)(leg - load->legs)) % LOAD_SOCKETS];
}

static uint32_t ssrc_of(const struct load *load, const struct load_leg *leg)
{
    return (uint32_t)(leg - load->legs) + 1;
}

static int socket_open(uint16_t wanted, uint16_t *port)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), bytes = SOCKET_BUFFER;
    struct addr a;
    socklen_t n = sizeof a;
    addr_parse(&a, "127.0.0.1", wanted);
    if (fd < 0) {
        return -errno;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes)) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    }
    if (bind(fd, &a.sa, addr_len(&a)) || getsockname(fd, &a.sa, &n)) {
        int err = -errno;
        close(fd);
        return err;
    }
    *port = addr_port(&a);
    return fd;
}

/* One socket of RTP, and the one after it for RTCP; a raw run has none of these. */
static int pair_open(struct load *load, unsigned i)
{
    uint16_t base = load->cfg->rtp_port, port;
    bool raw = load->cfg->raw;
    for (unsigned tries = 0; tries < PAIR_TRIES; tries++) {
        int fd = socket_open(base ? (uint16_t)(base + (raw ? i : 2 * i)) : 0, &load->ports[i]);
        int rtcp_fd = fd < 0 || raw ? 0 : socket_open((uint16_t)(load->ports[i] + 1), &port);
        if (fd < 0) {
            return fd;
        }
        if (rtcp_fd >= 0) {
            load->fds[i] = fd;
            load->rtcp_fds[i] = rtcp_fd;
            return 0;
        }
        close(fd);
    }
    return -EADDRINUSE;
}

int load_rtp_open(struct load *load)
{
    load->order = calloc(load->n_legs, sizeof *load->order);
    load->leg_of_port = malloc(65536 * sizeof *load->leg_of_port);
    if (!load->order || !load->leg_of_port) {
        return -ENOMEM;
    }
    for (unsigned i = 0; i < 65536; i++) {
        load->leg_of_port[i] = -1;
    }
    for (unsigned i = 0; i < LOAD_SOCKETS; i++) {
        int err = pair_open(load, i);
        if (err) {
            return err;
        }
    }
    unsigned n = 0;
    for (unsigned slot = 0; slot < LOAD_SLOTS; slot++) {
        load->first[slot] = n;
        for (unsigned leg = 0; leg < load->n_legs; leg++) {
            if (phase_of(load, leg) == slot) {
                load->order[n++] = leg;
            }
        }
    }
    load->first[LOAD_SLOTS] = n;
    return 0;
}

void load_rtp_close(struct load *load)
{
    for (unsigned i = 0; i < LOAD_SOCKETS; i++) {
        if (load->fds[i] > 0) {
            close(load->fds[i]);
        }
        if (load->rtcp_fds[i] > 0) {
            close(load->rtcp_fds[i]);
        }
    }
    for (unsigned i = 0; i < load->n_legs && load->legs; i++) {
        seal_free(load->legs[i].seal);
    }
    free(load->order);
    free(load->leg_of_port);
}

int load_rtp_begin(struct load *load, struct load_leg *leg, const struct offer_media *media)
{
    const struct addr *to = &media->remote_rtp;
    const struct seal_keys *keys = &media->seal;
    seal_free(leg->seal);
    leg->seal = NULL;
    int err = keys->suite == SEAL_NONE ? 0 : seal_build(&leg->seal, keys, ssrc_of(load, leg));
    if (err) {
        return err;
    }
    leg->to = to->v4;
    leg->pt = media->pt_tx;
    leg->ext_level = media->ext_level;
    net_random(&leg->tx_seq, sizeof leg->tx_seq);
    net_random(&leg->tx_ts, sizeof leg->tx_ts);
    load_rtcp_begin(leg, ssrc_of(load, leg));
    load->leg_of_port[addr_port(to)] = (int32_t)(leg - load->legs);
    leg->state = LOAD_UP;
    return 0;
}

void load_rtp_end(struct load *load, const struct load_leg *leg)
{
    int32_t *owner = &load->leg_of_port[ntohs(leg->to.sin_port)];
    *owner = *owner == (int32_t)(leg - load->legs) ? -1 : *owner;
}

/* One packet: header and payload as they are, or both sealed in wire. */
static void packet_make(const struct load *load, struct load_leg *leg, const uint8_t *payload, size_t bytes,
                        uint8_t dbov, struct iovec part[2], uint8_t *wire)
{
    size_t head =
        rtp_write(leg->header, leg->pt, leg->n_tx == 0, leg->tx_seq++, leg->tx_ts, ssrc_of(load, leg), NULL, 0);
    if (leg->ext_level) {
        head = rtp_write_ext(leg->header, head, leg->ext_level, &dbov, 1);
    }
    part[0] = (struct iovec){ leg->header, head };
    part[1] = (struct iovec){ (void *)payload, bytes };
    if (leg->seal) {
        memcpy(wire, leg->header, head);
        memcpy(wire + head, payload, bytes);
        part[0] = (struct iovec){ wire, seal_rtp(leg->seal, wire, head + bytes) };
        part[1].iov_len = 0;
    }
}

void load_rtp_send(struct load *load, unsigned slot, uint64_t now_ns)
{
    uint8_t wires[BURST][PACKET_STRIDE_BYTES] ALIGNED_LINE;
    struct mmsghdr headers[BURST];
    struct iovec parts[BURST][2];
    unsigned at = load->first[slot];
    while (at < load->first[slot + 1]) {
        unsigned n = 0;
        for (; n < BURST && at < load->first[slot + 1]; at++) {
            struct load_leg *leg = &load->legs[load->order[at]];
            const uint8_t *payload;
            uint8_t dbov;
            if (leg->state != LOAD_UP) {
                continue;
            }
            size_t bytes = load_voice_say(load, leg, now_ns, &payload, &dbov);
            if (bytes) {
                packet_make(load, leg, payload, bytes, dbov, parts[n], wires[n]);
                headers[n].msg_hdr = (struct msghdr){
                    .msg_name = &leg->to, .msg_namelen = sizeof leg->to, .msg_iov = parts[n], .msg_iovlen = 2
                };
                n++;
            }
            leg->tx_ts += leg->codec->clock;
            leg->n_tx++;
            if (load->rtcp_fds[slot % LOAD_SOCKETS]) {
                load_rtcp_send(leg, ssrc_of(load, leg), load->rtcp_fds[slot % LOAD_SOCKETS]);
            }
        }
        int sent = n ? sendmmsg(load->fds[slot % LOAD_SOCKETS], headers, n, 0) : 0;
        load->heard.sent += load->measuring && sent > 0 ? (uint64_t)sent : 0;
    }
}

static void packet_take(struct load *load, uint8_t *buf, size_t bytes, uint16_t port, uint64_t now_ns)
{
    int32_t i = load->leg_of_port[port];
    struct load_leg *leg = i >= 0 ? &load->legs[i] : NULL;
    struct load_heard *h = &load->heard;
    struct rtp rtp;
    if (!leg || rtp_is_rtcp(buf, bytes) || (leg->seal && seal_open_rtp(leg->seal, buf, &bytes) != DROP_NONE) ||
        rtp_parse(buf, bytes, &rtp) != DROP_NONE) {
        return;
    }
    if (load->measuring && !load_is_churner(load, leg)) {
        h->received++;
        if (leg->rx_any) {
            uint16_t skipped = (uint16_t)(rtp.seq - leg->rx_seq - 1);
            h->lost += skipped < 0x8000 ? skipped : 0;
            h->gaps_over_40ms += now_ns - leg->rx_ns > 40 * NS_PER_MS;
            h->gaps_over_60ms += now_ns - leg->rx_ns > 60 * NS_PER_MS;
        }
        load_voice_hear(load, leg, &rtp, now_ns);
    }
    if (!leg->rx_any) {
        leg->told_seq = (uint16_t)(rtp.seq - 1);
    }
    leg->rx_any = true;
    leg->rx_ssrc = rtp.ssrc;
    leg->n_rx++;
    leg->rx_seq = rtp.seq;
    leg->rx_ns = now_ns;
}

void load_rtp_take(struct load *load)
{
    uint8_t bufs[RX_BATCH][RX_BYTES] ALIGNED_LINE;
    struct sockaddr_in from[RX_BATCH];
    struct mmsghdr headers[RX_BATCH];
    struct iovec parts[RX_BATCH];
    for (unsigned c = 0; c < LOAD_SOCKETS; c++) {
        int n;
        do {
            for (unsigned i = 0; i < RX_BATCH; i++) {
                parts[i] = (struct iovec){ bufs[i], RX_BYTES };
                headers[i].msg_hdr = (struct msghdr){
                    .msg_name = &from[i], .msg_namelen = sizeof from[i], .msg_iov = &parts[i], .msg_iovlen = 1
                };
            }
            n = recvmmsg(load->fds[c], headers, RX_BATCH, MSG_DONTWAIT, NULL);
            uint64_t now_ns = io_socket_now();
            for (int i = 0; i < n; i++) {
                packet_take(load, bufs[i], headers[i].msg_len, ntohs(from[i].sin_port), now_ns);
            }
        } while (n == RX_BATCH);
    }
}
