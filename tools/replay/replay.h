/*
 * mixminus-replay: a capture of RTP through the real engine on a virtual clock. Every stream (source, destination,
 * SSRC) becomes a leg, all of them in one conference; what each leg would have heard is written down. The same input
 * gives the same bytes, always.
 *
 *     replay_main.c  flags
 *     replay_pcap.c  reads the capture: foreign bytes, every length checked
 *     replay_io.c    the engine's network: packets come at their time, what is sent is heard
 *     replay_run.c   streams, legs, the clock, the figures
 */
#ifndef TOOLS_REPLAY_REPLAY_H
#define TOOLS_REPLAY_REPLAY_H

#include "core/conf/leg.h"
#include "core/io.h"
#include "simd/simd.h"

#define REPLAY_LEGS_MAX 256
#define REPLAY_CODECS_MAX 16
#define REPLAY_PACKETS_MIN 8 /* of a stream: less is not taken for RTP */

/* ---- the capture ---- */

struct pcap_packet {
    uint64_t at_ns;
    struct addr from, to;
    const uint8_t *data; /* of UDP; points into the capture */
    uint32_t bytes;
};

struct pcap {
    uint8_t *file;
    struct pcap_packet *packets; /* in the order of the file */
    size_t n_packets, n_skipped; /* skipped: not UDP over IPv4, fragments, cut short */
};

/**
 * Reads a classic capture: microseconds or nanoseconds, either byte order; Ethernet (with VLAN tags), raw IP, BSD
 * loopback, Linux cooked.
 *
 * @return 0 | -ENOENT ... cannot be read | -EBADMSG: not such a file | -ENOTSUP: another link type | -ENOMEM
 */
int pcap_read(struct pcap *pcap, const char *path);
void pcap_free(struct pcap *pcap);

/* ---- the engine's network ---- */

struct replay_ear; /* what one leg hears */

struct replay_io {
    struct io io;
    uint64_t now_ns;
    uint32_t n_legs, n_slots;
    int *leg_of_slot; /* the descriptor that was opened there is the leg's number */
    struct replay_ear *ears;
    const struct simd *simd;
};

/** @return 0 | -ENOMEM */
int replay_io_build(struct replay_io *io, uint32_t n_legs, uint32_t n_slots, const struct simd *simd);
void replay_io_free(struct replay_io *io);

/** Says which packets of the capture a leg receives, in their order, and how to decode what it is sent. Cold.
 * @return 0 | -ENOMEM */
int replay_io_leg(struct replay_io *io, uint32_t leg, const struct pcap_packet *const *packets, size_t n_packets,
                  const struct leg_cfg *cfg);

/** What it has heard, at its codec's rate. */
const int16_t *replay_io_heard(const struct replay_io *io, uint32_t leg, size_t *n);

/* ---- the whole ---- */

struct replay_codec {
    uint8_t pt;
    enum codec_id id;
    uint32_t rate_hz;
    bool is_event, is_noise; /* telephone-event, comfort noise */
};

struct replay_cfg {
    char capture[512], out[512];
    struct replay_codec codecs[REPLAY_CODECS_MAX];
    unsigned n_codecs;
    uint32_t talkers;
    unsigned simd_mask;
};

/** @return exit code */
int replay_run(const struct replay_cfg *cfg);

#endif
