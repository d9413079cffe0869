/* RTP header: the writer against the reader, every way to be refused, and what is known of a sender (RFC 3550 A.1,
 * A.8). */
#include "core/media/rtp.h"
#include "tests/unit/unit.h"

#include <string.h>

/* C51. */
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

/* RFC 8285 4.2: elements with padding between them, in both forms; the writer's in the first. */
static void extension_elements(void **state)
{
    static const uint8_t one[] = {0x90, 0,    0, 1, 0, 0,    0, 2, 0, 0,    0,    3, 0xbe, 0xde, 0,
                                  3,    0x10, 7, 0, 0, 0x32, 1, 2, 3, 0xe0, 0x85, 0, 0,    9};
    static const uint8_t two[] = {0x90, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0x10, 0x05, 0,
                                  3,    0, 1, 1, 7, 2, 0, 0, 3, 2, 8, 9, 0,    5};
    struct rtp rtp;
    size_t n = 0;
    assert_int_equal(rtp_parse(one, sizeof one, &rtp), DROP_NONE);
    assert_int_equal(rtp.bytes, 1);
    assert_int_equal(rtp_ext_find(&rtp, 1, &n)[0], 7);
    assert_int_equal(n, 1);
    assert_memory_equal(rtp_ext_find(&rtp, 3, &n), one + 21, 3);
    assert_int_equal(n, 3);
    assert_int_equal(rtp_ext_find(&rtp, 14, &n)[0], 0x85);
    assert_null(rtp_ext_find(&rtp, 2, &n));
    assert_null(rtp_ext_find(&rtp, 0, &n));
    assert_int_equal(rtp_parse(two, sizeof two, &rtp), DROP_NONE);
    assert_int_equal(rtp_ext_find(&rtp, 1, &n)[0], 7);
    assert_non_null(rtp_ext_find(&rtp, 2, &n));
    assert_int_equal(n, 0);
    assert_memory_equal(rtp_ext_find(&rtp, 3, &n), two + 25, 2);
    assert_int_equal(n, 2);
    assert_null(rtp_ext_find(&rtp, 5, &n));

    for (size_t count = 1; count <= RTP_CSRC_MAX; count++) {
        uint8_t buf[128], levels[RTP_CSRC_MAX] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 127};
        size_t head = rtp_write(buf, 96, true, 1, 2, 3, NULL, 0);
        size_t end = rtp_write_ext(buf, head, 14, levels, count);
        assert_true(end - head <= RTP_LEVELS_BYTES);
        assert_int_equal(rtp_parse(buf, end, &rtp), DROP_NONE);
        assert_int_equal(rtp.bytes, 0);
        assert_memory_equal(rtp_ext_find(&rtp, 14, &n), levels, count);
        assert_int_equal(n, count);
    }
}

/* Whatever is malformed ends the search, without a step outside: every extension of one word, in both forms. */
static void extension_malformed(void **state)
{
    static const struct {
        uint16_t profile;
        uint8_t word[4], id;
    } cases[] = {
        {0xbede, {0x12, 1, 2, 0}, 1},    /* three bytes: fits */
        {0xbede, {0x13, 1, 2, 3}, 1},    /* four: one too many */
        {0xbede, {0xf0, 1, 0x10, 2}, 1}, /* 15 ends it, RFC 8285 4.2 */
        {0xbede, {0x01, 1, 0x10, 2}, 1}, /* 0 with a length ends it */
        {0x1000, {1, 3, 1, 2}, 1},       /* longer than what is left */
        {0x1000, {0, 0, 0, 1}, 1},       /* without a length */
        {0x2000, {0x10, 1, 0, 0}, 1},    /* neither form */
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t *buf = test_malloc(20);
        memset(buf, 0, 20);
        buf[0] = 0x90;
        store_be16(buf + 12, cases[i].profile);
        buf[15] = 1;
        memcpy(buf + 16, cases[i].word, 4);
        struct rtp rtp;
        size_t n = 0;
        assert_int_equal(rtp_parse(buf, 20, &rtp), DROP_NONE);
        assert_int_equal(rtp_ext_find(&rtp, cases[i].id, &n) != NULL, i == 0);
        for (uint32_t word = 0; word < 65536; word++) {
            store_be16(buf + 16, (uint16_t)word);
            const uint8_t *found = rtp_ext_find(&rtp, 1, &n);
            assert_true(!found || (found > buf + 16 && found + n <= buf + 20));
        }
        test_free(buf);
    }
    struct rtp none;
    uint8_t plain[12] = {0x80};
    size_t n;
    assert_int_equal(rtp_parse(plain, 12, &none), DROP_NONE);
    assert_null(rtp_ext_find(&none, 1, &n));
}

/* A26. */
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
        cmocka_unit_test(header_round_trip),   cmocka_unit_test(extension_elements),
        cmocka_unit_test(extension_malformed), cmocka_unit_test(refused),
        cmocka_unit_test(sender_loss),         cmocka_unit_test(sender_restart),
        cmocka_unit_test(sender_jitter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
