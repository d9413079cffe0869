/* What the files of txn share: the record, the table, the sends. */
#ifndef SIG_TXN_TXN_PRIV_H
#define SIG_TXN_TXN_PRIV_H

#include "sig/txn/txn.h"

#include <string.h>

enum txn_kind { TXN_SERVER_INVITE, TXN_SERVER_OTHER, TXN_CLIENT_INVITE, TXN_CLIENT_OTHER };

enum txn_state {
    TXN_TRYING, /* RFC 3261: Trying, Calling; an INVITE server before its first 1xx */
    TXN_PROCEEDING,
    TXN_COMPLETED,
    TXN_CONFIRMED,
    TXN_ACCEPTED, /* RFC 6026 */
    TXN_GONE,     /* out of the tables, freed in the next millisecond */
};

enum txn_cancel { TXN_CANCEL_NO, TXN_CANCEL_WANTED, TXN_CANCEL_SENT };

struct txn_key {
    uint64_t half[2]; /* keyed hash of what names it: nobody can make two fall together */
};

struct txn {
    struct txns *txns;
    struct txn *next_by_key, *next_by_merge;
    struct txn *next, **link; /* all of the layer */
    struct txn *next_on_conn, **link_on_conn;
    struct txn_key key, merge;
    struct timer life;  /* B D F H I J K L M, and the end */
    struct timer again; /* A E G, the 2xx again, the 100 */
    uint32_t again_ms;
    enum txn_kind kind;
    enum txn_state state;
    enum sip_method method;
    enum txn_cancel cancel;
    bool is_seen;    /* the user has the pointer */
    bool is_merged;  /* in the table of merged requests: ongoing */
    bool is_acked;   /* 2xx of ours */
    bool is_over;    /* has its final response */
    bool went_large; /* by TCP only because of its size */
    int err;         /* of a send that failed, reported by the timer */
    struct flow flow;
    struct sip_msg *msg; /* server, until the final response */
    char *text;          /* last response, or the request; later its ACK */
    size_t n_text;
    size_t via_at, n_via; /* client: our Via line in text */
    void *tag;
    char local_tag[SIP_TAG_BYTES];
    char branch[SIP_BRANCH_BYTES];
};

#define TXN_CONN_LISTS 256
#define TXN_SOURCES 4096 /* token buckets, in sets of four */

struct txn_source {
    uint64_t source; /* hash of the address */
    uint64_t tokens_milli, last_ms;
    uint64_t longer_ms; /* when it was last sent an answer longer than its request allows; 0: never */
    bool has_answered;  /* what was sent there has been read there: the address is nobody's forgery */
};

/* What a side does when a record's timers fire. */
struct txn_side {
    void (*life)(struct txn *txn);
    void (*again)(struct txn *txn);
};

struct txns {
    struct txn_config cfg;
    struct txn_side server_side, client_side;
    struct txn_world world;
    struct txn_user user;
    struct timer_wheel *wheel;
    struct txn_stats stats;
    uint64_t secret[4];
    uint64_t now_ms;
    uint64_t turn_ns;         /* of this turn */
    uint32_t n_turn, n_full;  /* messages of it; full turns before it, one after the other */
    uint32_t n_live, n_slots; /* slots: a power of two */
    struct txn **by_key, **by_merge;
    struct txn *all;
    struct txn *on_conn[TXN_CONN_LISTS];
    struct txn_source *sources, total;
    struct sip_msg **spent; /* requests whose user may still read them in this turn */
    unsigned n_spent, max_spent;
    char server[128];
};

/* txn_key.c */
struct txn_key txn_key_server(const struct txns *txns, const struct sip_msg *msg, enum sip_method method);
struct txn_key txn_key_client(const struct txns *txns, const char *branch, enum sip_method method);
struct txn_key txn_key_merge(const struct txns *txns, const struct sip_msg *msg);
struct txn_key txn_key_address(const struct txns *txns, const struct addr *addr);
/** A To tag for what nobody keeps state for: the same for the same request. */
void txn_key_tag(const struct txns *txns, const struct scan *scan, char tag[SIP_TAG_BYTES]);
void txn_hex(const uint8_t *bytes, size_t n, char *text);

static inline bool txn_key_same(const struct txn_key *a, const struct txn_key *b)
{
    return a->half[0] == b->half[0] && a->half[1] == b->half[1];
}

/* txn_table.c */
struct txn *txn_make(struct txns *txns, enum txn_kind kind, enum sip_method method, const struct flow *flow,
                     const struct txn_key *key);
struct txn *txn_find(const struct txns *txns, const struct txn_key *key);
struct txn *txn_find_merged(const struct txns *txns, const struct txn_key *merge);
void txn_set_merge(struct txn *txn, const struct txn_key *merge);
/** It goes on no more as RFC 3261 8.2.2.2 has it; the same request by another way is a new one. Twice is fine. */
void txn_unset_merge(struct txn *txn);
/** Takes it out of the tables; on_gone and free come with the next millisecond, so callers may hold it a while. */
void txn_end(struct txn *txn);
/** Sends the kept text. @return 0 | negative errno, counted */
int txn_send_kept(struct txn *txn);
void txn_keep_text(struct txn *txn, char *text, size_t n);
void txn_on_conn(struct txn *txn);
/** Lets go of a request; it is freed when the next message comes. */
void txn_spend(struct txn *txn);
void txn_free(struct txn *txn);

/* txn_refuse.c */
void txn_refuse(struct txns *txns, const struct sip_msg *msg, enum refuse refuse, const char *extra);

/* txn_limit.c */
/** A turn's next message has come. */
void txn_limit_turn(struct txns *txns, uint64_t now_ns);
/** We are behind, and this request can wait. */
bool txn_limit_waits(const struct txns *txns, const struct sip_msg *msg);
bool txn_limit_take(struct txns *txns, const struct sip_msg *msg, enum refuse *refuse);
/** Somebody at this address has shown a tag or a branch that we had sent there. */
void txn_source_proven(struct txns *txns, const struct addr *source);
/** May an answer that is longer than its request allows go there now? An address that has never answered is sent one in
 * TXN_LONGER_MS. */
bool txn_source_exceeds(struct txns *txns, const struct addr *source);

/* txn_cut.c */
/** Is this an answer that anybody gets, so that a forged source may be sent it? */
bool txn_cut_applies(const struct txns *txns, const struct sip_msg *msg, int status);
/** Makes it short enough, in place, or as short as its meaning allows where it may be longer. @param tag  of its To
 * @param status  400 when only that fits  @return length | 0: the request is too short for any answer */
size_t txn_cut(struct txns *txns, const struct sip_msg *msg, const char *tag, int *status, char *text, size_t n);

/* txn_server.c. They take the message by setting *msg to NULL. */
void txn_server_rx(struct txns *txns, struct sip_msg **msg);
void txn_server_life(struct txn *txn);
void txn_server_again(struct txn *txn);

/* txn_client.c */
void txn_client_rx(struct txns *txns, const struct sip_msg *msg);
void txn_client_life(struct txn *txn);
void txn_client_again(struct txn *txn);
/** Its connection is gone. */
void txn_client_broken(struct txn *txn, int err);

#endif
