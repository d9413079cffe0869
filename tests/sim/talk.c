/*
 * Push-to-talk in the simulated world: channels with a floor, and terminals that ask for it, speak and release, or
 * vanish. Their messages are lost, doubled, late and out of order.
 *
 * Oracles: at most one has the floor at any instant (two with dual floor); what a listener hears is the holder, whole,
 * and nobody else (talker k says the constant 2^k); each request is answered.
 */
#include "tests/sim/sim.h"

#include "core/base/mem.h"
#include "core/media/app.h"
#include "core/media/rtp.h"
#include "tests/nomalloc.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    TERMINALS_MAX = 24,
    CHANNELS_MAX = 4,
    RATE_HZ = 8000, /* of L16 */
    FRAME = RATE_HZ / 50,
    BITS = 14,
    ANSWER_MS = 1,    /* to a request, on a network that loses nothing */
    ALIVE_MS = 20000, /* keep-alives of a terminal */
    NAT_S = 30,       /* what it forgets after */
    DAY_S = 86400,
    HEARD_MS = 400,   /* what a holder said is heard so long after it has released, or its media has ended, at most */
    REPEAT_MS = 1000, /* T100, T101 */
    REPEATS = 3,
    AGAIN_MS = 210, /* the same answer is not given twice in 200 ms */
    QUEUED_S = 30,  /* longer waits nobody */
    VIOLATIONS_SHOWN = 12
};

#define GROUP "sip:group@example.org"

enum talk { TALK_IDLE, TALK_ASKS, TALK_QUEUED, TALK_SPEAKS, TALK_RELEASES, TALK_FREELY /* there is no floor */ };

/* Between a terminal and us: what its socket is seen as from outside, until it has sent nothing for so long. */
struct nat {
    struct addr seen;
    uint64_t until_ns;
};

struct terminal {
    struct nat nat[2]; /* of its RTP socket, and the other one */
    struct talks *world;
    unsigned index, i_channel, bit;
    struct leg *leg;
    struct leg_cfg cfg;
    struct seal *seal;
    struct addr rtp, floor;
    bool joined, is_deaf, is_leaving, is_dead, is_lost, is_eager; /* eager: sends RTP from the push on */
    enum talk talk;
    uint64_t asked_ns, repeat_ns, release_ns, send_ns;
    uint64_t alive_ns; /* next keep-alive */
    uint64_t alived_ns, denied_ns;
    unsigned n_repeats;
    uint16_t seq;
    uint32_t ts, ssrc;
    /* the engine's view */
    bool holds, is_granted; /* as signalling was told; Granted has gone out */
    uint64_t held_ns;       /* until then, at least */
    /* what was said, and what it heard of others */
    unsigned n_said, n_answers, n_alive, n_heard;
    bool has_heard;
    uint16_t heard_seq;
    uint32_t heard_ts;
    unsigned heard[BITS]; /* packets of the burst that runs, by who speaks */
    uint16_t heard_set;   /* of the last packet */
    uint16_t call_reason; /* how it answers call control */
    uint16_t last_seq;
};

struct talks {
    const struct options *options;
    struct chance chance;
    struct sim_io io;
    struct ctl ctl;
    struct worker_stats stats;
    struct engine *engine;
    struct conf *confs[CHANNELS_MAX];
    struct terminal terminals[TERMINALS_MAX];
    unsigned talkers[CHANNELS_MAX];
    unsigned n_channels, n_terminals, n_violations, n_gone, n_bursts, n_whole, n_app_lost;
    bool is_lossy, is_dual, queues, measures, has_nat,
        is_mixed; /* mixed: all codecs, and the oracle of packets alone */
    uint16_t nat_port;
    unsigned n_shut_out, n_lost, n_back;
    bool is_full[CHANNELS_MAX]; /* no floor: all are heard */
    unsigned n_messages, n_outcomes[PTT_LOST + 1], n_swaps, n_drops;
    struct floor_policy policy;
    struct faults faults;
    uint64_t now_ns, engine_ns;
    uint64_t n_made_up, made_up_ns;
    uint64_t digest;
};

__attribute__((format(printf, 2, 3))) static void violated(struct talks *w, const char *format, ...)
{
    if (w->n_violations++ < VIOLATIONS_SHOWN) {
        va_list args;
        va_start(args, format);
        printf("  %9.3f ms: ", (double)w->now_ns / 1e6);
        vprintf(format, args);
        printf("\n");
        va_end(args);
    }
}

static void trace(const struct terminal *t, const char *what, unsigned value)
{
    if (t->world->options->trace) {
        printf("  %9.3f ms: channel %u terminal %u %s %u\n", (double)t->world->now_ns / 1e6, t->i_channel, t->index,
               what, value);
    }
}

static void request(struct talks *w, const struct ctl_req *req)
{
    must(ctl_put(&w->ctl, req) == 0);
}

/* --- Terminals send ----------------------------------------------------------------------------------------------- */

static void wire_send(struct terminal *t, bool rtcp, const uint8_t *buf, size_t bytes)
{
    struct talks *w = t->world;
    struct chance *c = &w->chance;
    const struct addr *from = rtcp && !t->cfg.rtcp_mux ? &t->floor : &t->rtp;
    uint32_t fd = 2 * t->index + (rtcp && !t->cfg.rtcp_mux);
    if (w->has_nat) {
        struct nat *nat = &t->nat[fd % 2];
        if (w->now_ns > nat->until_ns) { /* it has forgotten, and maps anew */
            addr_set_port(&nat->seen, ++w->nat_port);
        }
        nat->until_ns = w->now_ns + NAT_S * NS_PER_S;
        from = &nat->seen;
    }
    if (!w->is_lossy) {
        sim_send(&w->io, fd, from, buf, bytes, w->now_ns);
        return;
    }
    uint64_t at_ns = w->now_ns + chance_below(c, w->faults.jitter_us + 1) * NS_PER_US;
    if (!chance_of(c, w->faults.loss_per_mille)) {
        sim_send(&w->io, fd, from, buf, bytes, at_ns);
    }
    if (chance_of(c, w->faults.duplicate_per_mille)) {
        sim_send(&w->io, fd, from, buf, bytes, at_ns + chance_below(c, 50000) * NS_PER_US);
    }
    if (chance_of(c, w->faults.stranger_per_mille)) {
        struct addr stranger;
        addr_parse(&stranger, "198.51.100.7", 4000);
        sim_send(&w->io, fd, &stranger, buf, bytes, at_ns);
    }
}

