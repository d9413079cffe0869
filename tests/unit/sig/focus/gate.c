/*
 * Who may: rows 23, 24, 25, 63, 64, 65 and attacks A12, A14, A18. The store has a thread of its own, so an answer takes
 * a moment of real time; all else is on the virtual clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "sig/focus/focus_priv.h"
#include "tests/unit/call_world.h"

#define REALM "ims.example"

static void account_put(struct world *w, const char *user, const char *password, bool entitled, bool blocked)
{
    struct store_req req = {.op = STORE_ACCOUNT_PUT};
    snprintf(req.account.user, sizeof req.account.user, "%s", user);
    req.account.is_entitled = entitled;
    req.account.is_blocked = blocked;
    assert_int_equal(auth_secret_make(&req.account.secret, user, REALM, password), 0);
    assert_int_equal(store_put(w->store, &req), 0);
}

static struct world *open_with(struct env_cfg cfg)
{
    snprintf(cfg.realm, sizeof cfg.realm, REALM);
    struct world *w = world_open(cfg, 0, "memory");
    account_put(w, "alice", "sesame", true, false);
    account_put(w, "bob", "tulip", false, false);
    account_put(w, "mallory", "rose", true, true);
    return w;
}

/* Until something is sent, or for two seconds. @return its status */
static int await(struct world *w, unsigned before)
{
    for (unsigned i = 0; i < 2000 && w->n_sent == before; i++) {
        usleep(1000);
        focus_beat(w->focus);
    }
    return w->n_sent == before ? 0 : status_of(last(w));
}

/* Sends the INVITE again with credentials for the challenge that was sent last. @return status */
static int answer(struct phone *p, const char *user, const char *password, const char *body, char line[2100])
{
    struct flow flow = {.transport = FLOW_UDP, .conn = FLOW_NO_CONN};
    struct sip_msg *msg;
    char value[2048];
    assert_int_equal(addr_parse(&flow.remote, "192.0.2.9", 5060), 0);
    assert_int_equal(sip_parse(last(p->w), strlen(last(p->w)), &flow, &msg), REFUSE_NONE);
    assert_int_equal(auth_answer(msg, REALM, user, password, SIP_INVITE, p->target, 1, value, sizeof value), 0);
    sip_free(msg);
    snprintf(line, 2100, "Authorization: %s\r\n", value);
    p->extra = line;
    unsigned before = p->w->n_sent;
    phone_send(p, "INVITE", 0, body);
    return await(p->w, before);
}

static int call(struct world *w, unsigned number, const char *target, const char *user, const char *password)
{
    char line[2100];
    struct phone p = phone_of(w, number, target);
    assert_int_equal(phone_send(&p, "INVITE", 0, SDP_PCMU), 401);
    return answer(&p, user, password, SDP_PCMU, line);
}

static void conference_of(const struct world *w, char user[URI_TOKEN_CHARS + 1])
{
    char contact[512];
    assert_true(header(last(w), "Contact", contact, sizeof contact));
    snprintf(user, URI_TOKEN_CHARS + 1, "%.*s", URI_TOKEN_CHARS, contact + 5);
}

/* A5: a challenge goes to whoever is named as the source, once; it is repeated when the request is (RFC 3261 26.3.2.4).
 */
static void test_challenged_once(void **state)
{
    struct world *w = open_with((struct env_cfg){0});
    struct phone p = phone_of(w, 1, "conferences");
    assert_int_equal(phone_send(&p, "INVITE", 0, SDP_PCMU), 401);
    unsigned before = w->n_sent;
    world_run(w, 10000);
    assert_int_equal(w->n_sent, before);
    p.branch--;
    assert_int_equal(phone_send(&p, "INVITE", p.cseq, SDP_PCMU), 401);
    assert_int_equal(w->n_sent, before + 1);
    world_run(w, 60000);
    world_close(w);
}

/* A36: the clock is set by hours either way: who was challenged before is let in after, nobody's old credentials are
 * good once more, and who comes later is challenged once. */
