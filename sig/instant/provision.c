/* Who has which service. See provision.h. */
#include "sig/instant/provision.h"

#include "sig/base/hash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 16384 /* power of two */

struct provisions {
    uint32_t seed;
    struct provision *buckets[BUCKETS];
};

int provisions_build(struct provisions **out, const uint8_t secret[KEYS_SECRET_BYTES])
{
    *out = calloc(1, sizeof **out);
    if (!*out) {
        return -ENOMEM;
    }
    (*out)->seed = hash_seed(secret);
    return 0;
}

void provisions_free(struct provisions *all)
{
    for (unsigned i = 0; all && i < BUCKETS; i++) {
        while (all->buckets[i]) {
            struct provision *p = all->buckets[i];
            all->buckets[i] = p->next;
            free(p);
        }
    }
    free(all);
}

/* Not empty, and no character that would need an escape in a log or a page. */
static bool is_plain(const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~";
    return *name && name[strspn(name, plain)] == '\0';
}

bool provision_name_split(const char *name, char service[PROVISION_SERVICE_MAX], char identification[AUTH_USER_MAX])
{
    const char *slash = strchr(name, '/');
    size_t n = slash ? (size_t)(slash - name) : 0;
    if (n == 0 || n >= PROVISION_SERVICE_MAX || slash[1] == '\0' || strlen(slash + 1) >= AUTH_USER_MAX) {
        return false;
    }
    memcpy(service, name, n);
    service[n] = '\0';
    /* "sip:alice@x" and "alice" are the same: its host is ours */
    const char *colon = strchr(slash + 1, ':'), *user = colon ? colon + 1 : slash + 1;
    size_t n_user = strcspn(user, "@;");
    memcpy(identification, user, n_user);
    identification[n_user] = '\0';
    return is_plain(identification);
}

static struct provision **bucket_of(const struct provisions *all, const char *account)
{
    return (struct provision **)&all->buckets[hash_text(all->seed, account) & (BUCKETS - 1)];
}

static struct provision **link_of(const struct provisions *all, const char *account, const char *service,
                                  const char *identification)
{
    struct provision **link = bucket_of(all, account);
    while (*link && (strcmp((*link)->account, account) != 0 || strcmp((*link)->service, service) != 0 ||
                     strcmp((*link)->identification, identification) != 0)) {
        link = &(*link)->next;
    }
    return link;
}

int provisions_put(struct provisions *all, const char *account, const char *name, const char *body)
{
    char service[PROVISION_SERVICE_MAX], identification[AUTH_USER_MAX];
    struct service_profile profile;
    const char *why;
    if (strlen(account) >= AUTH_USER_MAX || !is_plain(account) ||
        !provision_name_split(name, service, identification) ||
        (body && service_profile_read(&profile, body, strlen(body), &why) != 0)) {
        return -EINVAL;
    }
    struct provision **link = link_of(all, account, service, identification), *p = *link;
    if (!body) {
        *link = p ? p->next : NULL;
        free(p);
        return 0;
    }
    if (!p) {
        p = calloc(1, sizeof *p);
        if (!p) {
            return -ENOMEM;
        }
        strcpy(p->account, account);
        strcpy(p->service, service);
        strcpy(p->identification, identification);
        *link = p;
    }
    p->profile = profile;
    return 0;
}

const struct provision *provisions_find(const struct provisions *all, const char *account, const char *service,
                                        const char *identification)
{
    return *link_of(all, account, service, identification);
}

struct provision *provisions_of(struct provisions *all, const char *account, const char *service,
                                const char *identification)
{
    char name[PROVISION_SERVICE_MAX + AUTH_USER_MAX + 64], kind[PROVISION_SERVICE_MAX], user[AUTH_USER_MAX];
    int n = snprintf(name, sizeof name, "%s/%s", service, identification);
    bool is_fine = n > 0 && (size_t)n < sizeof name && provision_name_split(name, kind, user);
    return is_fine ? *link_of(all, account, kind, user) : NULL;
}

void provisions_each(struct provisions *all, const char *account, void *ctx,
                     void (*each)(void *ctx, struct provision *provision))
{
    for (struct provision *p = *bucket_of(all, account), *next; p; p = next) {
        next = p->next;
        if (strcmp(p->account, account) == 0) {
            each(ctx, p);
        }
    }
}
