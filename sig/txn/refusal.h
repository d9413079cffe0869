/*
 * Why a request is refused: name, status, text for people. Each reason has a counter and a line in the log; env_refuse
 * (env.h) is the one way to refuse.
 */
#ifndef SIG_TXN_REFUSAL_H
#define SIG_TXN_REFUSAL_H

#define REFUSAL_LIST(X)                                                                                                \
    X(SCHEME, 416, "URI scheme is not served")                                                                         \
    X(HOST, 404, "host is not ours")                                                                                   \
    X(USER, 404, "no such conference, and not the factory")                                                            \
    X(ENDED, 410, "conference is over or has expired")                                                                 \
    X(ANNOUNCEMENT, 404, "no such announcement")                                                                       \
    X(REPEAT, 400, "repeat count of an announcement is out of range")                                                  \
    X(VOICEXML, 501, "VoiceXML dialogs are not supported")                                                             \
    X(EXTENSION, 420, "required extension is not supported")                                                           \
    X(CREDENTIALS, 403, "wrong user or password, or a blocked account")                                                \
    X(CREDENTIALS_MALFORMED, 400, "credentials are malformed, or of another request")                                  \
    X(ENTITLEMENT, 403, "subscription does not include conferences")                                                   \
    X(STORE, 503, "account store does not answer")                                                                     \
    X(WATCH, 403, "roster asked for by a non-participant")                                                             \
    X(WATCHES, 480, "too many roster subscriptions of one participant")                                                \
    X(EVENT, 489, "event package is not supported")                                                                    \
    X(INTERVAL, 423, "subscription interval is too short")                                                             \
    X(SESSION_SHORT, 422, "session interval is too short")                                                             \
    X(SESSION_BAD, 400, "session interval is not a number")                                                            \
    X(PRECONDITION, 580, "end-to-end reservation demanded")                                                            \
    X(EXTENSION_NEEDED, 421, "preconditions without reliable provisional responses")                                   \
    X(OPEN, 500, "earlier INVITE is still open")                                                                       \
    X(PRACK_LOST, 504, "provisional response was never acknowledged")                                                  \
    X(PACKAGE, 469, "INFO package is not supported")                                                                   \
    X(PIN_BARRED, 403, "too many wrong PINs from this address: try later")                                             \
    X(REFER_TO, 400, "REFER without exactly one readable Refer-To")                                                    \
    X(REFER_METHOD, 403, "REFER with a method that is not supported")                                                  \
    X(REFERRAL, 403, "REFER is not permitted for this requester")                                                      \
    X(REACH, 403, "REFER to a destination that may not be called")                                                     \
    X(PARTICIPANT, 404, "REFER to remove somebody who is not a participant")                                           \
    X(DIAL_RATE, 480, "too many calls asked for")                                                                      \
    X(LIST, 400, "list of URIs is malformed")                                                                          \
    X(LIST_LONG, 413, "list of URIs is too long")                                                                      \
    X(LOOP, 482, "call of our own has come back")                                                                      \
    X(REPLACES, 400, "Replaces is malformed")                                                                          \
    X(REPLACES_EARLY, 486, "Replaces with early-only of an answered call")                                             \
    X(REPLACES_OVER, 603, "Replaces of a call that is over")                                                           \
    X(REPLACES_RIGHT, 403, "Replaces of another user's call")                                                          \
    X(CONTACT, 400, "INVITE without exactly one usable Contact")                                                       \
    X(ACCEPT, 406, "peer does not accept SDP")                                                                         \
    X(BODY_TYPE, 415, "body is not SDP")                                                                               \
    X(BODY, 400, "SDP is malformed")                                                                                   \
    X(BODY_LIMIT, 488, "SDP exceeds the limits")                                                                       \
    X(MEDIA, 488, "no acceptable stream, transport or codec")                                                          \
    X(MEDIA_ADDRESS, 488, "media address is a socket of ours, or no host's")                                           \
    X(DIALOG, 481, "no such dialog")                                                                                   \
    X(SOURCE, 403, "request in a dialog from another host and another user")                                           \
    X(CSEQ, 500, "CSeq is lower than the last one")                                                                    \
    X(PENDING, 491, "our own offer has no answer yet")                                                                 \
    X(MOVING, 491, "media is moving from one worker to another")                                                       \
    X(REGISTER_STAR, 400, "Contact: * with another Contact, or not to end all registrations")                          \
    X(REGISTER_OLD, 500, "CSeq of a REGISTER is not higher than the last one")                                         \
    X(REGISTER_OTHER, 403, "REGISTER for another user")                                                                \
    X(REGISTER_MANY, 403, "too many phones of one user")                                                               \
    X(REGISTER_CONTACT, 400, "REGISTER with a Contact that cannot be called")                                          \
    X(REGISTER_FLOW, 439, "outbound through a proxy that does not support it")                                         \
    X(REGISTERED, 480, "user of ours without a registered phone")                                                      \
    X(PUBLISH_OTHER, 403, "PUBLISH for another user")                                                                  \
    X(PUBLISH_MATCH, 400, "SIP-If-Match is malformed, or there are several")                                           \
    X(PUBLISH_TAG, 412, "SIP-If-Match names no publication that is there")                                             \
    X(PUBLISH_BODY, 400, "PUBLISH without a body, or with a malformed one")                                            \
    X(PUBLISH_TYPE, 415, "body is no presence document")                                                               \
    X(PUBLISH_ENCODING, 415, "body has an encoding that would have to be undone")                                      \
    X(PRESENCE_RULE, 403, "presence is not shown to this watcher")                                                     \
    X(PRESENCE_OWNER, 403, "watchers and registrations of another user")                                               \
    X(PRESENCE_MANY, 480, "too many presence subscriptions of one watcher, or of one user")                            \
    X(PRESENCE_LIST, 421, "list subscription without Supported: eventlist")                                            \
    X(PRESENCE_ACCEPT, 406, "watcher does not accept the document of this event package")                              \
    X(SERVICE, 403, "user has not this service under this identification")                                             \
    X(PTT_NOBODY, 480, "push-to-talk: nobody of the channel can be reached")                                           \
    X(PTT_DND, 603, "push-to-talk: the other party does not want to be disturbed")                                     \
    X(PTT_TARGET, 403, "push-to-talk: the service of this session does not reach that target")                         \
    X(PTT_RIGHT, 403, "push-to-talk: this session may only listen")                                                    \
    X(LOCKED, 403, "conference is locked")                                                                             \
    X(LEGS, 486, "conference is full")                                                                                 \
    X(HALF_CALLS, 503, "too many unacknowledged calls from one source")                                                \
    X(CONFS, 503, "too many conferences")                                                                              \
    X(CPU, 503, "CPU budget is used up")                                                                               \
    X(BANDWIDTH, 503, "bandwidth is used up")                                                                          \
    X(PORTS, 503, "no RTP port left")                                                                                  \
    X(FDS, 503, "no file descriptor left")                                                                             \
    X(WORKER, 503, "request ring of a worker is full")                                                                 \
    X(MEMORY, 500, "out of memory")                                                                                    \
    X(FAULT, 500, "internal error")                                                                                    \
    X(STOPPING, 503, "server is stopping")                                                                             \
    X(METHOD, 405, "method is not allowed here")

enum refusal {
#define X(name, status, text) REFUSAL_##name,
    REFUSAL_LIST(X)
#undef X
        REFUSALS
};

const char *refusal_name(enum refusal refusal);
const char *refusal_text(enum refusal refusal);
int refusal_status(enum refusal refusal);

/** What a negative errno of placement, building or a worker's ring means for the caller. */
enum refusal refusal_of(int err);

#endif
