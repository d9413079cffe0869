/*
 * Accounts. Passwords and PINs come by standard input, a line each, never by flags: those can be read by everybody on
 * the machine. The server sees a change at the next look-up.
 */
#include "tools/accounts.h"

#include "tools/config.h"
#include "tools/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 256, PATIENCE_MS = 5000, PIN_MIN = 4, PIN_MAX = 12 };

/* What is to be changed. */
struct wish {
    const char *verb, *user;
    bool has_password, has_pin, no_pin;
    int entitled, blocked; /* -1: as it is */
};

static int complain(const char *text)
{
    fprintf(stderr, "mixminusctl: %s\n", text);
    return 1;
}

/* ---- store ---- */

/* Puts a request and takes its first reply. @return false: none came */
static bool ask(struct store *store, const struct store_req *req, struct store_reply *reply)
{
    if (store_put(store, req) != 0) {
        return false;
    }
    for (unsigned ms = 0; ms < PATIENCE_MS; ms++) {
        if (store_take(store, reply)) {
            return true;
        }
        nanosleep(&(struct timespec){0, NS_PER_MS}, NULL);
    }
    return false;
}

/* The secret that PINs are kept under. @return 0 | 1 */
static int secret_load(struct store *store, uint8_t secret[KEYS_SECRET_BYTES])
{
    struct store_req req = {.op = STORE_LOAD}; /* nothing is older than 0: nothing is forgotten */
    struct store_reply reply;
    bool got = ask(store, &req, &reply);
    memcpy(secret, reply.secret, KEYS_SECRET_BYTES);
    bool is_secret = got && reply.answer == STORE_SECRET;
    for (unsigned ms = 0; got && reply.answer != STORE_DONE && reply.answer != STORE_FAILED && ms < PATIENCE_MS; ms++) {
        if (!store_take(store, &reply)) {
            nanosleep(&(struct timespec){0, NS_PER_MS}, NULL);
        }
    }
    return is_secret ? 0 : complain("the store does not give its secret; is another program writing to it?");
}

/* ---- input ---- */

/* A line of standard input without its end. On a terminal it is asked for. @return 0 | 1 */
static int line_read(const char *what, char line[LINE_MAX_BYTES])
{
    if (isatty(STDIN_FILENO)) {
        fprintf(stderr, "%s: ", what);
    }
    if (!fgets(line, LINE_MAX_BYTES, stdin)) {
        fprintf(stderr, "mixminusctl: no %s on standard input; write it there, a line of its own\n", what);
        return 1;
    }
    line[strcspn(line, "\r\n")] = '\0';
    if (!*line) {
        fprintf(stderr, "mixminusctl: the %s is empty\n", what);
        return 1;
    }
    return 0;
}

static int password_take(struct store_account *account, const char *realm)
{
    char line[LINE_MAX_BYTES];
    int status = line_read("password", line);
    if (status == 0 && auth_secret_make(&account->secret, account->user, realm, line) != 0) {
        status = complain("this system has no MD5 or SHA-256; is OpenSSL in FIPS mode?");
    }
    keys_wipe(line, sizeof line);
    return status;
}

static int pin_take(struct store_account *account, struct store *store)
{
    char line[LINE_MAX_BYTES];
    uint8_t secret[KEYS_SECRET_BYTES];
    int status = line_read("PIN", line);
    size_t n = strlen(line);
    if (status == 0 && (n < PIN_MIN || n > PIN_MAX || strspn(line, "0123456789") != n)) {
        status = complain("a PIN has 4 to 12 digits");
    }
    if (status == 0) {
        status = secret_load(store, secret);
    }
    if (status == 0 && store_pin_mac(account->pin, secret, account->user, line) != 0) {
        status = complain("the PIN could not be digested");
    }
    account->has_pin = status == 0;
    keys_wipe(secret, sizeof secret);
    keys_wipe(line, sizeof line);
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
    if (!ask(store, &req, &reply) || reply.answer != STORE_ACCOUNT_IS) {
        return complain("the store does not answer");
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
        status = store_put(store, &req) == 0 ? 0 : complain("the store takes nothing");
    }
    keys_wipe(&account, sizeof account);
    return status;
}

static int drop(struct store *store, const struct wish *wish)
{
    struct store_req req = {.op = STORE_ACCOUNT};
    struct store_reply reply;
    snprintf(req.account.user, sizeof req.account.user, "%s", wish->user);
    if (!ask(store, &req, &reply) || !reply.found) {
        fprintf(stderr, "mixminusctl: %s has no account\n", wish->user);
        return 1;
    }
    req.op = STORE_ACCOUNT_DROP;
    return store_put(store, &req) == 0 ? 0 : complain("the store takes nothing");
}

static int list(struct store *store)
{
    struct store_req req = {.op = STORE_ACCOUNTS};
    struct store_reply reply = {.answer = STORE_FAILED};
    if (!ask(store, &req, &reply)) {
        return complain("the store does not answer");
    }
    printf("%-24s %-9s %-8s %s\n", "user", "entitled", "blocked", "PIN");
    for (unsigned ms = 0; reply.answer == STORE_ACCOUNT_IS && ms < PATIENCE_MS;) {
        const struct store_account *a = &reply.account;
        printf("%-24s %-9s %-8s %s\n", a->user, a->is_entitled ? "yes" : "no", a->is_blocked ? "yes" : "no",
               a->has_pin ? "yes" : "no");
        while (!store_take(store, &reply) && ms++ < PATIENCE_MS) {
            nanosleep(&(struct timespec){0, NS_PER_MS}, NULL);
        }
    }
    return reply.answer == STORE_DONE ? 0 : complain("the list is not complete");
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
    if (strcmp(config->sig.store, "memory") == 0) {
        return complain("--store=memory forgets accounts with the process; give the server's --store=sqlite:PATH");
    }
    int err = options_state_make(config);
    err = err ? err : store_open(&store, config->sig.store);
    if (err) {
        fprintf(stderr, "mixminusctl: the store %s cannot be used (%s); give --store=sqlite:PATH\n", config->sig.store,
                strerror(-err));
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
    struct config_texts *texts = NULL;
    enum config_action action;
    char why[CONFIG_TEXT_MAX] = "", digest[] = "--auth=digest";
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
    int err = config_read(&config, n_flags, flags, environ, &action, &texts, why);
    config_texts_free(texts);
    if (err || action != CONFIG_RUN) {
        fprintf(stderr, "mixminusctl: %s\n", err ? why : "user takes options of mixminusd, no other words");
        return 2;
    }
    return run(&wish, &config);
}