static void test_clock_set(void **state)
{
    static const int64_t jumps_s[] = {3600, -7200, 365 * 86400, -400 * 86400};
    struct world *w = open_with((struct env_cfg){0});
    char line[2100];
    unsigned number = 1;
    for (size_t i = 0; i < ARRAY_LEN(jumps_s); i++) {
        struct phone p = phone_of(w, number++, "conferences");
        assert_int_equal(phone_send(&p, "INVITE", 0, SDP_PCMU), 401);
        w->wall_s += (uint64_t)jumps_s[i];
        assert_int_equal(answer(&p, "alice", "sesame", SDP_PCMU, line), 302);
        unsigned before = w->n_sent;
        phone_send(&p, "INVITE", 0, SDP_PCMU); /* the same credentials */
        assert_int_equal(await(w, before), 401);
        assert_int_equal(call(w, number++, "conferences", "alice", "sesame"), 302);
    }
    world_close(w);
}

/* Rows 23, 24, 63: challenged at the factory and at the conference; right is let in, wrong is not, whoever it is.
 * C28, C30. */
static void test_digest(void **state)
{
    struct world *w = open_with((struct env_cfg){0});
    char user[URI_TOKEN_CHARS + 1], wrong[TEXT_MAX], unknown[TEXT_MAX];
    assert_int_equal(call(w, 1, "conferences", "alice", "sesame"), 302);
    conference_of(w, user);
    struct phone p = phone_of(w, 2, user);
    assert_int_equal(phone_send(&p, "INVITE", 0, SDP_PCMU), 401);
    assert_int_equal(count_get(&w->env->stats.calls), 0); /* the join is blocked until the verdict */
    char line[2100];
    assert_int_equal(answer(&p, "alice", "sesame", SDP_PCMU, line), 200);
    assert_string_equal(w->env->calls->member.who.user, "alice");
    assert_false(w->env->calls->member.who.is_asserted);

    assert_int_equal(call(w, 3, "conferences", "alice", "sesame!"), 403);
    strcpy(wrong, strstr(last(w), "Call-ID") ? strchr(last(w), ' ') : "");
    assert_int_equal(call(w, 4, "conferences", "nobody", "sesame"), 403);
    strcpy(unknown, strchr(last(w), ' '));
    unknown[strcspn(unknown, "\r")] = wrong[strcspn(wrong, "\r")] = '\0';
    assert_string_equal(wrong, unknown); /* A14: the same words */
    assert_int_equal(count_get(&w->env->stats.refused[REFUSAL_CREDENTIALS]), 2);
    assert_int_equal(count_get(&w->env->stats.confs_made), 1);
    world_close(w);
}

static void dialog_learn(struct phone *p)
{
    char value[512];
    assert_true(header(world_answer(p->w), "To", value, sizeof value));
    snprintf(p->to_tag, sizeof p->to_tag, "%s", strstr(value, ";tag=") + 5);
    assert_true(header(world_answer(p->w), "Contact", value, sizeof value));
    snprintf(p->target, sizeof p->target, "%.*s", (int)strcspn(value + 1, ">"), value + 1);
}

/* A10: from another host a request within a dialog is of whoever proves to be its caller, and of nobody else; one that
 * has gone to another network goes on from there. */
