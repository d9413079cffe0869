/* The run of one scripted caller. See ua_script.h. */
#include "tools/ua/ua_script.h"

#include "core/io_socket.h"
#include "tools/lib/wav.h"
#include "tools/ua/ua_leg.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { REGISTER_EXPIRES_S = 600, SERVICE_EXPIRES_S = 600 };
enum { LOOP_US = 1000, BYE_MS = 2000, REFER_MS = 100, SPARE_RECORD_S = 10, WINDOWS = 4, WINDOW_STEP_MS = 500 };

#define SILENT_DBFS (-60.0) /* what may be heard where nothing is expected */

struct script {
    const struct script_cfg *cfg;
    struct ua *ua;
    struct ua_leg leg;
    struct push push;
    struct ua_call *refers_out[SCRIPT_REFERS_MAX], *refer_in;
    struct ua_call *watched; /* our subscription to a service; NULL: none */
    uint64_t begin_ns, joined_ns, heard_until_ns;
    int signal_fd;
    bool held, resumed, hushed, recoded, keyed, referred, brought, messaged, dropped, leaving, done, bye_came;
    int failure; /* status of the call that failed; 0: none */
    int options_status;
    int16_t *play;
    size_t n_play;
    uint32_t play_rate_hz;
    char auth[128]; /* user, NUL, password: the agent reads them */
};

