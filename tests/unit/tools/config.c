/*
 * The configuration. Method: flags, environment and file over each other, and for every kind of bad value the sentence
 * that the operator reads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/config/config.h"
#include "tools/config/host_check.h"
#include "tools/config/options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LONG_TEXT "192.0.2.0/24,192.0.2.0/24,192.0.2.0/24,192.0.2.0/24,192.0.2.0/24,192.0.2.0/24,192.0.2.0/24,"

struct read {
    struct config config;
    enum config_action action;
    struct config_texts *texts;
    char why[CONFIG_TEXT_MAX];
    int err;
};

/* Flags separated by blanks; environment entries by NULL at the end. */
static struct read read_all(const char *flags, char **environment)
{
    struct read r = {.err = 0};
    char text[1024] = "mixminusd ", *argv[32];
    int argc = 0;

    strcat(text, flags);
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
        argv[argc++] = word;
    }
    char *none[] = {NULL};
    r.err = config_read(&r.config, argc, argv, environment ? environment : none, &r.action, &r.texts, r.why);
    config_texts_free(r.texts);
    return r;
}

/* A35. */
static void test_defaults(void **state)
{
    struct read r = read_all("--store=memory", NULL);
    assert_int_equal(r.err, 0);
    assert_int_equal(r.action, CONFIG_RUN);
    const struct sig_cfg *sig = &r.config.sig;
    assert_int_equal(sig->net.n_listeners, 2);
    assert_int_equal(sig->net.listeners[0].transport, FLOW_UDP);
    assert_int_equal(addr_port(&sig->net.listeners[1].addr), 5060);
    assert_string_equal(sig->focus.factory_user, "conferences");
    assert_int_equal(sig->focus.factory_mode, FACTORY_REDIRECT);
    assert_int_equal(sig->focus.policy.n_codecs, 7);
    assert_int_equal(sig->focus.policy.srtp, OFFER_SRTP_OPTIONAL);
    assert_int_equal(sig->focus.policy.codecs[0].rate_hz, 16000);
    assert_int_equal(sig->place.budget_us, 700000);
    assert_true(addr_same_host(&sig->place.host, &sig->net.listeners[0].addr));
    assert_true(r.config.n_workers >= 1);
    assert_int_equal(r.config.fifo_priority, 10);
    assert_false(r.config.io_is_explicit);
}

static void test_precedence(void **state)
{
    char path[] = "/tmp/mixminus-config-XXXXXX", flags[128];
    int fd = mkstemp(path);
    FILE *f = fdopen(fd, "w");
    fprintf(f,
            "; a comment\n[media]\ntalkers = 1\nrtp-timeout-s = 11 ; why\n\n[conferences]\nconference-linger-s = 21\n"
            "sip-listen = udp:127.0.0.1:6000\nsip-listen = tcp:127.0.0.1:6001\n");
    fclose(f);
    snprintf(flags, sizeof flags, "--config=%s --store=memory --talkers=3", path);
    char *environment[] = {(char *)"MIXMINUS_TALKERS=2", (char *)"MIXMINUS_RTP_TIMEOUT_S=12", (char *)"OTHER=1", NULL};
    struct read r = read_all(flags, environment);
    assert_int_equal(r.err, 0);
    assert_int_equal(r.config.sig.focus.talkers, 3);
    assert_int_equal(r.config.sig.focus.quiet_s, 12);
    assert_int_equal(r.config.sig.focus.linger_s, 21);
    assert_int_equal(r.config.sig.net.n_listeners, 2);
    assert_int_equal(addr_port(&r.config.sig.net.listeners[1].addr), 6001);

    snprintf(flags, sizeof flags, "--store=memory --sip-listen=udp:127.0.0.1:7000!sip.example.net");
    char *by_environment[] = {(char *)"MIXMINUS_CONFIG=", NULL, NULL};
    char entry[128];
    snprintf(entry, sizeof entry, "MIXMINUS_CONFIG=%s", path);
    by_environment[0] = entry;
    r = read_all(flags, by_environment);
    assert_int_equal(r.err, 0);
    assert_int_equal(r.config.sig.focus.talkers, 1);
    assert_int_equal(r.config.sig.net.n_listeners, 1); /* a flag replaces the file's list */
    assert_string_equal(r.config.sig.net.listeners[0].advertised, "sip.example.net");
    unlink(path);
}

