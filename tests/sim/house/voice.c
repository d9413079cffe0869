/* RTP of a phone: a constant while it talks, zeros while it does not, telephone events (RFC 4733) for its keys. And
 * what of it may be heard, what must. */
#include "tests/sim/house/house.h"

#include "core/media/rtp.h"

#include <string.h>

enum {
    SAMPLES = 160, /* 20 ms */
    KEY_DOWN_PACKETS = 4,
    KEY_ENDS = 3,
    KEY_PAUSE_MS = 120,
    KEY_WAIT_MS = 6000 /* without a prompt: it keys in all the same */
};

void voice_begin(struct session *s)
{
    struct house *h = s->phone->house;
    s->sends = true;
    s->stop_ns = UINT64_MAX;
    s->dir_ns = s->dir_ns ? s->dir_ns : h->now_ns;
    s->send_ns = h->now_ns + house_draw_ns(h, 20);
    s->prompt_ns = h->now_ns;
}

/* ---- keypad ---- */

void voice_type(struct session *s, const char *text)
{
    if (s->typing[0] == '\0') {
        snprintf(s->typing, sizeof s->typing, "%s", text);
        s->n_typed = 0;
        s->key_ns = s->phone->house->now_ns + house_draw_ns(s->phone->house, 400);
    }
}

/* Whose PIN is right? The last key of it is about to be known to the server. */
static void gate_look(struct session *s, char key)
{
    const struct meeting *m = &s->phone->house->meetings[s->i_room];
    size_t n = strlen(m->pin);
    if (s->gate == GATE_SHUT && key == '#' && strncmp(s->typing, m->pin, n) == 0 && s->typing[n] == '#') {
        s->gate = GATE_TOLD;
        books_let_in(s);
        session_changed(s);
    }
}

/* May it come to nothing, by what happens beside it? */
static bool is_shaky(const struct session *s)
{
    const struct house *h = s->phone->house;
    const struct faults *f = &h->plan.rtp;
    bool has_faults =
        f->loss_per_mille || f->duplicate_per_mille || f->corrupt_per_mille || f->jitter_us || f->stranger_per_mille;
    bool is_taken = s->dir == BOTH || s->dir == SENDS;
    return (has_faults && !h->is_calm) || !is_taken || s->is_asking || h->now_ns < s->dir_ns + 500 * NS_PER_MS;
}

static void key_by_info(struct session *s, unsigned i_key)
{
    char body[64];
    snprintf(body, sizeof body, "Signal=%c\r\nDuration=100\r\n", s->keys[i_key].key);
    struct ask *ask = ua_ask(s, ASK_INFO, "INFO", "", "application/dtmf-relay", body);
    if (ask) {
        ask->i_key = (int)i_key;
    } else {
        s->keys[i_key].is_shaky = true;
    }
}

static void key_press(struct session *s)
{
    struct phone *p = s->phone;
    struct house *h = p->house;
    char key = s->typing[s->n_typed++];
    s->prompt = 0; /* what it still hears of one is what it answers */
    if (s->typing[s->n_typed] == '\0') {
        gate_look(s, key);
        s->typing[0] = '\0';
    }
    if (s->n_keys == KEYS_MAX) {
        s->typing[0] = '\0';
        return;
    }
    struct key *k = &s->keys[s->n_keys++];
    *k = (struct key){.key = key, .at_ns = h->now_ns, .by_info = p->by_info, .is_shaky = !p->by_info && is_shaky(s)};
    house_say(h, "p%u keys %c%s", p->index, key, p->by_info ? " by INFO" : "");
    h->did.keys++;
    if (p->by_info) {
        key_by_info(s, s->n_keys - 1);
        s->key_ns = UINT64_MAX; /* until it is answered: it is known then which of two is reported */
        return;
    }
    static const char events[] = "0123456789*#ABCD";
    s->event_key = (uint8_t)(strchr(events, key) - events);
    s->event_n = 1;
    s->event_ends = 0;
    s->event_ts = s->ts;
    s->key_ns = UINT64_MAX; /* until it is up */
    session_changed(s);
}