static void app_say(struct terminal *t, struct app_msg *msg)
{
    uint8_t buf[SIM_DATAGRAM] ALIGNED_LINE;
    msg->name = APP_MCPT;
    msg->ssrc = t->ssrc;
    size_t n = app_write(buf, msg);
    wire_send(t, true, buf, t->seal ? seal_rtcp(t->seal, buf, n) : n);
}

static void floor_say(struct terminal *t, enum app_floor subtype)
{
    struct app_msg msg = {.subtype = (uint8_t)subtype};
    trace(t, "says", subtype);
    if (subtype == APP_FLOOR_REQUEST) {
        msg.has = 1u << APP_PRIORITY;
        msg.floor.priority = t->cfg.ptt.rights.priority;
    }
    app_say(t, &msg);
}

static void alive_say(struct terminal *t)
{
    uint8_t buf[64] ALIGNED_LINE = {0x80, 201, 0, 1};
    store_be32(buf + 4, t->ssrc);
    t->alived_ns = t->world->now_ns;
    t->alive_ns = t->alived_ns + ALIVE_MS * NS_PER_MS;
    wire_send(t, true, buf, t->seal ? seal_rtcp(t->seal, buf, 8) : 8);
    if (!t->cfg.rtcp_mux) {
        wire_send(t, false, buf, 0);
    }
}

/* Of L16 the oracle's constant; of the others what sounds like nothing in particular. */
static size_t payload_make(struct terminal *t, uint8_t *payload)
{
    size_t n = FRAME;
    if (t->cfg.codec->id == CODEC_L16) {
        for (unsigned i = 0; i < FRAME; i++) {
            store_be16(payload + 2 * i, (uint16_t)(1u << t->bit));
        }
        return 2 * FRAME;
    }
    for (size_t i = 0; i < n; i++) {
        payload[i] = (uint8_t)(chance_draw(&t->world->chance) & 0xbf);
    }
    payload[0] = t->cfg.codec->id == CODEC_OPUS ? 9 << 3 : payload[0];
    return n;
}

static void rtp_say(struct terminal *t)
{
    uint8_t buf[SIM_DATAGRAM] ALIGNED_LINE;
    size_t n = rtp_write(buf, t->cfg.pt_rx, t->n_said == 0, t->seq, t->ts, t->ssrc, NULL, 0);
    n += payload_make(t, buf + n);
    t->seq++;
    t->ts += codec_clock_hz(t->cfg.codec, &t->cfg.fmt) / 50;
    t->n_said++;
    wire_send(t, false, buf, t->seal ? seal_rtp(t->seal, buf, n) : n);
}

/* --- The oracle --------------------------------------------------------------------------------------------------- */

static bool was_holder(const struct talks *w, unsigned i_channel, uint32_t set)
{
    for (unsigned i = 0; i < w->n_terminals; i++) {
        const struct terminal *t = &w->terminals[i];
        if (t->i_channel == i_channel && set == 1u << t->bit) {
            return t->holds || t->is_granted || w->now_ns < t->held_ns + HEARD_MS * NS_PER_MS;
        }
    }
    return false;
}

static void audio_check(struct terminal *t, const struct rtp *rtp)
{
    struct talks *w = t->world;
    uint32_t set = load_be16(rtp->payload), rest = set;
    uint64_t n_made_up = count_get(&w->stats.concealed) + count_get(&w->stats.blended);
    w->made_up_ns = n_made_up != w->n_made_up ? w->now_ns : w->made_up_ns;
    w->n_made_up = n_made_up;
    t->heard_set = (uint16_t)set;
    if (w->is_full[t->i_channel]) {
        return;
    }
    bool is_pure = !w->is_lossy && w->now_ns > w->made_up_ns + NS_PER_S / 2; /* what is made up is no set */
    for (unsigned i = 1; i < FRAME && is_pure; i++) {
        if (load_be16(rtp->payload + 2 * i) != set) {
            violated(w, "terminal %u: a packet with %04x and %04x", t->index, set, load_be16(rtp->payload + 2 * i));
            return;
        }
    }
    for (unsigned bit = 0; bit < BITS; bit++) {
        if (rest & 1u << bit) {
            t->heard[bit]++;
            if (is_pure && !was_holder(w, t->i_channel, 1u << bit)) {
                violated(w, "terminal %u hears %u, which has not the floor", t->index, bit);
            }
        }
    }
    if (is_pure && (set & (set - 1)) && !w->is_dual) {
        violated(w, "terminal %u hears %04x: two at a time", t->index, set);
    }
    if (is_pure && (set & 1u << t->bit)) {
        violated(w, "terminal %u hears itself", t->index);
    }
}

