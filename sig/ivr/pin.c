/* PINs. See pin.h. */
#include "sig/ivr/pin.h"

#include "sig/call/call.h"
#include "sig/ivr/annc.h"
#include "sig/ivr/prompts.h"
#include "sig/room/lobby.h"
#include "sig/room/room.h"
#include "sig/room/roster.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SOURCE_MAX = 256 };

/* ---- sources that have failed too often ---- */

static unsigned slot_of(const struct env *env, const char *name)
{
    uint8_t mac[KEYS_MAC_BYTES]; /* keyed: nobody can aim at another's place */
    if (keys_mac(mac, env->secret, name, strlen(name)) != 0) {
        return 0;
    }
    return (mac[0] | (unsigned)mac[1] << 8) % PIN_SLOTS;
}

/* Where a call comes from: its host, or by a trusted peer, which carries many, its caller. */
static void source_of(const struct env *env, const struct addr *remote, const char *entity, char text[SOURCE_MAX])
{
    char host[ADDR_TEXT_MAX];
    struct addr net = *remote;
    if (trust_has(&env->cfg.trusted, remote)) {
        snprintf(text, SOURCE_MAX, "%s", entity ? entity : "");
        return;
    }
    if (net.sa.sa_family == AF_INET6) {
        memset(&net.v6.sin6_addr.s6_addr[8], 0, 8); /* a host with one address has the /64 around it */
    }
    snprintf(text, SOURCE_MAX, "%s", addr_host_text(&net, host));
}

static uint32_t failures_of(const struct env *env, unsigned i)
{
    return env_steady_s(env) - env->pin_failures->slots[i].last_s < PIN_WINDOW_S ? env->pin_failures->slots[i].n : 0;
}

static uint64_t source_wait_ms(const struct env *env, unsigned i)
{
    uint64_t now_ms = env->wheel->now_ms, next_ms = env->pin_failures->slots[i].next_ms;
    return failures_of(env, i) > 0 && next_ms > now_ms ? next_ms - now_ms : 0;
}

bool pin_is_barred(const struct env *env, const struct sip_msg *msg)
{
    char source[SOURCE_MAX];
    source_of(env, &msg->flow.remote, msg->from.uri.text, source);
    return source_wait_ms(env, slot_of(env, source)) >= PIN_TOTAL_S * 1000ull;
}

static void failure_note(struct env *env, unsigned i, bool is_source)
{
    uint32_t n = failures_of(env, i) + 1;
    uint64_t slow_ms =
        is_source && n >= PIN_FREE ? MIN(2000ull << MIN(n - PIN_FREE, 20u), PIN_SLOW_MAX_S * 1000ull) : 0;
    env->pin_failures->slots[i].next_ms = MAX(env->pin_failures->slots[i].next_ms, env->wheel->now_ms) + slow_ms;
    env->pin_failures->slots[i].n = n;
    env->pin_failures->slots[i].last_s = env_steady_s(env);
}

/* ---- one call ---- */

static const struct script pin_script;

/* The dialogue of one call: its script's state. */
struct pin {
    struct call *call;
    bool has_next;
    uint8_t mac[KEYS_MAC_BYTES], next_mac[KEYS_MAC_BYTES]; /* next: of the conference, after its caller's own */
    char of[AUTH_USER_MAX], next_of[AUTH_USER_MAX];        /* the user or conference that it is of */
    char digits[PIN_DIGITS_MAX + 1];
    unsigned n_digits, n_tries;
    bool is_right;   /* the thanks play, and the call comes in after them */
    bool is_judging; /* the verdict waits */
    bool verdict;
    uint64_t ends_ms; /* the dialogue, at the latest */
    enum prompt said; /* last */
    struct timer wait;
};

static struct pin *pin_of(const struct call *call)
{
    must(call->script == &pin_script);
    return call->script_state;
}

/* What is not heard does no harm: it is keyed in all the same. @return 0: it plays */
static int say(struct call *call, enum prompt prompt)
{
    pin_of(call)->said = prompt;
    return lobby_play(call->lobby, prompts_clip(call->env->cfg.prompts, prompt), 1);
}

static void let_in(struct call *call)
{
    if (call->room->annc.clip) {
        script_begin(call, &annc_script, NULL);
        if (call->state == CALL_UP) {
            script_up(call);
        }
    } else if (call_media_let_in(call) != 0) {
        call_end(call, ENDING_FAULT); /* the worker takes nothing */
    } else {
        script_stop(call);
        roster_changed(call->room, &call->member);
    }
}

static uint64_t left_ms(const struct call *call)
{
    uint64_t now_ms = call->env->wheel->now_ms, ends_ms = pin_of(call)->ends_ms;
    return ends_ms > now_ms ? ends_ms - now_ms : 0;
}

/* For the next key, within the time that the whole may take. */
static void wait_start(struct call *call)
{
    timer_start(call->env->wheel, &pin_of(call)->wait, MIN(PIN_WAIT_S * 1000ull, left_ms(call)));
}

