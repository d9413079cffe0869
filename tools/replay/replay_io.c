/* The network of a replay behind core/io.h. See replay.h. */
#include "tools/replay/replay.h"

#include "core/media/rtp.h"

#include <errno.h>
#include <stdlib.h>

#define HEARD_GAP_MAX_S 10 /* a jump of the timestamps beyond it begins a new stretch */

struct replay_ear {
    const struct pcap_packet *const *packets;
    size_t n_packets, at;
    bool connected;
    struct addr peer;
    const struct codec *codec;
    struct codec_cfg fmt;
    void *decoder;
    int16_t *heard;
    size_t n_heard, cap_heard;
    bool any;
    uint32_t ts0;
    size_t base;
};

static struct replay_io *replay_of(struct io *io) { return (struct replay_io *)io; }

static struct replay_ear *ear_at(struct io *io, uint32_t slot)
{
    struct replay_io *r = replay_of(io);
    must(slot < r->n_slots && r->leg_of_slot[slot] >= 0);
    return &r->ears[r->leg_of_slot[slot]];
}

static int replay_open(struct io *io, uint32_t slot, int fd)
{
    struct replay_io *r = replay_of(io);
    must(fd >= 0 && (uint32_t)fd < r->n_legs);
    r->leg_of_slot[slot] = fd;
    return 0;
}

static int replay_connect(struct io *io, uint32_t slot, const struct addr *peer)
{
    struct replay_ear *ear = ear_at(io, slot);
    ear->connected = true;
    ear->peer = *peer;
    return 0;
}

static void replay_disconnect(struct io *io, uint32_t slot) { ear_at(io, slot)->connected = false; }

static void replay_close(struct io *io, uint32_t slot) { replay_of(io)->leg_of_slot[slot] = -1; }

static void replay_rx(struct io *io, struct io_rx *rx, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct replay_ear *ear = ear_at(io, rx[i].slot);
        rx[i].bytes = IO_NONE;
        if (ear->at == ear->n_packets || ear->packets[ear->at]->at_ns > replay_of(io)->now_ns) {
            continue;
        }
        const struct pcap_packet *p = ear->packets[ear->at++];
        if (ear->connected && !addr_same(&ear->peer, &p->from)) {
            continue;
        }
        memcpy(rx[i].buf, p->data, MIN(p->bytes, (uint32_t)PACKET_BYTES_MAX));
        rx[i].bytes = (int32_t)MIN(p->bytes, PACKET_BYTES_MAX + 1u);
        rx[i].from = p->from;
    }
}

/* Keeps n samples at their place; what is missing before them is silence. */
static void ear_keep(struct replay_ear *ear, const int16_t *pcm, size_t n, uint32_t ts)
{
    uint32_t clock_hz = codec_clock_hz(ear->codec, &ear->fmt), rate_hz = ear->fmt.rate_hz;
    int64_t at = (int64_t)ear->base + (int64_t)(int32_t)(ts - ear->ts0) * rate_hz / clock_hz;
    if (!ear->any || at < (int64_t)ear->n_heard || at > (int64_t)(ear->n_heard + HEARD_GAP_MAX_S * rate_hz)) {
        ear->base = ear->n_heard;
        at = (int64_t)ear->base;
    } else {
        ear->base = (size_t)at;
    }
    ear->ts0 = ts;
    ear->any = true;
    size_t end = (size_t)at + n;
    if (end > ear->cap_heard) {
        size_t cap = MAX(2 * ear->cap_heard, end + rate_hz);
        int16_t *more = realloc(ear->heard, cap * sizeof *more);
        must(more);
        ear->heard = more;
        ear->cap_heard = cap;
    }
    memset(ear->heard + ear->n_heard, 0, ((size_t)at - ear->n_heard) * sizeof *pcm);
    memcpy(ear->heard + at, pcm, n * sizeof *pcm);
    ear->n_heard = end;
}

static void replay_tx(struct io *io, const struct io_tx *tx, size_t n)
{
    int16_t pcm[PACKET_SAMPLES_MAX] ALIGNED_LINE;
    for (size_t i = 0; i < n; i++) {
        struct replay_ear *ear = ear_at(io, tx[i].slot);
        struct rtp rtp;
        if (rtp_is_rtcp(tx[i].buf, tx[i].bytes) || rtp_parse(tx[i].buf, tx[i].bytes, &rtp) != DROP_NONE) {
            continue;
        }
        int samples = ear->codec->decode(ear->decoder, replay_of(io)->simd, rtp.payload, rtp.bytes, pcm);
        must(samples > 0); /* our own engine has encoded it */
        ear_keep(ear, pcm, (size_t)samples, rtp.ts);
    }
}

static uint64_t replay_wait(struct io *io, uint64_t deadline_ns) { return replay_of(io)->now_ns = deadline_ns; }

static void replay_no_free(struct io *io) {}

static const struct io_ops replay_ops = {
    .open = replay_open,
    .connect = replay_connect,
    .disconnect = replay_disconnect,
    .close = replay_close,
    .rx = replay_rx,
    .tx = replay_tx,
    .wait = replay_wait,
    .free = replay_no_free,
};

int replay_io_build(struct replay_io *r, uint32_t n_legs, uint32_t n_slots, const struct simd *simd)
{
    *r = (struct replay_io){ .io.ops = &replay_ops, .n_legs = n_legs, .n_slots = n_slots, .simd = simd };
    r->leg_of_slot = malloc(n_slots * sizeof *r->leg_of_slot);
    r->ears = calloc(n_legs, sizeof *r->ears);
    if (!r->leg_of_slot || !r->ears) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < n_slots; i++) {
        r->leg_of_slot[i] = -1;
    }
    return 0;
}

void replay_io_free(struct replay_io *r)
{
    for (uint32_t i = 0; r->ears && i < r->n_legs; i++) {
        free(r->ears[i].decoder);
        free(r->ears[i].heard);
    }
    free(r->ears);
    free(r->leg_of_slot);
}

int replay_io_leg(struct replay_io *r, uint32_t leg, const struct pcap_packet *const *packets, size_t n_packets,
                  const struct leg_cfg *cfg)
{
    struct replay_ear *ear = &r->ears[leg];
    ear->packets = packets;
    ear->n_packets = n_packets;
    ear->codec = cfg->codec;
    ear->fmt = cfg->fmt;
    ear->decoder = calloc(1, cfg->codec->decoder_size ? cfg->codec->decoder_size() : 1);
    if (!ear->decoder) {
        return -ENOMEM;
    }
    return cfg->codec->decoder_init ? cfg->codec->decoder_init(ear->decoder, &cfg->fmt) : 0;
}

const int16_t *replay_io_heard(const struct replay_io *r, uint32_t leg, size_t *n)
{
    *n = r->ears[leg].n_heard;
    return r->ears[leg].heard;
}