static void rtp_heard(struct terminal *t, const uint8_t *buf, size_t bytes)
{
    struct talks *w = t->world;
    struct rtp rtp;
    bool is_rtp = rtp_parse(buf, bytes, &rtp) == DROP_NONE && rtp.ssrc == t->cfg.ssrc && rtp.pt == t->cfg.pt_tx;
    uint32_t step_ts = codec_clock_hz(t->cfg.codec, &t->cfg.fmt) / 50;
    if (!is_rtp || t->cfg.codec->samples(&t->cfg.fmt, rtp.payload, rtp.bytes) != (int)t->cfg.fmt.rate_hz / 50) {
        violated(w, "terminal %u: not a packet of its stream", t->index);
        return;
    }
    if (t->has_heard) {
        uint32_t step = rtp.ts - t->heard_ts;
        if (rtp.seq != (uint16_t)(t->heard_seq + 1)) {
            violated(w, "terminal %u: sequence %u after %u", t->index, rtp.seq, t->heard_seq);
        }
        if (step % step_ts || step == 0 || (step != step_ts && !rtp.marker)) {
            violated(w, "terminal %u: timestamp step %u, marker %u", t->index, step, rtp.marker);
        }
    }
    t->has_heard = true;
    t->heard_seq = rtp.seq;
    t->heard_ts = rtp.ts;
    t->n_heard++;
    if (t->world->is_mixed) {
        bool any = false;
        for (unsigned i = 0; i < t->world->n_terminals; i++) {
            const struct terminal *by = &t->world->terminals[i];
            any |= by->i_channel == t->i_channel && was_holder(t->world, by->i_channel, 1u << by->bit);
        }
        if (!any && !t->cfg.ptt.fill && !t->world->is_full[t->i_channel]) {
            violated(t->world, "terminal %u is sent RTP while nobody has the floor", t->index);
        }
    } else {
        audio_check(t, &rtp);
    }
}

/* A burst is over: in a world without loss each of the others has heard all of it. */
static void burst_check(struct talks *w, const struct terminal *talker)
{
    for (unsigned i = 0; i < w->n_terminals; i++) {
        struct terminal *t = &w->terminals[i];
        if (t == talker || t->i_channel != talker->i_channel || !t->joined || t->is_dead) {
            continue;
        }
        bool is_exact = w->measures && w->made_up_ns < talker->asked_ns && !w->is_mixed;
        bool is_whole = t->n_heard + 3 >= talker->n_said || count_get(&w->stats.kits_missing);
        if (w->is_mixed && w->measures && !is_whole) {
            violated(w, "terminal %u was sent %u packets, %u said %u", t->index, t->n_heard, talker->index,
                     talker->n_said);
        }
        if (is_exact && t->heard[talker->bit] != talker->n_said) {
            violated(w, "terminal %u heard %u packets of %u, which said %u", t->index, t->heard[talker->bit],
                     talker->index, talker->n_said);
        }
        w->n_whole += is_exact || (w->is_mixed && w->measures);
        t->heard[talker->bit] = 0;
    }
    w->n_bursts++;
}

/* --- Terminals hear ----------------------------------------------------------------------------------------------- */

static void burst_release(struct terminal *t)
{
    t->talk = TALK_RELEASES;
    t->n_repeats = 0;
    t->repeat_ns = t->world->now_ns + REPEAT_MS * NS_PER_MS;
    floor_say(t, APP_FLOOR_RELEASE);
}

static void speak(struct terminal *t)
{
    struct talks *w = t->world;
    if (t->talk != TALK_SPEAKS) {
        if (!t->is_eager) {
            t->n_said = 0;
            t->send_ns = w->now_ns + chance_below(&w->chance, 20000) * NS_PER_US;
        }
        t->send_ns = MAX(t->send_ns, w->now_ns); /* what it said while it waited is gone */
        t->release_ns = w->now_ns + (300 + chance_below(&w->chance, 1500)) * NS_PER_MS;
    }
    t->talk = TALK_SPEAKS;
}

static void answered(struct terminal *t)
{
    struct talks *w = t->world;
    if (!w->is_lossy && ++t->n_answers > 1) {
        violated(w, "terminal %u: a second answer to one request", t->index);
    }
    if (!w->is_lossy && w->now_ns - t->asked_ns > ANSWER_MS * NS_PER_MS) {
        violated(w, "terminal %u: answered after %.1f ms", t->index, (double)(w->now_ns - t->asked_ns) / 1e6);
    }
}

static void app_heard(struct terminal *t, const struct app_msg *msg)
{
    bool asks = t->talk == TALK_ASKS;
    trace(t, "hears", msg->subtype);
    switch (msg->subtype) {
    case APP_FLOOR_GRANTED:
        if (asks) {
            answered(t);
        }
        if (asks || t->talk == TALK_QUEUED) {
            speak(t);
        } else if (t->talk != TALK_SPEAKS) {
            floor_say(t, APP_FLOOR_RELEASE); /* it has let go long ago */
        }
        break;
    case APP_FLOOR_DENY:
        if (asks) {
            answered(t);
            t->talk = TALK_IDLE;
            t->denied_ns = t->world->now_ns;
        }
        break;
    case APP_FLOOR_QUEUE_INFO:
        if (asks) {
            answered(t);
            t->talk = TALK_QUEUED;
            t->release_ns = t->world->now_ns + QUEUED_S * NS_PER_S;
        }
        break;
    case APP_FLOOR_REVOKE:
        if (t->talk == TALK_SPEAKS) {
            burst_release(t);
        }
        break;
    case APP_FLOOR_IDLE:
    case APP_FLOOR_TAKEN:
        t->talk = t->talk == TALK_RELEASES ? TALK_IDLE : t->talk;
        break;
    default:
        break;
    }
}

/* Call control: acknowledged, if it is not lost on the way. */
static void call_heard(struct terminal *t, const struct app_msg *msg)
{
    struct talks *w = t->world;
    uint8_t buf[SIM_DATAGRAM] ALIGNED_LINE;
    struct app_msg ack = {.name = APP_MCPC, .subtype = APP_CALL_ACK, .ssrc = t->ssrc, .has = 1u << APP_REASON};
    if (msg->subtype != APP_CALL_CONNECT || !msg->wants_ack || !APP_HAS(msg, APP_GROUP) ||
        memcmp(msg->call.group.text, GROUP, msg->call.group.n) != 0) {
        violated(w, "terminal %u: another message than was sent", t->index);
    }
    if (w->is_lossy && chance_of(&w->chance, w->faults.loss_per_mille)) {
        return;
    }
    ack.call.reason = t->call_reason;
    size_t n = app_write(buf, &ack);
    wire_send(t, true, buf, t->seal ? seal_rtcp(t->seal, buf, n) : n);
}

