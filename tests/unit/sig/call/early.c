/*
 * Before the 200: reliable provisional responses (RFC 3262) and preconditions (RFC 3312, RFC 4032), as IMS phones use
 * them. Attacks A23 (RSeq) and A39 (CANCEL while a PRACK is due).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/call_world.h"

#define QOS(now)                                                                                                       \
    SDP_PCMU "a=curr:qos local " now "\r\na=curr:qos remote none\r\na=des:qos mandatory local sendrecv\r\n"            \
             "a=des:qos none remote sendrecv\r\n"
#define REL "Supported: 100rel, precondition\r\nRequire: precondition\r\n"

static struct world *open_with(char user[URI_TOKEN_CHARS + 1])
{
    struct world *w = world_open((struct env_cfg){0}, 0, NULL);
    world_issue(w, 1, user);
    return w;
}

/* INVITE with these headers, up to the 183; the dialog is early. */
static struct phone invite_with(struct world *w, unsigned number, const char *user, const char *extra, char rseq[16])
{
    struct phone p = phone_of(w, number, user);
    char value[256];
    p.extra = extra;
    assert_int_equal(phone_send(&p, "INVITE", 0, QOS("none")), 183);
    const char *text = last(w);
    assert_true(header(text, "Require", value, sizeof value) && strstr(value, "100rel"));
    assert_true(header(text, "RSeq", rseq, 16));
    assert_true(atol(rseq) >= 1 && atol(rseq) <= 0x7fffffff);
    assert_non_null(strstr(text, "a=curr:qos local sendrecv\r\n"));
    assert_non_null(strstr(text, "a=curr:qos remote none\r\n"));
    assert_non_null(strstr(text, "a=des:qos mandatory remote sendrecv\r\n"));
    assert_non_null(strstr(text, "a=conf:qos remote sendrecv\r\n"));
    assert_true(header(text, "To", value, sizeof value));
    snprintf(p.to_tag, sizeof p.to_tag, "%s", strstr(value, ";tag=") + 5);
    p.extra = NULL;
    return p;
}

static struct phone invite(struct world *w, const char *user, char rseq[16])
{
    return invite_with(w, 2, user, REL, rseq);
}

static int prack(struct phone *p, const char *rseq, unsigned cseq, const char *body)
{
    static char extra[128];
    snprintf(extra, sizeof extra, "RAck: %s %u INVITE\r\n", rseq, cseq);
    p->extra = extra;
    int status = phone_send(p, "PRACK", 0, body);
    p->extra = NULL;
    return status;
}

static unsigned sent_with(const struct world *w, const char *start)
{
    return count_sent(w, start);
}

/* The ladder of an IMS phone: 183, PRACK, UPDATE, 200, ACK. C39. */
static void test_ladder(void **state)
{
    char user[URI_TOKEN_CHARS + 1], rseq[16], value[256];
    struct world *w = open_with(user);
    struct phone p = invite(w, user, rseq);
    assert_int_equal(w->env->calls->state, CALL_EARLY);
    world_work(w);
    assert_int_equal(w->reqs[1].op, CTL_LEG_ADD); /* its RTP finds a leg, whenever it comes */
    assert_int_equal(prack(&p, rseq, 1, NULL), 200);
    world_run(w, 3000);
    assert_int_equal(sent_with(w, "SIP/2.0 183"), 1);                /* acknowledged: not repeated */
    assert_int_equal(phone_send(&p, "UPDATE", 0, QOS("none")), 200); /* not yet */
    assert_int_equal(w->env->calls->state, CALL_EARLY);
    unsigned before = w->n_sent;
    phone_send(&p, "UPDATE", 0, QOS("sendrecv"));
    assert_int_equal(w->n_sent, before + 2);
    const char *update = w->sent[before % SENT_MAX], *ok = w->sent[(before + 1) % SENT_MAX];
    assert_non_null(strstr(update, "a=curr:qos remote sendrecv\r\n"));
    assert_null(strstr(update, "a=conf:qos"));
    assert_true(header(ok, "CSeq", value, sizeof value));
    assert_string_equal(value, "1 INVITE");
    assert_int_equal(status_of(ok), 200);
    assert_null(strstr(ok, "m=audio")); /* the answer was in the 183 */
    assert_true(header(ok, "Contact", value, sizeof value));
    snprintf(p.target, sizeof p.target, "%.*s", (int)strcspn(value + 1, ">"), value + 1);
    phone_send(&p, "ACK", 1, NULL);
    assert_int_equal(w->env->calls->state, CALL_UP);
    assert_int_equal(phone_send(&p, "BYE", 0, NULL), 200);
    world_close(w);
}

static void test_prack_carries_the_offer(void **state)
{
    char user[URI_TOKEN_CHARS + 1], rseq[16];
    struct world *w = open_with(user);
    struct phone p = invite(w, user, rseq);
    unsigned before = w->n_sent;
    prack(&p, rseq, 1, QOS("sendrecv"));
    assert_int_equal(w->n_sent, before + 2);
    assert_non_null(strstr(w->sent[before % SENT_MAX], "m=audio"));
    assert_int_equal(status_of(last(w)), 200);
    phone_send(&p, "ACK", 1, NULL);
    assert_int_equal(w->env->calls->state, CALL_UP);
    world_close(w);
}

