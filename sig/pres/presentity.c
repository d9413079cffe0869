/* The table of presentities. See presentity.h. */
#include "sig/pres/presentity.h"

#include "sig/base/hash.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { SWEEP_MS = 1000 };

/* ---- the table ---- */

static struct presentity **bucket_of(const struct presentities *all, const char *user)
{
    uint32_t hash = hash_text(hash_seed(all->env->secret), user);
    return (struct presentity **)&all->buckets[hash % PRESENTITY_BUCKETS];
}

struct presentity *presentity_find(const struct presentities *all, const char *user)
{
    struct presentity *p = *bucket_of(all, user);
    while (p && strcmp(p->user, user) != 0) {
        p = p->next;
    }
    return p;
}

static uint64_t view_hash(const struct presentity *p);

struct presentity *presentity_get(struct presentities *all, const char *user)
{
    struct presentity *p = presentity_find(all, user), **bucket = bucket_of(all, user);
    size_t n = strlen(user) + 1;
    if (p || !(p = calloc(1, sizeof *p + n))) {
        return p;
    }
    p->all = all;
    memcpy(p->user, user, n);
    p->next = *bucket;
    p->link = bucket;
    if (p->next) {
        p->next->link = &p->next;
    }
    *bucket = p;
    p->shown = view_hash(p);
    return p;
}

static bool is_bare(const struct presentity *p)
{
    return !p->publications && !p->sessions && !p->n_phones && !p->rules && !p->buddies && !p->watchers && !p->winfos &&
           !p->links;
}

static void presentity_free(struct presentity *p)
{
    *p->link = p->next;
    if (p->next) {
        p->next->link = p->link;
    }
    while (p->publications) {
        struct publication *pub = p->publications;
        p->publications = pub->next;
        timer_stop(p->all->env->wheel, &pub->expiry);
        free(pub);
    }
    while (p->sessions) {
        struct presentity_session *s = p->sessions;
        p->sessions = s->next;
        free(s);
    }
    free(p->rules);
    free(p->buddies);
    free(p);
}

static void on_sweep(struct timer *timer, uint64_t now_ns)
{
    struct presentities *all = TIMER_OWNER(timer, struct presentities, sweep);
    while (all->suspects) {
        struct presentity *p = all->suspects;
        all->suspects = p->next_suspect;
        p->is_suspect = false;
        if (is_bare(p)) {
            presentity_free(p);
        }
    }
}

void presentity_look(struct presentity *p)
{
    struct presentities *all = p->all;
    if (!p->is_suspect) {
        p->is_suspect = true;
        p->next_suspect = all->suspects;
        all->suspects = p;
        if (!timer_is_running(&all->sweep) && !all->is_closing) {
            timer_start(all->env->wheel, &all->sweep, SWEEP_MS);
        }
    }
}

int presentities_build(struct presentities **out, struct env *env, enum rule_action fallback)
{
    struct presentities *all = calloc(1, sizeof *all);
    char *host = all ? all->host : NULL;
    if (!all) {
        return -ENOMEM;
    }
    all->env = env;
    all->fallback = fallback;
    snprintf(host, sizeof all->host, "%s", env->cfg.domain);
    if (host[0] == '[') {
        host[strcspn(host, "]") + 1] = '\0';
    } else {
        host[strcspn(host, ":")] = '\0';
    }
    for (; *host; host++) {
        *host = (char)tolower((unsigned char)*host);
    }
    timer_init(&all->sweep, on_sweep);
    *out = all;
    return 0;
}

void presentities_free(struct presentities *all)
{
    for (size_t i = 0; all && i < PRESENTITY_BUCKETS; i++) {
        while (all->buckets[i]) {
            presentity_free(all->buckets[i]);
        }
    }
    if (all) {
        timer_stop(all->env->wheel, &all->sweep);
        free(all);
    }
}

void presentities_hook(struct presentities *all, const struct presentity_hook *hook)
{
    must(all->n_hooks < PRESENTITY_HOOKS_MAX);
    all->hooks[all->n_hooks++] = *hook;
}

/* ---- names ---- */

/* The host as names have it. @return false: too long */
static bool host_put(const struct presentities *all, const char *host, char *out, size_t size)
{
    bool is_v6 = strchr(host, ':') != NULL;
    if (*host == '\0') {
        return false;
    }
    int n = strcmp(host, all->host) == 0 || env_has_host(all->env, host)
                ? snprintf(out, size, "%s", all->host)
                : snprintf(out, size, is_v6 ? "[%s]" : "%s", host);
    return n > 0 && (size_t)n < size;
}

