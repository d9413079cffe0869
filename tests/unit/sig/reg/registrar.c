/*
 * The registrar: RFC 3261 10.3's checks in their order, outbound (RFC 5626), Path (RFC 3327), expiry, a restart, and
 * the way of a REFER to a registered phone. Method: the world of call_world.h with a registrar beside the focus.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "sig/reg/registrar.h"
#include "tests/unit/call_world.h"

static struct registrar *registrar;

static bool wants(void *ctx, const struct sip_msg *msg)
{
    return registrar_wants(msg);
}

static void take(void *ctx, struct txn *txn, const struct sip_msg *msg, const struct identity *who)
{
    registrar_take(ctx, txn, msg, who);
}

static void store_reply(void *ctx, const struct store_reply *reply)
{
    registrar_reply(ctx, reply);
}

static int find(void *ctx, const char *user, struct reach_way *way)
{
    return registrar_find(ctx, user, way);
}

static struct world *open_with(const char *store, const char *route)
{
    struct env_cfg cfg = {.factory_mode = FACTORY_DIRECT};
    assert_int_equal(reach_read(&cfg.reach, "192.0.2.0/24"), 0);
    cfg.reach.own_ports[cfg.reach.n_own_ports++] = 5060;
    struct world *w = world_open(cfg, 0, store);
    assert_int_equal(registrar_build(&registrar, w->env, route), 0);
    assert_int_equal(focus_beside_add(w->focus, &(struct focus_beside){registrar, wants, take, store_reply}), 0);
    w->env->locate = (struct env_locate){registrar, find};
    return w;
}

/* The world's end: phones that nobody ends expire by themselves. */
static void close_it(struct world *w)
{
    world_run(w, (REGISTRAR_EXPIRES_MAX_S + 1) * 1000ull);
    assert_int_equal(bindings_count(registrar_bindings(registrar)), 0);
    w->env->locate.find = NULL;
    focus_beside_drop(w->focus, registrar);
    registrar_free(registrar);
    world_close(w);
}

static unsigned n_sent;

/* REGISTER of bob, or of whom To says. @return status */
static int reg(struct world *w, unsigned cseq, const char *lines)
{
    char text[2048];
    struct flow flow = {.transport = FLOW_UDP, .conn = FLOW_NO_CONN};
    assert_int_equal(addr_parse(&flow.remote, "192.0.2.50", 5062), 0);
    int n = snprintf(text, sizeof text,
                     "REGISTER sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.50:5062;branch=z9hG4bKr%u\r\n"
                     "Max-Forwards: 70\r\nFrom: <sip:bob@127.0.0.1>;tag=1\r\n%sCall-ID: reg1\r\nCSeq: %u REGISTER\r\n%s"
                     "Content-Length: 0\r\n\r\n",
                     ++n_sent, strstr(lines, "To:") ? "" : "To: <sip:bob@127.0.0.1>\r\n", cseq, lines);
    unsigned before = w->n_sent;
    txns_rx(w->txns, &flow, text, (size_t)n, w->now_ns);
    assert_int_equal(w->n_sent, before + 1);
    return status_of(last(w));
}

static const char *value_of(struct world *w, const char *name)
{
    static char value[1024];
    return header(last(w), name, value, sizeof value) ? value : "";
}

static void test_register(void **state)
{
    struct world *w = open_with(NULL, "<sip:edge.example.net;lr>");
    assert_int_equal(reg(w, 1, "Contact: <sip:bob@192.0.2.50:5062>\r\n"), 200);
    assert_string_equal(value_of(w, "Contact"), "<sip:bob@192.0.2.50:5062>;expires=3600");
    assert_string_equal(value_of(w, "Service-Route"), "<sip:edge.example.net;lr>");
    world_run(w, 100000);
    assert_int_equal(reg(w, 2, ""), 200); /* asks only */
    assert_string_equal(value_of(w, "Contact"), "<sip:bob@192.0.2.50:5062>;expires=3500");
    assert_int_equal(reg(w, 3, "Contact: <sip:bob@192.0.2.50:5062>;expires=99999\r\n"), 200);
    assert_string_equal(value_of(w, "Contact"), "<sip:bob@192.0.2.50:5062>;expires=7200");
    assert_int_equal(reg(w, 4, "Expires: 0\r\nContact: <sip:bob@192.0.2.50:5062>\r\n"), 200);
    assert_string_equal(value_of(w, "Contact"), "");
    assert_int_equal(bindings_count(registrar_bindings(registrar)), 0);
    assert_int_equal(reg(w, 5, "Contact: <sip:a@192.0.2.50>, <sip:b@192.0.2.50>\r\n"), 200);
    assert_int_equal(reg(w, 6, "Expires: 0\r\nContact: *\r\n"), 200);
    assert_int_equal(bindings_count(registrar_bindings(registrar)), 0);
    assert_int_equal(count_get(&registrar_stats(registrar)->registered), 0);
    close_it(w);
}