/* A second offer in a PRACK, which has no Contact and is no target refresh (RFC 3262 5 and table 1); the resources come
 * with an UPDATE that says nothing of a session timer, and the 200 has the one that the INVITE wished (RFC 4028 9). */
static void test_prack_narrows_the_codecs(void **state)
{
    static const char *const contacts[] = {"", "Contact: <sip:elsewhere@192.0.2.77>\r\n"};
    for (size_t i = 0; i < ARRAY_LEN(contacts); i++) {
        char user[URI_TOKEN_CHARS + 1], rseq[16], extra[256], value[256];
        struct world *w = open_with(user);
        struct phone p =
            invite_with(w, 2, user, "Supported: 100rel, precondition, timer\r\nSession-Expires: 600\r\n", rseq);
        snprintf(extra, sizeof extra, "RAck: %s 1 INVITE\r\n%s", rseq, contacts[i]);
        p.extra = extra;
        p.no_contact = true;
        assert_int_equal(phone_send(&p, "PRACK", 0, QOS("none")), 200);
        assert_non_null(strstr(world_answer(w), "m=audio"));
        p.extra = NULL;
        p.no_contact = false;
        unsigned before = w->n_sent;
        phone_send(&p, "UPDATE", 0, QOS("sendrecv"));
        assert_int_equal(w->n_sent, before + 2);
        assert_false(header(w->sent[before % SENT_MAX], "Session-Expires", value, sizeof value));
        assert_true(header(last(w), "Session-Expires", value, sizeof value));
        assert_string_equal(value, "600;refresher=uac");
        assert_true(header(last(w), "CSeq", value, sizeof value));
        assert_string_equal(value, "1 INVITE");
        phone_send(&p, "ACK", 1, NULL);
        assert_int_equal(w->env->calls->state, CALL_UP);
        room_end(w->env->rooms, ENDING_CONFERENCE);
        assert_int_equal(count_sent(w, "BYE sip:p2@192.0.2.9:5060 "), 1);
        world_close(w);
    }
}

/* RFC 3891 3: the one that is replaced goes on until the new one is answered, and if it never is. */
static void test_replaces_when_answered(void **state)
{
    char user[URI_TOKEN_CHARS + 1], rseq[16], replaces[256];
    struct world *w = open_with(user);
    struct phone old = phone_of(w, 9, user), p;
    assert_int_equal(phone_invite(&old, SDP_PCMU), 200);
    phone_ack(&old, NULL);
    for (unsigned goes_on = 0; goes_on < 2; goes_on++) {
        snprintf(replaces, sizeof replaces, REL "Replaces: c9@192.0.2.9;to-tag=%s;from-tag=f9\r\n", old.to_tag);
        p = invite_with(w, 10 + goes_on, user, replaces, rseq);
        assert_int_equal(count_sent(w, "BYE sip:p9@"), 0);
        if (goes_on) {
            prack(&p, rseq, 1, QOS("sendrecv"));
        } else {
            struct phone cancel = phone_of(w, 10, user);
            cancel.branch = 0;
            assert_int_equal(phone_send(&cancel, "CANCEL", 1, NULL), 487);
        }
    }
    assert_int_equal(count_sent(w, "BYE sip:p9@"), 1);
    phone_send(&p, "ACK", 1, NULL);
    world_close(w);
}

/* What is met at once needs no 183, and what nobody demands neither; who cannot PRACK is told so. */
static void test_without(void **state)
{
    char user[URI_TOKEN_CHARS + 1], value[64];
    struct world *w = open_with(user);
    struct phone p = phone_of(w, 2, user);
    p.extra = REL;
    assert_int_equal(phone_invite(&p, QOS("sendrecv")), 200);
    assert_non_null(strstr(world_answer(w), "a=curr:qos local sendrecv\r\na=curr:qos remote sendrecv\r\n"));
    phone_ack(&p, NULL);
    p = phone_of(w, 3, user);
    p.extra = "Require: 100rel\r\n";
    assert_int_equal(phone_invite(&p, SDP_PCMU), 200); /* a final response is reliable as it is */
    phone_ack(&p, NULL);
    p = phone_of(w, 4, user);
    assert_int_equal(phone_invite(&p, SDP_PCMU "a=curr:qos local none\r\na=des:qos optional local sendrecv\r\n"), 200);
    phone_ack(&p, NULL);
    p = phone_of(w, 5, user);
    assert_int_equal(phone_send(&p, "INVITE", 0, QOS("none")), 421);
    assert_true(header(last(w), "Require", value, sizeof value));
    assert_string_equal(value, "100rel");
    p = phone_of(w, 6, user);
    p.extra = REL;
    assert_int_equal(
        phone_send(&p, "INVITE", 0, SDP_PCMU "a=curr:qos e2e none\r\na=des:qos mandatory e2e sendrecv\r\n"), 580);
    assert_int_equal(count_get(&w->env->stats.calls), 3);
    world_close(w);
}

