/*
 * The store in one SQLite file, write-ahead log, one transaction a batch. The file is the owner's alone (0600): it
 * holds the secret.
 */
#include "sig/store/store.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#define SCHEMA_VERSION 3

enum {
    SQL_PUT,
    SQL_DROP,
    SQL_EXPIRE,
    SQL_LIST,
    SQL_META_GET,
    SQL_META_PUT,
    SQL_ACCOUNT,
    SQL_ACCOUNT_PUT,
    SQL_ACCOUNT_DROP,
    SQL_ACCOUNTS,
    SQL_POLICIES,
    SQL_POLICY_PUT,
    SQL_POLICY_DROP,
    SQL_POLICY_EXPIRE,
    SQL_BINDINGS,
    SQL_BINDING_PUT,
    SQL_BINDING_DROP,
    SQL_BINDING_EXPIRE,
    SQL_DOCS,
    SQL_DOC_PUT,
    SQL_DOC_DROP,
    SQL_DATA_VERSION,
    SQLS
};

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS conference (token TEXT PRIMARY KEY, created INTEGER NOT NULL,"
    " expires INTEGER NOT NULL, state INTEGER NOT NULL, reserved INTEGER NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS account (user TEXT PRIMARY KEY, sha256 TEXT NOT NULL, md5 TEXT NOT NULL,"
    " entitled INTEGER NOT NULL, blocked INTEGER NOT NULL, pin BLOB) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS policy (key TEXT PRIMARY KEY, legs INTEGER NOT NULL, locked INTEGER NOT NULL,"
    " pin BLOB) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS binding (user TEXT NOT NULL, key TEXT NOT NULL, contact TEXT NOT NULL,"
    " path TEXT NOT NULL, call_id TEXT NOT NULL, source TEXT NOT NULL, transport INTEGER NOT NULL,"
    " listener INTEGER NOT NULL, q INTEGER NOT NULL, cseq INTEGER NOT NULL, expires INTEGER NOT NULL,"
    " PRIMARY KEY (user, key)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS doc (kind TEXT NOT NULL, owner TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL,"
    " PRIMARY KEY (kind, owner, name)) WITHOUT ROWID;";

/* Kinds of documents: by words, so that no number has two meanings in two versions. */
static const char *const doc_kinds[STORE_DOC_KINDS] = {[STORE_DOC_RULES] = "rules",
                                                       [STORE_DOC_BUDDIES] = "buddies",
                                                       [STORE_DOC_GROUP] = "group",
                                                       [STORE_DOC_PROFILE] = "profile",
                                                       [STORE_DOC_SERVICES] = "services"};

/* Of schema 1 they were not there. */
static const char *const columns[][2] = {
    {"name", "ALTER TABLE conference ADD COLUMN name TEXT NOT NULL DEFAULT ''"},
    {"creator", "ALTER TABLE conference ADD COLUMN creator TEXT NOT NULL DEFAULT ''"},
    {"creator_is_user", "ALTER TABLE conference ADD COLUMN creator_is_user INTEGER NOT NULL DEFAULT 0"},
};

static const char *const sqls[SQLS] = {
    [SQL_PUT] = "INSERT OR REPLACE INTO conference VALUES (?1,?2,?3,?4,?5,?6,?7,?8)",
    [SQL_DROP] = "DELETE FROM conference WHERE token=?1",
    [SQL_EXPIRE] = "DELETE FROM conference WHERE expires<=?1",
    [SQL_LIST] = ("SELECT token, created, expires, state, reserved, name, creator, creator_is_user FROM conference"
                  " ORDER BY created"),
    [SQL_META_GET] = "SELECT value FROM meta WHERE key=?1",
    [SQL_META_PUT] = "INSERT OR REPLACE INTO meta VALUES (?1,?2)",
    [SQL_ACCOUNT] = "SELECT user, sha256, md5, entitled, blocked, pin FROM account WHERE user=?1",
    [SQL_ACCOUNT_PUT] = "INSERT OR REPLACE INTO account VALUES (?1,?2,?3,?4,?5,?6)",
    [SQL_ACCOUNT_DROP] = "DELETE FROM account WHERE user=?1",
    [SQL_ACCOUNTS] = "SELECT user, sha256, md5, entitled, blocked, pin FROM account ORDER BY user",
    [SQL_POLICIES] = "SELECT key, legs, locked, pin FROM policy ORDER BY key",
    [SQL_POLICY_PUT] = "INSERT OR REPLACE INTO policy VALUES (?1,?2,?3,?4)",
    [SQL_POLICY_DROP] = "DELETE FROM policy WHERE key=?1",
    [SQL_POLICY_EXPIRE] = "DELETE FROM policy WHERE length(key)=?1 AND key NOT IN (SELECT token FROM conference)",
    [SQL_BINDINGS] = ("SELECT user, key, contact, path, call_id, source, transport, listener, q, cseq, expires"
                      " FROM binding"),
    [SQL_BINDING_PUT] = "INSERT OR REPLACE INTO binding VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)",
    [SQL_BINDING_DROP] = "DELETE FROM binding WHERE user=?1 AND key=?2",
    [SQL_BINDING_EXPIRE] = "DELETE FROM binding WHERE expires<=?1",
    [SQL_DOCS] = "SELECT kind, owner, name, body FROM doc",
    [SQL_DOC_PUT] = "INSERT OR REPLACE INTO doc VALUES (?1,?2,?3,?4)",
    [SQL_DOC_DROP] = "DELETE FROM doc WHERE kind=?1 AND owner=?2 AND name=?3",
    [SQL_DATA_VERSION] = "PRAGMA data_version",
};

struct sqlite_store {
    sqlite3 *db;
    sqlite3_stmt *stmts[SQLS];
    int data_version;
};

static int errno_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return -EACCES;
    case SQLITE_CANTOPEN:
        return -ENOENT;
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return -EBADMSG;
    default:
        return -EIO;
    }
}

