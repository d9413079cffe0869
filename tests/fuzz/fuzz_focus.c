/*
 * Sequences of messages and events to one focus. The input is a program: an octet says what happens next, the next one
 * to whom, and a body or a header line runs to the following zero octet. When the program has ended everybody hangs up
 * by time, and nothing may be left: no call, no port, no CPU time, no leg.
 */
#include "tests/unit/call_world.h"

#define PHONES 4
#define SDP_QOS                                                                                                        \
    SDP_PCMU "a=curr:qos local none\r\na=curr:qos remote none\r\na=des:qos mandatory local sendrecv\r\n"               \
             "a=des:qos none remote sendrecv\r\n"
#define SDP_QOS_MET                                                                                                    \
    SDP_PCMU "a=curr:qos local sendrecv\r\na=curr:qos remote none\r\na=des:qos mandatory local sendrecv\r\n"           \
             "a=des:qos none remote sendrecv\r\n"
#define STEPS_MAX 200

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    return seal_start();
}

struct program {
    const uint8_t *at, *end;
    char text[2048];
};

static unsigned next_octet(struct program *p)
{
    return p->at < p->end ? *p->at++ : 0;
}

/* A string up to a zero octet; one of the usual bodies by its number. */
static const char *next_text(struct program *p)
{
    size_t n = 0;
    while (p->at < p->end && *p->at && n + 1 < sizeof p->text) {
        p->text[n++] = (char)*p->at++;
    }
    if (p->at < p->end) {
        p->at++;
    }
    p->text[n] = '\0';
    static const char *const usual[] = {NULL, SDP_PCMU, SDP_PCMA, SDP_HOLD, SDP_QOS, SDP_QOS_MET};
    return n == 0 ? NULL : n == 1 && (uint8_t)p->text[0] < ARRAY_LEN(usual) ? usual[(uint8_t)p->text[0]] : p->text;
}

static void learn(struct phone *p)
{
    char contact[512];
    if (status_of(last(p->w)) == 302 && header(last(p->w), "Contact", contact, sizeof contact)) {
        snprintf(p->target, sizeof p->target, "%.*s", (int)strcspn(contact + 1, ">"), contact + 1);
    }
}

static void all_quiet(struct world *w)
{
    for (struct call *call = w->env->calls; call; call = call->next) {
        struct ctl_ev ev = {.event = EV_QUIET, .id = event_id(EVENT_CALL, call)};
        if (call->leg) {
            ring_put(&w->ctl.events, &ev);
        }
    }
    focus_beat(w->focus);
}

static void raw(struct world *w, const char *text)
{
    struct flow flow = {.transport = FLOW_UDP, .conn = FLOW_NO_CONN};
    must(addr_parse(&flow.remote, "192.0.2.9", 5060) == 0);
    if (text) {
        txns_rx(w->txns, &flow, text, strlen(text), w->now_ns);
    }
}

static void refer(struct phone *phone, struct program *p)
{
    static const char *const methods[] = {"REFER", "REFER", "SUBSCRIBE", "NOTIFY", "INVITE"};
    static const char *const usual[] = {"Refer-To: <sip:bob@192.0.2.50>\r\n",
                                        "Refer-To: <sip:bob@192.0.2.50;method=BYE>\r\n",
                                        "Refer-To: <sip:bob@192.0.2.50>\r\nRefer-Sub: false\r\n"};
    const char *method = methods[next_octet(p) % ARRAY_LEN(methods)];
    unsigned which = next_octet(p) % (ARRAY_LEN(usual) + 1);
    phone->extra = which < ARRAY_LEN(usual) ? usual[which] : next_text(p);
    phone_send(phone, method, 0, strcmp(method, "INVITE") == 0 ? SDP_PCMU : NULL);
    phone->extra = NULL;
}

/* What comes around a call: reliable provisional responses, preconditions, refreshes, subscriptions, credentials. */
static void around(struct phone *phone, struct program *p)
{
    static const char *const methods[] = {"INVITE", "PRACK", "UPDATE", "SUBSCRIBE", "INFO"};
    static const char *const usual[] = {"Supported: 100rel, precondition\r\nRequire: precondition\r\n",
                                        "Require: 100rel\r\n",
                                        "Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n",
                                        "Supported: timer\r\nSession-Expires: 90;refresher=uas\r\n",
                                        "Event: conference\r\nExpires: 60\r\n",
                                        "Event: conference\r\nExpires: 0\r\n"};
    char rack[64], rseq[32], extra[sizeof p->text];
    const char *method = methods[next_octet(p) % ARRAY_LEN(methods)];
    unsigned which = next_octet(p) % (ARRAY_LEN(usual) + 1);
    snprintf(extra, sizeof extra, "%s", which < ARRAY_LEN(usual) ? usual[which] : next_text(p) ? p->text : "");
    phone->extra = extra;
    if (strcmp(method, "PRACK") == 0 && header(world_answer(phone->w), "RSeq", rseq, sizeof rseq)) {
        snprintf(rack, sizeof rack, "RAck: %.31s %u INVITE\r\n", rseq, phone->cseq);
        phone->extra = rack;
    }
    if (!phone->to_tag[0] && strcmp(method, "INVITE") != 0) {
        char to[512];
        const char *tag = header(world_answer(phone->w), "To", to, sizeof to) ? strstr(to, ";tag=") : NULL;
        snprintf(phone->to_tag, sizeof phone->to_tag, "%.60s", tag ? tag + 5 : "");
    }
    phone_send(phone, method, 0, next_text(p));
    phone->extra = NULL;
}

