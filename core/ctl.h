/*
 * The one page between signalling and a worker: everything that can pass between them. Two SPSC rings of fixed-size
 * values. What a message points at changes owner with it: build on the control side, lend, hand back, free.
 *
 * Order is kept: requests take effect in the order they were put, at the start of a beat, at most CTL_BATCH a beat, so
 * a frame never sees half a change. A leg or conference may be named in requests until its drop or close has been put.
 */
#ifndef CORE_CTL_H
#define CORE_CTL_H

#include "core/base/addr.h"
#include "core/base/limits.h"
#include "core/base/ptt.h"
#include "core/base/ring.h"
#include "core/base/stats.h"

struct leg;   /* core/conf/leg.h */
struct conf;  /* core/conf/conf.h */
struct relay; /* core/conf/relay.h */
struct encoder;

enum ctl_op {
    CTL_CONF_OPEN,    /* lends conf */
    CTL_CONF_CLOSE,   /* conf must be empty by now (its legs dropped); EV_CONF_GONE brings it back */
    CTL_LEG_ADD,      /* lends leg, puts it into conf */
    CTL_LEG_SWAP,     /* lends leg (same RTP socket, other codec, payload types or RTCP port) in the place of old: SSRC,
                         sequence and timestamp go on; EV_LEG_GONE brings old back. leg keeps the id of its own cfg, and
                         is muted as that says */
    CTL_LEG_SET,      /* changes what set.what names */
    CTL_LEG_TRANSFER, /* from a conference where it is alone but for clips, and which is no annex, into conf on the same
                         worker: its stream goes on. annex_source: what it hears there, if that is an annex */
    CTL_LEG_MOVE,     /* takes the leg out, its stream goes on elsewhere; EV_LEG_GONE brings it back as it is */
    CTL_LEG_DROP,     /* sends RTCP BYE, takes the leg out; EV_LEG_GONE brings it back */
    CTL_CONF_FLOOR,   /* conf, built with a floor: floor.policy and mode. Before the first one there is no floor, and it
                         ticks as any conference; again changes either from one tick to the next */
    CTL_FLOOR,        /* leg, built for push-to-talk: wish. EV_FLOOR says what came of it */
    CTL_LEG_APP,      /* lends message: to leg's terminal, after those before it. EV_APP brings it back */
};

enum ctl_set {
    SET_DIRECTION = 1,
    SET_MUTE = 2,
    SET_DEAF = 4,
    SET_GAIN = 8,
    SET_REMOTE = 16,
    SET_OPEN = 32,          /* the call is acknowledged: it may be sent to, and another port of its host be learnt */
    SET_ALIVE = 64,         /* its signalling has shown that it lives: counts as a packet of it for EV_QUIET */
    SET_REFUSED_SSRC = 128, /* that SSRC is one of ours: what carries it has come round, and is dropped */
    SET_FLOOR = 256         /* of a leg built for push-to-talk: its rights; one without the right is revoked */
};

struct ctl_req {
    enum ctl_op op;
    struct conf *conf;
    struct leg *leg;
    struct leg *old;
    struct relay *annex_source;
    struct {
        unsigned what;     /* SET_* */
        bool rx_on, tx_on; /* SET_DIRECTION: hold and resume */
        bool muted, deaf;
        uint16_t gain_q12; /* 4096 is unity, up to 15.99; applied once, before the sum */
        struct addr remote_rtp, remote_rtcp, latch_host, alias_host; /* SET_REMOTE: as in leg_cfg */
        struct addr remote_floor;                                    /* SET_REMOTE, as in leg_cfg */
        uint32_t refused_ssrc;
        struct floor_rights rights; /* SET_FLOOR */
    } set;
    struct {
        enum floor_mode mode;
        bool sleeps; /* in HALF, while nobody has the floor: it does not tick, and its legs are sent no RTP */
        struct floor_policy policy;
    } floor;
    struct floor_wish wish;
    struct ptt_message *message;
};

enum ctl_event {
    EV_LEG_GONE,  /* leg: yours again */
    EV_CONF_GONE, /* conf: yours again */
    EV_ENCODER,   /* encoder: a conference that a leg brought it to has no more use for it; encoder_free */
    EV_QUIET,     /* id: no sign of life for quiet_s; once per silence */
    EV_DTMF,      /* id: value is the character 0-9 * # A-D, at its end; duration_ms */
    EV_RTCP_BYE,  /* id: the peer said BYE for its stream */
    EV_SPEAKS,    /* id: would be among the loudest if it were not in an annex; again while it is not moved */
    EV_SILENT,    /* id: value 1, silent for silent_s in a conference that has annexes; 0, no more */
    EV_PLAYED,    /* id, leg (a name: it may be dropped by now): its clip is over */
    EV_CODEC,     /* id: value is a payload type of leg_cfg's pts_other: the peer has changed to that codec. Again and
                     again while its packets come */
    EV_SSRC,      /* id: value is the SSRC of its stream: as soon as it is known, and when it has changed */
    EV_FAILED,    /* id: its sockets could not be opened, it neither hears nor says anything; value: errno. Drop it */
    EV_UNHEARD,   /* id: packets come, and for seconds not one could be used; value: enum drop and from of the last */
    EV_FLOOR,     /* id, leg (a name, as in EV_PLAYED): floor and its value. Of the conference, leg NULL: its id */
    EV_APP,       /* id: message, yours again; value: enum ptt_outcome, reason: of a refusal (TS 24.380 8.3.3) */
    EV_ALIVE,     /* id: value 0, its terminal has been silent for three keep-alives; 1, it is back */
};

struct ctl_ev {
    enum ctl_event event;
    uint64_t id;
    struct leg *leg;
    struct conf *conf;
    struct encoder *encoder;
    struct ptt_message *message;
    enum floor_event floor;
    uint32_t value, duration_ms;
    uint16_t reason;
    struct addr from;
};

struct ctl {
    struct ring requests;             /* signalling -> worker */
    struct ring events;               /* worker -> signalling */
    const struct worker_stats *stats; /* the worker's counters, readable at any time */
};

/** @return 0 | -ENOMEM  @thread control, before the worker starts */
COLD int ctl_build(struct ctl *ctl);
COLD void ctl_free(struct ctl *ctl);

/** @return 0 | -EAGAIN: ring full, nothing lent; answer 503 and try again  @thread the one signalling thread */
int ctl_put(struct ctl *ctl, const struct ctl_req *req);

/** Takes the next event. @return false: none  @thread the one signalling thread */
bool ctl_take(struct ctl *ctl, struct ctl_ev *ev);

#endif
