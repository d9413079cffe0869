/*
 * The SDP reader and offer/answer. Method: descriptions from the RFCs and from real phones, read and answered; the
 * answer is read again by the same reader and must say what was chosen. Limits and malformed input by table; the bombs
 * are timed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sig/sdp/offer.h"
#include "sig/sdp/sdp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HEAD "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"

static struct offer_policy policy_of(const char *codecs)
{
    struct offer_policy p = {.family = AF_INET, .opus_complexity = 5};
    assert_int_equal(offer_policy_read(&p, codecs, 16000), 0);
    return p;
}

static struct offer_local local_of(const char *host, uint16_t port)
{
    struct offer_local l;
    assert_int_equal(addr_parse(&l.rtp, host, port), 0);
    return l;
}

static void parse(struct sdp *sdp, const char *text)
{
    assert_int_equal(sdp_parse(sdp, text, strlen(text)), 0);
}

/* Reads an offer, picks, answers; the answer is returned parsed and as text. */
static void answer(const char *offer, const char *codecs, struct offer_pick *pick, struct sdp *sdp, char text[4096])
{
    struct offer_policy p = policy_of(codecs);
    struct offer_session s;
    struct offer_local l = local_of("198.51.100.7", 40000);
    struct sdp_out out = {text, 0, 4096, false};
    struct sdp in;
    int warning = 0;

    parse(&in, offer);
    assert_int_equal(offer_pick(pick, &p, &in, &warning), 0);
    offer_session_init(&s, 12345);
    assert_int_equal(offer_answer(&s, pick, &in, &l, &out), 0);
    pick->format = pick->event = pick->cn = NULL;
    parse(sdp, text);
    assert_int_equal(sdp->n_media, in.n_media);
}

/* C37. */
static void test_static_types(void **state)
{
    struct offer_pick pick;
    struct sdp sdp;
    char text[4096], host[ADDR_TEXT_MAX];

    answer(HEAD "m=audio 49170 RTP/AVP 0 8 13\r\n", "PCMA,PCMU", &pick, &sdp, text);
    assert_int_equal(pick.media.codec->id, CODEC_PCMA);
    assert_int_equal(pick.media.pt_rx, 8);
    assert_int_equal(pick.media.pt_cn_rx, 13);
    assert_int_equal(pick.media.pt_event_rx, PT_NONE);
    assert_true(pick.media.rx_on && pick.media.tx_on);
    assert_string_equal(addr_text(&pick.media.remote_rtp, host), "192.0.2.1:49170");
    assert_string_equal(addr_text(&pick.media.remote_rtcp, host), "192.0.2.1:49171");
    assert_int_equal(sdp.media[0].port, 40000);
    assert_int_equal(sdp.media[0].n_formats, 2);
    assert_string_equal(addr_text(&sdp.media[0].host, host), "198.51.100.7:0");
}

/* C34. */
static void test_streams_keep_order(void **state)
{
    struct offer_pick pick;
    struct sdp sdp;
    char text[4096];

    answer(HEAD "m=video 5000 RTP/AVP 31\r\nm=audio 0 RTP/AVP 0\r\nm=audio 6000 RTP/SAVP 0\r\n"
                "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nm=audio 7000 RTP/AVP 9 0\r\n"
                "m=audio 8000 RTP/AVP 0\r\n",
           "PCMU", &pick, &sdp, text);
    assert_int_equal(pick.i_media, 4);
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(sdp.media[i].port, i == 4 ? 40000 : 0);
    }
    assert_true(sdp_text_is(sdp.media[0].kind, "video"));
    assert_true(sdp_text_is(sdp.media[2].proto_text, "RTP/SAVP"));
    assert_true(sdp_text_is(sdp.media[3].format_text, "webrtc-datachannel"));
}

/* C54. */
static void test_opus(void **state)
{
    struct offer_pick pick;
    struct sdp sdp;
    char text[4096];

    answer(HEAD "m=audio 7000 RTP/AVPF 96 0 97 98\r\na=rtpmap:96 opus/48000/2\r\n"
                "a=fmtp:96 stereo=1; sprop-stereo=1;useinbandfec=1;usedtx=1;cbr=0;maxplaybackrate=16000;"
                "maxaveragebitrate=20000\r\na=rtpmap:97 telephone-event/48000\r\na=rtpmap:98 telephone-event/8000\r\n"
                "a=ptime:20\r\na=rtcp-mux\r\na=rtcp:7005\r\n",
           "opus,PCMU", &pick, &sdp, text);
    const struct codec_cfg *fmt = &pick.media.fmt;
    assert_int_equal(pick.media.codec->id, CODEC_OPUS);
    assert_int_equal(fmt->rate_hz, 16000);
    assert_true(fmt->stereo && fmt->sprop_stereo && fmt->fec && fmt->dtx && !fmt->cbr);
    assert_int_equal(fmt->max_playback_hz, 16000);
    assert_int_equal(fmt->bitrate_bps, 20000);
    assert_int_equal(pick.media.pt_event_rx, 97);
    assert_true(pick.media.rtcp_mux);
    assert_int_equal(addr_port(&pick.media.remote_rtcp), 7000);
    assert_true(sdp_text_is(sdp.media[0].proto_text, "RTP/AVPF"));
    assert_true(sdp.media[0].rtcp_mux);
    assert_string_equal(sdp.formats[0].name, "opus");
    assert_int_equal(sdp.formats[0].channels, 2);
    assert_int_equal(sdp_number(sdp_param(sdp.formats[0].fmtp, "useinbandfec"), 1), 1);
}

