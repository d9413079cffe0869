/*
 * One participant's media, both directions. Signalling builds a leg complete, lends it to one worker by CTL_LEG_ADD,
 * and gets it back by EV_LEG_GONE to read its statistics and free it. While it is lent, signalling may only use the
 * pointer as a name in further requests.
 */
#ifndef CORE_CONF_LEG_H
#define CORE_CONF_LEG_H

#include "core/base/addr.h"
#include "core/base/limits.h"
#include "core/base/ptt.h"
#include "core/base/stats.h"
#include "core/media/codec.h"
#include "core/media/seal.h"

struct leg;
struct relay; /* core/conf/relay.h */
struct clip;  /* core/conf/clip.h */
struct encoder;

#define CNAME_MAX 64

/* Everything a leg is made from, a value. rx is towards the mixer, tx towards the participant. */
struct leg_cfg {
    /* what every tick looks at */
    struct relay *relay;        /* internal leg without a socket: its encoded frames feed this relay */
    struct relay *annex_source; /* of a leg in an annex: what it hears */
    const struct codec *codec;
    struct codec_cfg fmt;
    uint32_t ssrc;         /* random */
    int rtp_fd, rtcp_fd;   /* bound, non-blocking UDP sockets, not connected; rtcp_fd -1: rtcp-mux or no RTCP */
    uint16_t quiet_s;      /* EV_QUIET after so long without a sign of life, ten times that while tx is off; 0: never */
    bool rtcp_mux;         /* RTCP arrives on and goes to the RTP port */
    uint8_t pt_rx, pt_tx;  /* payload type the peer sends, and that we send */
    uint8_t pt_event_rx;   /* telephone-event (RFC 4733) towards us, PT_NONE: none */
    uint8_t pt_cn_rx;      /* comfort noise, PT_NONE: none */
    uint8_t ext_level_rx;  /* its level in its header (RFC 6464), id 1..14; 0: not negotiated */
    uint8_t ext_levels_tx; /* the contributors' levels in ours (RFC 6465); 0: not negotiated */

    /* the rest */
    uint64_t id;             /* signalling's own name for it; comes back in every event */
    struct addr remote_rtp;  /* from the peer's SDP */
    struct addr remote_rtcp; /* from a=rtcp, else RTP port + 1; unset: send no RTCP */
    struct addr latch_host;  /* where the signalling comes from, without a proxy; unset: a proxy is between */
    struct addr alias_host;  /* another name of the SDP's host on this machine; unset: none */
    bool is_shut;            /* the call is not acknowledged: nothing is sent before SET_OPEN */
    bool no_grace;           /* an earlier leg of the call has had it: nothing is sent before a sign of life */
    struct pt_set pts_rx;    /* more numbers under which the peer may send that codec, */
    struct pt_set pts_event; /* and telephone-events: those of its answer beside those of our offer */
    struct pt_set pts_other; /* of the other codecs that it may send at any time: EV_CODEC asks for another leg */
    uint8_t ptime_tx_ms;     /* 10, 20, 40 or 60 for PCMU, PCMA and L16; Opus always 20. 0: 20 */
    bool rx_on, tx_on;       /* direction of the media, from our side */
    bool muted;              /* not heard from the beginning; CTL_LEG_SET changes it */
    uint16_t seq0;           /* random */
    uint32_t ts0;            /* random */
    char cname[CNAME_MAX];   /* RTCP SDES */
    const struct clip *clip; /* internal leg without a socket: it only plays this, and is always heard. EV_PLAYED */
    uint32_t clip_times;     /* so often; 0: for ever */
    struct seal_keys seal;   /* SRTP; suite SEAL_NONE: plain RTP */
    struct leg_ptt_cfg {
        bool is_on;        /* a session of push-to-talk: has a seat at the floor of its conference, lives by keep-alives
                              and not by quiet_s */
        bool speaks_floor; /* its terminal speaks floor control */
        bool fill;         /* a phone that expects RTP all the time: silence while it talks, and now and then while
                              nobody does */
        bool is_bare;      /* built without decoder and encoder: to be heard where a floor lets it, with those of its
                              worker; never where there is none */
        struct addr remote;         /* where its floor control is; unset: with its RTCP */
        struct floor_rights rights; /* CTL_LEG_SET changes them */
        char identity[PTT_URI_MAX]; /* what the others are told has the floor, "sip:alice@x" */
    } ptt;
};

