/* RTP header: the writer against the reader, every way to be refused, and what is known of a sender (RFC 3550 A.1,
 * A.8). */
#include "core/media/rtp.h"
#include "tests/unit/unit.h"

#include <string.h>

static void header_round_trip(void **state)
{
    uint8_t buf[64] = {0};
    uint32_t csrc[2] = {7, 0xdeadbeef};
    struct rtp rtp;
    size_t head = rtp_write(buf, 96, true, 0xfffe, 0x80000001, 0x12345678, csrc, 2);
    assert_int_equal(head, 20);
    assert_int_equal(rtp_parse(buf, head + 5, &rtp), DROP_NONE);
    assert_int_equal(rtp.pt, 96);
    assert_true(rtp.marker);
    assert_int_equal(rtp.seq, 0xfffe);
    assert_int_equal(rtp.ts, 0x80000001);
    assert_int_equal(rtp.ssrc, 0x12345678);
    assert_ptr_equal(rtp.payload, buf + 20);
    assert_int_equal(rtp.bytes, 5);
}

static void refused(void **state)
{
    struct rtp rtp;
    uint8_t good[40] = {0x80, 0};
    for (size_t bytes = 0; bytes < RTP_HEADER_BYTES; bytes++) {
        assert_int_equal(rtp_parse(good, bytes, &rtp), DROP_SHORT);
    }
    uint8_t version[12] = {0x40};
    assert_int_equal(rtp_parse(version, 12, &rtp), DROP_VERSION);
    uint8_t csrc[12] = {0x8f};
    assert_int_equal(rtp_parse(csrc, 12, &rtp), DROP_SHORT);
    uint8_t extension[20] = {0x90};
    assert_int_equal(rtp_parse(extension, 12, &rtp), DROP_EXTENSION);
    extension[15] = 2; /* two words where one is left */
    assert_int_equal(rtp_parse(extension, 20, &rtp), DROP_EXTENSION);
    extension[15] = 1;
    assert_int_equal(rtp_parse(extension, 20, &rtp), DROP_NONE);
    assert_int_equal(rtp.bytes, 0);
    uint8_t padding[14] = {0xa0};
    padding[13] = 3;
    assert_int_equal(rtp_parse(padding, 14, &rtp), DROP_PADDING);
    padding[13] = 0;
    assert_int_equal(rtp_parse(padding, 14, &rtp), DROP_PADDING);
    padding[13] = 2;
    assert_int_equal(rtp_parse(padding, 14, &rtp), DROP_NONE);
    assert_int_equal(rtp.bytes, 0);
}

static enum rtp_arrival take(struct rtp_source *s, uint32_t ssrc, uint16_t seq)
{
    struct rtp rtp = {.ssrc = ssrc, .seq = seq, .ts = seq * 160u};
    return rtp_source_take(s, &rtp, seq * 160u + 1000);
}

/* Sequence numbers wrap, a few are lost, one comes twice and late. */
static void sender_loss(void **state)
{
    struct rtp_source s = {0};
    assert_int_equal(take(&s, 1, 65530), RTP_RESTART);
    for (unsigned i = 1; i < 100; i++) {
        if (i != 50 && i != 51) {
            assert_int_equal(take(&s, 1, (uint16_t)(65530 + i)), RTP_TAKE);
        }
    }
    assert_int_equal(rtp_source_lost(&s), 2);
    assert_int_equal(rtp_source_highest(&s), 65536 + 93);
    assert_int_equal(rtp_source_fraction(&s), 2 * 256 / 100);
    assert_int_equal(rtp_source_fraction(&s), 0);
    take(&s, 1, (uint16_t)(65530 + 50));
    assert_int_equal(rtp_source_lost(&s), 1);
    assert_int_equal(s.jitter_q4, 0);
}

/* A stranger's packet is refused; the next in order makes it the sender; a far jump of the known one likewise. */
static void sender_restart(void **state)
{
    struct rtp_source s = {0};
    take(&s, 1, 10);
    assert_int_equal(take(&s, 2, 500), RTP_REFUSE);
    assert_int_equal(take(&s, 1, 11), RTP_TAKE);
    assert_int_equal(take(&s, 2, 501), RTP_REFUSE); /* not in a row */
    assert_int_equal(take(&s, 2, 502), RTP_RESTART);
    assert_int_equal(s.ssrc, 2);
    assert_int_equal(take(&s, 2, 20000), RTP_REFUSE);
    assert_int_equal(take(&s, 2, 20001), RTP_RESTART);
    assert_int_equal(rtp_source_lost(&s), 0);
}

/* Alternating 10 ms early and late: the estimate approaches the mean difference of 20 ms = 160 ticks. */
static void sender_jitter(void **state)
{
    struct rtp_source s = {0};
    for (unsigned i = 0; i < 500; i++) {
        struct rtp rtp = {.ssrc = 1, .seq = (uint16_t)i, .ts = i * 160};
        rtp_source_take(&s, &rtp, i * 160 + (i & 1 ? 160 : 0));
    }
    assert_in_range(s.jitter_q4 >> 4, 155, 161);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_round_trip), cmocka_unit_test(refused),       cmocka_unit_test(sender_loss),
        cmocka_unit_test(sender_restart),    cmocka_unit_test(sender_jitter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
