/*
 * mixminus-load: thousands of legs from one process. Rooms of `room` legs, of whom the first `talkers` speak, arrival
 * phases even over 20 ms. Two ways to prove N-1:
 *
 *   marks  one PCM codec for all: a talker's frame has sound only in its own stretch of samples, and that sound spells
 *          its number and the time of sending; who is heard, and how late, is read off every packet.
 *   tones  Opus, or mixed codecs: each talker has a tone; every listener is listened to for half a second of the run.
 *
 *     load_main.c   flags
 *     load_run.c    the loop, and what happens when
 *     load_calls.c  calls: factory, 302, conference
 *     load_churn.c  others who join and leave meanwhile
 *     load_short.c  others who call the factory and hang up meanwhile
 *     load_watch.c  others who watch the rosters; what the server says of itself
 *     load_rtp.c    sockets, packets out and in
 *     load_rtcp.c   reports of what was received
 *     load_voice.c  what is said: marks and tones
 *     load_report.c what came of it
 */
#ifndef TOOLS_LOAD_LOAD_H
#define TOOLS_LOAD_LOAD_H

#include "core/media/rtp.h"
#include "sig/sdp/offer.h"
#include "simd/simd.h"
#include "tools/ua/ua.h"

#define LOAD_SOCKETS 16
#define LOAD_SLOT_US 200
#define LOAD_SLOTS (TICK_MS * 1000 / LOAD_SLOT_US)
#define LOAD_DELAY_BUCKETS 5000 /* of 100 us */
#define LOAD_CODECS 4           /* of --codec=mixed */
#define LOAD_TALKERS_MAX 8
#define LOAD_EXT_BYTES 8        /* a header extension with one level */
#define LOAD_LOOP 25            /* frames after which a tone repeats: half a second */
#define LOAD_PAYLOAD_MAX 700
#define LOAD_TONE_DBFS (-26.0)
#define LOAD_STALL_REST_S 5
#define LOAD_RAW_PT 111 /* without SIP: payload type of a codec that has none of its own */
#define LOAD_CHURN_STAY_S 1 /* how long those stay who come and go */

struct load_cfg {
    struct addr server; /* SIP; raw: the first RTP port */
    char factory[64];
    uint8_t transport;
    uint32_t calls, room, talkers, rate, seconds, stall_ms, tolerate; /* tolerate: per mille of checks */
    uint32_t server_pid; /* 0: none */
    uint32_t settle;     /* seconds between the last answer and the measurement */
    uint32_t churn;      /* joins, and as many leaves, a second */
    uint32_t short_calls; /* a second */
    uint32_t watchers;    /* of the rosters */
    struct addr http;     /* of the server's /metrics; not set: none */
    char auth_user[128], auth_password[128]; /* "": none */
    uint16_t rtp_port;   /* of the first of LOAD_SOCKETS own sockets, raw one after the other, else with one for RTCP
                            after each; 0: the kernel picks */
    char legs_at[256];   /* raw: file of the mixer's ports, one a leg; "": they are reflected from PORT on */
    char codec[16];
    bool levels; /* in the headers (RFC 6464) */
    enum offer_srtp srtp;
    enum seal_suite srtp_only;
    bool json, raw, quiet;
    char demo_server[512], demo_out[512]; /* --demo */
    bool demo;
};

/* One codec of the run, with its voices made ready. */
struct load_codec {
    struct offer_policy policy;
    const struct codec *codec;
    struct codec_cfg fmt;
    unsigned samples; /* of a frame */
    uint32_t clock;   /* RTP ticks of a frame */
    uint16_t bytes[LOAD_TALKERS_MAX + 1][LOAD_LOOP]; /* [member], the last is silence */
    uint8_t (*voices)[LOAD_LOOP][LOAD_PAYLOAD_MAX];
    uint8_t level_dbov[LOAD_TALKERS_MAX + 1][LOAD_LOOP];
};

enum load_state { LOAD_IDLE, LOAD_DIALLING, LOAD_UP, LOAD_OVER };

/* Listening to one leg's tones. */
struct load_ear {
    bool is_done;
    void *decoder;
    int16_t *pcm; /* [LOAD_LOOP * samples]; NULL: not begun */
    unsigned n_frames, n_tries;
};

