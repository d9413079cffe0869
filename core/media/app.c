/* Push-to-talk messages in RTCP APP. See app.h. */
#include "core/media/app.h"

#include <string.h>

enum {
    PT_APP = 204,
    HEAD_BYTES = 12,
    ACK_BIT = 0x10,
    LONG_ID = 192, /* from this id on a field's length has two octets */
};

static const char names[][4] = {[APP_MCPT] = {'M', 'C', 'P', 'T'}, [APP_MCPC] = {'M', 'C', 'P', 'C'}};

/* --- What is spoken ----------------------------------------------------------------------------------------------- */

/* Subtypes that are read and written, and those of them that may ask for an Ack: bits by subtype. */
static const uint32_t known[] = {[APP_MCPT] = 0x77f, [APP_MCPC] = 0x7};
static const uint32_t may_ask[] = {[APP_MCPT] = 0x23e, [APP_MCPC] = 0x3};

enum kind { SKIP, U8, PAIR, U16, U16_TEXT, U32, URI, TEXT, TYPED_URI, TRACK };

static const uint8_t floor_kinds[APP_FLOOR_FIELDS] = {
    [APP_PRIORITY] = U8,       [APP_DURATION] = U16,    [APP_CAUSE] = U16_TEXT,  [APP_QUEUE] = PAIR,
    [APP_GRANTED_PARTY] = URI, [APP_PERMISSION] = U16,  [APP_USER] = URI,        [APP_QUEUE_SIZE] = U16,
    [APP_SEQ] = U16,           [APP_QUEUED_USER] = URI, [APP_SOURCE] = U16,      [APP_TRACK] = TRACK,
    [APP_ACKED] = U8,          [APP_INDICATOR] = U16,   [APP_GRANTED_SSRC] = U32};

static const uint8_t call_kinds[APP_CALL_FIELDS] = {
    [APP_MEDIA] = PAIR,       [APP_SESSION] = TYPED_URI, [APP_WARNING] = TEXT, [APP_GROUP] = URI,
    [APP_ANSWER_STATE] = U16, [APP_INVITING_USER] = URI, [APP_REASON] = U16};

/* Where a field's values are kept. */
struct place {
    uint8_t *u8, *second;
    uint16_t *u16;
    uint32_t *u32;
    struct app_text *text;
};

static struct place floor_place(struct app_msg *m, unsigned id)
{
    switch (id) {
    case APP_PRIORITY:
        return (struct place){.u8 = &m->floor.priority};
    case APP_DURATION:
        return (struct place){.u16 = &m->floor.duration_s};
    case APP_CAUSE:
        return (struct place){.u16 = &m->floor.cause, .text = &m->floor.cause_text};
    case APP_QUEUE:
        return (struct place){.u8 = &m->floor.queue_position, .second = &m->floor.queue_priority};
    case APP_GRANTED_PARTY:
        return (struct place){.text = &m->floor.granted_party};
    case APP_PERMISSION:
        return (struct place){.u16 = &m->floor.permission};
    case APP_USER:
        return (struct place){.text = &m->floor.user};
    case APP_QUEUE_SIZE:
        return (struct place){.u16 = &m->floor.queue_size};
    case APP_SEQ:
        return (struct place){.u16 = &m->floor.seq};
    case APP_QUEUED_USER:
        return (struct place){.text = &m->floor.queued_user};
    case APP_SOURCE:
        return (struct place){.u16 = &m->floor.source};
    case APP_TRACK:
        return (struct place){.u32 = &m->floor.track};
    case APP_ACKED:
        return (struct place){.u8 = &m->floor.acked};
    case APP_INDICATOR:
        return (struct place){.u16 = &m->floor.indicator};
    default: /* APP_GRANTED_SSRC */
        return (struct place){.u32 = &m->floor.granted_ssrc};
    }
}

static struct place call_place(struct app_msg *m, unsigned id)
{
    switch (id) {
    case APP_MEDIA:
        return (struct place){.u8 = &m->call.audio_line, .second = &m->call.floor_line};
    case APP_SESSION:
        return (struct place){.u8 = &m->call.session_type, .text = &m->call.session};
    case APP_WARNING:
        return (struct place){.text = &m->call.warning};
    case APP_GROUP:
        return (struct place){.text = &m->call.group};
    case APP_ANSWER_STATE:
        return (struct place){.u16 = &m->call.answer_state};
    case APP_INVITING_USER:
        return (struct place){.text = &m->call.inviting_user};
    default: /* APP_REASON */
        return (struct place){.u16 = &m->call.reason};
    }
}