static void heard(void *owner, bool rtcp, const struct addr *to, const uint8_t *wire, size_t bytes, uint64_t now_ns)
{
    struct terminal *t = owner;
    struct talks *w = t->world;
    struct nat *nat = &t->nat[rtcp];
    if (w->has_nat && (now_ns > nat->until_ns || !addr_same(to, &nat->seen))) {
        w->n_shut_out++;
        return;
    }
    uint8_t buf[PACKET_STRIDE_BYTES] ALIGNED_LINE;
    for (size_t i = 0; i < bytes; i++) {
        w->digest = (w->digest ^ wire[i]) * 0x100000001B3ull;
    }
    if (t->is_dead || bytes == 0) {
        return;
    }
    memcpy(buf, wire, bytes);
    bool is_rtcp = rtp_is_rtcp(buf, bytes);
    if (is_rtcp != (rtcp || (t->cfg.rtcp_mux && is_rtcp))) {
        violated(w, "terminal %u: on the wrong socket", t->index);
    }
    if (t->seal && (is_rtcp ? seal_open_rtcp : seal_open_rtp)(t->seal, buf, &bytes) != DROP_NONE) {
        violated(w, "terminal %u: a packet does not open", t->index);
        return;
    }
    if (!is_rtcp) {
        rtp_heard(t, buf, bytes);
        return;
    }
    if (!app_is(buf, bytes)) { /* a report, a keep-alive */
        t->n_alive += bytes == 8;
        if (bytes == 8 && w->now_ns - t->alived_ns >= ALIVE_MS / 2 * NS_PER_MS) {
            t->alive_ns = w->now_ns;
        }
        return;
    }
    struct app_msg msg;
    size_t used;
    if (app_parse(buf, bytes, &msg, &used) != DROP_NONE || used != bytes) {
        violated(w, "terminal %u: a message that cannot be read", t->index);
    }
    if (msg.name == APP_MCPC) {
        call_heard(t, &msg);
        return;
    }
    t->is_granted |= msg.name == APP_MCPT && msg.subtype == APP_FLOOR_GRANTED;
    if (!w->is_lossy || !chance_of(&w->chance, w->faults.loss_per_mille)) {
        app_heard(t, &msg);
    } else {
        w->n_app_lost++;
    }
}

/* --- Time --------------------------------------------------------------------------------------------------------- */

static bool sends(const struct terminal *t)
{
    return !t->is_dead && (t->talk == TALK_SPEAKS || t->talk == TALK_FREELY || (t->is_eager && t->talk == TALK_ASKS));
}

static uint64_t terminal_due(const struct terminal *t)
{
    uint64_t at_ns = UINT64_MAX;
    if (!t->joined || t->is_dead) {
        return at_ns;
    }
    at_ns = sends(t) ? MIN(t->send_ns, t->alive_ns) : t->alive_ns;
    at_ns = t->talk == TALK_SPEAKS || t->talk == TALK_QUEUED ? MIN(at_ns, t->release_ns) : at_ns;
    return t->talk == TALK_ASKS || t->talk == TALK_RELEASES ? MIN(at_ns, t->repeat_ns) : at_ns;
}

static void terminal_run(struct terminal *t)
{
    struct talks *w = t->world;
    if (sends(t) && t->send_ns <= w->now_ns) {
        rtp_say(t);
        t->send_ns += TICK_NS;
    }
    if (t->alive_ns <= w->now_ns) {
        alive_say(t);
    }
    if ((t->talk == TALK_SPEAKS || t->talk == TALK_QUEUED) && t->release_ns <= w->now_ns) {
        burst_release(t);
    }
    if ((t->talk == TALK_ASKS || t->talk == TALK_RELEASES) && t->repeat_ns <= w->now_ns) {
        if (!w->is_lossy) {
            violated(w, "terminal %u: its %s was not answered", t->index, t->talk == TALK_ASKS ? "Request" : "Release");
        }
        if (++t->n_repeats > REPEATS) {
            t->talk = TALK_IDLE;
            return;
        }
        floor_say(t, t->talk == TALK_ASKS ? APP_FLOOR_REQUEST : APP_FLOOR_RELEASE);
        t->repeat_ns += REPEAT_MS * NS_PER_MS;
    }
}

static void push(struct terminal *t)
{
    struct talks *w = t->world;
    t->talk = TALK_ASKS;
    t->n_answers = t->n_repeats = t->n_said = 0;
    t->asked_ns = w->now_ns;
    t->repeat_ns = w->now_ns + REPEAT_MS * NS_PER_MS;
    t->send_ns = w->now_ns;
    floor_say(t, APP_FLOOR_REQUEST);
}

static void floor_event(struct talks *w, const struct ctl_ev *ev)
{
    if (!ev->leg) {
        return;
    }
    struct terminal *t = &w->terminals[ev->id];
    if (ev->floor == FLOOR_EV_GRANTED) {
        if (t->holds) {
            violated(w, "terminal %u is granted twice", t->index);
        }
        t->holds = true;
        unsigned n = 0;
        for (unsigned i = 0; i < w->n_terminals; i++) {
            bool is_near = w->terminals[i].i_channel == t->i_channel;
            w->terminals[i].n_heard *= !is_near;
            w->terminals[i].heard[t->bit] *= !is_near; /* what was made up in other bursts may look like it */
            n += w->terminals[i].i_channel == t->i_channel && w->terminals[i].holds;
        }
        if (n > (w->is_dual ? 2 : 1)) {
            violated(w, "%u holders in channel %u", n, t->i_channel);
        }
    } else if (ev->floor == FLOOR_EV_RELEASED) {
        if (!t->holds) {
            violated(w, "terminal %u releases what it has not", t->index);
        }
        t->holds = t->is_granted = false;
        t->held_ns = w->now_ns;
        burst_check(w, t);
    }
}

