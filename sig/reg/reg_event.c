/* The registration event package. See reg_event.h. */
#include "sig/reg/reg_event.h"

#include "sig/base/hash.h"
#include "sig/base/xml.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { BUCKETS = 16384, SWEEP_MS = 1000 };

#define REGINFO_TYPE "application/reginfo+xml"

/* A user with subscriptions to its registrations. */
struct watched {
    struct reg_events *events;
    struct watched *next;
    struct sub *subs;
    unsigned n_subs;
    const struct binding *ending; /* while its end is told */
    char user[];
};

struct reg_events {
    struct env *env;
    const struct bindings *bindings;
    struct timer sweep; /* frees users without subscriptions */
    struct watched *buckets[BUCKETS];
};

/* A subscription's arg. */
struct watcher {
    struct watched *of;
    uint32_t version;
};

/* ---- documents ---- */

static void contact_put(struct xml *x, const struct binding *b, bool is_over, uint64_t now_s)
{
    xml_putf(x, "<contact id=\"c%08x\" state=\"%s\" event=\"%s\" expires=\"%llu\" q=\"%u.%03u\" callid=\"",
             hash_text(0, b->key), is_over ? "terminated" : "active",
             is_over           ? "expired"
             : b->is_refreshed ? "refreshed"
                               : "registered",
             (unsigned long long)(b->expires_s > now_s ? b->expires_s - now_s : 0), b->q_thousandths / 1000,
             b->q_thousandths % 1000);
    xml_text(x, b->call_id);
    xml_putf(x, "\" cseq=\"%u\">", b->cseq);
    xml_element(x, "uri", b->contact);
    xml_put(x, "</contact>");
}

/* Eight contacts at most. Those of usual length fit; one that does not is left out. */
static void body(struct sub *sub, struct sip_out *out, bool is_first)
{
    static const char tail[] = "</registration></reginfo>\n";
    static char text[REG_EVENT_BODY_MAX];
    struct xml x = {.text = text, .size = sizeof text - sizeof tail};
    struct watcher *w = sub->arg;
    const struct watched *of = w->of;
    const struct reg_events *events = of->events;
    struct env *env = events->env;
    uint64_t now_s = env->world.wall_s(env->world.ctx);
    char uri[ENV_USER_URI_MAX];
    const struct binding *first = bindings_next(events->bindings, of->user, NULL);
    unsigned n_active = 0;
    for (const struct binding *b = first; b; b = bindings_next(events->bindings, of->user, b)) {
        n_active += b != of->ending;
    }
    xml_putf(&x,
             "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<reginfo xmlns=\"urn:ietf:params:xml:ns:reginfo\" "
             "version=\"%u\" state=\"full\"><registration aor=\"",
             w->version++);
    xml_text(&x, env_user_uri(env, of->user, uri));
    xml_putf(&x, "\" id=\"r%08x\" state=\"%s\">", hash_text(0, of->user),
             n_active     ? "active"
             : of->ending ? "terminated"
                          : "init");
    for (const struct binding *b = first; b; b = bindings_next(events->bindings, of->user, b)) {
        size_t mark = xml_mark(&x);
        contact_put(&x, b, b == of->ending, now_s);
        if (x.full) {
            xml_back(&x, mark);
        }
    }
    x.size = sizeof text;
    xml_put(&x, tail);
    sip_body(out, REGINFO_TYPE, text, x.n);
}

/* ---- the table of watched users ---- */

static struct watched **watched_find(struct reg_events *events, const char *user)
{
    struct watched **link = &events->buckets[hash_text(hash_seed(events->env->secret), user) % BUCKETS];
    while (*link && strcmp((*link)->user, user) != 0) {
        link = &(*link)->next;
    }
    return link;
}

/* @return NULL: no memory */
static struct watched *watched_get(struct reg_events *events, const char *user)
{
    struct watched **link = watched_find(events, user);
    size_t n = strlen(user) + 1;
    if (!*link && (*link = calloc(1, sizeof **link + n)) != NULL) {
        (*link)->events = events;
        memcpy((*link)->user, user, n);
    }
    return *link;
}

static void on_sweep(struct timer *timer, uint64_t now_ns)
{
    struct reg_events *events = TIMER_OWNER(timer, struct reg_events, sweep);
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct watched **link = &events->buckets[i]; *link;) {
            struct watched *of = *link;
            if (of->subs) {
                link = &of->next;
            } else {
                *link = of->next;
                free(of);
            }
        }
    }
}