static struct place place_of(struct app_msg *m, unsigned id)
{
    return m->name == APP_MCPT ? floor_place(m, id) : call_place(m, id);
}

static enum kind kind_of(enum app_name name, unsigned id)
{
    if (name == APP_MCPT) {
        return id < APP_FLOOR_FIELDS ? floor_kinds[id] : SKIP;
    }
    return id < APP_CALL_FIELDS ? call_kinds[id] : SKIP;
}

/* --- Reading ------------------------------------------------------------------------------------------------------ */

static bool text_read(struct app_text *text, const uint8_t *p, size_t n, bool is_uri)
{
    for (size_t i = 0; i < n; i++) {
        bool is_fine = is_uri ? p[i] > 0x20 && p[i] < 0x7f : p[i] >= 0x20 && p[i] != 0x7f;
        if (!is_fine) {
            return false;
        }
    }
    *text = (struct app_text){.text = (const char *)p, .n = (uint8_t)n};
    return true;
}

/* A queueing octet, the type of what references are of, that type's text, padding, references. The text is skipped. */
static bool track_read(uint32_t *track, const uint8_t *p, size_t n)
{
    size_t at = n >= 2 ? 2 + (((size_t)p[1] + 3) & ~(size_t)3) : n + 1; /* the type begins a word of the packet */
    if (at > n || (n - at) % 4 != 0) {
        return false;
    }
    *track = at < n ? load_be32(p + at) : 0;
    return true;
}

/* @param n  of the value, which lies within the packet */
static enum drop field_read(struct app_msg *m, unsigned id, const uint8_t *p, size_t n)
{
    enum kind kind = kind_of(m->name, id);
    if (kind == SKIP) {
        return DROP_NONE;
    }
    struct place to = place_of(m, id);
    bool is_fine = !APP_HAS(m, id);
    m->has |= 1u << id;
    switch (kind) {
    case U8: /* and a spare octet */
        is_fine &= n == 2;
        *to.u8 = is_fine ? p[0] : 0;
        break;
    case PAIR:
        is_fine &= n == 2;
        *to.u8 = is_fine ? p[0] : 0;
        *to.second = is_fine ? p[1] : 0;
        break;
    case U16:
        is_fine &= n == 2;
        *to.u16 = is_fine ? load_be16(p) : 0;
        break;
    case U16_TEXT:
        is_fine &= n >= 2;
        *to.u16 = is_fine ? load_be16(p) : 0;
        if (is_fine && !text_read(to.text, p + 2, n - 2, false)) {
            return DROP_APP_TEXT;
        }
        break;
    case U32: /* and two spare octets */
        is_fine &= n == 6;
        *to.u32 = is_fine ? load_be32(p) : 0;
        break;
    case URI:
    case TEXT:
        is_fine &= n > 0;
        if (is_fine && !text_read(to.text, p, n, kind == URI)) {
            return DROP_APP_TEXT;
        }
        break;
    case TYPED_URI:
        is_fine &= n > 0;
        *to.u8 = is_fine ? p[0] : 0;
        if (is_fine && !text_read(to.text, p + 1, n - 1, true)) {
            return DROP_APP_TEXT;
        }
        break;
    default:
        is_fine &= track_read(to.u32, p, n);
        break;
    }
    return is_fine ? DROP_NONE : DROP_APP_FIELD;
}

static enum drop fields_read(struct app_msg *m, const uint8_t *p, size_t bytes)
{
    for (size_t at = 0; at < bytes;) {
        size_t n_head = p[at] >= LONG_ID ? 3 : 2;
        if (bytes - at < n_head) {
            return DROP_APP_FIELD;
        }
        size_t n = n_head == 3 ? load_be16(p + at + 1) : p[at + 1];
        if (n > bytes - at - n_head) {
            return DROP_APP_FIELD;
        }
        enum drop drop = field_read(m, p[at], p + at + n_head, n);
        if (drop) {
            return drop;
        }
        at += (n_head + n + 3) & ~(size_t)3; /* whole words: the packet is, so this ends with it at the latest */
    }
    return DROP_NONE;
}