static void sqlite_close(void *state)
{
    struct sqlite_store *s = state;
    for (int i = 0; i < SQLS; i++) {
        sqlite3_finalize(s->stmts[i]);
    }
    sqlite3_close(s->db);
    free(s);
}

static int exec(struct sqlite_store *s, const char *sql)
{
    return errno_of(sqlite3_exec(s->db, sql, NULL, NULL, NULL));
}

static int columns_add(struct sqlite_store *s)
{
    int err = 0;
    for (size_t i = 0; i < ARRAY_LEN(columns) && !err; i++) {
        char sql[128];
        sqlite3_stmt *stmt;
        snprintf(sql, sizeof sql, "SELECT 1 FROM pragma_table_info('conference') WHERE name='%s'", columns[i][0]);
        err = errno_of(sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL));
        if (!err) {
            bool is_there = sqlite3_step(stmt) == SQLITE_ROW;
            sqlite3_finalize(stmt);
            err = is_there ? 0 : exec(s, columns[i][1]);
        }
    }
    return err;
}

static int sqlite_open(void **state, const char *path)
{
    struct sqlite_store *s = calloc(1, sizeof *s);
    mode_t mask;
    int err;

    if (!s) {
        return -ENOMEM;
    }
    mask = umask(0077);
    err =
        errno_of(sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL));
    if (!err) {
        sqlite3_busy_timeout(s->db, 2000);
        err = exec(s, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;");
    }
    if (!err) {
        err = exec(s, schema);
    }
    if (!err) {
        err = columns_add(s);
    }
    umask(mask);
    for (int i = 0; !err && i < SQLS; i++) {
        err = errno_of(sqlite3_prepare_v2(s->db, sqls[i], -1, &s->stmts[i], NULL));
    }
    if (err) {
        sqlite_close(s);
        return err;
    }
    *state = s;
    return 0;
}

/* A new file needs a folder that may be written. The nearest one that exists counts: the server makes the others. */
static int folder_probe(const char *path)
{
    char folder[PATH_MAX];
    if (snprintf(folder, sizeof folder, "%s", path) >= (int)sizeof folder) {
        return -ENOENT;
    }
    char *slash = strrchr(folder, '/');
    strcpy(slash ? slash + (slash == folder) : folder, slash ? "" : ".");
    return access(folder, W_OK | X_OK) == 0 ? 0 : -errno;
}

