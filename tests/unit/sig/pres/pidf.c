/*
 * Presence documents: what phones publish, as liblinphone, Kamailio's clients and the RFCs write it; what watchers get;
 * and what no reader may take: DTDs, entities, other character sets, depth, attributes without number (A3, A34, A46).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sig/base/xml_read.h"
#include "sig/pres/pidf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HEAD "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"sip:bob@x\">"

static int read_text(struct pidf *pidf, const char *text)
{
    return pidf_read(pidf, text, strlen(text));
}

static void test_read(void **state)
{
    struct pidf p;
    /* liblinphone 5 */
    assert_int_equal(
        read_text(
            &p, "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\" ?>\n"
                "<presence entity=\"sip:bob@x\" xmlns=\"urn:ietf:params:xml:ns:pidf\" "
                "xmlns:pidfonline=\"http://www.linphone.org/xsds/pidfonline.xsd\" "
                "xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\" "
                "xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\">\n<tuple id=\"qwe\">\n<status>\n"
                "<basic>open</basic>\n<pidfonline:online/>\n</status>\n<contact priority=\"0.8\">sip:bob@x</contact>\n"
                "<timestamp>2024-01-01T00:00:00Z</timestamp>\n</tuple>\n<dm:person id=\"w\">\n<rpid:activities>\n"
                "<rpid:away/>\n</rpid:activities>\n<rpid:note>back at &lt;6&gt;</rpid:note></dm:person>\n</presence>"),
        0);
    assert_true(p.has_basic && p.is_open && !p.is_dnd);
    assert_int_equal(p.activities, 1u << PIDF_AWAY);
    assert_string_equal(p.note, "back at <6>");
    /* Another prefix, two tuples: open beats closed; busy is do not disturb. */
    assert_int_equal(
        read_text(&p, "<p:presence xmlns:p='urn:ietf:params:xml:ns:pidf' xmlns:r='urn:ietf:params:xml:ns:pidf:rpid'>"
                      "<p:tuple id='a'><p:status><p:basic>closed</p:basic></p:status></p:tuple>"
                      "<p:tuple id='b'><p:status><p:basic> open\n</p:basic></p:status></p:tuple>"
                      "<person><r:activities><r:busy/><r:nonsense/></r:activities></person></p:presence>"),
        0);
    assert_true(p.is_open && p.is_dnd);
    assert_int_equal(p.activities, 1u << PIDF_BUSY);
    assert_int_equal(read_text(&p, HEAD "</presence>"), 0); /* says nothing */
    assert_false(p.has_basic);
    assert_int_equal(read_text(&p, HEAD
                               "<tuple id='a'><status><basic>closed</basic></status></tuple>"
                               "<tuple id='b'><status><basic xmlns='urn:x'>open</basic></status></tuple></presence>"),
                     0);
    assert_true(p.has_basic && !p.is_open); /* another's basic is not PIDF's */
}

static void test_settings(void **state)
{
    struct pidf p;
    static const char on[] = "<poc-settings xmlns=\"urn:oma:params:xml:ns:poc:poc-settings\"><entity id=\"a\">"
                             "<isb-settings><incoming-session-barring active=\"true\"/></isb-settings></entity>"
                             "</poc-settings>";
    static const char off[] = "<poc-settings xmlns=\"urn:oma:params:xml:ns:poc:poc-settings\"><entity id=\"a\">"
                              "<isb-settings><incoming-session-barring active=\"false\"/></isb-settings></entity>"
                              "</poc-settings>";
    assert_int_equal(pidf_settings_read(&p, on, sizeof on - 1), 0);
    assert_true(p.is_dnd);
    assert_int_equal(pidf_settings_read(&p, off, sizeof off - 1), 0);
    assert_false(p.is_dnd);
    assert_int_equal(pidf_settings_read(&p, "<x/>", 4), -EBADMSG);
}

