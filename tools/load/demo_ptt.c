/*
 * Push-to-talk for the demo: sessions that stand, a channel that sleeps, keys that are pressed. What each terminal
 * heard while one had the floor is judged as in the rest of the demo.
 */
#include "tools/load/demo_ptt.h"

#include "core/io_socket.h"
#include "tools/lib/http_get.h"
#include "tools/ua/ua_push.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TERMINALS = 3, LOOP_US = 500, RECORD_S = 10, PUSH_MS = 400, MEANWHILE_MS = 1000, TALK_MS = 1600, END_MS = 400 };

#define SAID_DBFS (-20.0)
#define PATIENCE_NS (5 * NS_PER_S)
#define WITHIN_DB 1.0
#define OWN_MAX_DB (-40.0) /* another voice's end lies within the second, and leaves that much */
#define SILENT_DBFS (-60.0)
#define ONSET_DIVISOR 4

static const struct {
    const char *name;
    double hz;
} people[TERMINALS] = {{"Alice", 410}, {"Bob", 610}, {"Carol", 1010}};

struct terminal {
    struct scene *scene;
    struct ua *ua;
    struct ua_leg leg;
    struct push push;
    bool is_up;
};

struct scene {
    struct terminal t[TERMINALS];
    struct push_cfg cfg[TERMINALS];
    uint64_t begin_ns; /* all sessions stand */
    char *why;
};

static void trouble(struct scene *s, const char *what, const char *why)
{
    if (!s->why[0]) {
        snprintf(s->why, DEMO_PTT_WHY_MAX, "%s: %s", what, why);
    }
}

/* ---- who has the service ---- */

static void set(struct scene *s, const char *control, const char *path, const char *body)
{
    char why[HTTP_WHY_MAX] = "", *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    int status = out ? http_ask_unix(control, "PUT", path, body, out, why) : -1;
    if (out) {
        fclose(out);
    }
    if (status != 204) {
        trouble(s, path, why[0] ? why : text ? text : "no memory");
    }
    free(text);
}

static void services_set(struct scene *s, const char *control)
{
    char path[128];
    set(s, control, "/v1/groups/demo",
        "{\"members\":[\"sip:Alice@127.0.0.1\",\"sip:Bob@127.0.0.1\",\"sip:Carol@127.0.0.1\"]}");
    for (unsigned i = 0; i < TERMINALS; i++) {
        snprintf(path, sizeof path, "/v1/users/%s/services/ptt/%s", people[i].name, people[i].name);
        set(s, control, path, "{\"target\":\"demo\",\"priority\":5}");
    }
}

/* ---- terminals ---- */

static void on_event(void *ctx, struct ua_call *call, const struct ua_event *event)
{
    struct terminal *t = ctx;
    if (event->kind == UA_UP) {
        t->is_up = ua_leg_accept(&t->leg, event->body, event->n_body) == 0;
    } else if (event->kind == UA_ENDED) {
        t->leg.call = NULL;
        if (!event->by_us) {
            trouble(t->scene, "a session of push-to-talk", event->text);
        }
    }
}

/* What the floor says is in the push; nothing is printed meanwhile. */
static void say_nothing(void *ctx, const char *text) {}

static int terminal_open(struct scene *s, unsigned i, const struct addr *sip)
{
    struct terminal *t = &s->t[i];
    struct ua_cfg cfg = {.user = people[i].name, .transport = FLOW_UDP};
    struct ua_user user = {t, on_event};
    char target[ADDR_TEXT_MAX + 16], text[ADDR_TEXT_MAX];
    addr_parse(&cfg.local, "127.0.0.1", 0);
    struct media_cfg media = {.local = cfg.local,
                              .simd = simd_pick(SIMD_ALL),
                              .record_s = RECORD_S,
                              .tone = {.hz = people[i].hz, .dbfs = SAID_DBFS}};
    t->scene = s;
    int err = ua_build(&t->ua, &cfg, &user);
    err = err ? err : ua_leg_open(&t->leg, "PCMU", 20, &media);
    if (err) {
        return err;
    }
    push_open(&t->push, &s->cfg[i], &t->leg, t, say_nothing);
    snprintf(target, sizeof target, "sip:ptt@%s", addr_text(sip, text));
    return ua_leg_dial(&t->leg, t->ua, (struct ua_dial){.target = target, .user = people[i].name});
}

static void step(struct scene *s)
{
    uint64_t now_ns = io_socket_now();
    for (unsigned i = 0; i < TERMINALS; i++) {
        struct terminal *t = &s->t[i];
        ua_step(t->ua, 0);
        media_step(t->leg.media, io_socket_now());
        if (s->begin_ns) {
            push_step(&t->push, (io_socket_now() - s->begin_ns) / NS_PER_MS, io_socket_now());
        }
    }
    io_socket_sleep(now_ns + LOOP_US * NS_PER_US);
}

static void sessions_await(struct scene *s)
{
    uint64_t give_up_ns = io_socket_now() + PATIENCE_NS;
    unsigned n_up = 0;
    while (n_up < TERMINALS && !s->why[0]) {
        step(s);
        n_up = 0;
        for (unsigned i = 0; i < TERMINALS; i++) {
            n_up += s->t[i].is_up;
        }
        if (io_socket_now() > give_up_ns) {
            trouble(s, "sessions of push-to-talk", "not all stand within 5 s");
        }
    }
}

/* ---- judging ---- */

