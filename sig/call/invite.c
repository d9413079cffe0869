/* Reading INVITEs. */
#include "sig/call/invite.h"

#include "sig/sip/multipart.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define LIST_TYPE "application/resource-lists+xml"

/* A list is read elsewhere. */
static bool is_understood(const struct multipart_part *part)
{
    bool is_sdp = strcmp(part->type, "application/sdp") == 0, is_list = strcmp(part->type, LIST_TYPE) == 0;
    return !part->is_encoded && (is_sdp || is_list);
}

/* A part that we would have to understand, and do not? Of alternatives one is enough. */
static bool is_strange(const struct multipart *parts, const struct multipart_part *part)
{
    bool is_strange = !part->is_optional && !is_understood(part);
    for (unsigned i = 0; i < parts->n && part->group; i++) {
        is_strange &= parts->parts[i].group != part->group || !is_understood(&parts->parts[i]);
    }
    return is_strange;
}

static int parts_split(struct multipart *parts, const struct sip_msg *msg)
{
    return multipart_split(parts, msg->content_type, msg->content_type_params, msg->body, msg->body_bytes);
}

/* The description among several parts. @return as invite_sdp */
static int parts_sdp(const struct sip_msg *msg, struct sdp *sdp)
{
    struct multipart parts;
    int err = parts_split(&parts, msg);
    if (err) {
        return err;
    }
    for (unsigned i = 0; i < parts.n; i++) {
        if (is_strange(&parts, &parts.parts[i])) {
            return -ENOTSUP;
        }
    }
    const struct multipart_part *part = multipart_find(&parts, "application/sdp");
    return part && !part->is_encoded ? sdp_parse(sdp, part->body, part->n_body) : -ENODATA;
}

int invite_list(const struct sip_msg *msg, struct uri_list *list)
{
    struct multipart parts;
    list->n = 0;
    if (strcmp(msg->content_type, LIST_TYPE) == 0) {
        return uri_list_read(list, msg->body, msg->body_bytes);
    }
    if (!multipart_is(msg->content_type) || msg->body_bytes == 0 || parts_split(&parts, msg) != 0) {
        return 0; /* what is wrong with it is said when its SDP is read */
    }
    const struct multipart_part *part = multipart_find(&parts, LIST_TYPE);
    return part && !part->is_encoded ? uri_list_read(list, part->body, part->n_body) : 0;
}

int invite_sdp(const struct sip_msg *msg, struct sdp *sdp)
{
    if (msg->body_bytes == 0) {
        return -ENODATA;
    }
    const char *encoding = sip_header(msg, "Content-Encoding", 0);
    bool plain = !encoding || *encoding == '\0' || strcasecmp(encoding, "identity") == 0;
    bool session = msg->content_disposition[0] == '\0' || strcmp(msg->content_disposition, "session") == 0;
    if (plain && multipart_is(msg->content_type)) {
        return parts_sdp(msg, sdp);
    }
    if (plain && strcmp(msg->content_type, LIST_TYPE) == 0) {
        return -ENODATA; /* a list, and no offer */
    }
    if (!plain || !session || strcmp(msg->content_type, "application/sdp") != 0) {
        return msg->content_optional ? -ENODATA : -ENOTSUP; /* RFC 5621 8.3: handling=optional may be ignored */
    }
    return sdp_parse(sdp, msg->body, msg->body_bytes);
}

/* RFC 3261 20.1: no Accept means application/sdp. */
static bool accepts_sdp(const struct sip_msg *msg)
{
    const char *element;
    size_t n;

    for (unsigned i = 0; (n = sip_list(msg, "Accept", i, &element)) > 0; i++) {
        static const char *const fine[] = {"application/sdp", "application/*", "*/*"};
        size_t type = 0;
        while (type < n && element[type] != ';' && element[type] != ' ' && element[type] != '\t') {
            type++;
        }
        for (size_t k = 0; k < ARRAY_LEN(fine); k++) {
            if (strlen(fine[k]) == type && strncasecmp(element, fine[k], type) == 0) {
                return true;
            }
        }
    }
    return sip_header(msg, "Accept", 0) == NULL;
}