/* There is one codec of each name, whatever else is said of it; the answer says it as the RFCs do. */
static void test_names_as_phones_write_them(void **state)
{
    static const struct {
        const char *rtpmap, *answered;
    } cases[] = {{"opus/48000", "opus/48000/2"},
                 {"opus/48000/1", "opus/48000/2"},
                 {"OPUS/48000/2", "opus/48000/2"},
                 {"G722/16000", "G722/8000"},
                 {"G722/8000/1", "G722/8000"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct offer_pick pick;
        struct sdp sdp;
        char text[4096], offer[1024], line[64];
        snprintf(offer, sizeof offer, HEAD "m=audio 7000 RTP/AVP 8 96\r\na=rtpmap:96 %s\r\n", cases[i].rtpmap);
        answer(offer, "opus,G722,PCMA", &pick, &sdp, text);
        assert_int_equal(pick.media.pt_rx, 96);
        snprintf(line, sizeof line, "a=rtpmap:96 %s\r\n", cases[i].answered);
        assert_non_null(strstr(text, line));
    }
    static const char *const others[] = {"opus/16000", "opus/48000/3", "G722/48000", "PCMA/16000"};
    struct offer_policy p = policy_of("opus,G722,PCMA");
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        struct offer_pick pick;
        struct sdp in;
        char offer[1024];
        int warning = 0;
        snprintf(offer, sizeof offer, HEAD "m=audio 7000 RTP/AVP 96\r\na=rtpmap:96 %s\r\n", others[i]);
        parse(&in, offer);
        assert_int_equal(offer_pick(&pick, &p, &in, &warning), -ENOENT);
        assert_int_equal(warning, 305);
    }
}

static void test_l16_and_ptime(void **state)
{
    static const struct {
        const char *rtpmap, *ptime, *codecs;
        unsigned ptime_ms;
    } cases[] = {
        {"L16/16000", "", "L16/16000", 20},
        {"L16/16000/1", "a=ptime:40\r\n", "L16/16000", 40},
        {"L16/16000", "a=ptime:60\r\n", "L16/16000", 40}, /* 60 ms are 1920 bytes: more than a packet */
        {"L16/48000", "a=ptime:20\r\n", "L16/48000", 10},
        {"L16/8000", "a=ptime:10\r\n", "L16/8000", 10},
        {"PCMU/8000", "a=ptime:30\r\n", "PCMU", 20},
        {"PCMU/8000", "a=ptime:60\r\na=maxptime:40\r\n", "PCMU", 40},
        {"PCMU/8000", "a=ptime:20.5\r\n", "PCMU", 20},
        {"PCMU/8000", "a=ptime:5\r\n", "PCMU", 10},
        {"PCMU/8000", "a=ptime:200\r\n", "PCMU", 60},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct offer_pick pick;
        struct sdp sdp;
        char text[4096], offer[1024];
        snprintf(offer, sizeof offer, HEAD "m=audio 7000 RTP/AVP 100\na=rtpmap:100 %s\n%s", cases[i].rtpmap,
                 cases[i].ptime);
        answer(offer, cases[i].codecs, &pick, &sdp, text);
        assert_int_equal(pick.media.ptime_tx_ms, cases[i].ptime_ms);
        assert_int_equal(sdp.media[0].ptime_ms, cases[i].ptime_ms);
    }
    /* Stereo L16 is another codec. */
    struct offer_policy p = policy_of("L16/16000");
    struct offer_pick pick;
    struct sdp in;
    int warning = 0;
    parse(&in, HEAD "m=audio 7000 RTP/AVP 100\na=rtpmap:100 L16/16000/2\n");
    assert_int_equal(offer_pick(&pick, &p, &in, &warning), -ENOENT);
}

