/*
 * Floor control in offer/answer (TS 24.380 14). Method: the lines of the standard by table; an offer of a terminal's
 * answered by the code of the server, and the other way round, so that both must mean the same; streams that may not be
 * taken; and descriptions that come again, which must keep their streams (RFC 3264 8).
 */
#include "sig/sdp/offer.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HEAD "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
#define AUDIO "m=audio 16384 RTP/AVP 0\r\n"
#define MUX "a=rtcp-mux\r\n"
#define FLOOR(port) "m=application " port " udp MCPTT\r\n"

static const struct floor_line ours = {.is_there = true, .queueing = true, .priority = 7};

static struct offer_policy policy_of(void)
{
    struct offer_policy policy = {.family = AF_INET};
    assert_int_equal(offer_policy_read(&policy, "PCMU", 16000), 0);
    return policy;
}

static struct offer_local local_of(uint16_t port)
{
    struct offer_local local = {0};
    assert_int_equal(addr_parse(&local.rtp, "198.51.100.1", port), 0);
    return local;
}

static void parse(struct sdp *sdp, const char *text)
{
    assert_int_equal(sdp_parse(sdp, text, strlen(text)), 0);
}

static void parameters_that_are_read(void **state)
{
    static const struct {
        const char *fmtp;
        struct floor_line line;
    } rows[] = {
        {"", {.is_there = true}},
        {"a=fmtp:MCPTT mc_queueing;mc_priority=5;mc_granted;mc_implicit_request\r\n", {true, true, true, true, 5}},
        {"a=fmtp:mcptt  mc_priority=255\r\n", {.is_there = true, .priority = 255}},
        {"a=fmtp:MCPTT mc_priority = 9 ; MC_QUEUEING\r\n", {.is_there = true, .priority = 9, .queueing = true}},
        {"a=fmtp:MCPTT mc_priority=256;mc_granted\r\n", {.is_there = true, .granted = true}},
        {"a=fmtp:MCPTT mc_priority=0;mc_priority;mc_later=1;;=\r\n", {.is_there = true}},
        {"a=fmtp:MCPTT mc_queueing\r\na=fmtp:MCPTT mc_granted\r\n", {.is_there = true, .queueing = true}},
        {"a=fmtp:OTHER mc_queueing\r\n", {.is_there = true}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[512];
        struct sdp sdp;
        struct floor_line line;
        snprintf(text, sizeof text, "%s%s%s%s", HEAD, AUDIO, FLOOR("16384"), rows[i].fmtp);
        parse(&sdp, text);
        assert_int_equal(floor_line_find(&sdp), 1);
        floor_line_read(&line, &sdp.media[1]);
        assert_memory_equal(&line, &rows[i].line, sizeof line);
    }
}

/* What is written is read again as it was. */
static void written_and_read(void **state)
{
    for (unsigned bits = 0; bits < 16; bits++) {
        struct floor_line line = {.is_there = true}, again;
        char text[512];
        struct sdp_out out = {text, 0, sizeof text, false};
        struct sdp sdp;
        line.queueing = bits & 1;
        line.granted = bits & 2;
        line.implicit_request = bits & 4;
        line.priority = bits & 8 ? 200 : 0;
        sdp_put(&out, "%s%s", HEAD, AUDIO);
        floor_line_put(&out, &line, 16385);
        parse(&sdp, text);
        floor_line_read(&again, &sdp.media[floor_line_find(&sdp)]);
        assert_memory_equal(&line, &again, sizeof line);
    }
}

static void streams_that_are_none(void **state)
{
    static const char *const texts[] = {
        HEAD AUDIO,
        HEAD AUDIO FLOOR("0"),
        HEAD AUDIO "m=application 16384 tcp MCPTT\r\n",
        HEAD AUDIO "m=application 16384 udp BFCP\r\n",
        HEAD AUDIO "m=video 16384 udp MCPTT\r\n",
        HEAD FLOOR("16384") AUDIO,
        HEAD AUDIO FLOOR("16384") "c=IN IP4 203.0.113.9\r\n", /* another host: the leg would not believe it */
    };
    struct offer_policy policy = policy_of();
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct sdp sdp;
        struct offer_pick pick;
        int warning;
        parse(&sdp, texts[i]);
        assert_int_equal(offer_pick(&pick, &policy, &sdp, &warning), 0);
        struct offer_media before = pick.media;
        assert_int_equal(offer_floor_pick(&pick, &sdp, &ours), -ENOENT);
        assert_memory_equal(&before, &pick.media, sizeof before);
        assert_int_equal(pick.i_floor, 0);
    }
}

