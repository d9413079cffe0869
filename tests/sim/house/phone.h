/*
 * A model phone of the simulated house: its calls, their SIP transactions and their RTP. It is written from the RFCs
 * and shares nothing with the product but the writing of RTP headers. What it believes of its calls is what the oracles
 * compare with.
 */
#ifndef TESTS_SIM_HOUSE_PHONE_H
#define TESTS_SIM_HOUSE_PHONE_H

#include "core/base/addr.h"
#include "core/media/codec.h"

enum {
    SESSIONS_MAX = 5, /* that a phone remembers, with the present one */
    ASKS_MAX = 8,     /* requests of a phone that wait for their answer */
    ANSWERS_MAX = 12, /* that a phone may have to give again */
    KEYS_MAX = 48,    /* of one session */
    TEXT_MAX = 32768,
    URI_MAX = 160,
    VALUE_MAX = 320,
    ID_MAX = 48,
};

struct house;
struct phone;
struct session;

/* ---- phones ---- */

enum at {
    AT_NOTHING,
    AT_ASKING,   /* its INVITE is out */
    AT_ALERTED,  /* the conference's INVITE is in, and not answered */
    AT_ANSWERED, /* it has said 200, the ACK is to come */
    AT_UP,
    AT_LEAVING, /* its BYE is out */
};

/* As its SDP says. */
enum direction { BOTH, SENDS, LISTENS, RESTS };

/* Its PIN. */
enum gate {
    GATE_OPEN,   /* none is asked for */
    GATE_SHUT,   /* it has not been keyed in whole */
    GATE_TOLD,   /* it has, the verdict is not known */
    GATE_PASSED, /* the thanks were heard, or voices */
};

enum purpose { FOR_FACTORY, FOR_ROOM, FOR_ANNC };

struct key {
    char key;
    bool by_info, is_shaky; /* shaky: it may be lost, with what happens around it */
    bool is_refused;        /* INFO that was not taken */
    uint64_t at_ns, end_ns; /* pressed; released, or when its INFO was answered */
};

struct format {
    enum codec_id codec;
    uint8_t pt, pt_event;
    bool mux;
};

/* One call, as the phone sees it. */
struct session {
    struct phone *phone;
    enum at at;
    enum purpose purpose;
    unsigned number;
    bool is_called, is_lost; /* the conference has called; the phone has forgotten it */
    int i_room;              /* -1: none, or not known yet */
    char call_id[ID_MAX], own_tag[ID_MAX], peer_tag[ID_MAX];
    char local[VALUE_MAX], remote[VALUE_MAX], target[URI_MAX], aim[URI_MAX]; /* aim: where the first INVITE goes */
    uint32_t cseq;
    uint64_t acked_ns, ended_ns; /* 0: not yet */
    bool hangs_up;               /* as soon as it is up: it wanted to cancel */
    unsigned n_refers;           /* of whose end it was not notified */
    /* 200 that is repeated */
    char *ok;
    uint64_t ok_ns, ok_ms, ok_ends_ns;
    uint32_t ok_cseq;
    bool ok_by_tcp;
    char *ack; /* of the last 2xx */
    uint32_t ack_cseq;
    /* media */
    uint16_t port;      /* its own */
    struct addr server; /* where it sends */
    struct format format, asked;
    enum direction dir, dir_asked;
    bool is_asking, is_offering; /* a re-INVITE or UPDATE is open; with an offer */
    uint64_t dir_ns;             /* when that was settled */
    bool sends, talking;
    uint64_t talk_ns, send_ns, stop_ns;
    uint16_t seq;
    uint32_t ts, ssrc;
    uint32_t event_ts;
    uint16_t event_n;
    uint8_t event_key, event_ends;
    struct addr stray; /* where it sends beside; unset: nowhere */
    unsigned n_stray;
    /* PIN */
    enum gate gate;
    uint64_t gate_ns, key_ns; /* when it passed; next key */
    char typing[16];          /* what it keys in now */
    unsigned n_typed;
    unsigned prompt; /* heard last */
    uint64_t prompt_ns;
    struct key keys[KEYS_MAX];
    unsigned n_keys;
    uint64_t key_states; /* books.c */
    /* what it hears */
    bool heard_any;
    uint16_t heard_seq;
    uint32_t heard_ts, heard_ssrc;
    uint64_t heard_ns, n_exact;
};

enum ask_why { ASK_INVITE, ASK_REINVITE, ASK_UPDATE, ASK_BYE, ASK_CANCEL, ASK_INFO, ASK_OTHER };

/* A client transaction. */
struct ask {
    struct session *session; /* NULL: free */
    enum ask_why why;
    char method[12], branch[ID_MAX];
    char *text, *ack; /* ack: of a final response that was no 2xx */
    size_t n;
    uint32_t cseq;
    unsigned number; /* of its session */
    int i_key;       /* INFO: which */
    bool by_tcp, is_over;
    uint64_t again_ns, again_ms, ends_ns, cancel_ns;
};