/* Later: a subscription that goes is on its list until it is gone. */
static void sweep_start(struct reg_events *events)
{
    if (!timer_is_running(&events->sweep)) {
        timer_start(events->env->wheel, &events->sweep, SWEEP_MS);
    }
}

static void gone(struct sub *sub)
{
    struct watcher *w = sub->arg;
    w->of->n_subs--;
    sweep_start(w->of->events);
    free(w);
}

static const struct sub_package package = {.event = "reg",
                                           .interval_ms = REG_EVENT_INTERVAL_MS,
                                           .expires_s = 3600,
                                           .expires_min_s = 60,
                                           .expires_max_s = 600000, /* RFC 3680 4.3: as long as a registration may */
                                           .body = body,
                                           .gone = gone};

void reg_events_changed(struct reg_events *events, const char *user, const struct binding *but)
{
    struct watched *of = *watched_find(events, user);
    if (!of) {
        return;
    }
    of->ending = but;
    for (struct sub *sub = of->subs, *next; sub; sub = next) {
        next = sub->next;
        if (!sub->ended) {
            sub_notify(sub);
        }
    }
    of->ending = NULL;
}

/* ---- SUBSCRIBE ---- */

bool reg_events_wants(const struct sip_msg *msg)
{
    const char *event = msg->method == SIP_SUBSCRIBE ? sip_header(msg, "Event", 0) : NULL;
    return event && strcspn(event, "; \t") == 3 && strncasecmp(event, "reg", 3) == 0;
}

static enum refusal judge(const struct reg_events *events, const struct sip_msg *msg, const struct identity *who,
                          const char *user)
{
    const struct env *env = events->env;
    bool has_accept = sip_header(msg, "Accept", 0) != NULL;
    bool takes = !has_accept || sip_has(msg, "Accept", REGINFO_TYPE) || sip_has(msg, "Accept", "*/*") ||
                 sip_has(msg, "Accept", "application/*");
    bool may = trust_has(&env->cfg.trusted, &msg->flow.remote) || env_is_user(env, msg, who, user);
    return !takes                                                   ? REFUSAL_PRESENCE_ACCEPT
           : !may || *user == '\0' || strlen(user) >= AUTH_USER_MAX ? REFUSAL_PRESENCE_OWNER
                                                                    : REFUSALS;
}

void reg_events_take(struct reg_events *events, struct txn *txn, const struct sip_msg *msg, const struct identity *who)
{
    struct env *env = events->env;
    const char *user = msg->uri.user ? msg->uri.user : "";
    char contact[ENV_USER_URI_MAX];
    struct sub *sub;
    enum refusal refusal = judge(events, msg, who, user);
    if (refusal != REFUSALS) {
        env_refuse_with(env, txn, refusal, refusal == REFUSAL_PRESENCE_ACCEPT ? "Accept" : NULL, REGINFO_TYPE);
        return;
    }
    struct watched *of = watched_get(events, user);
    struct watcher *w = of && of->n_subs < REG_EVENT_OF_USER_MAX ? calloc(1, sizeof *w) : NULL;
    if (!w) {
        env_refuse(env, txn, of && of->n_subs == REG_EVENT_OF_USER_MAX ? REFUSAL_PRESENCE_MANY : REFUSAL_MEMORY);
    } else {
        w->of = of;
        of->n_subs++;
        env_user_contact(env, user, &msg->flow, contact);
        if (sub_accept(&env->subs, &package, &of->subs, NULL, txn, msg, 200, contact, w,
                       who->user[0] ? who->user : msg->from.uri.text, &sub) != 0) {
            of->n_subs--;
            free(w);
            sweep_start(events);
        }
    }
}

/* ---- begin and end ---- */

int reg_events_build(struct reg_events **out, struct env *env, const struct bindings *bindings)
{
    struct reg_events *events = calloc(1, sizeof *events);
    if (!events) {
        return -ENOMEM;
    }
    events->env = env;
    events->bindings = bindings;
    timer_init(&events->sweep, on_sweep);
    *out = events;
    return 0;
}

void reg_events_free(struct reg_events *events)
{
    for (size_t i = 0; events && i < BUCKETS; i++) {
        while (events->buckets[i]) {
            struct watched *of = events->buckets[i];
            while (of->subs) {
                sub_forget(of->subs);
            }
            events->buckets[i] = of->next;
            free(of);
        }
    }
    if (events) {
        timer_stop(events->env->wheel, &events->sweep);
        free(events);
    }
}