struct load_leg {
    enum load_state state;
    unsigned room, member;
    const struct load_codec *codec;
    struct ua_call *call;
    struct offer_session session;
    struct seal *seal; /* NULL: plain RTP */
    struct sockaddr_in to;
    uint8_t pt, ext_level; /* ext_level: number of its level in the header, 0: none */
    uint8_t header[RTP_HEADER_BYTES + LOAD_EXT_BYTES], payload[LOAD_PAYLOAD_MAX]; /* payload: marks only */
    uint16_t tx_seq, rx_seq;
    uint32_t tx_ts, n_tx;
    bool rx_any, saw_media;
    uint64_t rx_ns, begin_ns;
    uint32_t rx_ssrc, n_rx; /* n_rx: since the last report, which told of all up to told_seq */
    uint16_t told_seq;
    int32_t n_missed;     /* as reported */
    uint32_t report_at;   /* n_tx at which the next one is due */
    uint32_t report_draw; /* for the random interval */
    struct load_ear ear;
};

/* Calls that join and leave during the measurement: silent, and what they hear is not counted. */
struct load_churn {
    unsigned n_tried, n_joined, n_left, n_failed, next_room;
};

struct load_short_call;

/* Calls to the factory that hang up as soon as they are in. */
struct load_short {
    struct load_short_call *calls;
    double *setup_ms;
    char offer[OFFER_BODY_MAX];
    size_t n_offer;
    unsigned n_tried, n_setup, n_complete, n_failed;
    unsigned n_unavailable, n_retry_after; /* of the failed: 503, and how many of these told when to come again */
    char failure[256];                     /* the first that was no 503 */
};

struct load_watcher;

/* Subscribers to the conferences' rosters (RFC 4575). */
struct load_watch {
    struct load_watcher *watchers; /* [cfg->watchers] */
    unsigned n_tried, n_up, n_failed;
    uint64_t n_notified, n_bytes; /* during the measurement */
    uint64_t most;                /* NOTIFYs that one of them got */
    double shortest_s;            /* between two NOTIFYs to one of them; negative: no two */
    char failure[256];
};

/* The server, before and after the measurement; negative: unknown. */
struct load_server {
    double rss_kb, late_ticks;
};

struct load_room {
    char *uri; /* NULL: not known yet */
    bool failed;
};

struct load_heard {
    uint64_t sent, received, lost, gaps_over_40ms, gaps_over_60ms, late_sends;
    uint64_t checked, own_heard, other_missing;
    uint64_t made_up; /* marks: stretches that the server filled in for a late packet, or smeared */
    uint64_t listened; /* legs whose ear was finished, or (marks) that got a packet */
    double own_worst_db, other_worst_db; /* tones */
    uint32_t delay_100us[LOAD_DELAY_BUCKETS], delay_after_100us[LOAD_DELAY_BUCKETS];
};

struct load {
    const struct load_cfg *cfg;
    const struct simd *simd;
    bool marks;
    struct load_codec codecs[LOAD_CODECS];
    unsigned n_codecs;
    struct load_leg *legs; /* [n_legs] the calls, then those who come and go */
    unsigned n_legs;
    struct load_churn churn;
    struct load_short brief;
    struct load_watch watch;
    struct load_server server_begin, server_end;
    struct load_room *rooms;
    unsigned n_rooms;
    struct ua *ua;

    int fds[LOAD_SOCKETS], rtcp_fds[LOAD_SOCKETS]; /* raw: no rtcp_fds, 0 */
    uint16_t ports[LOAD_SOCKETS];
    unsigned first[LOAD_SLOTS + 1], *order; /* legs by arrival phase */
    int32_t *leg_of_port;                   /* [65536] server's port -> leg, -1: none */

    unsigned n_dialled, n_up, n_over, n_failed;
    unsigned n_unavailable, n_retry_after; /* of the failed: 503, and how many of these told when to come again */
    unsigned next_first, next_member; /* legs to dial: first callers, then the others */
    uint64_t dial_from_ns;
    double *setup_ms, *join_ms;
    unsigned n_setup, n_join;
    char failure[256]; /* the first one */

