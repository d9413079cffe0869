/*
 * A world for calls: the focus over the real transaction layer on a virtual clock, workers whose side of the rings the
 * test plays, and phones that speak SIP as text. Failures abort. The workers know
 * which legs they have where, and insist on the order in which things may come and go.
 */
#ifndef TESTS_UNIT_CALL_WORLD_H
#define TESTS_UNIT_CALL_WORLD_H

#include "core/conf/conf.h"
#include "core/conf/leg.h"
#include "core/ctl.h"
#include "sig/call/call.h"
#include "sig/focus/focus.h"
#include "sig/room/annex.h"
#include "sig/room/event_id.h"
#include "sig/room/room.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SENT_MAX 64
#define WORLD_TURN_FULL 48
#define WORLD_LONGEST_S 1000 /* longer than anything waits: an INVITE that nobody answers (TXN_PENDING_MAX_MS) */
#define WALL_S 1700000000    /* when a world begins */
#define TEXT_MAX 65536
#define DOMAIN "127.0.0.1:5060"
#define SDP_HEAD "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
#define SDP_PCMU SDP_HEAD "m=audio 7000 RTP/AVP 0\r\n"
#define SDP_PCMA SDP_HEAD "m=audio 7000 RTP/AVP 8\r\n"
#define SDP_HOLD SDP_HEAD "m=audio 7000 RTP/AVP 0\r\na=inactive\r\n"
#define SDP_SAVP SDP_HEAD "m=audio 7000 RTP/SAVP 0\r\n"

struct world {
    struct timer_wheel wheel;
    struct place *place;
    struct store *store;
    struct focus *focus;
    struct env *env;
    struct txns *txns;
    struct ctl ctl, others[2]; /* of the first worker, and more */
    unsigned n_workers;
    struct has {
        struct leg *leg;
        struct conf *conf;
        unsigned worker;
    } has[512]; /* legs that workers have */
    unsigned n_has;
    uint64_t now_ns, seed;
    uint64_t wall_s;               /* what the wall clock says at now_ns 0: a test sets the clock by it */
    char sent[SENT_MAX][TEXT_MAX]; /* a ring: the last ones */
    struct flow flows[SENT_MAX];   /* where to */
    unsigned n_sent, i_answer;     /* i_answer: the last response among them */
    struct ctl_req reqs[64];       /* what the workers were asked since the last look */
    unsigned n_reqs;
    unsigned n_opened, n_alive; /* beside those: legs that may be sent to, and are said to live */
    struct leg *legs[256];      /* dropped or swapped out, not yet given back */
    unsigned leg_from[256];
    unsigned n_legs;
    struct conf *confs[256];
    unsigned conf_from[256];
    unsigned n_confs;
};

struct phone {
    struct world *w;
    unsigned number, cseq, branch;
    char target[256]; /* Request-URI of the INVITE, then the Contact of the 200 */
    char to_tag[64];
    const char *extra; /* header lines */
    const char *host;  /* where it sends from; NULL: 192.0.2.9 */
    const char *type;
    bool no_contact; /* but for one in extra */
};

uint64_t draw(struct world *w);
uint64_t world_wall_s(void *ctx);
struct ctl *world_ctl(struct world *w, unsigned worker);
struct world *world_open_at(struct place_cfg place, struct env_cfg cfg, const char *store, uint64_t wall_s);
struct world *world_open_on(struct place_cfg place, struct env_cfg cfg, const char *store);
struct world *world_open(struct env_cfg cfg, uint32_t budget_us, const char *store);
/** Where a leg is. @return NULL: nowhere */
struct has *world_has(struct world *w, const struct leg *leg);
void worker_does(struct world *w, unsigned worker, const struct ctl_req *req);
/** What the workers would do at the start of a beat: they take all requests; what is to come back waits for world_give.
 */
void world_work(struct world *w);
void world_give(struct world *w);
void world_run(struct world *w, uint64_t ms);
/** Nobody is in a call: all that calls hold of workers, ports and limits has come back. */
void world_check_empty(struct world *w);
/** Time passes until nobody waits for it any more; a timer that still runs then has outlived what it was for. */
void world_run_out(struct world *w);
void world_close(struct world *w);
const char *last(const struct world *w);
int status_of(const char *text);
bool header(const char *text, const char *name, char *value, size_t size);
struct phone phone_of(struct world *w, unsigned number, const char *user);
/** The response that was sent last: a NOTIFY may have gone out behind it. */
const char *world_answer(const struct world *w);
/** Sends a request; CSeq 0: the phone's next. @return status of its last answer, 0: nothing was sent */
int phone_send(struct phone *p, const char *method, unsigned cseq, const char *body);
/** INVITE; keeps the dialog of a 200. */
int phone_invite(struct phone *p, const char *body);
int phone_ack(struct phone *p, const char *body);
unsigned count_sent(const struct world *w, const char *start);
/** The i-th last message that was sent, 0 the last. */
const char *world_sent(const struct world *w, unsigned i);
/** The last request of that start, such as "INVITE "; "" if none is remembered. */
const char *world_request(const struct world *w, const char *start);
/** What a called phone says to a request of ours: it comes from where that went. tag: of its To, "": none. */
void world_reply(struct world *w, const char *request, int status, const char *tag, const char *extra,
                 const char *body);
/** Answers the BYE that was sent last. */
void answer_bye(struct world *w, const char *bye, int status);
/** A factory call by redirect, with its ACK: the user part of the conference. */
void world_issue(struct world *w, unsigned number, char user[URI_TOKEN_CHARS + 1]);
/** A phone in a conference. */
struct phone world_join(struct world *w, unsigned number, const char *user, const char *body);

#endif