/* A server transaction: what was said to a request. */
struct answer {
    char branch[ID_MAX], method[12];
    char *text;
    size_t n;
    bool by_tcp;
};

struct phone {
    struct house *house;
    unsigned index, bit;
    char host[16], uri[32];
    struct addr sip;
    bool by_tcp, takes_tcp, by_info, is_careless, has_timers;
    bool is_down;
    uint64_t check_ns; /* its connection has broken: it asks whether its call still is; 0: it need not */
    uint64_t up_ns, act_ns, next_ns;
    uint32_t generation; /* of its connection */
    uint64_t last_tcp_ns[2];
    struct session sessions[SESSIONS_MAX], *now; /* now: the present one, or the last */
    struct ask asks[ASKS_MAX];
    struct answer answers[ANSWERS_MAX];
    unsigned i_answer, n_sessions, n_branches;
    /* of the call that is answered or refused after a while */
    char *alert;
    int alert_status;
    bool alert_by_tcp;
    uint64_t alert_ns;
};

/* text.c */
/** A header's value, by either of its names. @return false: there is none */
bool text_header(const char *text, const char *name, char *value, size_t size);
int text_status(const char *text);
const char *text_body(const char *text);
/** "<sip:a@b>;x": the URI in it. */
void text_uri(const char *value, char *uri, size_t size);
/** ";tag=" of a value, "": none. */
void text_tag(const char *value, char *tag, size_t size);
/** Writes a description. @return text */
const char *text_sdp(char *text, size_t size, const struct phone *p, const struct session *s,
                     const struct format *format, enum direction dir);
struct text_media {
    struct addr rtp;
    struct format format;
    enum direction dir; /* as the server says it, turned: the phone's */
};
/** Reads one. wants: the codec that is taken if it is there. @return false: nothing that fits */
bool text_media_read(const char *body, enum codec_id wants, struct text_media *media);

/* ua.c: transactions of a phone */
/** Sends a request. @return NULL: too many are out already */
struct ask *ua_ask(struct session *s, enum ask_why why, const char *method, const char *extra, const char *type,
                   const char *body);
void ua_ack(struct session *s, uint32_t cseq, const char *body);
void ua_cancel(struct ask *ask);
/** Answers a request of the server. to_tag "": as it came. */
void ua_answer(struct phone *p, const char *request, bool by_tcp, int status, const char *to_tag, const char *extra,
               const char *body);
/** 200 to its INVITE, until the ACK comes. */
void ua_accept(struct session *s, const char *request, bool by_tcp, const char *body);
void ua_accepted(struct session *s);
void ua_hear(struct phone *p, bool by_tcp, const char *text);
void ua_run(struct phone *p);
uint64_t ua_next_ns(const struct phone *p);
bool ua_is_busy(const struct phone *p);
/** Forgets all. */
void ua_forget(struct phone *p);

/* phone.c: calls of a phone, as their caller */
void phone_init(struct house *h, unsigned i);
void phone_free(struct phone *p);
struct session *session_begin(struct phone *p);
void session_call(struct session *s, enum purpose purpose, const char *aim, const char *extra);
/** Over, as far as the phone knows. */
void session_end(struct session *s, const char *why);
void session_bye(struct session *s);
/** Another direction or format. by: INVITE or UPDATE */
void session_offer(struct session *s, enum ask_why by, enum direction dir, const struct format *format);
void session_settle(struct session *s, const struct text_media *media);
void session_changed(struct session *s);
/** A response to ask; status 408: none has come. */
void phone_answered(struct ask *ask, int status, const char *text);
bool phone_is_free(const struct phone *p);
/** The latest with that Call-ID. any: also one that a crash has made it forget. @return NULL: none */
struct session *phone_session(struct phone *p, const char *call_id);
struct session *phone_any_session(struct phone *p, const char *call_id);
void phone_crash(struct phone *p);

/* called.c: what the server asks of a phone */
void phone_asked(struct phone *p, const char *method, bool by_tcp, const char *text);
/** The ACK of a 200 of the phone's. */
void phone_acked(struct phone *p, const char *text);
void called_run(struct phone *p);

/* acts.c: what a phone does of its own */
void acts_run(struct phone *p);
/** Waits for a moment before the next one. */
void acts_think(struct phone *p);
/** The operator's, and time's. */
void acts_world(struct house *h);

/* voice.c: RTP of a phone, and its keypad */
void voice_begin(struct session *s);
void voice_run(struct session *s);
uint64_t voice_next_ns(const struct session *s);
void voice_type(struct session *s, const char *keys);
/** Does its direction let it be heard? */
bool voice_may(const struct house *h, const struct session *s);
bool voice_must(const struct house *h, const struct session *s);

#endif
