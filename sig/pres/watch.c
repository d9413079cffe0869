/* Watchers. See watch.h. */
#include "sig/pres/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A subscription's arg. */
struct watcher {
    struct watch *watch;
    struct presentity *p;
    struct tally_entry *tally;
    enum rule_action action;
    uint64_t id, since_ms;
    uint32_t version; /* of the next document about watchers */
    char name[];      /* "user@host" */
};

/* ---- documents ---- */

void watch_document(struct xml *x, const struct presentities *all, const struct presentity *p, const char *user,
                    bool is_shown)
{
    char entity[ENV_USER_URI_MAX];
    struct pidf_view view;
    presentity_view(is_shown ? p : NULL, &view);
    pidf_write(x, env_user_uri(all->env, user, entity), &view);
}

static bool is_pending(const struct sub *sub)
{
    return ((const struct watcher *)sub->arg)->action == RULE_CONFIRM;
}

static void body(struct sub *sub, struct sip_out *out, bool is_first)
{
    static char text[WATCH_DOCUMENT_MAX];
    struct xml x = {.text = text, .size = sizeof text};
    const struct watcher *w = sub->arg;
    if (w->action != RULE_CONFIRM) {
        watch_document(&x, w->watch->all, w->p, w->p->user, w->action == RULE_ALLOW);
        must(!x.full); /* all is bounded: see WATCH_DOCUMENT_MAX */
        sip_body(out, PIDF_TYPE, text, x.n);
    }
}

static void winfo_changed(struct presentity *p)
{
    for (struct sub *sub = p->winfos, *next; sub && !p->all->is_closing; sub = next) {
        next = sub->next;
        if (!sub->ended) {
            sub_notify(sub);
        }
    }
}

static void watcher_free(struct watcher *w)
{
    tally_give(w->tally);
    free(w);
}

static void gone(struct sub *sub)
{
    struct watcher *w = sub->arg;
    struct presentity *p = w->p;
    p->n_watchers--;
    count_add(&p->all->stats.watchers, (uint64_t)-1);
    watcher_free(w);
    sub->arg = NULL;
    winfo_changed(p);
    presentity_look(p); /* it is on its list until this returns */
}

static const struct sub_package package = {.event = "presence",
                                           .interval_ms = WATCH_INTERVAL_MS,
                                           .spread_ms = WATCH_SPREAD_MS,
                                           .expires_s = WATCH_EXPIRES_S,
                                           .expires_min_s = WATCH_EXPIRES_MIN_S,
                                           .expires_max_s = WATCH_EXPIRES_MAX_S,
                                           .body = body,
                                           .gone = gone,
                                           .is_pending = is_pending};

/* ---- watchers of watchers ---- */

static void watcher_put(struct xml *x, const struct sub *sub, uint64_t now_ms)
{
    const struct watcher *w = sub->arg;
    uint64_t now_ns = now_ms * NS_PER_MS;
    xml_putf(
        x, "<watcher id=\"w%llu\" status=\"%s\" event=\"subscribe\" duration-subscribed=\"%llu\" expiration=\"%llu\">",
        (unsigned long long)w->id, w->action == RULE_CONFIRM ? "pending" : "active",
        (unsigned long long)((now_ms - w->since_ms) / 1000),
        (unsigned long long)(sub->expires_ns > now_ns ? (sub->expires_ns - now_ns) / NS_PER_S : 0));
    xml_put(x, "sip:");
    xml_text(x, w->name);
    xml_put(x, "</watcher>");
}

