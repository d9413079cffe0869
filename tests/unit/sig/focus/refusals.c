/*
 * Every refusal of an INVITE that can be provoked, with every feature that has begun something by then: loops of them
 * leave no call, timer, transaction, port, CPU time or quota behind (attack A41). What would run on in a freed call is
 * seen by its destructor (timer_wheel_has), and by an empty wheel at the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "sig/focus/focus_priv.h"
#include "sig/ivr/prompts.h"
#include "tests/unit/call_world.h"

#define QOS(local, remote)                                                                                             \
    SDP_PCMU "a=curr:qos local none\r\na=curr:qos remote none\r\na=des:qos " local " local sendrecv\r\n"               \
             "a=des:qos " remote " remote sendrecv\r\n"
#define QOS_E2E SDP_PCMU "a=curr:qos e2e none\r\na=des:qos mandatory e2e sendrecv\r\n"
#define LIST                                                                                                           \
    "<?xml version=\"1.0\"?>\r\n<resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\"><list>"                \
    "<entry uri=\"sip:bob@192.0.2.50\"/></list></resource-lists>\r\n"

enum { TRIES = 24, NUMBER = 100, CALLERS_MAX = TRIES };

struct conference {
    struct world *w;
    char user[URI_TOKEN_CHARS + 1];
    struct phone first; /* who is there */
    struct place_hold taken;
};

/* --- What is refused ---------------------------------------------------------------------------------------------- */

static struct place_load load_of(struct world *w)
{
    struct place_load load;
    place_load(w->place, &load);
    return load;
}

static void no_cpu(struct conference *c)
{
    struct place_load load = load_of(c->w);
    struct place_cost rest = {.cpu_us = (uint32_t)(load.cpu_budget_us - load.cpu_used_us)};
    assert_int_equal(place_hold(c->w->place, &c->taken, 1, rest), 0);
}

static void no_bandwidth(struct conference *c)
{
    struct place_load load = load_of(c->w);
    struct place_cost rest = {.kbps = (uint32_t)(load.kbps_max - load.kbps_used)};
    assert_int_equal(place_hold(c->w->place, &c->taken, 1, rest), 0);
}

static void no_ports(struct conference *c)
{
    struct place_load load = load_of(c->w);
    uint32_t n = load.pairs - load.pairs_used - load.pairs_held;
    assert_int_equal(place_hold(c->w->place, &c->taken, n, (struct place_cost){0}), 0);
}

static void full(struct conference *c)
{
    c->w->env->cfg.legs_max = 1;
}

static struct store_policy policy_of_it(const struct conference *c)
{
    struct room *room;
    assert_int_equal(room_find(c->w->env, c->user, &room), 0);
    const struct store_policy *is = policy_of(c->w->env, room);
    struct store_policy policy = is ? *is : (struct store_policy){0};
    snprintf(policy.key, sizeof policy.key, "%s", c->user);
    return policy;
}

static void locked(struct conference *c)
{
    struct store_reply reply = {.answer = STORE_POLICY_IS, .policy = policy_of_it(c)};
    reply.policy.is_locked = true;
    policy_take(c->w->env, &reply);
}

static void half_calls(struct conference *c)
{
    struct phone p = phone_of(c->w, 50, c->user);
    c->w->env->cfg.half_calls_max = 1;
    c->w->env->cfg.legs_max = 8;
    assert_int_equal(phone_invite(&p, SDP_PCMU), 200); /* and no ACK */
}

static void over(struct conference *c)
{
    struct room *room;
    assert_int_equal(room_find(c->w->env, c->user, &room), 0);
    room_end(room, ENDING_CONFERENCE);
}

/* What a refusal changes of an INVITE that would be taken. body NULL: the feature's */
static const struct refused {
    const char *name;
    int status; /* of a plain INVITE */
    const char *extra, *type, *body;
    void (*prepare)(struct conference *c);
} refusals[] = {
    {"420", 420, "Require: foo\r\n", NULL, NULL, NULL},
    {"422", 422, "Session-Expires: 30\r\nSupported: timer\r\n", NULL, NULL, NULL},
    {"488 codec", 488, "", "application/sdp", SDP_HEAD "m=audio 7000 RTP/AVP 18\r\n", NULL},
    {"488 limits", 488, "", "application/sdp", SDP_HEAD "m=audio 7000 RTP/FOO 0\r\n", NULL},
    {"415", 415, "", "text/plain", "hello", NULL},
    {"400", 400, "", "application/sdp", "v=1\r\nnothing\r\n", NULL},
    {"406", 406, "Accept: text/plain\r\n", NULL, NULL, NULL},
    {"580", 580, "Supported: 100rel, precondition\r\n", "application/sdp", QOS_E2E, NULL},
    {"421", 421, "Require: precondition\r\n", "application/sdp", QOS("mandatory", "none"), NULL},
    {"481", 481, "Replaces: nobody;to-tag=1;from-tag=2\r\n", NULL, NULL, NULL},
    {"486", 486, "", NULL, NULL, full},
    {"503 CPU", 503, "", NULL, NULL, no_cpu},
    {"503 bandwidth", 503, "", NULL, NULL, no_bandwidth},
    {"503 ports", 503, "", NULL, NULL, no_ports},
    {"503 half calls", 503, "", NULL, NULL, half_calls},
    {"403 locked", 403, "", NULL, NULL, locked},
    {"410", 410, "", NULL, NULL, over},
};

