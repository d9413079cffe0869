/* Authentication and authorisation. See gate.h. */
#include "sig/focus/gate.h"

#include "sig/focus/focus_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A request that waits for its account. */
struct gate {
    struct owner owner;
    struct focus *focus;
    struct gate *next, **link;
    struct txn *txn;
    gate_pass pass;
    uint64_t cookie;
    bool is_asserted;
    bool is_claimed;                                   /* nothing but a From: accepted with a PIN only */
    struct auth_creds creds;                           /* unless asserted or claimed */
    char user[AUTH_USER_MAX], host[IDENTITY_HOST_MAX]; /* host: asserted */
};

bool gate_is_shut(const struct focus *f, bool is_factory)
{
    return f->auth && (!is_factory || !f->env.cfg.allocate_before_auth);
}

static void gate_free(struct gate *gate)
{
    *gate->link = gate->next;
    if (gate->next) {
        gate->next->link = gate->link;
    } else {
        gate->focus->gates_end = gate->link;
    }
    if (gate->txn) {
        txn_set_tag(gate->txn, NULL);
    }
    keys_wipe(gate, sizeof *gate);
    free(gate);
}

static void on_cancel(struct owner *owner, struct txn *invite)
{
    gate_free(OWNER_OF(owner, struct gate, owner));
    txn_reply(invite, 487, NULL);
}

static void on_gone(struct owner *owner, struct txn *txn)
{
    gate_free(OWNER_OF(owner, struct gate, owner));
}

/* The user has waited too long for us. */
static void on_timeout(struct owner *owner, struct txn *txn)
{
    gate_free(OWNER_OF(owner, struct gate, owner));
}

static const struct owner_ops gate_ops = {.cancel = on_cancel, .timeout = on_timeout, .gone = on_gone};

void gate_close(struct focus *f)
{
    while (f->gates) {
        gate_free(f->gates);
    }
}

/* ---- the requester ---- */

static bool asserted(const struct focus *f, const struct sip_msg *msg, char user[AUTH_USER_MAX],
                     char host[IDENTITY_HOST_MAX])
{
    char memory[3 * SIP_URI_BYTES_MAX + 16];
    const char *element;
    struct sip_addr addr;
    size_t n;
    if (!trust_has(&f->env.cfg.trusted, &msg->flow.remote)) {
        return false;
    }
    /* RFC 3325 9.1: up to two, a sip and a tel URI; the first that can be read counts. */
    for (unsigned i = 0; (n = sip_list(msg, "P-Asserted-Identity", i, &element)) > 0; i++) {
        if (n < SIP_URI_BYTES_MAX && sip_addr_parse(&addr, element, n, memory, sizeof memory) == 0 && addr.uri.user &&
            *addr.uri.user && strlen(addr.uri.user) < AUTH_USER_MAX && strlen(addr.uri.host) < IDENTITY_HOST_MAX) {
            strcpy(user, addr.uri.user);
            strcpy(host, addr.uri.host);
            return true;
        }
    }
    return false;
}

static void challenge(struct focus *f, struct txn *txn, bool stale)
{
    struct sip_out *out = txn_response(txn, 401, NULL);
    if (auth_challenge(f->auth, out, env_steady_s(&f->env), stale) != 0) {
        sip_out_free(out);
        env_refuse(&f->env, txn, REFUSAL_FAULT);
        return;
    }
    count_add(&f->env.stats.challenges, 1);
    txn_respond_once(txn, out);
}

/* Asks the store. @return 0 | -EAGAIN its ring is full | -ENOMEM */
static int look_up(struct focus *f, struct txn *txn, gate_pass pass, const char *user, const char *host,
                   const struct auth_creds *creds, bool is_claimed)
{
    struct store_req req = {.op = STORE_ACCOUNT, .cookie = ++f->last_cookie};
    snprintf(req.account.user, sizeof req.account.user, "%s", user);
    struct gate *gate = calloc(1, sizeof *gate);
    if (!gate) {
        return -ENOMEM;
    }
    if (!f->env.store || store_put(f->env.store, &req) != 0) {
        free(gate);
        return -EAGAIN;
    }
    gate->owner.ops = &gate_ops;
    gate->focus = f;
    gate->txn = txn;
    gate->pass = pass;
    gate->cookie = req.cookie;
    gate->is_claimed = is_claimed;
    gate->is_asserted = creds == NULL && !is_claimed;
    if (creds) {
        gate->creds = *creds;
    }
    strcpy(gate->user, req.account.user);
    strcpy(gate->host, host);
    gate->link = f->gates ? f->gates_end : &f->gates;
    *gate->link = gate;
    f->gates_end = &gate->next;
    txn_set_tag(txn, &gate->owner);
    return 0;
}

