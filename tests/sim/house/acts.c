/* What phones do of their own, the operator and time: drawn from the seed, while there is no calm. */
#include "tests/sim/house/house.h"

#include <string.h>

void acts_think(struct phone *p)
{
    struct house *h = p->house;
    p->act_ns = h->now_ns + 20 * NS_PER_MS + house_draw_ns(h, h->plan.think_ms);
}

static enum act act_pick(struct house *h, enum act from, enum act end)
{
    uint32_t sum = 0;
    for (enum act a = from; a < end; a++) {
        sum += h->plan.weights[a];
    }
    uint32_t at = chance_below(&h->chance, sum);
    for (enum act a = from; a + 1 < end; a++) {
        if (at < h->plan.weights[a]) {
            return a;
        }
        at -= h->plan.weights[a];
    }
    return end - 1;
}

/* ---- out of any conference ---- */

static void create(struct phone *p)
{
    bool is_derived = chance_of(&p->house->chance, 200); /* TS 23.003 13.10: it answers itself */
    struct session *s = session_begin(p);
    if (s) {
        session_call(s, FOR_FACTORY, is_derived ? "sip:mmtel@conf-factory.example" : "sip:conferences@" SERVER, "");
    }
}

/* One whose URI a phone has; rather a late one. */
static int room_pick(struct house *h)
{
    for (unsigned i = 0; i < 8 && h->n_meetings; i++) {
        unsigned back = MIN(chance_below(&h->chance, 4), chance_below(&h->chance, h->n_meetings));
        unsigned at = h->n_meetings - 1 - MIN(back, h->n_meetings - 1);
        if (h->meetings[at].is_told) {
            return (int)at;
        }
    }
    return -1;
}

static void join(struct phone *p)
{
    struct house *h = p->house;
    char uri[URI_MAX], extra[3 * URI_MAX] = "";
    struct session last = *p->now;
    int room = room_pick(h);
    if (last.is_lost && last.i_room >= 0 && last.peer_tag[0] && chance_of(&h->chance, 500)) {
        room = last.i_room; /* it comes back after a crash, in the place of the call that it had */
        snprintf(extra, sizeof extra, "Replaces: %s;to-tag=%s;from-tag=%s\r\n", last.call_id, last.peer_tag,
                 last.own_tag);
    }
    struct session *s = room < 0 ? NULL : session_begin(p);
    if (s) {
        s->i_room = room;
        snprintf(uri, sizeof uri, "sip:%s@" SERVER, h->meetings[room].token);
        session_call(s, FOR_ROOM, uri, extra);
    }
}

static void announcement(struct phone *p)
{
    struct session *s = session_begin(p);
    char uri[URI_MAX];
    if (s) {
        snprintf(uri, sizeof uri, "sip:annc@" SERVER ";play=file:///hello.wav;repeat=%u",
                 1 + chance_below(&p->house->chance, 3));
        session_call(s, FOR_ANNC, uri, "");
    }
}

static void act_outside(struct phone *p)
{
    switch (act_pick(p->house, ACT_CREATE, ACTS)) {
    case ACT_CREATE:
        create(p);
        break;
    case ACT_JOIN:
        join(p);
        break;
    case ACT_ANNC:
        if (p->house->plan.env.netann) {
            announcement(p);
        }
        break;
    default:
        break; /* it waits */
    }
}

/* ---- in one ---- */

static void talk(struct session *s)
{
    s->talking = !s->talking;
    s->talk_ns = s->phone->house->now_ns;
    session_changed(s);
}

static enum direction dir_draw(struct session *s)
{
    struct chance *c = &s->phone->house->chance;
    return s->dir != BOTH && chance_of(c, 700) ? BOTH : (enum direction)chance_below(c, 4);
}

/* Another payload type, another codec, or RTCP elsewhere. */
static struct format format_draw(const struct session *s)
{
    struct chance *c = &s->phone->house->chance;
    struct format format = s->format;
    bool may_pcmu = s->phone->bit >= 3 && s->phone->bit <= 6;
    if (may_pcmu && chance_of(c, 500)) {
        format.codec = format.codec == CODEC_PCMU ? CODEC_L16 : CODEC_PCMU;
        format.pt = format.codec == CODEC_PCMU ? 0 : 97;
    } else if (chance_of(c, 400)) {
        format.mux = !format.mux;
    } else {
        format.pt = format.codec == CODEC_PCMU ? 0 : format.pt == 97 ? 98 : 97;
    }
    return format;
}

static void keys(struct session *s)
{
    static const char some[] = "0123456789*#";
    char text[6];
    unsigned n = 1 + chance_below(&s->phone->house->chance, 4);
    for (unsigned i = 0; i < n; i++) {
        text[i] = some[chance_below(&s->phone->house->chance, 12)];
        text[i] = i && text[i] == text[i - 1] ? 'A' : text[i];
    }
    text[n] = '\0';
    voice_type(s, text);
}

