/*
 * The store in one SQLite file, write-ahead log, one transaction a batch. The file is the owner's alone (0600): it
 * holds the secret.
 */
#include "sig/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <sqlite3.h>

#define SCHEMA_VERSION 1

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
    SQLS
};

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS conference (token TEXT PRIMARY KEY, created INTEGER NOT NULL,"
    " expires INTEGER NOT NULL, state INTEGER NOT NULL, reserved INTEGER NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS account (user TEXT PRIMARY KEY, sha256 TEXT NOT NULL, md5 TEXT NOT NULL,"
    " entitled INTEGER NOT NULL, blocked INTEGER NOT NULL, pin BLOB) WITHOUT ROWID;";

static const char *const sqls[SQLS] = {
    [SQL_PUT] = "INSERT OR REPLACE INTO conference VALUES (?1,?2,?3,?4,?5)",
    [SQL_DROP] = "DELETE FROM conference WHERE token=?1",
    [SQL_EXPIRE] = "DELETE FROM conference WHERE expires<=?1",
    [SQL_LIST] = "SELECT token, created, expires, state, reserved FROM conference ORDER BY created",
    [SQL_META_GET] = "SELECT value FROM meta WHERE key=?1",
    [SQL_META_PUT] = "INSERT OR REPLACE INTO meta VALUES (?1,?2)",
    [SQL_ACCOUNT] = "SELECT user, sha256, md5, entitled, blocked, pin FROM account WHERE user=?1",
    [SQL_ACCOUNT_PUT] = "INSERT OR REPLACE INTO account VALUES (?1,?2,?3,?4,?5,?6)",
    [SQL_ACCOUNT_DROP] = "DELETE FROM account WHERE user=?1",
    [SQL_ACCOUNTS] = "SELECT user, sha256, md5, entitled, blocked, pin FROM account ORDER BY user",
};

struct sqlite_store {
    sqlite3 *db;
    sqlite3_stmt *stmts[SQLS];
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
    if (!err && (err = sqlite_commit(s)) == 0) {
        err = sqlite_begin(s);
    }
    if (err) {
        return err;
    }
    reply(arg, &r);
    keys_wipe(r.secret, sizeof r.secret);

    sqlite3_stmt *list = s->stmts[SQL_LIST];
    int code;
    while ((code = sqlite3_step(list)) == SQLITE_ROW) {
        r = (struct store_reply){.answer = STORE_CONF, .op = STORE_LOAD};
        const unsigned char *token = sqlite3_column_text(list, 0);
        if (!token || sqlite3_column_bytes(list, 0) != URI_TOKEN_CHARS) {
            continue;
        }
        memcpy(r.conf.token, token, URI_TOKEN_CHARS);
        r.conf.created_s = (uint64_t)sqlite3_column_int64(list, 1);
        r.conf.expires_s = (uint64_t)sqlite3_column_int64(list, 2);
        r.conf.state = (uint8_t)sqlite3_column_int(list, 3);
        r.conf.reserved = sqlite3_column_int(list, 4) != 0;
        reply(arg, &r);
    }
    sqlite3_reset(list);
    if (code != SQLITE_DONE) {
        return errno_of(code);
    }
    r = (struct store_reply){.answer = STORE_DONE, .op = STORE_LOAD};
    reply(arg, &r);
    return 0;
}

/* ---- accounts ---- */

static void text_copy(char *to, size_t size, sqlite3_stmt *stmt, int column)
{
    const unsigned char *text = sqlite3_column_text(stmt, column);
    snprintf(to, size, "%s", text ? (const char *)text : "");
}

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
        a->has_pin = sqlite3_column_bytes(stmt, 5) == sizeof a->pin;
        if (a->has_pin) {
            memcpy(a->pin, sqlite3_column_blob(stmt, 5), sizeof a->pin);
        }
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

static int sqlite_handle(void *state, const struct store_req *req, store_reply_fn reply, void *arg)
{
    struct sqlite_store *s = state;
    sqlite3_stmt *stmt;

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
        return run(stmt);
    case STORE_DROP:
        stmt = s->stmts[SQL_DROP];
        sqlite3_bind_text(stmt, 1, req->conf.token, URI_TOKEN_CHARS, SQLITE_STATIC);
        return run(stmt);
    case STORE_ACCOUNT:
        return account_find(s, req, reply, arg);
    case STORE_ACCOUNT_PUT:
        return account_put(s, &req->account);
    case STORE_ACCOUNT_DROP:
        stmt = s->stmts[SQL_ACCOUNT_DROP];
        sqlite3_bind_text(stmt, 1, req->account.user, -1, SQLITE_STATIC);
        return run(stmt);
    case STORE_ACCOUNTS:
        return account_list(s, req, reply, arg);
    }
    return -EINVAL;
}

const struct store_ops store_sqlite_ops = {sqlite_open, sqlite_close, sqlite_begin, sqlite_commit, sqlite_handle};