/* --- What has begun by then --------------------------------------------------------------------------------------- */

enum feature {
    PLAIN,
    CONFERENCE_PIN,
    CALLER_PIN,
    BOTH_PINS,
    ANNOUNCEMENT,
    RESERVATION,
    REPLACES,
    EARLY,
    RELIABLE,
    GUESTS,
    DIRECT,
    OFFERLESS,
    FEATURES
};

static void account_put(struct world *w, unsigned number)
{
    struct store_req req = {.op = STORE_ACCOUNT_PUT};
    snprintf(req.account.user, sizeof req.account.user, "p%u", number);
    req.account.is_entitled = req.account.has_pin = true;
    assert_int_equal(store_pin_mac(req.account.pin, w->env->secret, req.account.user, "4711"), 0);
    while (store_put(w->store, &req) != 0) {
        usleep(1000);
    }
}

static void pin_put(struct conference *c)
{
    struct store_reply reply = {.answer = STORE_POLICY_IS, .policy = policy_of_it(c)};
    char subject[AUTH_USER_MAX];
    reply.policy.has_pin = true;
    store_policy_subject(subject, reply.policy.key);
    assert_int_equal(store_pin_mac(reply.policy.pin, c->w->env->secret, subject, "1234"), 0);
    policy_take(c->w->env, &reply);
}

static struct conference conference_with(enum feature feature, const struct refused *refusal,
                                         const struct prompts *prompts)
{
    struct conference c;
    struct place_cfg place = {.n_workers = 1, .budget_us = 1000000, .bandwidth_kbps = 1000000};
    struct env_cfg cfg = {.netann = true, .prompts = prompts, .reservation = feature == RESERVATION};
    bool asks = feature == CALLER_PIN || feature == BOTH_PINS;
    assert_int_equal(reach_read(&cfg.reach, "192.0.2.0/24"), 0);
    c = (struct conference){.w = world_open_on(place, cfg, asks ? "memory" : NULL)};
    world_issue(c.w, 1, c.user);
    c.first = world_join(c.w, 2, c.user, SDP_PCMU);
    if (feature == CONFERENCE_PIN || feature == BOTH_PINS) {
        pin_put(&c);
    }
    if (refusal->prepare) {
        refusal->prepare(&c);
    }
    if (asks) { /* from now on */
        static const struct auth_cfg auth = {.realm = "ims.example", .algorithms = 1};
        assert_int_equal(auth_build(&c.w->focus->auth, &auth), 0);
        c.w->env->cfg.pin = PIN_INSTEAD;
        for (unsigned i = 0; i < CALLERS_MAX; i++) {
            account_put(c.w, NUMBER + i);
        }
    }
    return c;
}

/* The description in the midst of a list of URIs. */
static const char *with_guests(const char *sdp)
{
    static char text[TEXT_MAX / 2];
    snprintf(text, sizeof text,
             "--b1\r\nContent-Type: application/sdp\r\n\r\n%s\r\n--b1\r\nContent-Type: "
             "application/resource-lists+xml\r\nContent-Disposition: recipient-list\r\n\r\n" LIST "\r\n--b1--\r\n",
             sdp);
    return text;
}

static int await(struct world *w, unsigned before, int status)
{
    for (unsigned i = 0; i < 5000 && (status == 0 || status == 100); i++) {
        usleep(500);
        focus_beat(w->focus);
        status = w->n_sent == before ? 0 : status_of(last(w));
    }
    return status;
}

