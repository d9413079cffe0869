/* Presence authorisation documents. See auth_policy.h. */
#include "sig/pres/auth_policy.h"

#include "sig/base/xml_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define POLICY_NS "urn:ietf:params:xml:ns:common-policy"
#define RULES_NS "urn:ietf:params:xml:ns:pres-rules"

enum { HANDLING_MAX = 16 };

struct entry {
    char who[PROFILE_URI_MAX];
    enum rule_action action;
    unsigned order; /* in the document */
};

struct reading {
    struct entry *entries; /* [PROFILE_RULES_MAX] */
    unsigned n, first;     /* first: of the rule that is open */
    bool has_begun, is_ruleset, in_rule, in_conditions, in_identity, in_handling, has_identity;
    char handling[HANDLING_MAX]; /* of the rule that is open */
    size_t n_handling;
    int err;
    const char *why;
};

static void refuse(struct reading *r, int err, const char *why)
{
    if (!r->err) {
        r->err = err;
        r->why = why;
    }
}

/* What is within an identity: a user, or a whole domain. */
static void identity_open(struct reading *r, const char *name, const void *attributes)
{
    bool is_one = strcmp(name, "one") == 0, is_many = strcmp(name, "many") == 0;
    if (r->n == PROFILE_RULES_MAX) {
        refuse(r, -E2BIG, "too many identities");
    } else if ((!is_one && !is_many) || !xml_attribute(attributes, is_one ? "id" : "domain", r->entries[r->n].who,
                                                       sizeof r->entries[r->n].who)) {
        refuse(r, -EINVAL, "a condition is one with an id, or many of a domain; exceptions are not imported");
    } else {
        r->entries[r->n].order = r->n;
        r->n++;
        r->has_identity = true;
    }
}

static void on_open(void *ctx, const char *space, const char *name, const void *attributes)
{
    struct reading *r = ctx;
    bool is_policy = strcmp(space, POLICY_NS) == 0;
    if (!r->has_begun) {
        r->has_begun = true;
        r->is_ruleset = is_policy && strcmp(name, "ruleset") == 0;
    } else if (r->in_identity) {
        identity_open(r, name, attributes);
    } else if (is_policy && strcmp(name, "rule") == 0) {
        r->in_rule = true;
        r->has_identity = false;
        r->first = r->n;
        r->handling[0] = '\0';
    } else if (is_policy && strcmp(name, "identity") == 0 && r->in_conditions) {
        r->in_identity = true;
    } else if (r->in_conditions) {
        refuse(r, -EINVAL, "conditions but identity are not imported");
    } else if (is_policy && strcmp(name, "conditions") == 0) {
        r->in_conditions = true;
    } else if (strcmp(space, RULES_NS) == 0 && strcmp(name, "sub-handling") == 0) {
        r->in_handling = true;
        r->n_handling = 0;
    }
}

/* RFC 5025 3.2.1; a rule without an action grants nothing. */
static enum rule_action action_of(struct reading *r)
{
    static const char *const words[RULE_ACTIONS] = {
        [RULE_BLOCK] = "block", [RULE_POLITE] = "polite-block", [RULE_CONFIRM] = "confirm", [RULE_ALLOW] = "allow"};
    const char *word = r->handling + strspn(r->handling, " \t\r\n");
    unsigned i = 0;
    while (i < RULE_ACTIONS && strncmp(word, words[i], strlen(words[i])) != 0) {
        i++;
    }
    if (i == RULE_ACTIONS && *word) {
        refuse(r, -EINVAL, "sub-handling is block, confirm, polite-block or allow");
    }
    return i < RULE_ACTIONS ? (enum rule_action)i : RULE_BLOCK;
}

static void rule_close(struct reading *r)
{
    enum rule_action action = action_of(r);
    r->in_rule = false;
    if (!r->has_identity) {
        refuse(r, -EINVAL, "a rule without an identity is for --presence-default");
    }
    for (unsigned i = r->first; i < r->n; i++) {
        r->entries[i].action = action;
    }
}

static void on_close(void *ctx, const char *name)
{
    struct reading *r = ctx;
    if (strcmp(name, "identity") == 0) {
        r->in_identity = false;
    } else if (strcmp(name, "conditions") == 0) {
        r->in_conditions = false;
    } else if (strcmp(name, "sub-handling") == 0) {
        r->in_handling = false;
    } else if (strcmp(name, "rule") == 0 && r->in_rule) {
        rule_close(r);
    }
}

static void on_text(void *ctx, const char *text, size_t n)
{
    struct reading *r = ctx;
    if (r->in_handling) {
        size_t put = MIN(n, sizeof r->handling - 1 - r->n_handling);
        memcpy(r->handling + r->n_handling, text, put);
        r->n_handling += put;
        r->handling[r->n_handling] = '\0';
    }
}

/* RFC 5025 3.2.1: allow is worth more than polite-block, that more than confirm, that more than block. */
static int by_worth(const void *one, const void *other)
{
    static const int worth[RULE_ACTIONS] = {
        [RULE_BLOCK] = 0, [RULE_CONFIRM] = 10, [RULE_POLITE] = 20, [RULE_ALLOW] = 30};
    const struct entry *a = one, *b = other;
    return worth[a->action] != worth[b->action] ? worth[b->action] - worth[a->action] : (int)a->order - (int)b->order;
}

int auth_policy_read(struct rules **rules, const char *text, size_t n, const struct profile_namer *namer,
                     const char **why)
{
    struct reading r = {.entries = calloc(PROFILE_RULES_MAX, sizeof *r.entries)};
    const char *whos[PROFILE_RULES_MAX];
    enum rule_action actions[PROFILE_RULES_MAX];
    if (!r.entries) {
        return -ENOMEM;
    }
    int err = xml_read(text, n, &(struct xml_reader){&r, on_open, on_close, on_text});
    err = err == -EBADMSG || (!err && !r.is_ruleset) ? -EINVAL : err ? err : r.err;
    *why = r.why ? r.why : "the body is no ruleset of RFC 4745";
    if (!err) {
        qsort(r.entries, r.n, sizeof *r.entries, by_worth);
        for (unsigned i = 0; i < r.n; i++) {
            whos[i] = r.entries[i].who;
            actions[i] = r.entries[i].action;
        }
        err = rules_make(rules, whos, actions, r.n, namer, why);
    }
    free(r.entries);
    return err;
}