/* A48. */
static void test_refused(void **state)
{
    static const struct {
        const char *lines;
        int status;
        const char *name, *value; /* a header of the answer */
    } cases[] = {
        {"Contact: *\r\n", 400, NULL, NULL},
        {"Expires: 0\r\nContact: *, <sip:a@192.0.2.50>\r\n", 400, NULL, NULL},
        {"Expires: 60\r\nContact: *\r\n", 400, NULL, NULL},
        {"Expires: 59\r\nContact: <sip:a@192.0.2.50>\r\n", 423, "Min-Expires", "60"},
        {"Contact: <sip:a@192.0.2.50>;expires=59\r\n", 423, "Min-Expires", "60"},
        {"Contact: <tel:+123>\r\n", 400, NULL, NULL},
        {"To: <sip:alice@127.0.0.1>\r\nContact: <sip:a@192.0.2.50>\r\n", 403, NULL, NULL},
        {"To: <sip:bob@example.org>\r\nContact: <sip:a@192.0.2.50>\r\n", 404, NULL, NULL},
        {"To: <sip:127.0.0.1>\r\nContact: <sip:a@192.0.2.50>\r\n", 404, NULL, NULL},
        {"Require: gruu\r\nContact: <sip:a@192.0.2.50>\r\n", 420, "Unsupported", "gruu"},
        {"Contact: <sip:1@h>, <sip:2@h>, <sip:3@h>, <sip:4@h>, <sip:5@h>, <sip:6@h>, <sip:7@h>, <sip:8@h>, "
         "<sip:9@h>\r\n",
         403, NULL, NULL},
        {"Via: SIP/2.0/UDP 192.0.2.99;branch=z9hG4bKx\r\nSupported: outbound, path\r\n"
         "Path: <sip:edge.example.net;lr>\r\n"
         "Contact: <sip:a@192.0.2.50>;+sip.instance=\"<urn:uuid:1>\";reg-id=1\r\n",
         439, NULL, NULL},
    };
    struct world *w = open_with(NULL, "");
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        int status = reg(w, 10 + i, cases[i].lines);
        if (status != cases[i].status) {
            fail_msg("%s: %d", cases[i].lines, status);
        }
        assert_true(!cases[i].name || strcmp(value_of(w, cases[i].name), cases[i].value) == 0);
        assert_int_equal(bindings_count(registrar_bindings(registrar)), 0); /* all or none */
    }
    assert_int_equal(reg(w, 50, "Contact: <sip:a@192.0.2.50>\r\n"), 200);
    world_run(w, 40000); /* until then it is the same request by another way */
    assert_int_equal(reg(w, 50, "Contact: <sip:a@192.0.2.50>\r\n"), 500); /* CSeq not higher: replayed */
    assert_int_equal(reg(w, 49, "Contact: <sip:a@192.0.2.50>, <sip:b@192.0.2.50>\r\n"), 500);
    assert_int_equal(bindings_count(registrar_bindings(registrar)), 1);
    close_it(w);
}

static void test_outbound(void **state)
{
    struct world *w = open_with(NULL, "");
    static const char first[] = "Supported: outbound, path\r\n"
                                "Contact: <sip:bob@192.0.2.50:5062>;+sip.instance=\"<urn:uuid:7>\";reg-id=1\r\n";
    assert_int_equal(reg(w, 1, first), 200);
    assert_string_equal(value_of(w, "Require"), "outbound");
    assert_string_equal(value_of(w, "Flow-Timer"), "120");
    assert_string_equal(value_of(w, "Contact"),
                        "<sip:bob@192.0.2.50:5062>;expires=3600;+sip.instance=\"<urn:uuid:7>\";reg-id=1");
    /* Another contact of the same phone: it takes the place; by another flow of it there are two. */
    assert_int_equal(reg(w, 2,
                         "Supported: outbound\r\n"
                         "Contact: <sip:bob@192.0.2.51>;+sip.instance=\"<urn:uuid:7>\";reg-id=1\r\n"),
                     200);
    assert_int_equal(bindings_count(registrar_bindings(registrar)), 1);
    assert_int_equal(reg(w, 3,
                         "Supported: outbound\r\n"
                         "Contact: <sip:bob@192.0.2.51>;+sip.instance=\"<urn:uuid:7>\";reg-id=2\r\n"),
                     200);
    assert_int_equal(bindings_count(registrar_bindings(registrar)), 2);
    /* Through an edge that can: its Path is kept and given back. */
    assert_int_equal(reg(w, 4,
                         "Via: SIP/2.0/UDP 192.0.2.99;branch=z9hG4bKy\r\nSupported: outbound, path\r\n"
                         "Path: <sip:edge.example.net;lr;ob>\r\nPath: <sip:x.example.net;lr>\r\n"
                         "Contact: <sip:bob@10.0.0.1>;+sip.instance=\"<urn:uuid:8>\";reg-id=1\r\n"),
                     200);
    assert_string_equal(value_of(w, "Path"), "<sip:edge.example.net;lr;ob>, <sip:x.example.net;lr>");
    close_it(w);
}

