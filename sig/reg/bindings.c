/* Registered phones. See bindings.h. */
#include "sig/reg/bindings.h"

#include "sig/base/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct bindings {
    struct timer_wheel *wheel;
    const uint8_t *secret;
    struct bindings_user user;
    uint32_t n;
    uint64_t last_order;
    struct binding *buckets[BINDINGS_BUCKETS];
};

static struct binding **bucket_of(const struct bindings *all, const char *user)
{
    return (struct binding **)&all->buckets[hash_text(hash_seed(all->secret), user) % BINDINGS_BUCKETS];
}

int bindings_build(struct bindings **out, struct timer_wheel *wheel, const uint8_t *secret,
                   const struct bindings_user *user)
{
    struct bindings *all = calloc(1, sizeof *all);
    if (!all) {
        return -ENOMEM;
    }
    all->wheel = wheel;
    all->secret = secret;
    all->user = *user;
    *out = all;
    return 0;
}

void bindings_free(struct bindings *all)
{
    for (size_t i = 0; all && i < BINDINGS_BUCKETS; i++) {
        while (all->buckets[i]) {
            bindings_drop(all->buckets[i]);
        }
    }
    free(all);
}

uint32_t bindings_count(const struct bindings *all)
{
    return all->n;
}

struct binding *bindings_next(const struct bindings *all, const char *user, const struct binding *after)
{
    struct binding *b = after ? after->next : *bucket_of(all, user);
    while (b && strcmp(b->user, user) != 0) {
        b = b->next;
    }
    return b;
}

struct binding *bindings_find(const struct bindings *all, const char *user, const char *key)
{
    struct binding *b = bindings_next(all, user, NULL);
    while (b && strcmp(b->key, key) != 0) {
        b = bindings_next(all, user, b);
    }
    return b;
}

void bindings_drop(struct binding *b)
{
    timer_stop(b->all->wheel, &b->expiry);
    *b->link = b->next;
    if (b->next) {
        b->next->link = b->link;
    }
    b->all->n--;
    free(b);
}

static void on_expiry(struct timer *timer, uint64_t now_ns)
{
    struct binding *b = TIMER_OWNER(timer, struct binding, expiry);
    b->all->user.ended(b->all->user.ctx, b);
    bindings_drop(b);
}

/* Copies the strings behind the struct. @return where the next one goes */
static char *text_put(const char **to, char *at, const char *text)
{
    size_t n = strlen(text) + 1;
    memcpy(at, text, n);
    *to = at;
    return at + n;
}

int bindings_put(struct bindings *all, const struct store_binding *kept, const struct flow *flow, uint64_t expires_ms)
{
    const char *const texts[] = {kept->user, kept->key, kept->contact, kept->path, kept->call_id};
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        n += strlen(texts[i]) + 1;
    }
    struct binding *b = calloc(1, sizeof *b + n), *old = bindings_find(all, kept->user, kept->key);
    if (!b) {
        return -ENOMEM;
    }
    if (old) {
        bindings_drop(old);
        b->is_refreshed = true;
    }
    const char **const to[] = {&b->user, &b->key, &b->contact, &b->path, &b->call_id};
    char *at = b->text;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        at = text_put(to[i], at, texts[i]);
    }
    struct binding **bucket = bucket_of(all, kept->user);
    b->all = all;
    b->next = *bucket;
    b->link = bucket;
    if (b->next) {
        b->next->link = &b->next;
    }
    *bucket = b;
    all->n++;
    b->has_flow = flow != NULL;
    b->flow = flow ? *flow : (struct flow){.conn = FLOW_NO_CONN};
    b->q_thousandths = kept->q_thousandths;
    b->cseq = kept->cseq;
    b->expires_s = kept->expires_s;
    b->order = ++all->last_order;
    timer_init(&b->expiry, on_expiry);
    timer_start(all->wheel, &b->expiry, expires_ms);
    return 0;
}

void bindings_write(const struct binding *b, struct store_binding *kept)
{
    *kept = (struct store_binding){.transport = b->flow.transport,
                                   .listener = b->flow.listener,
                                   .q_thousandths = b->q_thousandths,
                                   .cseq = b->cseq,
                                   .expires_s = b->expires_s};
    strcpy(kept->user, b->user); /* they came out of one */
    strcpy(kept->key, b->key);
    strcpy(kept->contact, b->contact);
    strcpy(kept->path, b->path);
    strcpy(kept->call_id, b->call_id);
    if (b->has_flow) {
        addr_text(&b->flow.remote, kept->source);
    }
}
