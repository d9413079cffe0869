/* Lists of users. See rlmi.h. */
#include "sig/pres/rlmi.h"

#include "sig/sip/uri_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const services[] = {"ptt"};

enum list_kind { LIST_NONE, LIST_BUDDIES, LIST_GROUP, LIST_SERVICE };

/* A user on a list. */
struct list_link {
    struct list *list;
    struct presentity *p;            /* NULL: of another domain */
    struct list_link *next, **place; /* of the presentity */
    enum rule_action action;
    bool is_changed;
    char *uri;
};

/* A subscription's arg. */
struct list {
    struct rlmi *rlmi;
    struct sub *sub; /* NULL: not accepted yet, or over */
    enum list_kind kind;
    bool is_plain; /* a service for a watcher without eventlist: whether it is provisioned itself */
    bool is_new;   /* its members are others than those of the last document */
    bool is_begun; /* service_user knows of it */
    uint32_t version;
    unsigned n;
    struct list_link *links;
    struct tally_entry *tally;
    char user[AUTH_USER_MAX]; /* that watches */
    char name[PROFILE_URI_MAX];
    char *target;          /* user part of the list's URI */
    struct members *given; /* the list that its SUBSCRIBE has brought, URIs as they came; NULL: none */
    char *identification;  /* From, of a service */
};

/* ---- members ---- */

static void links_drop(struct list *list)
{
    for (unsigned i = 0; i < list->n; i++) {
        struct list_link *l = &list->links[i];
        if (l->p) {
            *l->place = l->next;
            if (l->next) {
                l->next->place = l->place;
            }
            presentity_look(l->p);
        }
        free(l->uri);
    }
    free(list->links);
    list->links = NULL;
    list->n = 0;
}

/* @return 0 | -ENOMEM, and it is on no list */
static int link_make(struct list *list, struct list_link *l, const char *uri)
{
    struct presentities *all = list->rlmi->all;
    char user[AUTH_USER_MAX], text[ENV_USER_URI_MAX], name[PROFILE_URI_MAX];
    bool is_own = presence_name(all, uri, name) && presence_own_user(all, name, user);
    l->list = list;
    l->is_changed = true;
    l->uri = strdup(is_own && !list->given ? env_user_uri(all->env, user, text) : uri);
    l->p = is_own && l->uri ? presentity_get(all, user) : NULL;
    if (!l->uri || (is_own && !l->p)) {
        free(l->uri);
        return -ENOMEM;
    }
    if (l->p) {
        l->action = presentity_judge(all, l->p, user, list->name);
        l->next = l->p->links;
        l->place = &l->p->links;
        if (l->next) {
            l->next->place = &l->next;
        }
        l->p->links = l;
    }
    return 0;
}

/* Of the list's kind. NULL: there are none. */
static const struct members *members_of(const struct list *list)
{
    const struct presentity *p = presentity_find(list->rlmi->all, list->user);
    const struct group *group = list->kind == LIST_GROUP ? rlmi_group(list->rlmi, list->target) : NULL;
    return list->given                ? list->given
           : list->kind == LIST_GROUP ? (group ? group->members : NULL)
           : p                        ? p->buddies
                                      : NULL;
}

/* @return 0 | -ENOMEM: the list is empty then */
static int links_make(struct list *list)
{
    char own[PROFILE_URI_MAX + 8], *first = own;
    const struct members *members = members_of(list);
    const char *const *uris = list->is_plain ? (const char *const *)&first : members ? members->uris : NULL;
    unsigned n = list->is_plain ? 1 : members ? members->n : 0;
    snprintf(own, sizeof own, "sip:%s", list->name);
    links_drop(list);
    list->is_new = true;
    list->links = n ? calloc(n, sizeof *list->links) : NULL;
    for (unsigned i = 0; i < n; i++) {
        if (!list->links || link_make(list, &list->links[i], uris[i]) != 0) {
            links_drop(list);
            return -ENOMEM;
        }
        list->n++;
    }
    return 0;
}

/* ---- documents ---- */

static char part_text[WATCH_DOCUMENT_MAX], list_text[RLMI_BYTES_MAX], parts_text[RLMI_BYTES_MAX],
    body_text[2 * RLMI_BYTES_MAX];