static void refer(struct session *s, bool removes)
{
    struct phone *p = s->phone;
    struct house *h = p->house;
    char extra[URI_MAX + 96];
    const struct phone *other = &h->phones[chance_below(&h->chance, h->plan.n_phones)];
    bool is_silent = chance_of(&h->chance, 200);
    snprintf(extra, sizeof extra, "Refer-To: <sip:p%u@%s%s>\r\n%s", other->index, other->host,
             removes ? ";method=BYE" : "", is_silent ? "Refer-Sub: false\r\n" : "");
    ua_ask(s, ASK_OTHER, "REFER", extra, "", "");
}

static void watch(struct session *s)
{
    char extra[96];
    snprintf(extra, sizeof extra, "Event: conference\r\nExpires: %u\r\n",
             chance_of(&s->phone->house->chance, 700) ? 600 : 0);
    ua_ask(s, ASK_OTHER, "SUBSCRIBE", extra, "", "");
}

/* To a port that another has got from the server. */
static void stray(struct session *s)
{
    struct house *h = s->phone->house;
    const struct phone *other = &h->phones[chance_below(&h->chance, h->plan.n_phones)];
    if (other != s->phone && addr_is_set(&other->now->server)) {
        s->stray = other->now->server;
        s->n_stray = 1 + chance_below(&h->chance, 60);
    }
}

static void act_inside(struct session *s)
{
    struct phone *p = s->phone;
    struct format other = format_draw(s);
    switch (act_pick(p->house, 0, ACT_CREATE)) {
    case ACT_TALK:
        talk(s);
        break;
    case ACT_HOLD:
        session_offer(s, ASK_REINVITE, dir_draw(s), chance_of(&p->house->chance, 700) ? &s->format : &other);
        break;
    case ACT_UPDATE:
        session_offer(s, ASK_UPDATE, dir_draw(s), NULL);
        break;
    case ACT_SWAP:
        session_offer(s, ASK_REINVITE, s->dir, &other);
        break;
    case ACT_BARE:
        session_offer(s, ASK_REINVITE, s->dir, NULL);
        break;
    case ACT_KEYS:
        keys(s);
        break;
    case ACT_REFER:
        refer(s, false);
        break;
    case ACT_REMOVE:
        refer(s, true);
        break;
    case ACT_WATCH:
        watch(s);
        break;
    case ACT_OPTIONS:
        ua_ask(s, ASK_OTHER, "OPTIONS", "", "", "");
        break;
    case ACT_STRAY:
        stray(s);
        break;
    case ACT_BYE:
        session_bye(s);
        break;
    case ACT_CRASH:
        phone_crash(p);
        break;
    default:
        break;
    }
}

/* In a lobby, or with an announcement, there is little to do but to give up. */
static void act_waiting(struct session *s)
{
    if (chance_of(&s->phone->house->chance, 30)) {
        session_bye(s);
    }
}

void acts_run(struct phone *p)
{
    struct house *h = p->house;
    struct session *s = p->now;
    if (p->is_down && p->up_ns <= h->now_ns) {
        house_say(h, "p%u is back", p->index);
        p->is_down = false;
        for (unsigned i = 0; i < SESSIONS_MAX; i++) { /* what went on ends with the restart */
            struct session *k = &p->sessions[i];
            k->stop_ns = k->sends && k->is_lost ? h->now_ns : k->stop_ns;
        }
        acts_think(p);
    }
    if (p->is_down) {
        return;
    }
    called_run(p);
    if (p->check_ns && p->check_ns <= h->now_ns) {
        p->check_ns = s->at == AT_UP && s->is_asking ? h->now_ns + NS_PER_S : 0;
        session_offer(s, ASK_UPDATE, s->dir, NULL); /* a target refresh: from now on it is reached by this connection */
    }
    if (h->is_calm || p->act_ns > h->now_ns) {
        return;
    }
    acts_think(p);
    bool is_inside = s->gate == GATE_OPEN || s->gate == GATE_PASSED;
    if (s->at == AT_UP && s->purpose != FOR_ANNC && is_inside) {
        act_inside(s);
    } else if (s->at == AT_UP) {
        act_waiting(s);
    } else if (phone_is_free(p)) {
        act_outside(p);
    }
}

/* ---- the operator, and time ---- */

static void lock(struct house *h)
{
    if (!h->n_meetings) {
        return;
    }
    struct meeting *m = &h->meetings[chance_below(&h->chance, h->n_meetings)];
    m->is_locked = !m->is_locked;
    house_say(h, "conference %d is %s", (int)(m - h->meetings), m->is_locked ? "locked" : "unlocked");
    control_policy(h, m);
}

void acts_world(struct house *h)
{
    struct chance *c = &h->chance;
    if (h->is_calm) {
        return;
    }
    if (chance_of(c, h->plan.operator_acts)) {
        lock(h);
    }
    if (chance_of(c, h->plan.clock_jumps)) {
        static const int64_t jumps_s[] = {3600, -3600, 86400, -86400, 2, -2, 40000000, -40000000};
        h->wall_s += (uint64_t)jumps_s[chance_below(c, ARRAY_LEN(jumps_s))];
        house_say(h, "the wall clock jumps");
    }
}