static void test_hold(void **state)
{
    static const struct {
        const char *lines;
        enum sdp_direction said;
        bool rx_on, tx_on, has_remote;
    } cases[] = {
        {"", SDP_SENDRECV, true, true, true},
        {"a=sendonly\r\n", SDP_RECVONLY, true, false, true},
        {"a=recvonly\r\n", SDP_SENDONLY, false, true, true},
        {"a=inactive\r\n", SDP_INACTIVE, false, false, true},
        {"c=IN IP4 0.0.0.0\r\n", SDP_RECVONLY, true, false, false},
        {"c=IN IP4 0.0.0.0\r\na=sendonly\r\n", SDP_RECVONLY, true, false, false},
        {"c=IN IP4 0.0.0.0\r\na=inactive\r\n", SDP_INACTIVE, false, false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct offer_pick pick;
        struct sdp sdp;
        char text[4096], offer[1024];
        snprintf(offer, sizeof offer, HEAD "m=audio 7000 RTP/AVP 0\r\n%s", cases[i].lines);
        answer(offer, "PCMU", &pick, &sdp, text);
        assert_int_equal(pick.media.rx_on, cases[i].rx_on);
        assert_int_equal(pick.media.tx_on, cases[i].tx_on);
        assert_int_equal(addr_is_set(&pick.media.remote_rtp), cases[i].has_remote);
        assert_int_equal(sdp.media[0].direction, cases[i].said);
    }
    struct offer_pick pick;
    struct sdp sdp;
    char text[4096];
    answer("v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\na=sendonly\nm=audio 7000 RTP/AVP 0", "PCMU",
           &pick, &sdp, text);
    assert_int_equal(sdp.media[0].direction, SDP_RECVONLY); /* session level counts for the stream */
}

static void test_refusals(void **state)
{
    static const struct {
        const char *lines;
        int warning;
    } cases[] = {
        {"m=video 7000 RTP/AVP 31\r\n", 304},
        {"", 304},
        {"m=audio 0 RTP/AVP 0\r\n", 304},
        {"m=audio 7000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc\r\n", 302},
        {"m=audio 7000 RTP/SAVPF 0\r\n", 302},
        {"m=audio 7000 UDP/TLS/RTP/SAVPF 0\r\n", 302},
        {"m=audio 7000 TCP/RTP/AVP 0\r\n", 302},
        {"m=audio 7000 RTP/AVP 9 18\r\n", 305},
        {"m=audio 7000 RTP/AVP 96\r\n", 305},
        {"m=audio 7000 RTP/AVP 96\r\na=rtpmap:96 PCMU/16000\r\n", 305},
        {"m=audio 7000 RTP/AVP 0\r\nc=IN IP6 2001:db8::1\r\n", 301},
        {"m=audio 7000 RTP/AVP 0\r\nc=IN IP4 phone.example.net\r\n", 301},
        {"m=audio 7000 RTP/AVP 0\r\nc=IN IP4 224.2.1.1/127\r\n", 301},
        {"m=audio 7000 RTP/AVP 0\r\nc=IN IP6 192.0.2.1\r\n", 301},
    };
    struct offer_policy p = policy_of("opus,PCMU");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct offer_pick pick;
        struct sdp in;
        char offer[1024];
        int warning = 0;
        snprintf(offer, sizeof offer, HEAD "%s", cases[i].lines);
        parse(&in, offer);
        assert_int_equal(offer_pick(&pick, &p, &in, &warning), -ENOENT);
        assert_int_equal(warning, cases[i].warning);
    }
}

static void test_ipv6(void **state)
{
    struct offer_policy p = policy_of("PCMU");
    struct offer_pick pick;
    struct offer_session s;
    struct sdp in;
    char text[4096], host[ADDR_TEXT_MAX];
    struct sdp_out out = {text, 0, sizeof text, false};
    struct offer_local l = local_of("2001:db8::7", 40000);
    int warning = 0;

    p.family = AF_INET6;
    parse(&in, "v=0\r\no=- 1 1 IN IP6 2001:db8::1\r\ns=-\r\nc=IN IP6 2001:db8::1\r\nt=0 0\r\nm=audio 7000 RTP/AVP 0\r\n"
               "a=rtcp:7009 IN IP6 2001:db8::2\r\n");
    assert_int_equal(offer_pick(&pick, &p, &in, &warning), 0);
    assert_string_equal(addr_text(&pick.media.remote_rtp, host), "[2001:db8::1]:7000");
    assert_string_equal(addr_text(&pick.media.remote_rtcp, host), "[2001:db8::2]:7009");
    offer_session_init(&s, 1);
    assert_int_equal(offer_answer(&s, &pick, &in, &l, &out), 0);
    assert_non_null(strstr(text, "c=IN IP6 2001:db8::7\r\n"));
}