static void test_refused(void **state)
{
    static const char *const bad[] = {
        "",
        " ",
        "open",
        "<presence/>", /* of no namespace */
        "<x>" HEAD "</presence></x>",
        "<tuple xmlns=\"urn:ietf:params:xml:ns:pidf\"/>",
        HEAD,
        HEAD "</presence",
        HEAD "<a></b></presence>",
        HEAD "</presence></presence>",
        HEAD "<x:y/></presence>", /* a prefix of nothing */
        HEAD "<a b=c/></presence>",
        HEAD "&bar;</presence>",
        HEAD "\xff</presence>",
        HEAD "\xc0\x80</presence>",
        HEAD "<a b='&#0;'/></presence>",
        "<!DOCTYPE presence>" HEAD "</presence>",
        "<!DOCTYPE presence [<!ENTITY a \"aa\">]>" HEAD "&a;</presence>",
        "<!DOCTYPE presence SYSTEM \"http://192.0.2.1/x.dtd\">" HEAD "</presence>",
        "<?xml version=\"1.0\"?><!-- '>' --><!DOCTYPE p SYSTEM \"file:///etc/passwd\">" HEAD "</presence>",
        "\xfe\xff\0<\0p\0/\0>",
        HEAD "<a a='' b='' c='' d='' e='' f='' g='' h='' i='' j='' k='' l='' m='' n='' o='' p='' q=''/></presence>",
        /* where quotes and ends hide attributes from a careless count */
        HEAD "<?p '?><a a='>' b='' c='' d='' e='' f='' g='' h='' i='' j='' k='' l='' m='' n='' o='' p='' q=''/>"
             "</presence>",
    };
    struct pidf p;
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        if (read_text(&p, bad[i]) != -EBADMSG) {
            fail_msg("%u: %s", i, bad[i]);
        }
    }
    static const char utf16[] = "\xff\xfe<\0p\0/\0>\0";
    assert_int_equal(pidf_read(&p, utf16, sizeof utf16 - 1), -EBADMSG);
    /* A name in an encoding declaration is not believed: it is UTF-8. */
    assert_int_equal(
        read_text(&p, "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>" HEAD "<note>\xc3\xa4</note></presence>"), 0);
    assert_string_equal(p.note, "\xc3\xa4");
}

/* Sixteen levels, 64 KB, and no input of that size takes long. */
static void test_limits(void **state)
{
    static char text[XML_READ_BYTES_MAX + 2];
    static const char *const fillers[] = {
        "<a>",
        "<a/>",
        "&amp;",
        "<a xmlns='u'/>",
        "<a a='&lt;&lt;'/>",
        "=",
        "<!--x-->",
        "<",
        "<a xmlns:a='1' xmlns:b='2' xmlns:c='3' xmlns:d='4' xmlns:e='5' xmlns:f='6'>"};
    struct pidf p;
    strcpy(text, HEAD);
    for (unsigned i = 0; i < XML_READ_DEPTH_MAX - 1; i++) {
        strcat(text, "<a>");
    }
    char deep[1024];
    strcpy(deep, text);
    for (unsigned i = 0; i < XML_READ_DEPTH_MAX - 1; i++) {
        strcat(deep, "</a>");
    }
    strcat(deep, "</presence>");
    assert_int_equal(read_text(&p, deep), 0);
    strcat(text, "<a>");
    assert_int_equal(read_text(&p, text), -E2BIG);
    for (unsigned i = 0; i < ARRAY_LEN(fillers); i++) {
        struct timespec a, b;
        size_t n = strlen(HEAD);
        while (n + strlen(fillers[i]) + 12 < XML_READ_BYTES_MAX) {
            strcpy(text + n, fillers[i]);
            n += strlen(fillers[i]);
        }
        strcpy(text + n, "</presence>");
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
        read_text(&p, text);
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
        double ms = (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;
#ifdef MIXMINUS_SANITIZED
        ms = 0; /* what a sanitizer does has no speed */
#endif
        if (ms > 50) { /* some 5 here */
            fail_msg("%s: %.1f ms", fillers[i], ms);
        }
    }
    memset(text, ' ', sizeof text - 1);
    assert_int_equal(pidf_read(&p, text, XML_READ_BYTES_MAX + 1), -E2BIG);
}

static void test_write(void **state)
{
    char text[4096];
    struct xml x = {.text = text, .size = sizeof text};
    struct pidf_view view = {.is_open = true,
                             .activities = 1u << PIDF_BUSY | 1u << PIDF_ON_THE_PHONE,
                             .note = "a<b",
                             .n_services = 1,
                             .services = {{"ptt", false}}};
    pidf_write(&x, "sip:bob@x", &view);
    struct pidf p;
    assert_int_equal(pidf_read(&p, text, x.n), 0); /* what we write we read */
    assert_true(p.has_basic && p.is_open && p.is_dnd);
    assert_int_equal(p.activities, view.activities);
    assert_string_equal(p.note, "a<b");
    assert_non_null(strstr(text, "<tuple id=\"ptt\"><status><basic>closed</basic></status></tuple>"));
    x.n = 0;
    pidf_write(&x, "sip:bob@x", &(struct pidf_view){.is_open = false});
    assert_string_equal(text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                              "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"sip:bob@x\"><tuple id=\"user\">"
                              "<status><basic>closed</basic></status></tuple></presence>\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),   cmocka_unit_test(test_settings), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits), cmocka_unit_test(test_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
