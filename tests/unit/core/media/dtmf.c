/* RFC 4733: a digit is reported once, at its end, whatever of its packets is lost or repeated. */
#include "core/media/dtmf.h"
#include "tests/unit/unit.h"

static char take(struct dtmf *d, uint32_t ts, uint8_t event, bool end, uint16_t duration)
{
    uint8_t payload[4] = {event, (uint8_t)(end ? 0x8a : 0x0a), (uint8_t)(duration >> 8), (uint8_t)duration};
    struct dtmf_digit digit;
    assert_int_equal(dtmf_take(d, ts, payload, 4, &digit), DROP_NONE);
    return digit.digit;
}

/* C55. */
static void once_at_its_end(void **state)
{
    struct dtmf d = {0};
    assert_int_equal(take(&d, 1000, 5, false, 160), 0);
    assert_int_equal(take(&d, 1000, 5, false, 320), 0);
    assert_int_equal(take(&d, 1000, 5, true, 480), '5');
    assert_int_equal(take(&d, 1000, 5, true, 480), 0);
    assert_int_equal(take(&d, 1000, 5, true, 480), 0);
    assert_int_equal(take(&d, 3000, 5, true, 480), '5'); /* only its end arrived */
}

static void all_ends_lost(void **state)
{
    struct dtmf d = {0};
    take(&d, 1000, 1, false, 160);
    assert_int_equal(take(&d, 2000, 11, false, 160), '1');
    assert_int_equal(take(&d, 2000, 11, true, 320), '#');
}

static void ends_lost_and_end(void **state)
{
    struct dtmf d = {0};
    take(&d, 1000, 1, false, 160);
    assert_int_equal(take(&d, 2000, 10, true, 320), '1');
    assert_int_equal(take(&d, 2000, 10, true, 320), '*'); /* the repeated end brings it */
    assert_int_equal(take(&d, 2000, 10, true, 320), 0);
}

/* RFC 4733 2.5.2.2: of the last key there is no next that would end it. */
static void ended_without_end(void **state)
{
    struct dtmf d = {0};
    struct dtmf_digit digit;
    dtmf_end(&d, &digit);
    assert_int_equal(digit.digit, 0);
    take(&d, 1000, 11, false, 160);
    take(&d, 1000, 11, false, 320);
    dtmf_end(&d, &digit);
    assert_int_equal(digit.digit, '#');
    assert_int_equal(digit.duration_ts, 320);
    dtmf_end(&d, &digit);
    assert_int_equal(digit.digit, 0);
    assert_int_equal(take(&d, 1000, 11, false, 1600), 0); /* it was only late */
    assert_int_equal(take(&d, 1000, 11, true, 1760), 0);
    assert_int_equal(take(&d, 3000, 11, true, 160), '#');
}

static void others_ignored(void **state)
{
    struct dtmf d = {0};
    struct dtmf_digit digit;
    uint8_t three[3] = {0};
    assert_int_equal(dtmf_take(&d, 1, three, 3, &digit), DROP_DTMF_SHORT);
    assert_int_equal(take(&d, 1, 16, true, 100), 0); /* hook flash */
    assert_int_equal(take(&d, 2, 255, true, 100), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(once_at_its_end),
        cmocka_unit_test(all_ends_lost),
        cmocka_unit_test(ends_lost_and_end),
        cmocka_unit_test(ended_without_end),
        cmocka_unit_test(others_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
