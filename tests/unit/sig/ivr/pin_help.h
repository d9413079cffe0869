/* Phone 7, who owes a PIN: for the programs that test PINs, on call_world.h. */
#ifndef TESTS_UNIT_SIG_IVR_PIN_HELP_H
#define TESTS_UNIT_SIG_IVR_PIN_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/call_world.h"

#define REALM "ims.example"

/* prompts NULL: nothing is played, and who is right comes in at once. */
static inline struct world *open_on(struct place_cfg place, enum pin_policy pin, const struct prompts *prompts)
{
    struct env_cfg cfg = {.pin = pin, .realm = REALM, .prompts = prompts, .legs_max = 100};
    struct world *w = world_open_on(place, cfg, "memory");
    struct store_req req = {.op = STORE_ACCOUNT_PUT};
    strcpy(req.account.user, "p7"); /* as phone 7 says in From */
    req.account.is_entitled = req.account.has_pin = true;
    assert_int_equal(auth_secret_make(&req.account.secret, "p7", REALM, "sesame"), 0);
    assert_int_equal(store_pin_mac(req.account.pin, w->env->secret, "p7", "4711"), 0);
    assert_int_equal(store_put(w->store, &req), 0);
    return w;
}

static inline struct world *open_with(enum pin_policy pin)
{
    return open_on((struct place_cfg){.n_workers = 1}, pin, NULL);
}

static inline int await(struct world *w, unsigned before)
{
    for (unsigned i = 0; i < 2000 && w->n_sent == before; i++) {
        usleep(1000);
        focus_beat(w->focus);
    }
    return w->n_sent == before ? 0 : status_of(last(w));
}

static const char *from_host __attribute__((unused)); /* of phone 7; NULL: as any */

/* Phone 7, by From alone, into the conference with that user part, or whatever it is. @return status */
static inline int come_to(struct world *w, struct phone *p, const char *user, const char *params)
{
    static unsigned branch = 1u << 20;
    char to[256];
    *p = phone_of(w, 7, user);
    p->host = from_host;
    strcat(p->target, params);
    p->branch = branch += 100;
    p->cseq = branch;
    unsigned before = w->n_sent;
    phone_send(p, "INVITE", 0, SDP_PCMU);
    int status = await(w, before);
    if (status == 200) {
        assert_true(header(last(w), "To", to, sizeof to));
        snprintf(p->to_tag, sizeof p->to_tag, "%s", strstr(to, ";tag=") + 5);
        phone_ack(p, NULL);
    }
    return status;
}

/* The same into a conference that it has made. */
static inline int come_in(struct world *w, struct phone *p)
{
    static unsigned branch;
    char contact[512], user[URI_TOKEN_CHARS + 1];
    *p = phone_of(w, 7, "conferences");
    p->host = from_host;
    p->branch = branch += 100;
    p->cseq = branch;
    unsigned before = w->n_sent;
    phone_send(p, "INVITE", 0, SDP_PCMU);
    int status = await(w, before);
    if (status != 302) {
        return status;
    }
    assert_true(header(last(w), "Contact", contact, sizeof contact));
    snprintf(user, sizeof user, "%.*s", URI_TOKEN_CHARS, contact + 5);
    return come_to(w, p, user, "");
}

static inline void event(struct world *w, struct ctl_ev ev)
{
    assert_true(ring_put(&w->ctl.events, &ev));
    focus_beat(w->focus);
}

static inline void type(struct world *w, const char *keys)
{
    for (; *keys; keys++) {
        struct ctl_ev ev = {.event = EV_DTMF, .value = (uint32_t)*keys};
        ev.id = event_id(EVENT_CALL, w->env->calls);
        assert_true(ring_put(&w->ctl.events, &ev));
    }
    focus_beat(w->focus);
}

#endif