static bool may_claim(const struct focus *f, const struct sip_msg *msg)
{
    const char *user = msg->from.uri.user;
    return f->env.cfg.pin == PIN_INSTEAD && msg->method == SIP_INVITE && !msg->to.tag && user && *user &&
           strlen(user) < AUTH_USER_MAX;
}

void gate_enter(struct focus *f, struct txn *txn, const struct sip_msg *msg, gate_pass pass)
{
    struct auth_creds creds = {.user = ""};
    char user[AUTH_USER_MAX], host[IDENTITY_HOST_MAX];
    int err = 0;
    if (asserted(f, msg, user, host)) {
        err = look_up(f, txn, pass, user, host, NULL, false);
    } else {
        switch (auth_read(f->auth, msg, env_steady_s(&f->env), &creds)) {
        case AUTH_READ_OK:
            err = look_up(f, txn, pass, creds.user, "", &creds, false);
            break;
        case AUTH_READ_NONE:
            if (may_claim(f, msg)) {
                err = look_up(f, txn, pass, msg->from.uri.user, "", NULL, true);
            } else {
                challenge(f, txn, false);
            }
            break;
        case AUTH_READ_STALE:
            challenge(f, txn, true);
            break;
        case AUTH_READ_BAD:
            env_refuse(&f->env, txn, REFUSAL_CREDENTIALS_MALFORMED);
            break;
        }
    }
    if (err) {
        env_refuse(&f->env, txn, err == -ENOMEM ? REFUSAL_MEMORY : REFUSAL_STORE);
    }
    keys_wipe(&creds, sizeof creds);
}

/* ---- the decision ---- */

static void decide(struct focus *f, struct gate *gate, const struct store_account *account)
{
    struct identity who = {.is_asserted = gate->is_asserted};
    struct txn *txn = gate->txn;
    gate_pass pass = gate->pass;
    const struct sip_msg *msg = txn_msg(txn);
    enum auth_verdict verdict = AUTH_RIGHT;
    bool is_claimed = gate->is_claimed;
    must(msg);
    strcpy(who.user, gate->user);
    strcpy(who.host, gate->host);
    who.owes_pin = account && account->has_pin && f->env.cfg.pin != PIN_OFF && !msg->to.tag &&
                   !focus_beside_of(f, msg) && (is_claimed || f->env.cfg.pin == PIN_ALSO);
    if (who.owes_pin) {
        memcpy(who.pin, account->pin, sizeof who.pin);
    }
    if (!gate->is_asserted && !is_claimed) {
        verdict = auth_verify(f->auth, &gate->creds, msg->method, account ? &account->secret : NULL);
    }
    gate_free(gate);
    if (is_claimed && !who.owes_pin) {
        challenge(f, txn, false); /* nobody with a PIN: then by digest, whether there is such an account or not */
    } else if (verdict == AUTH_REPLAYED) {
        challenge(f, txn, true);
    } else if (who.owes_pin && pin_is_barred(&f->env, msg)) {
        env_refuse(&f->env, txn, REFUSAL_PIN_BARRED);
    } else if (verdict == AUTH_WRONG || (account && account->is_blocked)) {
        env_refuse(&f->env, txn, REFUSAL_CREDENTIALS);
    } else if (account && !account->is_entitled && !focus_beside_of(f, msg)) { /* to conferences, it is */
        env_refuse(&f->env, txn, REFUSAL_ENTITLEMENT);
    } else {
        pass(f, txn, msg, &who);
    }
}

void gate_account(struct focus *f, const struct store_reply *reply)
{
    for (struct gate *gate = f->gates; gate; gate = gate->next) {
        if (gate->cookie != reply->cookie) {
            continue;
        }
        if (reply->answer == STORE_FAILED) {
            struct txn *txn = gate->txn;
            gate_free(gate);
            env_refuse(&f->env, txn, REFUSAL_STORE);
        } else {
            decide(f, gate, reply->found ? &reply->account : NULL);
        }
        return;
    }
}
