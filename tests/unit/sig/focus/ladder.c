/*
 * No memory, anywhere: a script of all that calls do is played again and again, each time with the next allocation
 * failing, until a run has none left to fail. Whatever is answered, nothing aborts, and when all has come to its end
 * the world is empty: no call, timer, transaction, port or leg, and under AddressSanitizer no leak.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sig/ivr/prompts.h"
#include "tests/unit/call_world.h"

#define QOS(now)                                                                                                       \
    SDP_PCMU "a=curr:qos local " now "\r\na=curr:qos remote none\r\na=des:qos mandatory local sendrecv\r\n"            \
             "a=des:qos none remote sendrecv\r\n"

#define GUESTS                                                                                                         \
    "--b1\r\nContent-Type: application/sdp\r\n\r\n" SDP_PCMU                                                           \
    "\r\n--b1\r\nContent-Type: application/resource-lists+xml\r\nContent-Disposition: recipient-list\r\n\r\n"          \
    "<?xml version=\"1.0\"?>\r\n<resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\"><list>"                \
    "<entry uri=\"sip:dave@192.0.2.53\"/></list></resource-lists>\r\n\r\n--b1--\r\n"

/* --- Allocations, by the linker's --wrap -------------------------------------------------------------------------- */

static bool is_armed;
static uint64_t n_asked, fails_at, span = 1; /* which fail: so many from that on */
static unsigned n_failed;

static bool fails(void)
{
    bool fails = is_armed && n_asked >= fails_at && n_asked - fails_at < span;
    n_asked += is_armed;
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

static void script(struct world *w, const char *user, const char *pin_user)
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

static void run(const struct prompts *prompts, bool reservation)
{
    struct env_cfg cfg = {.netann = true, .prompts = prompts, .reservation = reservation};
    char user[URI_TOKEN_CHARS + 1], pin_user[URI_TOKEN_CHARS + 1];
    assert_int_equal(reach_read(&cfg.reach, "192.0.2.0/24"), 0);
    struct world *w = world_open(cfg, 0, NULL);
    world_issue(w, 1, user);
    world_issue(w, 2, pin_user);
    pin_put(w, pin_user);
    n_asked = 0;
    n_failed = 0;
    is_armed = true;
    script(w, user, pin_user);
    is_armed = false;
    world_close(w);
}

static void test_ladder(void **state)
{
    static int16_t pcm[800];
    struct prompts *prompts;
    assert_int_equal(prompts_build(&prompts), 0);
    assert_int_equal(prompts_add(prompts, "hello.wav", pcm, ARRAY_LEN(pcm), 8000), 0);
    fails_at = UINT64_MAX;
    run(prompts, false);
    uint64_t n_all = n_asked;
    print_message("%llu allocations\n", (unsigned long long)n_all);
    assert_true(n_all > 200);
    const char *only = getenv("LADDER_AT"); /* one step, for a debugger */
    for (uint64_t k = only ? strtoull(only, NULL, 10) : 0; k < UINT64_MAX; k++) {
        fails_at = k;
        run(prompts, k % 2);
        if (n_failed == 0 || only) {
            break;
        }
        span = k % 5 == 4 ? 1 + k % 17 : 1; /* now and then several in a row */
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
