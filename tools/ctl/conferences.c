/* Conferences and their policies. A server that runs is told of a change by its store within a second or two. */
#include "tools/ctl/conferences.h"

#include "tools/config/config.h"
#include "tools/ctl/store_cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { ROWS_MAX = 1 << 20, LABEL_CHARS_MIN = 8 };

/* What is to be changed. */
struct change {
    const char *verb;
    char key[STORE_KEY_MAX];
    bool is_name; /* written as conf=NAME: it need not live yet */
    bool has_pin, no_pin;
    int locked;    /* -1: as it is */
    long legs_max; /* -1: as it is, 0: as many as any */
};

/* All that the store knows of one kind. */
struct rows {
    struct store_reply *replies;
    size_t n;
};

/* @return 0 | 1 */
static int rows_take(struct store *store, enum store_op op, struct rows *rows)
{
    struct store_req req = {.op = op, .cookie = 1}; /* changes are told with 0 */
    struct store_reply reply;
    *rows = (struct rows){0};
    for (bool got = store_cli_ask(store, &req, &reply); got; got = store_cli_take(store, &req, &reply)) {
        if (reply.answer == STORE_DONE) {
            return 0;
        }
        struct store_reply *grown = reply.answer == STORE_FAILED || rows->n == ROWS_MAX
                                        ? NULL
                                        : reallocarray(rows->replies, rows->n + 1, sizeof *grown);
        if (!grown) {
            break;
        }
        rows->replies = grown;
        rows->replies[rows->n++] = reply;
    }
    return store_cli_complain("the store does not tell all that it has");
}

/* @return NULL: it has no policy */
static const struct store_policy *policy_find(const struct rows *policies, const char *key)
{
    for (size_t i = 0; i < policies->n; i++) {
        if (strcmp(policies->replies[i].policy.key, key) == 0) {
            return &policies->replies[i].policy;
        }
    }
    return NULL;
}

static const struct store_conf *conf_find(const struct rows *confs, const char *key)
{
    for (size_t i = 0; i < confs->n; i++) {
        const struct store_conf *conf = &confs->replies[i].conf;
        if (strcmp(conf->token, key) == 0 || strcmp(conf->name, key) == 0) {
            return conf;
        }
    }
    return NULL;
}

/*
 * The key that a word stands for: a living conference's token, by its URI, its label (the first characters, as log and
 * API name it) or its name of sip:conf=NAME; a name that has a policy; or with conf= any name.
 *
 * @return 0, and change->key is it | 1, and has complained
 */
static int key_settle(struct change *change, const struct rows *confs, const struct rows *policies)
{
    const struct store_conf *found = conf_find(confs, change->key);
    unsigned n_labelled = 0;
    size_t n = strlen(change->key);
    if (change->is_name || policy_find(policies, change->key)) {
        return 0;
    }
    for (size_t i = 0; i < confs->n && !found && n >= LABEL_CHARS_MIN; i++) {
        const struct store_conf *conf = &confs->replies[i].conf;
        if (strncmp(conf->token, change->key, n) == 0) {
            n_labelled++;
            found = n_labelled == 1 ? conf : NULL;
        }
    }
    if (!found || n_labelled > 1) {
        fprintf(stderr,
                n_labelled > 1 ? "mixminusctl: several conferences begin with %s; write more of it\n"
                               : "mixminusctl: there is no conference %s; look at conf list. For a name that is to be "
                                 "called later write conf=NAME\n",
                change->key);
        return 1;
    }
    if (strcmp(found->name, change->key) != 0) {
        strcpy(change->key, found->token);
    }
    return 0;
}

/* ---- verbs ---- */

static void line_print(const char *key, const char *name, const char *state, const char *expires, const char *creator,
                       const struct store_policy *policy)
{
    char legs[16] = "-";
    if (policy && policy->legs_max) {
        snprintf(legs, sizeof legs, "%u", policy->legs_max);
    }
    printf("%-56s %-16s %-8s %-20s %-6s %-6s %-4s %s\n", key, *name ? name : "-", state, expires, legs,
           policy && policy->is_locked ? "yes" : "no", policy && policy->has_pin ? "yes" : "no",
           *creator ? creator : "-");
}

static int list(struct store *store)
{
    struct rows confs, policies;
    int status = rows_take(store, STORE_CONFS, &confs) || rows_take(store, STORE_POLICIES, &policies);
    if (status == 0) {
        printf("%-56s %-16s %-8s %-20s %-6s %-6s %-4s %s\n", "conference", "name", "state", "expires", "legs", "locked",
               "PIN", "asked for by");
        for (size_t i = 0; i < confs.n; i++) {
            const struct store_conf *conf = &confs.replies[i].conf;
            const struct store_policy *policy = policy_find(&policies, conf->token);
            time_t when = (time_t)conf->expires_s;
            struct tm utc;
            char expires[32];
            strftime(expires, sizeof expires, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&when, &utc));
            line_print(conf->token, conf->name, conf->state == STORE_ACTIVE ? "active" : "issued", expires,
                       conf->creator,
                       policy        ? policy
                       : *conf->name ? policy_find(&policies, conf->name)
                                     : NULL);
        }
        for (size_t i = 0; i < policies.n; i++) { /* of names that have not been called yet */
            const struct store_policy *policy = &policies.replies[i].policy;
            if (!conf_find(&confs, policy->key)) {
                line_print("-", policy->key, "-", "-", "", policy);
            }
        }
    }
    free(confs.replies);
    if (status == 0) {
        free(policies.replies);
    }
    return status;
}

