/* jansson's wrapper for presence. See profile.h. */
#include "sig/pres/profile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

static const char *const action_words[RULE_ACTIONS] = {
    [RULE_BLOCK] = "block", [RULE_POLITE] = "polite", [RULE_CONFIRM] = "confirm", [RULE_ALLOW] = "allow"};

enum rule_action rule_action_named(const char *word)
{
    unsigned i = 0;
    while (i < RULE_ACTIONS && strcmp(action_words[i], word) != 0) {
        i++;
    }
    return (enum rule_action)i;
}

const char *rule_action_name(enum rule_action action)
{
    return action_words[action];
}

/* ---- reading ---- */

/* The array of that name in an object that has nothing else. @return NULL: it is not so */
static json_t *list_read(const char *text, size_t n, const char *name, json_t **root, const char **why)
{
    json_error_t error;
    *root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error);
    json_t *list = *root ? json_object_get(*root, name) : NULL;
    *why = !*root ? "the body is no JSON object" : "the body has one array: rules, or members";
    return json_is_array(list) && json_object_size(*root) == 1 ? list : NULL;
}

/* A copy without the room that shorter names have left; the old one is freed. @return NULL: no memory */
static void *compact(void *old, size_t n_bytes, const char **first, size_t stride_bytes, unsigned n)
{
    char *made = malloc(n_bytes);
    size_t first_at = (size_t)((char *)first - (char *)old);
    if (made) {
        memcpy(made, old, n_bytes);
        for (unsigned i = 0; i < n; i++) {
            const char **name = (const char **)(void *)(made + first_at + i * stride_bytes);
            *name = made + (*name - (const char *)old);
        }
    }
    free(old);
    return made;
}

int rules_make(struct rules **out, const char *const *whos, const enum rule_action *actions, unsigned n,
               const struct profile_namer *namer, const char **why)
{
    size_t head = sizeof **out + n * sizeof(struct rule);
    char name[PROFILE_URI_MAX];
    if (n > PROFILE_RULES_MAX) {
        return -E2BIG;
    }
    struct rules *rules = calloc(1, head + (size_t)n * PROFILE_URI_MAX);
    if (!rules) {
        return -ENOMEM;
    }
    char *at = (char *)rules + head;
    for (unsigned i = 0; i < n; i++) {
        if (!whos[i] || actions[i] >= RULE_ACTIONS || !namer->name(namer->ctx, whos[i], name)) {
            *why = "a rule has who, a SIP URI or a domain, and action: block, polite, confirm or allow";
            free(rules);
            return -EINVAL;
        }
        rules->all[i] = (struct rule){at, actions[i]};
        at = stpcpy(at, name) + 1;
    }
    rules->n = n;
    *out = compact(rules, (size_t)(at - (char *)rules), &rules->all[0].who, sizeof rules->all[0], n);
    return *out ? 0 : -ENOMEM;
}

int rules_read(struct rules **out, const char *text, size_t n, const struct profile_namer *namer, const char **why)
{
    const char *whos[PROFILE_RULES_MAX];
    enum rule_action actions[PROFILE_RULES_MAX];
    json_t *root, *list = list_read(text, n, "rules", &root, why);
    size_t n_rules = json_array_size(list);
    int err = !list ? -EINVAL : n_rules > PROFILE_RULES_MAX ? -E2BIG : 0;
    for (size_t i = 0; i < n_rules && !err; i++) {
        const json_t *one = json_array_get(list, i);
        const char *action = json_string_value(json_object_get(one, "action"));
        whos[i] = json_object_size(one) == 2 ? json_string_value(json_object_get(one, "who")) : NULL;
        actions[i] = action ? rule_action_named(action) : RULE_ACTIONS;
    }
    err = err ? err : rules_make(out, whos, actions, (unsigned)n_rules, namer, why);
    json_decref(root);
    return err;
}

static bool members_have(const struct members *members, const char *uri)
{
    for (unsigned i = 0; i < members->n; i++) {
        if (strcmp(members->uris[i], uri) == 0) {
            return true;
        }
    }
    return false;
}

int members_make(struct members **out, const char *const *uris, unsigned n, const struct profile_namer *namer,
                 const char **why)
{
    size_t head = sizeof **out + n * sizeof(const char *);
    char name[PROFILE_URI_MAX];
    if (n > PROFILE_MEMBERS_MAX) {
        return -E2BIG;
    }
    struct members *members = calloc(1, head + (size_t)n * (PROFILE_URI_MAX + 4));
    if (!members) {
        return -ENOMEM;
    }
    char *at = (char *)members + head;
    for (unsigned i = 0; i < n; i++) {
        if (!uris[i] || !namer->name(namer->ctx, uris[i], name) || !strchr(name, '@')) {
            *why = "a member is a SIP URI with a user";
            free(members);
            return -EINVAL;
        }
        strcpy(stpcpy(at, "sip:"), name);
        if (!members_have(members, at)) {
            members->uris[members->n++] = at;
            at += strlen(at) + 1;
        }
    }
    *out = compact(members, (size_t)(at - (char *)members), &members->uris[0], sizeof members->uris[0], members->n);
    return *out ? 0 : -ENOMEM;
}

int members_read(struct members **out, const char *text, size_t n, const struct profile_namer *namer, const char **why)
{
    const char *uris[PROFILE_MEMBERS_MAX];
    json_t *root, *list = list_read(text, n, "members", &root, why);
    size_t n_uris = json_array_size(list);
    int err = !list ? -EINVAL : n_uris > PROFILE_MEMBERS_MAX ? -E2BIG : 0;
    for (size_t i = 0; i < n_uris && !err; i++) {
        uris[i] = json_string_value(json_array_get(list, i));
    }
    err = err ? err : members_make(out, uris, (unsigned)n_uris, namer, why);
    json_decref(root);
    return err;
}

/* ---- writing ---- */

static char *text_of(json_t *root)
{
    char *text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    return text;
}

char *rules_write(const struct rules *rules)
{
    json_t *root = json_object(), *list = json_array();
    for (unsigned i = 0; i < rules->n; i++) {
        json_array_append_new(
            list, json_pack("{s:s,s:s}", "who", rules->all[i].who, "action", action_words[rules->all[i].action]));
    }
    json_object_set_new(root, "rules", list);
    return text_of(root);
}

char *members_write(const struct members *members)
{
    json_t *root = json_object(), *list = json_array();
    for (unsigned i = 0; i < members->n; i++) {
        json_array_append_new(list, json_string(members->uris[i]));
    }
    json_object_set_new(root, "members", list);
    return text_of(root);
}

char *profile_user_write(const char *user, const char *const *identifications, unsigned n, const char *status,
                         const char *node)
{
    json_t *root = json_object(), *list = json_array(), *name = json_string(user);
    for (unsigned i = 0; i < n; i++) {
        json_array_append_new(list, json_string(identifications[i]));
    }
    json_object_set_new(root, "user", name ? name : json_string("?")); /* what is no UTF-8 */
    json_object_set_new(root, "identifications", list);
    json_object_set_new(root, "status", json_string(status));
    json_object_set_new(root, "node", json_string(node));
    return text_of(root);
}

/* ---- judging ---- */

enum rule_action rules_judge(const struct rules *rules, const char *name, enum rule_action fallback)
{
    const char *at = strchr(name, '@'), *host = at ? at + 1 : name;
    for (unsigned i = 0; rules && i < rules->n; i++) {
        const char *who = rules->all[i].who;
        if (strcmp(who, strchr(who, '@') ? name : host) == 0) {
            return rules->all[i].action;
        }
    }
    return fallback;
}
