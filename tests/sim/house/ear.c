/*
 * What comes out of the engines: each RTP packet is looked at as it leaves. Where it goes must have asked for it; its
 * stream must go on; and each sample is a set of phones. At any time each of them must be one that may be heard there,
 * and never the listener itself; when all has come to rest, they must be exactly those that are in the conference, talk
 * and are not on hold.
 */
#include "tests/sim/house/house.h"

#include "core/media/codec.h"
#include "core/media/rtp.h"

#include <string.h>

enum { SAMPLES = 160, SILENT_MS = 150 };

/* ---- sets ---- */

struct sets {
    uint32_t may, must;
};

static void sets_add(const struct house *h, const struct session *s, struct sets *sets)
{
    uint32_t bit = 1u << s->phone->bit;
    sets->may |= voice_may(h, s) ? bit : 0;
    sets->must |= voice_must(h, s) ? bit : 0;
}

/* What is to be heard by that session: another of the same phone may be. */
static struct sets room_sets(const struct house *h, const struct session *by)
{
    struct sets sets = {0, 0};
    for (unsigned i = 0; i < h->plan.n_phones; i++) {
        for (unsigned k = 0; k < SESSIONS_MAX; k++) {
            const struct session *s = &h->phones[i].sessions[k];
            if (s->i_room == by->i_room && s != by && (s->sends || s->stop_ns)) {
                sets_add(h, s, &sets);
            }
        }
    }
    return sets;
}

/* The loudest so many: a higher bit is 6 dB louder. */
static uint32_t loudest(uint32_t set, unsigned n)
{
    uint32_t out = 0;
    for (int bit = PHONES_MAX - 1; bit >= 0 && n > 0; bit--) {
        if (set & 1u << bit) {
            out |= 1u << bit;
            n--;
        }
    }
    return out;
}

/* No made-up audio, no worker behind: a sample is a set. */
static bool is_pure(const struct house *h)
{
    return h->now_ns > h->made_up_ns + PURE_MS * NS_PER_MS && h->now_ns > h->stalled_ns + GRACE_MS * NS_PER_MS;
}

static bool is_settled(const struct house *h, const struct session *s)
{
    return h->is_at_rest && h->now_ns > h->meetings[s->i_room].changed_ns + SETTLE_MS * NS_PER_MS &&
           h->now_ns > s->dir_ns + SETTLE_MS * NS_PER_MS;
}

/* ---- samples ---- */

static uint8_t mulaw(const struct house *h, uint32_t set)
{
    int16_t pcm[32] ALIGNED_LINE = {(int16_t)set};
    uint8_t out[32] ALIGNED_LINE;
    h->options->simd->ulaw_encode(pcm, out, ARRAY_LEN(pcm));
    return out[0];
}

/* Which prompt an octet of PCMU is. 0: none */
static uint32_t mulaw_prompt(const struct house *h, uint8_t octet)
{
    static const uint32_t prompts[] = {PROMPT_ENTER, PROMPT_WRONG, PROMPT_RIGHT};
    for (unsigned i = 0; i < ARRAY_LEN(prompts); i++) {
        if (mulaw(h, prompts[i]) == octet) {
            return prompts[i];
        }
    }
    return 0;
}

static void pass(struct session *s)
{
    struct house *h = s->phone->house;
    s->gate = GATE_PASSED;
    s->gate_ns = h->now_ns;
    h->did.pins++;
    session_changed(s);
}

static void prompt_hear(struct session *s, uint32_t prompt)
{
    struct house *h = s->phone->house;
    if (s->gate == GATE_OPEN || !prompt) {
        return;
    }
    if (prompt != s->prompt) {
        house_say(h, "p%u hears prompt %x", s->phone->index, prompt >> 12);
    }
    s->prompt = prompt;
    s->prompt_ns = h->now_ns;
    if (prompt == PROMPT_RIGHT && s->gate == GATE_SHUT) {
        violated(h, "p%u is thanked for a PIN that it has not keyed in", s->phone->index);
    } else if (prompt == PROMPT_RIGHT && s->gate == GATE_TOLD) {
        pass(s);
    }
}

