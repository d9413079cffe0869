/*
 * Where a leg's media may come from and go to (core/conf/leg_source.h; attacks A24, A25).
 * Method: a table of stories, each a few lines of what arrives when, and what the rule says then; no leg around it.
 */
#include "core/conf/leg_source.h"
#include "tests/unit/unit.h"

#include <string.h>

/* Whose address: the first is what the SDP says. */
enum who { SDP, PORT, PORT2, NAT, NAT2, ALIAS, ALIAS_PORT, STRANGER, NEW_SDP, WHOS };

static const struct {
    const char *host;
    uint16_t port;
} hosts[WHOS] = {
    [SDP] = {"192.0.2.1", 7000},     [PORT] = {"192.0.2.1", 9000},       [PORT2] = {"192.0.2.1", 9002},
    [NAT] = {"198.51.100.7", 4000},  [NAT2] = {"198.51.100.7", 4002},    [ALIAS] = {"127.0.0.1", 7000},
    [ALIAS_PORT] = {"127.0.0.1", 9}, [STRANGER] = {"203.0.113.5", 7000}, [NEW_SDP] = {"192.0.2.2", 7000},
};

static struct addr addr_of(enum who who)
{
    struct addr a;
    assert_int_equal(addr_parse(&a, hosts[who].host, hosts[who].port), 0);
    return a;
}

static struct source_hosts said(enum who who)
{
    struct source_hosts h = {.said = addr_of(who), .latch = addr_of(NAT), .alias = addr_of(ALIAS)};
    return h;
}

struct peer {
    struct leg_source s;
    uint32_t now_ms;
    uint16_t seq;
    uint32_t known; /* SSRC that is heard */
};

static struct peer peer_of(bool shut)
{
    struct peer p = {.now_ms = UINT32_MAX - 3000}; /* the clock goes round in the midst of it */
    struct source_hosts h = said(SDP);
    source_begin(&p.s, &h, shut, SOURCE_GRACE_SUM_MS, p.now_ms);
    return p;
}

/* One packet every 20 ms. @return how many were taken */
static unsigned stream(struct peer *p, enum who who, uint32_t ssrc, unsigned n)
{
    unsigned taken = 0;
    for (unsigned i = 0; i < n; i++, p->now_ms += 20) {
        struct addr from = addr_of(who);
        enum source_kind kind = source_kind_of(&p->s, &from);
        bool take = kind == SOURCE_AT || kind == SOURCE_SAID;
        p->seq++;
        source_look(&p->s, p->now_ms);
        if (take) {
            source_heard(&p->s, &from, p->now_ms);
        } else if (kind == SOURCE_KIN) {
            take = source_try(&p->s, &from, ssrc, p->seq, p->known, p->now_ms);
        }
        p->known = take ? ssrc : p->known;
        taken += take;
    }
    return taken;
}

static void wait(struct peer *p, uint32_t ms)
{
    for (uint32_t end = p->now_ms + ms; p->now_ms != end; p->now_ms += 20) {
        source_look(&p->s, p->now_ms);
    }
}

static void assert_at(const struct peer *p, enum who who)
{
    struct addr a = addr_of(who);
    char text[ADDR_TEXT_MAX];
    if (!addr_same(&p->s.at, &a)) {
        fail_msg("it is %s, not %s:%u", addr_text(&p->s.at, text), hosts[who].host, hosts[who].port);
    }
}

static void the_sdp_always_wins(void **state)
{
    struct peer p = peer_of(false);
    assert_int_equal(stream(&p, SDP, 7, 5), 5);
    assert_at(&p, SDP);
    wait(&p, 600);
    assert_true(stream(&p, PORT, 7, 50) > 30);
    assert_at(&p, PORT);
    assert_true(p.s.is_learnt);
    assert_int_equal(stream(&p, SDP, 8, 1), 1); /* at once, with whatever SSRC */
    assert_at(&p, SDP);
    assert_false(p.s.is_learnt);
    assert_int_equal(stream(&p, NAT, 8, 3), 0); /* and stays it */
    assert_at(&p, SDP);
}

/* A25: five stray packets, at any time, move nothing. */
static void strays_do_not_capture(void **state)
{
    for (unsigned after_ms = 0; after_ms <= 10000; after_ms += 2000) {
        for (enum who who = PORT; who < WHOS; who++) {
            struct peer p = peer_of(false);
            wait(&p, after_ms);
            if (who == ALIAS) {
                continue;
            }
            assert_int_equal(stream(&p, who, 99, 5), 0);
            assert_at(&p, SDP);
            assert_int_equal(stream(&p, SDP, 7, 1), 1);
        }
    }
}

