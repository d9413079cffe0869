/*
 * Offer and answer (RFC 3264) for one audio stream: which stream and codec of an offer we take, what our answer or our
 * own offer says, and what the result means for a leg. Pure: no socket, no heap, no clock.
 *
 * An answer names exactly one voice codec (and telephone-event and comfort noise beside it), so there is never a doubt
 * which one the peer will send. RTP/SAVP is answered with RTP/SAVP and keys of our own or refused, never answered as
 * plain RTP (RFC 4568 7). RTP/AVP with a=crypto is answered with RTP/AVP and keys (RFC 8643), plain only where no line
 * of it is understood.
 */
#ifndef SIG_SDP_OFFER_H
#define SIG_SDP_OFFER_H

#include "core/conf/leg.h"
#include "core/media/codec.h"
#include "sig/sdp/floor_line.h"
#include "sig/sdp/sdes.h"
#include "sig/sdp/sdp.h"

#define OFFER_CODECS_MAX 8
#define OFFER_KINDS (OFFER_CODECS_MAX + 4) /* codecs, telephone-event/8000 and /48000, CN, spare */
#define OFFER_BODY_MAX 4096

struct offer_codec {
    enum codec_id id;
    uint32_t rate_hz; /* of the leg's PCM; L16: its clock; Opus: 16000 or 48000 */
};

/* SRTP by security descriptions. */
enum offer_srtp {
    OFFER_SRTP_OPTIONAL, /* as the peer offers; our own offers are plain */
    OFFER_SRTP_REQUIRED, /* plain offers are refused; ours are RTP/SAVP */
    OFFER_SRTP_OFF,      /* RTP/SAVP is refused */
};

/* Our role where levels are in headers: RFC 6464 from a speaker, RFC 6465 from a mixer. */
enum offer_levels { OFFER_LEVELS_OFF, OFFER_LEVELS_MIXER, OFFER_LEVELS_TALKER };

/* What this server accepts and prefers; from the configuration, constant while it runs. */
struct offer_policy {
    struct offer_codec codecs[OFFER_CODECS_MAX]; /* best first */
    size_t n_codecs;
    int family;       /* AF_INET or AF_INET6: of the media interface */
    int family_other; /* of a second one; 0: there is none */
    uint8_t opus_complexity;
    enum offer_srtp srtp;
    enum offer_levels levels;
    enum seal_suite srtp_only; /* the one suite in offers of ours; SEAL_NONE: the usual ones */
};

/* A codec of an answer to our offer: the peer may change to it at any time (RFC 3264 6.1, 7). */
struct offer_voice {
    const struct codec *codec;
    struct codec_cfg fmt;
    struct pt_set pts; /* under which it comes: by the number of our offer, or of the answer */
    uint8_t pt_rx, pt_tx, pt_event_rx, pt_cn_rx, ptime_tx_ms;
};

/* What was settled: goes into a leg_cfg as it is. */
struct offer_media {
    const struct codec *codec;
    struct codec_cfg fmt;
    struct addr remote_rtp, remote_rtcp; /* unset while the peer's address is 0.0.0.0 (hold, RFC 3264 8.4) */
    uint8_t pt_rx, pt_tx, pt_event_rx, pt_cn_rx;
    uint8_t ext_level, ext_levels; /* header extensions towards and from the mixer; 0: none */
    bool level_vad_off;
    uint8_t ptime_tx_ms;
    bool rx_on, tx_on, rtcp_mux;
    struct seal_keys seal;   /* suite SEAL_NONE: plain RTP */
    struct floor_line floor; /* is_there: floor messages go to remote_rtcp, and come where RTCP does */
    struct pt_set pts_rx, pts_event, pts_other;
    struct offer_voice voices[OFFER_CODECS_MAX]; /* what the above may turn into; i_voice is what it is now */
    uint8_t n_voices, i_voice;                   /* 0 voices: we have chosen one, and there is no other */
};

/* An m= line as it must come again in every later description of the session (RFC 3264 8). */
struct offer_line {
    char kind[SDP_WORD_MAX], proto[SDP_WORD_MAX], format[SDP_WORD_MAX];
};

/* Our side of one session: what must stay the same from one description to the next. */
struct offer_session {
    uint64_t id, version; /* o= */
    uint64_t hash;        /* of the last description without its version */
    bool said;            /* something was sent */
    int family;           /* of our address in it */
    uint8_t n_lines, i_audio;
    uint8_t i_floor;         /* the stream of floor control; 0: none */
    struct floor_line floor; /* as we can, in offers of ours, or as was answered */
    struct offer_line lines[SDP_MEDIA_MAX];
    uint8_t pt[OFFER_KINDS];       /* payload types in use, PT_NONE: none yet */
    uint64_t pt_seen[2];           /* payload types that ever meant something in this session */
    uint8_t ext_level, ext_levels; /* numbers in use for header extensions, 0: none yet */
    uint16_t ext_seen;             /* 1 << number: ever meant something in this session */
    bool rtcp_mux;
    struct seal_keys seal; /* as last answered or accepted: our key stays as long as the peer's does */
    struct sdes offered[SDES_OFFERS_MAX];
    uint8_t n_offered; /* in our last offer */
};