static void alive_event(struct talks *w, const struct ctl_ev *ev)
{
    struct terminal *t = &w->terminals[ev->id];
    w->n_lost += !ev->value;
    w->n_back += ev->value;
    if (ev->value == t->is_lost) {
        t->is_lost = !ev->value;
    } else {
        violated(w, "terminal %u is %s twice", t->index, ev->value ? "back" : "lost");
    }
    if (t->is_lost && !t->is_dead && !w->is_lossy) {
        violated(w, "terminal %u is lost, and lives", t->index);
    }
}

static void message_event(struct talks *w, const struct ctl_ev *ev)
{
    const struct terminal *t = &w->terminals[ev->id];
    enum ptt_outcome outcome = (enum ptt_outcome)ev->value;
    bool is_right = t->is_dead || !t->joined ? outcome == PTT_LOST
                    : t->call_reason         ? outcome == PTT_REFUSED && ev->reason == t->call_reason
                                             : outcome == PTT_ACKED;
    if (!is_right && !w->is_lossy) {
        violated(w, "terminal %u: outcome %u of a message, reason %u", t->index, outcome, ev->reason);
    }
    w->n_outcomes[outcome]++;
    w->n_messages--;
    mem_put(ev->message);
}

static void events_take(struct talks *w)
{
    struct ctl_ev ev;
    while (ctl_take(&w->ctl, &ev)) {
        if (ev.event == EV_FLOOR) {
            floor_event(w, &ev);
        } else if (ev.event == EV_APP) {
            message_event(w, &ev);
        } else if (ev.event == EV_ALIVE) {
            alive_event(w, &ev);
        } else if (ev.event == EV_LEG_GONE) {
            struct terminal *t = &w->terminals[leg_cfg_of(ev.leg)->id];
            bool is_its = ev.leg == t->leg; /* else another has taken its place */
            t->leg = is_its ? NULL : t->leg;
            t->joined &= !is_its;
            t->talk = is_its ? TALK_IDLE : t->talk;
            leg_free(ev.leg);
        } else if (ev.event == EV_CONF_GONE) {
            conf_free(ev.conf);
            w->n_gone++;
        } else if (ev.event == EV_ENCODER) {
            encoder_free(ev.encoder);
        }
    }
}

static void talks_until(struct talks *w, uint64_t end_ns)
{
    while (w->now_ns < end_ns) {
        uint64_t next_ns = MIN(MIN(end_ns, w->engine_ns), sim_wakes(&w->io));
        for (unsigned i = 0; i < w->n_terminals; i++) {
            next_ns = MIN(next_ns, terminal_due(&w->terminals[i]));
        }
        w->now_ns = w->io.now_ns = MAX(next_ns, w->now_ns);
        for (unsigned i = 0; i < w->n_terminals; i++) {
            if (terminal_due(&w->terminals[i]) <= w->now_ns) {
                terminal_run(&w->terminals[i]);
            }
        }
        if (MIN(w->engine_ns, sim_wakes(&w->io)) <= w->now_ns) {
            nomalloc_begin();
            w->engine_ns = engine_beat(w->engine, w->now_ns);
            nomalloc_end();
            events_take(w);
        }
    }
}

/* --- The run ------------------------------------------------------------------------------------------------------ */

static void terminal_join(struct talks *w, struct terminal *t)
{
    must(leg_build(&t->leg, &t->cfg) == 0);
    struct seal_keys keys = {.suite = t->cfg.seal.suite};
    memcpy(keys.rx, t->cfg.seal.tx, sizeof keys.rx);
    memcpy(keys.tx, t->cfg.seal.rx, sizeof keys.tx);
    seal_free(t->seal);
    t->seal = NULL;
    must(keys.suite == SEAL_NONE || seal_build(&t->seal, &keys, t->ssrc) == 0);
    request(w, &(struct ctl_req){.op = CTL_LEG_ADD, .leg = t->leg, .conf = w->confs[t->i_channel]});
    t->joined = true;
    t->is_dead = t->is_deaf = t->is_leaving = t->is_lost = t->has_heard = t->holds = t->is_granted = false;
    t->talk = TALK_IDLE;
    t->alived_ns = 0;
    t->alive_ns =
        w->now_ns + (50 + chance_below(&w->chance, 150)) * NS_PER_MS; /* its way here is open from the beginning */
}

/* Beside the world's seed: worlds without it stay what they were. */
static void codec_draw(struct terminal *t)
{
    struct chance c = {.state = t->world->options->seed * 64 + t->index + 1};
    struct leg_cfg *cfg = &t->cfg;
    cfg->ptt.is_bare = chance_of(&c, t->world->is_mixed ? 700 : 500);
    if (!t->world->is_mixed) {
        return;
    }
    static const uint32_t rates[] = {8000, 16000, 48000};
    static const enum codec_id ids[] = {CODEC_PCMU, CODEC_PCMA, CODEC_G722, CODEC_OPUS, CODEC_OPUS, CODEC_L16};
    cfg->codec = codec_get(ids[chance_below(&c, ARRAY_LEN(ids))]);
    cfg->fmt = (struct codec_cfg){.rate_hz = cfg->codec->pcm_rate_hz};
    cfg->fmt.rate_hz = cfg->codec->id == CODEC_L16 ? RATE_HZ : cfg->fmt.rate_hz;
    cfg->fmt.rate_hz = cfg->codec->id == CODEC_OPUS ? rates[chance_below(&c, 3)] : cfg->fmt.rate_hz;
    cfg->ptt.fill = chance_of(&c, 100);
}