/* All of them each time (RFC 3858 4.1 allows it): those that fit. One that has ended is not in it any more. */
static void winfo_body(struct sub *sub, struct sip_out *out, bool is_first)
{
    static const char tail[] = "</watcher-list></watcherinfo>\n";
    static char text[WATCH_BODY_MAX];
    struct xml x = {.text = text, .size = sizeof text - sizeof tail};
    struct watcher *w = sub->arg;
    char entity[ENV_USER_URI_MAX];
    xml_putf(&x,
             "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<watcherinfo "
             "xmlns=\"urn:ietf:params:xml:ns:watcherinfo\" version=\"%u\" state=\"full\"><watcher-list resource=\"",
             w->version++);
    xml_text(&x, env_user_uri(w->watch->all->env, w->p->user, entity));
    xml_put(&x, "\" package=\"presence\">");
    for (const struct sub *one = w->p->watchers; one; one = one->next) {
        size_t mark = xml_mark(&x);
        if (!one->arg || one->ended) {
            continue;
        }
        watcher_put(&x, one, w->watch->all->env->wheel->now_ms);
        if (x.full) {
            xml_back(&x, mark);
            break;
        }
    }
    x.size = sizeof text;
    xml_put(&x, tail);
    sip_body(out, "application/watcherinfo+xml", text, x.n);
}

static void winfo_gone(struct sub *sub)
{
    struct watcher *w = sub->arg;
    struct presentity *p = w->p;
    watcher_free(w);
    sub->arg = NULL;
    presentity_look(p);
}

static const struct sub_package winfo_package = {.event = "presence.winfo",
                                                 .interval_ms = WATCH_INTERVAL_MS,
                                                 .spread_ms = WATCH_SPREAD_MS,
                                                 .expires_s = WATCH_EXPIRES_S,
                                                 .expires_min_s = WATCH_EXPIRES_MIN_S,
                                                 .expires_max_s = WATCH_EXPIRES_MAX_S,
                                                 .body = winfo_body,
                                                 .gone = winfo_gone};

/* ---- changes ---- */

/* What the rules say now. A watcher that nobody is shown to any more is told so; another gets its document. */
static void judge_again(struct sub *sub)
{
    struct watcher *w = sub->arg;
    enum rule_action action = presentity_judge(w->watch->all, w->p, w->p->user, w->name);
    if (action == w->action) {
        return;
    }
    w->action = action == RULE_BLOCK ? RULE_POLITE : action; /* of its last document */
    if (action == RULE_BLOCK) {
        sub_end(sub, "rejected");
    } else {
        sub_notify(sub);
    }
}

static void changed(void *ctx, struct presentity *p, bool with_rules)
{
    for (struct sub *sub = p->watchers, *next; sub; sub = next) {
        next = sub->next;
        if (sub->ended) {
            continue;
        }
        if (with_rules) {
            judge_again(sub);
        } else if (((struct watcher *)sub->arg)->action == RULE_ALLOW) {
            sub_notify(sub);
        }
    }
    if (with_rules) {
        winfo_changed(p);
    }
}

/* ---- SUBSCRIBE ---- */

/* @return NULL: it has been refused */
static struct watcher *watcher_make(struct watch *watch, struct presentity *p, const char *name, struct txn *txn)
{
    struct env *env = watch->all->env;
    size_t n = strlen(name) + 1;
    struct watcher *w = p ? calloc(1, sizeof *w + n) : NULL;
    if (!w) {
        env_refuse(env, txn, REFUSAL_MEMORY);
        return NULL;
    }
    w->tally = tally_take(&watch->by_watcher, env->secret, name, WATCH_OF_WATCHER_MAX);
    if (!w->tally) {
        env_refuse(env, txn, REFUSAL_PRESENCE_MANY);
        free(w);
        return NULL;
    }
    w->watch = watch;
    w->p = p;
    w->id = ++watch->last_id;
    w->since_ms = env->wheel->now_ms;
    memcpy(w->name, name, n);
    return w;
}