enum { RESOURCE_BYTES = 48, INSTANCE_BYTES = 160, PART_BYTES = 320 };

static void document_put(struct xml *x, const struct list *list, const struct list_link *l)
{
    bool is_shown = l->action == RULE_ALLOW;
    if (list->kind == LIST_SERVICE) {
        pidf_service_write(x, l->uri, list->target, is_shown && presentity_serves(l->p, list->target));
    } else {
        watch_document(x, list->rlmi->all, l->p, l->p->user, is_shown);
    }
}

/* Its part of the multipart. @return false: it does not fit any more */
static bool part_put(struct xml *parts, const struct list *list, const struct list_link *l, const char *boundary,
                     size_t room)
{
    struct xml x = {.text = part_text, .size = sizeof part_text};
    document_put(&x, list, l);
    if (x.full || parts->n + x.n + PART_BYTES + INSTANCE_BYTES > room) {
        return false;
    }
    xml_putf(parts,
             "--%s\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <m%u.%u@%s>\r\nContent-Type: " PIDF_TYPE
             ";charset=\"UTF-8\"\r\n\r\n",
             boundary, (unsigned)(l - list->links), list->version, list->rlmi->all->env->cfg.domain);
    xml_put(parts, part_text);
    xml_put(parts, "\r\n");
    return true;
}

static void resource_put(struct xml *x, const struct list *list, const struct list_link *l, bool has_part)
{
    xml_put(x, "<resource uri=\"");
    xml_text(x, l->uri);
    if (has_part) {
        xml_putf(x, "\"><instance id=\"1\" state=\"active\" cid=\"m%u.%u@", (unsigned)(l - list->links), list->version);
        xml_text(x, list->rlmi->all->env->cfg.domain);
        xml_put(x, "\"/></resource>");
    } else if (l->p && l->action == RULE_CONFIRM) {
        xml_put(x, "\"><instance id=\"1\" state=\"pending\"/></resource>");
    } else {
        xml_put(x, "\"/>"); /* of another domain, or its document comes with the next NOTIFY */
    }
}

/* The list and its parts. @return false: documents are left for the next */
static bool resources_put(struct list *list, struct xml *x, struct xml *parts, const char *boundary, bool is_whole)
{
    bool is_complete = true;
    size_t heads = 0;
    for (unsigned i = 0; i < list->n; i++) {
        heads += is_whole || list->links[i].is_changed ? strlen(list->links[i].uri) + RESOURCE_BYTES : 0;
    }
    size_t room = heads < RLMI_BYTES_MAX ? RLMI_BYTES_MAX - heads : 0;
    for (unsigned i = 0; i < list->n; i++) {
        struct list_link *l = &list->links[i];
        bool has_document = l->p && l->action != RULE_CONFIRM, is_due = is_whole || l->is_changed;
        bool has_part = is_due && has_document && part_put(parts, list, l, boundary, room);
        size_t mark = xml_mark(x);
        room -= has_part ? MIN(room, (size_t)INSTANCE_BYTES) : 0;
        l->is_changed = is_due && has_document && !has_part;
        is_complete &= !l->is_changed;
        if (is_due && (is_whole || !l->is_changed)) {
            resource_put(x, list, l, has_part);
        }
        if (x->full) {
            xml_back(x, mark);
        }
    }
    return is_complete;
}

static void plain_body(struct list *list, struct sip_out *out)
{
    char uri[ENV_USER_URI_MAX];
    struct xml x = {.text = part_text, .size = sizeof part_text};
    pidf_service_write(&x, env_user_uri(list->rlmi->all->env, list->target, uri), list->target,
                       list->n == 1 && presentity_serves(list->links[0].p, list->target));
    sip_body(out, PIDF_TYPE, part_text, x.n);
}