/* From that moment to the first sound in the terminal's hands. @return ms, negative: none */
static double onset_ms(const struct scene *s, unsigned listener, uint64_t from_ns)
{
    struct media_heard heard = media_heard(s->t[listener].leg.media);
    int threshold = (int)(32767 * pow(10, SAID_DBFS / 20)) / ONSET_DIVISOR;
    for (size_t i = 0; i < heard.n_packets; i++) {
        const struct media_packet *p = &heard.packets[i];
        for (size_t k = 0; p->at_ns >= from_ns && k < p->n; k++) {
            if (abs(heard.pcm[p->at + k]) > threshold) {
                return (double)(p->at_ns - from_ns) / 1e6 + 1e3 * (double)k / heard.rate_hz;
            }
        }
    }
    return -1;
}

/* A second that ends then, of one ear and one voice. @return dB beside how it was said; SILENT_DBFS or less: not heard
 */
static double level_db(const struct scene *s, unsigned listener, unsigned talker, uint64_t end_ns)
{
    struct media_heard heard = media_heard(s->t[listener].leg.media);
    size_t end = 0;
    for (size_t i = 0; i < heard.n_packets && heard.packets[i].at_ns <= end_ns; i++) {
        end = heard.packets[i].at + heard.packets[i].n;
    }
    bool is_long = heard.rate_hz && end >= heard.rate_hz;
    return is_long ? tone_level(heard.pcm + end - heard.rate_hz, heard.rate_hz, heard.rate_hz, people[talker].hz) -
                         SAID_DBFS
                   : 2 * SILENT_DBFS;
}

/* One line: who had the floor, how fast, and who heard it. @return what is wrong in it */
static unsigned turn_print(const struct scene *s, unsigned talker, uint64_t asked_ns, uint64_t end_ns)
{
    unsigned n_wrong = 0;
    for (unsigned i = 0; i < TERMINALS; i++) {
        double db = level_db(s, i, talker, end_ns), ms = onset_ms(s, i, asked_ns);
        bool right = i == talker ? db < OWN_MAX_DB : fabs(db) <= WITHIN_DB && ms >= 0;
        if (i != talker) {
            printf("  %s hears %s at %+.1f dB, %.1f ms after that%s\n", people[i].name, people[talker].name, db, ms,
                   right ? "" : " !");
        } else if (!right) {
            printf("  %s hears the own voice !\n", people[i].name);
        }
        n_wrong += !right;
    }
    return n_wrong;
}

static int verdict(struct scene *s)
{
    const uint64_t ms = NS_PER_MS;
    uint64_t alice_ends_ns = s->begin_ns + (PUSH_MS + TALK_MS) * ms;
    unsigned n_wrong = 0;
    bool has_all = s->t[0].push.granted_ns && s->t[1].push.granted_ns && s->t[1].push.position == 1;
    printf("\nPush-to-talk: three sessions stand, nobody is called any more.\n");
    printf("  Alice pushes: the floor after %.1f ms.\n", s->t[0].push.granted_ms);
    n_wrong += turn_print(s, 0, s->t[0].push.asked_ns, alice_ends_ns);
    printf("  Bob pushes meanwhile, and waits at place %u; Alice lets go, he has the floor %.1f ms later.\n",
           s->t[1].push.position, (double)(s->t[1].push.granted_ns - alice_ends_ns) / 1e6);
    n_wrong += turn_print(s, 1, s->t[1].push.granted_ns, s->t[1].push.granted_ns + TALK_MS * ms);
    if (n_wrong || !has_all) {
        printf("WRONG: %u of what was heard is not as it must be%s.\n", n_wrong,
               has_all ? "" : ", or the floor was not granted");
        return 1;
    }
    printf("Right: one speaks at a time, all others hear it.\n");
    return 0;
}

/* ---- the whole ---- */

int demo_ptt(const struct addr *sip, const char *control, char why[DEMO_PTT_WHY_MAX])
{
    struct scene *s = calloc(1, sizeof *s);
    int code = 1;
    if (!s) {
        return 1;
    }
    why[0] = '\0';
    s->why = why;
    s->cfg[0] = (struct push_cfg){
        .is_on = true, .push_ms = {PUSH_MS}, .n_push = 1, .release_ms = {PUSH_MS + TALK_MS}, .n_release = 1};
    s->cfg[1] = (struct push_cfg){.is_on = true,
                                  .push_ms = {PUSH_MS + MEANWHILE_MS},
                                  .n_push = 1,
                                  .release_ms = {PUSH_MS + 2 * TALK_MS + END_MS},
                                  .n_release = 1};
    s->cfg[2].is_on = true;
    services_set(s, control);
    for (unsigned i = 0; i < TERMINALS && !why[0]; i++) {
        if (terminal_open(s, i, sip) != 0) {
            trouble(s, people[i].name, "cannot begin a session of push-to-talk");
        }
    }
    if (!why[0]) {
        sessions_await(s);
    }
    s->begin_ns = io_socket_now();
    uint64_t end_ns = s->begin_ns + (PUSH_MS + 2 * TALK_MS + 3 * END_MS) * NS_PER_MS;
    while (!why[0] && io_socket_now() < end_ns) {
        step(s);
    }
    if (!why[0]) {
        code = verdict(s);
    }
    for (unsigned i = 0; i < TERMINALS; i++) {
        if (s->t[i].leg.call) {
            ua_hangup(s->t[i].leg.call);
            ua_step(s->t[i].ua, 0);
        }
        ua_leg_close(&s->t[i].leg);
        if (s->t[i].ua) {
            ua_free(s->t[i].ua);
        }
    }
    free(s);
    return code;
}
