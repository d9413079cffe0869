/* The user agent's requests that make no dialog: OPTIONS, MESSAGE and REGISTER. See ua.h. */
#include "tools/ua/ua_priv.h"

#include "sig/sip/auth.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#define URI_ENDS " \t\r\n<>\"'" /* of a URI in running words; other control characters end it too */

/* A request outside of dialogs; the rest of its headers is the caller's. */
static struct sip_out *lone_make(struct ua *ua, enum sip_method method, const char *target)
{
    char id[SIP_TAG_BYTES], tag[SIP_TAG_BYTES], where[ADDR_TEXT_MAX], from[ADDR_TEXT_MAX + 128], to[UA_TEXT_MAX];
    txns_draw(ua->txns, id);
    txns_draw(ua->txns, tag);
    snprintf(from, sizeof from, "<sip:%s@%s>;tag=%s", ua->user_name, ua_where(ua, where), tag);
    snprintf(to, sizeof to, "<%s>", target);
    struct sip_request request = {.method = method, .target = target, .from = from, .to = to, .call_id = id, .cseq = 1};
    return sip_request_make(&request);
}

int ua_options(struct ua *ua, const char *target, void *tag)
{
    struct flow flow;
    struct txn *txn;
    int err = ua_flow_to(ua, target, false, &flow);
    if (err) {
        return err;
    }
    struct sip_out *out = lone_make(ua, SIP_OPTIONS, target);
    ua_add_self(ua, out, &flow);
    sip_add(out, "Accept", "application/sdp");
    return txn_request(ua->txns, out, &flow, tag, &txn);
}

int ua_message(struct ua *ua, const char *target, const char *words, void *tag)
{
    struct flow flow;
    struct txn *txn;
    int err = ua_flow_to(ua, target, false, &flow);
    if (err) {
        return err;
    }
    struct sip_out *out = lone_make(ua, SIP_MESSAGE, target); /* no Contact: RFC 3428 4 */
    sip_add(out, "User-Agent", "mixminus-ua");
    sip_body(out, "text/plain;charset=UTF-8", words, strlen(words));
    return txn_request(ua->txns, out, &flow, tag, &txn);
}

static int register_send(struct ua *ua)
{
    char from[UA_TEXT_MAX + 160], to[UA_TEXT_MAX + 96];
    const char *host = ua->registration.target + strcspn(ua->registration.target, ":");
    struct flow flow;
    struct txn *txn;
    int err = ua_flow_to(ua, ua->registration.target, false, &flow);
    if (err) {
        return err;
    }
    host += *host == ':';
    snprintf(to, sizeof to, "<sip:%s@%s>", ua->user_name, host);
    snprintf(from, sizeof from, "%s;tag=%s", to, ua->registration.tag);
    struct sip_request request = { .method = SIP_REGISTER, .target = ua->registration.target, .from = from, .to = to,
                                   .call_id = ua->registration.call_id, .cseq = ++ua->registration.cseq };
    struct sip_out *out = sip_request_make(&request);
    ua_add_self(ua, out, &flow);
    sip_addf(out, "Expires", "%u", ua->registration.expires_s);
    if (ua->registration.auth[0]) {
        sip_add(out, "Authorization", ua->registration.auth);
    }
    return txn_request(ua->txns, out, &flow, NULL, &txn);
}

int ua_register(struct ua *ua, const char *registrar, uint32_t expires_s)
{
    if (strlen(registrar) >= sizeof ua->registration.target) {
        return -EINVAL;
    }
    if (!ua->registration.target[0]) {
        txns_draw(ua->txns, ua->registration.call_id);
        txns_draw(ua->txns, ua->registration.tag);
    }
    strcpy(ua->registration.target, registrar);
    ua->registration.expires_s = expires_s;
    ua->registration.auth[0] = '\0';
    ua->registration.n_answers = 0;
    return register_send(ua);
}

bool ua_register_answered(struct ua *ua, const struct sip_msg *msg)
{
    const struct ua_cfg *cfg = &ua->cfg;
    bool is_challenge = msg && (msg->status == 401 || msg->status == 407) && cfg->auth_user && cfg->auth_password;
    if (!is_challenge || ua->registration.n_answers++ >= UA_ANSWERS_MAX ||
        auth_answer(msg, cfg->auth_realm ? cfg->auth_realm : "", cfg->auth_user, cfg->auth_password, SIP_REGISTER,
                    ua->registration.target, 1, ua->registration.auth, sizeof ua->registration.auth) != 0) {
        return false;
    }
    return register_send(ua) == 0;
}

int ua_message_uri(const char *words, size_t n, char *uri, size_t size)
{
    for (size_t i = 0; i + 4 < n; i++) {
        bool begins = i == 0 || !(isalnum((unsigned char)words[i - 1]) || words[i - 1] == '+' || words[i - 1] == '-');
        if (!begins || strncasecmp(words + i, "sip:", 4) != 0) {
            continue;
        }
        size_t end = i + 4;
        while (end < n && words[end] > ' ' && words[end] < 127 && !strchr(URI_ENDS, words[end])) {
            end++;
        }
        while (strchr(".,;:!?)", words[end - 1]) && end > i + 4) {
            end--; /* the sentence's */
        }
        if (end > i + 4 && end - i < size) {
            memcpy(uri, words + i, end - i);
            uri[end - i] = '\0';
            return 0;
        }
    }
    return -ENOENT;
}
