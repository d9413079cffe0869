/*
 * What must survive the process: the secret that signs conference URIs, and the conferences that were promised to
 * somebody. One interface of value messages over two rings; the store's own thread does whatever blocks. Signalling
 * never waits for it: it answers from memory and writes behind. No URI can be issued twice after a crash, since the
 * secret is stored before the first one, and each carries 112 random bits.
 *
 * Back ends: memory (nothing survives) and SQLite. A shared one for several nodes fits the same messages.
 */
#ifndef SIG_STORE_STORE_H
#define SIG_STORE_STORE_H

#include "core/base/addr.h"
#include "core/base/base.h"
#include "sig/base/keys.h"
#include "sig/base/uri.h"
#include "sig/sip/auth.h"

#define STORE_KEY_MAX 64
static_assert(URI_TOKEN_CHARS < STORE_KEY_MAX, "a token is a key");

enum store_conf_state { STORE_ISSUED, STORE_ACTIVE };

struct store_conf {
    char token[URI_TOKEN_CHARS + 1]; /* the key */
    uint64_t created_s, expires_s;   /* Unix time */
    uint8_t state;                   /* enum store_conf_state */
    bool reserved;                   /* resources were held for it */
    char name[STORE_KEY_MAX];        /* of an application's choice; "": none */
    char creator[AUTH_USER_MAX];     /* user that asked for it, or without authentication a URI */
    bool creator_is_user;
};

/* The operator's policy for a conference, whether it lives or not. */
struct store_policy {
    char key[STORE_KEY_MAX]; /* the name of an application's choice, or a token */
    uint32_t legs_max;       /* 0: as many as any */
    bool is_locked;          /* nobody more gets in */
    bool has_pin;
    uint8_t pin[KEYS_MAC_BYTES]; /* store_pin_mac of it, of store_policy_subject */
};

/* A user that may ask for conferences. */
struct store_account {
    char user[AUTH_USER_MAX]; /* the key; as in credentials and in asserted identities */
    struct auth_secret secret;
    bool is_entitled; /* to conferencing: the subscription check */
    bool is_blocked;
    bool has_pin;
    uint8_t pin[KEYS_MAC_BYTES]; /* store_pin_mac of it */
};

#define STORE_URI_MAX 512

/* A phone that has registered (RFC 3261 10): where requests to its user go. */
struct store_binding {
    char user[AUTH_USER_MAX];    /* with key the key */
    char key[STORE_URI_MAX];     /* its instance and reg-id (RFC 5626), or its contact */
    char contact[STORE_URI_MAX]; /* URI */
    char path[STORE_URI_MAX];    /* route to it (RFC 3327), "": none */
    char call_id[STORE_URI_MAX / 2];
    char source[ADDR_TEXT_MAX];  /* "192.0.2.1:5060" that it registered from */
    uint8_t transport, listener; /* of its flow */
    uint16_t q_thousandths;
    uint32_t cseq;
    uint64_t expires_s; /* Unix time */
};

#define STORE_DOC_BYTES_MAX 65536

/* Small documents of users and of the domain, JSON as text. What is in one is its reader's affair. */
enum store_doc_kind {
    STORE_DOC_RULES,    /* of a user: to whom its presence is shown */
    STORE_DOC_BUDDIES,  /* of a user */
    STORE_DOC_GROUP,    /* of nobody: its name is the group's */
    STORE_DOC_PROFILE,  /* of a user */
    STORE_DOC_SERVICES, /* of a user: its name is the service and the identification */
    STORE_DOC_KINDS
};

struct store_doc {
    enum store_doc_kind kind;                       /* with owner and name the key */
    char owner[AUTH_USER_MAX], name[STORE_URI_MAX]; /* "": of nobody; only one of its kind */
    char *body; /* by malloc, and owned by what holds the message: store_put takes it, store_take gives it */
};

enum store_op {
    STORE_LOAD, /* gives the secret (made if there was none), then every conference that has not expired, then DONE */
    STORE_PUT,  /* writes conf, new or changed; no reply but on failure */
    STORE_DROP, /* forgets conf.token; no reply but on failure */
    STORE_ACCOUNT,      /* looks up account.user: ACCOUNT_IS, found or not */
    STORE_ACCOUNT_PUT,  /* writes account; no reply but on failure */
    STORE_ACCOUNT_DROP, /* forgets account.user; no reply but on failure */
    STORE_ACCOUNTS,     /* ACCOUNT_IS for each, then DONE */
    STORE_CONFS,        /* CONF for each, then DONE */
    STORE_POLICIES,     /* POLICY_IS for each, then DONE; after that once more whenever another process changes them */
    STORE_POLICY_PUT,   /* writes policy; no reply but on failure */
    STORE_POLICY_DROP,  /* forgets policy.key; no reply but on failure */
    STORE_REALM,        /* the realm that the accounts' passwords are of: REALM_IS, found or not */
    STORE_REALM_PUT,    /* writes realm; no reply but on failure */
    STORE_BINDINGS,     /* BINDING_IS for each that has not expired at now_s, then DONE */
    STORE_BINDING_PUT,  /* writes binding; no reply but on failure */
    STORE_BINDING_DROP, /* forgets binding.user and binding.key; no reply but on failure */
    STORE_DOCS,         /* DOC_IS for each, then DONE */
    STORE_DOC_PUT,      /* writes doc; no reply but on failure */
    STORE_DOC_DROP,     /* forgets doc by its key; no reply but on failure */
};