static void terminal_init(struct talks *w, unsigned i)
{
    struct terminal *t = &w->terminals[i];
    struct chance *c = &w->chance;
    *t = (struct terminal){.world = w, .index = i, .i_channel = i % w->n_channels, .bit = i / w->n_channels % BITS};
    addr_parse(&t->rtp, "192.0.2.1", (uint16_t)(10000 + 2 * i));
    t->nat[0].seen = t->nat[1].seen = t->rtp;
    t->floor = t->rtp;
    addr_set_port(&t->floor, (uint16_t)(10001 + 2 * i));
    bool mux = chance_of(c, 500);
    t->cfg = (struct leg_cfg){
        .id = i,
        .codec = codec_get(CODEC_L16),
        .fmt.rate_hz = RATE_HZ,
        .rtp_fd = (int)(2 * i),
        .rtcp_fd = mux ? -1 : (int)(2 * i + 1),
        .rtcp_mux = mux,
        .remote_rtp = t->rtp,
        .remote_rtcp = t->floor,
        .pt_rx = 96,
        .pt_tx = 97,
        .pt_event_rx = PT_NONE,
        .pt_cn_rx = PT_NONE,
        .rx_on = true,
        .tx_on = true,
        .ssrc = (uint32_t)chance_draw(c),
        .ts0 = (uint32_t)chance_draw(c),
        .seq0 = (uint16_t)chance_draw(c),
        .cname = "talk@example",
    };
    t->cfg.ptt = (struct leg_ptt_cfg){.is_on = true, .speaks_floor = true};
    codec_draw(t);
    snprintf(t->cfg.ptt.identity, sizeof t->cfg.ptt.identity, "sip:t%u@example.org", i);
    t->cfg.ptt.rights = (struct floor_rights){.priority = (uint8_t)chance_below(c, 10),
                                              .priority_max = 10,
                                              .may_request = true,
                                              .may_preempt = chance_of(c, 200),
                                              .queues = w->queues,
                                              .is_available = true};
    if (chance_of(c, 400)) {
        t->cfg.seal.suite = 1 + chance_below(c, SEAL_SUITES - 1);
        for (unsigned k = 0; k < SEAL_KEY_BYTES_MAX; k++) {
            t->cfg.seal.rx[k] = (uint8_t)chance_draw(c);
            t->cfg.seal.tx[k] = (uint8_t)chance_draw(c);
        }
    }
    t->ssrc = (uint32_t)chance_draw(c);
    t->seq = (uint16_t)chance_draw(c);
    t->ts = (uint32_t)chance_draw(c);
    t->is_eager = chance_of(c, 500);
    w->io.sockets[2 * i].owner = w->io.sockets[2 * i + 1].owner = t;
    w->io.sockets[2 * i + 1].rtcp = true;
}

static void talks_open(struct talks *w, const struct options *o)
{
    struct chance *c = &w->chance;
    w->options = o;
    c->state = o->seed;
    w->digest = 0xcbf29ce484222325ull;
    w->now_ns = NS_PER_S + chance_below(c, 20000) * NS_PER_US;
    w->n_channels = 1 + chance_below(c, CHANNELS_MAX);
    w->n_terminals = w->n_channels * (2 + chance_below(c, TERMINALS_MAX / CHANNELS_MAX - 1));
    w->is_dual = chance_of(c, 200);
    w->queues = chance_of(c, 700);
    w->policy = (struct floor_policy){.t3_ms = chance_of(c, 500) ? 3000 : 0, .queue_max = w->queues ? 4 : 0};
    w->policy.is_dual = w->is_dual;
    w->policy.drain_ms = 200;
    must(sim_io_build(&w->io, 2 * TERMINALS_MAX, 2 * TERMINALS_MAX) == 0);
    w->io.deliver = heard;
    must(ctl_build(&w->ctl) == 0);
    struct engine_cfg cfg = {
        .ctl = &w->ctl,
        .io = &w->io.io,
        .stats = &w->stats,
        .simd = o->simd,
        .legs_max = TERMINALS_MAX,
        .kits_max = w->is_mixed && o->seed % 4 == 0 ? 1 + o->seed / 4 % 4 : TERMINALS_MAX,
        .lazy_decode = true,
        .batch_legs = o->seed % 3 ? 0 : 1 + o->seed / 3 % 8,
    };
    must(engine_build(&w->engine, &cfg) == 0);
    w->engine_ns = w->now_ns;
    for (unsigned i = 0; i < w->n_channels; i++) {
        struct conf_cfg conf = {.id = i, .legs_max = TERMINALS_MAX, .talkers = chance_below(c, 4), .has_floor = true};
        w->talkers[i] = conf.talkers;
        must(conf_build(&w->confs[i], &conf) == 0);
        request(w, &(struct ctl_req){.op = CTL_CONF_OPEN, .conf = w->confs[i]});
        struct ctl_req floor = {.op = CTL_CONF_FLOOR, .conf = w->confs[i]};
        floor.floor.mode = FLOOR_MODE_HALF;
        floor.floor.sleeps = true;
        floor.floor.policy = w->policy;
        request(w, &floor);
    }
    for (unsigned i = 0; i < w->n_terminals; i++) {
        terminal_init(w, i);
        terminal_join(w, &w->terminals[i]);
    }
}

static bool is_pushed(const struct talks *w, unsigned i_channel)
{
    for (unsigned i = 0; i < w->n_terminals; i++) {
        if (w->terminals[i].i_channel == i_channel && w->terminals[i].talk != TALK_IDLE) {
            return true;
        }
    }
    return false;
}

/* One after the other, on a network that loses nothing: all is heard. */
static void calm_run(struct talks *w)
{
    w->measures = true;
    for (unsigned i = 0; i < 30; i++) {
        struct terminal *t = &w->terminals[chance_below(&w->chance, w->n_terminals)];
        if (!is_pushed(w, t->i_channel) && w->now_ns - t->denied_ns > AGAIN_MS * NS_PER_MS) {
            push(t);
        }
        talks_until(w, w->now_ns + chance_below(&w->chance, 700) * NS_PER_MS);
    }
    talks_until(w, w->now_ns + 4 * NS_PER_S);
    w->measures = false;
}