/* A stream from elsewhere does not come in while the present one goes on. */
static void nobody_beside_a_living_source(void **state)
{
    struct peer p = peer_of(false);
    for (unsigned i = 0; i < 500; i++) {
        p.now_ms -= 40;
        assert_int_equal(stream(&p, SDP, 7, 1), 1);
        assert_int_equal(stream(&p, PORT, 99, 1), 0);
        assert_int_equal(stream(&p, STRANGER, 7, 1), 0);
    }
    assert_at(&p, SDP);
}

static void other_hosts_never(void **state)
{
    struct peer p = peer_of(false);
    assert_int_equal(stream(&p, STRANGER, 7, 1000), 0);
    assert_at(&p, SDP);
    stream(&p, SDP, 7, 1);
    wait(&p, 10000);
    assert_int_equal(stream(&p, STRANGER, 7, 1000), 0);
}

/* RFC 7362: within 3 s, whether the stream goes on or another begins. */
static void a_remap_is_followed(void **state)
{
    static const uint32_t ssrcs[] = {7, 4711};
    for (unsigned i = 0; i < ARRAY_LEN(ssrcs); i++) {
        struct peer p = peer_of(false);
        stream(&p, NAT, 7, 20);
        assert_at(&p, NAT);
        assert_true(stream(&p, NAT2, ssrcs[i], 150) > 60);
        assert_at(&p, NAT2);
        assert_true(p.s.is_learnt && p.s.may_send);
    }
}

static void probation_is_in_order(void **state)
{
    struct peer p = peer_of(false);
    for (unsigned i = 0; i < 100; i++) { /* each with an SSRC of its own, or far off */
        assert_int_equal(stream(&p, NAT, 100 + i, 1), 0);
        wait(&p, 400);
        p.seq += 1000;
        assert_int_equal(stream(&p, NAT, 5, 1), 0);
        wait(&p, 400);
    }
    p.seq += 1000;
    assert_int_equal(stream(&p, NAT, 5, SOURCE_TRIALS + 1), 2);
    /* Another that comes in between does not disturb it. */
    struct peer q = peer_of(false);
    unsigned n = 0;
    for (unsigned i = 0; i < 40; i++) {
        n += stream(&q, NAT, 5, 1);
        q.now_ms -= 20;
        assert_int_equal(stream(&q, NAT2, 6, 1), 0);
    }
    assert_true(n > 0);
    assert_at(&q, NAT);
}

/* RFC 3264 5.1: before the answer to our offer nothing is said yet; the signalling's host is heard, and sent nothing.
 */
static void before_the_answer(void **state)
{
    struct peer p = {.now_ms = 1000};
    struct source_hosts h = {.latch = addr_of(NAT)};
    source_begin(&p.s, &h, true, SOURCE_GRACE_SUM_MS, p.now_ms);
    assert_int_equal(stream(&p, STRANGER, 7, 50), 0);
    assert_int_equal(stream(&p, NAT, 7, SOURCE_TRIALS + 5), 6);
    assert_false(p.s.may_send);
    assert_false(source_may_connect(&p.s, 0, p.now_ms));
    h.said = addr_of(SDP);
    source_say(&p.s, &h, p.now_ms);
    assert_at(&p, SDP);
    assert_false(p.s.may_send);
    source_open(&p.s, p.now_ms);
    assert_true(p.s.may_send);
}

/* A2: with media on loopback this machine's other addresses are the caller's; its port makes it the SDP's own. */
static void another_name_of_its_host(void **state)
{
    struct peer p = peer_of(false);
    assert_int_equal(stream(&p, ALIAS, 7, 3), 3);
    assert_at(&p, ALIAS);
    assert_false(p.s.is_learnt);
    struct peer q = peer_of(false);
    assert_int_equal(stream(&q, ALIAS_PORT, 7, SOURCE_TRIALS), 1);
    struct peer r = peer_of(false);
    memset(&r.s.alias, 0, sizeof r.s.alias);
    assert_int_equal(stream(&r, ALIAS, 7, 100), 0);
}

/* A24 */
static void nothing_is_sent_for_nothing(void **state)
{
    struct peer p = peer_of(true);
    wait(&p, 60000);
    assert_false(p.s.may_send);
    assert_int_equal(stream(&p, NAT, 7, 100), 0); /* nor is anything learnt */
    source_open(&p.s, p.now_ms);
    assert_true(p.s.may_send);
    wait(&p, SOURCE_GRACE_MS - 40);
    assert_true(p.s.may_send);
    wait(&p, 80);
    assert_false(p.s.may_send);
    assert_int_equal(p.s.phase, SOURCE_SPENT);
    struct addr host = addr_of(PORT), stranger = addr_of(NAT);
    source_open(&p.s, p.now_ms); /* a second ACK gives nothing */
    source_alive(&p.s, &stranger, p.now_ms);
    source_alive(&p.s, NULL, p.now_ms); /* nor does a refresh */
    assert_false(p.s.may_send);
    source_alive(&p.s, &host, p.now_ms); /* RTCP */
    assert_true(p.s.may_send);
    wait(&p, 60000);
    assert_true(p.s.may_send);
}

