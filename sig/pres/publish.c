/* PUBLISH. See publish.h. */
#include "sig/pres/publish.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* A request, judged before anything changes. */
struct request {
    bool is_settings;
    const char *type; /* of bodies of this package */
    char etag[64];    /* SIP-If-Match, "": none */
    uint32_t expires_s;
    bool has_body;
    struct pidf pidf;
};

/* @return REFUSALS: it is one that is served */
static enum refusal event_judge(const struct sip_msg *msg, struct request *q)
{
    char event[32];
    presence_event(msg, event);
    q->is_settings = strcmp(event, "poc-settings") == 0;
    q->type = q->is_settings ? PIDF_SETTINGS_TYPE : PIDF_TYPE;
    return q->is_settings || strcmp(event, "presence") == 0 ? REFUSALS : REFUSAL_EVENT;
}

static enum refusal match_judge(const struct sip_msg *msg, struct request *q)
{
    const char *match = sip_header(msg, "SIP-If-Match", 0);
    if (!match) {
        return REFUSALS;
    }
    bool is_one = *match && !strpbrk(match, ", \t") && !sip_header(msg, "SIP-If-Match", 1);
    int n = snprintf(q->etag, sizeof q->etag, "%s", match);
    return !is_one ? REFUSAL_PUBLISH_MATCH : (size_t)n < sizeof q->etag ? REFUSALS : REFUSAL_PUBLISH_TAG;
}

static enum refusal body_judge(const struct sip_msg *msg, struct request *q)
{
    q->has_body = msg->body_bytes > 0;
    if (!q->has_body) {
        return q->etag[0] ? REFUSALS : REFUSAL_PUBLISH_BODY;
    }
    const char *encoding = sip_header(msg, "Content-Encoding", 0);
    if (encoding && strcasecmp(encoding, "identity") != 0) {
        return REFUSAL_PUBLISH_ENCODING;
    }
    if (strcmp(msg->content_type, q->type) != 0) {
        return REFUSAL_PUBLISH_TYPE;
    }
    int err = q->is_settings ? pidf_settings_read(&q->pidf, msg->body, msg->body_bytes)
                             : pidf_read(&q->pidf, msg->body, msg->body_bytes);
    return err == -ENOMEM ? REFUSAL_MEMORY : err ? REFUSAL_PUBLISH_BODY : REFUSALS;
}

/* The checks of RFC 3903 6, in their order. pub: the one that its tag names. */
static enum refusal judge(const struct presentities *all, const struct sip_msg *msg, const struct identity *who,
                          struct request *q, struct publication **pub)
{
    enum refusal refusal = event_judge(msg, q);
    if (refusal == REFUSALS) {
        refusal = env_is_user(all->env, msg, who, msg->uri.user ? msg->uri.user : "") ? match_judge(msg, q)
                                                                                      : REFUSAL_PUBLISH_OTHER;
    }
    if (refusal != REFUSALS) {
        return refusal;
    }
    *pub = q->etag[0] ? publication_find(presentity_find(all, msg->uri.user), q->etag, q->is_settings) : NULL;
    if (q->etag[0] && !*pub) {
        return REFUSAL_PUBLISH_TAG;
    }
    q->expires_s = msg->expires_s < 0 ? PUBLISH_EXPIRES_S : (uint32_t)MIN(msg->expires_s, PUBLISH_EXPIRES_MAX_S);
    if (q->expires_s > 0 && q->expires_s < PUBLISH_EXPIRES_MIN_S) {
        return REFUSAL_INTERVAL;
    }
    return body_judge(msg, q);
}

static void refuse(struct presentities *all, struct txn *txn, const struct request *q, enum refusal refusal)
{
    char min[16];
    snprintf(min, sizeof min, "%d", PUBLISH_EXPIRES_MIN_S);
    count_add(&all->stats.refused_tags, refusal == REFUSAL_PUBLISH_TAG);
    if (refusal == REFUSAL_EVENT) {
        env_refuse_with(all->env, txn, refusal, "Allow-Events", "presence, poc-settings");
    } else if (refusal == REFUSAL_INTERVAL) {
        env_refuse_with(all->env, txn, refusal, "Min-Expires", min);
    } else if (refusal == REFUSAL_PUBLISH_TYPE) {
        env_refuse_with(all->env, txn, refusal, "Accept", q->type);
    } else if (refusal == REFUSAL_PUBLISH_ENCODING) {
        env_refuse_with(all->env, txn, refusal, "Accept-Encoding", "identity");
    } else {
        env_refuse(all->env, txn, refusal);
    }
}

static void answer(struct presentities *all, struct txn *txn, const char *etag, uint32_t expires_s)
{
    struct sip_out *out = txn_response(txn, 200, NULL);
    sip_add(out, "SIP-ETag", etag);
    sip_addf(out, "Expires", "%u", expires_s);
    if (all->env->cfg.server[0]) {
        sip_add(out, "Server", all->env->cfg.server);
    }
    txn_respond(txn, out);
}

void publish_take(struct presentities *all, struct txn *txn, const struct sip_msg *msg, const struct identity *who)
{
    struct request q = {.etag = ""};
    struct publication *pub = NULL;
    char etag[SIP_TAG_BYTES];
    enum refusal refusal = judge(all, msg, who, &q, &pub);
    if (refusal == REFUSALS && !pub && q.expires_s > 0) {
        struct presentity *p = presentity_get(all, msg->uri.user);
        pub = p ? publication_add(p, q.is_settings) : NULL;
        refusal = pub ? REFUSALS : REFUSAL_MEMORY;
        if (p) {
            presentity_look(p);
        }
    }
    if (refusal != REFUSALS) {
        refuse(all, txn, &q, refusal);
        return;
    }
    count_add(&all->stats.published, 1);
    if (q.expires_s == 0) {
        txns_draw(all->env->txns, etag); /* of one that is over */
        answer(all, txn, etag, 0);
        if (pub) {
            publication_drop(pub);
        }
        return;
    }
    if (q.has_body) {
        pub->pidf = q.pidf;
    }
    publication_renew(pub, q.expires_s);
    answer(all, txn, pub->etag, q.expires_s);
    presentity_settle(pub->of);
}
