/*
 * Presence: the first octet says what the rest is. A document of a phone or of an operator, read and no more; or a
 * program of what users, operators, push-to-talk and time do, an octet a step. When the program has ended everything
 * expires, and nothing may be left: no publication, no subscription, no user, no timer.
 */
#include "sig/pres/auth_policy.h"
#include "sig/pres/presence.h"
#include "tests/unit/call_world.h"

#include <string.h>

#define STEPS_MAX 200

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static struct presence *presence;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    return 0;
}

/* ---- documents ---- */

static bool any_name(const void *ctx, const char *text, char out[PROFILE_URI_MAX])
{
    return snprintf(out, PROFILE_URI_MAX, "%s", text) < PROFILE_URI_MAX;
}

static void document(unsigned kind, const char *text, size_t n)
{
    static const struct profile_namer namer = {NULL, any_name};
    struct pidf pidf;
    struct rules *rules = NULL;
    struct members *members = NULL;
    const char *why = NULL;
    char *again = NULL;
    if (kind == 0) {
        must(pidf_read(&pidf, text, n) <= 0 && strlen(pidf.note) < sizeof pidf.note);
    } else if (kind == 1) {
        must(pidf_settings_read(&pidf, text, n) <= 0);
    } else if (kind == 2 && auth_policy_read(&rules, text, n, &namer, &why) == 0) {
        must(rules->n <= PROFILE_RULES_MAX);
    } else if (kind == 2 && rules_read(&rules, text, n, &namer, &why) == 0) {
        rules_judge(rules, "alice@x", RULE_POLITE);
        again = rules_write(rules); /* what we write we read */
        free(rules);
        must(again && rules_read(&rules, again, strlen(again), &namer, &why) == 0);
    } else if (kind == 3 && members_read(&members, text, n, &namer, &why) == 0) {
        again = members_write(members);
        must(again);
    }
    free(rules);
    free(members);
    free(again);
}

/* ---- programs ---- */

struct program {
    const uint8_t *at, *end;
    struct world *w;
    unsigned n_sent;
    char etag[SIP_TAG_BYTES];
};

static unsigned next_octet(struct program *p)
{
    return p->at < p->end ? *p->at++ : 0;
}

static const char *user_of(unsigned octet)
{
    static const char *const users[] = {"alice", "bob", "carol", "buddies", "ptt", "g1"};
    return users[octet % ARRAY_LEN(users)];
}

static void user_send(struct program *p, const char *method, const char *from, const char *to, const char *lines,
                      const char *body)
{
    char text[4096], value[64];
    struct flow flow = {.transport = FLOW_UDP, .conn = FLOW_NO_CONN};
    unsigned before = p->w->n_sent;
    must(addr_parse(&flow.remote, "192.0.2.9", 5060) == 0);
    int n = snprintf(text, sizeof text,
                     "%s sip:%s@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKf%u\r\n"
                     "From: <sip:%s@127.0.0.1>;tag=1\r\nTo: <sip:%s@127.0.0.1>\r\nCall-ID: f%u\r\nCSeq: 1 %s\r\n%s"
                     "Contact: <sip:c@192.0.2.9>\r\nContent-Length: %zu\r\n\r\n%s",
                     method, to, p->n_sent, from, to, p->n_sent, method, lines, strlen(body), body);
    p->n_sent++;
    txns_rx(p->w->txns, &flow, text, (size_t)n, p->w->now_ns);
    if (p->w->n_sent > before && header(p->w->sent[before % SENT_MAX], "SIP-ETag", value, sizeof value)) {
        snprintf(p->etag, sizeof p->etag, "%.16s", value);
    }
}

static void publish(struct program *p)
{
    static const char *const bodies[] = {
        "",
        "<presence xmlns='urn:ietf:params:xml:ns:pidf'><tuple id='a'><status><basic>open</basic></status></tuple>"
        "</presence>",
        "<presence xmlns='urn:ietf:params:xml:ns:pidf' xmlns:r='urn:ietf:params:xml:ns:pidf:rpid'><r:activities>"
        "<r:busy/></r:activities><note>x</note></presence>",
        "<poc-settings><incoming-session-barring active='true'/></poc-settings>", "<presence"};
    char lines[256];
    unsigned what = next_octet(p), body = next_octet(p) % ARRAY_LEN(bodies);
    const char *user = user_of(next_octet(p));
    bool has_tag = what & 1 && p->etag[0];
    snprintf(lines, sizeof lines, "Event: %s\r\nExpires: %u\r\nContent-Type: application/%s+xml\r\n%s%s%s",
             what & 2 ? "poc-settings" : "presence", what & 4 ? 0 : 60 + what, what & 2 ? "poc-settings" : "pidf",
             has_tag ? "SIP-If-Match: " : "", has_tag ? p->etag : "", has_tag ? "\r\n" : "");
    user_send(p, "PUBLISH", what & 8 ? "bob" : user, user, lines, bodies[body]);
}

static void subscribe(struct program *p)
{
    char lines[256];
    unsigned what = next_octet(p);
    snprintf(lines, sizeof lines, "Event: presence%s\r\nExpires: %u\r\n%s", what & 1 ? ".winfo" : "",
             what & 2 ? 0 : 60 + what, what & 4 ? "Supported: eventlist\r\n" : "");
    user_send(p, "SUBSCRIBE", user_of(next_octet(p)), user_of(next_octet(p)), lines, "");
}

