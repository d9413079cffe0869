/* The presence server. See presence.h. */
#include "sig/pres/presence.h"

#include "sig/pres/auth_policy.h"
#include "sig/pres/publish.h"
#include "sig/pres/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct presence {
    struct presentities *all;
    struct watch *watch;
    struct rlmi *rlmi;
    bool is_loading; /* the rules are not all there yet */
};

/* ---- SIP ---- */

bool presence_wants(const struct presence *presence, const struct sip_msg *msg)
{
    char event[32];
    if (msg->method == SIP_PUBLISH) {
        return true;
    }
    presence_event(msg, event);
    return msg->method == SIP_SUBSCRIBE && (strcmp(event, "presence") == 0 || strcmp(event, "presence.winfo") == 0);
}

void presence_take(struct presence *presence, struct txn *txn, const struct sip_msg *msg, const struct identity *who)
{
    char event[32];
    if (presence->is_loading) {
        env_refuse(presence->all->env, txn, REFUSAL_STORE); /* nobody is shown what a rule forbids */
    } else if (msg->method == SIP_PUBLISH) {
        publish_take(presence->all, txn, msg, who);
    } else if (strcmp(presence_event(msg, event), "presence.winfo") == 0) {
        watch_subscribe_winfo(presence->watch, txn, msg, who);
    } else if (rlmi_is(presence->rlmi, msg, who)) {
        rlmi_subscribe(presence->rlmi, txn, msg, who);
    } else {
        watch_subscribe(presence->watch, txn, msg, who);
    }
}

/* ---- what others tell ---- */

int presence_phones(struct presence *presence, const char *user, unsigned n)
{
    struct presentity *p = n ? presentity_get(presence->all, user) : presentity_find(presence->all, user);
    if (p) {
        presentity_phones(p, n);
    }
    return p || n == 0 ? 0 : -ENOMEM;
}

int presence_session(struct presence *presence, const char *user, const char *service, const char *identification,
                     enum presence_session state)
{
    struct presentity *p = presentity_get(presence->all, user);
    return p ? presentity_session(p, service, identification, state) : -ENOMEM;
}

void presence_hook(struct presence *presence, const struct presentity_hook *hook)
{
    presentities_hook(presence->all, hook);
}

void presence_service_user(struct presence *presence, const struct rlmi_service_user *user)
{
    presence->rlmi->service_user = *user;
}

const struct presentities *presence_table(const struct presence *presence)
{
    return presence->all;
}

enum presence_status presence_status(const struct presence *presence, const char *user)
{
    const struct presentity *p = presentity_find(presence->all, user);
    return p ? presentity_status(p) : PRESENCE_OFFLINE;
}

const struct members *presence_group(const struct presence *presence, const char *name)
{
    const struct group *group = rlmi_group(presence->rlmi, name);
    return group ? group->members : NULL;
}

const struct presence_stats *presence_stats(const struct presence *presence)
{
    return &presence->all->stats;
}

/* ---- documents ---- */

/* Takes them over: one of the two, the other is NULL; both NULL: the document is gone. */
static int apply(struct presence *presence, enum store_doc_kind kind, const char *name, struct rules *rules,
                 struct members *members)
{
    if (kind == STORE_DOC_GROUP) {
        return rlmi_group_set(presence->rlmi, name, members);
    }
    struct presentity *p = presentity_get(presence->all, name);
    if (!p) {
        free(rules);
        free(members);
        return -ENOMEM;
    }
    if (kind == STORE_DOC_RULES) {
        presentity_rules(p, rules);
    } else {
        rlmi_buddies_set(presence->rlmi, p, members);
    }
    return 0;
}

static int document_read(const struct presence *presence, enum store_doc_kind kind, const char *text, size_t n,
                         struct rules **rules, struct members **members, const char **why)
{
    const struct profile_namer namer = presence_namer(presence->all);
    *rules = NULL;
    *members = NULL;
    return kind == STORE_DOC_RULES ? rules_read(rules, text, n, &namer, why)
                                   : members_read(members, text, n, &namer, why);
}

static bool is_served(enum store_doc_kind kind)
{
    return kind == STORE_DOC_RULES || kind == STORE_DOC_BUDDIES || kind == STORE_DOC_GROUP;
}

/* One that was kept. What cannot be read any more stays where it is. */
static void restore(struct presence *presence, const struct store_doc *doc)
{
    struct rules *rules;
    struct members *members;
    const char *why, *name = doc->kind == STORE_DOC_GROUP ? doc->name : doc->owner;
    char *there = presence_document_get(presence, doc->kind, name);
    if (!there && document_read(presence, doc->kind, doc->body, strlen(doc->body), &rules, &members, &why) == 0) {
        apply(presence, doc->kind, name, rules, members);
    }
    free(there); /* written since */
}

static void documents_ask(struct presence *presence)
{
    struct store *store = presence->all->env->store;
    struct store_req req = {.op = STORE_DOCS};
    presence->is_loading = store && store_put(store, &req) == 0;
}

