/*
 * Media of both families of addresses: each call gets ports of the family that its offer can be sent to. Method: offers
 * of phones with one and with two families, and what the answer names; through the whole of signalling with real ports.
 */
#include "tests/unit/unit.h"

#include "tests/unit/call_world.h"

#include <unistd.h>

#define V6 "v=0\r\no=- 1 1 IN IP6 2001:db8::9\r\ns=-\r\nc=IN IP6 2001:db8::9\r\nt=0 0\r\n"
#define AUDIO "m=audio 7000 RTP/AVP 0\r\n"
#define LINK6 "v=0\r\no=- 1 1 IN IP6 fe80::9\r\ns=-\r\nc=IN IP6 fe80::9\r\nt=0 0\r\n" AUDIO
#define LINK4 "v=0\r\no=- 1 1 IN IP4 169.254.1.9\r\ns=-\r\nc=IN IP4 169.254.1.9\r\nt=0 0\r\n" AUDIO
#define HOST4 "a=candidate:1 1 UDP 2130706431 192.0.2.9 7100 typ host\r\n"
#define HOST6 "a=candidate:2 1 udp 2130706430 2001:db8::9 7200 typ host generation 0\r\n"

static const struct env_cfg direct = {.factory_mode = FACTORY_DIRECT};

/* Where the stream of an offer is sent to by one who has these families. @return "" nowhere */
static const char *start(const char *offer, int family, int other, char text[ADDR_TEXT_MAX])
{
    struct offer_policy policy = {.family = family, .family_other = other};
    struct offer_pick pick;
    struct sdp sdp;
    int warning = 0;
    assert_int_equal(offer_policy_read(&policy, "PCMU", 16000), 0);
    assert_int_equal(sdp_parse(&sdp, offer, strlen(offer)), 0);
    text[0] = '\0';
    if (offer_pick(&pick, &policy, &sdp, &warning) != 0) {
        assert_int_equal(warning, 301);
        return text;
    }
    assert_int_equal(pick.family, addr_is_set(&pick.media.remote_rtp) ? pick.media.remote_rtp.sa.sa_family : 0);
    return addr_is_set(&pick.media.remote_rtp) ? addr_text(&pick.media.remote_rtp, text) : "hold";
}