static void body(struct sub *sub, struct sip_out *out, bool is_first)
{
    static const char tail[] = "</list>\n";
    struct list *list = sub->arg;
    struct xml x = {.text = list_text, .size = sizeof list_text - sizeof tail};
    struct xml parts = {.text = parts_text, .size = sizeof parts_text};
    char boundary[SIP_TAG_BYTES + 16], type[512], uri[ENV_USER_URI_MAX];
    if (list->is_plain) {
        plain_body(list, out);
        return;
    }
    bool is_whole = is_first || list->is_new;
    const char *domain = list->rlmi->all->env->cfg.domain;
    list->is_new = false;
    snprintf(boundary, sizeof boundary, "part-%s", sub->dialog->local_tag); /* in no note that was there before it */
    xml_put(&x, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<list xmlns=\"urn:ietf:params:xml:ns:rlmi\" uri=\"");
    xml_text(&x, env_user_uri(list->rlmi->all->env, list->target, uri));
    xml_putf(&x, "\" version=\"%u\" fullState=\"%s\">", list->version, is_whole ? "true" : "false");
    parts_text[0] = '\0';
    sub->is_due = !resources_put(list, &x, &parts, boundary, is_whole);
    x.size = sizeof list_text;
    xml_put(&x, tail);
    int n = snprintf(body_text, sizeof body_text,
                     "--%s\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <list.%u@%s>\r\n"
                     "Content-Type: application/rlmi+xml;charset=\"UTF-8\"\r\n\r\n%s\r\n%s--%s--\r\n",
                     boundary, list->version, domain, list_text, parts_text, boundary);
    must(n > 0 && (size_t)n < sizeof body_text);
    snprintf(type, sizeof type, "multipart/related;type=\"application/rlmi+xml\";start=\"<list.%u@%s>\";boundary=%s",
             list->version, domain, boundary); /* a token without quotes: belle-sip takes those for a part of it */
    list->version++;
    sip_body(out, type, body_text, (size_t)n);
}

static void adorn(const struct sub *sub, struct sip_out *out)
{
    if (!((const struct list *)sub->arg)->is_plain) {
        sip_add(out, "Require", ENV_EVENT_LISTS);
    }
}

static void list_free(struct list *list)
{
    struct rlmi_service_user *user = &list->rlmi->service_user;
    if (list->is_begun && user->end && !list->rlmi->all->is_closing) {
        user->end(user->ctx, list->user, list->target, list->identification);
    }
    links_drop(list);
    if (list->tally) {
        tally_give(list->tally);
    }
    free(list->given);
    free(list->target);
    free(list->identification);
    free(list);
}

static void gone(struct sub *sub)
{
    struct list *list = sub->arg;
    count_add(&list->rlmi->all->stats.lists, (uint64_t)-1);
    list_free(list);
}

#define RLMI_PACKAGE(pause_ms)                                                                                         \
    {                                                                                                                  \
        .event = "presence", .interval_ms = (pause_ms), .spread_ms = WATCH_SPREAD_MS, .expires_s = WATCH_EXPIRES_S,    \
        .expires_min_s = WATCH_EXPIRES_MIN_S, .expires_max_s = WATCH_EXPIRES_MAX_S, .body = body, .gone = gone,        \
        .adorn = adorn                                                                                                 \
    }
static const struct sub_package package = RLMI_PACKAGE(WATCH_INTERVAL_MS);
static const struct sub_package service_package = RLMI_PACKAGE(RLMI_SERVICE_INTERVAL_MS);

/* ---- changes ---- */

static void changed(void *ctx, struct presentity *p, bool with_rules)
{
    struct rlmi *rlmi = ctx;
    for (struct list_link *l = p->links; l; l = l->next) {
        enum rule_action action = with_rules ? presentity_judge(rlmi->all, p, p->user, l->list->name) : l->action;
        bool is_seen = action != l->action || (!with_rules && action == RULE_ALLOW);
        l->action = action;
        if (is_seen && l->list->sub && !l->list->sub->ended) {
            l->is_changed = true;
            sub_notify(l->list->sub);
        }
    }
}

/* Members of some lists have changed: those of a group, or of a user's buddies. */
static void members_changed(struct rlmi *rlmi, enum list_kind kind, const char *name)
{
    for (struct sub *sub = rlmi->subs, *next; sub; sub = next) {
        struct list *list = sub->arg;
        bool is_group = list->kind == LIST_GROUP;
        next = sub->next;
        if (!sub->ended && !list->given && is_group == (kind == LIST_GROUP) &&
            strcmp(is_group ? list->target : list->user, name) == 0) {
            links_make(list); /* without memory it is empty until its refresh */
            sub_notify(sub);
        }
    }
}

/* ---- groups and buddies ---- */

