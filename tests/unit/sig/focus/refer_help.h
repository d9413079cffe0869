/* What tests of REFER and of what it makes share. Static: a test program is one file. */
#ifndef TESTS_UNIT_SIG_FOCUS_REFER_HELP_H
#define TESTS_UNIT_SIG_FOCUS_REFER_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sig/call/dial.h"
#include "tests/unit/call_world.h"

#define BOB_CONTACT "Contact: <sip:bob@192.0.2.50:5060>\r\n"

static inline struct env_cfg cfg_of(const char *list)
{
    struct env_cfg cfg = {.n_hosts = 0};
    assert_int_equal(reach_read(&cfg.reach, list), 0);
    cfg.reach.own_ports[0] = 5060;
    cfg.reach.n_own_ports = 1;
    return cfg;
}

/* REFER with these header lines, in the phone's call or outside of any. @return status */
static inline int refer(struct phone *p, const char *extra)
{
    p->extra = extra;
    int status = phone_send(p, "REFER", 0, NULL);
    p->extra = NULL;
    return status;
}

static inline int refer_to(struct phone *p, const char *uri)
{
    static char extra[1024];
    snprintf(extra, sizeof extra, "Refer-To: <%s>\r\n", uri);
    return refer(p, extra);
}

/* The NOTIFY that was sent last says this; it is answered. */
static inline void notified(struct world *w, const char *fragment, const char *state)
{
    char text[TEXT_MAX], value[256];
    const char *notify = world_request(w, "NOTIFY ");
    snprintf(text, sizeof text, "%s", notify);
    assert_true(*text);
    assert_true(header(text, "Content-Type", value, sizeof value));
    assert_string_equal(value, "message/sipfrag;version=2.0");
    assert_true(header(text, "Subscription-State", value, sizeof value));
    assert_int_equal(strncmp(value, state, strlen(state)), 0);
    assert_non_null(strstr(text, "\r\n\r\n"));
    assert_string_equal(strstr(text, "\r\n\r\n") + 4, fragment);
    world_reply(w, notify, 200, "", "", NULL);
}

static inline const char *invite_of(struct world *w)
{
    const char *invite = world_request(w, "INVITE ");
    assert_true(*invite);
    return invite;
}

static inline void is_header(const char *text, const char *name, const char *wanted)
{
    char value[1024];
    assert_true(header(text, name, value, sizeof value));
    assert_string_equal(value, wanted);
}

/* What a world with one conference and its maker looks like. */
static inline struct world *world_with(struct env_cfg cfg, char user[URI_TOKEN_CHARS + 1], struct phone *a)
{
    struct world *w = world_open(cfg, 0, NULL);
    world_issue(w, 2, user);
    *a = phone_of(w, 2, user); /* who has asked the factory */
    a->branch = 100;
    a->cseq = 1;
    assert_int_equal(phone_invite(a, SDP_PCMU), 200);
    phone_ack(a, NULL);
    world_work(w);
    return w;
}

#endif