/* C36. */
static void test_malformed(void **state)
{
    static const struct {
        const char *text;
        int err;
    } cases[] = {
        {"", -EBADMSG},
        {"hello", -EBADMSG},
        {"v=1\r\no=- 1 1 IN IP4 1.2.3.4\r\n", -EBADMSG},
        {"o=- 1 1 IN IP4 1.2.3.4\r\nv=0\r\n", -EBADMSG},
        {"v=0\r\ns=-\r\n", -EBADMSG},
        {HEAD "m=audio 7000\r\n", -EBADMSG},
        {HEAD "m=audio\r\n", -EBADMSG},
        {HEAD "m=\r\n", -EBADMSG},
        {HEAD "m=au\x01"
              "dio 7000 RTP/AVP 0\r\n",
         -EBADMSG},
        {HEAD "m=averyveryverylongmediatypethatnobodyhas 7000 RTP/AVP 0\r\n", -E2BIG},
        /* Fine: unknown lines and attributes, bare LF, empty lines at the end, no s= */
        {"v=0\no=- 0 0 IN IP4 h\nm=audio 7000 RTP/AVP 0", 0},
        {HEAD "m=audio 7000 RTP/AVP", 0}, /* libosip2 reads over the end of this one (L2) */
        {HEAD "x=unknown\r\nm=audio 7000/2 RTP/AVP 0\r\na=\r\na=foo:bar\r\na=fmtp:99 x\r\na=rtpmap:99 y/8000\r\n\r\n",
         0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sdp sdp;
        size_t n = strlen(cases[i].text);
        char *exact = malloc(n ? n : 1); /* without a terminator: reading past the end shows */
        memcpy(exact, cases[i].text, n);
        int err = sdp_parse(&sdp, exact, n);
        if (err != cases[i].err) {
            print_error("case %zu: %s\n", i, cases[i].text);
        }
        assert_int_equal(err, cases[i].err);
        free(exact);
    }
    struct sdp sdp;
    assert_int_equal(sdp_parse(&sdp, "v=0\no=- 1 1 IN IP4 1.2.3.4\0x\n", 30), -EBADMSG);
}

/* Nothing of the call depends on these lines: RFC 8866 5.2 and 5.13, RFC 3264 6. */
static void test_odd_lines_are_passed_over(void **state)
{
#define ODD_O(o) "v=0\r\no=" o "\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 7000 RTP/AVP 8 0\r\n"
#define AUDIO HEAD "m=audio 7000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
    static const char *const offers[] = {
        HEAD "m=audio 7000 RTP/AVP 96 8\r\na=rtpmap:96 mpeg4-generic/0/0\r\na=fmtp:96 profile-level-id=0\r\n",
        HEAD "m=audio 7000 RTP/AVP 97 98 8\r\na=rtpmap:97 x/8000/1/y\r\na=rtpmap:98 AppleLossless\r\n",
        HEAD "m=audio 7000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event\r\na=rtpmap:300 x/8000\r\n",
        HEAD "m=audio 7000 RTP/AVP 255 8 x 4294967296\r\na=rtpmap:255 foo/8000\r\n",
        HEAD "m=audio 7000 RTP/AVP 8\r\na=rtpmap:8 PCMA/0\r\na=rtpmap:8 PCMA/4294967296\r\n",
        HEAD "m=audio 7000/0 RTP/AVP 8\r\na=ptime:0\r\na=maxptime:0\r\n",
        AUDIO "m=application 9 TCP/MRCPv2\r\na=setup:active\r\nm=video 0 RTP/AVP\r\n",
        AUDIO "m=video 40000 RTP/AVP 128\r\nm=video 70000 RTP/AVP 99\r\na=rtpmap:99 H264\r\nm=video -1 RTP/AVP x",
        AUDIO "m=video 40000 RTP/AVP 99\r\nc=\r\nc=IN\r\nc=IN IP4\r\n",
        AUDIO "a=ptime:\r\na=ptime:20ms\r\na=ptime:99999\r\na=maxptime:\r\n",
        AUDIO "a=rtcp:\r\na=rtcp:70000\r\na=rtcp:9356 IN 192.0.2.47\r\na=rtcp:5001 IN IP4\r\n",
        ODD_O("John Doe 1 1 IN IP4 192.0.2.1"),
        ODD_O(" 1 1 IN IP4 192.0.2.1"),
        ODD_O("- 17154221214847509312 2 IN IP4 192.0.2.1"),
        ODD_O("- 9223372036854775808 1 IN IP4 192.0.2.1"),
        ODD_O("- 19599440071187478912 13656283801756621937 IN IP4 0.0.0.0"),
        ODD_O("- -1 1 IN IP4 192.0.2.1"),
        ODD_O("- 1 1 IN IP4 "),
        ODD_O("- 1 1 IN IP4 192.0.2.1\r\no=- 2 2 IN IP4 192.0.2.1"),
        AUDIO "foo\r\n:\r\nx\r\n",
        AUDIO "  \t \r\n  ",
        AUDIO "a=x\x01y\r\n",
        "v=0 \r\no=- 1 1 IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\nm=audio 7000 RTP/AVP 8\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(offers); i++) {
        struct offer_pick pick;
        struct sdp sdp;
        char text[4096], host[ADDR_TEXT_MAX];
        answer(offers[i], "PCMA", &pick, &sdp, text);
        assert_int_equal(pick.media.pt_rx, 8);
        assert_string_equal(addr_text(&pick.media.remote_rtp, host), "192.0.2.1:7000");
        assert_true(addr_is_set(&pick.media.remote_rtcp));
        for (unsigned k = 0; k < sdp.n_media; k++) {
            assert_int_equal(sdp.media[k].port, k == 0 ? 40000 : 0);
            assert_true(sdp.media[k].format_text.n > 0);
        }
    }
    struct sdp sdp;
    static const char ended[] = AUDIO "\0\r\n\0"; /* behind the last line, of a string of its own */
    assert_int_equal(sdp_parse(&sdp, ended, sizeof ended), -EBADMSG);
    assert_int_equal(sdp_parse(&sdp, ended, sizeof AUDIO), 0);
    assert_int_equal(sdp.media[0].n_formats, 3);
#undef ODD_O
#undef AUDIO
}

/* What an audio stream cannot do without is missed by who picks it: 488 with a Warning, not 400. */
static void test_odd_lines_that_matter(void **state)
{
    static const struct {
        const char *lines;
        int warning;
    } cases[] = {{"m=audio 65536 RTP/AVP 0\r\n", 304},       {"m=audio 492170 RTP/AVP 0\r\n", 304},
                 {"m=audio -1 RTP/AVP 0\r\n", 304},          {"m=audio 7000 RTP/AVP\r\n", 305},
                 {"m=audio 7000 RTP/AVP 128 x\r\n", 305},    {"m=audio 7000 RTP/AVP 0\r\nc=\r\n", 301},
                 {"m=audio 7000 RTP/AVP 0\r\nc=IN\r\n", 301}};
    struct offer_policy p = policy_of("PCMU");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct offer_pick pick;
        struct sdp in;
        char offer[512];
        int warning = 0;
        snprintf(offer, sizeof offer, HEAD "%s", cases[i].lines);
        parse(&in, offer);
        assert_int_equal(offer_pick(&pick, &p, &in, &warning), -ENOENT);
        assert_int_equal(warning, cases[i].warning);
    }
}

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void test_bombs(void **state)
{
    static char text[1 << 20];
    struct sdp sdp;
    struct {
        const char *what, *repeat;
        unsigned times;
    } bombs[] = {{"formats", " 0", 30000},
                 {"attributes", "\r\na=x", 12000},
                 {"streams", "\r\nm=audio 1 RTP/AVP 0", 3000},
                 {"rtpmaps", "\r\na=rtpmap:0 x/1", 4000},
                 {"blanks", "  ", 32000},
                 {"one attribute", ";x=1", 16000}};
    for (size_t b = 0; b < ARRAY_LEN(bombs); b++) {
        size_t n = (size_t)sprintf(text, HEAD "m=audio 7000 RTP/AVP 0%s", b == 5 ? "\r\na=fmtp:0 x=1" : "");
        for (unsigned i = 0; i < bombs[b].times; i++) {
            n += (size_t)sprintf(text + n, "%s", bombs[b].repeat);
        }
        uint64_t took = UINT64_MAX; /* the best of three: a guest is charged for what its host does in between */
        int err = 0;
        for (unsigned take = 0; take < 3; take++) {
            uint64_t begin = cpu_ns();
            err = sdp_parse(&sdp, text, n);
            if (b == 5) {
                assert_int_equal(err, 0);
                assert_null(sdp_param(sdp.formats[0].fmtp, "y").p);
            }
            took = MIN(took, cpu_ns() - begin);
        }
        assert_true(err == -E2BIG || b >= 4);
        assert_true(took < 100 * NS_PER_MS); /* a reader whose work is quadratic takes seconds */
    }
}