static void message_say(struct talks *w, struct terminal *t)
{
    struct ptt_message *m = mem_get(sizeof *m);
    must(m);
    m->id = t->index;
    m->call = PTT_CONNECT;
    m->session_type = PTT_SESSION_PREARRANGED;
    memcpy(m->session, "sip:s@example.org", 18);
    memcpy(m->group, GROUP, sizeof GROUP);
    t->call_reason = w->n_messages ? t->call_reason : (uint16_t)chance_below(&w->chance, 3);
    w->n_messages++;
    request(w, &(struct ctl_req){.op = CTL_LEG_APP, .leg = t->leg, .message = m});
}

/* What signalling does meanwhile. */
static void change(struct talks *w)
{
    struct terminal *t = &w->terminals[chance_below(&w->chance, w->n_terminals)];
    unsigned what = chance_below(&w->chance, 12);
    if (!t->joined && !t->leg) {
        terminal_join(w, t);
    } else if (!t->joined || t->is_leaving) {
        return;
    } else if (what == 0) { /* its call ends, whatever it does at the moment */
        t->is_leaving = true;
        t->is_dead = true;
        w->n_drops++;
        request(w, &(struct ctl_req){.op = CTL_LEG_DROP, .leg = t->leg});
    } else if (what < 3) { /* another leg in its place: it goes on */
        struct leg *old = t->leg;
        w->n_swaps++;
        must(leg_build(&t->leg, &t->cfg) == 0);
        request(w, &(struct ctl_req){.op = CTL_LEG_SWAP, .leg = t->leg, .old = old});
    } else if (what < 6) {
        message_say(w, t);
    } else if (what == 6) {
        struct ctl_req req = {.op = CTL_LEG_SET, .leg = t->leg, .set.what = SET_FLOOR};
        t->cfg.ptt.rights.may_request ^= true;
        req.set.rights = t->cfg.ptt.rights;
        request(w, &req);
    } else if (what == 8) { /* its kind is another one from now on */
        struct ctl_req req = {.op = CTL_LEG_SET, .leg = t->leg, .set.what = SET_DEAF};
        t->is_deaf = req.set.deaf = !t->is_deaf;
        request(w, &req);
    } else if (what == 7) {
        struct floor_wish wish = {.what = FLOOR_ASK_REVOKE, .cause = 3};
        request(w, &(struct ctl_req){.op = CTL_FLOOR, .leg = t->leg, .wish = wish});
    }
}

static void mode_set(struct talks *w, unsigned i, enum floor_mode mode)
{
    struct ctl_req floor = {.op = CTL_CONF_FLOOR, .conf = w->confs[i]};
    floor.floor.mode = mode;
    floor.floor.sleeps = true;
    floor.floor.policy = w->policy;
    w->is_full[i] = mode == FLOOR_MODE_FULL;
    request(w, &floor);
}

/* Full duplex and back: all hear each other from one tick to the next, and then again only the holder. */
static void flip_run(struct talks *w)
{
    w->is_lossy = false;
    for (unsigned i = 0; i < w->n_channels && !w->is_mixed; i++) {
        uint16_t set = 0;
        mode_set(w, i, FLOOR_MODE_FULL);
        for (unsigned k = i; k < w->n_terminals; k += w->n_channels) {
            struct terminal *t = &w->terminals[k];
            if (t->joined && !t->is_dead && !t->cfg.ptt.is_bare &&
                (!w->talkers[i] || (unsigned)__builtin_popcount(set) < w->talkers[i])) {
                t->talk = TALK_FREELY;
                t->send_ns = w->now_ns + chance_below(&w->chance, 20000) * NS_PER_US;
                set |= (uint16_t)(1u << t->bit);
            }
        }
        talks_until(w, w->now_ns + 4 * NS_PER_S);
        for (unsigned k = i; k < w->n_terminals; k += w->n_channels) {
            struct terminal *t = &w->terminals[k];
            uint16_t others = t->talk == TALK_FREELY ? set & (uint16_t) ~(1u << t->bit) : set;
            others = t->is_deaf ? 0 : others;
            if (t->joined && !t->is_dead && t->heard_set != others) {
                violated(w, "terminal %u hears %04x instead of %04x", k, t->heard_set, others);
            }
            t->talk = TALK_IDLE;
        }
        mode_set(w, i, FLOOR_MODE_HALF);
        talks_until(w, w->now_ns + NS_PER_S);
    }
}

/* All at once. */
static void crowd_run(struct talks *w)
{
    for (unsigned i = 0; i < 60; i++) {
        struct terminal *t = &w->terminals[chance_below(&w->chance, w->n_terminals)];
        bool may = w->now_ns - t->denied_ns > AGAIN_MS * NS_PER_MS;
        if (t->joined && !t->is_dead && t->talk == TALK_IDLE && may) {
            push(t);
        } else if (chance_of(&w->chance, 50)) {
            t->is_dead = true; /* it vanishes: signalling does not know yet */
        }
        if (w->is_lossy && chance_of(&w->chance, 400)) {
            change(w);
        }
        talks_until(w, w->now_ns + chance_below(&w->chance, 300) * NS_PER_MS);
    }
    talks_until(w, w->now_ns + 60 * NS_PER_S);
}

static void settled_check(struct talks *w)
{
    uint64_t n_ticks = count_get(&w->stats.ticks);
    talks_until(w, w->now_ns + 2 * NS_PER_S);
    if (count_get(&w->stats.asleep) != w->n_channels || count_get(&w->stats.ticks) != n_ticks) {
        violated(w, "%lu of %u channels asleep, %lu ticks", count_get(&w->stats.asleep), w->n_channels,
                 count_get(&w->stats.ticks) - n_ticks);
    }

    for (unsigned i = 0; i < w->n_terminals; i++) {
        const struct terminal *t = &w->terminals[i];
        if (t->holds || (t->talk != TALK_IDLE && !t->is_dead)) {
            violated(w, "terminal %u still %s", i, t->holds ? "has the floor" : "asks");
        }
    }
}