static void watcher_accept(struct watch *watch, const struct sub_package *of, struct sub **list, struct watcher *w,
                           struct txn *txn, const struct sip_msg *msg, const struct identity *who)
{
    struct presentity *p = w->p;
    char contact[ENV_USER_URI_MAX];
    struct sub *sub;
    bool is_watcher = of == &package;
    env_user_contact(watch->all->env, p->user, &msg->flow, contact);
    p->n_watchers += is_watcher;
    count_add(&watch->all->stats.watchers, is_watcher);
    if (sub_accept(&watch->all->env->subs, of, list, NULL, txn, msg, 200, contact, w,
                   who->user[0] ? who->user : msg->from.uri.text, &sub) != 0) {
        p->n_watchers -= is_watcher;
        count_add(&watch->all->stats.watchers, (uint64_t) - (int)is_watcher);
        watcher_free(w);
    } else if (is_watcher) {
        winfo_changed(p);
    }
}

void watch_subscribe(struct watch *watch, struct txn *txn, const struct sip_msg *msg, const struct identity *who)
{
    struct presentities *all = watch->all;
    const char *user = msg->uri.user ? msg->uri.user : "";
    struct presentity *p = presentity_find(all, user);
    char name[PROFILE_URI_MAX];
    if (*user == '\0' || strlen(user) >= AUTH_USER_MAX) {
        env_refuse(all->env, txn, REFUSAL_USER);
        return;
    }
    if (!presence_accepts(msg, PIDF_TYPE)) {
        env_refuse_with(all->env, txn, REFUSAL_PRESENCE_ACCEPT, "Accept", PIDF_TYPE);
        return;
    }
    bool is_known = presence_sender(all, msg, who, name);
    enum rule_action action = is_known ? presentity_judge(all, p, user, name) : RULE_BLOCK;
    if (action == RULE_BLOCK) {
        env_refuse(all->env, txn, REFUSAL_PRESENCE_RULE);
        return;
    }
    if (p && p->n_watchers >= WATCH_OF_USER_MAX) {
        env_refuse(all->env, txn, REFUSAL_PRESENCE_MANY);
        return;
    }
    p = p ? p : presentity_get(all, user);
    struct watcher *w = watcher_make(watch, p, name, txn);
    if (w) {
        w->action = action;
        watcher_accept(watch, &package, &p->watchers, w, txn, msg, who);
    }
    if (p) {
        presentity_look(p);
    }
}

void watch_subscribe_winfo(struct watch *watch, struct txn *txn, const struct sip_msg *msg, const struct identity *who)
{
    struct presentities *all = watch->all;
    const char *own = msg->uri.user ? msg->uri.user : "";
    char name[PROFILE_URI_MAX];
    bool is_owner = presence_sender(all, msg, who, name) && env_is_user(all->env, msg, who, own);
    if (!presence_accepts(msg, "application/watcherinfo+xml")) {
        env_refuse_with(all->env, txn, REFUSAL_PRESENCE_ACCEPT, "Accept", "application/watcherinfo+xml");
        return;
    }
    if (!is_owner) {
        env_refuse(all->env, txn, REFUSAL_PRESENCE_OWNER);
        return;
    }
    struct presentity *p = presentity_get(all, own);
    struct watcher *w = watcher_make(watch, p, name, txn);
    if (w) {
        watcher_accept(watch, &winfo_package, &p->winfos, w, txn, msg, who);
    }
    if (p) {
        presentity_look(p);
    }
}

/* ---- begin and end ---- */

int watch_build(struct watch **out, struct presentities *all)
{
    struct watch *watch = calloc(1, sizeof *watch);
    if (!watch) {
        return -ENOMEM;
    }
    watch->all = all;
    presentities_hook(all, &(struct presentity_hook){watch, changed});
    *out = watch;
    return 0;
}

void watch_free(struct watch *watch)
{
    for (size_t i = 0; watch && i < PRESENTITY_BUCKETS; i++) {
        for (struct presentity *p = watch->all->buckets[i]; p; p = p->next) {
            while (p->watchers) {
                sub_forget(p->watchers);
            }
            while (p->winfos) {
                sub_forget(p->winfos);
            }
        }
    }
    free(watch);
}