static bool has_contact(const struct sip_msg *msg)
{
    if (msg->n_contacts != 1 || msg->contact_is_star) {
        return false;
    }
    const char *scheme = msg->contacts[0].addr.uri.scheme;
    return strcmp(scheme, "sip") == 0 || strcmp(scheme, "sips") == 0;
}

static void refuse_media(struct env *env, struct txn *txn, int warning)
{
    char value[ENV_HOST_MAX + 80];
    snprintf(value, sizeof value, "%d %s \"%s\"", warning, env->cfg.domain, offer_warning_text(warning));
    env_refuse_with(env, txn, REFUSAL_MEDIA, "Warning", value);
}

/* RFC 4412, from trusted peers only: emergency services and government. */
bool invite_has_priority(const struct env *env, const struct sip_msg *msg)
{
    const char *element;
    size_t n;

    if (!trust_has(&env->cfg.trusted, &msg->flow.remote)) {
        return false;
    }
    for (unsigned i = 0; (n = sip_list(msg, "Resource-Priority", i, &element)) > 0; i++) {
        static const char *const names[] = {"esnet.", "wps.", "ets."};
        for (size_t k = 0; k < ARRAY_LEN(names); k++) {
            if (n > strlen(names[k]) && strncasecmp(element, names[k], strlen(names[k])) == 0) {
                return true;
            }
        }
    }
    return false;
}

void invite_floor_pick(struct env *env, struct invite *invite, const struct floor_line *ours)
{
    struct offer_pick pick;
    if (invite->offerless) {
        return; /* our offer has it */
    }
    pick = invite->pick;
    if (offer_floor_pick(&pick, &invite->sdp, ours) == 0 &&
        local_check(env, &pick.media.remote_rtp, &pick.media.remote_rtcp) == 0) {
        invite->pick = pick;
    }
}

int invite_read(struct env *env, struct txn *txn, const struct sip_msg *msg, struct invite *invite)
{
    int warning = 0;

    invite->ptt = NULL;
    invite->is_priority = invite_has_priority(env, msg);
    if (msg->method != SIP_PRACK && !has_contact(msg)) { /* RFC 3262 table 1: a PRACK has none */
        env_refuse(env, txn, REFUSAL_CONTACT);
        return -EPROTO;
    }
    if (!accepts_sdp(msg)) {
        env_refuse(env, txn, REFUSAL_ACCEPT);
        return -EPROTO;
    }
    int err = invite_sdp(msg, &invite->sdp);
    invite->offerless = err == -ENODATA;
    if (invite->offerless) {
        invite->cost = place_cost_first(&env->cfg.policy);
        invite->cost.is_priority = invite->is_priority;
        return 0;
    }
    if (err) {
        env_refuse(env, txn, err == -ENOTSUP ? REFUSAL_BODY_TYPE : err == -E2BIG ? REFUSAL_BODY_LIMIT : REFUSAL_BODY);
        return -EPROTO;
    }
    if (offer_pick(&invite->pick, &env->cfg.policy, &invite->sdp, &warning) != 0) {
        refuse_media(env, txn, warning);
        return -EPROTO;
    }
    if (local_check(env, &invite->pick.media.remote_rtp, &invite->pick.media.remote_rtcp) != 0) {
        env_refuse(env, txn, REFUSAL_MEDIA_ADDRESS);
        return -EPROTO;
    }
    if (offer_demands_too_much(&invite->pick)) {
        env_refuse(env, txn, REFUSAL_PRECONDITION);
        return -EPROTO;
    }
    struct offer_media media = invite->pick.media;
    media.seal.suite = invite->pick.sdes.suite;
    media.seal.mki_rx = media.seal.mki_tx = invite->pick.sdes.mki;
    invite->cost = place_cost_media(&media);
    invite->cost.is_priority = invite->is_priority;
    return 0;
}
