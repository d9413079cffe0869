/* PINs. See pin.h. */
#include "sig/pin.h"

#include "sig/call.h"
#include "sig/lobby.h"
#include "sig/room.h"
#include "sig/roster.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { SOURCE_MAX = 256 };

/* ---- who has failed too often ---- */

static unsigned slot_of(const struct focus *f, const char *name)
{
    uint8_t mac[KEYS_MAC_BYTES]; /* keyed: nobody can aim at another's place */
    if (keys_mac(mac, f->secret, name, strlen(name)) != 0) {
        return 0;
    }
    return (mac[0] | (unsigned)mac[1] << 8) % PIN_SLOTS;
}

/* Where a call comes from: its host, or by a trusted peer, who speaks for many, its caller. */
static void source_of(const struct focus *f, const struct addr *remote, const char *entity, char text[SOURCE_MAX])
{
    char host[ADDR_TEXT_MAX];
    struct addr net = *remote;
    if (trust_has(&f->cfg.trusted, remote)) {
        snprintf(text, SOURCE_MAX, "%s", entity ? entity : "");
        return;
    }
    if (net.sa.sa_family == AF_INET6) {
        memset(&net.v6.sin6_addr.s6_addr[8], 0, 8); /* who has one address has the /64 around it */
    }
    snprintf(text, SOURCE_MAX, "%s", addr_host_text(&net, host));
}

static uint32_t failures_of(const struct focus *f, unsigned i)
{
    return focus_steady_s(f) - f->pin_failures.slots[i].last_s < PIN_WINDOW_S ? f->pin_failures.slots[i].n : 0;
}

static uint64_t source_wait_ms(const struct focus *f, unsigned i)
{
    uint64_t now_ms = f->wheel->now_ms, next_ms = f->pin_failures.slots[i].next_ms;
    return failures_of(f, i) > 0 && next_ms > now_ms ? next_ms - now_ms : 0;
}

bool pin_is_barred(const struct focus *f, const struct sip_msg *msg)
{
    char source[SOURCE_MAX];
    source_of(f, &msg->flow.remote, msg->from.uri.text, source);
    return source_wait_ms(f, slot_of(f, source)) >= PIN_TOTAL_S * 1000ull;
}

static void failure_note(struct focus *f, unsigned i, bool is_source)
{
    uint32_t n = failures_of(f, i) + 1;
    uint64_t slow_ms =
        is_source && n >= PIN_FREE ? MIN(2000ull << MIN(n - PIN_FREE, 20u), PIN_SLOW_MAX_S * 1000ull) : 0;
    f->pin_failures.slots[i].next_ms = MAX(f->pin_failures.slots[i].next_ms, f->wheel->now_ms) + slow_ms;
    f->pin_failures.slots[i].n = n;
    f->pin_failures.slots[i].last_s = focus_steady_s(f);
}

/* ---- one call ---- */

static const struct script pin_script;

/* What is not heard does no harm: it is keyed in all the same. @return 0: it plays */
static int say(struct call *call, enum prompt prompt)
{
    call->pin.said = prompt;
    return lobby_play(call->lobby, prompts_clip(call->focus->cfg.prompts, prompt), 1);
}

static void let_in(struct call *call)
{
    if (call->room->annc.clip) {
        script_begin(call, &annc_script);
        if (call->state == CALL_UP) {
            script_up(call);
        }
    } else if (call_media_let_in(call) != 0) {
        call_end(call, FOCUS_END_FAULT); /* the worker takes nothing */
    } else {
        script_stop(call);
        roster_changed(call);
    }
}

static uint64_t left_ms(const struct call *call)
{
    uint64_t now_ms = call->focus->wheel->now_ms;
    return call->pin.ends_ms > now_ms ? call->pin.ends_ms - now_ms : 0;
}

