/*
 * Why a request is refused: name, status, text for people. Each reason has a counter and a line in the log; who refuses
 * says env_refuse (env.h).
 */
#ifndef SIG_TXN_REFUSAL_H
#define SIG_TXN_REFUSAL_H

#define REFUSAL_LIST(X)                                                                                                \
    X(SCHEME, 416, "URI scheme that is not served")                                                                    \
    X(HOST, 404, "host that is not ours")                                                                              \
    X(USER, 404, "neither the factory nor a conference")                                                               \
    X(ENDED, 410, "conference that is over or has expired")                                                            \
    X(ANNOUNCEMENT, 404, "announcement that is not there")                                                             \
    X(REPEAT, 400, "announcement so many times")                                                                       \
    X(VOICEXML, 501, "dialog in VoiceXML, which is not spoken here")                                                   \
    X(EXTENSION, 420, "required extension that is not supported")                                                      \
    X(CREDENTIALS, 403, "wrong user or password, or an account that is blocked")                                       \
    X(CREDENTIALS_MALFORMED, 400, "credentials that are malformed, or of another request")                             \
    X(ENTITLEMENT, 403, "subscription that does not include conferences")                                              \
    X(STORE, 503, "account store does not answer")                                                                     \
    X(WATCH, 403, "roster asked for by somebody who is not there")                                                     \
    X(WATCHES, 480, "as many subscriptions as one participant may have")                                               \
    X(EVENT, 489, "event package that nobody here notifies of")                                                        \
    X(INTERVAL, 423, "subscription shorter than the shortest")                                                         \
    X(SESSION_SHORT, 422, "session timer shorter than the shortest")                                                   \
    X(SESSION_BAD, 400, "session timer that is no number")                                                             \
    X(PRECONDITION, 580, "reservation from end to end demanded")                                                       \
    X(EXTENSION_NEEDED, 421, "preconditions without reliable provisional responses")                                   \
    X(OPEN, 500, "an earlier INVITE is still open")                                                                    \
    X(PRACK_LOST, 504, "provisional response was never acknowledged")                                                  \
    X(PACKAGE, 469, "INFO of a package that nobody here has")                                                          \
    X(PIN_BARRED, 403, "too many wrong PINs from that address: later")                                                 \
    X(REFER_TO, 400, "REFER without one Refer-To that can be read")                                                    \
    X(REFER_METHOD, 403, "REFER to do what nobody is asked to do here")                                                \
    X(REFERRAL, 403, "REFER from somebody who may not")                                                                \
    X(REACH, 403, "REFER to somebody whom this server may not call")                                                   \
    X(PARTICIPANT, 404, "REFER to remove somebody who is not there")                                                   \
    X(DIAL_RATE, 480, "more calls asked for than may be made")                                                         \
    X(LIST, 400, "list of URIs that cannot be read")                                                                   \
    X(LIST_LONG, 413, "list of more URIs than the limit")                                                              \
    X(LOOP, 482, "a call of our own that has come back")                                                               \
    X(REPLACES, 400, "Replaces that cannot be read")                                                                   \
    X(REPLACES_EARLY, 486, "Replaces of what has been answered")                                                       \
    X(REPLACES_OVER, 603, "Replaces of a call that is over")                                                           \
    X(REPLACES_RIGHT, 403, "Replaces of somebody else's call")                                                         \
    X(CONTACT, 400, "INVITE without one usable Contact")                                                               \
    X(ACCEPT, 406, "peer takes no SDP")                                                                                \
    X(BODY_TYPE, 415, "body that is not SDP")                                                                          \
    X(BODY, 400, "malformed SDP")                                                                                      \
    X(BODY_LIMIT, 488, "SDP beyond the limits")                                                                        \
    X(MEDIA, 488, "no stream, transport or codec that fits")                                                           \
    X(MEDIA_ADDRESS, 488, "media address that is a socket of ours, or no host's")                                      \
    X(DIALOG, 481, "no such dialog")                                                                                   \
    X(SOURCE, 403, "request in a dialog from another host, and by another user")                                       \
    X(CSEQ, 500, "CSeq lower than the last one")                                                                       \
    X(PENDING, 491, "our own offer has no answer yet")                                                                 \
    X(MOVING, 491, "media that is on its way from one worker to another")                                              \
    X(LOCKED, 403, "conference that nobody more gets into")                                                            \
    X(LEGS, 486, "conference has as many participants as it may have")                                                 \
    X(HALF_CALLS, 503, "as many half calls of one source as there may be")                                             \
    X(CONFS, 503, "as many conferences as there may be")                                                               \
    X(CPU, 503, "CPU budget spent")                                                                                    \
    X(BANDWIDTH, 503, "bandwidth spent")                                                                               \
    X(PORTS, 503, "no RTP port left")                                                                                  \
    X(FDS, 503, "no file descriptor left")                                                                             \
    X(WORKER, 503, "worker's message ring full")                                                                       \
    X(MEMORY, 500, "no memory")                                                                                        \
    X(FAULT, 500, "a fault of our own")                                                                                \
    X(STOPPING, 503, "server is going down")                                                                           \
    X(METHOD, 405, "method that makes no sense here")

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