static void test_values(void **state)
{
    struct read r =
        read_all("--store=memory --sip-listen=udp:[::1]:5070 --sip-listen=udp:127.0.0.1:5071 "
                 "--domain=conf.example.net,Other.Example.NET --rtp-interface=10.0.0.5!203.0.113.5 "
                 "--worker-cpus=2-4,9 --worker-scheduling=fifo --io=syscall --factory-mode=focus --opus-rate=48000 "
                 "--codecs=PCMU,opus --srtp=required --reserve=on --rtp-bandwidth=100 --worker-numa=1 "
                 "--http-listen=[::1]:8080",
                 NULL);
    assert_string_equal(r.why, "");
    assert_int_equal(r.err, 0);
    const struct sig_cfg *sig = &r.config.sig;
    assert_int_equal(sig->net.listeners[0].addr.sa.sa_family, AF_INET6);
    assert_string_equal(sig->focus.domain, "conf.example.net");
    assert_string_equal(sig->focus.hosts[0], "other.example.net");
    assert_string_equal(sig->focus.advertised, "203.0.113.5");
    assert_int_equal(r.config.n_worker_cpus, 4);
    assert_int_equal(r.config.worker_cpus[3], 9);
    assert_int_equal(r.config.fifo_priority, 10);
    assert_true(r.config.io_is_explicit);
    assert_int_equal(sig->focus.factory_mode, FACTORY_DIRECT);
    assert_int_equal(sig->focus.policy.codecs[1].rate_hz, 48000);
    assert_int_equal(sig->focus.policy.srtp, OFFER_SRTP_REQUIRED);
    assert_int_equal(sig->place.bandwidth_kbps, 100000);
    assert_true(sig->focus.reservation);
    assert_int_equal(r.config.numa, 1);
    assert_int_equal(addr_port(&r.config.http), 8080);
    assert_true(read_all("--store=memory --worker-cpus=auto", NULL).config.placement_is_auto);
    assert_false(addr_is_set(&sig->place.host_other)); /* what is given is all */
}