/* For the next key, within the time that the whole may take. */
static void wait_start(struct call *call)
{
    timer_start(call->focus->wheel, &call->pin.wait, MIN(PIN_WAIT_S * 1000ull, left_ms(call)));
}

static void tell(struct call *call);

static void on_wait(struct timer *timer, uint64_t now_ns)
{
    struct call *call = TIMER_OWNER(timer, struct call, pin.wait);
    if (call->pin.is_judging && left_ms(call) > 0) {
        tell(call);
    } else if (call->pin.is_right) {
        let_in(call); /* long thanks */
    } else {
        call_end(call, FOCUS_END_PIN);
    }
}

static void begin(struct call *call, const char *of, const uint8_t mac[KEYS_MAC_BYTES])
{
    struct pin *p = &call->pin;
    p->is_due = true;
    memcpy(p->mac, mac, sizeof p->mac);
    snprintf(p->of, sizeof p->of, "%s", of);
    script_begin(call, &pin_script);
    timer_init(&p->wait, on_wait);
    p->ends_ms = call->focus->wheel->now_ms + PIN_TOTAL_S * 1000ull;
    wait_start(call);
}

void pin_begin(struct call *call, const uint8_t mac[KEYS_MAC_BYTES])
{
    begin(call, call->who.user, mac);
}

void pin_begin_room(struct call *call, const struct store_policy *wish)
{
    struct pin *p = &call->pin;
    char of[AUTH_USER_MAX];
    store_policy_subject(of, wish->key);
    if (!p->is_due) {
        begin(call, of, wish->pin);
        return;
    }
    p->has_next = true;
    memcpy(p->next_mac, wish->pin, sizeof p->next_mac);
    strcpy(p->next_of, of);
}

/* His own was right: now the conference's. @return false: it has none */
static bool next(struct call *call)
{
    struct pin *p = &call->pin;
    if (!p->has_next) {
        return false;
    }
    p->has_next = false;
    p->n_tries = 0;
    memcpy(p->mac, p->next_mac, sizeof p->mac);
    strcpy(p->of, p->next_of);
    say(call, PROMPT_PIN_ENTER);
    return true;
}

/* A caller that has pressed a key already need not be asked. */
static void ask(struct call *call)
{
    const struct pin *p = &call->pin;
    if (p->n_digits == 0 && p->n_tries == 0 && !p->is_right) {
        say(call, PROMPT_PIN_ENTER);
    }
}

static void played(struct call *call)
{
    if (call->dropped) {
        return;
    }
    if (call->pin.is_right) {
        let_in(call);
    } else if (call->pin.said == PROMPT_PIN_WRONG) {
        say(call, PROMPT_PIN_ENTER);
    }
}

static void stop(struct call *call)
{
    struct pin *p = &call->pin;
    timer_stop(call->focus->wheel, &p->wait);
    p->is_due = false;
    keys_wipe(p->digits, sizeof p->digits);
    keys_wipe(p->mac, sizeof p->mac);
    keys_wipe(p->next_mac, sizeof p->next_mac);
}

static bool is_right(const struct call *call)
{
    uint8_t mac[KEYS_MAC_BYTES];
    int err = store_pin_mac(mac, call->focus->secret, call->pin.of, call->pin.digits);
    bool is_same = keys_equal(mac, call->pin.mac, sizeof mac);
    keys_wipe(mac, sizeof mac);
    return !err && is_same;
}

/* The verdict, now that its time has come. The call may be gone after it. */
static void tell(struct call *call)
{
    struct pin *p = &call->pin;
    p->is_judging = false;
    if (!p->verdict && ++p->n_tries >= PIN_TRIES) {
        call_end(call, FOCUS_END_PIN);
    } else if (!p->verdict) {
        say(call, PROMPT_PIN_WRONG);
        wait_start(call);
    } else if (!next(call)) {
        p->is_right = true;
        wait_start(call);
        if (say(call, PROMPT_PIN_RIGHT) != 0) {
            let_in(call);
        }
    }
}