static int sqlite_probe(const char *path)
{
    struct stat st;
    sqlite3 *db = NULL;
    if (stat(path, &st) != 0) {
        return errno == ENOENT ? folder_probe(path) : -errno;
    }
    if (access(path, R_OK | W_OK) != 0) {
        return -errno;
    }
    int err = errno_of(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL));
    err = err ? err : errno_of(sqlite3_exec(db, "SELECT count(*) FROM sqlite_master", NULL, NULL, NULL));
    sqlite3_close(db);
    return err;
}

static int sqlite_begin(void *state)
{
    return exec(state, "BEGIN IMMEDIATE");
}

static int sqlite_commit(void *state)
{
    int err = exec(state, "COMMIT");
    if (err) {
        exec(state, "ROLLBACK");
    }
    return err;
}

/* Runs a statement that returns no rows. */
static int run(sqlite3_stmt *stmt)
{
    int code = sqlite3_step(stmt);
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    return errno_of(code);
}

/* @return bytes read | -ENOENT | -EIO */
static int meta_get(struct sqlite_store *s, const char *key, void *value, size_t cap)
{
    sqlite3_stmt *stmt = s->stmts[SQL_META_GET];
    int result = -ENOENT;

    sqlite3_bind_text(stmt, 1, key, -1, SQLITE_STATIC);
    int code = sqlite3_step(stmt);
    if (code == SQLITE_ROW) {
        int n = sqlite3_column_bytes(stmt, 0);
        result = n > 0 && (size_t)n <= cap ? n : -EIO;
        if (result > 0) {
            memcpy(value, sqlite3_column_blob(stmt, 0), (size_t)n);
        }
    } else if (code != SQLITE_DONE) {
        result = errno_of(code);
    }
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    return result;
}

static int meta_put(struct sqlite_store *s, const char *key, const void *value, size_t n)
{
    sqlite3_stmt *stmt = s->stmts[SQL_META_PUT];
    sqlite3_bind_text(stmt, 1, key, -1, SQLITE_STATIC);
    sqlite3_bind_blob(stmt, 2, value, (int)n, SQLITE_TRANSIENT);
    return run(stmt);
}

static void text_copy(char *to, size_t size, sqlite3_stmt *stmt, int column)
{
    const unsigned char *text = sqlite3_column_text(stmt, column);
    snprintf(to, size, "%s", text ? (const char *)text : "");
}

/* @return false: there is none, or it is not one of ours */
static bool pin_copy(uint8_t pin[KEYS_MAC_BYTES], sqlite3_stmt *stmt, int column)
{
    bool is_there = sqlite3_column_bytes(stmt, column) == KEYS_MAC_BYTES;
    if (is_there) {
        memcpy(pin, sqlite3_column_blob(stmt, column), KEYS_MAC_BYTES);
    }
    return is_there;
}

/* Replies with every conference, and DONE. */
static int conf_list(struct sqlite_store *s, const struct store_req *req, store_reply_fn reply, void *arg)
{
    sqlite3_stmt *list = s->stmts[SQL_LIST];
    struct store_reply r;
    int code;
    while ((code = sqlite3_step(list)) == SQLITE_ROW) {
        r = (struct store_reply){.answer = STORE_CONF, .op = req->op, .cookie = req->cookie};
        const unsigned char *token = sqlite3_column_text(list, 0);
        if (!token || sqlite3_column_bytes(list, 0) != URI_TOKEN_CHARS) {
            continue;
        }
        memcpy(r.conf.token, token, URI_TOKEN_CHARS);
        r.conf.created_s = (uint64_t)sqlite3_column_int64(list, 1);
        r.conf.expires_s = (uint64_t)sqlite3_column_int64(list, 2);
        r.conf.state = (uint8_t)sqlite3_column_int(list, 3);
        r.conf.reserved = sqlite3_column_int(list, 4) != 0;
        text_copy(r.conf.name, sizeof r.conf.name, list, 5);
        text_copy(r.conf.creator, sizeof r.conf.creator, list, 6);
        r.conf.creator_is_user = sqlite3_column_int(list, 7) != 0;
        reply(arg, &r);
    }
    sqlite3_reset(list);
    if (code != SQLITE_DONE) {
        return errno_of(code);
    }
    r = (struct store_reply){.answer = STORE_DONE, .op = req->op, .cookie = req->cookie};
    reply(arg, &r);
    return 0;
}

