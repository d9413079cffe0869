/* mixminus-ua: flags. See ua_script.h. */
#include "sig/base/flow.h"
#include "sig/sdp/offer.h"
#include "tools/lib/args.h"
#include "tools/ua/ua_script.h"
#include "tools/ua/ua_tone.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum {
    ARG_FACTORY,
    ARG_CALL,
    ARG_ANSWER,
    ARG_DIAL_MESSAGES,
    ARG_REFER,
    ARG_MESSAGE,
    ARG_BRING,
    ARG_DROP,
    ARG_REGISTER,
    ARG_SUBSCRIBE,
    ARG_OPTIONS,
    ARG_JUDGE,
    ARG_NAME,
    ARG_AUTH,
    ARG_REALM,
    ARG_PRIORITY,
    ARG_BIND,
    ARG_PROXY,
    ARG_TRANSPORT,
    ARG_TLS_CA,
    ARG_CODEC,
    ARG_PTIME,
    ARG_SRTP,
    ARG_TONE,
    ARG_PLAY,
    ARG_RECORD,
    ARG_SECONDS,
    ARG_WAIT,
    ARG_HOLD,
    ARG_RESUME,
    ARG_CODEC_AT,
    ARG_KEYS,
    ARG_HUSH,
    ARG_OFFERLESS,
    ARG_NO_ACK,
    ARG_LEVELS,
    ARG_PTT,
    ARG_PUSH,
    ARG_RELEASE,
    ARG_PUSH_PRIORITY,
    ARG_EMERGENCY,
    ARG_EXPECT_FLOOR,
    ARG_UNTIL_BYE,
    ARG_EXPECT,
    ARG_EXPECT_AT,
    ARG_WITHIN,
    ARG_CLEAN,
    ARG_OWN,
    ARGS
};

