/*
 * Push-to-talk messages: the bytes of TS 24.380 as two independent public codecs and tshark read them, both ways; and
 * what is not a message.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/media/app.h"

#include <stdlib.h>
#include <string.h>

static size_t bytes_of(const char *hex, uint8_t *to)
{
    size_t n = 0;
    for (const char *p = hex; *p; p += 2) {
        while (*p == ' ') {
            p++;
        }
        char two[3] = {p[0], p[1], 0};
        to[n++] = (uint8_t)strtoul(two, NULL, 16);
    }
    return n;
}

#define HAS(id) (1u << APP_##id)
#define TEXT_OF(s) ((struct app_text){s, sizeof(s) - 1})

static const struct {
    const char *name, *hex;
    struct app_msg msg;
} examples[] = {
    {"Request",
     "80cc0004 11223344 4d435054 00020500 0d028000",
     {.ssrc = 0x11223344,
      .subtype = APP_FLOOR_REQUEST,
      .has = HAS(PRIORITY) | HAS(INDICATOR),
      .floor = {.priority = 5, .indicator = APP_NORMAL}}},
    {"Granted",
     "81cc0007 a0b0c0d0 4d435054 0102001e 0e061122 33440000 00020500 0d028400",
     {.ssrc = 0xa0b0c0d0,
      .subtype = APP_FLOOR_GRANTED,
      .has = HAS(DURATION) | HAS(GRANTED_SSRC) | HAS(PRIORITY) | HAS(INDICATOR),
      .floor = {.duration_s = 30, .granted_ssrc = 0x11223344, .priority = 5, .indicator = APP_NORMAL | APP_QUEUEING}}},
    {"Taken",
     "92cc000c a0b0c0d0 4d435054 040f7369 703a616c 69636540 782e6f72 67000000 05020001 08020001 0d028400 0e061122 "
     "33440000",
     {.ssrc = 0xa0b0c0d0,
      .subtype = APP_FLOOR_TAKEN,
      .wants_ack = true,
      .has = HAS(GRANTED_PARTY) | HAS(PERMISSION) | HAS(SEQ) | HAS(INDICATOR) | HAS(GRANTED_SSRC),
      .floor = {.granted_party = {"sip:alice@x.org", 15},
                .permission = 1,
                .seq = 1,
                .indicator = APP_NORMAL | APP_QUEUEING,
                .granted_ssrc = 0x11223344}}},
    {"Deny",
     "83cc0004 a0b0c0d0 4d435054 02020001 0d028400",
     {.ssrc = 0xa0b0c0d0,
      .subtype = APP_FLOOR_DENY,
      .has = HAS(CAUSE) | HAS(INDICATOR),
      .floor = {.cause = APP_DENY_TAKEN, .indicator = APP_NORMAL | APP_QUEUEING}}},
    {"Release", "84cc0002 11223344 4d435054", {.ssrc = 0x11223344, .subtype = APP_FLOOR_RELEASE}},
    {"Idle",
     "85cc0004 a0b0c0d0 4d435054 08020002 0d028400",
     {.ssrc = 0xa0b0c0d0,
      .subtype = APP_FLOOR_IDLE,
      .has = HAS(SEQ) | HAS(INDICATOR),
      .floor = {.seq = 2, .indicator = APP_NORMAL | APP_QUEUEING}}},
    {"Revoke",
     "86cc0004 a0b0c0d0 4d435054 02020004 0d029000",
     {.ssrc = 0xa0b0c0d0,
      .subtype = APP_FLOOR_REVOKE,
      .has = HAS(CAUSE) | HAS(INDICATOR),
      .floor = {.cause = APP_REVOKE_PREEMPTED, .indicator = APP_NORMAL | APP_EMERGENCY}}},
    {"Queue Position Info",
     "89cc0004 a0b0c0d0 4d435054 03020205 0d028400",
     {.ssrc = 0xa0b0c0d0,
      .subtype = APP_FLOOR_QUEUE_INFO,
      .has = HAS(QUEUE) | HAS(INDICATOR),
      .floor = {.queue_position = 2, .queue_priority = 5, .indicator = APP_NORMAL | APP_QUEUEING}}},
    {"Ack",
     "8acc0004 11223344 4d435054 0a020000 0c020200",
     {.ssrc = 0x11223344,
      .subtype = APP_FLOOR_ACK,
      .has = HAS(SOURCE) | HAS(ACKED),
      .floor = {.source = 0, .acked = APP_FLOOR_TAKEN}}},
    {"Connect",
     "90cc0007 a0b0c0d0 4d435043 010d0373 69703a67 3140782e 6f726700 00020102",
     {.name = APP_MCPC,
      .ssrc = 0xa0b0c0d0,
      .subtype = APP_CALL_CONNECT,
      .wants_ack = true,
      .has = HAS(SESSION) | HAS(MEDIA),
      .call = {.session_type = 3, .session = {"sip:g1@x.org", 12}, .audio_line = 1, .floor_line = 2}}},
    {"Call Ack",
     "82cc0003 11223344 4d435043 06020000",
     {.name = APP_MCPC, .ssrc = 0x11223344, .subtype = APP_CALL_ACK, .has = HAS(REASON)}},
    {"Disconnect",
     "91cc0006 a0b0c0d0 4d435043 010d0373 69703a67 3140782e 6f726700",
     {.name = APP_MCPC,
      .ssrc = 0xa0b0c0d0,
      .subtype = APP_CALL_DISCONNECT,
      .wants_ack = true,
      .has = HAS(SESSION),
      .call = {.session_type = 3, .session = {"sip:g1@x.org", 12}}}},
};

static void text_is(struct app_text is, struct app_text wanted)
{
    assert_int_equal(is.n, wanted.n);
    assert_true(is.n == 0 || memcmp(is.text, wanted.text, is.n) == 0);
}

static void floor_is(const struct app_msg *is, const struct app_msg *wanted)
{
    assert_int_equal(is->floor.priority, wanted->floor.priority);
    assert_int_equal(is->floor.duration_s, wanted->floor.duration_s);
    assert_int_equal(is->floor.cause, wanted->floor.cause);
    assert_int_equal(is->floor.queue_position, wanted->floor.queue_position);
    assert_int_equal(is->floor.queue_priority, wanted->floor.queue_priority);
    assert_int_equal(is->floor.permission, wanted->floor.permission);
    assert_int_equal(is->floor.queue_size, wanted->floor.queue_size);
    assert_int_equal(is->floor.seq, wanted->floor.seq);
    assert_int_equal(is->floor.source, wanted->floor.source);
    assert_int_equal(is->floor.acked, wanted->floor.acked);
    assert_int_equal(is->floor.indicator, wanted->floor.indicator);
    assert_int_equal(is->floor.granted_ssrc, wanted->floor.granted_ssrc);
    text_is(is->floor.granted_party, wanted->floor.granted_party);
    text_is(is->floor.user, wanted->floor.user);
    text_is(is->floor.queued_user, wanted->floor.queued_user);
    text_is(is->floor.cause_text, wanted->floor.cause_text);
}

static void call_is(const struct app_msg *is, const struct app_msg *wanted)
{
    assert_int_equal(is->call.audio_line, wanted->call.audio_line);
    assert_int_equal(is->call.floor_line, wanted->call.floor_line);
    assert_int_equal(is->call.session_type, wanted->call.session_type);
    assert_int_equal(is->call.reason, wanted->call.reason);
    assert_int_equal(is->call.answer_state, wanted->call.answer_state);
    text_is(is->call.session, wanted->call.session);
    text_is(is->call.warning, wanted->call.warning);
    text_is(is->call.group, wanted->call.group);
    text_is(is->call.inviting_user, wanted->call.inviting_user);
}

static void same(const struct app_msg *is, const struct app_msg *wanted)
{
    assert_int_equal(is->name, wanted->name);
    assert_int_equal(is->subtype, wanted->subtype);
    assert_int_equal(is->wants_ack, wanted->wants_ack);
    assert_int_equal(is->ssrc, wanted->ssrc);
    assert_int_equal(is->has, wanted->has);
    (wanted->name == APP_MCPT ? floor_is : call_is)(is, wanted);
}

static void test_examples(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(examples); i++) {
        uint8_t wire[APP_PACKET_MAX], written[APP_PACKET_MAX];
        struct app_msg msg;
        size_t n = bytes_of(examples[i].hex, wire), used;
        assert_int_equal(app_parse(wire, n, &msg, &used), DROP_NONE);
        assert_int_equal(used, n);
        same(&msg, &examples[i].msg);
        assert_int_equal(app_write(written, &examples[i].msg), n);
        assert_memory_equal(written, wire, n);
    }
}

/* The longest that can be said, and back. */
static void test_longest(void **state)
{
    char text[APP_TEXT_MAX];
    uint8_t wire[APP_PACKET_MAX];
    struct app_msg back, msg = {.subtype = APP_FLOOR_DENY, .has = ((1u << APP_FLOOR_FIELDS) - 1) & ~HAS(TRACK)};
    size_t used;
    memset(text, 'a', sizeof text);
    msg.floor.cause_text = (struct app_text){text, APP_TEXT_MAX - 2};
    msg.floor.granted_party = msg.floor.user = msg.floor.queued_user = (struct app_text){text, APP_TEXT_MAX};
    size_t n = app_write(wire, &msg);
    assert_true(n <= APP_PACKET_MAX);
    assert_int_equal(app_parse(wire, n, &back, &used), DROP_NONE);
    same(&back, &msg);
}