/* The secret is written, and on the disk by the batch's commit, before the reply can be used: LOAD commits first. */
static int load_secret(struct sqlite_store *s, struct store_reply *reply)
{
    uint8_t schema_version = SCHEMA_VERSION;
    int n = meta_get(s, "secret", reply->secret, sizeof reply->secret);
    if (n == -ENOENT) {
        int err = keys_random(reply->secret, sizeof reply->secret);
        if (!err) {
            err = meta_put(s, "secret", reply->secret, sizeof reply->secret);
        }
        if (!err) {
            err = meta_put(s, "schema", &schema_version, 1);
        }
        if (err) {
            return err;
        }
    } else if (n != KEYS_SECRET_BYTES) {
        return n < 0 ? n : -EBADMSG;
    }
    uint64_t boots = 0;
    n = meta_get(s, "boots", &boots, sizeof boots);
    boots = n == (int)sizeof boots ? boots + 1 : 1;
    reply->boots = boots;
    return meta_put(s, "boots", &boots, sizeof boots);
}

static int load(struct sqlite_store *s, const struct store_req *req, store_reply_fn reply, void *arg)
{
    struct store_reply r = {.answer = STORE_SECRET, .op = STORE_LOAD};
    int err = load_secret(s, &r);
    if (!err) {
        sqlite3_bind_int64(s->stmts[SQL_EXPIRE], 1, (sqlite3_int64)req->now_s);
        err = run(s->stmts[SQL_EXPIRE]);
    }
    if (!err) {
        sqlite3_bind_int(s->stmts[SQL_POLICY_EXPIRE], 1, URI_TOKEN_CHARS); /* names stand for ever */
        err = run(s->stmts[SQL_POLICY_EXPIRE]);
    }
    if (!err && (err = sqlite_commit(s)) == 0) {
        err = sqlite_begin(s);
    }
    if (err) {
        return err;
    }
    reply(arg, &r);
    keys_wipe(r.secret, sizeof r.secret);

    return conf_list(s, req, reply, arg);
}

/* ---- accounts ---- */

/* Replies with every row of a statement. @return rows | negative errno */
static int account_rows(sqlite3_stmt *stmt, const struct store_req *req, store_reply_fn reply, void *arg)
{
    int n = 0, code;
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct store_reply r = {.answer = STORE_ACCOUNT_IS, .op = req->op, .cookie = req->cookie, .found = true};
        struct store_account *a = &r.account;
        text_copy(a->user, sizeof a->user, stmt, 0);
        text_copy(a->secret.ha1[AUTH_SHA256], sizeof a->secret.ha1[0], stmt, 1);
        text_copy(a->secret.ha1[AUTH_MD5], sizeof a->secret.ha1[0], stmt, 2);
        a->is_entitled = sqlite3_column_int(stmt, 3) != 0;
        a->is_blocked = sqlite3_column_int(stmt, 4) != 0;
        a->has_pin = pin_copy(a->pin, stmt, 5);
        reply(arg, &r);
        keys_wipe(&r, sizeof r);
        n++;
    }
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    return code == SQLITE_DONE ? n : errno_of(code);
}

static int account_find(struct sqlite_store *s, const struct store_req *req, store_reply_fn reply, void *arg)
{
    sqlite3_bind_text(s->stmts[SQL_ACCOUNT], 1, req->account.user, -1, SQLITE_STATIC);
    int n = account_rows(s->stmts[SQL_ACCOUNT], req, reply, arg);
    if (n == 0) {
        struct store_reply r = {.answer = STORE_ACCOUNT_IS, .op = req->op, .cookie = req->cookie};
        reply(arg, &r);
    }
    return MIN(n, 0);
}