static void where_a_stream_goes(void **state)
{
    static const struct {
        const char *offer, *only4, *only6, *both;
    } cases[] = {
        {SDP_HEAD AUDIO, "192.0.2.9:7000", "", "192.0.2.9:7000"},
        {V6 AUDIO, "", "[2001:db8::9]:7000", "[2001:db8::9]:7000"},
        {V6 AUDIO HOST4, "192.0.2.9:7100", "[2001:db8::9]:7000", "[2001:db8::9]:7000"},
        {SDP_HEAD AUDIO HOST4 HOST6, "192.0.2.9:7000", "[2001:db8::9]:7200", "192.0.2.9:7000"},
        {V6 AUDIO "a=altc:1 IP6 2001:db8::9 7000\r\na=altc:2 IP4 192.0.2.9 7300\r\n", "192.0.2.9:7300",
         "[2001:db8::9]:7000", "[2001:db8::9]:7000"},
        {LINK6 HOST4 HOST6, "192.0.2.9:7100", "[2001:db8::9]:7200", "192.0.2.9:7100"},
        {LINK6, "", "[fe80::9]:7000", "[fe80::9]:7000"}, /* nothing better is known */
        {LINK4 HOST4, "192.0.2.9:7100", "", "192.0.2.9:7100"},
        {SDP_HEAD "m=audio 7000 RTP/AVP 0\r\nc=IN IP4 phone.example\r\n" HOST6, "", "[2001:db8::9]:7200",
         "[2001:db8::9]:7200"},
        {SDP_HEAD "m=audio 7000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n" HOST4, "hold", "hold", "hold"},
        /* Not its own host, not RTP, not UDP, not an address. */
        {V6 AUDIO "a=candidate:1 1 UDP 1 192.0.2.9 7100 typ srflx raddr 10.0.0.1 rport 1\r\n"
                  "a=candidate:1 2 UDP 1 192.0.2.9 7101 typ host\r\na=candidate:1 1 TCP 1 192.0.2.9 9 typ host\r\n"
                  "a=candidate:1 1 UDP 1 x.local 7100 typ host\r\na=candidate:1 1 UDP 1 192.0.2.9 0 typ host\r\n"
                  "a=candidate:\r\na=candidate:1 1 UDP 1 169.254.1.1 7100 typ host\r\na=altc:1 IP4\r\na=altc:\r\n"
                  "a=candidate:1 1 UDP 1 224.0.0.1 7100 typ host\r\n",
         "", "[2001:db8::9]:7000", "[2001:db8::9]:7000"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[ADDR_TEXT_MAX];
        assert_string_equal(start(cases[i].offer, AF_INET, 0, text), cases[i].only4);
        assert_string_equal(start(cases[i].offer, AF_INET6, 0, text), cases[i].only6);
        assert_string_equal(start(cases[i].offer, AF_INET, AF_INET6, text), cases[i].both);
    }
}

/* @return NULL: no IPv6 on this host */
static struct world *world_both(void)
{
    int fd = socket(AF_INET6, SOCK_DGRAM, 0);
    struct sockaddr_in6 loopback = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    bool has_it = fd >= 0 && bind(fd, (struct sockaddr *)&loopback, sizeof loopback) == 0;
    close(fd);
    struct place_cfg place = {.n_workers = 1};
    struct env_cfg cfg = direct;
    must(addr_parse(&place.host_other, "::1", 0) == 0);
    cfg.policy.family_other = AF_INET6;
    return has_it ? world_open_on(place, cfg, NULL) : NULL;
}

static int family_of(int fd)
{
    struct addr addr = {0};
    socklen_t n = sizeof addr;
    assert_int_equal(getsockname(fd, &addr.sa, &n), 0);
    return addr.sa.sa_family;
}

static void answered_in_the_offers_family(void **state)
{
    static const struct {
        const char *offer, *said;
        int family;
    } cases[] = {{SDP_HEAD AUDIO, "c=IN IP4 127.0.0.1\r\n", AF_INET},
                 {V6 AUDIO, "c=IN IP6 ::1\r\n", AF_INET6},
                 {LINK6 HOST4, "c=IN IP4 127.0.0.1\r\n", AF_INET},
                 {NULL, "c=IN IP4 127.0.0.1\r\n", AF_INET}}; /* an offer of ours: as the signalling goes */
    struct world *w = world_both();
    if (!w) {
        skip();
    }
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct phone p = phone_of(w, 1 + i, "conferences");
        assert_int_equal(phone_invite(&p, cases[i].offer), 200);
        assert_non_null(strstr(world_answer(w), cases[i].said));
        phone_ack(&p, cases[i].offer ? NULL : SDP_HEAD AUDIO);
        assert_int_equal(w->env->calls->place.family, cases[i].family);
        assert_int_equal(family_of(w->env->calls->place.rtp_fd), cases[i].family);
        world_work(w);
        const struct leg_cfg *cfg = leg_cfg_of(w->env->calls->leg);
        assert_int_equal(cfg->remote_rtp.sa.sa_family, cases[i].family);
        assert_true(!addr_is_set(&cfg->latch_host) || cfg->latch_host.sa.sa_family == cases[i].family);
        /* The family stays: its sockets are there. */
        assert_int_equal(phone_invite(&p, cases[i].family == AF_INET ? V6 AUDIO : SDP_HEAD AUDIO), 488);
        assert_int_equal(phone_invite(&p, SDP_HEAD "m=audio 7000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n"), 200);
        phone_ack(&p, NULL);
        assert_int_equal(phone_send(&p, "BYE", 0, NULL), 200);
        world_work(w);
        world_give(w);
    }
    /* An answer of the other family than our offer's ends the call. */
    struct phone p = phone_of(w, 9, "conferences");
    assert_int_equal(phone_invite(&p, NULL), 200);
    phone_ack(&p, V6 AUDIO);
    assert_int_equal(strncmp(last(w), "BYE ", 4), 0);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_a_stream_goes),
        cmocka_unit_test(answered_in_the_offers_family),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
