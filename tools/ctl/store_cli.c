/* What the words of mixminusctl share. See desk.h. */
#include "tools/ctl/store_cli.h"

#include "tools/config/config.h"
#include "tools/config/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 5000, PIN_MIN = 4, PIN_MAX = 12 };

int store_cli_complain(const char *text)
{
    fprintf(stderr, "mixminusctl: %s\n", text);
    return 1;
}

/* ---- store ---- */

bool store_cli_take(struct store *store, const struct store_req *req, struct store_reply *reply)
{
    for (unsigned ms = 0; ms < PATIENCE_MS; ms++) {
        while (store_take(store, reply)) {
            if (reply->op == req->op && reply->cookie == req->cookie) {
                return true;
            }
        }
        nanosleep(&(struct timespec){0, NS_PER_MS}, NULL);
    }
    return false;
}

bool store_cli_ask(struct store *store, const struct store_req *req, struct store_reply *reply)
{
    return store_put(store, req) == 0 && store_cli_take(store, req, reply);
}

int store_cli_write(struct store *store, const struct store_req *req)
{
    struct store_req after = {.op = STORE_REALM}; /* its answer comes when what was put before it is written */
    struct store_reply reply;
    if (store_put(store, req) != 0 || store_put(store, &after) != 0) {
        return store_cli_complain("the store takes nothing");
    }
    for (unsigned ms = 0; ms < PATIENCE_MS; ms++) {
        while (store_take(store, &reply)) {
            if (reply.answer == STORE_FAILED) {
                fprintf(stderr, "mixminusctl: nothing was changed: %s\n", store_why(reply.err));
                return 1;
            }
            if (reply.answer == STORE_REALM_IS) {
                return 0;
            }
        }
        nanosleep(&(struct timespec){0, NS_PER_MS}, NULL);
    }
    return store_cli_complain("the store does not answer");
}

int store_cli_store(const struct config *config, struct store **store)
{
    if (strcmp(config->sig.store, "memory") == 0) {
        return store_cli_complain("--store=memory forgets with the process; give the server's --store=sqlite:PATH");
    }
    int err = options_state_make(config);
    err = err ? err : store_open(store, config->sig.store);
    if (err) {
        fprintf(stderr, "mixminusctl: the store %s cannot be used: %s\n", config->sig.store, store_why(err));
        return 1;
    }
    return 0;
}

static void say(void *arg, const char *sentence)
{
    fprintf(arg, "mixminusctl: %s\n", sentence);
}

int store_cli_config(struct config *config, int n, char **flags, const char *word)
{
    struct config_texts *texts = NULL;
    enum config_action action;
    char why[CONFIG_TEXT_MAX] = "";
    int err = config_read(config, n, flags, environ, &action, &texts, why);
    if (err) {
        fprintf(stderr, "mixminusctl: %s\n", why);
    } else if (action != CONFIG_RUN) {
        fprintf(stderr, "mixminusctl: %s takes options of mixminusd, no other words\n", word);
    } else {
        config_old_names(texts, say, stderr);
    }
    config_texts_free(texts);
    return err || action != CONFIG_RUN ? 2 : 0;
}

/* The secret that PINs are kept under. @return 0 | 1 */
static int secret_load(struct store *store, uint8_t secret[KEYS_SECRET_BYTES])
{
    struct store_req req = {.op = STORE_LOAD}; /* nothing is older than 0: nothing is forgotten */
    struct store_reply reply;
    bool got = store_cli_ask(store, &req, &reply);
    memcpy(secret, reply.secret, KEYS_SECRET_BYTES);
    bool is_secret = got && reply.answer == STORE_SECRET;
    while (got && reply.answer != STORE_DONE && reply.answer != STORE_FAILED) {
        got = store_cli_take(store, &req, &reply);
    }
    return is_secret ? 0 : store_cli_complain("the store does not give its secret; is another program writing to it?");
}

int store_cli_yes_no(const char *arg, const char *flag, int *value)
{
    size_t n = strlen(flag);
    if (strncmp(arg, flag, n) != 0 || (arg[n] != '=' && arg[n] != '\0')) {
        return 0;
    }
    const char *word = arg[n] ? arg + n + 1 : "";
    if (strcmp(word, "yes") != 0 && strcmp(word, "no") != 0) {
        fprintf(stderr, "mixminusctl: write %s=yes or %s=no\n", flag, flag);
        return -EINVAL;
    }
    *value = word[0] == 'y';
    return 1;
}

/* ---- input ---- */

/* A line, on a terminal without showing it. @return false: there is none */
static bool line_take(const char *prompt, const char *what, char line[STORE_CLI_LINE_BYTES])
{
    struct termios shown, hidden;
    bool is_terminal = tcgetattr(STDIN_FILENO, &shown) == 0;
    if (is_terminal) {
        fprintf(stderr, prompt, what);
        hidden = shown;
        hidden.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    }
    bool got = fgets(line, STORE_CLI_LINE_BYTES, stdin) != NULL;
    if (is_terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
        fputc('\n', stderr);
    }
    if (got) {
        line[strcspn(line, "\r\n")] = '\0';
    }
    return got;
}

int store_cli_line(const char *what, char line[STORE_CLI_LINE_BYTES])
{
    char again[STORE_CLI_LINE_BYTES];
    if (!line_take("%s: ", what, line)) {
        fprintf(stderr, "mixminusctl: no %s on standard input; write it there, a line of its own\n", what);
        return 1;
    }
    if (!*line) {
        fprintf(stderr, "mixminusctl: the %s is empty\n", what);
        return 1;
    }
    int status = 0;
    if (isatty(STDIN_FILENO) && (!line_take("%s once more: ", what, again) || strcmp(line, again) != 0)) {
        fprintf(stderr, "mixminusctl: the two are not the same: nothing was changed\n");
        status = 1;
    }
    keys_wipe(again, sizeof again);
    return status;
}

int store_cli_pin(struct store *store, const char *of, uint8_t mac[KEYS_MAC_BYTES])
{
    char line[STORE_CLI_LINE_BYTES];
    uint8_t secret[KEYS_SECRET_BYTES];
    int status = store_cli_line("PIN", line);
    size_t n = strlen(line);
    if (status == 0 && (n < PIN_MIN || n > PIN_MAX || strspn(line, "0123456789") != n)) {
        status = store_cli_complain("a PIN has 4 to 12 digits");
    }
    if (status == 0) {
        status = secret_load(store, secret);
    }
    if (status == 0 && store_pin_mac(mac, secret, of, line) != 0) {
        status = store_cli_complain("the PIN could not be digested");
    }
    keys_wipe(secret, sizeof secret);
    keys_wipe(line, sizeof line);
    return status;
}