/* @return false: something is wrong with it, and was said */
static bool sample_check(struct session *s, uint32_t sample, const struct sets *sets)
{
    struct house *h = s->phone->house;
    uint32_t own = 1u << s->phone->bit, voices = sample & VOICES, prompt = sample & PROMPT_BITS;
    unsigned i = s->phone->index;
    if (sample > (VOICES | PROMPT_BITS)) {
        violated(h, "p%u hears %04x, which nobody says", i, sample);
    } else if (voices & own & ~sets->may) {
        violated(h, "p%u hears itself: %04x", i, sample);
    } else if (voices && s->purpose == FOR_ANNC) {
        violated(h, "p%u hears %04x in an announcement", i, sample);
    } else if (voices && s->gate == GATE_SHUT) {
        violated(h, "p%u hears %04x before its PIN", i, sample);
    } else if (prompt && s->gate == GATE_OPEN && s->purpose != FOR_ANNC) {
        violated(h, "p%u hears a prompt in a conference: %04x", i, sample);
    } else if (voices & ~sets->may) {
        violated(h, "p%u hears %04x, of which %04x may not be heard there", i, sample, voices & ~sets->may);
    } else {
        return true;
    }
    return false;
}

/* @return false: nothing is expected of it now */
static bool expected(const struct session *s, const struct sets *sets, uint32_t *set)
{
    const struct house *h = s->phone->house;
    unsigned talkers = h->plan.env.talkers;
    bool is_in = s->gate == GATE_OPEN || (s->gate == GATE_PASSED && h->now_ns > s->gate_ns + 2 * NS_PER_S);
    bool is_stuck = h->refused_ns && h->now_ns < h->refused_ns + 3 * NS_PER_S; /* an annex's talker finds no room */
    if (s->at != AT_UP || s->is_asking || !is_in || sets->may != sets->must || is_stuck || !is_settled(h, s)) {
        return false;
    }
    uint32_t own = 1u << s->phone->bit;
    if (voice_may(h, s) != voice_must(h, s) || sets->must & own) {
        return false; /* whether its own voice takes a place is open; or it is there twice */
    }
    uint32_t all = sets->must | (voice_must(h, s) ? own : 0);
    *set = (talkers ? loudest(all, talkers) : all) & ~own;
    return true;
}

static void linear_check(struct session *s, const uint8_t *payload, size_t bytes)
{
    struct house *h = s->phone->house;
    struct sets sets = room_sets(h, s);
    uint32_t wanted = 0, before = UINT32_MAX;
    bool is_exact = s->purpose != FOR_ANNC && expected(s, &sets, &wanted);
    for (size_t i = 0; i + 1 < bytes; i += 2) {
        uint32_t sample = load_be16(payload + i);
        if (sample == before) {
            continue;
        }
        before = sample;
        if (!sample_check(s, sample, &sets)) {
            return;
        }
        if (is_exact && sample != wanted) {
            violated(h, "p%u hears %04x instead of %04x in conference %d", s->phone->index, sample, wanted, s->i_room);
            return;
        }
        if (s->gate == GATE_TOLD && sample & VOICES) {
            pass(s); /* it is in, and has not heard that its PIN was right */
        }
        prompt_hear(s, sample & VOICES ? 0 : sample & PROMPT_BITS);
    }
    s->n_exact += is_exact;
    h->did.exact += is_exact;
}

static void mulaw_check(struct session *s, const uint8_t *payload, size_t bytes)
{
    struct house *h = s->phone->house;
    struct sets sets = room_sets(h, s);
    uint32_t wanted = 0;
    bool is_exact = s->purpose != FOR_ANNC && expected(s, &sets, &wanted);
    if (s->gate != GATE_OPEN && s->gate != GATE_PASSED) {
        prompt_hear(s, mulaw_prompt(h, payload[0]));
        if (s->gate == GATE_TOLD && payload[0] != 0xff && !mulaw_prompt(h, payload[0])) {
            pass(s);
        }
    }
    uint8_t octet = mulaw(h, wanted);
    for (size_t i = 0; i < bytes && is_exact; i++) {
        if (payload[i] != octet) {
            violated(h, "p%u hears octet %02x instead of %02x (%04x)", s->phone->index, payload[i], octet, wanted);
            return;
        }
    }
    s->n_exact += is_exact;
    h->did.exact += is_exact;
}

/* ---- streams ---- */

static void stream_check(struct session *s, const struct rtp *rtp)
{
    struct house *h = s->phone->house;
    bool is_new = !s->heard_any || rtp->ssrc != s->heard_ssrc;
    if (!is_new && rtp->seq != (uint16_t)(s->heard_seq + 1)) {
        violated(h, "p%u: sequence %u after %u", s->phone->index, rtp->seq, s->heard_seq);
    }
    uint32_t step = rtp->ts - s->heard_ts;
    bool is_steady = is_pure(h) && s->i_room >= 0 && is_settled(h, s) && !s->is_asking;
    if (!is_new && is_steady && step != SAMPLES) {
        violated(h, "p%u: timestamp step %u", s->phone->index, step);
    }
    s->heard_any = true;
    s->heard_seq = rtp->seq;
    s->heard_ts = rtp->ts;
    s->heard_ssrc = rtp->ssrc;
    s->heard_ns = h->now_ns;
}