/* What it does about a PIN, when it hears a prompt or has heard none for long. */
static void pin_type(struct session *s)
{
    struct house *h = s->phone->house;
    const struct meeting *m = &h->meetings[s->i_room];
    char text[16];
    bool is_wrong = !h->is_calm && chance_of(&h->chance, h->plan.wrong_pins);
    snprintf(text, sizeof text, "%s%s#", chance_of(&h->chance, 100) ? "9*" : "", is_wrong ? "8642" : m->pin);
    if (strncmp(text, "9*", 2) == 0 && !is_wrong) {
        memmove(text, text + 2,
                strlen(text) - 1); /* a false start is for the wrong ones: the right is known by its keys */
    }
    voice_type(s, text);
    s->prompt_ns = h->now_ns;
}

static void pin_run(struct session *s)
{
    struct house *h = s->phone->house;
    bool has_asked = s->prompt == PROMPT_ENTER || s->prompt == PROMPT_WRONG;
    bool is_idle = s->typing[0] == '\0' && s->event_n == 0;
    if (s->at != AT_UP || (s->gate != GATE_SHUT && s->gate != GATE_TOLD) || s->phone->is_down || !is_idle) {
        return;
    }
    if (has_asked || h->now_ns > s->prompt_ns + KEY_WAIT_MS * NS_PER_MS) {
        s->prompt = 0;
        pin_type(s);
    }
}

/* ---- packets ---- */

static size_t event_write(struct session *s, uint8_t *payload)
{
    bool is_end = s->event_n > KEY_DOWN_PACKETS;
    unsigned n_down = MIN(s->event_n, (unsigned)KEY_DOWN_PACKETS);
    payload[0] = s->event_key;
    payload[1] = (uint8_t)((is_end ? 0x80 : 0) | 10);
    store_be16(payload + 2, (uint16_t)(n_down * SAMPLES));
    s->event_n++;
    s->event_ends = (uint8_t)(s->event_ends + is_end);
    if (s->event_ends == KEY_ENDS) {
        struct house *h = s->phone->house;
        s->keys[s->n_keys - 1].end_ns = h->now_ns;
        s->event_n = 0;
        s->key_ns = h->now_ns + 40 * NS_PER_MS + house_draw_ns(h, KEY_PAUSE_MS);
        session_changed(s);
    }
    return 4;
}

static size_t audio_write(const struct session *s, uint8_t *payload)
{
    static const uint8_t mulaw_of_bit[] = {[3] = 0xfe, [4] = 0xfd, [5] = 0xfb, [6] = 0xf7};
    uint16_t value = s->talking ? (uint16_t)(1u << s->phone->bit) : 0;
    if (s->format.codec == CODEC_PCMU) {
        memset(payload, s->talking ? mulaw_of_bit[s->phone->bit] : 0xff, SAMPLES);
        return SAMPLES;
    }
    for (unsigned i = 0; i < SAMPLES; i++) {
        store_be16(payload + 2 * i, value);
    }
    return 2 * SAMPLES;
}

static void packet_to(struct house *h, const struct addr *server, const struct addr *from, const uint8_t *buf,
                      size_t bytes, uint64_t at_ns)
{
    for (unsigned fd = 0; fd < ARRAY_LEN(h->port_of); fd++) {
        if (h->port_of[fd] && h->port_of[fd] == addr_port(server)) {
            sim_send(&h->sites[0].io, fd, from, buf, bytes, at_ns);
            return;
        }
    }
}

