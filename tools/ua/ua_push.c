/* Push-to-talk of a scripted caller. See ua_push.h. */
#include "tools/ua/ua_push.h"

#include "core/io_socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIVE_BYTES = 8, ALIVE_EVERY_MS = 20000, ALIVE_ANSWER_MS = 10000, PRIORITY_OWN = 255 };

int push_times_read(const char *value, uint32_t *ms, unsigned *n)
{
    *n = 0;
    for (const char *at = value; *at; at++) {
        char *end;
        double s = strtod(at, &end);
        if (end == at || s < 0 || s > 86400 || (*end && *end != ',') || *n == PUSH_TIMES_MAX) {
            return -EINVAL;
        }
        ms[(*n)++] = (uint32_t)(s * 1000);
        at = end - (*end == '\0');
    }
    return *n ? 0 : -EINVAL;
}

static bool is_word(const char *word)
{
    static const char *const words[] = { "granted", "taken",     "idle",         "denied", "revoked",
                                         "queued",  "connected", "disconnected", "lost" };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        size_t n = strlen(words[i]);
        if (strncmp(word, words[i], n) == 0 && (word[n] == '\0' || word[n] == '=')) {
            return true;
        }
    }
    return false;
}

int push_expected_read(struct push_cfg *cfg, const char *value)
{
    for (cfg->n_expected = 0; *value; cfg->n_expected++) {
        size_t n = strcspn(value, ",");
        if (cfg->n_expected == PUSH_EXPECTED_MAX || n >= PUSH_WORD_MAX) {
            return -EINVAL;
        }
        char *word = cfg->expected[cfg->n_expected];
        memcpy(word, value, n);
        word[n] = '\0';
        if (!is_word(word)) {
            return -EINVAL;
        }
        value += n + (value[n] == ',');
    }
    return cfg->n_expected ? 0 : -EINVAL;
}

/* ---- what the server says ---- */

static const char *cause_text(bool is_deny, uint32_t cause)
{
    static const char *const denies[] = { "",           "another has it", "internal error", "nobody else is there",
                                          "retry later", "may only listen", "no resources",  "the queue is full" };
    static const char *const revokes[] = { "", "nobody else is there", "spoke too long", "no permission",
                                           "pre-empted" };
    return is_deny ? cause < ARRAY_LEN(denies) ? denies[cause] : "" : cause < ARRAY_LEN(revokes) ? revokes[cause] : "";
}

/* "granted" is met by granted alone, "denied" by any cause of it, "denied=1" by that one. */
static void meet(struct push *p, const char *word, const char *detail)
{
    char whole[PUSH_WORD_MAX + APP_TEXT_MAX + 2];
    snprintf(whole, sizeof whole, "%s=%s", word, detail);
    if (p->n_met < p->cfg->n_expected) {
        const char *expected = p->cfg->expected[p->n_met];
        p->n_met += strcmp(expected, word) == 0 || strcmp(expected, whole) == 0;
    }
}

static void on_event(void *ctx, enum ua_floor_event what, uint32_t value, struct app_text who)
{
    struct push *p = ctx;
    char text[APP_TEXT_MAX + 128], detail[APP_TEXT_MAX + 1];
    double ms = p->pushed_ns ? (double)(io_socket_now() - p->pushed_ns) / 1e6 : 0;
    snprintf(detail, sizeof detail, "%.*s", who.n, who.text);
    const char *word = NULL;
    switch (what) {
    case UA_FLOOR_GRANTED:
        word = "granted";
        p->granted_ns = io_socket_now();
        p->granted_ms = ms;
        snprintf(text, sizeof text, "floor granted after %.1f ms, for %u s", ms, value);
        break;
    case UA_FLOOR_TAKEN:
        word = "taken";
        snprintf(text, sizeof text, "floor taken by %s%s", who.n ? detail : "somebody",
                 value ? "" : ", may only listen");
        break;
    case UA_FLOOR_IDLE:
        word = "idle";
        snprintf(text, sizeof text, "floor idle");
        break;
    case UA_FLOOR_DENIED:
    case UA_FLOOR_REVOKED:
        word = what == UA_FLOOR_DENIED ? "denied" : "revoked";
        snprintf(detail, sizeof detail, "%u", value);
        snprintf(text, sizeof text, "floor %s: %u %s", word, value, cause_text(what == UA_FLOOR_DENIED, value));
        break;
    case UA_FLOOR_POSITION:
        word = "queued";
        p->position = value;
        snprintf(detail, sizeof detail, "%u", value);
        snprintf(text, sizeof text, "floor queued, place %u", value);
        break;
    case UA_FLOOR_CONNECTED:
    case UA_FLOOR_DISCONNECTED:
        word = what == UA_FLOOR_CONNECTED ? "connected" : "disconnected";
        snprintf(text, sizeof text, "%s %s", word, detail);
        break;
    case UA_FLOOR_LOST:
        word = "lost";
        snprintf(text, sizeof text, "floor: the server does not answer");
        break;
    }
    p->pushed_ns = what == UA_FLOOR_GRANTED || what == UA_FLOOR_DENIED ? 0 : p->pushed_ns;
    media_hush(p->leg->media, !ua_floor_may_speak(&p->floor));
    meet(p, word, detail);
    p->say(p->ctx, text);
}