/* What our side brings to a description. */
struct offer_local {
    struct addr rtp;                                    /* what is written into c= and m=, as the peer sees it; RTCP is
                                                           the next port */
    uint8_t fresh[SDES_OFFERS_MAX][SEAL_KEY_BYTES_MAX]; /* random: our SRTP keys, where new ones are needed */
};

/* Which stream of a description fits, before anything is allocated for it. */
struct offer_pick {
    uint8_t i_media;
    uint8_t i_codec; /* into the policy */
    int family;      /* of the peer's address, which ours must have; 0: it names none now (hold) */
    struct offer_media media;
    uint8_t event_clock_khz;  /* 0: no telephone-event */
    enum offer_levels levels; /* the policy's */
    struct sdp_qos qos;       /* what the peer says of preconditions */
    struct sdes sdes;         /* the a=crypto line that we took; suite SEAL_NONE: plain RTP */
    const struct sdp_format *format, *event, *cn;
    uint8_t i_floor; /* stream of floor control, which is taken; 0: none */
};

/** Reads "opus,L16/16000,PCMU" into the policy; opus_rate_hz is what Opus legs run at. @return 0 | -EINVAL */
int offer_policy_read(struct offer_policy *policy, const char *list, uint32_t opus_rate_hz);

/** Begins a session with a random id. */
void offer_session_init(struct offer_session *s, uint64_t random);

/**
 * Chooses the first acceptable audio stream of an offer, one with SRTP before one without, and the best codec in it by
 * our preference.
 *
 * @param warning  on refusal: the warn-code of RFC 3261 20.43 for the 488
 * @return 0 | -ENOENT nothing fits
 */
int offer_pick(struct offer_pick *pick, const struct offer_policy *policy, const struct sdp *offer, int *warning);

/**
 * Takes the offer's stream of floor control as well, if it has one on the host of the audio: what both can do goes into
 * pick->media.floor. Without a call of this it is refused. Under rtcp-mux with one port for both it comes on the RTP
 * port, else on that of RTCP.
 *
 * @return 0 | -ENOENT none, or on another host: pick is as it was
 */
int offer_floor_pick(struct offer_pick *pick, const struct sdp *offer, const struct floor_line *ours);

/** Must the peer's resources be waited for, before anybody is alerted? */
bool offer_waits(const struct offer_pick *pick);
/** Does it demand end-to-end reservation, which nobody here does? 580. */
bool offer_demands_too_much(const struct offer_pick *pick);

/** Text of a warn-code. */
const char *offer_warning_text(int warning);

/**
 * Writes the answer: as many m= lines as the offer in its order, all but the chosen one with port 0.
 *
 * @return 0 | -E2BIG: does not fit out
 */
int offer_answer(struct offer_session *s, const struct offer_pick *pick, const struct sdp *offer,
                 const struct offer_local *local, struct sdp_out *out);

/** What an answer that was written means for the leg: the pick's media and the keys of both sides. */
struct offer_media offer_settled(const struct offer_session *s, const struct offer_pick *pick);

/** Offers of this session have a stream of floor control, too. Before the first offer. */
void offer_session_floor(struct offer_session *s, const struct floor_line *ours);

/**
 * Writes an offer of our own: first of a session, or again with what it had before, SRTP and our key included. Every
 * codec of the policy is named.
 *
 * @return 0 | -E2BIG
 */
int offer_write(struct offer_session *s, const struct offer_policy *policy, const struct offer_local *local, bool rx_on,
                bool tx_on, struct sdp_out *out);

/**
 * Reads the answer to our own offer. What it names first is what we begin with.
 *
 * @return 0 | -EPROTO other number of streams than offered | -ENOENT refused, or nothing of what we offered
 */
int offer_accept(struct offer_session *s, const struct offer_policy *policy, const struct sdp *answer,
                 struct offer_media *media);

/**
 * What may come before the answer to our last offer: any codec of it (RFC 3264 5.1). Receiving only, from nowhere in
 * particular.
 *
 * @return false: nothing that could be understood, since its key is not known
 */
bool offer_expected(const struct offer_session *s, const struct offer_policy *policy, struct offer_media *media);

/** Which of the voices a payload type means. @return -ENOENT: none, or the one that it is now */
int offer_voice_of(const struct offer_media *media, uint8_t pt);

/** Another of its voices from now on. */
void offer_media_turn(struct offer_media *media, unsigned i_voice);

/** An answer that has among its voices what the session speaks already leaves it at that. */
void offer_media_keep_voice(struct offer_media *media, const struct offer_media *before);

/** Copies the settled media into a leg's configuration; touches nothing else of it. */
void offer_media_apply(const struct offer_media *media, struct leg_cfg *cfg);

/** True when both need the same leg: only direction and address may differ. */
bool offer_media_same_leg(const struct offer_media *a, const struct offer_media *b);

#endif