static void test_limits(void **state)
{
    char text[16384];
    struct sdp sdp;
    size_t n = (size_t)sprintf(text, HEAD "m=audio 7000 RTP/AVP");
    for (unsigned i = 0; i < SDP_MEDIA_FORMATS_MAX; i++) {
        n += (size_t)sprintf(text + n, " %u", i);
    }
    assert_int_equal(sdp_parse(&sdp, text, n), 0);
    assert_int_equal(sdp.media[0].n_formats, SDP_MEDIA_FORMATS_MAX);
    n += (size_t)sprintf(text + n, " 100");
    assert_int_equal(sdp_parse(&sdp, text, n), -E2BIG);

    n = (size_t)sprintf(text, HEAD);
    for (unsigned i = 0; i < SDP_MEDIA_MAX; i++) {
        n += (size_t)sprintf(text + n, "m=audio 7000 RTP/AVP 0\r\n");
    }
    assert_int_equal(sdp_parse(&sdp, text, n), 0);
    n += (size_t)sprintf(text + n, "m=audio 7000 RTP/AVP 0\r\n");
    assert_int_equal(sdp_parse(&sdp, text, n), -E2BIG);
}

/* C35. */
static void test_version_rises_on_change(void **state)
{
    struct offer_policy p = policy_of("PCMU,PCMA");
    struct offer_local l = local_of("198.51.100.7", 40000);
    struct offer_session s;
    static const struct {
        const char *lines;
        uint64_t version;
    } steps[] = {{"m=audio 7000 RTP/AVP 0\r\n", 1},
                 {"m=audio 7002 RTP/AVP 0\r\n", 1}, /* the peer's address is not in our description */
                 {"m=audio 7002 RTP/AVP 0\r\na=sendonly\r\n", 2},
                 {"m=audio 7002 RTP/AVP 0\r\na=sendonly\r\n", 2},
                 {"m=audio 7002 RTP/AVP 8\r\n", 3},
                 {"m=audio 7002 RTP/AVP 8\r\nm=video 7004 RTP/AVP 31\r\n", 4}};
    offer_session_init(&s, 77);
    uint64_t id = 0;
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        char text[4096], offer[1024];
        struct sdp_out out = {text, 0, sizeof text, false};
        struct offer_pick pick;
        struct sdp in, said;
        int warning = 0;
        snprintf(offer, sizeof offer, HEAD "%s", steps[i].lines);
        parse(&in, offer);
        assert_int_equal(offer_pick(&pick, &p, &in, &warning), 0);
        assert_int_equal(offer_answer(&s, &pick, &in, &l, &out), 0);
        parse(&said, text);
        assert_int_equal(said.session_version, steps[i].version);
        assert_true(i == 0 || said.session_id == id);
        id = said.session_id;
    }
}