static void say(const struct script *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(const struct script *s, const char *format, ...)
{
    va_list args;
    printf("%8.3f %s: ", (double)(io_socket_now() - s->begin_ns) / 1e9, s->cfg->name);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    fflush(stdout);
}

static void push_say(void *ctx, const char *text)
{
    say(ctx, "%s", text);
}

static void joined(struct script *s, struct ua_call *call)
{
    const struct offer_media *m = media_settled(s->leg.media);
    s->joined_ns = io_socket_now();
    say(s, "joined %s by %s, %u ms%s%s", ua_call_target(call), m->codec ? m->codec->name : "nothing yet",
        m->ptime_tx_ms, m->seal.suite ? ", " : "", seal_suite_name(m->seal.suite));
}

/* ---- events ---- */

static void on_up(struct script *s, struct ua_call *call, const struct ua_event *event)
{
    char text[OFFER_BODY_MAX];
    int err;
    if (s->cfg->offerless) {
        size_t n = ua_leg_answer(&s->leg, event->body, event->n_body, text, sizeof text);
        err = n ? 0 : -ENOENT;
        ua_ack(call, n ? text : NULL, n);
    } else {
        err = ua_leg_accept(&s->leg, event->body, event->n_body);
    }
    if (err) {
        say(s, "no usable description in the 200");
        s->failure = 488;
        ua_hangup(call);
        return;
    }
    joined(s, call);
    if (s->refer_in) {
        ua_notify(s->refer_in, 200, "OK", true);
        s->refer_in = NULL;
    }
}

static void on_offer(struct script *s, struct ua_call *call, const struct ua_event *event, bool is_first)
{
    char text[OFFER_BODY_MAX];
    size_t n = 0;
    if (is_first && (s->leg.call || !s->cfg->answers)) {
        ua_answer(call, 486, NULL, 0);
        return;
    }
    n = event->body ? ua_leg_answer(&s->leg, event->body, event->n_body, text, sizeof text)
                    : ua_leg_offer(&s->leg, true, true, text, sizeof text);
    say(s, "%s %s", is_first ? "call from" : "change", event->text);
    if (is_first) {
        s->leg.call = call;
    }
    ua_answer(call, n ? 200 : 488, n ? text : NULL, n);
}

static void on_acked(struct script *s, struct ua_call *call, const struct ua_event *event)
{
    if (event->body) {
        ua_leg_accept(&s->leg, event->body, event->n_body);
    }
    if (!s->joined_ns) {
        joined(s, call);
    }
}

static void on_referred(struct script *s, struct ua_call *call, const struct ua_event *event)
{
    say(s, "asked to call %s", event->text);
    struct ua_dial dial = { .target = event->text, .user = s->cfg->name };
    if (s->leg.call || !s->cfg->answers || ua_leg_dial(&s->leg, s->ua, dial) != 0) {
        ua_notify(call, 486, "Busy Here", true);
        return;
    }
    say(s, "dialling %s", event->text);
    s->refer_in = call;
}

static void on_message(struct script *s, const struct ua_event *event)
{
    char uri[SCRIPT_TEXT_MAX] = "";
    ua_message_uri(event->body, event->n_body, uri, sizeof uri);
    say(s, "message from %s names %s", event->text, uri[0] ? uri : "no URI");
    struct ua_dial dial = { .target = uri, .user = s->cfg->name };
    if (s->cfg->dials_messages && uri[0] && !s->leg.call) {
        say(s, "dialling %s", uri);
        s->failure = ua_leg_dial(&s->leg, s->ua, dial) != 0 ? 503 : s->failure;
    }
}

static void on_ended(struct script *s, struct ua_call *call, const struct ua_event *event)
{
    if (call != s->leg.call) {
        for (unsigned i = 0; i < SCRIPT_REFERS_MAX; i++) {
            s->refers_out[i] = call == s->refers_out[i] ? NULL : s->refers_out[i];
        }
        s->refer_in = call == s->refer_in ? NULL : s->refer_in;
        s->watched = call == s->watched ? NULL : s->watched;
        return;
    }
    if (event->by_us) {
        say(s, "left");
    } else if (s->joined_ns) {
        say(s, "bye: %s", event->text);
    } else {
        say(s, "refused: %d %s", event->status, event->text);
    }
    if (event->msg && event->status == 503) {
        const char *after = sip_header(event->msg, "Retry-After", 0);
        say(s, "503 with Retry-After: %s", after ? after : "none");
    }
    s->bye_came |= !event->by_us && s->joined_ns;
    if (!event->by_us && event->status >= 300) {
        s->failure = event->status;
    }
    if (s->refer_in) {
        ua_notify(s->refer_in, event->status >= 300 ? event->status : 500, event->text, true);
    }
    s->leg.call = NULL;
    s->done = true;
}

/* Registered: on with what the script has. */
static void on_registered(struct script *s, int status, const char *text)
{
    say(s, "register answered: %d %s", status, text);
    if (status >= 300) {
        s->failure = status;
        s->done = true;
    } else if (s->cfg->service[0] && !s->watched) {
        int err = ua_subscribe(s->ua, s->cfg->service, "presence", "application/pidf+xml, application/rlmi+xml, "
                               "multipart/related", SERVICE_EXPIRES_S, NULL, &s->watched);
        s->failure = err ? 503 : s->failure;
    }
}

static void on_event(void *ctx, struct ua_call *call, const struct ua_event *event)
{
    struct script *s = ctx;
    switch (event->kind) {
    case UA_REDIRECT:
        say(s, "%d to %s", event->status, event->text);
        break;
    case UA_UP:
        on_up(s, call, event);
        break;
    case UA_CHANGED:
        say(s, "change answered: %d %s", event->status, event->text);
        s->failure = event->status >= 300 || ua_leg_accept(&s->leg, event->body, event->n_body) != 0 ? 488 : s->failure;
        break;
    case UA_INCOMING:
    case UA_CHANGE:
        on_offer(s, call, event, event->kind == UA_INCOMING);
        break;
    case UA_ACKED:
        on_acked(s, call, event);
        break;
    case UA_REFERRED:
        on_referred(s, call, event);
        break;
    case UA_REGISTERED:
        on_registered(s, event->status, event->text);
        break;
    case UA_SUBSCRIBED:
        say(s, "subscribed: %d %s", event->status, event->text);
        s->failure = event->status >= 300 ? event->status : s->failure;
        break;
    case UA_REFER_DONE:
        say(s, "refer answered: %d %s", event->status, event->text);
        s->failure = event->status >= 300 ? event->status : s->failure;
        break;
    case UA_NOTIFY:
        if (call == s->watched) {
            say(s, "buddies: %.*s", (int)event->n_body, event->body ? event->body : "");
            break;
        }
        say(s, "notify: %d %s%s", event->status, event->text, event->is_last ? ", the last" : "");
        s->failure = event->is_last && event->status >= 300 ? event->status : s->failure;
        break;
    case UA_OPTIONS:
        s->options_status = event->status;
        break;
    case UA_SENT:
        say(s, "message answered: %d %s", event->status, event->text);
        s->failure = event->status >= 300 ? event->status : s->failure;
        break;
    case UA_MESSAGE:
        on_message(s, event);
        break;
    case UA_ENDED:
        on_ended(s, call, event);
        break;
    }
}

/* ---- what happens when ---- */

static bool is_due(const struct script *s, uint32_t at_ms, bool *done)
{
    if (*done || at_ms == SCRIPT_NEVER || !s->joined_ns || io_socket_now() < s->joined_ns + at_ms * NS_PER_MS) {
        return false;
    }
    *done = true;
    return true;
}

static void change(struct script *s, bool on, const char *what)
{
    char text[OFFER_BODY_MAX];
    size_t n = ua_leg_offer(&s->leg, on, on, text, sizeof text);
    say(s, "%s", what);
    if (ua_reinvite(s->leg.call, text, n) != 0) {
        say(s, "an earlier change is not answered yet");
        s->failure = 491;
    }
}

static void refer_all(struct script *s)
{
    char list[SCRIPT_TEXT_MAX], *save = NULL;
    unsigned i = 0;
    strcpy(list, s->cfg->refer);
    for (char *uri = strtok_r(list, ",", &save); uri; uri = strtok_r(NULL, ",", &save)) {
        say(s, "refer %s to %s", uri, ua_call_target(s->leg.call));
        if (i == SCRIPT_REFERS_MAX ||
            ua_refer(s->ua, uri, ua_call_target(s->leg.call), NULL, &s->refers_out[i++]) != 0) {
            s->failure = 503;
        }
    }
}

static void bring_all(struct script *s)
{
    char list[SCRIPT_TEXT_MAX], *save = NULL;
    strcpy(list, s->cfg->bring);
    for (char *uri = strtok_r(list, ",", &save); uri; uri = strtok_r(NULL, ",", &save)) {
        say(s, "bring %s", uri);
        s->failure = ua_bring(s->leg.call, uri) ? 503 : s->failure;
    }
}

static void message_all(struct script *s)
{
    char list[SCRIPT_TEXT_MAX], words[SCRIPT_TEXT_MAX + 64], *save = NULL;
    strcpy(list, s->cfg->message);
    snprintf(words, sizeof words, "Come to the conference: <%s>.\r\n", ua_call_target(s->leg.call));
    for (char *uri = strtok_r(list, ",", &save); uri; uri = strtok_r(NULL, ",", &save)) {
        say(s, "message to %s", uri);
        s->failure = ua_message(s->ua, uri, words, NULL) ? 503 : s->failure;
    }
}

static void drop(struct script *s)
{
    char uri[SCRIPT_TEXT_MAX + 16];
    snprintf(uri, sizeof uri, "%s;method=BYE", s->cfg->drop);
    say(s, "drop %s", s->cfg->drop);
    s->failure = ua_bring(s->leg.call, uri) ? 503 : s->failure;
}

static void script_step(struct script *s)
{
    const struct script_cfg *cfg = s->cfg;
    if (!s->leg.call || !ua_call_is_up(s->leg.call)) {
        return;
    }
    if (is_due(s, cfg->hold_ms, &s->held)) {
        change(s, false, "hold");
    }
    if (is_due(s, cfg->resume_ms, &s->resumed)) {
        change(s, true, "resume");
    }
    if (is_due(s, cfg->codec_ms, &s->recoded) && ua_leg_codecs(&s->leg, cfg->next_codec) == 0) {
        change(s, true, cfg->next_codec);
    }
    if (is_due(s, cfg->keys_ms, &s->keyed)) {
        int err = media_keys(s->leg.media, cfg->keys);
        say(s, err ? "keys cannot be pressed: %s" : "presses %s", err ? strerror(-err) : cfg->keys);
    }
    if (cfg->push.is_on && s->joined_ns) {
        uint64_t now_ns = io_socket_now();
        push_step(&s->push, (now_ns - s->joined_ns) / NS_PER_MS, now_ns);
    }
    if (is_due(s, cfg->hush_ms, &s->hushed)) {
        say(s, "no more RTP");
        media_hush(s->leg.media, true);
    }
    if (cfg->refer[0] && is_due(s, REFER_MS, &s->referred)) {
        refer_all(s);
    }
    if (cfg->bring[0] && is_due(s, REFER_MS, &s->brought)) {
        bring_all(s);
    }
    if (cfg->message[0] && is_due(s, REFER_MS, &s->messaged)) {
        message_all(s);
    }
    if (is_due(s, cfg->drop_ms, &s->dropped)) {
        drop(s);
    }
    if (is_due(s, cfg->seconds_ms, &s->leaving)) {
        s->heard_until_ns = io_socket_now();
        say(s, "bye");
        ua_hangup(s->leg.call);
    }
}

static bool is_signalled(const struct script *s)
{
    struct signalfd_siginfo info;
    return read(s->signal_fd, &info, sizeof info) > 0;
}

static void loop(struct script *s)
{
    uint64_t patience_ns = s->cfg->wait_s * NS_PER_S, leave_ns = 0;
    while (!s->done) {
        uint64_t now_ns = io_socket_now();
        ua_step(s->ua, 0);
        media_step(s->leg.media, io_socket_now());
        script_step(s);
        if (!s->joined_ns && now_ns - s->begin_ns > patience_ns) {
            say(s, "nothing happened for %u s", s->cfg->wait_s);
            s->failure = 408;
            return;
        }
        if (is_signalled(s) || (s->leaving && !leave_ns)) {
            leave_ns = now_ns + BYE_MS * NS_PER_MS;
            if (s->leg.call) {
                ua_hangup(s->leg.call);
            }
        }
        if (leave_ns && now_ns > leave_ns) {
            return;
        }
        io_socket_sleep(now_ns + LOOP_US * NS_PER_US);
    }
    uint64_t until_ns = io_socket_now() + BYE_MS * NS_PER_MS;
    while (ua_n_calls(s->ua) && io_socket_now() < until_ns) {
        ua_step(s->ua, 1); /* the last NOTIFY of a REFER */
    }
}

/* ---- judging ---- */

/* Where the second that is judged ends. @return false: there is none */
static bool window_find(const struct script *s, size_t *window_end)
{
    struct media_heard heard = media_heard(s->leg.media);
    size_t end = heard.n;
    if (s->cfg->expect_ms != SCRIPT_NEVER) {
        uint64_t end_ns = s->joined_ns + s->cfg->expect_ms * NS_PER_MS;
        end = 0;
        for (size_t i = 0; i < heard.n_packets && heard.packets[i].at_ns <= end_ns; i++) {
            end = heard.packets[i].at + heard.packets[i].n;
        }
    }
    if (!heard.rate_hz || end < heard.rate_hz) {
        return false;
    }
    *window_end = end;
    return true;
}

/* @param pcm   a second of what was heard
 * @param told  print it
 * @return      how much is wrong with it */
static unsigned second_judge(const struct script *s, const int16_t *pcm, uint32_t rate_hz, bool told)
{
    const struct script_cfg *cfg = s->cfg;
    double loudest_dbfs = cfg->n_expected ? cfg->expected_dbfs[0] : SILENT_DBFS + cfg->clean_db, stranger_hz;
    unsigned n_wrong = 0;
    for (unsigned i = 0; i < cfg->n_expected; i++) {
        double db = tone_level(pcm, rate_hz, rate_hz, cfg->expected_hz[i]) - cfg->expected_dbfs[i];
        bool right = fabs(db) <= cfg->within_db;
        if (told) {
            say(s, "%s: %.0f Hz is heard at %+.1f dB", right ? "right" : "WRONG", cfg->expected_hz[i], db);
        }
        loudest_dbfs = MAX(loudest_dbfs, cfg->expected_dbfs[i]);
        n_wrong += !right;
    }
    if (cfg->tone_hz > 0) {
        double db = tone_level(pcm, rate_hz, rate_hz, cfg->tone_hz) - cfg->tone_dbfs;
        bool right = db <= -cfg->own_db;
        if (told) {
            say(s, "%s: the own tone of %.0f Hz is heard at %.1f dB", right ? "right" : "WRONG", cfg->tone_hz, db);
        }
        n_wrong += !right;
    }
    double db = tone_stranger(pcm, rate_hz, rate_hz, cfg->expected_hz, cfg->n_expected, &stranger_hz) - loudest_dbfs;
    bool right = db <= -cfg->clean_db;
    if (told) {
        say(s, "%s: nothing else is louder than %.1f dB (%.0f Hz)", right ? "right" : "WRONG", db, stranger_hz);
    }
    return n_wrong + !right;
}

/* A packet that a busy machine delayed spoils a second, so an earlier one may be right instead; what is truly wrong is
 * wrong in all of them. @return how much is wrong */
static unsigned expectations_check(const struct script *s, const int16_t *pcm, size_t end, uint32_t rate_hz)
{
    for (unsigned i = 0; i < WINDOWS; i++) {
        size_t earlier = (size_t)i * rate_hz * WINDOW_STEP_MS / 1000;
        if (end < earlier + rate_hz) {
            break;
        }
        if (second_judge(s, pcm + end - earlier - rate_hz, rate_hz, false) == 0) {
            end -= earlier;
            break;
        }
    }
    return second_judge(s, pcm + end - rate_hz, rate_hz, true);
}

static int summary(const struct script *s)
{
    const struct script_cfg *cfg = s->cfg;
    const struct media_stats *m = media_stats(s->leg.media);
    struct media_heard heard = media_heard(s->leg.media);
    unsigned n_wrong = s->failure != 0;
    size_t end;
    say(s, "sent %llu packets, heard %llu, lost %llu, %llu gaps over 60 ms", (unsigned long long)m->tx_packets,
        (unsigned long long)m->rx_packets, (unsigned long long)m->rx_lost, (unsigned long long)m->gaps_over_60ms);
    if (cfg->expects && !window_find(s, &end)) {
        say(s, "WRONG: heard less than a second");
        n_wrong++;
    } else if (cfg->expects) {
        n_wrong += expectations_check(s, heard.pcm, end, heard.rate_hz);
    }
    if (cfg->levels) {
        bool right = m->rx_levels && !m->rx_levels_wrong;
        say(s, "%s: %llu packets name the levels of all whom they carry, %llu do not", right ? "right" : "WRONG",
            (unsigned long long)m->rx_levels, (unsigned long long)m->rx_levels_wrong);
        n_wrong += !right;
    }
    if (cfg->push.is_on && !push_judge(&s->push)) {
        n_wrong++;
    }
    if (cfg->until_bye && !s->bye_came) {
        say(s, "WRONG: the other side has not said BYE");
        n_wrong++;
    }
    if (cfg->record[0] && (!heard.n || wav_write(cfg->record, heard.pcm, heard.n, heard.rate_hz) != 0)) {
        say(s, "WRONG: %s cannot be written", cfg->record);
        n_wrong++;
    }
    if (s->failure) {
        say(s, "failed: %d %s", s->failure, sip_reason(s->failure));
    }
    return n_wrong ? 1 : 0;
}

/* ---- the whole ---- */

static int script_open(struct script *s)
{
    const struct script_cfg *cfg = s->cfg;
    struct ua_cfg ua_cfg = { .local = cfg->local, .proxy = cfg->proxy, .transport = cfg->transport, .user = cfg->name };
    struct ua_user user = { s, on_event };
    snprintf(ua_cfg.tls.ca, sizeof ua_cfg.tls.ca, "%.*s", (int)sizeof ua_cfg.tls.ca - 1, cfg->tls_ca);
    ua_cfg.tls.verify = cfg->tls_ca[0] != '\0';
    ua_cfg.priority = cfg->priority[0] ? cfg->priority : NULL;
    strcpy(s->auth, cfg->auth);
    char *colon = strchr(s->auth, ':');
    if (colon) {
        *colon = '\0';
        ua_cfg.auth_user = s->auth;
        ua_cfg.auth_password = colon + 1;
        ua_cfg.auth_realm = cfg->realm[0] ? cfg->realm : NULL;
    }
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    s->signal_fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    if (cfg->play[0]) {
        int err = wav_read(cfg->play, &s->play, &s->n_play, &s->play_rate_hz);
        if (err) {
            fprintf(stderr, "mixminus-ua: %s: %s\n", cfg->play, err == -EBADMSG ? "not a sound file" : strerror(-err));
            return err;
        }
    }
    struct media_cfg media = {
        .local = cfg->local,
        .simd = simd_pick(SIMD_ALL),
        .record_s = cfg->seconds_ms / 1000 + SPARE_RECORD_S,
        .tone = { .hz = cfg->tone_hz, .dbfs = cfg->tone_dbfs },
        .pcm = s->play,
        .n_pcm = s->n_play,
        .pcm_rate_hz = s->play_rate_hz,
    };
    int err = ua_build(&s->ua, &ua_cfg, &user);
    if (!err) {
        err = ua_leg_open(&s->leg, cfg->codec, cfg->ptime_ms, &media);
        if (!err && cfg->srtp == OFFER_SRTP_REQUIRED) {
            ua_leg_srtp(&s->leg, cfg->srtp_only);
        }
        if (!err && cfg->levels) {
            ua_leg_levels(&s->leg);
        }
        if (!err && cfg->push.is_on) {
            push_open(&s->push, &cfg->push, &s->leg, s, push_say);
        }
    }
    if (err) {
        fprintf(stderr, "mixminus-ua: cannot start: %s\n", strerror(-err));
    }
    return err;
}

static int options_run(struct script *s)
{
    int err = ua_options(s->ua, s->cfg->options, NULL);
    uint64_t until_ns = io_socket_now() + s->cfg->wait_s * NS_PER_S;
    while (!err && !s->options_status && io_socket_now() < until_ns) {
        ua_step(s->ua, 10);
    }
    say(s, "options answered: %d", s->options_status);
    return s->options_status == 200 ? 0 : 1;
}

static int file_judge(struct script *s)
{
    int16_t *pcm;
    size_t n;
    uint32_t rate_hz, end_ms = s->cfg->expect_ms;
    int err = wav_read(s->cfg->judge, &pcm, &n, &rate_hz);
    if (err) {
        fprintf(stderr, "mixminus-ua: %s: %s\n", s->cfg->judge, err == -EBADMSG ? "not a sound file" : strerror(-err));
        return 1;
    }
    size_t end = end_ms == SCRIPT_NEVER ? n : MIN((size_t)end_ms * rate_hz / 1000, n);
    unsigned n_wrong = 1;
    if (end < rate_hz) {
        say(s, "WRONG: less than a second is there");
    } else {
        n_wrong = expectations_check(s, pcm, end, rate_hz);
    }
    free(pcm);
    return n_wrong ? 1 : 0;
}

static int calls_run(struct script *s)
{
    const struct script_cfg *cfg = s->cfg;
    char where[ADDR_TEXT_MAX];
    int err = 0;
    if (cfg->registrar[0]) {
        say(s, "registering at %s", cfg->registrar);
        err = ua_register(s->ua, cfg->registrar, REGISTER_EXPIRES_S);
    }
    if (err) {
        fprintf(stderr, "mixminus-ua: %s cannot be registered at: %s\n", cfg->registrar, strerror(-err));
        return 1;
    }
    if (cfg->target[0]) {
        struct ua_dial dial = { .target = cfg->target, .user = cfg->name, .no_ack = cfg->no_ack };
        say(s, "dialling %s", cfg->target);
        err = cfg->offerless ? ua_dial(s->ua, &dial, &s->leg.call) : ua_leg_dial(&s->leg, s->ua, dial);
    } else {
        say(s, "waiting at %s", ua_where(s->ua, where));
    }
    if (err) {
        fprintf(stderr, "mixminus-ua: %s cannot be called: %s\n", cfg->target, strerror(-err));
        return 1;
    }
    loop(s);
    return summary(s);
}

int script_run(const struct script_cfg *cfg)
{
    struct script *s = calloc(1, sizeof *s);
    if (!s) {
        return 1;
    }
    s->cfg = cfg;
    s->begin_ns = io_socket_now();
    int code = script_open(s) != 0 ? 1
               : cfg->judge[0]     ? file_judge(s)
               : cfg->options[0]   ? options_run(s)
                                   : calls_run(s);
    ua_leg_close(&s->leg);
    ua_free(s->ua);
    close(s->signal_fd);
    free(s->play);
    free(s);
    return code;
}
