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
struct wish {
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
    for (bool got = desk_ask(store, &req, &reply); got; got = desk_take(store, &req, &reply)) {
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
    return desk_complain("the store does not tell all that it has");
}

/* @return NULL: nothing is wished of it */
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
 * @return 0, and wish->key is it | 1, and has complained
 */
static int key_settle(struct wish *wish, const struct rows *confs, const struct rows *policies)
{
    const struct store_conf *found = conf_find(confs, wish->key);
    unsigned n_labelled = 0;
    size_t n = strlen(wish->key);
    if (wish->is_name || policy_find(policies, wish->key)) {
        return 0;
    }
    for (size_t i = 0; i < confs->n && !found && n >= LABEL_CHARS_MIN; i++) {
        const struct store_conf *conf = &confs->replies[i].conf;
        if (strncmp(conf->token, wish->key, n) == 0) {
            n_labelled++;
            found = n_labelled == 1 ? conf : NULL;
        }
    }
    if (!found || n_labelled > 1) {
        fprintf(stderr,
                n_labelled > 1 ? "mixminusctl: several conferences begin with %s; write more of it\n"
                               : "mixminusctl: there is no conference %s; look at conf list. For a name that is to be "
                                 "called later write conf=NAME\n",
                wish->key);
        return 1;
    }
    if (strcmp(found->name, wish->key) != 0) {
        strcpy(wish->key, found->token);
    }
    return 0;
}

/* ---- verbs ---- */

static void line_print(const char *key, const char *name, const char *state, const char *expires, const char *creator,
                       const struct store_policy *wish)
{
    char legs[16] = "-";
    if (wish && wish->legs_max) {
        snprintf(legs, sizeof legs, "%u", wish->legs_max);
    }
    printf("%-56s %-16s %-8s %-20s %-6s %-6s %-4s %s\n", key, *name ? name : "-", state, expires, legs,
           wish && wish->is_locked ? "yes" : "no", wish && wish->has_pin ? "yes" : "no", *creator ? creator : "-");
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
            const struct store_policy *wish = policy_find(&policies, conf->token);
            time_t when = (time_t)conf->expires_s;
            struct tm utc;
            char expires[32];
            strftime(expires, sizeof expires, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&when, &utc));
            line_print(conf->token, conf->name, conf->state == STORE_ACTIVE ? "active" : "issued", expires,
                       conf->creator,
                       wish          ? wish
                       : *conf->name ? policy_find(&policies, conf->name)
                                     : NULL);
        }
        for (size_t i = 0; i < policies.n; i++) { /* of names that nobody has called yet */
            const struct store_policy *wish = &policies.replies[i].policy;
            if (!conf_find(&confs, wish->key)) {
                line_print("-", wish->key, "-", "-", "", wish);
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

static int set(struct store *store, struct wish *wish)
{
    struct rows confs, policies;
    struct store_req req = {.op = STORE_POLICY_PUT};
    char of[AUTH_USER_MAX];
    if (rows_take(store, STORE_CONFS, &confs) != 0 || rows_take(store, STORE_POLICIES, &policies) != 0) {
        return 1;
    }
    int status = key_settle(wish, &confs, &policies);
    const struct store_policy *was = policy_find(&policies, wish->key);
    if (was) {
        req.policy = *was;
    }
    snprintf(req.policy.key, sizeof req.policy.key, "%s", wish->key);
    if (status == 0 && wish->has_pin) {
        status = desk_pin(store, store_policy_subject(of, wish->key), req.policy.pin);
        req.policy.has_pin = status == 0;
    }
    req.policy.has_pin = req.policy.has_pin && !wish->no_pin;
    req.policy.is_locked = wish->locked < 0 ? req.policy.is_locked : wish->locked > 0;
    req.policy.legs_max = wish->legs_max < 0 ? req.policy.legs_max : (uint32_t)wish->legs_max;
    if (status == 0) {
        status = desk_write(store, &req);
    }
    if (status == 0) {
        policy_say(&req.policy);
    }
    free(confs.replies);
    free(policies.replies);
    return status;
}

static int drop(struct store *store, struct wish *wish)
{
    struct rows confs, policies;
    struct store_req req = {.op = STORE_POLICY_DROP};
    if (rows_take(store, STORE_CONFS, &confs) != 0 || rows_take(store, STORE_POLICIES, &policies) != 0) {
        return 1;
    }
    wish->is_name = false;
    int status = key_settle(wish, &confs, &policies);
    const struct store_policy *was = policy_find(&policies, wish->key);
    if (status == 0 && !was) {
        fprintf(stderr, "mixminusctl: %s has no policy\n", wish->key);
        status = 1;
    }
    if (status == 0) {
        snprintf(req.policy.key, sizeof req.policy.key, "%s", wish->key);
        status = desk_write(store, &req);
    }
    if (status == 0) {
        printf("%s: removed:%s%s%s. The conference itself goes on\n", wish->key, was->is_locked ? " its lock" : "",
               was->legs_max ? " its limit" : "", was->has_pin ? " its PIN" : "");
    }
    free(confs.replies);
    free(policies.replies);
    return status;
}

/* ---- words ---- */

/* One of our own flags? @return 1 it is | 0 it is not | -EINVAL its value is wrong, and has complained */
static int wish_take(struct wish *wish, const char *arg)
{
    char *end;
    if (strncmp(arg, "--legs=", 7) == 0) {
        wish->legs_max = strtol(arg + 7, &end, 10);
        if (*end != '\0' || end == arg + 7 || wish->legs_max < 0 || wish->legs_max > 1000000) {
            fprintf(stderr,
                    "mixminusctl: --legs takes a number of participants up to 1000000, 0: the server's limit\n");
            return -EINVAL;
        }
        return 1;
    }
    int is_locked = desk_yes_no(arg, "--locked", &wish->locked);
    if (is_locked) {
        return is_locked;
    }
    wish->has_pin |= strcmp(arg, "--pin") == 0;
    wish->no_pin |= strcmp(arg, "--no-pin") == 0;
    return strcmp(arg, "--pin") == 0 || strcmp(arg, "--no-pin") == 0;
}

/* A name, a token, or the conference's URI. @return 0 | 2 */
static int key_take(struct wish *wish, const char *word)
{
    static const char netann[] = "conf=";
    const char *key = strncasecmp(word, "sip:", 4) == 0 ? word + 4 : word;
    wish->is_name = strncasecmp(key, netann, sizeof netann - 1) == 0;
    key += wish->is_name ? sizeof netann - 1 : 0;
    size_t n = strcspn(key, "@");
    if (n == 0 || n >= sizeof wish->key ||
        strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~") < n) {
        fprintf(stderr, "mixminusctl: %s is no conference's name, token or URI\n", word);
        return 2;
    }
    memcpy(wish->key, key, n);
    wish->key[n] = '\0';
    return 0;
}

int conferences_run(int argc, char **argv)
{
    static struct config config;
    struct wish wish = {.verb = argc > 1 ? argv[1] : "", .locked = -1, .legs_max = -1};
    struct store *store;
    char *flags[64] = {argv[0]};
    int n_flags = 1;
    bool is_list = strcmp(wish.verb, "list") == 0, is_set = strcmp(wish.verb, "set") == 0;
    bool has_key = is_set || strcmp(wish.verb, "drop") == 0;
    if ((!is_list && !has_key) || (has_key && argc < 3)) {
        fprintf(stderr, "mixminusctl: write conf list, conf set CONFERENCE ... or conf drop CONFERENCE\n");
        return 2;
    }
    if (has_key && key_take(&wish, argv[2]) != 0) {
        return 2;
    }
    for (int i = has_key ? 3 : 2; i < argc; i++) {
        int is_ours = is_set ? wish_take(&wish, argv[i]) : 0;
        if (is_ours < 0) {
            return 2;
        }
        if (!is_ours && n_flags + 1 < (int)ARRAY_LEN(flags)) {
            flags[n_flags++] = argv[i];
        }
    }
    int status = desk_config(&config, n_flags, flags, "conf");
    status = status ? status : desk_store(&config, &store);
    if (status == 0) {
        status = is_list ? list(store) : is_set ? set(store, &wish) : drop(store, &wish);
        store_close(store); /* after everything has been written */
    }
    return status;
}