static void test_own_offer(void **state)
{
    struct offer_policy p = policy_of("opus,PCMA,PCMU,L16/16000,L16/48000");
    struct offer_local l = local_of("198.51.100.7", 40000);
    struct offer_session s;
    struct offer_media media;
    struct sdp sdp;
    char text[4096];
    struct sdp_out out = {text, 0, sizeof text, false};

    offer_session_init(&s, 77);
    assert_int_equal(offer_write(&s, &p, &l, true, true, &out), 0);
    parse(&sdp, text);
    assert_int_equal(sdp.n_media, 1);
    assert_int_equal(sdp.media[0].n_formats, 6); /* four codecs, L16/48000 left out, two telephone-events */
    assert_int_equal(sdp.formats[0].pt, 111);
    assert_int_equal(sdp.media[0].ptime_ms, 20);

    /* The answer may number its payload types as it likes: RFC 3264 6.1. */
    parse(&sdp,
          HEAD "m=audio 7000 RTP/AVP 96 100\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:100 telephone-event/48000\r\n");
    assert_int_equal(offer_accept(&s, &p, &sdp, &media), 0);
    assert_int_equal(media.codec->id, CODEC_OPUS);
    assert_int_equal(media.pt_rx, 111);
    assert_int_equal(media.pt_tx, 96);
    assert_int_equal(media.pt_event_rx, 110);

    parse(&sdp, HEAD "m=audio 7000 RTP/AVP 0 8\r\n");
    assert_int_equal(offer_accept(&s, &p, &sdp, &media), 0);
    assert_int_equal(media.codec->id, CODEC_PCMU); /* the answerer's preference counts */

    parse(&sdp, HEAD "m=audio 0 RTP/AVP 0\r\n");
    assert_int_equal(offer_accept(&s, &p, &sdp, &media), -ENOENT);
    parse(&sdp, HEAD "m=audio 7000 RTP/SAVP 0\r\n");
    assert_int_equal(offer_accept(&s, &p, &sdp, &media), -ENOENT);
    parse(&sdp, HEAD "m=audio 7000 RTP/AVP 9\r\n");
    assert_int_equal(offer_accept(&s, &p, &sdp, &media), -ENOENT);
    parse(&sdp, HEAD "m=audio 7000 RTP/AVP 0\r\nm=video 7000 RTP/AVP 31\r\n");
    assert_int_equal(offer_accept(&s, &p, &sdp, &media), -EPROTO);
}

static void test_reoffer_keeps_lines_and_types(void **state)
{
    struct offer_policy p = policy_of("opus,PCMU");
    struct offer_local l = local_of("198.51.100.7", 40000);
    struct offer_session s;
    struct offer_pick pick;
    struct sdp sdp;
    char text[4096];
    struct sdp_out out = {text, 0, sizeof text, false};
    int warning = 0;

    /* 111 means something else to this peer, and opus is 96. */
    parse(&sdp, HEAD "m=video 5000 RTP/AVP 31\r\nm=audio 7000 RTP/AVP 96 111\r\na=rtpmap:96 opus/48000/2\r\n"
                     "a=rtpmap:111 speex/16000\r\n");
    offer_session_init(&s, 77);
    assert_int_equal(offer_pick(&pick, &p, &sdp, &warning), 0);
    assert_int_equal(offer_answer(&s, &pick, &sdp, &l, &out), 0);
    out.n = 0;
    assert_int_equal(offer_write(&s, &p, &l, true, true, &out), 0);
    parse(&sdp, text);
    assert_int_equal(sdp.n_media, 2);
    assert_int_equal(sdp.media[0].port, 0);
    assert_true(sdp_text_is(sdp.media[0].kind, "video"));
    assert_int_equal(sdp.media[1].port, 40000);
    assert_int_equal(sdp.formats[sdp.media[1].i_format].pt, 96);
    for (unsigned i = 0; i < sdp.media[1].n_formats; i++) {
        assert_int_not_equal(sdp.formats[sdp.media[1].i_format + i].pt, 111);
    }
}

static void test_policy(void **state)
{
    struct offer_policy p;
    assert_int_equal(offer_policy_read(&p, "opus,L16/16000,pcmu", 48000), 0);
    assert_int_equal(p.n_codecs, 3);
    assert_int_equal(p.codecs[0].rate_hz, 48000);
    static const char *const bad[] = {"", "G729", "PCMU,PCMU", "PCMU,,PCMA", "L16/44100", "opusopusopusopusopus"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(offer_policy_read(&p, bad[i], 16000), -EINVAL);
    }
}