static void verdict_give(struct call *call);

static void on_wait(struct timer *timer, uint64_t now_ns)
{
    struct pin *p = TIMER_OWNER(timer, struct pin, wait);
    struct call *call = p->call;
    if (p->is_judging && left_ms(call) > 0) {
        verdict_give(call);
    } else if (p->is_right) {
        let_in(call); /* the thank-you is long */
    } else {
        call_end(call, ENDING_PIN);
    }
}

static int begin(struct call *call, const char *of, const uint8_t mac[KEYS_MAC_BYTES])
{
    struct pin *p = calloc(1, sizeof *p);
    if (!p) {
        return -ENOMEM;
    }
    p->call = call;
    memcpy(p->mac, mac, sizeof p->mac);
    snprintf(p->of, sizeof p->of, "%s", of);
    timer_init(&p->wait, on_wait);
    p->ends_ms = call->env->wheel->now_ms + PIN_TOTAL_S * 1000ull;
    script_begin(call, &pin_script, p);
    call->member.is_waiting = true;
    wait_start(call);
    return 0;
}

int pin_begin(struct call *call, const struct store_policy *policy)
{
    char of[AUTH_USER_MAX];
    const struct identity *who = &call->member.who;
    bool is_of_room = policy && policy->has_pin;
    if (is_of_room) {
        store_policy_subject(of, policy->key);
    }
    if (!who->owes_pin) {
        return is_of_room ? begin(call, of, policy->pin) : 0;
    }
    int err = begin(call, who->user, who->pin);
    if (!err && is_of_room) {
        struct pin *p = pin_of(call);
        p->has_next = true;
        memcpy(p->next_mac, policy->pin, sizeof p->next_mac);
        strcpy(p->next_of, of);
    }
    return err;
}

/* The caller's own PIN was right: now the conference's. @return false: it has none */
static bool next(struct call *call)
{
    struct pin *p = pin_of(call);
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
    const struct pin *p = pin_of(call);
    if (p->n_digits == 0 && p->n_tries == 0 && !p->is_right) {
        say(call, PROMPT_PIN_ENTER);
    }
}

static void played(struct call *call)
{
    if (call->dropped) {
        return;
    }
    if (pin_of(call)->is_right) {
        let_in(call);
    } else if (pin_of(call)->said == PROMPT_PIN_WRONG) {
        say(call, PROMPT_PIN_ENTER);
    }
}

static void stop(struct call *call, void *state)
{
    struct pin *p = state;
    timer_stop(call->env->wheel, &p->wait);
    must(!call->env->cfg.strict || !timer_wheel_has(call->env->wheel, p, sizeof *p));
    call->member.is_waiting = false;
    keys_wipe(p, sizeof *p);
}

static bool is_right(const struct call *call)
{
    const struct pin *p = pin_of(call);
    uint8_t mac[KEYS_MAC_BYTES];
    int err = store_pin_mac(mac, call->env->secret, p->of, p->digits);
    bool is_same = keys_equal(mac, p->mac, sizeof mac);
    keys_wipe(mac, sizeof mac);
    return !err && is_same;
}

/* The verdict, now that its time has come. */
static void verdict_give(struct call *call)
{
    struct pin *p = pin_of(call);
    p->is_judging = false;
    if (!p->verdict && ++p->n_tries >= PIN_TRIES) {
        call_end(call, ENDING_PIN);
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
    struct env *env = call->env;
    char more[64] = "";
    uint32_t n_more;
    if (!complain_may(&env->complaints, COMPLAIN_PIN, env->wheel->now_ms, &n_more)) {
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
    struct pin *p = pin_of(call);
    struct env *env = call->env;
    char source[SOURCE_MAX];
    source_of(env, &call->dialog.flow.remote, call->member.entity, source);
    unsigned from = slot_of(env, source), about = slot_of(env, p->of);
    uint64_t wait_ms = MAX(source_wait_ms(env, from), failures_of(env, about) >= PIN_CROWD ? PIN_CROWD_MS : 0ull);
    p->verdict = is_right(call);
    keys_wipe(p->digits, sizeof p->digits);
    p->n_digits = 0;
    if (!p->verdict) {
        failure_note(env, from, true);
        failure_note(env, about, false);
        count_add(&env->stats.pins_wrong, 1);
        complain(call);
    }
    if (wait_ms == 0) {
        verdict_give(call);
        return;
    }
    p->is_judging = true;
    timer_start(env->wheel, &p->wait, MIN(wait_ms, left_ms(call)));
}

static void take_key(struct call *call, char key)
{
    struct pin *p = pin_of(call);
    if (p->is_right || p->is_judging || call->dropped) {
        return;
    }
    wait_start(call);
    lobby_silence(call->lobby); /* a caller that keys needs no more prompting; full ring: it plays on */
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

unsigned pin_tries(const struct call *call)
{
    return call->script == &pin_script ? pin_of(call)->n_tries : 0;
}