static void packet_send(struct session *s, uint8_t *buf, size_t bytes)
{
    struct house *h = s->phone->house;
    struct chance *c = &h->chance;
    const struct faults *f = &h->plan.rtp;
    struct addr from = s->phone->sip, stranger;
    addr_set_port(&from, s->port);
    if (h->is_calm) {
        packet_to(h, &s->server, &from, buf, bytes, h->now_ns);
        return;
    }
    uint64_t at_ns = h->now_ns + chance_below(c, f->jitter_us + 1) * NS_PER_US;
    if (chance_of(c, f->stranger_per_mille)) {
        addr_parse(&stranger, "203.0.113.7", 4000);
        packet_to(h, &s->server, &stranger, buf, bytes, at_ns);
    }
    if (chance_of(c, f->corrupt_per_mille)) {
        buf[0] ^= (uint8_t)(1u << chance_below(c, 8)); /* elsewhere it would be another voice, or a key */
        bytes -= chance_below(c, (uint32_t)bytes);
    }
    if (!chance_of(c, f->loss_per_mille)) {
        packet_to(h, &s->server, &from, buf, bytes, at_ns);
    }
    if (chance_of(c, f->duplicate_per_mille)) {
        packet_to(h, &s->server, &from, buf, bytes, at_ns + chance_below(c, 5000) * NS_PER_US);
    }
    if (s->n_stray) {
        s->n_stray--;
        packet_to(h, &s->stray, &from, buf, bytes, at_ns);
    }
}

static void voice_send(struct session *s)
{
    uint8_t buf[SIM_DATAGRAM] ALIGNED_LINE;
    bool is_event = s->event_n > 0;
    uint8_t pt = is_event ? s->format.pt_event : s->format.pt;
    size_t head =
        rtp_write(buf, pt, is_event && s->event_n == 1, s->seq, is_event ? s->event_ts : s->ts, s->ssrc, NULL, 0);
    size_t bytes = head + (is_event ? event_write(s, buf + head) : audio_write(s, buf + head));
    s->seq++;
    s->ts += SAMPLES;
    packet_send(s, buf, bytes);
}

void voice_run(struct session *s)
{
    struct house *h = s->phone->house;
    if (s->sends && s->stop_ns <= h->now_ns) {
        s->sends = false;
        session_changed(s);
    }
    if (!s->sends) {
        return;
    }
    pin_run(s);
    if (s->typing[0] && s->key_ns <= h->now_ns && s->event_n == 0 && s->at == AT_UP) {
        key_press(s);
    }
    if (s->send_ns <= h->now_ns) {
        voice_send(s);
        s->send_ns += TICK_NS;
    }
}

uint64_t voice_next_ns(const struct session *s)
{
    return s->sends ? MIN(s->send_ns, s->stop_ns) : UINT64_MAX;
}

/* ---- what may be heard ---- */

static bool dir_is_heard(const struct house *h, enum direction dir)
{
    return dir == BOTH || (dir == SENDS && h->plan.env.hold_music_is_mixed);
}

static bool is_recent(const struct house *h, uint64_t at_ns)
{
    return at_ns && h->now_ns < at_ns + GRACE_MS * NS_PER_MS;
}

bool voice_may(const struct house *h, const struct session *s)
{
    bool sends = s->sends || (s->stop_ns != UINT64_MAX && is_recent(h, s->stop_ns));
    bool talks = s->talking || is_recent(h, s->talk_ns);
    bool is_there = s->ended_ns == 0 || s->is_lost || is_recent(h, s->ended_ns);
    bool is_in = s->i_room >= 0 && s->purpose != FOR_ANNC && s->gate != GATE_SHUT;
    bool dir = dir_is_heard(h, s->dir) || (s->is_offering && dir_is_heard(h, s->dir_asked)) || is_recent(h, s->dir_ns);
    return sends && talks && is_there && is_in && dir;
}

bool voice_must(const struct house *h, const struct session *s)
{
    bool is_in = s->gate == GATE_OPEN || (s->gate == GATE_PASSED && h->now_ns > s->gate_ns + 2 * NS_PER_S);
    return s->at == AT_UP && s->sends && s->talking && is_in && s->purpose != FOR_ANNC && s->i_room >= 0 &&
           !s->is_asking && dir_is_heard(h, s->dir);
}