static void test_same_leg(void **state)
{
    struct offer_pick a, b;
    struct sdp sdp;
    char text[4096];

    answer(HEAD "m=audio 7000 RTP/AVP 0\r\n", "PCMU", &a, &sdp, text);
    answer(HEAD "m=audio 9000 RTP/AVP 0\r\na=sendonly\r\n", "PCMU", &b, &sdp, text);
    assert_true(offer_media_same_leg(&a.media, &b.media));
    answer(HEAD "m=audio 9000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n", "PCMU", &b, &sdp, text);
    assert_false(offer_media_same_leg(&a.media, &b.media));
}

/* The answer to an offer with these lines, of a mixer's policy. @return its media */
static struct offer_media levels_answer(const char *lines, char text[4096])
{
    struct offer_policy p = policy_of("PCMU");
    struct offer_local l = local_of("198.51.100.7", 40000);
    struct offer_pick pick;
    struct offer_session s;
    struct sdp in;
    struct sdp_out out = {text, 0, 4096, false};
    char offer[2048];
    int warning = 0;

    p.levels = OFFER_LEVELS_MIXER;
    snprintf(offer, sizeof offer, HEAD "m=audio 7000 RTP/AVP 0\r\n%s", lines);
    parse(&in, offer);
    assert_int_equal(offer_pick(&pick, &p, &in, &warning), 0);
    offer_session_init(&s, 1);
    assert_int_equal(offer_answer(&s, &pick, &in, &l, &out), 0);
    text[out.n] = '\0';
    return offer_settled(&s, &pick);
}

#define LEVEL "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
#define LEVELS "urn:ietf:params:rtp-hdrext:csrc-audio-level"

