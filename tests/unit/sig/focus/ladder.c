/*
 * No memory, anywhere: scripts of all that calls do are played again and again, each time with the next allocation
 * failing, until a run has none left to fail: that run succeeds. Nothing aborts, and when all has come to its end the
 * world is empty: no call, timer, transaction, port or leg, and under AddressSanitizer no leak.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "sig/ivr/prompts.h"
#include "tests/unit/call_world.h"

#define QOS(now)                                                                                                       \
    SDP_PCMU "a=curr:qos local " now "\r\na=curr:qos remote none\r\na=des:qos mandatory local sendrecv\r\n"            \
             "a=des:qos none remote sendrecv\r\n"

#define REALM "ims.example"
#define CRYPTO(n)                                                                                                      \
    SDP_HEAD "m=audio 7000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 "                                          \
             "inline:" n "0123456789012345678901234567890123456789\r\n"

#define GUESTS                                                                                                         \
    "--b1\r\nContent-Type: application/sdp\r\n\r\n" SDP_PCMU                                                           \
    "\r\n--b1\r\nContent-Type: application/resource-lists+xml\r\nContent-Disposition: recipient-list\r\n\r\n"          \
    "<?xml version=\"1.0\"?>\r\n<resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\"><list>"                \
    "<entry uri=\"sip:dave@192.0.2.53\"/></list></resource-lists>\r\n\r\n--b1--\r\n"

/* --- Allocations, by the linker's --wrap -------------------------------------------------------------------------- */

static _Thread_local bool is_armed;          /* the test's thread alone: the store has one of its own */
static uint64_t n_asked, fails_at, span = 1; /* which fail: so many from that on */
static unsigned n_failed;

static bool fails(void)
{
    if (!is_armed) {
        return false;
    }
    bool fails = n_asked >= fails_at && n_asked - fails_at < span;
    n_asked++;
    n_failed += fails;
    return fails;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *text);

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails() ? NULL : __real_realloc(p, n);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

/* --- The script --------------------------------------------------------------------------------------------------- */

static void breathe(struct world *w)
{
    world_work(w);
    world_give(w);
    world_run(w, 600);
}

/* The dialog that the last answer makes, if it makes one. */
static void learn(struct phone *p)
{
    char value[512];
    const char *text = world_answer(p->w);
    if (header(text, "To", value, sizeof value) && strstr(value, ";tag=")) {
        snprintf(p->to_tag, sizeof p->to_tag, "%s", strstr(value, ";tag=") + 5);
    }
    if (header(text, "Contact", value, sizeof value)) {
        snprintf(p->target, sizeof p->target, "%.*s", (int)strcspn(value + 1, ">"), value + 1);
    }
}

static int come(struct phone *p, const char *extra, const char *body, const char *ack)
{
    p->extra = extra;
    int status = phone_send(p, "INVITE", 0, body);
    p->extra = NULL;
    if (status >= 180 && status < 300) {
        learn(p);
    }
    if (status >= 200 && status < 300) {
        phone_ack(p, ack);
    }
    return status;
}

static void answer_all(struct world *w, const char *method, int status, const char *extra, const char *body)
{
    static char request[TEXT_MAX];
    for (unsigned i = 0; i < 8; i++) {
        snprintf(request, sizeof request, "%s", world_sent(w, i));
        if (strncmp(request, method, strlen(method)) == 0) {
            world_reply(w, request, status, "t", extra, body);
            return;
        }
    }
}

static void keys(struct world *w, const char *text)
{
    for (; *text; text++) {
        struct ctl_ev ev = {.event = EV_DTMF, .value = (uint32_t)*text};
        for (struct call *call = w->env->calls; call; call = call->next) {
            ev.id = call->member.is_waiting ? event_id(EVENT_CALL, call) : ev.id;
        }
        if (ev.id) {
            must(ring_put(&w->ctl.events, &ev));
            focus_beat(w->focus);
        }
    }
}

/* --- Calls, one worker -------------------------------------------------------------------------------------------- */

