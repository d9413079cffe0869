/*
 * Whom the server may call: lists, the outbound proxy, and everything that a stranger's URI may try (attacks A15, A16).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/call_world.h"

static int find(struct world *w, const char *text, const char *from_host, struct reach_way *way)
{
    char memory[4096];
    struct sip_uri uri;
    assert_int_equal(sip_uri_parse(&uri, text, strlen(text), memory, sizeof memory), 0);
    return reach_find(w->env, &uri, from_host, way);
}

static struct env_cfg cfg_of(const char *list, const char *proxy)
{
    struct env_cfg cfg = {.n_hosts = 0};
    assert_int_equal(reach_read(&cfg.reach, list), 0);
    cfg.reach.own_ports[0] = 5060;
    cfg.reach.n_own_ports = 1;
    if (proxy) {
        struct addr a;
        assert_int_equal(addr_parse(&a, proxy, 5099), 0);
        cfg.reach.proxy = flow_to(FLOW_UDP, 0, &a);
    }
    return cfg;
}

struct row {
    const char *uri;
    int err;
    const char *target; /* NULL: does not matter */
};

static void check(const char *list, const char *proxy, const struct row *rows, size_t n)
{
    struct world *w = world_open(cfg_of(list, proxy), 0, NULL);
    for (size_t i = 0; i < n; i++) {
        struct reach_way way;
        char text[ADDR_TEXT_MAX];
        int err = find(w, rows[i].uri, NULL, &way);
        if (err != rows[i].err) {
            fail_msg("%s: %d instead of %d", rows[i].uri, err, rows[i].err);
        }
        if (!err && proxy) {
            assert_int_equal(addr_port(&way.flow.remote), 5099); /* whatever the URI says */
            assert_string_equal(addr_host_text(&way.flow.remote, text), proxy);
        }
        if (!err && rows[i].target) {
            assert_string_equal(way.target, rows[i].target);
        }
    }
    world_close(w);
}

/* Without a proxy: what is listed, straight; nothing else, and no name ever. */
static void test_straight(void **state)
{
    static const struct row rows[] = {
        {"sip:bob@192.0.2.7", 0, "sip:bob@192.0.2.7"},
        {"sip:bob@192.0.2.7:5080;x-obr=10.0.0.1;x-obp=22;maddr=10.0.0.1;transport=tcp", 0, "sip:bob@192.0.2.7:5080"},
        {"sip:+1555;ext=1@192.0.2.7;user=phone;gr=urn:x?Route=%3Csip:evil%3E", 0,
         "sip:+1555;ext=1@192.0.2.7;user=phone;gr=urn:x"},
        {"sip:bob:secret@192.0.2.7", 0, "sip:bob@192.0.2.7"},
        {"sip:bob@[::ffff:192.0.2.7]", 0, "sip:bob@[::ffff:192.0.2.7]"},
        {"sip:bob@192.0.3.7", -EACCES, NULL},
        {"sip:bob@8.8.8.8", -EACCES, NULL},
        {"sip:bob@example.net", -EACCES, NULL},
        {"sip:x@127.0.0.1:22", -EACCES, NULL},
        {"sip:x@127.0.0.1", -ELOOP, NULL},
        {"sip:conferences@127.0.0.1:5060", -ELOOP, NULL},
        {"sip:conferences@[::ffff:127.0.0.1]", -ELOOP, NULL},
        {"sip:x@[::ffff:7f00:1]:5060", -ELOOP, NULL},
        {"sip:x@[0:0::ffff:127.0.0.1]:5060", -ELOOP, NULL},
        {"sip:mmtel@conf-factory.ims.mnc001.mcc262.3gppnetwork.org", -ELOOP, NULL},
        {"sips:bob@192.0.2.7", -EPROTONOSUPPORT, NULL},
        {"mailto:bob@192.0.2.7", -EPROTONOSUPPORT, NULL},
        {"tel:+19005551234", -EACCES, NULL},
    };
    check("192.0.2.0/24", NULL, rows, ARRAY_LEN(rows));
    static const struct row off[] = {{"sip:bob@192.0.2.7", -EACCES, NULL}, {"tel:+1", -EACCES, NULL}};
    check("off", NULL, off, ARRAY_LEN(off));
    check("off", "198.51.100.1", off, ARRAY_LEN(off));
}

