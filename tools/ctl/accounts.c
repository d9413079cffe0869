/* Accounts. The server sees a change at the next look-up. */
#include "tools/ctl/accounts.h"

#include "tools/config/config.h"
#include "tools/ctl/store_cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is to be changed. */
struct account_args {
    const char *verb, *user;
    bool has_password, has_pin, no_pin;
    int entitled, blocked; /* -1: as it is */
};

static int password_take(struct store_account *account, const char *realm)
{
    char line[STORE_CLI_LINE_BYTES];
    int status = store_cli_line("password", line);
    if (status == 0 && auth_secret_make(&account->secret, account->user, realm, line) != 0) {
        status = store_cli_complain("this system has no MD5 or SHA-256; is OpenSSL in FIPS mode?");
    }
    keys_wipe(line, sizeof line);
    return status;
}

static int pin_take(struct store_account *account, struct store *store)
{
    int status = store_cli_pin(store, account->user, account->pin);
    account->has_pin = status == 0;
    return status;
}

/* ---- verbs ---- */

/* add and set. */
static int change(struct store *store, const struct account_args *args, const char *realm)
{
    bool is_new = strcmp(args->verb, "add") == 0;
    struct store_req req = {.op = STORE_ACCOUNT};
    struct store_reply reply;
    snprintf(req.account.user, sizeof req.account.user, "%s", args->user);
    if (!store_cli_ask(store, &req, &reply) || reply.answer != STORE_ACCOUNT_IS) {
        return store_cli_complain("the store does not answer");
    }
    if (reply.found == is_new) {
        fprintf(stderr, "mixminusctl: %s %s; take \"user %s\"\n", args->user,
                is_new ? "is there already" : "has no account", is_new ? "set" : "add");
        return 1;
    }
    struct store_account account = {.is_entitled = true};
    if (reply.found) {
        account = reply.account;
    }
    snprintf(account.user, sizeof account.user, "%s", args->user);
    int status = is_new || args->has_password ? password_take(&account, realm) : 0;
    if (status == 0 && args->has_pin) {
        status = pin_take(&account, store);
    }
    account.has_pin = account.has_pin && !args->no_pin;
    account.is_entitled = args->entitled < 0 ? account.is_entitled : args->entitled;
    account.is_blocked = args->blocked < 0 ? account.is_blocked : args->blocked;
    if (status == 0) {
        req.op = STORE_ACCOUNT_PUT;
        req.account = account;
        status = store_cli_write(store, &req);
    }
    if (status == 0) {
        printf("%s: %s conferences, %s, %s PIN\n", account.user, account.is_entitled ? "may use" : "may not use",
               account.is_blocked ? "blocked" : "not blocked", account.has_pin ? "with a" : "no");
    }
    keys_wipe(&account, sizeof account);
    return status;
}

static int drop(struct store *store, const struct account_args *args)
{
    struct store_req req = {.op = STORE_ACCOUNT};
    struct store_reply reply;
    snprintf(req.account.user, sizeof req.account.user, "%s", args->user);
    if (!store_cli_ask(store, &req, &reply) || !reply.found) {
        fprintf(stderr, "mixminusctl: %s has no account\n", args->user);
        return 1;
    }
    req.op = STORE_ACCOUNT_DROP;
    int status = store_cli_write(store, &req);
    if (status == 0) {
        printf("%s: account and PIN are removed\n", args->user);
    }
    return status;
}

static int list(struct store *store)
{
    struct store_req req = {.op = STORE_ACCOUNTS};
    struct store_reply reply = {.answer = STORE_FAILED};
    if (!store_cli_ask(store, &req, &reply)) {
        return store_cli_complain("the store does not answer");
    }
    printf("%-24s %-9s %-8s %s\n", "user", "entitled", "blocked", "PIN");
    while (reply.answer == STORE_ACCOUNT_IS) {
        const struct store_account *a = &reply.account;
        printf("%-24s %-9s %-8s %s\n", a->user, a->is_entitled ? "yes" : "no", a->is_blocked ? "yes" : "no",
               a->has_pin ? "yes" : "no");
        if (!store_cli_take(store, &req, &reply)) {
            break;
        }
    }
    return reply.answer == STORE_DONE ? 0 : store_cli_complain("the list is not complete");
}