static int account_list(struct sqlite_store *s, const struct store_req *req, store_reply_fn reply, void *arg)
{
    int n = account_rows(s->stmts[SQL_ACCOUNTS], req, reply, arg);
    if (n >= 0) {
        struct store_reply r = {.answer = STORE_DONE, .op = req->op, .cookie = req->cookie};
        reply(arg, &r);
    }
    return MIN(n, 0);
}

static int account_put(struct sqlite_store *s, const struct store_account *a)
{
    sqlite3_stmt *stmt = s->stmts[SQL_ACCOUNT_PUT];
    sqlite3_bind_text(stmt, 1, a->user, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, a->secret.ha1[AUTH_SHA256], -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 3, a->secret.ha1[AUTH_MD5], -1, SQLITE_STATIC);
    sqlite3_bind_int(stmt, 4, a->is_entitled);
    sqlite3_bind_int(stmt, 5, a->is_blocked);
    if (a->has_pin) {
        sqlite3_bind_blob(stmt, 6, a->pin, sizeof a->pin, SQLITE_STATIC);
    }
    return run(stmt);
}

static int key_drop(sqlite3_stmt *stmt, const char *key)
{
    sqlite3_bind_text(stmt, 1, key, -1, SQLITE_STATIC);
    return run(stmt);
}

/* ---- policies ---- */

/* SQLite counts what other connections commit. */
static bool sqlite_changed(void *state)
{
    struct sqlite_store *s = state;
    sqlite3_stmt *stmt = s->stmts[SQL_DATA_VERSION];
    int was = s->data_version;
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        s->data_version = sqlite3_column_int(stmt, 0);
    }
    sqlite3_reset(stmt);
    return s->data_version != was;
}

static int policy_list(struct sqlite_store *s, const struct store_req *req, store_reply_fn reply, void *arg)
{
    sqlite3_stmt *list = s->stmts[SQL_POLICIES];
    sqlite_changed(s); /* up to now it is told */
    struct store_reply r;
    int code;
    while ((code = sqlite3_step(list)) == SQLITE_ROW) {
        r = (struct store_reply){.answer = STORE_POLICY_IS, .op = req->op, .cookie = req->cookie};
        struct store_policy *p = &r.policy;
        text_copy(p->key, sizeof p->key, list, 0);
        p->legs_max = (uint32_t)sqlite3_column_int64(list, 1);
        p->is_locked = sqlite3_column_int(list, 2) != 0;
        p->has_pin = pin_copy(p->pin, list, 3);
        reply(arg, &r);
        keys_wipe(&r, sizeof r);
    }
    sqlite3_reset(list);
    if (code == SQLITE_DONE) {
        r = (struct store_reply){.answer = STORE_DONE, .op = req->op, .cookie = req->cookie};
        reply(arg, &r);
    }
    return errno_of(code);
}

static int policy_put(struct sqlite_store *s, const struct store_policy *p)
{
    sqlite3_stmt *stmt = s->stmts[SQL_POLICY_PUT];
    sqlite3_bind_text(stmt, 1, p->key, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 2, p->legs_max);
    sqlite3_bind_int(stmt, 3, p->is_locked);
    if (p->has_pin) {
        sqlite3_bind_blob(stmt, 4, p->pin, sizeof p->pin, SQLITE_STATIC);
    }
    return run(stmt);
}

static int realm_get(struct sqlite_store *s, const struct store_req *req, store_reply_fn reply, void *arg)
{
    struct store_reply r = {.answer = STORE_REALM_IS, .op = req->op, .cookie = req->cookie};
    int n = meta_get(s, "realm", r.realm, sizeof r.realm - 1);
    r.found = n > 0;
    reply(arg, &r);
    return n == -ENOENT ? 0 : MIN(n, 0);
}

/* ---- bindings ---- */