static bool is_late(const struct house *h, uint64_t since_ns)
{
    return h->now_ns > MAX(since_ns, h->stalled_ns) + GRACE_MS * NS_PER_MS;
}

/* May the server send there now? */
static void right_check(struct session *s)
{
    struct house *h = s->phone->house;
    unsigned i = s->phone->index;
    bool hears = s->dir == BOTH || s->dir == LISTENS || s->is_offering;
    if (!s->is_called && !s->acked_ns && !s->is_lost) {
        violated(h, "p%u is sent media before its ACK", i);
    } else if (s->ended_ns && !s->is_lost && is_late(h, s->ended_ns)) {
        violated(h, "p%u is sent media of call %u after that has ended", i, s->number);
    } else if (s->at == AT_UP && !hears && is_late(h, s->dir_ns)) {
        violated(h, "p%u is sent media on hold", i);
    }
}

static void heard(struct session *s, const uint8_t *packet, size_t bytes)
{
    struct house *h = s->phone->house;
    struct rtp rtp;
    if (rtp_parse(packet, bytes, &rtp) != DROP_NONE) {
        violated(h, "p%u is sent what is no RTP", s->phone->index);
        return;
    }
    right_check(s);
    stream_check(s, &rtp);
    if (s->is_lost || s->at == AT_NOTHING) {
        return;
    }
    bool is_known = rtp.pt == s->format.pt || (s->is_asking && rtp.pt == s->asked.pt) || !is_late(h, s->dir_ns);
    if (!is_known) {
        violated(h, "p%u is sent payload type %u", s->phone->index, rtp.pt);
    }
    bool is_linear = rtp.bytes == 2 * SAMPLES;
    if (rtp.bytes != SAMPLES && !is_linear) {
        violated(h, "p%u is sent %u octets", s->phone->index, rtp.bytes);
    } else if (is_pure(h) && is_linear) {
        linear_check(s, rtp.payload, rtp.bytes);
    } else if (is_pure(h)) {
        mulaw_check(s, rtp.payload, rtp.bytes);
    }
}

/* The session that has that port. One that goes on sending after its end may be taken for the phone's next call, where
 * that has got the same port of the server's, until it sends itself (leg_source.h): then it is that. */
static struct session *session_at(struct phone *p, uint16_t port, uint16_t server_port)
{
    const struct house *h = p->house;
    struct session *at = NULL, *next = NULL;
    for (unsigned i = 0; i < SESSIONS_MAX; i++) {
        struct session *s = &p->sessions[i];
        at = s->number && s->port == port ? s : at;
        next = addr_is_set(&s->server) && addr_port(&s->server) == server_port && s->at != AT_NOTHING ? s : next;
    }
    return at && at->ended_ns && is_late(h, at->ended_ns) && next ? next : at;
}

void ear_route(struct sim_io *io, uint32_t fd, const struct addr *to, const uint8_t *packet, size_t bytes)
{
    struct house *h = io->world;
    workers_look(h);
    digest_add(h, packet, MIN(bytes, (size_t)16));
    if (h->port_of[fd] % 2 || rtp_is_rtcp(packet, bytes)) {
        return;
    }
    for (unsigned i = 0; i < h->plan.n_phones; i++) {
        struct phone *p = &h->phones[i];
        struct session *s = addr_same_host(to, &p->sip) ? session_at(p, addr_port(to), h->port_of[fd]) : NULL;
        if (s) {
            heard(s, packet, bytes);
        }
    }
}

void ear_check(struct house *h)
{
    for (unsigned i = 0; i < h->plan.n_phones; i++) {
        const struct session *s = h->phones[i].now;
        bool is_new = h->now_ns < s->dir_ns + SETTLE_MS * NS_PER_MS;
        bool hears = s->at == AT_UP && (s->dir == BOTH || s->dir == LISTENS) && !s->is_asking && !is_new;
        if (hears && s->heard_ns + SILENT_MS * NS_PER_MS < h->now_ns) {
            violated(h, "p%u is sent nothing", i);
        }
    }
}