/* ---- words ---- */

/* One of our own flags? @return 1 it is | 0 it is not | -EINVAL its value is wrong, and has complained */
static int args_take(struct account_args *args, const char *arg)
{
    int is_entitled = store_cli_yes_no(arg, "--entitled", &args->entitled);
    int is_blocked = store_cli_yes_no(arg, "--blocked", &args->blocked);
    if (is_entitled || is_blocked) {
        return is_entitled ? is_entitled : is_blocked;
    }
    args->has_password |= strcmp(arg, "--password") == 0;
    args->has_pin |= strcmp(arg, "--pin") == 0;
    args->no_pin |= strcmp(arg, "--no-pin") == 0;
    return strcmp(arg, "--password") == 0 || strcmp(arg, "--pin") == 0 || strcmp(arg, "--no-pin") == 0;
}

static bool is_name(const char *user)
{
    return *user && strlen(user) < AUTH_USER_MAX && user[strcspn(user, "\":\\ \t\r\n")] == '\0';
}

/* Passwords are bound to a realm: the one that is given, else that of this store's server or first account, else the
 * default. What is chosen is said, and kept. @return 0 | 1 */
static int realm_choose(struct store *store, const struct config *config, char realm[AUTH_REALM_MAX])
{
    struct store_req req = {.op = STORE_REALM};
    struct store_reply reply;
    if (!store_cli_ask(store, &req, &reply)) {
        return store_cli_complain("the store does not answer");
    }
    bool is_kept = reply.answer == STORE_REALM_IS && reply.found && !config->realm_is_given;
    snprintf(realm, AUTH_REALM_MAX, "%s", is_kept ? reply.realm : config->sig.focus.realm);
    printf("store %s, realm %s\n", config->sig.store, realm);
    if (reply.found && strcmp(reply.realm, realm) != 0) {
        fprintf(stderr,
                "mixminusctl: passwords of this store were of the realm %s so far; a server asks for one realm\n",
                reply.realm);
    }
    if (reply.found) {
        return 0;
    }
    req = (struct store_req){.op = STORE_REALM_PUT};
    snprintf(req.realm, sizeof req.realm, "%s", realm);
    return store_cli_write(store, &req);
}

static int run(const struct account_args *args, const struct config *config)
{
    struct store *store;
    char realm[AUTH_REALM_MAX];
    int status;
    if (store_cli_store(config, &store) != 0) {
        return 1;
    }
    if (strcmp(args->verb, "list") == 0) {
        status = list(store);
    } else if (strcmp(args->verb, "drop") == 0) {
        status = drop(store, args);
    } else {
        status = realm_choose(store, config, realm);
        status = status ? status : change(store, args, realm);
    }
    store_close(store); /* after everything has been written */
    return status;
}

int accounts_run(int argc, char **argv)
{
    static struct config config;
    struct account_args args = {.verb = argc > 1 ? argv[1] : "", .entitled = -1, .blocked = -1};
    char digest[] = "--auth=digest";
    char *flags[64] = {argv[0], digest}; /* the realm is needed whether the server asks for it yet or not */
    int n_flags = 2, first = 2;
    bool is_list = strcmp(args.verb, "list") == 0;
    bool is_verb =
        is_list || strcmp(args.verb, "add") == 0 || strcmp(args.verb, "set") == 0 || strcmp(args.verb, "drop") == 0;
    if (is_verb && !is_list && argc > 2) {
        args.user = argv[2];
        first = 3;
    }
    if (!is_verb || (!is_list && (!args.user || !is_name(args.user)))) {
        fprintf(stderr, "mixminusctl: write user add|set|drop NAME, or user list; a name has no spaces, quotes or "
                        "colons\n");
        return 2;
    }
    for (int i = first; i < argc; i++) {
        int is_ours = args_take(&args, argv[i]);
        if (is_ours < 0) {
            return 2;
        }
        if (!is_ours && n_flags + 1 < (int)ARRAY_LEN(flags)) {
            flags[n_flags++] = argv[i];
        }
    }
    int err = store_cli_config(&config, n_flags, flags, "user");
    return err ? err : run(&args, &config);
}