static void on_say(void *ctx, const struct app_msg *msg)
{
    struct push *p = ctx;
    uint8_t packet[APP_PACKET_MAX];
    media_rtcp_send(p->leg->media, packet, app_write(packet, msg));
}

/* A keep-alive (RFC 6263 4.3): shows that the terminal is there, and keeps the way through a NAT open. One comes at
 * once, then in turns; that of the server is answered by one. None follows another too soon. */
static void alive_send(struct push *p, uint64_t every_ms, uint64_t now_ms)
{
    uint8_t packet[ALIVE_BYTES] = { 0x80, 201, 0, 1 };
    uint32_t ssrc = p->floor.ssrc;
    if (p->alive_ms && now_ms < p->alive_ms + every_ms) {
        return;
    }
    p->alive_ms = now_ms;
    for (unsigned i = 0; i < 4; i++) {
        packet[4 + i] = (uint8_t)(ssrc >> (24 - 8 * i));
    }
    media_rtcp_send(p->leg->media, packet, sizeof packet);
}

static void on_rtcp(void *ctx, const uint8_t *buf, size_t n, uint64_t now_ns)
{
    struct push *p = ctx;
    struct app_msg msg;
    size_t used;
    if (n == ALIVE_BYTES && buf[1] == 201) {
        alive_send(p, ALIVE_ANSWER_MS, now_ns / NS_PER_MS);
    }
    while (app_is(buf, n) && app_parse(buf, n, &msg, &used) == DROP_NONE) {
        ua_floor_take(&p->floor, &msg, now_ns / NS_PER_MS);
        buf += used;
        n -= used;
    }
}

/* ---- the whole ---- */

void push_open(struct push *p, const struct push_cfg *cfg, struct ua_leg *leg, void *ctx,
               void (*say)(void *ctx, const char *text))
{
    struct floor_line ours = { .is_there = true, .queueing = true, .granted = true, .priority = PRIORITY_OWN };
    *p = (struct push){ .cfg = cfg, .leg = leg, .ctx = ctx, .say = say };
    ours.priority = cfg->priority ? cfg->priority : PRIORITY_OWN;
    ua_floor_init(&p->floor, &(struct ua_floor_user){ p, on_say, on_event }, media_ssrc(leg->media));
    ua_leg_floor(leg, &ours);
    media_rtcp_user(leg->media, p, on_rtcp);
    media_hush(leg->media, true);
}

void push_step(struct push *p, uint64_t joined_ms, uint64_t now_ns)
{
    uint64_t now_ms = now_ns / NS_PER_MS;
    alive_send(p, ALIVE_EVERY_MS, now_ms);
    while (p->n_pushed < p->cfg->n_push && joined_ms >= p->cfg->push_ms[p->n_pushed]) {
        p->n_pushed++;
        p->pushed_ns = p->asked_ns = now_ns;
        p->say(p->ctx, "push");
        ua_floor_push(&p->floor, p->cfg->priority, p->cfg->is_urgent ? APP_EMERGENCY : APP_NORMAL, now_ms);
    }
    while (p->n_released < p->cfg->n_release && joined_ms >= p->cfg->release_ms[p->n_released]) {
        p->n_released++;
        p->say(p->ctx, "release");
        ua_floor_release(&p->floor, now_ms);
        media_hush(p->leg->media, true);
    }
    ua_floor_step(&p->floor, now_ms);
}

bool push_judge(const struct push *p)
{
    char text[PUSH_WORD_MAX + 64];
    if (p->n_met == p->cfg->n_expected) {
        return true;
    }
    snprintf(text, sizeof text, "WRONG: \"%s\" was expected of the floor, and has not come",
             p->cfg->expected[p->n_met]);
    p->say(p->ctx, text);
    return false;
}