struct store_req {
    enum store_op op;
    uint64_t cookie; /* comes back in the reply, in FAILED too */
    union {
        struct store_conf conf;
        struct store_account account;
        struct store_policy policy;
        char realm[AUTH_REALM_MAX];
        struct store_binding binding;
        struct store_doc doc;
    };
    uint64_t now_s; /* LOAD, BINDINGS: older ones are forgotten */
};

enum store_answer {
    STORE_SECRET,     /* secret is set, boots is how often this store was opened */
    STORE_CONF,       /* one conference */
    STORE_ACCOUNT_IS, /* found: account is it */
    STORE_POLICY_IS,  /* one policy */
    STORE_REALM_IS,   /* found: realm is it */
    STORE_BINDING_IS, /* one binding */
    STORE_DOC_IS,     /* one document */
    STORE_DONE,       /* LOAD, ACCOUNTS, CONFS, POLICIES, BINDINGS or DOCS is complete */
    STORE_FAILED,     /* err: the request op could not be carried out */
};

struct store_reply {
    enum store_answer answer;
    enum store_op op;
    int err;
    uint64_t cookie;
    uint64_t boots;
    uint8_t secret[KEYS_SECRET_BYTES];
    bool found;
    union {
        struct store_conf conf;
        struct store_account account;
        struct store_policy policy;
        char realm[AUTH_REALM_MAX];
        struct store_binding binding;
        struct store_doc doc;
    };
};

struct store;

/**
 * Opens "memory" or "sqlite:PATH" and starts its thread.
 *
 * @return 0 | -EINVAL unknown kind | -EACCES, -ENOENT, -EIO ... the path cannot be used | -ENOMEM
 * @thread start of the program
 */
int store_open(struct store **store, const char *spec);

/** Can it be opened here? Looks only: nothing is made, and another process may have it open. @return as store_open */
int store_probe(const char *spec);

/** What a negative errno of store_open or store_probe means: the rest of a sentence that names the fix. */
const char *store_why(int err);

/**
 * A store on disk belongs to one server at a time: two would share names and end each other's conferences. Operators'
 * programs read and write beside it. The lock is a file beside the store, held by its open descriptor, which may be
 * passed on to another process; it goes with the last one that holds it.
 *
 * @param fd      out: close it to give the lock back; -1: this kind of store needs none
 * @param holder  out, with -EBUSY: the process that has it, 0: unknown
 * @return 0 | -EBUSY | -EACCES, -ENOENT ... the file cannot be made
 */
int store_lock(int *fd, const char *spec, int *holder);

/** Ends the thread after everything that was put has been written, and frees it. */
void store_close(struct store *store);

/** @return 0 | -EAGAIN: ring full, ask again later; a document's body is the caller's still  @thread the one signalling
 * thread */
int store_put(struct store *store, const struct store_req *req);

/** Takes the next reply; the body of a DOC_IS is the caller's then. @return false: none  @thread the one signalling
 * thread */
bool store_take(struct store *store, struct store_reply *reply);

/** What is kept of an account's PIN. @param secret  of STORE_SECRET  @return 0 | -EIO */
int store_pin_mac(uint8_t mac[KEYS_MAC_BYTES], const uint8_t secret[KEYS_SECRET_BYTES], const char *user,
                  const char *pin);

/** The subject of a conference's PIN, for store_pin_mac: "conf:" and the key, which is no user's name. @return text */
const char *store_policy_subject(char text[AUTH_USER_MAX], const char *key);

/* --- For back ends ------------------------------------------------------------------------------------------------ */

typedef void (*store_reply_fn)(void *arg, const struct store_reply *reply);

/* All run on the store's thread, but for open and close. */
struct store_ops {
    int (*open)(void **state, const char *path);
    int (*probe)(const char *path);
    void (*close)(void *state);
    int (*begin)(void *state); /* of a batch: one transaction */
    int (*commit)(void *state);
    int (*handle)(void *state, const struct store_req *req, store_reply_fn reply, void *arg);
    /** Has another process written since the last time? NULL: none can. */
    bool (*changed)(void *state);
};

extern const struct store_ops store_mem_ops, store_sqlite_ops;

#endif