/* A REFER to a user of ours goes down the flow that its phone registered by, whatever its contact says. */
static void test_refer(void **state)
{
    struct world *w = open_with(NULL, "");
    struct phone p = phone_of(w, 1, "conferences");
    assert_int_equal(phone_invite(&p, SDP_PCMU), 200);
    phone_ack(&p, NULL);
    world_work(w);
    p.extra = "Refer-To: <sip:bob@127.0.0.1>\r\nRefer-Sub: false\r\n";
    assert_int_equal(phone_send(&p, "REFER", 0, NULL), 480); /* of ours, and not there */
    assert_int_equal(reg(w, 1, "Contact: <sip:bob@10.1.2.3:7000>;q=0.5\r\n"), 200);
    assert_int_equal(phone_send(&p, "REFER", 0, NULL), 202);
    const char *invite = world_request(w, "INVITE ");
    assert_non_null(strstr(invite, "INVITE sip:bob@10.1.2.3:7000 SIP/2.0"));
    assert_null(strstr(invite, "\r\nRoute:"));
    char to[ADDR_TEXT_MAX];
    for (unsigned i = 0; i < SENT_MAX; i++) {
        if (w->sent[i] == invite) {
            assert_string_equal(addr_text(&w->flows[i].remote, to), "192.0.2.50:5062");
        }
    }
    world_reply(w, invite, 486, "t", "", NULL);
    assert_int_equal(reg(w, 2,
                         "Via: SIP/2.0/UDP 192.0.2.99;branch=z9hG4bKz\r\nPath: <sip:edge.example.net;lr>\r\n"
                         "Contact: <sip:bob@10.1.2.4>\r\n"),
                     200);
    assert_int_equal(phone_send(&p, "REFER", 0, NULL), 202); /* q 1 is before q 0.5 */
    invite = world_request(w, "INVITE ");
    assert_non_null(strstr(invite, "INVITE sip:bob@10.1.2.4 SIP/2.0"));
    assert_non_null(strstr(invite, "\r\nRoute: <sip:edge.example.net;lr>\r\n"));
    world_reply(w, invite, 486, "t", "", NULL);
    p.extra = "Refer-To: <sip:conferences@127.0.0.1>\r\nRefer-Sub: false\r\n";
    assert_int_equal(phone_send(&p, "REFER", 0, NULL), 403); /* the factory would never end */
    p.extra = NULL;
    phone_send(&p, "BYE", 0, NULL);
    close_it(w);
}

/* They are back after a restart; a stream's connection is not. */
static void test_restart(void **state)
{
    char path[] = "/tmp/mixminus-reg-XXXXXX", store[64];
    struct reach_way way;
    int fd = mkstemp(path);
    close(fd);
    unlink(path);
    snprintf(store, sizeof store, "sqlite:%s", path);
    struct world *w = open_with(store, "");
    assert_int_equal(reg(w, 7, "Contact: <sip:bob@192.0.2.50:5062>\r\n"), 200);
    assert_int_equal(reg(w, 8, "Contact: <sip:gone@192.0.2.50:5062>\r\n"), 200);
    assert_int_equal(reg(w, 9, "Contact: <sip:gone@192.0.2.50:5062>;expires=0\r\n"), 200);
    w->env->locate.find = NULL;
    focus_beside_drop(w->focus, registrar);
    registrar_free(registrar); /* as at the end of the program: they stay in the store */
    world_close(w);
    w = open_with(store, "");
    for (unsigned i = 0; i < 2000 && bindings_count(registrar_bindings(registrar)) == 0; i++) {
        usleep(1000);
        focus_beat(w->focus);
    }
    assert_int_equal(bindings_count(registrar_bindings(registrar)), 1);
    assert_int_equal(registrar_find(registrar, "bob", &way), 0);
    assert_string_equal(way.target, "sip:bob@192.0.2.50:5062");
    char text[ADDR_TEXT_MAX];
    assert_string_equal(addr_text(&way.flow.remote, text), "192.0.2.50:5062");
    assert_int_equal(reg(w, 7, "Contact: <sip:bob@192.0.2.50:5062>\r\n"), 500); /* a replay of what was before it */
    assert_int_equal(registrar_find(registrar, "nobody", &way), -ENOENT);
    close_it(w);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_register), cmocka_unit_test(test_refused), cmocka_unit_test(test_outbound),
        cmocka_unit_test(test_refer),    cmocka_unit_test(test_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