const struct group *rlmi_group(const struct rlmi *rlmi, const char *name)
{
    const struct group *group = rlmi->groups;
    while (group && strcmp(group->name, name) != 0) {
        group = group->next;
    }
    return group;
}

static void group_free(struct group **link)
{
    struct group *group = *link;
    *link = group->next;
    free(group->members);
    free(group);
}

int rlmi_group_set(struct rlmi *rlmi, const char *name, struct members *members)
{
    struct group **link = &rlmi->groups;
    while (*link && strcmp((*link)->name, name) != 0) {
        link = &(*link)->next;
    }
    if (members && !*link) {
        *link = calloc(1, sizeof **link + strlen(name) + 1);
        if (!*link) {
            free(members);
            return -ENOMEM;
        }
        strcpy((*link)->name, name);
    }
    if (members) {
        free((*link)->members);
        (*link)->members = members;
    } else if (*link) {
        group_free(link);
    }
    members_changed(rlmi, LIST_GROUP, name);
    return 0;
}

void rlmi_buddies_set(struct rlmi *rlmi, struct presentity *p, struct members *members)
{
    free(p->buddies);
    p->buddies = members;
    members_changed(rlmi, LIST_BUDDIES, p->user);
    presentity_look(p);
}

/* ---- SUBSCRIBE ---- */

static bool group_has(const struct group *group, const char *name)
{
    for (unsigned i = 0; group && i < group->members->n; i++) {
        if (strcmp(group->members->uris[i] + strlen("sip:"), name) == 0) {
            return true;
        }
    }
    return false;
}

/* Lists are of users of this domain; a group is one for its members alone, for others it is nobody. */
static enum list_kind kind_of(const struct rlmi *rlmi, const struct sip_msg *msg, const struct identity *who,
                              char name[PROFILE_URI_MAX], char user[AUTH_USER_MAX])
{
    const char *target = msg->uri.user ? msg->uri.user : "";
    if (!presence_sender(rlmi->all, msg, who, name) || !presence_own_user(rlmi->all, name, user)) {
        return LIST_NONE;
    }
    for (size_t i = 0; i < ARRAY_LEN(services); i++) {
        if (strcmp(services[i], target) == 0) {
            return LIST_SERVICE;
        }
    }
    return strcmp(target, RLMI_BUDDIES) == 0           ? LIST_BUDDIES
           : group_has(rlmi_group(rlmi, target), name) ? LIST_GROUP
                                                       : LIST_NONE;
}

bool rlmi_is(const struct rlmi *rlmi, const struct sip_msg *msg, const struct identity *who)
{
    char name[PROFILE_URI_MAX], user[AUTH_USER_MAX];
    return kind_of(rlmi, msg, who, name, user) != LIST_NONE;
}

/* A URI of a list as it came: the watcher knows its buddies by it. */
static bool name_as_given(const void *ctx, const char *text, char out[PROFILE_URI_MAX])
{
    char name[PROFILE_URI_MAX];
    bool has_scheme = strncasecmp(text, "sip:", 4) == 0;
    return has_scheme && presence_name(ctx, text, name) && strchr(name, '@') &&
           snprintf(out, PROFILE_URI_MAX, "%s", text + 4) < PROFILE_URI_MAX;
}

/* The list that a request brings (RFC 5367). @return REFUSALS: fine, or there is none */
static enum refusal given_read(const struct rlmi *rlmi, const struct sip_msg *msg, struct members **given)
{
    static struct uri_list uris; /* large */
    const struct profile_namer namer = {rlmi->all, name_as_given};
    const char *why;
    *given = NULL;
    if (strcmp(msg->content_type, "application/resource-lists+xml") != 0 || msg->body_bytes == 0) {
        return sip_has(msg, "Require", ENV_OWN_LISTS) ? REFUSAL_LIST : REFUSALS;
    }
    int err = uri_list_read(&uris, msg->body, msg->body_bytes);
    err = err ? err : members_make(given, uris.uris, uris.n, &namer, &why);
    return err == -E2BIG ? REFUSAL_LIST_LONG : err == -ENOMEM ? REFUSAL_MEMORY : err ? REFUSAL_LIST : REFUSALS;
}