static void calls_play(struct world *w, const char *user, const char *pin_user)
{
    char rack[64], rseq[32];
    struct phone p = phone_of(w, 10, "conferences"), a = phone_of(w, 11, user), b = phone_of(w, 12, user);
    come(&p, NULL, SDP_PCMU, NULL);
    come(&a, "Supported: timer\r\nSession-Expires: 90;refresher=uas\r\nAllow: UPDATE\r\n", SDP_PCMU, NULL);
    breathe(w);
    come(&a, NULL, SDP_HOLD, NULL);
    come(&a, NULL, SDP_PCMA, NULL);
    breathe(w);
    phone_send(&a, "UPDATE", 0, SDP_PCMU);
    a.extra = "Event: conference\r\nExpires: 600\r\n";
    phone_send(&a, "SUBSCRIBE", 0, NULL);
    answer_all(w, "NOTIFY ", 200, "", NULL);
    a.extra = "Refer-To: <sip:bob@192.0.2.50>\r\n";
    phone_send(&a, "REFER", 0, NULL);
    answer_all(w, "INVITE ", 180, "Contact: <sip:bob@192.0.2.50>\r\n", NULL);
    answer_all(w, "INVITE ", 200, "Contact: <sip:bob@192.0.2.50>\r\n", SDP_PCMU);
    answer_all(w, "NOTIFY ", 200, "", NULL);
    breathe(w);
    a.extra = "Refer-To: <sip:carol@192.0.2.51>\r\n";
    phone_send(&a, "REFER", 0, NULL);
    answer_all(w, "INVITE ", 302, "Contact: <sip:carol@192.0.2.52>\r\n", NULL);
    answer_all(w, "INVITE ", 486, "", NULL);
    a.extra = NULL;
    come(&b, NULL, NULL, SDP_PCMU); /* our offer, its answer in the ACK */
    breathe(w);
    come(&b, NULL, NULL, SDP_PCMA);
    world_run(w, 50000); /* a refresh of ours */
    answer_all(w, "UPDATE ", 200, "Session-Expires: 90;refresher=uac\r\n", NULL);
    answer_all(w, "INVITE ", 200, "Contact: <sip:p11@192.0.2.9>\r\n", SDP_PCMU);
    breathe(w);
    struct phone pin = phone_of(w, 13, pin_user), annc = phone_of(w, 14, "annc"), early = phone_of(w, 15, user);
    come(&pin, NULL, SDP_PCMU, NULL);
    breathe(w);
    keys(w, "99#1234#");
    breathe(w);
    strcat(annc.target, ";play=file:///hello.wav");
    come(&annc, NULL, SDP_PCMU, NULL);
    breathe(w);
    come(&early, "Supported: 100rel, precondition\r\nRequire: precondition\r\n", QOS("none"), NULL);
    if (header(world_answer(w), "RSeq", rseq, sizeof rseq)) {
        snprintf(rack, sizeof rack, "RAck: %.31s %u INVITE\r\n", rseq, early.cseq);
        early.extra = rack;
        phone_send(&early, "PRACK", 0, NULL);
        early.extra = NULL;
        phone_send(&early, "UPDATE", 0, QOS("sendrecv"));
    }
    breathe(w);
    struct phone guests = phone_of(w, 17, user), after = phone_of(w, 18, user);
    char replaces[256];
    guests.type = "multipart/mixed;boundary=b1";
    come(&guests, NULL, GUESTS, NULL);
    answer_all(w, "INVITE ", 404, "", NULL);
    snprintf(replaces, sizeof replaces, "Replaces: c12@192.0.2.9;to-tag=%s;from-tag=f12\r\n", b.to_tag);
    come(&after, replaces, SDP_PCMU, NULL);
    breathe(w);
    struct phone watch = phone_of(w, 11, user); /* in a dialog of its own */
    watch.branch = watch.cseq = 500;
    watch.extra = "Event: conference\r\nExpires: 60\r\n";
    phone_send(&watch, "SUBSCRIBE", 0, NULL);
    answer_all(w, "NOTIFY ", 200, "", NULL);
    struct phone other = phone_of(w, 16, user);
    come(&other, NULL, SDP_SAVP, NULL); /* refused */
    phone_send(&a, "BYE", 0, NULL);
    phone_send(&annc, "BYE", 0, NULL);
    breathe(w);
}

static void pin_put(struct world *w, const char *token)
{
    struct store_reply reply = {.answer = STORE_POLICY_IS};
    char subject[AUTH_USER_MAX];
    snprintf(reply.policy.key, sizeof reply.policy.key, "%s", token);
    reply.policy.has_pin = true;
    store_policy_subject(subject, reply.policy.key);
    assert_int_equal(store_pin_mac(reply.policy.pin, w->env->secret, subject, "1234"), 0);
    policy_take(w->env, &reply);
}

static struct world *calls_open(const struct prompts *prompts, bool reservation)
{
    struct env_cfg cfg = {.netann = true, .prompts = prompts, .reservation = reservation};
    assert_int_equal(reach_read(&cfg.reach, "192.0.2.0/24"), 0);
    return world_open(cfg, 0, NULL);
}

