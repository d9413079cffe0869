/*
 * What the linker puts before functions of the product (--wrap): a key that is reported is written into the books; a
 * fault of the product is printed with the last events; the host has no interfaces. And the faults that can be planted,
 * to see that the oracles find them: each is what its function would do if it were wrong.
 */
#include "tests/sim/house/house.h"

#include "core/media/dtmf.h"
#include "sig/call/call.h"
#include "sig/room/room.h"

#include <ifaddrs.h>
#include <string.h>

enum planted { PLANT_NONE, PLANT_TIMER, PLANT_DIGIT, PLANT_URI, PLANT_PIN, PLANT_LEAK, PLANT_HOLD };

const struct plant hooks_plants[] = {
    [PLANT_NONE] = {"none", ""},
    [PLANT_TIMER] = {"timer", "timer_wheel_has"},             /* a call is freed with its timer running */
    [PLANT_DIGIT] = {"digit", "is reported twice"},           /* each end of a telephone event is a digit */
    [PLANT_URI] = {"uri", "conference URI is issued twice"},  /* now and then the token before */
    [PLANT_PIN] = {"pin", "before its PIN|may not be heard"}, /* the first key lets in */
    [PLANT_LEAK] = {"leak", "at the end"},                    /* now and then what a leg had is not given back */
    [PLANT_HOLD] = {"hold", "may not be heard|instead of"},   /* music on hold is mixed */
    {NULL, NULL},
};

struct report *hooks_report;
static struct house *house;
static enum planted planted;

void hooks_begin(struct house *h, const char *plant)
{
    house = h;
    planted = PLANT_NONE;
    for (unsigned i = 0; plant && hooks_plants[i].name; i++) {
        planted = strcmp(hooks_plants[i].name, plant) == 0 ? (enum planted)i : planted;
    }
}

void hooks_found(const char *what)
{
    if (hooks_report) {
        snprintf(hooks_report->found, sizeof hooks_report->found, "%s", what);
    }
}

/* ---- faults of the product ---- */

_Noreturn void __real_must_fail(const char *what, const char *file, int line);
_Noreturn void __wrap_must_fail(const char *what, const char *file, int line);

_Noreturn void __wrap_must_fail(const char *what, const char *file, int line)
{
    char text[256];
    snprintf(text, sizeof text, "must(%s) failed at %s:%d", what, file, line);
    hooks_found(text);
    if (house) {
        house_last_words(house, text);
    }
    __real_must_fail(what, file, line);
}

/* ---- the host ---- */

int __wrap_getifaddrs(struct ifaddrs **all);

int __wrap_getifaddrs(struct ifaddrs **all)
{
    *all = NULL;
    return 0;
}

/* ---- keys ---- */

void __real_script_key(struct call *call, char key);
void __wrap_script_key(struct call *call, char key);

void __wrap_script_key(struct call *call, char key)
{
    books_key(house, call->dialog.call_id, call->dialog.remote_tag, key);
    if (planted == PLANT_PIN && call->in_lobby && call->leg && !call->room->annc.clip) {
        call_media_let_in(call);
    }
    __real_script_key(call, key);
}

enum drop __real_dtmf_take(struct dtmf *d, uint32_t ts, const uint8_t *payload, size_t bytes, struct dtmf_digit *digit);
enum drop __wrap_dtmf_take(struct dtmf *d, uint32_t ts, const uint8_t *payload, size_t bytes, struct dtmf_digit *digit);

enum drop __wrap_dtmf_take(struct dtmf *d, uint32_t ts, const uint8_t *payload, size_t bytes, struct dtmf_digit *digit)
{
    d->any_closed &= planted != PLANT_DIGIT;
    return __real_dtmf_take(d, ts, payload, bytes, digit);
}

/* ---- URIs ---- */

int __real_uri_token_write(char text[URI_TOKEN_CHARS + 1], const struct uri_token *token,
                           const uint8_t secret[KEYS_SECRET_BYTES]);
int __wrap_uri_token_write(char text[URI_TOKEN_CHARS + 1], const struct uri_token *token,
                           const uint8_t secret[KEYS_SECRET_BYTES]);

int __wrap_uri_token_write(char text[URI_TOKEN_CHARS + 1], const struct uri_token *token,
                           const uint8_t secret[KEYS_SECRET_BYTES])
{
    static char before[URI_TOKEN_CHARS + 1];
    if (planted == PLANT_URI && before[0] && token->random[0] % 4 == 0) {
        memcpy(text, before, sizeof before);
        return 0;
    }
    int err = __real_uri_token_write(text, token, secret);
    memcpy(before, text, sizeof before);
    return err;
}

/* ---- legs: their ports, their settings ---- */

void __real_place_leg_give(struct place *place, struct place_leg *leg);
void __wrap_place_leg_give(struct place *place, struct place_leg *leg);

void __wrap_place_leg_give(struct place *place, struct place_leg *leg)
{
    if (planted == PLANT_LEAK && leg->active && leg->port % 8 == 0) {
        leg->active = false;
        return;
    }
    __real_place_leg_give(place, leg);
}

int __real_ctl_put(struct ctl *ctl, const struct ctl_req *req);
int __wrap_ctl_put(struct ctl *ctl, const struct ctl_req *req);

int __wrap_ctl_put(struct ctl *ctl, const struct ctl_req *req)
{
    struct ctl_req other = *req;
    other.set.muted &= planted != PLANT_HOLD;
    return __real_ctl_put(ctl, &other);
}

/* ---- timers ---- */

void __real_refresh_stop(struct call *call);
void __wrap_refresh_stop(struct call *call);

void __wrap_refresh_stop(struct call *call)
{
    if (planted != PLANT_TIMER) {
        __real_refresh_stop(call);
    }
}