    bool measuring, after_stall;
    uint64_t measure_ns, measure_end_ns;
    struct load_heard heard;
    double server_cpu_s; /* over the window, negative: unknown */
    double measure_time, measure_end_time; /* of day, in seconds */
};

/* load_run.c */
/** Runs the whole. @return exit code */
int load_run(const struct load_cfg *cfg);

/* load_calls.c */
int load_calls_open(struct load *load);
/** Dials the calls whose turn has come. */
void load_calls_step(struct load *load, uint64_t now_ns);
void load_calls_end(struct load *load);

/** One call; target: NULL: the factory. Failure is told to load_churn.c or counted. */
void load_call_dial(struct load *load, struct load_leg *leg, const char *target);
/** Reads the answer of a call that is up, and lets it speak. @return 0 | negative errno: no usable media */
int load_call_media(struct load *load, struct load_leg *leg, const struct ua_event *event);

/* load_churn.c */
static inline bool load_is_churner(const struct load *load, const struct load_leg *leg)
{
    return leg >= load->legs + load->cfg->calls;
}
/** Joins and leaves that are due; since: seconds of it so far. */
void load_churn_step(struct load *load, double since_s, uint64_t now_ns);
void load_churn_event(struct load *load, struct load_leg *leg, struct ua_call *call, const struct ua_event *event);

/* load_short.c */
/** @return 0 | -ENOMEM | as offer_write */
int load_short_open(struct load *load);
void load_short_close(struct load *load);
bool load_is_short(const struct load *load, const void *tag);
/** Dials those that are due; since: seconds of the measurement so far. */
void load_short_step(struct load *load, double since_s, uint64_t now_ns);
void load_short_event(struct load *load, struct ua_call *call, const struct ua_event *event);

/* load_watch.c */
/** @return 0 | -ENOMEM */
int load_watch_open(struct load *load);
void load_watch_close(struct load *load);
bool load_is_watcher(const struct load *load, const void *tag);
/** Subscribes those who have not. */
void load_watch_step(struct load *load);
/** All of them have had an answer. */
bool load_watch_is_done(const struct load *load);
void load_watch_event(struct load *load, struct ua_call *call, const struct ua_event *event);
/** Before the program ends the others: the watchers watch no more. */
void load_watch_end(struct load *load);
/** Looks at the server: memory of --server-pid, /metrics of --http. */
void load_server_look(const struct load *load, struct load_server *seen);

/* load_rtp.c */
int load_rtp_open(struct load *load);
void load_rtp_close(struct load *load);
/** Lets the leg speak: address, payload type, header extension, keys. @return 0 | -EINVAL | -ENOMEM: keys */
int load_rtp_begin(struct load *load, struct load_leg *leg, const struct offer_media *media);
uint16_t load_rtp_port(const struct load *load, const struct load_leg *leg);
/** It is gone: what comes from its port is nobody's. */
void load_rtp_end(struct load *load, const struct load_leg *leg);
void load_rtp_send(struct load *load, unsigned slot, uint64_t now_ns);
void load_rtp_take(struct load *load);

/* load_rtcp.c */
/** The leg begins to speak, and to be reported to. */
void load_rtcp_begin(struct load_leg *leg, uint32_t ssrc);
/** Sends a report, if one is due. @param fd  of RTCP */
void load_rtcp_send(struct load_leg *leg, uint32_t ssrc, int fd);

/* load_voice.c */
/** Reads --codec and makes the voices ready. @return 0 | -EINVAL | -ENOMEM */
int load_voice_open(struct load *load);
void load_voice_close(struct load *load);
/** What a leg says now. @return its length; *payload points at it, *dbov is how loud it is */
size_t load_voice_say(struct load *load, struct load_leg *leg, uint64_t now_ns, const uint8_t **payload, uint8_t *dbov);
/** Judges one packet that a leg has heard. */
void load_voice_hear(struct load *load, struct load_leg *leg, const struct rtp *rtp, uint64_t now_ns);

/* load_report.c */
/** Prints the table or the line of JSON. @return exit code */
int load_report(struct load *load);
/** User and system time of a process so far. @return negative: unknown */
double load_cpu_s(uint32_t pid);

#endif