static int binding_list(struct sqlite_store *s, const struct store_req *req, store_reply_fn reply, void *arg)
{
    sqlite3_stmt *list = s->stmts[SQL_BINDINGS];
    struct store_reply r;
    int code;
    sqlite3_bind_int64(s->stmts[SQL_BINDING_EXPIRE], 1, (sqlite3_int64)req->now_s);
    int err = run(s->stmts[SQL_BINDING_EXPIRE]);
    if (err) {
        return err;
    }
    while ((code = sqlite3_step(list)) == SQLITE_ROW) {
        r = (struct store_reply){.answer = STORE_BINDING_IS, .op = req->op, .cookie = req->cookie};
        struct store_binding *b = &r.binding;
        text_copy(b->user, sizeof b->user, list, 0);
        text_copy(b->key, sizeof b->key, list, 1);
        text_copy(b->contact, sizeof b->contact, list, 2);
        text_copy(b->path, sizeof b->path, list, 3);
        text_copy(b->call_id, sizeof b->call_id, list, 4);
        text_copy(b->source, sizeof b->source, list, 5);
        b->transport = (uint8_t)sqlite3_column_int(list, 6);
        b->listener = (uint8_t)sqlite3_column_int(list, 7);
        b->q_thousandths = (uint16_t)sqlite3_column_int(list, 8);
        b->cseq = (uint32_t)sqlite3_column_int64(list, 9);
        b->expires_s = (uint64_t)sqlite3_column_int64(list, 10);
        reply(arg, &r);
    }
    sqlite3_reset(list);
    if (code == SQLITE_DONE) {
        r = (struct store_reply){.answer = STORE_DONE, .op = req->op, .cookie = req->cookie};
        reply(arg, &r);
    }
    return errno_of(code);
}

static int binding_put(struct sqlite_store *s, const struct store_binding *b)
{
    sqlite3_stmt *stmt = s->stmts[SQL_BINDING_PUT];
    const char *const texts[] = {b->user, b->key, b->contact, b->path, b->call_id, b->source};
    for (int i = 0; i < (int)ARRAY_LEN(texts); i++) {
        sqlite3_bind_text(stmt, i + 1, texts[i], -1, SQLITE_STATIC);
    }
    sqlite3_bind_int(stmt, 7, b->transport);
    sqlite3_bind_int(stmt, 8, b->listener);
    sqlite3_bind_int(stmt, 9, b->q_thousandths);
    sqlite3_bind_int64(stmt, 10, b->cseq);
    sqlite3_bind_int64(stmt, 11, (sqlite3_int64)b->expires_s);
    return run(stmt);
}

static int binding_drop(struct sqlite_store *s, const struct store_binding *b)
{
    sqlite3_bind_text(s->stmts[SQL_BINDING_DROP], 1, b->user, -1, SQLITE_STATIC);
    sqlite3_bind_text(s->stmts[SQL_BINDING_DROP], 2, b->key, -1, SQLITE_STATIC);
    return run(s->stmts[SQL_BINDING_DROP]);
}

/* ---- documents ---- */

/* A kind of a later version is none of ours: it is left alone. @return STORE_DOC_KINDS: it is that */
static enum store_doc_kind doc_kind_of(const char *word)
{
    unsigned kind = 0;
    while (kind < STORE_DOC_KINDS && (!word || strcmp(doc_kinds[kind], word) != 0)) {
        kind++;
    }
    return (enum store_doc_kind)kind;
}

static int doc_list(struct sqlite_store *s, const struct store_req *req, store_reply_fn reply, void *arg)
{
    sqlite3_stmt *list = s->stmts[SQL_DOCS];
    struct store_reply r;
    int code, err = 0;
    while (!err && (code = sqlite3_step(list)) == SQLITE_ROW) {
        r = (struct store_reply){.answer = STORE_DOC_IS, .op = req->op, .cookie = req->cookie};
        r.doc.kind = doc_kind_of((const char *)sqlite3_column_text(list, 0));
        const char *body = (const char *)sqlite3_column_text(list, 3);
        if (r.doc.kind == STORE_DOC_KINDS || !body) {
            continue;
        }
        text_copy(r.doc.owner, sizeof r.doc.owner, list, 1);
        text_copy(r.doc.name, sizeof r.doc.name, list, 2);
        r.doc.body = strdup(body);
        err = r.doc.body ? 0 : -ENOMEM;
        if (!err) {
            reply(arg, &r);
        }
    }
    sqlite3_reset(list);
    if (err || code != SQLITE_DONE) {
        return err ? err : errno_of(code);
    }
    r = (struct store_reply){.answer = STORE_DONE, .op = req->op, .cookie = req->cookie};
    reply(arg, &r);
    return 0;
}