static bool name_of(const struct presentities *all, const struct sip_uri *uri, char out[PROFILE_URI_MAX])
{
    bool is_tel = strcmp(uri->scheme, "tel") == 0; /* a number is a user of ours, as for accounts */
    bool is_known = is_tel || strcmp(uri->scheme, "sip") == 0 || strcmp(uri->scheme, "sips") == 0;
    size_t n = is_known && uri->user ? strlen(uri->user) : 0;
    if (n == 0 || n >= AUTH_USER_MAX || strchr(uri->user, '@')) {
        return false;
    }
    memcpy(out, uri->user, n);
    out[n] = '@';
    return host_put(all, is_tel ? all->host : uri->host, out + n + 1, PROFILE_URI_MAX - n - 1);
}

bool presence_name(const struct presentities *all, const char *text, char out[PROFILE_URI_MAX])
{
    char full[PROFILE_URI_MAX + 8], memory[3 * sizeof full + 16];
    struct sip_uri uri;
    bool has_scheme = strncasecmp(text, "sip:", 4) == 0 || strncasecmp(text, "sips:", 5) == 0;
    int n = snprintf(full, sizeof full, "%s%s", has_scheme ? "" : "sip:", text);
    if (n < 0 || (size_t)n >= sizeof full || sip_uri_parse(&uri, full, (size_t)n, memory, sizeof memory) != 0) {
        return false;
    }
    if (!uri.user && !has_scheme) {
        return host_put(all, uri.host, out, PROFILE_URI_MAX);
    }
    return name_of(all, &uri, out);
}

static bool namer_name(const void *ctx, const char *text, char out[PROFILE_URI_MAX])
{
    return presence_name(ctx, text, out);
}

struct profile_namer presence_namer(const struct presentities *all)
{
    return (struct profile_namer){all, namer_name};
}

const char *presence_own_user(const struct presentities *all, const char *name, char user[AUTH_USER_MAX])
{
    const char *at = strchr(name, '@');
    if (!at || strcmp(at + 1, all->host) != 0 || (size_t)(at - name) >= AUTH_USER_MAX) {
        return NULL;
    }
    snprintf(user, AUTH_USER_MAX, "%.*s", (int)(at - name), name);
    return user;
}

bool presence_sender(const struct presentities *all, const struct sip_msg *msg, const struct identity *who,
                     char out[PROFILE_URI_MAX])
{
    struct sip_uri uri = {.scheme = "sip", .user = who->user, .host = who->host[0] ? who->host : all->host};
    return name_of(all, who->user[0] ? &uri : &msg->from.uri, out);
}

const char *presence_event(const struct sip_msg *msg, char text[32])
{
    const char *event = sip_header(msg, "Event", 0);
    size_t n = event ? strcspn(event, "; \t") : 0;
    snprintf(text, 32, "%.*s", (int)MIN(n, (size_t)32), event ? event : "");
    for (char *p = text; *p; p++) {
        *p = (char)tolower((unsigned char)*p);
    }
    return text;
}

bool presence_accepts(const struct sip_msg *msg, const char *type)
{
    const char *element;
    size_t n;
    bool any = false;
    for (unsigned i = 0; (n = sip_list(msg, "Accept", i, &element)) > 0; i++) {
        const char *const fine[] = {type, "application/*", "*/*"};
        size_t n_type = MIN(strcspn(element, "; \t,"), n);
        any = true;
        for (size_t k = 0; k < ARRAY_LEN(fine); k++) {
            if (strlen(fine[k]) == n_type && strncasecmp(element, fine[k], n_type) == 0) {
                return true;
            }
        }
    }
    return !any;
}

/* ---- what is known, composed ---- */

static bool session_lives(const struct presentity_session *s)
{
    return s->state != PRESENCE_SESSION_UNREACHABLE;
}

static bool has_live_session(const struct presentity *p)
{
    const struct presentity_session *s = p->sessions;
    while (s && !session_lives(s)) {
        s = s->next;
    }
    return s != NULL;
}

/* Phones say themselves whether they are open; of several, open beats closed. Else it is where phones are. */
static bool is_open(const struct presentity *p)
{
    bool has_basic = false;
    for (const struct publication *pub = p->publications; pub; pub = pub->next) {
        if (pub->pidf.is_open) {
            return true;
        }
        has_basic |= pub->pidf.has_basic;
    }
    return !has_basic && (p->n_phones > 0 || has_live_session(p));
}