static void talks_close(struct talks *w)
{
    for (unsigned i = 0; i < w->n_terminals; i++) {
        if (w->terminals[i].joined && !w->terminals[i].is_leaving) {
            request(w, &(struct ctl_req){.op = CTL_LEG_DROP, .leg = w->terminals[i].leg});
        }
    }
    for (unsigned i = 0; i < w->n_channels; i++) {
        request(w, &(struct ctl_req){.op = CTL_CONF_CLOSE, .conf = w->confs[i]});
    }
    talks_until(w, w->now_ns + 100 * NS_PER_MS);
    if (w->n_gone != w->n_channels || engine_held_packets(w->engine)) {
        violated(w, "%u of %u conferences came back, %u packets left", w->n_gone, w->n_channels,
                 engine_held_packets(w->engine));
    }
    for (unsigned i = 0; i < w->n_terminals; i++) {
        seal_free(w->terminals[i].seal);
    }
    engine_free(w->engine);
    ctl_free(&w->ctl);
    sim_io_free(&w->io);
}

/* ---- a day ---- */

/* One push, and all who live hear it from the first packet to the last. */
static void probe(struct talks *w)
{
    struct terminal *t = &w->terminals[chance_below(&w->chance, w->n_terminals)];
    if (t->is_dead) {
        return;
    }
    w->measures = true;
    w->made_up_ns = 0;
    unsigned n_bursts = w->n_bursts;
    push(t);
    talks_until(w, w->now_ns + 3 * NS_PER_S);
    w->measures = false;
    if (w->n_bursts != n_bursts + 1) {
        violated(w, "terminal %u pushed, and was not heard", t->index);
    }
}

/* Its NAT maps it anew, or it is away for a while: after two keep-alives it is reached again. */
static void mishap(struct talks *w)
{
    struct terminal *t = &w->terminals[chance_below(&w->chance, w->n_terminals)];
    if (chance_of(&w->chance, 500)) {
        t->nat[0].until_ns = t->nat[1].until_ns = 0;
        talks_until(w, w->now_ns + 80 * NS_PER_S);
        return;
    }
    t->is_dead = true;
    talks_until(w, w->now_ns + 110 * NS_PER_S);
    if (!t->is_lost) {
        violated(w, "terminal %u is dead, and nobody was told", t->index);
    }
    t->is_dead = false;
    t->alive_ns = w->now_ns;
    talks_until(w, w->now_ns + NS_PER_S);
    if (t->is_lost) {
        violated(w, "terminal %u is back, and nobody was told", t->index);
    }
}

static void day_pass(struct talks *w)
{
    uint64_t end_ns = w->now_ns + DAY_S * NS_PER_S;
    probe(w);
    while (w->now_ns < end_ns) {
        uint64_t n_ticks = count_get(&w->stats.ticks), n_tx = w->io.n_tx, from_ns = w->now_ns;
        talks_until(w, w->now_ns + (60 + chance_below(&w->chance, 7200)) * NS_PER_S);
        uint64_t idle_s = (w->now_ns - from_ns) / NS_PER_S;
        if (count_get(&w->stats.ticks) != n_ticks) {
            violated(w, "%lu ticks in the silence", count_get(&w->stats.ticks) - n_ticks);
        }
        if (w->io.n_tx - n_tx > (2 * idle_s / 10 + 10) * w->n_terminals) {
            violated(w, "%lu packets in %lu s of silence", w->io.n_tx - n_tx, idle_s);
        }
        probe(w);
        if (chance_of(&w->chance, 400)) {
            mishap(w);
            probe(w);
        }
    }
}

unsigned day_run(const struct options *o, uint64_t *digest)
{
    struct talks *w = mem_get(sizeof *w);
    must(w);
    w->has_nat = true;
    w->nat_port = 20000;
    talks_open(w, o);
    talks_until(w, w->now_ns + NS_PER_S);
    day_pass(w);
    settled_check(w);
    if (o->trace) {
        printf("  %u bursts; %u lost, %u back, %u packets shut out\n", w->n_bursts, w->n_lost, w->n_back,
               w->n_shut_out);
    }
    talks_close(w);
    unsigned n = w->n_violations;
    *digest = w->digest;
    mem_put(w);
    return n;
}

unsigned talk_run(const struct options *o, uint64_t *digest)
{
    struct talks *w = mem_get(sizeof *w);
    must(w);
    w->is_mixed = strcmp(o->scenario, "kinds") == 0;
    talks_open(w, o);
    talks_until(w, w->now_ns + 200 * NS_PER_MS);
    calm_run(w);
    if (w->n_bursts < 3 || w->n_whole == 0) {
        violated(w, "only %u bursts, %u times one was followed", w->n_bursts, w->n_whole);
    }
    crowd_run(w);
    settled_check(w);
    w->is_lossy = true;
    struct chance *c = &w->chance;
    w->faults = (struct faults){.loss_per_mille = chance_of(c, 700) ? chance_below(c, 300) : 0,
                                .duplicate_per_mille = chance_of(c, 500) ? chance_below(c, 200) : 0,
                                .stranger_per_mille = chance_of(c, 500) ? chance_below(c, 300) : 0,
                                .jitter_us = chance_of(c, 500) ? chance_below(c, 200000) : 0};
    crowd_run(w);
    settled_check(w);
    flip_run(w);
    settled_check(w);
    for (unsigned i = 0; i < 10; i++) {
        struct terminal *t = &w->terminals[chance_below(c, w->n_terminals)];
        if (t->joined) {
            message_say(w, t);
        }
        talks_until(w, w->now_ns + 5 * NS_PER_S);
    }
    if (w->n_messages) {
        violated(w, "%u messages did not come back", w->n_messages);
    }
    if (o->trace) {
        printf(
            "  %u bursts, heard whole %u times; %u swaps, %u drops; messages: %u acknowledged, %u refused, %u lost\n",
            w->n_bursts, w->n_whole, w->n_swaps, w->n_drops, w->n_outcomes[PTT_ACKED], w->n_outcomes[PTT_REFUSED],
            w->n_outcomes[PTT_LOST]);
    }
    talks_close(w);
    unsigned n = w->n_violations;
    *digest = w->digest;
    mem_put(w);
    return n;
}