static int doc_write(struct sqlite_store *s, const struct store_doc *doc, bool is_drop)
{
    sqlite3_stmt *stmt = s->stmts[is_drop ? SQL_DOC_DROP : SQL_DOC_PUT];
    if (doc->kind >= STORE_DOC_KINDS) {
        return -EINVAL;
    }
    sqlite3_bind_text(stmt, 1, doc_kinds[doc->kind], -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, doc->owner, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 3, doc->name, -1, SQLITE_STATIC);
    if (!is_drop) {
        sqlite3_bind_text(stmt, 4, doc->body, -1, SQLITE_STATIC);
    }
    return run(stmt);
}

static int sqlite_handle(void *state, const struct store_req *req, store_reply_fn reply, void *arg)
{
    struct sqlite_store *s = state;
    sqlite3_stmt *stmt;
    int err;

    switch (req->op) {
    case STORE_LOAD:
        return load(s, req, reply, arg);
    case STORE_PUT:
        stmt = s->stmts[SQL_PUT];
        sqlite3_bind_text(stmt, 1, req->conf.token, URI_TOKEN_CHARS, SQLITE_STATIC);
        sqlite3_bind_int64(stmt, 2, (sqlite3_int64)req->conf.created_s);
        sqlite3_bind_int64(stmt, 3, (sqlite3_int64)req->conf.expires_s);
        sqlite3_bind_int(stmt, 4, req->conf.state);
        sqlite3_bind_int(stmt, 5, req->conf.reserved);
        sqlite3_bind_text(stmt, 6, req->conf.name, -1, SQLITE_STATIC);
        sqlite3_bind_text(stmt, 7, req->conf.creator, -1, SQLITE_STATIC);
        sqlite3_bind_int(stmt, 8, req->conf.creator_is_user);
        return run(stmt);
    case STORE_DROP:
        err = key_drop(s->stmts[SQL_DROP], req->conf.token);
        return err ? err : key_drop(s->stmts[SQL_POLICY_DROP], req->conf.token); /* its policy goes with it */
    case STORE_ACCOUNT:
        return account_find(s, req, reply, arg);
    case STORE_ACCOUNT_PUT:
        return account_put(s, &req->account);
    case STORE_ACCOUNT_DROP:
        return key_drop(s->stmts[SQL_ACCOUNT_DROP], req->account.user);
    case STORE_ACCOUNTS:
        return account_list(s, req, reply, arg);
    case STORE_CONFS:
        return conf_list(s, req, reply, arg);
    case STORE_POLICIES:
        return policy_list(s, req, reply, arg);
    case STORE_POLICY_PUT:
        return policy_put(s, &req->policy);
    case STORE_POLICY_DROP:
        return key_drop(s->stmts[SQL_POLICY_DROP], req->policy.key);
    case STORE_REALM:
        return realm_get(s, req, reply, arg);
    case STORE_REALM_PUT:
        return meta_put(s, "realm", req->realm, strlen(req->realm));
    case STORE_BINDINGS:
        return binding_list(s, req, reply, arg);
    case STORE_BINDING_PUT:
        return binding_put(s, &req->binding);
    case STORE_BINDING_DROP:
        return binding_drop(s, &req->binding);
    case STORE_DOCS:
        return doc_list(s, req, reply, arg);
    case STORE_DOC_PUT:
    case STORE_DOC_DROP:
        return doc_write(s, &req->doc, req->op == STORE_DOC_DROP);
    }
    return -EINVAL;
}

const struct store_ops store_sqlite_ops = {sqlite_open,   sqlite_probe,  sqlite_close,  sqlite_begin,
                                           sqlite_commit, sqlite_handle, sqlite_changed};