bool presentity_is_dnd(const struct presentity *p)
{
    const struct publication *pub = p->publications;
    while (pub && !pub->pidf.is_dnd) {
        pub = pub->next;
    }
    return pub != NULL;
}

enum presence_status presentity_status(const struct presentity *p)
{
    bool states[PRESENCE_SESSION_UNREACHABLE + 1] = {false};
    for (const struct presentity_session *s = p->sessions; s; s = s->next) {
        states[s->state] = true;
    }
    if (p->n_phones == 0 && !p->sessions && !is_open(p)) {
        return PRESENCE_OFFLINE;
    }
    return presentity_is_dnd(p)                   ? PRESENCE_DND
           : states[PRESENCE_SESSION_TALKING]     ? PRESENCE_TALKING
           : states[PRESENCE_SESSION_LISTENING]   ? PRESENCE_LISTENING
           : states[PRESENCE_SESSION_IDLE]        ? PRESENCE_PROVISIONED
           : states[PRESENCE_SESSION_UNREACHABLE] ? PRESENCE_UNREACHABLE
                                                  : PRESENCE_REGISTERED;
}

const char *presence_status_name(enum presence_status status)
{
    static const char *const names[] = {[PRESENCE_OFFLINE] = "offline",         [PRESENCE_REGISTERED] = "registered",
                                        [PRESENCE_PROVISIONED] = "provisioned", [PRESENCE_TALKING] = "talking",
                                        [PRESENCE_LISTENING] = "listening",     [PRESENCE_DND] = "dnd",
                                        [PRESENCE_UNREACHABLE] = "unreachable"};
    return names[status];
}

bool presentity_serves(const struct presentity *p, const char *service)
{
    for (const struct presentity_session *s = p ? p->sessions : NULL; s; s = s->next) {
        if (session_lives(s) && strcmp(s->service, service) == 0) {
            return !presentity_is_dnd(p);
        }
    }
    return false;
}

/* Each service once. */
static void services_view(const struct presentity *p, struct pidf_view *view)
{
    for (const struct presentity_session *s = p->sessions; s; s = s->next) {
        unsigned i = 0;
        while (i < view->n_services && strcmp(view->services[i].id, s->service) != 0) {
            i++;
        }
        if (i == view->n_services && i < PIDF_SERVICES_MAX) {
            view->n_services++;
            strcpy(view->services[i].id, s->service);
            view->services[i].is_open = presentity_serves(p, s->service);
        }
    }
}

void presentity_view(const struct presentity *p, struct pidf_view *view)
{
    *view = (struct pidf_view){.note = ""};
    if (!p) {
        return;
    }
    view->is_open = is_open(p);
    services_view(p, view);
    for (const struct publication *pub = p->publications; pub; pub = pub->next) { /* the newest first */
        view->activities |= pub->pidf.activities | (pub->pidf.is_dnd ? 1u << PIDF_BUSY : 0);
        if (!view->note[0]) {
            strcpy(view->note, pub->pidf.note);
        }
    }
}

static uint64_t hash_more(uint64_t h, const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        h = (h ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3ull;
    }
    return h;
}

/* Views are told apart by 64 bits: kept for each user, and a view is half a kilobyte. */
static uint64_t view_hash(const struct presentity *p)
{
    struct pidf_view view;
    presentity_view(p, &view);
    uint8_t open = view.is_open;
    uint64_t h = hash_more(0xcbf29ce484222325ull, &open, 1);
    h = hash_more(h, &view.activities, sizeof view.activities);
    h = hash_more(h, view.note, strlen(view.note) + 1);
    for (unsigned i = 0; i < view.n_services; i++) {
        open = view.services[i].is_open;
        h = hash_more(h, view.services[i].id, strlen(view.services[i].id) + 1);
        h = hash_more(h, &open, 1);
    }
    return h;
}

static void tell(struct presentity *p, bool with_rules)
{
    for (unsigned i = 0; i < p->all->n_hooks && !p->all->is_closing; i++) {
        p->all->hooks[i].changed(p->all->hooks[i].ctx, p, with_rules);
    }
}