static const struct arg args[] = {
    [ARG_FACTORY] = { "factory", "URI", "sip:conferences@127.0.0.1:5060", "call the factory and follow its 302" },
    [ARG_CALL] = { "call", "URI", "sip:bob@127.0.0.1:5070", "call this URI; the same, a 302 is followed in any case" },
    [ARG_ANSWER] = { "answer", NULL, NULL, "wait for a call, or for a REFER and call what it names" },
    [ARG_DIAL_MESSAGES] = { "dial-messages", NULL, NULL, "with --answer: call the URI that a MESSAGE names" },
    [ARG_REFER] = { "refer", "URI[,URI...]", "sip:bob@127.0.0.1:5070", "when joined, ask them to join as well" },
    [ARG_MESSAGE] = { "message", "URI[,URI...]", "sip:bob@127.0.0.1:5070", "when joined, send them its URI" },
    [ARG_BRING] = { "bring", "URI[,URI...]", "sip:bob@127.0.0.1:5070", "when joined, have the conference call them" },
    [ARG_DROP] = { "drop-at", "S:URI", "3:sip:bob@127.0.0.1:5070", "have the conference remove them" },
    [ARG_REGISTER] = { "register", "URI", "sip:127.0.0.1:5060", "register there first" },
    [ARG_SUBSCRIBE] = { "subscribe", "URI", "sip:ptt@127.0.0.1:5060",
                        "then subscribe to this service, and with --answer wait for its session" },
    [ARG_OPTIONS] = { "options", "URI", "sip:127.0.0.1:5060", "only ask for OPTIONS; exit code 0: answered with 200" },
    [ARG_JUDGE] = { "judge", "FILE", "heard.wav", "call nobody; let --expect judge this recording" },
    [ARG_NAME] = { "name", "USER", "alice", "user part of From and Contact", "ua" },
    [ARG_AUTH] = { "auth", "USER:PASSWORD", "alice:sesame", "answers to a challenge, by digest" },
    [ARG_REALM] = { "realm", "REALM", "ims.example", "credentials are for this realm only; default: any realm" },
    [ARG_PRIORITY] = { "priority", "NAMESPACE.LEVEL", "wps.0", "Resource-Priority of its calls (RFC 4412)" },
    [ARG_BIND] = { "bind", "HOST[:PORT]", "127.0.0.1:5070",
                   "where to listen; without a port: any free one", "127.0.0.1" },
    [ARG_PROXY] = { "proxy", "HOST:PORT", "127.0.0.1:5060", "send requests outside dialogs there" },
    [ARG_TRANSPORT] = { "transport", "udp|tcp|tls", "udp", "of SIP", "udp" },
    [ARG_TLS_CA] = { "tls-ca", "FILE", "ca.pem", "with tls: CAs that the server must be signed by; default: any" },
    [ARG_CODEC] = { "codec", "LIST", "opus,PCMU",
                    "offered, best first: PCMU PCMA opus L16 L16/8000 L16/48000", "PCMU" },
    [ARG_PTIME] = { "ptime", "10|20|40|60", "20", "ms of audio in a packet", "20" },
    [ARG_SRTP] = { "srtp", "SUITE|any", "AES_CM_128_HMAC_SHA1_80", "insist on SRTP by this suite, or by any" },
    [ARG_TONE] = { "tone", "HZ[:DBFS]", "440:-20", "say this, best a multiple of 10 Hz; default silence, -20 dBFS" },
    [ARG_PLAY] = { "play", "FILE", "hello.wav", "say this, over and over" },
    [ARG_RECORD] = { "record", "FILE", "heard.wav", "write what is heard since the codec last changed" },
    [ARG_SECONDS] = { "seconds", "S", "5", "leave so long after joining", "5" },
    [ARG_WAIT] = { "wait", "S", "30", "for a call to come or be answered", "30" },
    [ARG_HOLD] = { "hold-at", "S", "2", "hold so long after joining" },
    [ARG_RESUME] = { "resume-at", "S", "4", "and resume" },
    [ARG_CODEC_AT] = { "codec-at", "S:LIST", "2:opus", "change to these codecs by re-INVITE" },
    [ARG_KEYS] = { "keys-at", "S:KEYS", "1:4711#", "press these keys so long after joining, by RFC 4733" },
    [ARG_HUSH] = { "hush-at", "S", "2", "send no more RTP" },
    [ARG_OFFERLESS] = { "offerless", NULL, NULL, "INVITE without an offer: the 200 has it, the ACK answers" },
    [ARG_NO_ACK] = { "no-ack", NULL, NULL, "never acknowledge the 200" },
    [ARG_LEVELS] = { "levels", NULL, NULL,
                     "levels in headers (RFC 6464, RFC 6465); exit code 1 unless those of all whom it hears come" },
    [ARG_PTT] = { "ptt", NULL, NULL,
                  "push-to-talk: offers floor control (TS 24.380), speaks only while it has the floor" },
    [ARG_PUSH] = { "push-at", "S[,S...]", "2,8", "press the key so long after joining" },
    [ARG_RELEASE] = { "release-at", "S[,S...]", "5,9", "let go of it" },
    [ARG_PUSH_PRIORITY] = { "push-priority", "1..255", "5", "of its requests; default: that of its profile" },
    [ARG_EMERGENCY] = { "emergency", NULL, NULL, "its requests are for an emergency" },
    [ARG_EXPECT_FLOOR] = { "expect-floor", "STATE[,STATE...]", "taken=sip:alice@x,idle,granted",
                           "exit code 1 unless these come in this order: granted, taken, idle, denied=CAUSE, "
                           "revoked=CAUSE, queued=PLACE, connected, disconnected, lost" },
    [ARG_UNTIL_BYE] = { "until-bye", NULL, NULL, "exit code 1 unless the other side says BYE" },
    [ARG_EXPECT] = { "expect", "HZ[:DBFS],...|none", "440:-20,620",
                     "exit code 1 unless exactly these tones are heard in the last second" },
    [ARG_EXPECT_AT] = { "expect-at", "S", "3", "judge the second that ends then, or up to 1.5 s earlier" },
    [ARG_WITHIN] = { "within", "DB", "1", "a tone may be off by so much", "1" },
    [ARG_CLEAN] = { "clean", "DB", "40", "what is not expected must be so far down", "40" },
    [ARG_OWN] = { "own", "DB", "45", "the own tone must be so far down", "40" },
    [ARGS] = { 0 },
};

static const struct args_about about = {
    "a scripted caller",
    "Calls, answers, refers and holds; sends a tone or a file; records and judges what it hears.",
    "0: as expected | 1: not as expected | 2: bad flags",
};

static int word_read(char *to, size_t size, const char *value)
{
    return *value && strlen(value) < size ? (strcpy(to, value), 0) : -EINVAL;
}

static int uri_read(char *to, size_t size, const char *value)
{
    return strncasecmp(value, "sip:", 4) == 0 ? word_read(to, size, value) : -EINVAL;
}

/* Seconds, perhaps with a fraction. */
static int seconds_read(uint32_t *ms, const char *value, const char *end_mark)
{
    char *end;
    double s = strtod(value, &end);
    if (end == value || !strchr(end_mark, *end) || s < 0 || s > 86400) {
        return -EINVAL;
    }
    *ms = (uint32_t)(s * 1000);
    return 0;
}