/* Anybody through the proxy, but nothing that looks inward, whatever it is spelled like. */
static void test_any(void **state)
{
    static const struct row rows[] = {
        {"sip:bob@example.net;maddr=10.0.0.1", 0, "sip:bob@example.net"},
        {"tel:+15551234", 0, "tel:+15551234"},
        {"sip:bob@8.8.8.8", 0, NULL},
        {"sip:bob@[2a00:1450::1]:5070", 0, "sip:bob@[2a00:1450::1]:5070"},
        {"sip:bob@10.1.2.3", 0, NULL}, /* listed */
        {"sip:bob@10.2.2.3", -EACCES, NULL},
        {"sip:bob@127.0.0.2", -EACCES, NULL},
        {"sip:bob@169.254.169.254", -EACCES, NULL},
        {"sip:bob@192.168.1.1", -EACCES, NULL},
        {"sip:bob@172.31.0.1", -EACCES, NULL},
        {"sip:bob@100.64.0.1", -EACCES, NULL},
        {"sip:bob@0.0.0.0", -EACCES, NULL},
        {"sip:bob@224.0.1.75", -EACCES, NULL},
        {"sip:bob@255.255.255.255", -EACCES, NULL},
        {"sip:bob@[::1]", -EACCES, NULL},
        {"sip:bob@[::ffff:127.0.0.2]", -EACCES, NULL},
        {"sip:bob@[::ffff:7f00:2]", -EACCES, NULL},
        {"sip:bob@[fe80::1]", -EACCES, NULL},
        {"sip:bob@[fd00::1]", -EACCES, NULL},
        {"sip:bob@[ff02::1]", -EACCES, NULL},
        {"sip:bob@[2002:7f00:1::]", -EACCES, NULL},
        {"sip:bob@[64:ff9b::7f00:1]", -EACCES, NULL},
        {"sip:bob@127.1", -EACCES, NULL},
        {"sip:bob@2130706433", -EACCES, NULL},
        {"sip:bob@0x7f000001", -EACCES, NULL},
        {"sip:bob@localhost", -EACCES, NULL},
        {"sip:bob@x.localhost", -EACCES, NULL},
        {"sip:bob@localhost.", -EACCES, NULL},
    };
    check("any,10.1.0.0/16", "198.51.100.1", rows, ARRAY_LEN(rows));
}

static void test_domains(void **state)
{
    static const struct row rows[] = {
        {"sip:bob@example.net", 0, NULL},          {"sip:bob@a.EXAMPLE.net", 0, NULL},
        {"sip:bob@badexample.net", -EACCES, NULL}, {"sip:bob@example.net.evil.org", -EACCES, NULL},
        {"sip:bob@8.8.8.8", -EACCES, NULL},        {"tel:+1", -EACCES, NULL},
    };
    check("Example.NET", "198.51.100.1", rows, ARRAY_LEN(rows));
}

/* A redirect may not lead where only "any" lets one go, unless it stays with the same host. */
static void test_redirect(void **state)
{
    struct world *w = world_open(cfg_of("any,example.org", "198.51.100.1"), 0, NULL);
    struct reach_way way;
    assert_int_equal(find(w, "sip:carol@example.net", "example.net", &way), 0);
    assert_int_equal(find(w, "sip:carol@example.org", "example.net", &way), 0);
    assert_int_equal(find(w, "sip:premium@example.com", "example.net", &way), -EACCES);
    assert_int_equal(find(w, "tel:+19005551234", "example.net", &way), -EACCES);
    world_close(w);
}

/* Our own conferences, by whatever host. */
static void test_own(void **state)
{
    struct world *w = world_open(cfg_of("any", "198.51.100.1"), 0, NULL);
    struct phone p = phone_of(w, 1, "conferences");
    char contact[512], uri[128];
    struct reach_way way;
    assert_int_equal(phone_send(&p, "INVITE", 0, SDP_PCMU), 302);
    assert_true(header(last(w), "Contact", contact, sizeof contact));
    snprintf(uri, sizeof uri, "sip:%.*s@other.example", URI_TOKEN_CHARS, contact + 5);
    assert_int_equal(find(w, uri, NULL, &way), -ELOOP);
    uri[4] = (char)(uri[4] - 'a' + 'A'); /* not one of ours any more, or still one: case does not count */
    assert_int_equal(find(w, uri, NULL, &way), -ELOOP);
    world_close(w);
}

static void test_lists(void **state)
{
    struct reach reach = {0};
    assert_int_equal(reach_read(&reach, ""), -EINVAL);
    assert_int_equal(reach_read(&reach, "a,,b"), -EINVAL);
    assert_int_equal(reach_read(&reach, "exa mple"), -EINVAL);
    assert_int_equal(reach_read(&reach, "10.0.0.0/99"), -EINVAL);
    assert_int_equal(reach_read(&reach, "any,a.example,10.0.0.0/8,::1"), 0);
    assert_true(reach.is_on && reach.is_any);
    assert_int_equal(reach.n_domains, 1);
    assert_int_equal(reach.nets.n, 2);
    assert_int_equal(reach_read(&reach, "off"), 0);
    assert_false(reach.is_on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_straight), cmocka_unit_test(test_any), cmocka_unit_test(test_domains),
        cmocka_unit_test(test_redirect), cmocka_unit_test(test_own), cmocka_unit_test(test_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