/* An offer that is not asked for its floor keeps the stream off; one that is has it on the port that both can use. */
static void offers_of_terminals(void **state)
{
    static const struct {
        const char *offer;
        bool takes;
        const char *answer; /* a piece of it */
        uint16_t remote;
        bool is_mux;
    } rows[] = {
        {HEAD AUDIO MUX FLOOR("16384"), false, FLOOR("0"), 16384, true},
        {HEAD AUDIO MUX FLOOR("16384") "a=fmtp:MCPTT mc_queueing;mc_priority=5\r\n", true,
         FLOOR("40000") "a=fmtp:MCPTT mc_queueing;mc_priority=5\r\n", 16384, true},
        {HEAD AUDIO MUX FLOOR("16390"), true, FLOOR("40001") "a=fmtp:MCPTT mc_priority=7\r\n", 16390, false},
        {HEAD AUDIO FLOOR("16385") "a=fmtp:MCPTT mc_priority=9;mc_granted\r\n", true,
         FLOOR("40001") "a=fmtp:MCPTT mc_priority=7\r\n", 16385, false},
    };
    struct offer_policy policy = policy_of();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[OFFER_BODY_MAX];
        struct sdp_out out = {text, 0, sizeof text, false};
        struct offer_local local = local_of(40000);
        struct offer_session s;
        struct offer_pick pick;
        struct sdp sdp;
        int warning;
        offer_session_init(&s, 1);
        for (unsigned turn = 0; turn < 2; turn++) { /* again, as in a re-INVITE: nothing changes */
            parse(&sdp, rows[i].offer);
            assert_int_equal(offer_pick(&pick, &policy, &sdp, &warning), 0);
            if (rows[i].takes) {
                assert_int_equal(offer_floor_pick(&pick, &sdp, &ours), 0);
            }
            out.n = 0;
            assert_int_equal(offer_answer(&s, &pick, &sdp, &local, &out), 0);
            assert_non_null(strstr(text, rows[i].answer));
            assert_int_equal(s.version, 1);
        }
        struct offer_media media = offer_settled(&s, &pick);
        assert_int_equal(media.floor.is_there, rows[i].takes);
        assert_int_equal(addr_port(&media.remote_rtcp), rows[i].remote);
        assert_int_equal(media.rtcp_mux, rows[i].is_mux);

        /* An offer of ours in that session has the same streams, on the same ports. */
        out.n = 0;
        assert_int_equal(offer_write(&s, &policy, &local, true, true, &out), 0);
        parse(&sdp, text);
        assert_int_equal(sdp.n_media, 2);
        assert_int_equal(sdp.media[1].port, rows[i].takes ? 40000 + !rows[i].is_mux : 0);
    }
}

/* Both sides are our own code: what one offers the other answers, and both mean the same. */
static void offer_and_answer(void **state)
{
    struct floor_line terminal = {.is_there = true, .queueing = true, .granted = true, .priority = 5};
    struct offer_policy policy = policy_of();
    char offer[OFFER_BODY_MAX], answer[OFFER_BODY_MAX];
    struct sdp_out offer_out = {offer, 0, sizeof offer, false}, answer_out = {answer, 0, sizeof answer, false};
    struct offer_local near = local_of(30000), far = local_of(40000);
    struct offer_session a, b;
    struct offer_pick pick;
    struct offer_media media;
    struct sdp sdp;
    int warning;

    offer_session_init(&a, 1);
    offer_session_init(&b, 2);
    offer_session_floor(&a, &terminal);
    assert_int_equal(offer_write(&a, &policy, &near, true, true, &offer_out), 0);
    parse(&sdp, offer);
    assert_int_equal(offer_pick(&pick, &policy, &sdp, &warning), 0);
    assert_int_equal(offer_floor_pick(&pick, &sdp, &ours), 0);
    assert_int_equal(offer_answer(&b, &pick, &sdp, &far, &answer_out), 0);
    parse(&sdp, answer);
    assert_int_equal(offer_accept(&a, &policy, &sdp, &media), 0);
    struct offer_media server = offer_settled(&b, &pick);
    assert_true(media.floor.is_there && server.floor.is_there);
    assert_true(media.floor.queueing && server.floor.queueing);
    assert_int_equal(media.floor.priority, 5);
    assert_int_equal(server.floor.priority, 5);
    assert_false(server.floor.granted);
    assert_int_equal(addr_port(&media.remote_rtcp), 40000);
    assert_int_equal(addr_port(&server.remote_rtcp), 30000);
    assert_true(media.rtcp_mux && server.rtcp_mux);

    /* An answer that turns it off: the session has none. */
    answer_out.n = 0;
    parse(&sdp, offer);
    assert_int_equal(offer_pick(&pick, &policy, &sdp, &warning), 0);
    assert_int_equal(offer_answer(&b, &pick, &sdp, &far, &answer_out), 0);
    parse(&sdp, answer);
    assert_int_equal(offer_accept(&a, &policy, &sdp, &media), 0);
    assert_false(media.floor.is_there);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_that_are_read), cmocka_unit_test(written_and_read),
        cmocka_unit_test(streams_that_are_none),    cmocka_unit_test(offers_of_terminals),
        cmocka_unit_test(offer_and_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