static void test_another_network(void **state)
{
    static const char *const methods[] = {"BYE", "INVITE", "UPDATE", "REFER", "INFO", "SUBSCRIBE"};
    struct world *w = open_with((struct env_cfg){0});
    char user[URI_TOKEN_CHARS + 1], line[2100];
    account_put(w, "carol", "daisy", true, false);
    assert_int_equal(call(w, 1, "conferences", "alice", "sesame"), 302);
    conference_of(w, user);
    struct phone p = phone_of(w, 2, user);
    assert_int_equal(phone_send(&p, "INVITE", 0, SDP_PCMU), 401);
    assert_int_equal(answer(&p, "alice", "sesame", SDP_PCMU, line), 200);
    w->i_answer = w->n_sent - 1;
    dialog_learn(&p);
    p.extra = NULL;
    phone_ack(&p, NULL);
    world_work(w);
    p.host = "192.0.2.66";
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        p.extra = "Event: conference\r\nRefer-To: <sip:x@192.0.2.66>\r\n";
        assert_int_equal(phone_send(&p, methods[i], 0, strcmp(methods[i], "INVITE") == 0 ? SDP_HOLD : NULL), 401);
    }
    p.extra = NULL;
    assert_int_equal(phone_send(&p, "INVITE", 0, SDP_PCMU), 401);
    assert_int_equal(answer(&p, "carol", "daisy", SDP_PCMU, line), 403); /* somebody, and somebody else */
    p.extra = NULL;
    assert_int_equal(phone_send(&p, "INVITE", 0, SDP_PCMU), 401);
    assert_int_equal(answer(&p, "alice", "sesame!", SDP_PCMU, line), 403);
    world_work(w);
    assert_int_equal(w->n_reqs, 0); /* no worker has heard of any of it */
    assert_int_equal(w->env->calls->state, CALL_UP);
    p.extra = NULL;
    assert_int_equal(phone_send(&p, "INVITE", 0, SDP_HOLD), 401);
    assert_int_equal(answer(&p, "alice", "sesame", SDP_HOLD, line), 200);
    p.extra = NULL;
    phone_ack(&p, NULL);
    struct addr there;
    assert_int_equal(addr_parse(&there, "192.0.2.66", 0), 0);
    assert_true(addr_same_host(&w->env->calls->dialog.flow.remote, &there));
    assert_int_equal(phone_send(&p, "BYE", 0, NULL), 200); /* it is at home there now */
    world_close(w);
}

/* Rows 64 and 65: one look-up says both who he is and what he may. */
static void test_entitlement(void **state)
{
    struct world *w = open_with((struct env_cfg){0});
    assert_int_equal(call(w, 1, "conferences", "bob", "tulip"), 403);
    assert_int_equal(count_get(&w->env->stats.refused[REFUSAL_ENTITLEMENT]), 1);
    assert_int_equal(call(w, 2, "conferences", "bob", "tulips"), 403);
    assert_int_equal(count_get(&w->env->stats.refused[REFUSAL_ENTITLEMENT]), 1); /* nothing told before the password */
    assert_int_equal(call(w, 3, "conferences", "mallory", "rose"), 403);
    assert_int_equal(count_get(&w->env->stats.confs_made), 0);
    world_close(w);
}

/* Row 25, the other mode: the factory allocates on the INVITE itself; joining still needs credentials. */
static void test_allocate_before(void **state)
{
    struct world *w = open_with((struct env_cfg){.allocate_before_auth = true});
    char user[URI_TOKEN_CHARS + 1];
    struct phone p = phone_of(w, 1, "conferences");
    assert_int_equal(phone_send(&p, "INVITE", 0, SDP_PCMU), 302);
    conference_of(w, user);
    p = phone_of(w, 2, user);
    assert_int_equal(phone_send(&p, "INVITE", 0, SDP_PCMU), 401);
    assert_int_equal(call(w, 3, user, "alice", "sesame"), 200);
    world_close(w);
}

/* A12: a captured request does not work twice, nor for another conference. C29. */
static void test_replay(void **state)
{
    struct world *w = open_with((struct env_cfg){0});
    char line[2100], value[512];
    struct phone p = phone_of(w, 1, "conferences");
    assert_int_equal(phone_send(&p, "INVITE", 0, SDP_PCMU), 401);
    assert_int_equal(answer(&p, "alice", "sesame", SDP_PCMU, line), 302);
    struct phone thief = phone_of(w, 2, "conferences");
    thief.extra = line;
    unsigned before = w->n_sent;
    phone_send(&thief, "INVITE", 0, SDP_PCMU);
    assert_int_equal(await(w, before), 401);
    assert_true(header(last(w), "WWW-Authenticate", value, sizeof value) && strstr(value, "stale=true"));
    thief = phone_of(w, 3, "mmtel");
    thief.extra = line;
    snprintf(thief.target, sizeof thief.target, "sip:mmtel@conf-factory.ims.mnc001.mcc262.3gppnetwork.org");
    assert_int_equal(phone_send(&thief, "INVITE", 0, SDP_PCMU), 400);
    assert_int_equal(count_get(&w->env->stats.confs_made), 1);
    world_close(w);
}

