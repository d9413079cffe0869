/*
 * The store in one SQLite file, write-ahead log, one transaction a batch. The file is the owner's alone (0600): it
 * holds the secret.
 */
#include "sig/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <sqlite3.h>

#define SCHEMA_VERSION 1

enum { SQL_PUT, SQL_DROP, SQL_EXPIRE, SQL_LIST, SQL_META_GET, SQL_META_PUT, SQLS };

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS conference (token TEXT PRIMARY KEY, created INTEGER NOT NULL,"
    " expires INTEGER NOT NULL, state INTEGER NOT NULL, reserved INTEGER NOT NULL)"
    " WITHOUT ROWID;";

static const char *const sqls[SQLS] = {
    [SQL_PUT] = "INSERT OR REPLACE INTO conference VALUES (?1,?2,?3,?4,?5)",
    [SQL_DROP] = "DELETE FROM conference WHERE token=?1",
    [SQL_EXPIRE] = "DELETE FROM conference WHERE expires<=?1",
    [SQL_LIST] = "SELECT token, created, expires, state, reserved FROM conference ORDER BY created",
    [SQL_META_GET] = "SELECT value FROM meta WHERE key=?1",
    [SQL_META_PUT] = "INSERT OR REPLACE INTO meta VALUES (?1,?2)",
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
    }
    return -EINVAL;
}

const struct store_ops store_sqlite_ops = {sqlite_open, sqlite_close, sqlite_begin, sqlite_commit, sqlite_handle};
