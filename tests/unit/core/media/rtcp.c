/* RTCP: what is written is read again; every length that lies is refused (RFC 3550 6.4, A.2). */
#include "core/media/rtcp.h"
#include "tests/unit/unit.h"

#include <string.h>

static size_t sample_write(uint8_t *buf, bool sender, bool bye)
{
    struct rtcp_report r = {
        .ssrc = 5,
        .sender = sender,
        .ntp = 0x1122334455667788,
        .rtp_ts = 9,
        .packets = 10,
        .octets = 1600,
        .has_block = true,
        .cname = "alice@example.com",
        .bye = bye,
        .block =
            {.ssrc = 77, .fraction_lost = 3, .lost = -2, .highest_seq = 0x10005, .jitter_ts = 8, .lsr = 1, .dlsr = 2},
    };
    return rtcp_write(buf, &r);
}

/* C52. */
static void round_trip(void **state)
{
    uint8_t buf[RTCP_PACKET_MAX];
    struct rtcp_heard heard;
    for (unsigned i = 0; i < 4; i++) {
        size_t bytes = sample_write(buf, i & 1, i & 2);
        assert_int_equal(bytes % 4, 0);
        assert_in_range(bytes, 1, RTCP_PACKET_MAX);
        assert_int_equal(rtcp_parse(buf, bytes, 77, &heard), DROP_NONE);
        assert_int_equal(heard.sr, i & 1);
        assert_int_equal(heard.bye, (i & 2) != 0);
        assert_true(heard.has_block);
        assert_int_equal(heard.block.lost, -2);
        assert_int_equal(heard.block.highest_seq, 0x10005);
        if (heard.sr) {
            assert_int_equal(heard.sr_ntp_middle, 0x33445566);
        }
        assert_int_equal(rtcp_parse(buf, bytes, 78, &heard), DROP_NONE);
        assert_false(heard.has_block);
    }
}

/* The longest name we use still fits. */
static void longest_cname(void **state)
{
    uint8_t buf[RTCP_PACKET_MAX + 64];
    char name[64];
    memset(name, 'x', 63);
    name[63] = 0;
    struct rtcp_report r = {.sender = true, .has_block = true, .cname = name, .bye = true};
    assert_in_range(rtcp_write(buf, &r), 1, RTCP_PACKET_MAX);
}

/* A26. */
static void refused(void **state)
{
    uint8_t buf[RTCP_PACKET_MAX];
    struct rtcp_heard heard;
    size_t bytes = sample_write(buf, true, true);
    for (size_t cut = 0; cut < bytes; cut++) {
        enum drop drop = rtcp_parse(buf, cut, 77, &heard);
        bool whole_packets = cut == 52 || cut == bytes - 8;
        assert_int_equal(drop == DROP_NONE, whole_packets);
    }
    buf[52] = 0x41;
    assert_int_equal(rtcp_parse(buf, bytes, 77, &heard), DROP_RTCP_VERSION);
    uint8_t sdes_first[8] = {0x80, 202, 0, 1};
    assert_int_equal(rtcp_parse(sdes_first, 8, 77, &heard), DROP_RTCP_FIRST);
    uint8_t blocks_lie[8] = {0x81, 201, 0, 1};
    assert_int_equal(rtcp_parse(blocks_lie, 8, 77, &heard), DROP_RTCP_SHORT);
    uint8_t empty_rr[4] = {0x80, 201, 0, 0};
    assert_int_equal(rtcp_parse(empty_rr, 4, 77, &heard), DROP_RTCP_SHORT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(longest_cname),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