static void operator(struct program *p)
{
    static const char *const texts[] = {"{\"rules\":[{\"who\":\"alice@127.0.0.1\",\"action\":\"allow\"}]}",
                                        "{\"rules\":[{\"who\":\"127.0.0.1\",\"action\":\"confirm\"}]}",
                                        "{\"rules\":[]}"};
    static const char *const lists[] = {"{\"members\":[\"sip:alice@127.0.0.1\",\"sip:bob@127.0.0.1\"]}",
                                        "{\"members\":[\"sip:carol@127.0.0.1\",\"sip:x@example.org\"]}",
                                        "{\"members\":[]}"};
    static const enum store_doc_kind kinds[] = {STORE_DOC_RULES, STORE_DOC_BUDDIES, STORE_DOC_GROUP};
    enum store_doc_kind kind = kinds[next_octet(p) % ARRAY_LEN(kinds)];
    const char *name = user_of(next_octet(p)), *why;
    unsigned which = next_octet(p) % (ARRAY_LEN(texts) + 1);
    if (which == ARRAY_LEN(texts)) {
        presence_document_drop(presence, kind, name);
    } else {
        const char *text = kind == STORE_DOC_RULES ? texts[which] : lists[which];
        must(presence_document_put(presence, kind, name, text, strlen(text), &why) == 0);
    }
}

static void step(struct program *p)
{
    static const int statuses[] = {200, 200, 200, 481, 503, 500};
    const char *user, *notify;
    switch (next_octet(p) % 8) {
    case 0:
        publish(p);
        break;
    case 1:
    case 2:
        subscribe(p);
        break;
    case 3:
        operator(p);
        break;
    case 4:
        user = user_of(next_octet(p));
        presence_session(presence, user, "ptt", user_of(next_octet(p)),
                         (enum presence_session)(next_octet(p) % (PRESENCE_SESSION_UNREACHABLE + 1)));
        break;
    case 5:
        presence_phones(presence, user_of(next_octet(p)), next_octet(p) % 3);
        break;
    case 6:
        notify = world_request(p->w, "NOTIFY ");
        if (*notify) {
            static char copy[TEXT_MAX];
            strcpy(copy, notify);
            world_reply(p->w, copy, statuses[next_octet(p) % ARRAY_LEN(statuses)], "", "", NULL);
        }
        break;
    case 7:
        world_run(p->w, next_octet(p) * 100ull);
        break;
    }
}

static bool wants(void *ctx, const struct sip_msg *msg)
{
    return presence_wants(presence, msg);
}

static void take(void *ctx, struct txn *txn, const struct sip_msg *msg, const struct identity *who)
{
    presence_take(presence, txn, msg, who);
}

/* All that no time ends. */
static void forget(void)
{
    static const enum store_doc_kind kinds[] = {STORE_DOC_RULES, STORE_DOC_BUDDIES, STORE_DOC_GROUP};
    for (unsigned i = 0; i < 6; i++) {
        for (unsigned k = 0; k < ARRAY_LEN(kinds); k++) {
            presence_document_drop(presence, kinds[k], user_of(i));
        }
        for (unsigned k = 0; k < 6; k++) {
            presence_session(presence, user_of(i), "ptt", user_of(k), PRESENCE_SESSION_NONE);
        }
        presence_phones(presence, user_of(i), 0);
    }
}

static void must_be_bare(void *ctx, const struct presentity *p)
{
    must(!p);
}

static void program(const uint8_t *bytes, size_t n)
{
    static const enum rule_action fallbacks[] = {RULE_POLITE, RULE_ALLOW, RULE_CONFIRM, RULE_BLOCK};
    struct program p = {.at = bytes, .end = bytes + n, .w = world_open((struct env_cfg){0}, 0, NULL)};
    uint32_t at = 0;
    bool is_patient = next_octet(&p) & 4; /* else it is cut off with all that there is */
    must(presence_build(&presence, p.w->env, fallbacks[bytes[0] % ARRAY_LEN(fallbacks)]) == 0);
    must(focus_beside_add(p.w->focus, &(struct focus_beside){&presence, wants, take, NULL}) == 0);
    for (unsigned i = 0; i < STEPS_MAX && p.at < p.end; i++) {
        step(&p);
    }
    if (is_patient) {
        forget();
        world_run(p.w, 420 * 1000); /* nothing was for longer than 60 + 255 s, and 32 s for the last NOTIFY */
        const struct presence_stats *stats = presence_stats(presence);
        must(count_get(&stats->publications) == 0 && count_get(&stats->watchers) == 0 && count_get(&stats->lists) == 0);
        must(count_get(&p.w->env->stats.subs) == 0);
        while (presence_users(presence, &at, 4096, must_be_bare, NULL)) {
        }
    }
    focus_beside_drop(p.w->focus, &presence);
    presence_free(presence);
    world_close(p.w);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    if (n_bytes < 2) {
        return 0;
    }
    if (bytes[0] % 5 < 4) {
        document(bytes[0] % 5, (const char *)bytes + 1, n_bytes - 1);
    } else {
        program(bytes + 1, n_bytes - 1);
    }
    return 0;
}