/* @param given  taken over  @return NULL: no memory */
static struct list *list_make(struct rlmi *rlmi, const struct sip_msg *msg, const struct identity *who, bool is_plain,
                              struct members *given)
{
    struct list *list = calloc(1, sizeof *list);
    if (!list) {
        free(given);
        return NULL;
    }
    list->given = given;
    list->rlmi = rlmi;
    list->is_plain = is_plain;
    list->kind = kind_of(rlmi, msg, who, list->name, list->user);
    list->target = strdup(msg->uri.user);
    list->identification = strdup(msg->from.uri.text);
    if (!list->target || !list->identification || links_make(list) != 0) {
        list_free(list);
        return NULL;
    }
    return list;
}

/* @return REFUSALS: it may be accepted */
static enum refusal list_judge(struct list *list, const struct sip_msg *msg)
{
    struct rlmi *rlmi = list->rlmi;
    struct rlmi_service_user *user = &rlmi->service_user;
    list->tally = tally_take(&rlmi->watch->by_watcher, rlmi->all->env->secret, list->name, WATCH_OF_WATCHER_MAX);
    if (!list->tally) {
        return REFUSAL_PRESENCE_MANY;
    }
    if (list->kind != LIST_SERVICE || !user->begin || msg->expires_s == 0) {
        return REFUSALS;
    }
    enum refusal refusal = user->begin(user->ctx, list->user, list->target, list->identification);
    list->is_begun = refusal == REFUSALS;
    return refusal;
}

void rlmi_subscribe(struct rlmi *rlmi, struct txn *txn, const struct sip_msg *msg, const struct identity *who)
{
    struct env *env = rlmi->all->env;
    char name[PROFILE_URI_MAX], user[AUTH_USER_MAX], contact[ENV_USER_URI_MAX];
    enum list_kind kind = kind_of(rlmi, msg, who, name, user);
    bool is_service = kind == LIST_SERVICE;
    struct members *given = NULL;
    bool has_lists = sip_has(msg, "Supported", ENV_EVENT_LISTS) || sip_has(msg, "Require", ENV_EVENT_LISTS);
    struct sub *sub;
    if (!has_lists && !is_service) {
        env_refuse_with(env, txn, REFUSAL_PRESENCE_LIST, "Require", ENV_EVENT_LISTS);
        return;
    }
    if (!presence_accepts(msg, PIDF_TYPE)) {
        env_refuse_with(env, txn, REFUSAL_PRESENCE_ACCEPT, "Accept",
                        PIDF_TYPE ", application/rlmi+xml, multipart/related");
        return;
    }
    enum refusal refusal = kind == LIST_BUDDIES ? given_read(rlmi, msg, &given) : REFUSALS;
    struct list *list = refusal == REFUSALS ? list_make(rlmi, msg, who, !has_lists, given) : NULL;
    if (refusal == REFUSALS) {
        refusal = list ? list_judge(list, msg) : REFUSAL_MEMORY;
    }
    if (refusal != REFUSALS) {
        env_refuse(env, txn, refusal);
        if (list) {
            list_free(list);
        }
        return;
    }
    env_user_contact(env, list->target, &msg->flow, contact);
    count_add(&rlmi->all->stats.lists, 1);
    if (sub_accept(&env->subs, is_service ? &service_package : &package, &rlmi->subs, NULL, txn, msg, 200, contact,
                   list, who->user[0] ? who->user : msg->from.uri.text, &sub) != 0) {
        count_add(&rlmi->all->stats.lists, (uint64_t)-1);
        list_free(list);
    } else if (sub) {
        list->sub = sub;
    }
}

/* ---- begin and end ---- */

int rlmi_build(struct rlmi **out, struct watch *watch)
{
    struct rlmi *rlmi = calloc(1, sizeof *rlmi);
    if (!rlmi) {
        return -ENOMEM;
    }
    rlmi->watch = watch;
    rlmi->all = watch->all;
    presentities_hook(rlmi->all, &(struct presentity_hook){rlmi, changed});
    *out = rlmi;
    return 0;
}

void rlmi_free(struct rlmi *rlmi)
{
    while (rlmi && rlmi->subs) {
        sub_forget(rlmi->subs);
    }
    while (rlmi && rlmi->groups) {
        group_free(&rlmi->groups);
    }
    free(rlmi);
}