/* RFC 3262 3: T1, 2*T1, ... and after 64*T1 the INVITE fails. C38. */
static void test_repeated_until_prack(void **state)
{
    char user[URI_TOKEN_CHARS + 1], rseq[16];
    struct world *w = open_with(user);
    invite(w, user, rseq);
    world_run(w, 600);
    assert_int_equal(sent_with(w, "SIP/2.0 183"), 2);
    world_run(w, 1000);
    assert_int_equal(sent_with(w, "SIP/2.0 183"), 3);
    world_run(w, 31000);
    assert_int_equal(status_of(last(w)), 504);
    assert_int_equal(w->env->calls == NULL || w->env->calls->state == CALL_OVER, 1);
    world_work(w);
    world_give(w);
    world_close(w);
}

/* A23 and worse: a PRACK for what was never sent. */
static void test_wrong_prack(void **state)
{
    static const char *const bad[] = {"0 1 INVITE", "4294967296 1 INVITE", "-1 1 INVITE", "x", "", "1", "1 1",
                                      "1 1 BYE"};
    char user[URI_TOKEN_CHARS + 1], rseq[16], extra[128];
    struct world *w = open_with(user);
    struct phone p = invite(w, user, rseq);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        snprintf(extra, sizeof extra, "RAck: %s\r\n", bad[i]);
        p.extra = extra;
        int status = phone_send(&p, "PRACK", 0, NULL);
        assert_true(status == 481 || status == 400);
    }
    p.extra = NULL;
    assert_int_equal(phone_send(&p, "PRACK", 0, NULL), 481); /* none at all */
    assert_int_equal(prack(&p, rseq, 7, NULL), 481);
    assert_int_equal(prack(&p, rseq, 1, NULL), 200);
    assert_int_equal(prack(&p, rseq, 1, NULL), 481); /* twice */
    assert_int_equal(phone_send(&p, "INVITE", 0, SDP_PCMU), 500);
    assert_true(header(last(w), "Retry-After", extra, sizeof extra));
    assert_true(atoi(extra) >= 0 && atoi(extra) <= 10);
    assert_int_equal(w->env->calls->state, CALL_EARLY);
    world_close(w);
}

/* Every way out of it gives everything back. C20. */
static void test_ways_out(void **state)
{
    for (unsigned way = 0; way < 4; way++) {
        char user[URI_TOKEN_CHARS + 1], rseq[16];
        struct world *w = open_with(user);
        struct phone p = invite(w, user, rseq);
        if (way & 1) {
            assert_int_equal(prack(&p, rseq, 1, NULL), 200);
        }
        unsigned before = w->n_sent;
        if (way < 2) { /* CANCEL has the INVITE's branch and no To tag */
            struct phone cancel = phone_of(w, 2, user);
            cancel.branch = 0;
            assert_int_equal(phone_send(&cancel, "CANCEL", 1, NULL), 487);
        } else if (way == 2) {
            phone_send(&p, "BYE", 0, NULL);
            assert_int_equal(status_of(w->sent[before % SENT_MAX]), 200);
            assert_int_equal(status_of(w->sent[(before + 1) % SENT_MAX]), 487);
        } else {
            room_end(w->env->rooms, ENDING_CONFERENCE);
            assert_int_equal(status_of(last(w)), 480);
        }
        world_work(w);
        world_give(w);
        world_run(w, 40000);
        assert_int_equal(count_get(&w->env->stats.calls), 0);
        world_close(w);
    }
}

/* A5: the 183 goes to an address that has never answered, which may be forged: seven times at most, and it is counted.
 */
static void test_unproven_sources_get_seven(void **state)
{
    char user[URI_TOKEN_CHARS + 1], rseq[16];
    struct world *w = open_with(user);
    struct phone p = phone_of(w, 2, user);
    p.host = "192.0.2.77";
    p.extra = REL;
    const struct txn_stats *stats = txns_stats(w->txns);
    uint64_t before = count_get(&stats->tx_unproven);
    assert_int_equal(phone_send(&p, "INVITE", 0, QOS("none")), 183);
    assert_true(header(last(w), "RSeq", rseq, sizeof rseq));
    world_run(w, TXN_LIFE_MS + 1000);
    assert_int_equal(sent_with(w, "SIP/2.0 183"), 7);
    assert_int_equal(count_get(&stats->tx_unproven) - before, 6);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unproven_sources_get_seven),
        cmocka_unit_test(test_ladder),
        cmocka_unit_test(test_prack_carries_the_offer),
        cmocka_unit_test(test_prack_narrows_the_codecs),
        cmocka_unit_test(test_without),
        cmocka_unit_test(test_replaces_when_answered),
        cmocka_unit_test(test_repeated_until_prack),
        cmocka_unit_test(test_wrong_prack),
        cmocka_unit_test(test_ways_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