static int db_read(double *db, const char *value)
{
    char *end;
    *db = strtod(value, &end);
    return end == value || *end || *db < 0 || *db > 120 ? -EINVAL : 0;
}

static int codecs_check(const char *list)
{
    struct offer_policy policy;
    return offer_policy_read(&policy, strcasecmp(list, "l16") == 0 ? "L16/16000" : list, 16000);
}

static int codec_at_read(struct script_cfg *cfg, const char *value)
{
    const char *colon = strchr(value, ':');
    if (!colon || codecs_check(colon + 1) != 0 || seconds_read(&cfg->codec_ms, value, ":") != 0) {
        return -EINVAL;
    }
    return word_read(cfg->next_codec, sizeof cfg->next_codec, colon + 1);
}

static int keys_read(struct script_cfg *cfg, const char *value)
{
    const char *colon = strchr(value, ':');
    if (!colon || seconds_read(&cfg->keys_ms, value, ":") != 0) {
        return -EINVAL;
    }
    return word_read(cfg->keys, sizeof cfg->keys, colon + 1);
}

static int drop_read(struct script_cfg *cfg, const char *value)
{
    const char *colon = strchr(value, ':');
    if (!colon || seconds_read(&cfg->drop_ms, value, ":") != 0) {
        return -EINVAL;
    }
    return uri_read(cfg->drop, sizeof cfg->drop, colon + 1);
}

static int expect_read(struct script_cfg *cfg, const char *value)
{
    char text[32];
    cfg->expects = true;
    if (strcmp(value, "none") == 0) {
        return 0;
    }
    for (; *value; cfg->n_expected++) {
        size_t n = strcspn(value, ",");
        if (n == 0 || n >= sizeof text || cfg->n_expected == SCRIPT_TONES_MAX) {
            return -EINVAL;
        }
        memcpy(text, value, n);
        text[n] = '\0';
        cfg->expected_dbfs[cfg->n_expected] = -20;
        if (tone_read(text, &cfg->expected_hz[cfg->n_expected], &cfg->expected_dbfs[cfg->n_expected]) != 0) {
            return -EINVAL;
        }
        value += n + (value[n] == ',');
    }
    return cfg->n_expected ? 0 : -EINVAL;
}

static int take_media(struct script_cfg *cfg, unsigned i, const char *value)
{
    switch (i) {
    case ARG_CODEC:
        return codecs_check(value) ? -EINVAL : word_read(cfg->codec, sizeof cfg->codec, value);
    case ARG_PTIME:
        return args_u32(value, 10, 60, &cfg->ptime_ms) != 0 || cfg->ptime_ms % 10 ? -EINVAL : 0;
    case ARG_SRTP:
        return args_srtp(value, &cfg->srtp, &cfg->srtp_only);
    case ARG_TONE:
        return tone_read(value, &cfg->tone_hz, &cfg->tone_dbfs);
    case ARG_PLAY:
        return word_read(cfg->play, sizeof cfg->play, value);
    case ARG_RECORD:
        return word_read(cfg->record, sizeof cfg->record, value);
    case ARG_EXPECT:
        return expect_read(cfg, value);
    case ARG_EXPECT_AT:
        return seconds_read(&cfg->expect_ms, value, "");
    case ARG_WITHIN:
        return db_read(&cfg->within_db, value);
    case ARG_CLEAN:
        return db_read(&cfg->clean_db, value);
    default:
        return db_read(&cfg->own_db, value);
    }
}

static int take_times(struct script_cfg *cfg, unsigned i, const char *value)
{
    switch (i) {
    case ARG_SECONDS:
        return seconds_read(&cfg->seconds_ms, value, "");
    case ARG_WAIT:
        return args_u32(value, 1, 86400, &cfg->wait_s);
    case ARG_HOLD:
        return seconds_read(&cfg->hold_ms, value, "");
    case ARG_RESUME:
        return seconds_read(&cfg->resume_ms, value, "");
    case ARG_CODEC_AT:
        return codec_at_read(cfg, value);
    case ARG_DROP:
        return drop_read(cfg, value);
    case ARG_KEYS:
        return keys_read(cfg, value);
    case ARG_HUSH:
        return seconds_read(&cfg->hush_ms, value, "");
    case ARG_OFFERLESS:
        cfg->offerless = true;
        return 0;
    case ARG_NO_ACK:
        cfg->no_ack = true;
        return 0;
    case ARG_LEVELS:
        cfg->levels = true;
        return 0;
    default:
        cfg->until_bye = true;
        return 0;
    }
}

