/*
 * The store that keeps nothing: signalling holds what lives in its own memory, and with the process the secret goes, so
 * no earlier URI verifies after a restart. Accounts and documents live as long as the process.
 */
#include "sig/store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct row {
    struct row *next;
    struct store_account account;
};

struct doc_row {
    struct doc_row *next;
    struct store_doc doc;
};

struct mem_store {
    uint8_t secret[KEYS_SECRET_BYTES];
    struct row *rows;
    struct doc_row *docs;
};

static int mem_open(void **state, const char *path)
{
    struct mem_store *m = calloc(1, sizeof *m);
    if (!m) {
        return -ENOMEM;
    }
    int err = keys_random(m->secret, sizeof m->secret);
    if (err) {
        free(m);
        return err;
    }
    *state = m;
    return 0;
}

static void row_drop(struct row **link)
{
    struct row *row = *link;
    *link = row->next;
    keys_wipe(row, sizeof *row);
    free(row);
}

static void doc_row_drop(struct doc_row **link)
{
    struct doc_row *row = *link;
    *link = row->next;
    free(row->doc.body);
    free(row);
}

static void mem_close(void *state)
{
    struct mem_store *m = state;
    while (m->docs) {
        doc_row_drop(&m->docs);
    }
    while (m->rows) {
        row_drop(&m->rows);
    }
    keys_wipe(m, sizeof *m);
    free(m);
}

static int mem_probe(const char *path)
{
    return 0;
}

static int mem_begin(void *state)
{
    return 0;
}

/* @return where it hangs, or where it would */
static struct row **row_find(struct mem_store *m, const char *user)
{
    struct row **link = &m->rows;
    while (*link && strcmp((*link)->account.user, user) != 0) {
        link = &(*link)->next;
    }
    return link;
}

static int account_put(struct mem_store *m, const struct store_account *account)
{
    struct row **link = row_find(m, account->user);
    if (!*link && !(*link = calloc(1, sizeof **link))) {
        return -ENOMEM;
    }
    (*link)->account = *account;
    return 0;
}

/* ---- documents ---- */

/* @return where it hangs, or where it would */
static struct doc_row **doc_find(struct mem_store *m, const struct store_doc *doc)
{
    struct doc_row **link = &m->docs;
    while (*link && ((*link)->doc.kind != doc->kind || strcmp((*link)->doc.owner, doc->owner) != 0 ||
                     strcmp((*link)->doc.name, doc->name) != 0)) {
        link = &(*link)->next;
    }
    return link;
}

static int doc_put(struct mem_store *m, const struct store_doc *doc)
{
    struct doc_row **link = doc_find(m, doc);
    char *body = strdup(doc->body);
    if (!body || (!*link && !(*link = calloc(1, sizeof **link)))) {
        free(body);
        return -ENOMEM;
    }
    free((*link)->doc.body);
    (*link)->doc = *doc;
    (*link)->doc.body = body;
    return 0;
}

static int doc_list(const struct mem_store *m, const struct store_req *req, store_reply_fn reply, void *arg)
{
    struct store_reply r;
    for (const struct doc_row *row = m->docs; row; row = row->next) {
        r = (struct store_reply){.answer = STORE_DOC_IS, .op = req->op, .cookie = req->cookie, .doc = row->doc};
        r.doc.body = strdup(row->doc.body);
        if (!r.doc.body) {
            return -ENOMEM;
        }
        reply(arg, &r);
    }
    r = (struct store_reply){.answer = STORE_DONE, .op = req->op, .cookie = req->cookie};
    reply(arg, &r);
    return 0;
}

static void load(const struct mem_store *m, store_reply_fn reply, void *arg)
{
    struct store_reply r = {.answer = STORE_SECRET, .op = STORE_LOAD, .boots = 1};
    memcpy(r.secret, m->secret, sizeof r.secret);
    reply(arg, &r);
    r = (struct store_reply){.answer = STORE_DONE, .op = STORE_LOAD};
    reply(arg, &r);
}

static void accounts(const struct mem_store *m, const struct store_req *req, store_reply_fn reply, void *arg)
{
    struct store_reply r = {.answer = STORE_ACCOUNT_IS, .op = req->op, .cookie = req->cookie, .found = true};
    for (const struct row *row = m->rows; row; row = row->next) {
        r.account = row->account;
        reply(arg, &r);
    }
    r = (struct store_reply){.answer = STORE_DONE, .op = req->op, .cookie = req->cookie};
    reply(arg, &r);
}

static int mem_handle(void *state, const struct store_req *req, store_reply_fn reply, void *arg)
{
    struct mem_store *m = state;
    struct row **link;
    struct store_reply r = {.answer = STORE_ACCOUNT_IS, .op = req->op, .cookie = req->cookie};
    switch (req->op) {
    case STORE_LOAD:
        load(m, reply, arg);
        return 0;
    case STORE_PUT:
    case STORE_DROP:
        return 0;
    case STORE_ACCOUNT:
        link = row_find(m, req->account.user);
        r.found = *link != NULL;
        if (r.found) {
            r.account = (*link)->account;
        }
        reply(arg, &r);
        return 0;
    case STORE_ACCOUNT_PUT:
        return account_put(m, &req->account);
    case STORE_ACCOUNT_DROP:
        link = row_find(m, req->account.user);
        if (*link) {
            row_drop(link);
        }
        return 0;
    case STORE_ACCOUNTS:
        accounts(m, req, reply, arg);
        return 0;
    case STORE_CONFS:
    case STORE_POLICIES: /* no other process can have written any */
        r.answer = STORE_DONE;
        reply(arg, &r);
        return 0;
    case STORE_REALM: /* nobody but this process has made accounts */
        r.answer = STORE_REALM_IS;
        reply(arg, &r);
        return 0;
    case STORE_BINDINGS: /* those of this process are signalling's own */
        r.answer = STORE_DONE;
        reply(arg, &r);
        return 0;
    case STORE_DOCS:
        return doc_list(m, req, reply, arg);
    case STORE_DOC_PUT:
        return doc_put(m, &req->doc);
    case STORE_DOC_DROP: {
        struct doc_row **doc = doc_find(m, &req->doc);
        if (*doc) {
            doc_row_drop(doc);
        }
        return 0;
    }
    case STORE_REALM_PUT:
    case STORE_BINDING_PUT:
    case STORE_BINDING_DROP:
        return 0;
    case STORE_POLICY_PUT:
    case STORE_POLICY_DROP:
        return -ENOTSUP;
    }
    return -EINVAL;
}

const struct store_ops store_mem_ops = {mem_open, mem_probe, mem_close, mem_begin, mem_begin, mem_handle, NULL};