/* Media has an address a family: those that are given, or those that SIP listens on. */
static void test_interfaces(void **state)
{
    static const struct {
        const char *flags, *host, *other, *advertised_other;
    } cases[] = {
        {"", "127.0.0.1", NULL, ""},
        {"--rtp-interface=10.0.0.5 --rtp-interface=2001:db8::5!2001:db8::7", "10.0.0.5", "2001:db8::5", "2001:db8::7"},
        {"--rtp-interface=2001:db8::5,10.0.0.5!203.0.113.5", "2001:db8::5", "10.0.0.5", "203.0.113.5"},
        {"--sip-listen=udp:[::1]:5070 --sip-listen=tcp:[::1]:5070 --sip-listen=udp:127.0.0.1:5071", "::1", "127.0.0.1",
         ""},
        {"--sip-listen=udp:127.0.0.1:5071 --sip-listen=udp:[::]:5070", "127.0.0.1", NULL, ""},
        {"--sip-listen=udp:127.0.0.1:5071 --sip-listen=udp:[::1]:5070 --rtp-interface=127.0.0.1", "127.0.0.1", NULL,
         ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char flags[512], text[ADDR_TEXT_MAX];
        snprintf(flags, sizeof flags, "--store=memory %s", cases[i].flags);
        struct read r = read_all(flags, NULL);
        const struct sig_cfg *sig = &r.config.sig;
        assert_string_equal(r.why, "");
        assert_string_equal(addr_host_text(&sig->place.host, text), cases[i].host);
        assert_int_equal(addr_is_set(&sig->place.host_other), cases[i].other != NULL);
        assert_int_equal(sig->focus.policy.family_other != 0, cases[i].other != NULL);
        if (cases[i].other) {
            assert_string_equal(addr_host_text(&sig->place.host_other, text), cases[i].other);
        }
        assert_string_equal(sig->focus.advertised_other, cases[i].advertised_other);
    }
}

static void test_bad_values(void **state)
{
    static const struct {
        const char *flags, *why;
    } cases[] = {
        {"--rtp-port-min=abc", "--rtp-port-min=abc (flag): give a whole number from 1 to 65534"},
        {"--rtp-port-min=70000", "--rtp-port-min=70000 (flag): give a whole number from 1 to 65534"},
        {"--rtp-port-min=", "--rtp-port-min= (flag): give a whole number from 1 to 65534"},
        {"--rtp-port-min=-1", "--rtp-port-min=-1 (flag): give a whole number from 1 to 65534"},
        {"--rtp-port-min=5001 --rtp-port-max=5002", "raise --rtp-port-max"},
        {"--prot-min=1", "did you mean --rtp-port-min?"},
        {"--listen=udp:127.0.0.1:5060", "did you mean --sip-listen?"},
        {"--lock", "there is no flag \"--lock\"; --help lists them"},
        {"--talkers", "--talkers wants a value: --talkers=K"},
        {"talkers=3", "did you mean --talkers?"},
        {"--sip-listen=5060", "such as udp:127.0.0.1:5060"},
        {"--sip-listen=sctp:127.0.0.1:5060", "such as udp:127.0.0.1:5060"},
        {"--sip-listen=udp:localhost:5060", "an address, not a name"},
        {"--sip-listen=udp:127.0.0.1:99999", "such as udp:127.0.0.1:5060"},
        {"--sip-listen=udp:0.0.0.0:5060", "give --rtp-interface=IP"},
        {"--sip-listen=udp:0.0.0.0:5060 --rtp-interface=127.0.0.1", "give --domain=HOST"},
        {"--rtp-interface=0.0.0.0", "SDP must name it"},
        {"--rtp-interface=10.0.0.5 --rtp-interface=10.0.0.6", "one address of each family"},
        {"--rtp-interface=::1,10.0.0.5,::2", "one address of each family"},
        {"--rtp-interface=10.0.0.5!2001:db8::1", "of the same family"},
        {"--rtp-interface=10.0.0.1!name", "write an address, not a name"},
        {"--domain=a/b", "such as conf.example.net"},
        {"--factory=a@b", "user part of a SIP URI"},
        {"--factory-mode=both", "write redirect or focus"},
        {"--codecs=G729", "of opus, G722, PCMU"},
        {"--codecs=PCMU,PCMU", "at most once"},
        {"--srtp=yes", "optional, required or off"},
        {"--opus-rate=8000", "write 16000 or 48000"},
        {"--workers=0", "from 1 to 256"},
        {"--worker-cpus=a-b", "such as 2-7,9"},
        {"--worker-cpus=5-2", "such as 2-7,9"},
        {"--control-cpus=0,,1", "such as 0-1"},
        {"--worker-scheduling=rr", "write auto, fifo or other"},
        {"--simd=sse9", "write auto, ref, avx2, avx512 or neon"},
        {"--io=epoll", "write uring or syscall"},
        {"--reserve=maybe", "write on or off"},
        {"--store=postgres", "write memory or sqlite:PATH"},
        {"--store=sqlite:", "write memory or sqlite:PATH"},
        {"--log-level=loud", "write error, warn, info or debug"},
        {"--conference-unused-s=3600 --conference-life-s=60", "raise --conference-life-s"},
        {"--http-listen=0.0.0.0:8080", "can be reached by others; give --http-tokens"},
        {"--http-listen=192.0.2.1:8080 --http-tokens=f", "can be reached by others; give --http-tokens"},
        {"--http-listen=127.0.0.1:8080 --http-tls-cert=f", "belong together; give both"},
        {"--config=/nonexistent.ini", "give the path of a readable file"},
        {"--config=/tmp", "Is a directory"},
        {"--auth-pin=instead", "give --auth=digest as well"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char flags[512];
        snprintf(flags, sizeof flags, "%s%s", strstr(cases[i].flags, "--store") ? "" : "--store=memory ",
                 cases[i].flags);
        struct read r = read_all(flags, NULL);
        if (r.err != -EINVAL || !strstr(r.why, cases[i].why)) {
            print_error("%s: %s\n", cases[i].flags, r.why);
        }
        assert_int_equal(r.err, -EINVAL);
        assert_non_null(strstr(r.why, cases[i].why));
        assert_null(strchr(r.why, '\n'));
    }
}

static void test_bad_file(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"; first\n\ntalker = 3\n", ", line 3: there is no key \"talker\"; did you mean talkers?"},
        {"lock = yes\n", ", line 1: there is no key \"lock\"; --help lists them"},
        {"talkers\n", "line 1: not \"key = value\""},
        {"[media]\ntalkers = many\n", "--talkers=many (file, line 2): give a whole number"},
        {"auth-trusted = " LONG_TEXT LONG_TEXT LONG_TEXT "\n", "line 1: the line is too long; repeat the key"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char path[] = "/tmp/mixminus-config-XXXXXX", flags[128];
        int fd = mkstemp(path);
        assert_int_equal(write(fd, cases[i].text, strlen(cases[i].text)), strlen(cases[i].text));
        close(fd);
        snprintf(flags, sizeof flags, "--store=memory --config=%s", path);
        struct read r = read_all(flags, NULL);
        assert_int_equal(r.err, -EINVAL);
        if (!strstr(r.why, cases[i].why)) {
            print_error("%s\n", r.why);
        }
        assert_non_null(strstr(r.why, cases[i].why));
        unlink(path);
    }
}

static void test_bad_environment(void **state)
{
    static const struct {
        const char *entry, *why;
    } cases[] = {
        {"MIXMINUS_TALKRS=3", "has MIXMINUS_TALKRS, which is no option; did you mean MIXMINUS_TALKERS"},
        {"MIXMINUS_SIP_LISTN=x", "did you mean MIXMINUS_SIP_LISTEN"},
        {"MIXMINUS_XYZ=1", "unset it"},
        {"MIXMINUS_TALKERS=many", "--talkers=many (environment): give a whole number"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *environment[] = {(char *)cases[i].entry, NULL};
        struct read r = read_all("--store=memory", environment);
        assert_int_equal(r.err, -EINVAL);
        if (!strstr(r.why, cases[i].why)) {
            print_error("%s\n", r.why);
        }
        assert_non_null(strstr(r.why, cases[i].why));
    }
    char *others[] = {(char *)"MIXMINUSD=path", (char *)"mixminus_talkrs=3", NULL}; /* not ours */
    assert_int_equal(read_all("--store=memory", others).err, 0);
}

static void sentence_take(void *said, const char *sentence)
{
    char *text = said;
    size_t n = strlen(text);
    snprintf(text + n, CONFIG_TEXT_MAX - n, "%s\n", sentence);
}

/* The names of the last release: taken, and each is said once with its new name, wherever it stands. */
static void test_old_names(void **state)
{
    char path[] = "/tmp/mixminus-config-XXXXXX", flags[128], said[CONFIG_TEXT_MAX] = "", expected[CONFIG_TEXT_MAX];
    FILE *f = fdopen(mkstemp(path), "w");
    fprintf(f, "port-max = 20001\n\ntrusted = 192.0.2.1\ntrusted = 192.0.2.2\nlinger-s = 3\n");
    fclose(f);
    snprintf(flags, sizeof flags, "--config=%s --store=memory --port-min=18000 --quiet-s=7 --talkers=4", path);
    char *environment[] = {(char *)"MIXMINUS_HALF_CALLS=5", (char *)"MIXMINUS_CONFERENCE_LINGER_S=4", NULL};
    struct config config;
    struct config_texts *texts;
    enum config_action action;
    char why[CONFIG_TEXT_MAX] = "", *argv[8] = {(char *)"mixminusd"};
    int argc = 1;
    for (char *word = strtok(flags, " "); word; word = strtok(NULL, " ")) {
        argv[argc++] = word;
    }
    assert_int_equal(config_read(&config, argc, argv, environment, &action, &texts, why), 0);
    assert_int_equal(config.sig.place.port_min, 18000);
    assert_int_equal(config.sig.place.port_max, 20001);
    assert_int_equal(config.sig.focus.quiet_s, 7);
    assert_int_equal(config.sig.focus.half_calls_max, 5);
    assert_int_equal(config.sig.focus.linger_s, 4); /* by whichever name: the environment beats the file */
    assert_int_equal(config.sig.focus.trusted.n, 2);
    config_old_names(texts, sentence_take, said);
    snprintf(expected, sizeof expected,
             "%s, line 3: the key trusted is now auth-trusted; the old name ends with the next release\n"
             "the environment's MIXMINUS_HALF_CALLS is now MIXMINUS_SOURCE_UNACKED; the old name ends with the next "
             "release\n"
             "--port-min is now --rtp-port-min; the old name ends with the next release\n"
             "%s, line 1: the key port-max is now rtp-port-max; the old name ends with the next release\n"
             "--quiet-s is now --rtp-timeout-s; the old name ends with the next release\n"
             "%s, line 5: the key linger-s is now conference-linger-s; the old name ends with the next release\n",
             path, path, path);
    assert_string_equal(said, expected);
    config_texts_free(texts);
    unlink(path);
}

/* No name is two options', old or new; every default passes its own reader. */
static void test_table(void **state)
{
    for (const struct option *a = options; a->name; a++) {
        for (const struct option *b = options; b->name; b++) {
            assert_true(a == b || strcmp(a->name, b->name) != 0);
            assert_true(!b->old_name || strcmp(a->name, b->old_name) != 0);
            assert_true(a == b || !a->old_name || !b->old_name || strcmp(a->old_name, b->old_name) != 0);
        }
        assert_true(!strstr(a->value, "SECONDS") == (strcmp(a->name + strlen(a->name) - 2, "-s") != 0));
        assert_true(*a->fallback || *a->fallback_words);
    }
}

/* What the host does not have is one sentence that names option and fix; all are told at once. */
static void test_host(void **state)
{
    static const struct {
        const char *flags, *why;
    } cases[] = {
        {"", ""},
        {"--workers=1 --simd=ref", ""},
        {"--sip-listen=udp:198.51.100.7:5060 --rtp-interface=127.0.0.1",
         "--sip-listen: 198.51.100.7 is no address of this"},
        {"--rtp-interface=198.51.100.7", "--rtp-interface: 198.51.100.7 is no address of this host; give one"},
        {"--http-tokens=/nonexistent", "--http-tokens: /nonexistent: No such file or directory; mixminusctl token add"},
        {"--tls-cert=/nonexistent.pem",
         "/nonexistent.pem is no certificate in PEM; give another --tls-cert (No such file"},
        {"--store=sqlite:/nonexistent/x.db", "its folder does not exist"},
        {"--store=sqlite:/tmp", "give another --store"},
        {"--prompts=/nonexistent", "--prompts=/nonexistent cannot be read (No such file or directory); give"},
        {"--worker-cpus=1000", "--worker-cpus: there is no CPU 1000 that this process may use; give some of "},
        {"--control-cpus=1000", "--control-cpus: there is no CPU 1000"},
        {"--worker-numa=999", "--worker-numa=999: this machine has no such node; give --worker-numa=auto"},
#ifdef __x86_64__
        {"--simd=neon", "--simd: this CPU cannot do that, "},
#else
        {"--simd=avx2", "--simd: this CPU cannot do that, "},
#endif
        {"--workers=256 --worker-legs-max=65535", "MB are free; lower one of the two"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char flags[256], said[CONFIG_TEXT_MAX] = "";
        snprintf(flags, sizeof flags, "%s%s", strstr(cases[i].flags, "--store") ? "" : "--store=memory ",
                 cases[i].flags);
        struct read r = read_all(flags, NULL);
        assert_int_equal(r.err, 0);
        unsigned n = host_check(&r.config, sentence_take, said);
        if (n != (*cases[i].why != '\0') || !strstr(said, cases[i].why)) {
            print_error("%s: %s\n", cases[i].flags, said);
        }
        assert_int_equal(n, *cases[i].why != '\0');
        assert_non_null(strstr(said, cases[i].why));
    }
    char said[CONFIG_TEXT_MAX] = "";
    struct read r = read_all("--store=memory --worker-numa=999 --control-cpus=1000 --prompts=/nonexistent", NULL);
    assert_int_equal(host_check(&r.config, sentence_take, said), 3);
}

/* What --dump-config prints is a file that --config reads. */
static void test_dump_is_a_file(void **state)
{
    char *argv[] = {(char *)"mixminusd", (char *)"--store=memory", (char *)"--talkers=7", (char *)"--worker-cpus=1-2",
                    (char *)"--dump-config"};
    char *none[] = {NULL}, path[] = "/tmp/mixminus-config-XXXXXX", flags[128], why[CONFIG_TEXT_MAX];
    static struct config config;
    enum config_action action;
    struct config_texts *texts;

    assert_int_equal(config_read(&config, 5, argv, none, &action, &texts, why), 0);
    assert_int_equal(action, CONFIG_DUMP);
    FILE *f = fdopen(mkstemp(path), "w");
    config_dump(f, texts);
    fclose(f);
    config_texts_free(texts);
    snprintf(flags, sizeof flags, "--config=%s", path);
    struct read r = read_all(flags, NULL);
    assert_string_equal(r.why, "");
    assert_int_equal(r.config.sig.focus.talkers, 7);
    assert_int_equal(r.config.n_worker_cpus, 2);
    unlink(path);
}

/* What --help-ini prints is a file that changes nothing, and without its semicolons it says what is so anyway. */
static void test_ini(void **state)
{
    char path[] = "/tmp/mixminus-config-XXXXXX", flags[128], *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    config_help_ini(f);
    fclose(f);
    for (int pass = 0; pass < 2; pass++) {
        int fd = pass ? open(path, O_WRONLY | O_TRUNC) : mkstemp(path);
        f = fdopen(fd, "w");
        for (char *line = text, *end; *line; line = end + 1) {
            end = strchr(line, '\n');
            bool is_key = line[0] == ';' && line[1] != ' ';
            fprintf(f, "%.*s\n", (int)(end - line) - (pass && is_key), line + (pass && is_key));
        }
        fclose(f);
        snprintf(flags, sizeof flags, "--store=memory --config=%s", path);
        struct read r = read_all(flags, NULL), bare = read_all("--store=memory", NULL);
        assert_string_equal(r.why, "");
        assert_int_equal(r.err, 0);
        r.config.io_is_explicit = false; /* the one thing that differs: io was asked for */
        assert_memory_equal(&r.config, &bare.config, sizeof r.config);
    }
    free(text);
    unlink(path);
}

static void test_help(void **state)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    config_help(f);
    config_help_markdown(f);
    config_help_man(f);
    fclose(f);
    assert_non_null(strstr(text, "--sip-listen="));
    assert_non_null(strstr(text, "| `--factory-mode=redirect\\|focus` |"));
    assert_non_null(strstr(text, "\\fB\\-\\-talkers\\fR=\\fIK\\fR\nthe loudest K are heard; 0: all (default: 3)\n"));
    free(text);
    assert_int_equal(read_all("--help", NULL).action, CONFIG_HELP);
    assert_int_equal(read_all("-h", NULL).action, CONFIG_HELP);
    assert_int_equal(read_all("--version", NULL).action, CONFIG_VERSION);
    assert_int_equal(read_all("--store=memory --check-config", NULL).action, CONFIG_CHECK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),  cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_values),    cmocka_unit_test(test_bad_values),
        cmocka_unit_test(test_bad_file),  cmocka_unit_test(test_dump_is_a_file),
        cmocka_unit_test(test_help),      cmocka_unit_test(test_bad_environment),
        cmocka_unit_test(test_host),      cmocka_unit_test(test_interfaces),
        cmocka_unit_test(test_old_names), cmocka_unit_test(test_table),
        cmocka_unit_test(test_ini),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
