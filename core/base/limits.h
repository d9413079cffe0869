/*
 * Every limit of the media side, added up in one place. Changing one is a decision: the static assertions say what
 * hangs on it. Leaf header.
 */
#ifndef CORE_BASE_LIMITS_H
#define CORE_BASE_LIMITS_H

#include "core/base/base.h"

/* Time. One tick serves one frame of every conference; conferences are staggered over slots of 1 ms. */
#define TICK_MS 20
#define TICK_NS (TICK_MS * NS_PER_MS)
#define SLOTS_PER_TICK 20
#define SLOT_NS (TICK_NS / SLOTS_PER_TICK)
#define SLOT_LEGS_MIN 100   /* a wake costs as much as a few packets: never fewer legs a slot than this */
#define CATCHUP_TICKS_MAX 5 /* up to 100 ms late: run the missed ticks back to back; beyond it, skip them */

/* PCM. Bus rates 8, 16 and 48 kHz; a frame is one tick. */
#define RATE_MAX_HZ 48000
#define FRAME_SAMPLES_MAX (RATE_MAX_HZ / 1000 * TICK_MS) /* 960 */
#define PACKET_SAMPLES_MAX (FRAME_SAMPLES_MAX * 6)       /* the longest Opus packet is 120 ms (RFC 6716) */
#define RATES 3

/* Packets. One UDP datagram within an Ethernet MTU; the stride is an odd number of lines so that slots spread over
 * all cache sets instead of piling up in a few. */
#define PACKET_BYTES_MAX 1500
#define PACKET_STRIDE_BYTES 1600
static_assert(PACKET_STRIDE_BYTES / LINE_BYTES % 2 == 1 && PACKET_STRIDE_BYTES % LINE_BYTES == 0, "odd line count");
static_assert(PACKET_STRIDE_BYTES >= PACKET_BYTES_MAX, "a packet fits its slot");
#define IO_BATCH 2048 /* packets of one rx or tx call; half the submission queue */

/* SRTP. A sealed packet is longer: by the longest tag (AES-GCM's), RTCP by its index as well. A peer may use so many
 * SSRCs under one key, that is, restart so often between two changes of its key: each keeps its replay window. */
#define SEAL_RTP_BYTES 16
#define SEAL_RTCP_BYTES 20
#define SEAL_MKI_MAX 128 /* beside them the name of the master key, of a peer that wants one (RFC 4568 6.1) */
#define SEAL_SSRCS_MAX 8

/* What is left for a payload beside header, 15 contributing sources, their levels and tag. */
#define RTP_LEVELS_BYTES (4 + 16)
#define RTP_PAYLOAD_MAX (PACKET_BYTES_MAX - 12 - 4 * 15 - RTP_LEVELS_BYTES - SEAL_RTP_BYTES)

/* Jitter buffer. Depth is bounded in time; the descriptors cover 10 ms packets for that long. */
#define JBUF_SLOTS 64
#define JBUF_DEPTH_MAX_MS 500
static_assert(JBUF_SLOTS * 10 >= JBUF_DEPTH_MAX_MS, "descriptors cover the depth at 10 ms packets");
#define JBUF_PAST 5 /* packets of a leg that is not decoded: this tick's, and four to warm its decoder up with */
static_assert((JBUF_SLOTS & (JBUF_SLOTS - 1)) == 0, "a power of two");

/* Codecs that work on many channels at once (G.722: up to 32 in a vector). Twice that wait for each other: what is left
 * over at the end of a pull wastes half a vector of them at most, and their rows stay in the second-level cache. */
#define LANES_MAX 64
#define LANE_SAMPLES_MAX (16000 / 1000 * TICK_MS) /* such codecs have at most 16 kHz ... */
#define LANE_PAYLOAD_MAX LANE_SAMPLES_MAX         /* ... and a byte a sample */
static_assert(LANES_MAX % 32 == 0, "full lanes are full vectors");

/* Conferences. The int32 sum of the mix kernels is exact up to 65535 rows. */
#define CONF_LEGS_MAX 8192
static_assert(CONF_LEGS_MAX <= 65535, "65535 * 32768 < 2^31");
#define CONF_RELAYS_MAX 16    /* kinds of listeners that the annexes of one conference may have */
#define WORKER_RELAYS_MAX 128 /* and those of all conferences of a worker, beside its legs */
#define CONF_CLIPS_MAX 4      /* that play at once in a conference, beside its legs */
#define TALKERS_MAX 64 /* top-K never larger than this; 0 means all */

/* Messages between signalling and one worker. */
#define CTL_RING 4096
#define CTL_BATCH 256 /* requests applied at the start of one beat */

#endif