/* A18: asserted identities count from trusted peers, and from nobody else. C33. */
static void test_asserted(void **state)
{
    struct env_cfg cfg = {0};
    struct world *w = open_with(cfg);
    struct phone p = phone_of(w, 1, "conferences");
    p.extra = "P-Asserted-Identity: <sip:alice@ims.example>\r\n";
    assert_int_equal(phone_send(&p, "INVITE", 0, SDP_PCMU), 401);
    world_close(w);

    assert_int_equal(trust_add(&cfg.trusted, "192.0.2.0/24"), 0);
    w = open_with(cfg);
    unsigned before = w->n_sent;
    p = phone_of(w, 1, "conferences");
    p.extra = "P-Asserted-Identity: \"Alice\" <sip:alice@ims.example>, <tel:+49170>\r\n";
    phone_send(&p, "INVITE", 0, SDP_PCMU);
    assert_int_equal(await(w, before), 302);
    assert_string_equal(w->env->rooms->creator, "alice");
    before = w->n_sent;
    p = phone_of(w, 2, "conferences");
    p.extra = "P-Asserted-Identity: <sip:bob@ims.example>\r\n"; /* known, and not entitled */
    phone_send(&p, "INVITE", 0, SDP_PCMU);
    assert_int_equal(await(w, before), 403);
    before = w->n_sent;
    p = phone_of(w, 3, "conferences");
    p.extra = "P-Asserted-Identity: <tel:+4917012345>\r\n"; /* the network knows him, we need not */
    phone_send(&p, "INVITE", 0, SDP_PCMU);
    assert_int_equal(await(w, before), 302);
    p = phone_of(w, 4, "conferences");
    assert_int_equal(phone_send(&p, "INVITE", 0, SDP_PCMU), 401); /* trusted, but it says nothing */
    world_close(w);
}

/* What the network charges by is kept and echoed, from those whom it may come from (RFC 7315, A18). */
static void test_charging(void **state)
{
    static const char lines[] = "P-Charging-Vector: icid-value=1234bc;icid-generated-at=192.0.2.6\r\n"
                                "P-Charging-Function-Addresses: ccf=192.0.2.8\r\n";
    for (unsigned trusted = 0; trusted < 2; trusted++) {
        struct env_cfg cfg = {0};
        char value[256], user[URI_TOKEN_CHARS + 1];
        assert_int_equal(trusted ? trust_add(&cfg.trusted, "192.0.2.9") : 0, 0);
        struct world *w = world_open(cfg, 0, NULL);
        struct phone p = phone_of(w, 1, "conferences");
        assert_int_equal(phone_send(&p, "INVITE", 0, SDP_PCMU), 302);
        conference_of(w, user);
        p = phone_of(w, 2, user);
        p.extra = lines;
        assert_int_equal(phone_invite(&p, SDP_PCMU), 200);
        assert_int_equal(header(world_answer(w), "P-Charging-Vector", value, sizeof value), trusted);
        p.extra = NULL;
        phone_ack(&p, NULL);
        call_end(w->env->calls, ENDING_CONFERENCE);
        assert_int_equal(strncmp(last(w), "BYE", 3), 0);
        assert_int_equal(header(last(w), "P-Charging-Function-Addresses", value, sizeof value), trusted);
        if (trusted) {
            assert_string_equal(value, "ccf=192.0.2.8");
        }
        answer_bye(w, last(w), 200);
        world_close(w);
    }
}

