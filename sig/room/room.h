/*
 * A conference as signalling sees it: its URI, its roster, its time limits; the media is the struct conf that it lends
 * to a worker. Issued (a URI that nobody has joined yet) -> open (media runs) -> ended (the URI is dead; it waits for
 * its conf and its calls to come back).
 */
#ifndef SIG_ROOM_ROOM_H
#define SIG_ROOM_ROOM_H

#include "core/base/ptt.h"
#include "sig/room/env.h"
#include "sig/room/member.h"

struct clip;
struct conf;
struct sub;
struct annex;
struct lobby;
struct annex_source;

#define ROOM_GONE_MAX 64 /* departures that are remembered; a watcher further behind gets the whole state again */

/* The floor of a channel of push-to-talk: half duplex, one speaks and the others listen. */
struct room_floor {
    bool is_on;
    struct floor_policy policy;
};

/* What an announcement plays (RFC 4240 3). */
struct annc {
    const struct clip *clip;
    uint32_t times; /* 0: for ever */
};

enum room_state { ROOM_ISSUED, ROOM_OPEN, ROOM_ENDED };

struct room {
    struct env *env;
    struct room *next, **link; /* all of the focus */
    enum room_state state;
    bool is_dead; /* ended, with everything back: room_reap frees it */
    struct room *next_dead;
    char token[URI_TOKEN_CHARS + 1];
    struct uri_token id;
    uint64_t created_s;
    struct quota_hold unacked;   /* while it holds room and nobody has joined it */
    char creator[AUTH_USER_MAX]; /* user that asked the factory for it; "": unknown */
    char *name;                  /* of an application's choice, NULL: none */
    struct room *name_next, **name_link;
    char *creator_uri; /* the From, without authentication; NULL: unknown */
    struct place_hold hold;
    int worker;        /* once open: of the owner */
    struct conf *conf; /* lent; NULL: not open, or back */
    struct annex *annexes;
    struct annex_source *annex_sources;
    struct lobby *lobbies;
    struct annc annc;        /* clip NULL: it is a conference; else the room of one call that hears this */
    struct room_floor floor; /* is_on: a channel, which is not kept in the store and lives as long as it has members */
    unsigned n_moving;       /* calls on their way from one worker to another */
    struct member *roster;
    uint32_t n_roster;    /* participants now */
    uint32_t n_voices;    /* participants whose voice costs an encode */
    uint32_t voice_us;    /* the dearest of them, so far */
    uint32_t voices_us;   /* what is counted for them on the worker */
    uint32_t n_calls;     /* calls that still point here, the ending ones too */
    uint32_t n_drops_due; /* legs whose drop waits for the ring */
    bool close_due;       /* CTL_CONF_CLOSE waits for the ring, or for the drops before it */
    bool floor_due;       /* CTL_CONF_FLOOR waits for the ring */
    bool save_due;        /* the store has not got it yet: its ring was full */
    bool is_kept;         /* its URI outlives this run */
    uint32_t n_dialling;  /* calls of ours that nobody has answered yet */
    struct sub *watchers; /* of the roster */
    struct sub *refers;   /* REFERs, notified of their outcome */
    uint64_t changes;     /* of the roster, so far */
    uint64_t forgotten;   /* departures up to this change are not remembered */
    struct room_gone {
        char *entity;
        uint64_t changed;
    } gone[ROOM_GONE_MAX];
    unsigned i_gone;
    struct timer idle; /* unused, or empty */
    struct timer life, hold_end;
};

/** Saves a fresh URI in the store, once its creator is known. */
void room_promise(struct room *room);

/** Makes a conference with a fresh URI, and holds room for it if so configured.
 * @return 0 | -ENOSPC no slot | -EIO no randomness | -ENOMEM | as place_hold */
int room_issue(struct env *env, struct place_cost cost, struct room **room);

/** Makes a channel. It has a URI of its own, which nobody is told.
 * @return 0 | -ENOSPC no slot | -EIO no randomness | -ENOMEM */
int room_channel(struct env *env, const struct floor_policy *policy, struct room **room);

/** Makes it again from the store: the URI was promised before a restart. @return 0 | -ENOENT not ours, or expired | ...
 */
int room_restore(struct env *env, const struct store_conf *conf);

/** Lists the slots that no conference has: once, after the restoring. */
void room_slots_fill(struct env *env);

/** One participant more or less whose voice costs so much: was_us, is_us, 0: nothing. */
void room_voice_change(struct room *room, uint32_t was_us, uint32_t is_us);
/** What one more would add to what is counted. */
uint32_t room_voice_more(const struct room *room, uint32_t us);

/** Finds by the user part of a URI. @return 0 | -ENOENT never issued here | -ESTALE over or expired */
int room_find(struct env *env, const char *user, struct room **room);

/**
 * The name in the user part of sip:conf=NAME@host (RFC 4240 5), where an application server chooses it.
 *
 * @return NULL: not of that form, or nothing that may be a name
 */
const char *room_name_of(const char *user);
/** Finds by such a name. @return NULL: nobody of that name lives */
struct room *room_named(const struct env *env, const char *name);
/** Gives it one. @return 0 | -ENOMEM */
int room_name_set(struct room *room, const char *name);

/** Gives it media on a worker, if it has none yet. @return 0 | as place_choose | -EBUSY ring full | -ENOMEM */
int room_open(struct room *room, struct place_cost cost);

/** A participant comes. @pre it is in no roster  @return 0 | -EUSERS full | -EACCES locked | -ESTALE over */
int room_join(struct room *room, struct member *member);
/** A participant goes; the last one starts the linger, the creator ends the conference if
 * --conference-creator-leaves=end. Twice is fine. */
void room_leave(struct room *room, struct member *member);

/** Ends it: every call gets BYE, the media comes back. The URI dies, unless the server is stopping
 * (ENDING_STOP): then the store keeps it for the next run, as it would after a crash. */
void room_end(struct room *room, enum ending why);

/** Is this the creator, and does it owe no PIN? member NULL: it is not in the conference; who: with authentication. */
bool room_is_creator(const struct room *room, const struct member *member, const struct identity *who);

/** The media is back, of the owner or of an annex. */
void room_conf_gone(struct room *room, struct conf *conf);

/** Frees what is dead. Once a beat, when nobody holds a pointer. */
void room_reap(struct env *env);

/** Frees it whatever it waits for: the end of the program, what is lent is lost. */
void room_free(struct room *room);

/** Does what waited for a ring. An ended room that has everything back is dead: room_reap frees it. */
void room_settle(struct room *room);

/* Of room_contact_text. */
#define ROOM_CONTACT_MAX (URI_TOKEN_CHARS + ENV_HOST_MAX + 160)

/** "<sip:token@domain>;isfocus", as a peer must call it on that flow's transport; to a trusted peer also that it is
 * telephony (TS 24.229 5.7.1, TS 24.147 5.3.2). */
void room_contact_text(const struct room *room, const struct flow *flow, char *text, size_t size);

#endif