#define LEG_CFG_TICK_BYTES offsetof(struct leg_cfg, id)

/* Counted while the leg ran; whole once it has come back. */
struct leg_stats {
    /* what every tick counts */
    uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
    uint64_t decoded;                    /* packets */
    uint32_t delay_ms_now, delay_ms_max; /* frames held in the jitter buffer */
    uint8_t level_dbov;                  /* last frame */

    /* the rest */
    uint64_t rx_lost;      /* expected minus received, RFC 3550 A.3; negative differences give 0 */
    uint32_t rx_jitter_ts; /* interarrival jitter in RTP ticks, RFC 3550 A.8 */
    uint64_t concealed;    /* made-up stretches */
    uint64_t undecoded;    /* packets whose turn came while they could not be heard */
    uint64_t pauses;       /* packets without audio: comfort noise, telephone events */
    uint64_t drops[DROPS];
    enum drop last_drop;                /* of what was received; DROP_NONE: none yet */
    uint32_t peer_lost, peer_jitter_ts; /* last report block about what we sent */
    uint32_t rtt_us;                    /* from LSR/DLSR, 0: unknown */
};

#define LEG_STATS_TICK_BYTES offsetof(struct leg_stats, rx_lost)

/**
 * Builds a leg complete: states, buffers. Opens nothing: the sockets come in cfg.
 *
 * @return 0 | -EINVAL codec, rate or ptime that do not fit | -ENOMEM
 * @owner  success: *leg is the caller's, and holds the sockets; failure: the sockets stay the caller's
 * @thread control; cold
 */
COLD int leg_build(struct leg **leg, const struct leg_cfg *cfg);

/**
 * Gives a leg that has none an encoder, in its first state: a conference keeps the encoders of the legs that leave it.
 * leg_build does so; before a leg that came back is lent once more, unless it is to an annex.
 *
 * @return 0 | -EINVAL the codec refuses its settings | -ENOMEM
 * @thread the holder; cold
 */
COLD int leg_equip(struct leg *leg);

/** Frees an encoder that a conference has no use for (EV_ENCODER). @thread control */
COLD void encoder_free(struct encoder *encoder);

/** Frees a leg that is not lent. Closes no socket: they are signalling's (leg_cfg_of tells which). @thread control */
COLD void leg_free(struct leg *leg);

/** Before it is lent to an annex: what it hears there. @thread the holder; cold */
COLD void leg_set_annex_source(struct leg *leg, struct relay *annex_source);

/** What it was built from, without the keys. @thread the holder */
const struct leg_cfg *leg_cfg_of(const struct leg *leg);

/*
 * What a leg is seen to do while it is lent: its worker sets it three times a second, any thread may read it. Each
 * figure is whole; together they may be of two moments.
 */
struct leg_view {
    counter talks;                     /* 1: heard within the last half second */
    counter level_dbov;                /* 0 the loudest .. 127 silence; of its last frame */
    counter delay_ms;                  /* in its jitter buffer */
    counter rx_packets, rx_lost;       /* RTP from it */
    counter rx_jitter_us;              /* RFC 3550 A.8 */
    counter rx_concealed, rx_dropped;  /* stretches made up; packets refused, whatever the reason */
    counter last_drop;                 /* enum drop of the last one; DROP_NONE: none */
    counter is_unheard;                /* 1: packets come, and for seconds not one of them could be used */
    counter phase;                     /* enum source_phase: is it sent to, and why not */
    counter tx_packets;                /* RTP to it */
    counter peer_lost, peer_jitter_us; /* of those, as its last report block says */
    counter rtt_us;                    /* 0: not known */
};

/** What is seen of it. It lives as long as the leg. @thread any */
const struct leg_view *leg_view_of(const struct leg *leg);

/** Its statistics. @thread the holder */
const struct leg_stats *leg_stats_of(const struct leg *leg);

#endif