static int take_push(struct push_cfg *cfg, unsigned i, const char *value)
{
    uint32_t priority;
    cfg->is_on = true;
    switch (i) {
    case ARG_PTT:
        return 0;
    case ARG_PUSH:
        return push_times_read(value, cfg->push_ms, &cfg->n_push);
    case ARG_RELEASE:
        return push_times_read(value, cfg->release_ms, &cfg->n_release);
    case ARG_PUSH_PRIORITY:
        if (args_u32(value, 1, 255, &priority) != 0) {
            return -EINVAL;
        }
        cfg->priority = (uint8_t)priority;
        return 0;
    case ARG_EMERGENCY:
        cfg->is_urgent = true;
        return 0;
    default:
        return push_expected_read(cfg, value);
    }
}

static int take(void *ctx, unsigned i, const char *value)
{
    struct script_cfg *cfg = ctx;
    switch (i) {
    case ARG_PTT:
    case ARG_PUSH:
    case ARG_RELEASE:
    case ARG_PUSH_PRIORITY:
    case ARG_EMERGENCY:
    case ARG_EXPECT_FLOOR:
        return take_push(&cfg->push, i, value);
    case ARG_FACTORY:
    case ARG_CALL:
        return uri_read(cfg->target, sizeof cfg->target, value);
    case ARG_ANSWER:
        cfg->answers = true;
        return 0;
    case ARG_REFER:
        return uri_read(cfg->refer, sizeof cfg->refer, value);
    case ARG_DIAL_MESSAGES:
        cfg->dials_messages = true;
        return 0;
    case ARG_MESSAGE:
        return uri_read(cfg->message, sizeof cfg->message, value);
    case ARG_BRING:
        return word_read(cfg->bring, sizeof cfg->bring, value); /* what is no sip URI is for the server to refuse */
    case ARG_REGISTER:
        return uri_read(cfg->registrar, sizeof cfg->registrar, value);
    case ARG_SUBSCRIBE:
        return uri_read(cfg->service, sizeof cfg->service, value);
    case ARG_OPTIONS:
        return uri_read(cfg->options, sizeof cfg->options, value);
    case ARG_JUDGE:
        return word_read(cfg->judge, sizeof cfg->judge, value);
    case ARG_NAME:
        return word_read(cfg->name, sizeof cfg->name, value);
    case ARG_AUTH:
        return strchr(value, ':') ? word_read(cfg->auth, sizeof cfg->auth, value) : -EINVAL;
    case ARG_REALM:
        return word_read(cfg->realm, sizeof cfg->realm, value);
    case ARG_PRIORITY:
        return word_read(cfg->priority, sizeof cfg->priority, value);
    case ARG_BIND:
        return args_addr(value, &cfg->local) == 0 ? 0 : addr_parse(&cfg->local, value, 0);
    case ARG_PROXY:
        return args_addr(value, &cfg->proxy);
    case ARG_TRANSPORT:
        return args_transport(value, &cfg->transport);
    case ARG_TLS_CA:
        return word_read(cfg->tls_ca, sizeof cfg->tls_ca, value);
    case ARG_SECONDS:
    case ARG_WAIT:
    case ARG_HOLD:
    case ARG_RESUME:
    case ARG_CODEC_AT:
    case ARG_DROP:
    case ARG_KEYS:
    case ARG_HUSH:
    case ARG_OFFERLESS:
    case ARG_NO_ACK:
    case ARG_LEVELS:
    case ARG_UNTIL_BYE:
        return take_times(cfg, i, value);
    default:
        return take_media(cfg, i, value);
    }
}

int main(int argc, char **argv)
{
    struct script_cfg cfg = {
        .tone_dbfs = -20,
        .hold_ms = SCRIPT_NEVER, .resume_ms = SCRIPT_NEVER, .hush_ms = SCRIPT_NEVER, .codec_ms = SCRIPT_NEVER,
        .expect_ms = SCRIPT_NEVER, .keys_ms = SCRIPT_NEVER, .drop_ms = SCRIPT_NEVER,
    };
    must(seal_start() == 0);
    int err = args_read(argc, argv, args, &about, take, &cfg);
    if (err) {
        return err > 0 ? 0 : 2;
    }
    if (!cfg.target[0] && !cfg.answers && !cfg.options[0] && !cfg.judge[0]) {
        fprintf(stderr, "mixminus-ua: nobody to call; give --factory=URI, --call=URI or --answer\n");
        return 2;
    }
    return script_run(&cfg);
}
