/*
 * What operators write of users, as JSON: rules (which watchers are shown presence) and lists of members (buddies,
 * groups). The same text comes by HTTP and lies in the store. A wrapper of jansson.
 */
#ifndef SIG_PRES_PROFILE_H
#define SIG_PRES_PROFILE_H

#include "core/base/base.h"

#include <stddef.h>

#define PROFILE_RULES_MAX 256
#define PROFILE_MEMBERS_MAX 500
#define PROFILE_URI_MAX 384

/* What a watcher gets: 403; closed, as of a user that is away; nothing until the owner decides; everything. */
enum rule_action { RULE_BLOCK, RULE_POLITE, RULE_CONFIRM, RULE_ALLOW, RULE_ACTIONS };

struct rule {
    const char *who; /* "user@host", or "host" for all of a domain */
    enum rule_action action;
};

struct rules {
    unsigned n;
    struct rule all[];
};

struct members {
    unsigned n;
    const char *uris[]; /* "sip:user@host" */
};

/* Brings a URI, or a domain, into the one form that is compared. @return false: it is none */
struct profile_namer {
    const void *ctx;
    bool (*name)(const void *ctx, const char *text, char out[PROFILE_URI_MAX]);
};

/** "block", "polite", "confirm", "allow". @return RULE_ACTIONS: none of them */
enum rule_action rule_action_named(const char *word);
const char *rule_action_name(enum rule_action action);

/**
 * Reads {"rules":[{"who":"sip:b@x or domain","action":"allow"}]}. The first rule that fits counts.
 *
 * @param rules  by malloc, one piece
 * @return 0 | -EINVAL, *why says what is wrong | -E2BIG | -ENOMEM
 */
int rules_read(struct rules **rules, const char *text, size_t n, const struct profile_namer *namer, const char **why);

/** Rules of names and actions, as rules_read makes them. */
int rules_make(struct rules **rules, const char *const *whos, const enum rule_action *actions, unsigned n,
               const struct profile_namer *namer, const char **why);

/** Reads {"members":["sip:a@x"]}; each once. As rules_read. */
int members_read(struct members **members, const char *text, size_t n, const struct profile_namer *namer,
                 const char **why);

/** Members of URIs, as members_read makes them. */
int members_make(struct members **members, const char *const *uris, unsigned n, const struct profile_namer *namer,
                 const char **why);

/** The same text again, by malloc. @return NULL: no memory */
char *rules_write(const struct rules *rules);
char *members_write(const struct members *members);

/** The first rule that fits a name ("user@host"), else fallback. rules NULL: there are none */
enum rule_action rules_judge(const struct rules *rules, const char *name, enum rule_action fallback);

/** A line of the list of users: {"user":...,"identifications":[...],"status":...,"node":...}, by malloc. @return NULL:
 * no memory */
char *profile_user_write(const char *user, const char *const *identifications, unsigned n, const char *status,
                         const char *node);

#endif