/* What holds of it now. */
static void policy_say(const struct store_policy *policy)
{
    char limit[48] = "no limit of its own";
    if (policy->legs_max) {
        snprintf(limit, sizeof limit, "%u participants at most", policy->legs_max);
    }
    printf("%s: %s, %s, %s PIN\n", policy->key, policy->is_locked ? "locked" : "not locked", limit,
           policy->has_pin ? "with a" : "no");
}

static int set(struct store *store, struct change *change)
{
    struct rows confs, policies;
    struct store_req req = {.op = STORE_POLICY_PUT};
    char of[AUTH_USER_MAX];
    if (rows_take(store, STORE_CONFS, &confs) != 0 || rows_take(store, STORE_POLICIES, &policies) != 0) {
        return 1;
    }
    int status = key_settle(change, &confs, &policies);
    const struct store_policy *was = policy_find(&policies, change->key);
    if (was) {
        req.policy = *was;
    }
    snprintf(req.policy.key, sizeof req.policy.key, "%s", change->key);
    if (status == 0 && change->has_pin) {
        status = store_cli_pin(store, store_policy_subject(of, change->key), req.policy.pin);
        req.policy.has_pin = status == 0;
    }
    req.policy.has_pin = req.policy.has_pin && !change->no_pin;
    req.policy.is_locked = change->locked < 0 ? req.policy.is_locked : change->locked > 0;
    req.policy.legs_max = change->legs_max < 0 ? req.policy.legs_max : (uint32_t)change->legs_max;
    if (status == 0) {
        status = store_cli_write(store, &req);
    }
    if (status == 0) {
        policy_say(&req.policy);
    }
    free(confs.replies);
    free(policies.replies);
    return status;
}

static int drop(struct store *store, struct change *change)
{
    struct rows confs, policies;
    struct store_req req = {.op = STORE_POLICY_DROP};
    if (rows_take(store, STORE_CONFS, &confs) != 0 || rows_take(store, STORE_POLICIES, &policies) != 0) {
        return 1;
    }
    change->is_name = false;
    int status = key_settle(change, &confs, &policies);
    const struct store_policy *was = policy_find(&policies, change->key);
    if (status == 0 && !was) {
        fprintf(stderr, "mixminusctl: %s has no policy\n", change->key);
        status = 1;
    }
    if (status == 0) {
        snprintf(req.policy.key, sizeof req.policy.key, "%s", change->key);
        status = store_cli_write(store, &req);
    }
    if (status == 0) {
        printf("%s: removed:%s%s%s. The conference itself goes on\n", change->key, was->is_locked ? " its lock" : "",
               was->legs_max ? " its limit" : "", was->has_pin ? " its PIN" : "");
    }
    free(confs.replies);
    free(policies.replies);
    return status;
}

/* ---- words ---- */

/* One of our own flags? @return 1 it is | 0 it is not | -EINVAL its value is wrong, and has complained */
static int change_take(struct change *change, const char *arg)
{
    char *end;
    if (strncmp(arg, "--legs=", 7) == 0) {
        change->legs_max = strtol(arg + 7, &end, 10);
        if (*end != '\0' || end == arg + 7 || change->legs_max < 0 || change->legs_max > 1000000) {
            fprintf(stderr,
                    "mixminusctl: --legs takes a number of participants up to 1000000, 0: the server's limit\n");
            return -EINVAL;
        }
        return 1;
    }
    int is_locked = store_cli_yes_no(arg, "--locked", &change->locked);
    if (is_locked) {
        return is_locked;
    }
    change->has_pin |= strcmp(arg, "--pin") == 0;
    change->no_pin |= strcmp(arg, "--no-pin") == 0;
    return strcmp(arg, "--pin") == 0 || strcmp(arg, "--no-pin") == 0;
}

/* A name, a token, or the conference's URI. @return 0 | 2 */
static int key_take(struct change *change, const char *word)
{
    static const char netann[] = "conf=";
    const char *key = strncasecmp(word, "sip:", 4) == 0 ? word + 4 : word;
    change->is_name = strncasecmp(key, netann, sizeof netann - 1) == 0;
    key += change->is_name ? sizeof netann - 1 : 0;
    size_t n = strcspn(key, "@");
    if (n == 0 || n >= sizeof change->key ||
        strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~") < n) {
        fprintf(stderr, "mixminusctl: %s is no conference's name, token or URI\n", word);
        return 2;
    }
    memcpy(change->key, key, n);
    change->key[n] = '\0';
    return 0;
}

int conferences_run(int argc, char **argv)
{
    static struct config config;
    struct change change = {.verb = argc > 1 ? argv[1] : "", .locked = -1, .legs_max = -1};
    struct store *store;
    char *flags[64] = {argv[0]};
    int n_flags = 1;
    bool is_list = strcmp(change.verb, "list") == 0, is_set = strcmp(change.verb, "set") == 0;
    bool has_key = is_set || strcmp(change.verb, "drop") == 0;
    if ((!is_list && !has_key) || (has_key && argc < 3)) {
        fprintf(stderr, "mixminusctl: write conf list, conf set CONFERENCE ... or conf drop CONFERENCE\n");
        return 2;
    }
    if (has_key && key_take(&change, argv[2]) != 0) {
        return 2;
    }
    for (int i = has_key ? 3 : 2; i < argc; i++) {
        int is_ours = is_set ? change_take(&change, argv[i]) : 0;
        if (is_ours < 0) {
            return 2;
        }
        if (!is_ours && n_flags + 1 < (int)ARRAY_LEN(flags)) {
            flags[n_flags++] = argv[i];
        }
    }
    int status = store_cli_config(&config, n_flags, flags, "conf");
    status = status ? status : store_cli_store(&config, &store);
    if (status == 0) {
        status = is_list ? list(store) : is_set ? set(store, &change) : drop(store, &change);
        store_close(store); /* after everything has been written */
    }
    return status;
}