enum drop app_parse(const uint8_t *buf, size_t bytes, struct app_msg *out, size_t *used)
{
    if (!app_is(buf, bytes)) {
        return DROP_APP_SHORT;
    }
    size_t length = 4 * ((size_t)load_be16(buf + 2) + 1);
    if (length > bytes || length < HEAD_BYTES || (buf[0] & 0x20)) { /* no padding in APP */
        return DROP_APP_SHORT;
    }
    *used = length;
    struct app_msg m = {.ssrc = load_be32(buf + 4)};
    while (m.name < ARRAY_LEN(names) && memcmp(buf + 8, names[m.name], 4) != 0) {
        m.name++;
    }
    if (m.name == ARRAY_LEN(names)) {
        return DROP_APP_NAME;
    }
    m.subtype = buf[0] & 0x0f;
    m.wants_ack = (buf[0] & ACK_BIT) != 0;
    uint32_t bit = 1u << m.subtype;
    if ((known[m.name] & bit) == 0 || (m.wants_ack && (may_ask[m.name] & bit) == 0)) {
        return DROP_APP_SUBTYPE;
    }
    enum drop drop = fields_read(&m, buf + HEAD_BYTES, length - HEAD_BYTES);
    if (!drop) {
        *out = m;
    }
    return drop;
}

/* --- Writing ------------------------------------------------------------------------------------------------------ */

/* In this order, whatever the message is; its tables agree on it but for the SSRC, which a Taken has last. */
static const uint8_t floor_order[] = {APP_DURATION,   APP_GRANTED_SSRC,  APP_CAUSE,      APP_QUEUE,    APP_PRIORITY,
                                      APP_QUEUE_SIZE, APP_GRANTED_PARTY, APP_PERMISSION, APP_USER,     APP_QUEUED_USER,
                                      APP_SEQ,        APP_SOURCE,        APP_ACKED,      APP_INDICATOR};
static const uint8_t taken_order[] = {APP_GRANTED_PARTY, APP_PERMISSION, APP_SEQ, APP_INDICATOR, APP_GRANTED_SSRC};
static const uint8_t call_order[] = {APP_SESSION,      APP_MEDIA,         APP_WARNING, APP_GROUP,
                                     APP_ANSWER_STATE, APP_INVITING_USER, APP_REASON};

/* @return octets of the value */
static size_t value_write(uint8_t *p, const struct app_msg *msg, unsigned id)
{
    struct app_msg m = *msg; /* place_of gives what may be written: not into the caller's */
    struct place from = place_of(&m, id);
    size_t n = 2;
    switch (kind_of(m.name, id)) {
    case U8:
        p[0] = *from.u8;
        p[1] = 0;
        break;
    case PAIR:
        p[0] = *from.u8;
        p[1] = *from.second;
        break;
    case U16:
    case U16_TEXT:
        store_be16(p, *from.u16);
        break;
    case U32:
        store_be32(p, *from.u32);
        store_be16(p + 4, 0);
        return 6;
    case TYPED_URI:
        p[0] = *from.u8;
        n = 1;
        break;
    default:
        n = 0;
        break;
    }
    if (from.text && from.text->n) {
        size_t n_text = MIN((size_t)from.text->n, APP_TEXT_MAX - n);
        memcpy(p + n, from.text->text, n_text);
        n += n_text;
    }
    return n;
}

size_t app_write(uint8_t *buf, const struct app_msg *m)
{
    const uint8_t *order = call_order;
    size_t n_order = ARRAY_LEN(call_order), at = HEAD_BYTES;
    if (m->name == APP_MCPT) {
        bool is_taken = m->subtype == APP_FLOOR_TAKEN;
        order = is_taken ? taken_order : floor_order;
        n_order = is_taken ? ARRAY_LEN(taken_order) : ARRAY_LEN(floor_order);
    }
    for (size_t i = 0; i < n_order; i++) {
        if (!APP_HAS(m, order[i])) {
            continue;
        }
        size_t n = value_write(buf + at + 2, m, order[i]);
        buf[at] = order[i];
        buf[at + 1] = (uint8_t)n;
        size_t whole = (2 + n + 3) & ~(size_t)3;
        memset(buf + at + 2 + n, 0, whole - 2 - n);
        at += whole;
    }
    buf[0] = (uint8_t)(0x80 | (m->wants_ack ? ACK_BIT : 0) | m->subtype);
    buf[1] = PT_APP;
    store_be16(buf + 2, (uint16_t)(at / 4 - 1));
    store_be32(buf + 4, m->ssrc);
    memcpy(buf + 8, names[m->name], 4);
    return at;
}