static int as(struct phone *p, const char *user, const char *method, const char *extra, const char *body)
{
    char lines[512];
    snprintf(lines, sizeof lines, "P-Asserted-Identity: <sip:%s@ims.example>\r\n%s", user, extra);
    p->extra = lines;
    unsigned before = p->w->n_sent;
    phone_send(p, method, 0, body);
    int status = await(p->w, before);
    p->extra = NULL;
    for (unsigned i = before; i < p->w->n_sent; i++) {
        int sent = status_of(p->w->sent[i % SENT_MAX]);
        p->w->i_answer = sent ? i : p->w->i_answer;
        status = sent ? sent : status; /* a NOTIFY may have gone out behind it */
    }
    return status;
}

/* A participant of that name. */
static struct phone in_as(struct world *w, unsigned number, const char *conference, const char *user)
{
    struct phone p = phone_of(w, number, conference);
    char value[512];
    assert_int_equal(as(&p, user, "INVITE", "", SDP_PCMU), 200);
    assert_true(header(world_answer(w), "To", value, sizeof value));
    snprintf(p.to_tag, sizeof p.to_tag, "%s", strstr(value, ";tag=") + 5);
    phone_ack(&p, NULL);
    return p;
}

/* Where everybody has a name: who made the conference removes, who is in it brings, nobody takes another's place. */
static void test_rights(void **state)
{
    struct env_cfg cfg = {.legs_max = 0};
    char user[URI_TOKEN_CHARS + 1], extra[256];
    assert_int_equal(trust_add(&cfg.trusted, "192.0.2.0/24"), 0);
    assert_int_equal(reach_read(&cfg.reach, "192.0.2.0/24"), 0);
    struct world *w = open_with(cfg);
    account_put(w, "carol", "x", true, false);
    account_put(w, "dan", "x", true, false);
    struct phone p = phone_of(w, 1, "conferences");
    assert_int_equal(as(&p, "alice", "INVITE", "", SDP_PCMU), 302);
    conference_of(w, user);
    struct phone alice = in_as(w, 2, user, "alice"), carol = in_as(w, 3, user, "carol");

    p = phone_of(w, 10, user); /* outside of any dialog: dan is not there, carol is */
    assert_int_equal(as(&p, "dan", "REFER", "Refer-To: <sip:x@192.0.2.50>\r\n", NULL), 403);
    p = phone_of(w, 11, user);
    assert_int_equal(as(&p, "carol", "REFER", "Refer-To: <sip:x@192.0.2.50>\r\n", NULL), 202);
    assert_int_equal(count_sent(w, "INVITE sip:x@192.0.2.50 "), 1);
    p = phone_of(w, 12, user);
    p.extra = "Refer-To: <sip:x@192.0.2.50>\r\n";
    unsigned before = w->n_sent;
    phone_send(&p, "REFER", 0, NULL);
    assert_int_equal(await(w, before), 401); /* no name, no REFER */

    snprintf(extra, sizeof extra, "Replaces: c2@192.0.2.9;to-tag=%s;from-tag=f2\r\n", alice.to_tag);
    p = phone_of(w, 13, user);
    assert_int_equal(as(&p, "dan", "INVITE", extra, SDP_PCMU), 403);
    p = phone_of(w, 14, user);
    assert_int_equal(as(&p, "alice", "INVITE", extra, SDP_PCMU), 200);
    assert_true(*world_request(w, "BYE sip:p2@"));

    assert_int_equal(as(&carol, "alice", "REFER", "Refer-To: <sip:p14@192.0.2.9;method=BYE>\r\n", NULL), 403);
    p = phone_of(w, 15, user); /* the maker, without being there by this dialog */
    assert_int_equal(as(&p, "alice", "REFER", "Refer-To: <sip:p3@192.0.2.9;method=BYE>\r\n", NULL), 202);
    assert_true(*world_request(w, "BYE sip:p3@"));
    world_close(w);
}