/* One INVITE that has the feature and shall be refused so. @return status */
static int try_it(struct conference *c, enum feature feature, const struct refused *refusal, unsigned number)
{
    char extra[1024], to[256] = "";
    const char *body = refusal->body, *user = c->user;
    struct phone p = phone_of(c->w, number, feature == DIRECT ? "mmtel" : user);
    unsigned before = c->w->n_sent;
    p.type = refusal->type;
    if (!body) {
        body = feature == EARLY ? QOS("mandatory", "none") : feature == OFFERLESS ? NULL : SDP_PCMU;
    }
    if (feature == GUESTS) {
        body = with_guests(body);
        p.type = "multipart/mixed;boundary=b1";
    }
    if (feature == ANNOUNCEMENT) {
        snprintf(p.target, sizeof p.target, "sip:annc@" DOMAIN ";play=file:///hello.wav");
    } else if (feature == DIRECT) {
        snprintf(p.target, sizeof p.target, "sip:mmtel@conf-factory.ims.example");
    }
    if (feature == REPLACES && !strstr(refusal->extra, "Replaces")) {
        snprintf(to, sizeof to, "Replaces: c2@192.0.2.9;to-tag=%s;from-tag=f2\r\n", c->first.to_tag);
    }
    bool reliable = (feature == EARLY || feature == RELIABLE) && refusal->status != 421;
    snprintf(extra, sizeof extra, "%s%s%s", to, reliable ? "Supported: 100rel, precondition\r\n" : "", refusal->extra);
    p.extra = extra;
    int status = phone_send(&p, "INVITE", 0, body);
    return c->w->focus->auth ? await(c->w, before, status) : status;
}

/* --- Pairs -------------------------------------------------------------------------------------------------------- */

static void try_pair(const struct refused *refusal, enum feature feature, const struct prompts *prompts)
{
    struct conference c = conference_with(feature, refusal, prompts);
    const struct env_stats *stats = &c.w->env->stats;
    world_work(c.w);
    world_give(c.w);
    struct place_load before = load_of(c.w), after;
    uint64_t calls = count_get(&stats->calls), half = count_get(&stats->half_calls), subs = count_get(&stats->subs);
    uint64_t confs = count_get(&stats->confs), lobbies = count_get(&stats->lobbies);
    unsigned n_refused = 0;
    for (unsigned i = 0; i < TRIES; i++) {
        int status = try_it(&c, feature, refusal, NUMBER + i);
        assert_int_not_equal(status, 0);
        n_refused += status >= 300;
        if (feature == PLAIN) {
            assert_int_equal(status, refusal->status);
        }
        world_work(c.w);
        world_give(c.w);
        if (status < 300) { /* the feature has it that this is no reason */
            break;
        }
    }
    for (unsigned i = 0; i < 3; i++) { /* a leg comes back, then its lobby, then its conference */
        world_work(c.w);
        world_give(c.w);
    }
    if (n_refused == TRIES) {
        after = load_of(c.w);
        assert_memory_equal(&before, &after, sizeof before);
        assert_int_equal(count_get(&stats->calls), calls);
        assert_int_equal(count_get(&stats->half_calls), half);
        assert_int_equal(count_get(&stats->confs), confs);
        assert_int_equal(count_get(&stats->subs), subs);
        assert_int_equal(count_get(&stats->lobbies), lobbies);
    }
    place_release(c.w->place, &c.taken);
    world_close(c.w);
}

static void test_refusals(void **state)
{
    static int16_t pcm[800];
    struct prompts *prompts;
    assert_int_equal(prompts_build(&prompts), 0);
    assert_int_equal(prompts_add(prompts, "hello.wav", pcm, ARRAY_LEN(pcm), 8000), 0);
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        for (enum feature feature = 0; feature < FEATURES; feature++) {
            try_pair(&refusals[i], feature, prompts);
        }
    }
    prompts_free(prompts);
}

/* The pair that hung all of SIP, to its end: 422 where a PIN is owed, and every dialogue's time runs out. */
static void test_pin_and_422(void **state)
{
    struct conference c = conference_with(CONFERENCE_PIN, &refusals[1], NULL);
    uint32_t n_timers = timer_wheel_count(&c.w->wheel);
    for (unsigned i = 0; i < 200; i++) {
        assert_int_equal(try_it(&c, PLAIN, &refusals[1], 1000 + i), 422);
        if (i % 20 == 19) {
            world_run(c.w, 40000); /* its transaction is over, and PIN_WAIT_S have passed */
            assert_true(timer_wheel_count(&c.w->wheel) <= n_timers);
        }
    }
    assert_int_equal(try_it(&c, PLAIN, &(struct refused){.extra = ""}, 2000), 200);
    world_close(c.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_pin_and_422),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
