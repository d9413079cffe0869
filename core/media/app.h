/*
 * Messages of push-to-talk in RTCP APP packets: floor control ("MCPT", TS 24.380 8.2) and call control in a session
 * ("MCPC", TS 24.380 8.3). Readers go by a field's id, not by its order; unknown fields are skipped. One packet is one
 * message; a datagram may hold several. Worker. Reads foreign bytes.
 */
#ifndef CORE_MEDIA_APP_H
#define CORE_MEDIA_APP_H

#include "core/base/stats.h"

#define APP_TEXT_MAX 255    /* of one text or URI: its length is an octet */
#define APP_PACKET_MAX 1152 /* header 12, four texts of 260, and every other field */

enum app_name { APP_MCPT, APP_MCPC };

/* Subtypes without the bit that asks for an Ack. */
enum app_floor {
    APP_FLOOR_REQUEST = 0,
    APP_FLOOR_GRANTED = 1,
    APP_FLOOR_TAKEN = 2,
    APP_FLOOR_DENY = 3,
    APP_FLOOR_RELEASE = 4,
    APP_FLOOR_IDLE = 5,
    APP_FLOOR_REVOKE = 6,
    APP_FLOOR_QUEUE_REQUEST = 8,
    APP_FLOOR_QUEUE_INFO = 9,
    APP_FLOOR_ACK = 10
};

enum app_call { APP_CALL_CONNECT = 0, APP_CALL_DISCONNECT = 1, APP_CALL_ACK = 2 };

/* Ids of fields, of each name. */
enum app_floor_field {
    APP_PRIORITY = 0,
    APP_DURATION = 1,
    APP_CAUSE = 2,
    APP_QUEUE = 3,
    APP_GRANTED_PARTY = 4,
    APP_PERMISSION = 5,
    APP_USER = 6,
    APP_QUEUE_SIZE = 7,
    APP_SEQ = 8,
    APP_QUEUED_USER = 9,
    APP_SOURCE = 10,
    APP_TRACK = 11,
    APP_ACKED = 12,
    APP_INDICATOR = 13,
    APP_GRANTED_SSRC = 14,
    APP_FLOOR_FIELDS
};

enum app_call_field {
    APP_MEDIA = 0,
    APP_SESSION = 1,
    APP_WARNING = 2,
    APP_GROUP = 3,
    APP_ANSWER_STATE = 4,
    APP_INVITING_USER = 5,
    APP_REASON = 6,
    APP_CALL_FIELDS
};

/* Of APP_INDICATOR. */
enum app_indicator {
    APP_NORMAL = 0x8000,
    APP_BROADCAST = 0x4000,
    APP_SYSTEM = 0x2000,
    APP_EMERGENCY = 0x1000,
    APP_PERIL = 0x0800,
    APP_QUEUEING = 0x0400,
    APP_DUAL = 0x0200,
    APP_TEMPORARY_GROUP = 0x0100,
    APP_MULTI_TALKER = 0x0080
};

enum app_deny {
    APP_DENY_TAKEN = 1,
    APP_DENY_INTERNAL = 2,
    APP_DENY_ALONE = 3,
    APP_DENY_LATER = 4,
    APP_DENY_LISTEN = 5,
    APP_DENY_RESOURCES = 6,
    APP_DENY_FULL = 7
};
enum app_revoke { APP_REVOKE_ALONE = 1, APP_REVOKE_LONG = 2, APP_REVOKE_RIGHT = 3, APP_REVOKE_PREEMPTED = 4 };

/* A text or URI within the bytes that were read, or that are to be written: no terminator, no control characters. */
struct app_text {
    const char *text;
    uint8_t n;
};

struct app_msg {
    enum app_name name;
    uint8_t subtype; /* app_floor or app_call */
    bool wants_ack;
    uint32_t ssrc; /* of the sender */
    uint32_t has;  /* 1 << id of every field that is there */
    union {
        struct {
            uint8_t priority;
            uint8_t queue_position, queue_priority;
            uint8_t acked; /* subtype of the message that is acknowledged, with its bit that asked */
            uint16_t duration_s, cause, permission, queue_size, seq, source, indicator;
            uint32_t granted_ssrc;
            uint32_t track; /* first reference; 0: none */
            struct app_text cause_text, granted_party, user, queued_user;
        } floor;
        struct {
            uint8_t audio_line, floor_line, session_type;
            uint16_t answer_state, reason;
            struct app_text session, warning, group, inviting_user;
        } call;
    };
};

#define APP_HAS(msg, id) (((msg)->has >> (id)&1) != 0)

/**
 * Reads the message that a datagram begins with.
 *
 * @param used  written if DROP_NONE, and if the packet's length is known: where the next message begins
 * @return DROP_NONE | DROP_APP_SHORT, _NAME, _SUBTYPE, _FIELD, _TEXT: msg is then unwritten
 * @source TS 24.380 8.1.1 to 8.1.3
 */
enum drop app_parse(const uint8_t *buf, size_t bytes, struct app_msg *msg, size_t *used);

/** Writes a message; fields stand in the order of TS 24.380's tables. @return length, at most APP_PACKET_MAX */
size_t app_write(uint8_t *buf, const struct app_msg *msg);

/** Is this the first packet of push-to-talk messages, not of a compound report? By version and packet type alone. */
static inline bool app_is(const uint8_t *buf, size_t bytes)
{
    return bytes >= 12 && buf[0] >> 6 == 2 && buf[1] == 204;
}

#endif