/* RFC 8285 5 and 8, RFC 6464 4, RFC 6465 4: numbers are mirrored, directions ours, what is of no use left out. */
static void test_levels_answered(void **state)
{
    static const struct {
        const char *lines;
        uint8_t level, levels;
        const char *in_answer, *not_in_answer;
    } cases[] = {
        {"a=extmap:3 " LEVEL "\r\na=extmap:14/recvonly " LEVELS "\r\n", 3, 14,
         "a=extmap:3/recvonly " LEVEL "\r\na=extmap:14/sendonly " LEVELS "\r\n", "vad="},
        {"a=extmap:1/sendonly " LEVEL " vad=off\r\n", 1, 0, "a=extmap:1/recvonly " LEVEL " vad=off\r\n", LEVELS},
        {"a=extmap:1 " LEVEL " vad=on\r\na=extmap:2 urn:example:other\r\n", 1, 0, LEVEL "\r\n", "other"},
        {"a=extmap:1/recvonly " LEVEL "\r\na=extmap:2/sendonly " LEVELS "\r\n", 0, 0, "a=sendrecv", "extmap"},
        {"a=extmap:1/inactive " LEVEL "\r\n", 0, 0, "a=sendrecv", "extmap"},
        {"a=extmap:1/upwards " LEVEL "\r\n", 0, 0, "a=sendrecv", "extmap"},
        {"a=extmap:0 " LEVEL "\r\na=extmap:15 " LEVELS "\r\n", 0, 0, "a=sendrecv", "extmap"},
        {"a=extmap:256 " LEVEL "\r\na=extmap:4096 " LEVELS "\r\n", 0, 0, "a=sendrecv", "extmap"},
        {"a=extmap:-1 " LEVEL "\r\na=extmap: " LEVELS "\r\na=extmap:99999999999999999999 x\r\n", 0, 0, "a=sendrecv",
         "extmap"},
        {"a=extmap:5 urn:example:other\r\na=extmap:5 " LEVEL "\r\n", 0, 0, "a=sendrecv", "extmap"},
        {"a=extmap:5 " LEVEL "\r\na=extmap:6 " LEVEL "\r\n", 5, 0, "a=extmap:5/recvonly", "extmap:6"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[4096];
        struct offer_media media = levels_answer(cases[i].lines, text);
        assert_int_equal(media.ext_level, cases[i].level);
        assert_int_equal(media.ext_levels, cases[i].levels);
        assert_non_null(strstr(text, cases[i].in_answer));
        assert_null(strstr(text, cases[i].not_in_answer));
        struct leg_cfg cfg = {.rtp_fd = -1};
        offer_media_apply(&media, &cfg);
        assert_int_equal(cfg.ext_level_rx, cases[i].level);
        assert_int_equal(cfg.ext_levels_tx, cases[i].levels);
    }
}

/* Said for the whole session; and without the policy nobody is answered. */
static void test_levels_of_session(void **state)
{
    struct sdp sdp;
    struct offer_pick pick;
    char text[4096];
    parse(&sdp, "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\na=extmap:7 " LEVEL
                "\r\nm=audio 7000 RTP/AVP 0\r\nm=audio 7002 RTP/AVP 0\r\na=extmap:8 " LEVELS "\r\n");
    assert_int_equal(sdp.media[0].exts.level.id, 7);
    assert_int_equal(sdp.media[1].exts.level.id, 7);
    assert_int_equal(sdp.media[1].exts.levels.id, 8);
    assert_int_equal(sdp.media[0].exts.ids, 1u << 7);
    answer(HEAD "m=audio 7000 RTP/AVP 0\r\na=extmap:1 " LEVEL "\r\n", "PCMU", &pick, &sdp, text);
    assert_int_equal(sdp.media[0].exts.ids, 0);
}

/* Both parts of one session: the talker offers, the mixer answers, and offers again with the same numbers. */
static void test_levels_offered(void **state)
{
    struct offer_policy talker = policy_of("opus"), mixer = policy_of("opus");
    struct offer_local l = local_of("198.51.100.7", 40000);
    struct offer_session ours, theirs;
    struct offer_media at_talker, again;
    struct offer_pick pick;
    struct sdp sdp;
    char text[4096];
    int warning = 0;

    talker.levels = OFFER_LEVELS_TALKER;
    mixer.levels = OFFER_LEVELS_MIXER;
    offer_session_init(&theirs, 1);
    offer_session_init(&ours, 2);
    struct sdp_out out = {text, 0, sizeof text, false};
    assert_int_equal(offer_write(&theirs, &talker, &l, true, true, &out), 0);
    assert_int_equal(sdp_parse(&sdp, text, out.n), 0);
    assert_int_equal(offer_pick(&pick, &mixer, &sdp, &warning), 0);
    char answer_text[4096];
    struct sdp_out back = {answer_text, 0, sizeof answer_text, false};
    assert_int_equal(offer_answer(&ours, &pick, &sdp, &l, &back), 0);
    struct offer_media at_mixer = offer_settled(&ours, &pick);
    assert_true(at_mixer.ext_level == 1 && at_mixer.ext_levels == 2 && at_mixer.level_vad_off);
    assert_int_equal(sdp_parse(&sdp, answer_text, back.n), 0);
    assert_int_equal(offer_accept(&theirs, &talker, &sdp, &at_talker), 0);
    assert_true(at_talker.ext_level == 1 && at_talker.ext_levels == 2);

    out = (struct sdp_out){text, 0, sizeof text, false};
    assert_int_equal(offer_write(&ours, &mixer, &l, true, true, &out), 0);
    assert_int_equal(sdp_parse(&sdp, text, out.n), 0);
    assert_int_equal(sdp.media[0].exts.level.id, 1);
    assert_int_equal(sdp.media[0].exts.level.direction, SDP_RECVONLY);
    assert_int_equal(sdp.media[0].exts.levels.id, 2);
    assert_int_equal(sdp.media[0].exts.levels.direction, SDP_SENDONLY);
    again = at_mixer;
    assert_true(offer_media_same_leg(&at_mixer, &again));
    again.ext_level = 0; /* the answer may leave it out: another leg */
    assert_false(offer_media_same_leg(&at_mixer, &again));
}

/* A number that the peer has used for something else is not used again in this session (RFC 8285 5). */
static void test_levels_number_taken(void **state)
{
    struct offer_policy p = policy_of("PCMU");
    struct offer_local l = local_of("198.51.100.7", 40000);
    struct offer_session s;
    struct offer_pick pick;
    struct sdp sdp;
    char text[4096];
    int warning = 0;

    p.levels = OFFER_LEVELS_MIXER;
    offer_session_init(&s, 1);
    parse(&sdp, HEAD "m=audio 7000 RTP/AVP 0\r\na=extmap:1 urn:example:other\r\na=extmap:3 urn:example:more\r\n");
    assert_int_equal(offer_pick(&pick, &p, &sdp, &warning), 0);
    struct sdp_out out = {text, 0, sizeof text, false};
    assert_int_equal(offer_answer(&s, &pick, &sdp, &l, &out), 0);
    out = (struct sdp_out){text, 0, sizeof text, false};
    assert_int_equal(offer_write(&s, &p, &l, true, true, &out), 0);
    assert_int_equal(sdp_parse(&sdp, text, out.n), 0);
    assert_int_equal(sdp.media[0].exts.level.id, 2);
    assert_int_equal(sdp.media[0].exts.levels.id, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_static_types),
        cmocka_unit_test(test_streams_keep_order),
        cmocka_unit_test(test_opus),
        cmocka_unit_test(test_names_as_phones_write_them),
        cmocka_unit_test(test_l16_and_ptime),
        cmocka_unit_test(test_hold),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_ipv6),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_odd_lines_are_passed_over),
        cmocka_unit_test(test_odd_lines_that_matter),
        cmocka_unit_test(test_bombs),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_version_rises_on_change),
        cmocka_unit_test(test_own_offer),
        cmocka_unit_test(test_reoffer_keeps_lines_and_types),
        cmocka_unit_test(test_policy),
        cmocka_unit_test(test_same_leg),
        cmocka_unit_test(test_levels_answered),
        cmocka_unit_test(test_levels_of_session),
        cmocka_unit_test(test_levels_offered),
        cmocka_unit_test(test_levels_number_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