static void calls(struct world *w)
{
    char user[URI_TOKEN_CHARS + 1], pin_user[URI_TOKEN_CHARS + 1];
    is_armed = false;
    world_issue(w, 1, user);
    world_issue(w, 2, pin_user);
    pin_put(w, pin_user);
    is_armed = true;
    calls_play(w, user, pin_user);
}

/* --- Several workers, SRTP ---------------------------------------------------------------------------------------- */

enum { WORKER_LEGS = 3, RESERVE = 1, CROWD = 5 };

static struct world *workers_open(const struct prompts *prompts, bool reservation)
{
    struct place_cfg place = {.n_workers = 3, .worker_legs_max = WORKER_LEGS, .reserve_legs = RESERVE};
    return world_open_on(place, (struct env_cfg){.factory_mode = FACTORY_DIRECT, .legs_max = 20}, NULL);
}

/* Something of each call that a worker has. */
static void each(struct world *w, enum ctl_event what, uint32_t value)
{
    for (struct call *call = w->env->calls; call; call = call->next) {
        struct has *has = call->leg ? world_has(w, call->leg) : NULL;
        struct ctl_ev ev = {.event = what, .id = event_id(EVENT_CALL, call), .value = value};
        if (has && call->state == CALL_UP) {
            must(ring_put(&world_ctl(w, has->worker)->events, &ev));
        }
    }
    focus_beat(w->focus);
    breathe(w);
}

static void workers(struct world *w)
{
    static const char *const bodies[] = {SDP_PCMU, CRYPTO("a"), SDP_PCMA, CRYPTO("b"), NULL};
    struct phone phones[CROWD];
    char user[64] = "conferences";
    for (unsigned i = 0; i < CROWD; i++) {
        phones[i] = phone_of(w, 20 + i, user);
        if (come(&phones[i], NULL, bodies[i], bodies[i] ? NULL : SDP_PCMU) == 200) {
            must(sscanf(phones[i].target, "sip:%63[^@]", user) == 1);
        }
        breathe(w);
    }
    each(w, EV_SILENT, 1);
    each(w, EV_SPEAKS, 0);
    each(w, EV_SSRC, 77);
    for (unsigned i = 0; i < CROWD; i += 2) {
        come(&phones[i], NULL, i % 4 ? SDP_HOLD : CRYPTO("c"), NULL);
        breathe(w);
    }
    each(w, EV_QUIET, 0);
    for (unsigned i = 0; i < CROWD; i++) {
        phone_send(&phones[i], "BYE", 0, NULL);
    }
    breathe(w);
}

/* --- Accounts ----------------------------------------------------------------------------------------------------- */

static struct world *accounts_open(const struct prompts *prompts, bool reservation)
{
    struct env_cfg cfg = {.realm = REALM, .pin = PIN_ALSO, .prompts = prompts, .reservation = reservation};
    struct world *w = world_open(cfg, 0, "memory");
    struct store_req req = {.op = STORE_ACCOUNT_PUT, .account = {.user = "alice", .is_entitled = true}};
    assert_int_equal(auth_secret_make(&req.account.secret, "alice", REALM, "sesame"), 0);
    assert_int_equal(store_put(w->store, &req), 0);
    return w;
}

/* The store has a thread of its own: an answer takes a moment of real time, or never comes for want of memory. */
static int await(struct world *w, unsigned before)
{
    for (unsigned i = 0; i < 100 && w->n_sent == before; i++) {
        usleep(200);
        focus_beat(w->focus);
    }
    return w->n_sent == before ? 0 : status_of(last(w));
}

/* Sends a request, and once more with credentials for the challenge that it gets. @return status */
static int prove(struct phone *p, const char *method, enum sip_method as, const char *extra, const char *password,
                 const char *body)
{
    struct flow flow = {.transport = FLOW_UDP, .conn = FLOW_NO_CONN};
    char value[2048], line[2400];
    struct sip_msg *msg;
    unsigned before = p->w->n_sent;
    p->extra = extra;
    phone_send(p, method, 0, body);
    int status = await(p->w, before);
    if (status != 401) {
        return status;
    }
    is_armed = false; /* the phone has memory */
    must(addr_parse(&flow.remote, "192.0.2.9", 5060) == 0);
    must(sip_parse(last(p->w), strlen(last(p->w)), &flow, &msg) == REFUSE_NONE);
    int err = auth_answer(msg, REALM, "alice", password, as, p->target, 1, value, sizeof value);
    sip_free(msg);
    is_armed = true;
    if (err) {
        return 0; /* half a challenge is none */
    }
    snprintf(line, sizeof line, "Authorization: %s\r\n%s", value, extra ? extra : "");
    p->extra = line;
    before = p->w->n_sent;
    phone_send(p, method, 0, body);
    status = await(p->w, before);
    p->extra = NULL;
    return status;
}