/* An address that moves to and fro gets SOURCE_GRACE_SUM_MS in all, proved or not in between. */
static void moving_gives_no_more(void **state)
{
    struct peer p = peer_of(false);
    uint32_t sent_ms = 0;
    for (unsigned i = 0; i < 100; i++) {
        stream(&p, SDP, 7, 1);
        assert_true(p.s.may_send);
        struct source_hosts h = said(i % 2 ? NEW_SDP : STRANGER);
        source_say(&p.s, &h, p.now_ms);
        for (unsigned k = 0; k < 250; k++, p.now_ms += 20) {
            source_look(&p.s, p.now_ms);
            sent_ms += p.s.may_send ? 20 : 0;
        }
        h = said(SDP);
        source_say(&p.s, &h, p.now_ms);
    }
    assert_in_range(sent_ms, 3 * SOURCE_GRACE_MS, SOURCE_GRACE_SUM_MS + 100 * 20);
    stream(&p, SDP, 7, 1);
    assert_true(p.s.may_send); /* who lives is sent to all the same */
}

static void the_same_sdp_changes_nothing(void **state)
{
    struct peer p = peer_of(false);
    struct source_hosts h = said(SDP);
    stream(&p, NAT, 7, 20);
    source_say(&p.s, &h, p.now_ms);
    assert_at(&p, NAT);
    assert_true(p.s.may_send && p.s.phase == SOURCE_PROVED);
    h = said(NAT); /* it has found out what it is called outside */
    source_say(&p.s, &h, p.now_ms);
    assert_at(&p, NAT);
    assert_false(p.s.is_learnt);
    assert_int_equal(p.s.phase, SOURCE_PROVED);
    h = said(NEW_SDP);
    source_say(&p.s, &h, p.now_ms);
    assert_at(&p, NEW_SDP);
    assert_int_equal(p.s.phase, SOURCE_GRACE);
}

/* B1 */
static void life_is_more_than_audio(void **state)
{
    struct peer p = peer_of(false);
    struct addr host = addr_of(PORT);
    wait(&p, 1000);
    assert_int_equal(source_quiet_ms(&p.s, p.now_ms), 1000);
    source_alive(&p.s, &host, p.now_ms);
    assert_int_equal(source_quiet_ms(&p.s, p.now_ms), 0);
    wait(&p, 1000);
    stream(&p, SDP, 7, 1);
    assert_int_equal(source_quiet_ms(&p.s, p.now_ms), 20);
    wait(&p, 500);
    source_alive(&p.s, NULL, p.now_ms);
    assert_int_equal(source_quiet_ms(&p.s, p.now_ms), 0);
}

/* The kernel keeps others away only where nobody else need be seen. */
static void connected_only_while_it_is_sure(void **state)
{
    struct peer p = peer_of(false);
    assert_false(source_may_connect(&p.s, 0, p.now_ms));
    stream(&p, SDP, 7, 1);
    assert_true(source_may_connect(&p.s, 0, p.now_ms));
    wait(&p, SOURCE_SILENT_MS);
    assert_false(source_may_connect(&p.s, 0, p.now_ms));
    unsigned n = 0;
    struct peer q = peer_of(false);
    stream(&q, NAT, 7, 50);
    for (unsigned i = 0; i < 1000; i++) {
        stream(&q, NAT, 7, 1);
        n += source_may_connect(&q.s, 3, q.now_ms);
    }
    assert_in_range(n, 700, 800); /* the rest of the time the SDP's own address can be seen */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sdp_always_wins),
        cmocka_unit_test(strays_do_not_capture),
        cmocka_unit_test(nobody_beside_a_living_source),
        cmocka_unit_test(other_hosts_never),
        cmocka_unit_test(a_remap_is_followed),
        cmocka_unit_test(probation_is_in_order),
        cmocka_unit_test(before_the_answer),
        cmocka_unit_test(another_name_of_its_host),
        cmocka_unit_test(nothing_is_sent_for_nothing),
        cmocka_unit_test(moving_gives_no_more),
        cmocka_unit_test(the_same_sdp_changes_nothing),
        cmocka_unit_test(life_is_more_than_audio),
        cmocka_unit_test(connected_only_while_it_is_sure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