void presence_store_reply(struct presence *presence, const struct store_reply *reply)
{
    if (reply->answer == STORE_DOC_IS && is_served(reply->doc.kind)) {
        restore(presence, &reply->doc);
    } else if (reply->op == STORE_DOCS && reply->answer == STORE_DONE) {
        presence->is_loading = false;
    } else if (reply->op == STORE_DOCS && reply->answer == STORE_FAILED) {
        documents_ask(presence); /* it has been counted and logged */
    }
}

/* @param body  by malloc, taken over; NULL: to forget it */
static int keep(struct presence *presence, enum store_doc_kind kind, const char *name, char *body)
{
    struct store *store = presence->all->env->store;
    struct store_req req = {.op = body ? STORE_DOC_PUT : STORE_DOC_DROP, .doc = {.kind = kind, .body = body}};
    char *to = kind == STORE_DOC_GROUP ? req.doc.name : req.doc.owner;
    snprintf(to, kind == STORE_DOC_GROUP ? sizeof req.doc.name : sizeof req.doc.owner, "%s", name);
    int err = store ? store_put(store, &req) : 0;
    if (err || !store) {
        free(body);
    }
    return err;
}

/* Kept first: what is lost at a restart was not promised. Takes both over. */
static int set(struct presence *presence, enum store_doc_kind kind, const char *name, struct rules *rules,
               struct members *members)
{
    char *body = rules ? rules_write(rules) : members_write(members);
    int err = body ? keep(presence, kind, name, body) : -ENOMEM;
    if (err) {
        free(rules);
        free(members);
        return err;
    }
    return apply(presence, kind, name, rules, members);
}

int presence_document_put(struct presence *presence, enum store_doc_kind kind, const char *name, const char *text,
                          size_t n, const char **why)
{
    struct rules *rules;
    struct members *members;
    int err = document_read(presence, kind, text, n, &rules, &members, why);
    return err ? err : set(presence, kind, name, rules, members);
}

int presence_members_put(struct presence *presence, enum store_doc_kind kind, const char *name, const char *const *uris,
                         unsigned n, const char **why)
{
    const struct profile_namer namer = presence_namer(presence->all);
    struct members *members;
    int err = members_make(&members, uris, n, &namer, why);
    return err ? err : set(presence, kind, name, NULL, members);
}

int presence_policy_put(struct presence *presence, const char *user, const char *text, size_t n, const char **why)
{
    const struct profile_namer namer = presence_namer(presence->all);
    struct rules *rules;
    int err = auth_policy_read(&rules, text, n, &namer, why);
    return err ? err : set(presence, STORE_DOC_RULES, user, rules, NULL);
}

int presence_document_drop(struct presence *presence, enum store_doc_kind kind, const char *name)
{
    char *there = presence_document_get(presence, kind, name);
    free(there);
    int err = there ? keep(presence, kind, name, NULL) : -ENOENT;
    return err ? err : apply(presence, kind, name, NULL, NULL);
}

char *presence_document_get(const struct presence *presence, enum store_doc_kind kind, const char *name)
{
    const struct presentity *p = kind == STORE_DOC_GROUP ? NULL : presentity_find(presence->all, name);
    const struct members *members = kind == STORE_DOC_GROUP     ? presence_group(presence, name)
                                    : kind == STORE_DOC_BUDDIES ? (p ? p->buddies : NULL)
                                                                : NULL;
    if (kind == STORE_DOC_RULES) {
        return p && p->rules ? rules_write(p->rules) : NULL;
    }
    return members ? members_write(members) : NULL;
}

/* ---- looking ---- */

bool presence_users(const struct presence *presence, uint32_t *at, unsigned n_buckets,
                    void (*each)(void *ctx, const struct presentity *p), void *ctx)
{
    for (; *at < PRESENTITY_BUCKETS && n_buckets > 0; (*at)++, n_buckets--) {
        for (const struct presentity *p = presence->all->buckets[*at]; p; p = p->next) {
            each(ctx, p);
        }
    }
    return *at < PRESENTITY_BUCKETS;
}

void presence_groups(const struct presence *presence, void (*each)(void *ctx, const char *name, unsigned n_members),
                     void *ctx)
{
    for (const struct group *group = presence->rlmi->groups; group; group = group->next) {
        each(ctx, group->name, group->members->n);
    }
}

/* ---- begin and end ---- */

int presence_build(struct presence **out, struct env *env, enum rule_action fallback)
{
    struct presence *presence = calloc(1, sizeof *presence);
    if (!presence || presentities_build(&presence->all, env, fallback) != 0 ||
        watch_build(&presence->watch, presence->all) != 0 || rlmi_build(&presence->rlmi, presence->watch) != 0) {
        presence_free(presence);
        return -ENOMEM;
    }
    env->has_presence = true;
    documents_ask(presence); /* a ring that has just been made has room */
    *out = presence;
    return 0;
}

void presence_free(struct presence *presence)
{
    if (presence && presence->all) {
        presence->all->is_closing = true;
        presence->all->env->has_presence = false;
        rlmi_free(presence->rlmi);
        watch_free(presence->watch);
        presentities_free(presence->all);
    }
    free(presence);
}