static void accounts(struct world *w)
{
    struct phone p = phone_of(w, 30, "conferences");
    prove(&p, "INVITE", SIP_INVITE, NULL, "wrong", SDP_PCMU);
    if (prove(&p, "INVITE", SIP_INVITE, NULL, "sesame", SDP_PCMU) == 302) {
        learn(&p);
        p.to_tag[0] = '\0';
        if (prove(&p, "INVITE", SIP_INVITE, NULL, "sesame", SDP_PCMU) == 200) {
            learn(&p);
            phone_ack(&p, NULL);
        }
    }
    breathe(w);
    struct phone watch = phone_of(w, 31, "conferences");
    snprintf(watch.target, sizeof watch.target, "%s", p.target);
    prove(&watch, "SUBSCRIBE", SIP_SUBSCRIBE, "Event: conference\r\nExpires: 60\r\n", "sesame", NULL);
    answer_all(w, "NOTIFY ", 200, "", NULL);
    phone_send(&p, "BYE", 0, NULL);
    breathe(w);
}

/* --- The ladder --------------------------------------------------------------------------------------------------- */

static const struct scenario {
    const char *name;
    struct world *(*open)(const struct prompts *prompts, bool reservation);
    void (*play)(struct world *w);
    uint64_t n_least; /* so many allocations at least */
} scenarios[] = {
    {"calls", calls_open, calls, 300},
    {"workers", workers_open, workers, 100},
    {"accounts", accounts_open, accounts, 40},
};

/* What was counted for want of memory. */
static uint64_t complaints(const struct world *w)
{
    const struct txn_stats *txn = txns_stats(w->txns);
    const struct env_stats *stats = &w->env->stats;
    return count_get(&stats->ended[ENDING_FAULT]) + count_get(&stats->ended[ENDING_ANSWER]) +
           count_get(&stats->refused[REFUSAL_MEMORY]) + count_get(&stats->refused[REFUSAL_FAULT]) +
           count_get(&stats->moves_refused) + count_get(&txn->no_memory) + count_get(&txn->refused[REFUSE_MEMORY]);
}

/* @return what was counted as wrong */
static uint64_t run(const struct scenario *s, const struct prompts *prompts, bool reservation)
{
    struct world *w = s->open(prompts, reservation);
    n_asked = 0;
    n_failed = 0;
    is_armed = true;
    s->play(w);
    is_armed = false;
    uint64_t n = complaints(w);
    world_close(w);
    return n;
}

static void climb(const struct scenario *s, const struct prompts *prompts)
{
    fails_at = UINT64_MAX;
    span = 1;
    uint64_t usual = run(s, prompts, false), n_steps = 0, n_counted = 0;
    uint64_t n_all = n_asked;
    assert_true(n_all >= s->n_least);
    const char *only = getenv("LADDER_AT"); /* one step, for a debugger */
    for (uint64_t k = only ? strtoull(only, NULL, 10) : 0; k < UINT64_MAX; k++) {
        fails_at = k;
        uint64_t n = run(s, prompts, k % 2);
        if (n_failed == 0 || only) {
            break;
        }
        n_steps++;
        n_counted += n != usual;
        span = k % 5 == 4 ? 1 + k % 17 : 1; /* now and then several in a row */
    }
    print_message("%s: %llu allocations, %llu steps, in %llu a counter of what went wrong has moved\n", s->name,
                  (unsigned long long)n_all, (unsigned long long)n_steps, (unsigned long long)n_counted);
    assert_true(only || n_counted * 10 >= n_steps * 8); /* the rest is harmless: a block that could not be shrunk */
}

static void test_ladder(void **state)
{
    static int16_t pcm[800];
    struct prompts *prompts;
    const char *name = getenv("LADDER");
    assert_int_equal(prompts_build(&prompts), 0);
    assert_int_equal(prompts_add(prompts, "hello.wav", pcm, ARRAY_LEN(pcm), 8000), 0);
    for (size_t i = 0; i < ARRAY_LEN(scenarios); i++) {
        if (!name || strcmp(name, scenarios[i].name) == 0) {
            climb(&scenarios[i], prompts);
        }
    }
    prompts_free(prompts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ladder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