/* An answer to a request of ours: status, tag, header lines and body are the program's. */
static void answer(struct world *w, struct program *p)
{
    static const int statuses[] = {100, 180, 200, 302, 401, 408, 481, 486, 487, 503};
    char extra[sizeof p->text];
    unsigned which = next_octet(p);
    const char *request = which % 2 ? world_request(w, "INVITE ") : world_sent(w, which / 2 % SENT_MAX);
    int status = statuses[next_octet(p) % ARRAY_LEN(statuses)];
    char tag[] = {(char)('a' + next_octet(p) % 3), '\0'};
    const char *text = next_text(p);
    snprintf(extra, sizeof extra, "%s", text ? text : "Contact: <sip:bob@192.0.2.50>\r\n");
    text = next_text(p);
    if (*request && status_of(request) == 0 && strlen(request) + strlen(extra) < TEXT_MAX / 2) {
        world_reply(w, request, status, tag, extra, text && strlen(text) < TEXT_MAX / 4 ? text : SDP_PCMU);
    }
}

static void step(struct world *w, struct phone *phones, struct program *p, unsigned *number)
{
    unsigned op = next_octet(p) % 16;
    struct phone *phone = &phones[next_octet(p) % PHONES];

    switch (op) {
    case 0: { /* a new call to where the phone last was told to */
        char target[sizeof phone->target];
        memcpy(target, phone->target, sizeof target);
        *phone = phone_of(w, ++*number, "conferences");
        memcpy(phone->target, target, sizeof target);
        phone_invite(phone, next_text(p));
        learn(phone);
        break;
    }
    case 1:
        *phone = phone_of(w, ++*number, "conferences");
        phone_invite(phone, next_text(p));
        learn(phone);
        break;
    case 2:
        phone_send(phone, "ACK", phone->cseq, next_text(p));
        break;
    case 3:
        phone_invite(phone, next_text(p));
        break;
    case 4:
        phone_send(phone, "BYE", 0, NULL);
        break;
    case 5:
        phone_send(phone, next_octet(p) % 2 ? "OPTIONS" : "CANCEL", phone->cseq, NULL);
        break;
    case 6:
        if (strncmp(last(w), "BYE ", 4) == 0) {
            answer_bye(w, last(w), 200);
        }
        break;
    case 7:
        world_work(w);
        world_give(w);
        break;
    case 8:
        world_run(w, next_octet(p) * 100);
        break;
    case 9:
        all_quiet(w);
        break;
    case 10: /* a header line of the fuzzer's own */
        phone->extra = next_text(p);
        phone_send(phone, "INVITE", 0, SDP_PCMU);
        phone->extra = NULL;
        break;
    case 12: /* REFER, SUBSCRIBE, NOTIFY with header lines of the fuzzer's own, or usual ones */
        refer(phone, p);
        break;
    case 13:
        answer(w, p);
        break;
    case 15:
        around(phone, p);
        break;
    case 14:
        txns_flow_gone(w->txns, &w->flows[next_octet(p) % SENT_MAX], -ECONNRESET);
        break;
    default:
        raw(w, next_text(p));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    struct program p = {.at = bytes, .end = bytes + n_bytes};
    unsigned mode = next_octet(&p), number = 0;
    struct env_cfg cfg = {
        .reservation = mode & 1, .factory_mode = mode & 2 ? FACTORY_DIRECT : FACTORY_REDIRECT, .legs_max = 3};
    cfg.allocate_before_auth = mode & 4; /* else with a realm nobody is let in: there are no accounts */
    snprintf(cfg.realm, sizeof cfg.realm, "%s", mode & 8 ? "ims.example" : "");
    must(reach_read(&cfg.reach, "192.0.2.0/24") == 0);
    struct world *w = world_open(cfg, 20000, NULL);
    struct phone phones[PHONES];

    for (unsigned i = 0; i < PHONES; i++) {
        phones[i] = phone_of(w, ++number, "conferences");
    }
    for (unsigned i = 0; i < STEPS_MAX && p.at < p.end; i++) {
        step(w, phones, &p, &number);
        if (w->n_legs > 200) {
            world_give(w);
        }
    }
    world_close(w);
    return 0;
}