static void complain(struct call *call)
{
    struct focus *f = call->focus;
    char more[64] = "";
    uint32_t n_more;
    if (!complain_may(&f->complaints, COMPLAIN_PIN, f->wheel->now_ms, &n_more)) {
        return;
    }
    if (n_more > 0) {
        snprintf(more, sizeof more, ", %u more like it were not said", n_more);
    }
    call_log(call, "keys a wrong PIN", more);
}

/* Counts it, and tells when the source may know: right ones wait as wrong ones do, the time tells nothing. */
static void judge(struct call *call)
{
    struct pin *p = &call->pin;
    struct focus *f = call->focus;
    char source[SOURCE_MAX];
    source_of(f, &call->dialog.flow.remote, call->entity, source);
    unsigned from = slot_of(f, source), about = slot_of(f, p->of);
    uint64_t wait_ms = MAX(source_wait_ms(f, from), failures_of(f, about) >= PIN_CROWD ? PIN_CROWD_MS : 0ull);
    p->verdict = is_right(call);
    keys_wipe(p->digits, sizeof p->digits);
    p->n_digits = 0;
    if (!p->verdict) {
        failure_note(f, from, true);
        failure_note(f, about, false);
        count_add(&f->stats.pins_wrong, 1);
        complain(call);
    }
    if (wait_ms == 0) {
        tell(call);
        return;
    }
    p->is_judging = true;
    timer_start(f->wheel, &p->wait, MIN(wait_ms, left_ms(call)));
}

static void take_key(struct call *call, char key)
{
    struct pin *p = &call->pin;
    if (p->is_right || p->is_judging || call->dropped) {
        return;
    }
    wait_start(call);
    lobby_hush(call->lobby); /* who begins needs no more telling; full ring: it plays on */
    if (key == '*') {
        p->n_digits = 0;
    } else if (key == '#') {
        judge(call);
    } else if (isdigit((unsigned char)key)) {
        p->digits[p->n_digits++] = key;
        p->digits[p->n_digits] = '\0';
        if (p->n_digits == PIN_DIGITS_MAX) {
            judge(call);
        }
    }
}

static const struct script pin_script = {.up = ask, .key = take_key, .played = played, .stop = stop};

/* "Signal=5\r\nDuration=160", or in application/dtmf nothing but "5". */
/* The key itself, or from ten on the number that RFC 4733 3.2 gives it. @return 0: none */
static char key_of(const char *word, size_t n)
{
    static const char keys[] = "0123456789*#ABCD";
    if (n == 1) {
        char key = (char)toupper((unsigned char)*word);
        return key && strchr(keys, key) ? key : 0;
    }
    uint64_t number;
    return n == 2 && scan_number(word, n, sizeof keys - 2, &number) && number >= 10 ? keys[number] : 0;
}

char pin_info_key(const struct sip_msg *msg)
{
    bool is_relay = strcmp(msg->content_type, "application/dtmf-relay") == 0;
    const char *p = msg->body, *end = p + msg->body_bytes;
    if ((!is_relay && strcmp(msg->content_type, "application/dtmf") != 0) || msg->body_bytes == 0) {
        return 0;
    }
    if (is_relay) {
        static const char name[] = "signal";
        for (; p < end && (size_t)(end - p) > sizeof name && strncasecmp(p, name, sizeof name - 1) != 0; p++) {
            p = memchr(p, '\n', (size_t)(end - p));
            if (!p) {
                return 0;
            }
        }
        if ((size_t)(end - p) <= sizeof name - 1) {
            return 0;
        }
        p += sizeof name - 1;
    }
    while (p < end && (*p == ' ' || *p == '=' || *p == '\t')) {
        p++;
    }
    const char *word = p;
    while (p < end && *p != '\r' && *p != '\n' && *p != ' ' && *p != '\t') {
        p++;
    }
    return key_of(word, (size_t)(p - word));
}