/* Overload: emergency calls are let in beyond the budget, when a trusted peer says that they are such. */
static void test_priority(void **state)
{
    struct env_cfg cfg = {0};
    assert_int_equal(trust_add(&cfg.trusted, "192.0.2.9"), 0);
    for (unsigned trusted = 0; trusted < 2; trusted++) {
        struct env_cfg use = trusted ? cfg : (struct env_cfg){0};
        struct world *w = world_open(use, 250, NULL); /* room for one */
        char user[URI_TOKEN_CHARS + 1];
        struct phone p = phone_of(w, 1, "conferences");
        assert_int_equal(phone_send(&p, "INVITE", 0, SDP_PCMU), 302);
        conference_of(w, user);
        p = phone_of(w, 2, user);
        assert_int_equal(phone_invite(&p, SDP_PCMU), 200);
        p = phone_of(w, 3, user);
        assert_int_equal(phone_invite(&p, SDP_PCMU), 503);
        p = phone_of(w, 4, user);
        p.extra = "Resource-Priority: dsn.flash, esnet.0\r\n";
        assert_int_equal(phone_invite(&p, SDP_PCMU), trusted ? 200 : 503);
        p = phone_of(w, 5, user);
        p.extra = "Resource-Priority: dsn.flash\r\n";
        assert_int_equal(phone_invite(&p, SDP_PCMU), 503);
        world_close(w);
    }
}

/* A request that waits for the store may be cancelled; its answer finds nobody then. C19, C31. */
static void test_cancel(void **state)
{
    struct env_cfg cfg = {0};
    assert_int_equal(trust_add(&cfg.trusted, "192.0.2.9"), 0);
    struct world *w = open_with(cfg);
    struct phone p = phone_of(w, 1, "conferences");
    p.extra = "P-Asserted-Identity: <sip:alice@ims.example>\r\n";
    assert_int_equal(phone_send(&p, "INVITE", 0, SDP_PCMU), 0);
    assert_non_null(w->focus->gates);
    p.branch--; /* CANCEL has the INVITE's branch */
    phone_send(&p, "CANCEL", p.cseq, NULL);
    assert_int_equal(status_of(last(w)), 487);
    assert_null(w->focus->gates);
    for (unsigned i = 0; i < 20; i++) {
        usleep(1000);
        focus_beat(w->focus);
    }
    assert_int_equal(count_get(&w->env->stats.confs_made), 0);

    /* And the end of everything while it waits. */
    p = phone_of(w, 2, "conferences");
    p.extra = "P-Asserted-Identity: <sip:alice@ims.example>\r\n";
    assert_int_equal(phone_send(&p, "INVITE", 0, SDP_PCMU), 0);
    world_close(w);
}

static void test_trust(void **state)
{
    static const char *const bad[] = {"", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8x", "host", "::/129", "10.0.0.0/-1"};
    struct trust trust = {.n = 0};
    struct addr a;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(trust_add(&trust, bad[i]), -EINVAL);
    }
    assert_int_equal(trust_add(&trust, "10.16.0.0/12"), 0);
    assert_int_equal(trust_add(&trust, "2001:db8::/33"), 0);
    assert_int_equal(trust_add(&trust, "192.0.2.1"), 0);
    static const struct {
        const char *host;
        bool in;
    } cases[] = {{"10.16.0.1", true},  {"10.31.255.255", true},    {"10.32.0.0", false},        {"192.0.2.1", true},
                 {"192.0.2.2", false}, {"2001:db8:7fff::1", true}, {"2001:db8:8000::1", false}, {"::1", false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(addr_parse(&a, cases[i].host, 5060), 0);
        assert_int_equal(trust_has(&trust, &a), cases[i].in);
    }
    for (unsigned i = trust.n; i < TRUST_MAX; i++) {
        assert_int_equal(trust_add(&trust, "::1"), 0);
    }
    assert_int_equal(trust_add(&trust, "::1"), -ENOSPC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_challenged_once), cmocka_unit_test(test_digest),
        cmocka_unit_test(test_another_network), cmocka_unit_test(test_clock_set),
        cmocka_unit_test(test_entitlement),     cmocka_unit_test(test_allocate_before),
        cmocka_unit_test(test_replay),          cmocka_unit_test(test_asserted),
        cmocka_unit_test(test_rights),          cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_trust),           cmocka_unit_test(test_charging),
        cmocka_unit_test(test_priority),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
