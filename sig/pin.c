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

/* ---- who has failed too often ---- */

static unsigned slot_of(const struct focus *f, const char *name)
{
    uint8_t mac[KEYS_MAC_BYTES]; /* keyed: nobody can aim at another's place */
    if (keys_mac(mac, f->secret, name, strlen(name)) != 0) {
        return 0;
    }
    return (mac[0] | (unsigned)mac[1] << 8) % PIN_SLOTS;
}

bool pin_is_barred(const struct focus *f, const char *name)
{
    unsigned i = slot_of(f, name);
    uint64_t now_s = focus_steady_s(f);
    return now_s - f->pin_failures.slots[i].since_s < PIN_WINDOW_S && f->pin_failures.slots[i].n >= PIN_FAILURES;
}

static void failure_note(struct focus *f, const char *name)
{
    unsigned i = slot_of(f, name);
    uint64_t now_s = focus_steady_s(f);
    if (now_s - f->pin_failures.slots[i].since_s >= PIN_WINDOW_S) {
        f->pin_failures.slots[i].n = 0;
        f->pin_failures.slots[i].since_s = now_s;
    }
    f->pin_failures.slots[i].n++;
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

static void on_wait(struct timer *timer, uint64_t now_ns)
{
    struct call *call = TIMER_OWNER(timer, struct call, pin.wait);
    if (call->pin.is_right) {
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
    timer_start(call->focus->wheel, &p->wait, PIN_WAIT_S * 1000);
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

/* Whoever has keyed in something already need not be asked. */
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

static void judge(struct call *call)
{
    struct pin *p = &call->pin;
    struct focus *f = call->focus;
    bool barred = pin_is_barred(f, p->of) || pin_is_barred(f, call->room->token);
    bool right = is_right(call); /* in any case: the time tells nothing */
    keys_wipe(p->digits, sizeof p->digits);
    p->n_digits = 0;
    if (right && !barred && next(call)) {
        return;
    }
    if (right && !barred) {
        p->is_right = true;
        if (say(call, PROMPT_PIN_RIGHT) != 0) {
            let_in(call);
        }
        return;
    }
    failure_note(f, p->of);
    failure_note(f, call->room->token);
    count_add(&f->stats.pins_wrong, 1);
    if (++p->n_tries >= PIN_TRIES || barred) {
        call_end(call, FOCUS_END_PIN);
    } else {
        say(call, PROMPT_PIN_WRONG);
    }
}

static void take_key(struct call *call, char key)
{
    struct pin *p = &call->pin;
    if (p->is_right || call->dropped) {
        return;
    }
    timer_start(call->focus->wheel, &p->wait, PIN_WAIT_S * 1000);
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
    char key = (char)(p < end ? toupper((unsigned char)*p) : 0);
    bool ends = p + 1 >= end || p[1] == '\r' || p[1] == '\n' || p[1] == ' ';
    return key && ends && strchr("0123456789*#ABCD", key) ? key : 0;
}