static void test_several(void **state)
{
    uint8_t wire[256];
    struct app_msg msg;
    size_t used, n = bytes_of(examples[4].hex, wire);
    n += bytes_of(examples[0].hex, wire + n);
    assert_int_equal(app_parse(wire, n, &msg, &used), DROP_NONE);
    assert_int_equal(msg.subtype, APP_FLOOR_RELEASE);
    assert_int_equal(app_parse(wire + used, n - used, &msg, &used), DROP_NONE);
    assert_int_equal(msg.subtype, APP_FLOOR_REQUEST);
}

/* Fields that are not known, one with a long length; a track with its references. */
static void test_unknown_fields(void **state)
{
    uint8_t wire[256];
    struct app_msg msg;
    size_t used, n = bytes_of("80cc0009 11223344 4d435054 1e010a00 c0000541 42434445 00020700 "
                              "0b0a0102 61620000 11111111",
                              wire);
    assert_int_equal(app_parse(wire, n, &msg, &used), DROP_NONE);
    assert_int_equal(msg.floor.priority, 7);
    assert_int_equal(msg.floor.track, 0x11111111);
    n = bytes_of("80cc0005 11223344 4d435054 0b080102 61620000 11111111", wire); /* half a reference */
    assert_int_equal(app_parse(wire, n, &msg, &used), DROP_APP_FIELD);
}