void presentity_settle(struct presentity *p)
{
    uint64_t now = view_hash(p);
    if (now != p->shown) {
        p->shown = now;
        count_add(&p->all->stats.changes, 1);
        tell(p, false);
    }
    if (is_bare(p)) {
        presentity_look(p);
    }
}

enum rule_action presentity_judge(const struct presentities *all, const struct presentity *p, const char *user,
                                  const char *watcher)
{
    char own[AUTH_USER_MAX];
    const char *name = presence_own_user(all, watcher, own);
    if (name && strcmp(name, user) == 0) {
        return RULE_ALLOW;
    }
    enum rule_action action = rules_judge(p ? p->rules : NULL, watcher, all->fallback);
    return action == RULE_BLOCK && all->fallback != RULE_BLOCK ? RULE_POLITE : action;
}

/* ---- changes ---- */

void presentity_phones(struct presentity *p, unsigned n)
{
    p->n_phones = n;
    presentity_settle(p);
}

void presentity_rules(struct presentity *p, struct rules *rules)
{
    free(p->rules);
    p->rules = rules;
    tell(p, true);
    presentity_look(p);
}

static struct presentity_session **session_find(struct presentity *p, const char *service, const char *identification)
{
    struct presentity_session **link = &p->sessions;
    while (*link && (strcmp((*link)->service, service) != 0 || strcmp((*link)->identification, identification) != 0)) {
        link = &(*link)->next;
    }
    return link;
}

int presentity_session(struct presentity *p, const char *service, const char *identification,
                       enum presence_session state)
{
    struct presentity_session **link = session_find(p, service, identification), *s = *link;
    size_t n = strlen(identification) + 1;
    if (state == PRESENCE_SESSION_NONE) {
        if (s) {
            *link = s->next;
            free(s);
            p->n_sessions--;
        }
    } else if (s) {
        s->state = state;
    } else {
        if (p->n_sessions == PRESENTITY_SESSIONS_MAX || strlen(service) >= PIDF_SERVICE_MAX) {
            return -ENOSPC;
        }
        s = calloc(1, sizeof *s + n);
        if (!s) {
            return -ENOMEM;
        }
        strcpy(s->service, service);
        memcpy(s->identification, identification, n);
        s->state = state;
        *link = s;
        p->n_sessions++;
    }
    presentity_settle(p);
    return 0;
}

/* ---- publications ---- */

static void on_expiry(struct timer *timer, uint64_t now_ns)
{
    publication_drop(TIMER_OWNER(timer, struct publication, expiry));
}

/* Out of the list, and freed; what may be seen is settled by others. */
static void publication_free(struct publication *pub)
{
    struct presentity *p = pub->of;
    struct publication **link = &p->publications;
    while (*link != pub) {
        link = &(*link)->next;
    }
    *link = pub->next;
    p->n_publications--;
    timer_stop(p->all->env->wheel, &pub->expiry);
    free(pub);
    count_add(&p->all->stats.publications, (uint64_t)-1);
}

struct publication *publication_add(struct presentity *p, bool is_settings)
{
    struct publication *pub = calloc(1, sizeof *pub), *first = p->publications;
    if (!pub) {
        return NULL;
    }
    for (struct publication *one = first; one && p->n_publications == PRESENTITY_PUBLICATIONS_MAX; one = one->next) {
        first = one->expiry.due_ms <= first->expiry.due_ms ? one : first; /* of equal ones the oldest */
    }
    if (p->n_publications == PRESENTITY_PUBLICATIONS_MAX) {
        publication_free(first);
    }
    pub->of = p;
    pub->is_settings = is_settings;
    pub->next = p->publications;
    p->publications = pub;
    p->n_publications++;
    timer_init(&pub->expiry, on_expiry);
    count_add(&p->all->stats.publications, 1);
    return pub;
}

struct publication *publication_find(const struct presentity *p, const char *etag, bool is_settings)
{
    struct publication *pub = p ? p->publications : NULL;
    while (pub && (pub->is_settings != is_settings || strcmp(pub->etag, etag) != 0)) {
        pub = pub->next;
    }
    return pub;
}

void publication_renew(struct publication *pub, uint32_t expires_s)
{
    struct env *env = pub->of->all->env;
    txns_draw(env->txns, pub->etag);
    timer_start(env->wheel, &pub->expiry, expires_s * 1000ull);
}

void publication_drop(struct publication *pub)
{
    struct presentity *p = pub->of;
    publication_free(pub);
    presentity_settle(p);
}
