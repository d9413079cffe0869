/* Accounts. The server sees a change at the next look-up. */
#include "tools/accounts.h"

#include "tools/config.h"
#include "tools/desk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is to be changed. */
struct wish {
    const char *verb, *user;
    bool has_password, has_pin, no_pin;
    int entitled, blocked; /* -1: as it is */
};

static int password_take(struct store_account *account, const char *realm)
{
    char line[DESK_LINE_BYTES];
    int status = desk_line("password", line);
    if (status == 0 && auth_secret_make(&account->secret, account->user, realm, line) != 0) {
        status = desk_complain("this system has no MD5 or SHA-256; is OpenSSL in FIPS mode?");
    }
    keys_wipe(line, sizeof line);
    return status;
}

static int pin_take(struct store_account *account, struct store *store)
{
    int status = desk_pin(store, account->user, account->pin);
    account->has_pin = status == 0;
    return status;
}

/* ---- verbs ---- */

/* add and set. */
static int change(struct store *store, const struct wish *wish, const char *realm)
{
    bool is_new = strcmp(wish->verb, "add") == 0;
    struct store_req req = {.op = STORE_ACCOUNT};
    struct store_reply reply;
    snprintf(req.account.user, sizeof req.account.user, "%s", wish->user);
    if (!desk_ask(store, &req, &reply) || reply.answer != STORE_ACCOUNT_IS) {
        return desk_complain("the store does not answer");
    }
    if (reply.found == is_new) {
        fprintf(stderr, "mixminusctl: %s %s; take \"user %s\"\n", wish->user,
                is_new ? "is there already" : "has no account", is_new ? "set" : "add");
        return 1;
    }
    struct store_account account = {.is_entitled = true};
    if (reply.found) {
        account = reply.account;
    }
    snprintf(account.user, sizeof account.user, "%s", wish->user);
    int status = is_new || wish->has_password ? password_take(&account, realm) : 0;
    if (status == 0 && wish->has_pin) {
        status = pin_take(&account, store);
    }
    account.has_pin = account.has_pin && !wish->no_pin;
    account.is_entitled = wish->entitled < 0 ? account.is_entitled : wish->entitled;
    account.is_blocked = wish->blocked < 0 ? account.is_blocked : wish->blocked;
    if (status == 0) {
        req.op = STORE_ACCOUNT_PUT;
        req.account = account;
        status = store_put(store, &req) == 0 ? 0 : desk_complain("the store takes nothing");
    }
    keys_wipe(&account, sizeof account);
    return status;
}

static int drop(struct store *store, const struct wish *wish)
{
    struct store_req req = {.op = STORE_ACCOUNT};
    struct store_reply reply;
    snprintf(req.account.user, sizeof req.account.user, "%s", wish->user);
    if (!desk_ask(store, &req, &reply) || !reply.found) {
        fprintf(stderr, "mixminusctl: %s has no account\n", wish->user);
        return 1;
    }
    req.op = STORE_ACCOUNT_DROP;
    return store_put(store, &req) == 0 ? 0 : desk_complain("the store takes nothing");
}

static int list(struct store *store)
{
    struct store_req req = {.op = STORE_ACCOUNTS};
    struct store_reply reply = {.answer = STORE_FAILED};
    if (!desk_ask(store, &req, &reply)) {
        return desk_complain("the store does not answer");
    }
    printf("%-24s %-9s %-8s %s\n", "user", "entitled", "blocked", "PIN");
    while (reply.answer == STORE_ACCOUNT_IS) {
        const struct store_account *a = &reply.account;
        printf("%-24s %-9s %-8s %s\n", a->user, a->is_entitled ? "yes" : "no", a->is_blocked ? "yes" : "no",
               a->has_pin ? "yes" : "no");
        if (!desk_take(store, &req, &reply)) {
            break;
        }
    }
    return reply.answer == STORE_DONE ? 0 : desk_complain("the list is not complete");
}

/* ---- words ---- */

/* One of our own flags? */
static bool wish_take(struct wish *wish, const char *arg)
{
    static const struct {
        const char *flag;
        size_t at;
        int value;
    } flags[] = {{"--entitled=yes", offsetof(struct wish, entitled), 1},
                 {"--entitled=no", offsetof(struct wish, entitled), 0},
                 {"--blocked=yes", offsetof(struct wish, blocked), 1},
                 {"--blocked=no", offsetof(struct wish, blocked), 0}};
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        if (strcmp(arg, flags[i].flag) == 0) {
            memcpy((char *)wish + flags[i].at, &flags[i].value, sizeof(int));
            return true;
        }
    }
    wish->has_password |= strcmp(arg, "--password") == 0;
    wish->has_pin |= strcmp(arg, "--pin") == 0;
    wish->no_pin |= strcmp(arg, "--no-pin") == 0;
    return strcmp(arg, "--password") == 0 || strcmp(arg, "--pin") == 0 || strcmp(arg, "--no-pin") == 0;
}

static bool is_name(const char *user)
{
    return *user && strlen(user) < AUTH_USER_MAX && user[strcspn(user, "\":\\ \t\r\n")] == '\0';
}

static int run(const struct wish *wish, const struct config *config)
{
    struct store *store;
    if (desk_store(config, &store) != 0) {
        return 1;
    }
    int status = strcmp(wish->verb, "list") == 0   ? list(store)
                 : strcmp(wish->verb, "drop") == 0 ? drop(store, wish)
                                                   : change(store, wish, config->sig.focus.realm);
    store_close(store); /* after everything has been written */
    return status;
}

int accounts_run(int argc, char **argv)
{
    static struct config config;
    struct wish wish = {.verb = argc > 1 ? argv[1] : "", .entitled = -1, .blocked = -1};
    char digest[] = "--auth=digest";
    char *flags[64] = {argv[0], digest}; /* the realm is needed whether the server asks for it yet or not */
    int n_flags = 2, first = 2;
    bool is_list = strcmp(wish.verb, "list") == 0;
    bool is_verb =
        is_list || strcmp(wish.verb, "add") == 0 || strcmp(wish.verb, "set") == 0 || strcmp(wish.verb, "drop") == 0;
    if (is_verb && !is_list && argc > 2) {
        wish.user = argv[2];
        first = 3;
    }
    if (!is_verb || (!is_list && (!wish.user || !is_name(wish.user)))) {
        fprintf(stderr, "mixminusctl: write user add|set|drop NAME, or user list; a name has no spaces, quotes or "
                        "colons\n");
        return 2;
    }
    for (int i = first; i < argc; i++) {
        if (!wish_take(&wish, argv[i]) && n_flags + 1 < (int)ARRAY_LEN(flags)) {
            flags[n_flags++] = argv[i];
        }
    }
    int err = desk_config(&config, n_flags, flags, "user");
    return err ? err : run(&wish, &config);
}