static void test_refused(void **state)
{
    static const struct {
        const char *why, *hex;
        enum drop drop;
    } bad[] = {
        {"too short for a name", "80cc0001 11223344", DROP_APP_SHORT},
        {"longer than the datagram", "80cc0005 11223344 4d435054 00020500 0d028000", DROP_APP_SHORT},
        {"shorter than its own head", "80cc0001 11223344 4d435054", DROP_APP_SHORT},
        {"padding", "a0cc0002 11223344 4d435054", DROP_APP_SHORT},
        {"version 1", "40cc0002 11223344 4d435054", DROP_APP_SHORT},
        {"another packet type", "80c80002 11223344 4d435054", DROP_APP_SHORT},
        {"another name", "80cc0002 11223344 506f4331", DROP_APP_NAME},
        {"subtype 7", "87cc0002 11223344 4d435054", DROP_APP_SUBTYPE},
        {"subtype 11", "8bcc0002 11223344 4d435054", DROP_APP_SUBTYPE},
        {"Revoke that asks for an Ack", "96cc0002 a0b0c0d0 4d435054", DROP_APP_SUBTYPE},
        {"Call subtype 3", "83cc0002 11223344 4d435043", DROP_APP_SUBTYPE},
        {"field beyond the packet", "80cc0003 11223344 4d435054 00060500", DROP_APP_FIELD},
        {"Priority of length 0", "80cc0003 11223344 4d435054 00000000", DROP_APP_FIELD},
        {"Priority of length 1", "80cc0003 11223344 4d435054 00010500", DROP_APP_FIELD},
        {"Duration of length 1", "81cc0003 a0b0c0d0 4d435054 01010500", DROP_APP_FIELD},
        {"SSRC of length 4", "81cc0004 a0b0c0d0 4d435054 0e041122 33440000", DROP_APP_FIELD},
        {"Priority twice", "80cc0004 11223344 4d435054 00020500 00020600", DROP_APP_FIELD},
        {"user of length 0", "80cc0003 11223344 4d435054 06000000", DROP_APP_FIELD},
        {"user with a line end", "80cc0003 11223344 4d435054 0602610a", DROP_APP_TEXT},
        {"user with a blank", "80cc0003 11223344 4d435054 06026120", DROP_APP_TEXT},
        {"user with a NUL", "80cc0003 11223344 4d435054 06026100", DROP_APP_TEXT},
        {"cause with an escape", "83cc0004 a0b0c0d0 4d435054 02040001 1b5b0000", DROP_APP_TEXT},
        {"long field beyond the packet", "80cc0004 11223344 4d435054 c0ffff00 00000000", DROP_APP_FIELD},
        {"track whose type is longer", "80cc0003 11223344 4d435054 0b0201ff", DROP_APP_FIELD},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        uint8_t wire[64];
        struct app_msg msg = {.ssrc = 99};
        size_t used, n = bytes_of(bad[i].hex, wire);
        enum drop drop = app_parse(wire, n, &msg, &used);
        if (drop != bad[i].drop || msg.ssrc != 99) {
            fail_msg("%s: %s", bad[i].why, drop_name(drop));
        }
    }
}

/* Three hundred fields in one packet: fine, and of no effect. */
static void test_many_fields(void **state)
{
    uint8_t wire[12 + 4 * 300];
    struct app_msg msg;
    size_t used;
    bytes_of("80cc0000 11223344 4d435054", wire);
    store_be16(wire + 2, (sizeof wire) / 4 - 1);
    for (size_t i = 0; i < 300; i++) {
        store_be32(wire + 12 + 4 * i, 0x64020000);
    }
    assert_int_equal(app_parse(wire, sizeof wire, &msg, &used), DROP_NONE);
    assert_int_equal(msg.has, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),       cmocka_unit_test(test_longest), cmocka_unit_test(test_several),
        cmocka_unit_test(test_unknown_fields), cmocka_unit_test(test_refused), cmocka_unit_test(test_many_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
