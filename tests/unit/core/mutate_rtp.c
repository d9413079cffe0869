/*
 * Mutated RTP and RTCP from a printed seed through a leg that ticks: no crash, every packet accounted for (decoded,
 * without audio, or dropped for a named reason), and the audio of the others goes on. 100,000 by default;
 * --runs=1000000 for the long one, --seed=N to replay. Shows C51 and A26.
 */
#include "core/media/rtp.h"
#include "tests/leg_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t draw(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}

static size_t packet_make(uint8_t *buf, bool rtcp, unsigned i, uint64_t *seed)
{
    if (rtcp) {
        struct rtcp_report r = {.ssrc = 7, .sender = true, .has_block = true, .block.ssrc = 5, .cname = "mutant"};
        return rtcp_write(buf, &r);
    }
    static const uint8_t pts[] = {96, 96, 96, 96, 96, 101, 13};
    size_t head = rtp_write(buf, pts[draw(seed) % 7], i % 50 == 0, (uint16_t)i, i * 160, 7, NULL, 0);
    if (draw(seed) % 2) {
        uint8_t level = (uint8_t)draw(seed);
        head = rtp_write_ext(buf, head, 3, &level, 1);
    }
    for (unsigned k = 0; k < 160; k++) {
        buf[head + k] = (uint8_t)draw(seed);
    }
    return head + 160;
}

static size_t mutate(uint8_t *buf, size_t bytes, uint64_t *seed)
{
    for (unsigned n = (unsigned)(draw(seed) % 4); n; n--) {
        switch (draw(seed) % 4) {
        case 0:
            buf[draw(seed) % MIN(bytes, (size_t)16)] ^= (uint8_t)(1u << draw(seed) % 8);
            break;
        case 1:
            buf[draw(seed) % bytes] = (uint8_t)draw(seed);
            break;
        case 2:
            bytes = 1 + draw(seed) % bytes;
            break;
        default:
            memmove(buf + bytes / 2, buf, bytes / 2);
            break;
        }
    }
    return bytes;
}

/* One life of a leg: its packets, then its sum. @return false: the sum is wrong */
static bool life(uint8_t shape, unsigned n, uint64_t *seed, uint64_t *worst_ns)
{
    static struct rig r;
    memset(&r, 0, sizeof r);
    rig_open(&r, shape);
    uint64_t now_ns = NS_PER_S, n_rtp = 0;
    for (unsigned i = 0; i < n; i++) {
        uint8_t *buf = mem_get(512);
        bool rtcp = draw(seed) % 10 == 0;
        size_t bytes = mutate(buf, packet_make(buf, rtcp, i, seed), seed);
        uint8_t *exact = malloc(bytes); /* so that ASan sees a read past its end */
        memcpy(exact, buf, bytes);
        struct timespec a, b;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
        unsigned sealed = (draw(seed) % 4 != 0) << 4; /* if it is SRTP: most mutants come with the right tag */
        rig_datagram(&r, (uint8_t)(rtcp | (draw(seed) % 20 == 0) << 1 | sealed), exact, bytes, now_ns);
        jbuf_settle(&r.legs[0]->jbuf);
        if (i % 4 == 3) {
            rig_tick(&r, now_ns += TICK_NS, false);
        }
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
        uint64_t spent_ns = (uint64_t)((b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec);
        *worst_ns = MAX(*worst_ns, spent_ns);
        bool on_rtp_port_but_rtcp = !rtcp && r.legs[0]->cfg.rtcp_mux && rtp_is_rtcp(exact, bytes);
        n_rtp += !rtcp && !on_rtp_port_but_rtcp;
        free(exact);
        mem_put(buf);
    }
    struct leg *leg = r.legs[0];
    leg_detach(leg);
    uint64_t dropped = 0;
    for (unsigned d = DROP_NONE + 1; d < DROPS; d++) {
        bool of_rtcp = d >= DROP_RTCP_SHORT && d <= DROP_RTCP_SOURCE;
        dropped += of_rtcp || d == DROP_DTMF_SHORT ? 0 : leg->stats.drops[d];
    }
    uint64_t rtcp_strangers = n - n_rtp; /* a stranger's RTCP counts as SOURCE too: at most so many */
    uint64_t accounted = leg->stats.decoded + leg->stats.undecoded + leg->stats.pauses + dropped;
    bool right = accounted >= n_rtp && accounted <= n_rtp + rtcp_strangers;
    if (!right) {
        printf("shape %u: %lu RTP packets, %lu accounted for\n", shape, n_rtp, accounted);
    }
    rig_close(&r);
    return right;
}

int main(int argc, char **argv)
{
    uint64_t seed = 1, worst_ns = 0;
    unsigned long runs = 100000;
    for (int i = 1; i < argc; i++) {
        sscanf(argv[i], "--seed=%lu", &seed);
        sscanf(argv[i], "--runs=%lu", &runs);
    }
    printf("seed=%lu runs=%lu\n", seed, runs);
    seed = seed * 2 + 1;
    enum { PER_LIFE = 2000 };
    bool right = true;
    must(seal_start() == 0);
    for (unsigned long done = 0; done < runs; done += PER_LIFE) {
        unsigned i = (unsigned)(done / PER_LIFE);
        right &= life((uint8_t)(i % 16 | (i % 32 / 16) << 6 | i / 3 % 2 << 7), PER_LIFE, &seed, &worst_ns);
    }
    printf("worst packet with its tick: %.3f ms\n", (double)worst_ns / 1e6);
    return right ? 0 : 1;
}
