/*
 * One message: framed, scanned, parsed, validated, answered, written, and read again. The first octet decides whether
 * it came by a stream. What we write must be what we would take.
 */
#include "sig/sip/auth.h"
#include "sig/sip/sip.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static struct auth *auth;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    must(auth_build(&auth, &(struct auth_cfg){.realm = "ims.example"}) == 0);
    return sip_init();
}

static void read_back(struct sip_out *out, const struct flow *flow)
{
    char *text;
    size_t n;
    if (sip_text(out, &text, &n) == 0) {
        struct sip_msg *msg;
        struct flow stream = *flow;
        stream.transport = FLOW_TCP; /* what we write always has its Content-Length */
        enum refuse refuse = sip_parse(text, n, &stream, &msg);
        must(refuse == REFUSE_NONE || refuse == REFUSE_VIAS);
        sip_free(msg);
        free(text);
    }
    sip_out_free(out);
}

static void read_parts(const struct sip_msg *msg)
{
    char value[64], memory[3 * SIP_URI_BYTES_MAX];
    const char *element;
    struct sip_addr addr;
    for (unsigned i = 0; i < msg->scan.n_lines; i++) {
        const char *line = msg->scan.text + msg->scan.lines[i].value_at;
        sip_param(line, "tag", value, sizeof value);
        sip_addr_parse(&addr, line, strlen(line), memory, sizeof memory);
    }
    for (unsigned i = 0; sip_list(msg, "Accept-Contact", i, &element) > 0; i++) {
    }
    sip_has(msg, "Supported", "timer");
    sip_header(msg, "P-Asserted-Identity", 0);
    struct auth_creds creds;
    auth_read(auth, msg, 1700000000, &creds);
}

static void answer(const struct sip_msg *msg)
{
    static const int statuses[] = {100, 180, 200, 302, 486};
    for (unsigned i = 0; i < ARRAY_LEN(statuses); i++) {
        struct sip_out *out = sip_response_make(msg, statuses[i], NULL, "0123456789abcdef");
        sip_add(out, "Contact", "<sip:x@192.0.2.1>");
        sip_body(out, "application/sdp", msg->body, MIN(msg->body_bytes, 100u));
        read_back(out, &msg->flow);
    }
    if (msg->n_contacts > 0 && msg->contacts[0].addr.uri.host[0] != 0) {
        /* a request in the dialog that this one makes */
        struct sip_request request = {.method = SIP_BYE,
                                      .target = msg->contacts[0].addr.uri.text,
                                      .routes = msg->record_routes,
                                      .n_routes = msg->n_record_routes,
                                      .from = "<sip:us@h>;tag=1",
                                      .to = "<sip:them@h>;tag=2",
                                      .call_id = msg->call_id,
                                      .cseq = 1};
        struct sip_out *out = sip_request_make(&request);
        sip_add(out, "Via", "SIP/2.0/UDP us;branch=z9hG4bK1");
        char *text;
        size_t n;
        if (sip_text(out, &text, &n) == 0) {
            char *ack = malloc(n + 256);
            must(sip_follow(text, n, SIP_ACK, "<sip:t@h>;tag=3", ack, n + 256) > 0);
            free(ack);
        }
        free(text);
        sip_out_free(out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    if (n_bytes < 1) {
        return 0;
    }
    struct addr remote;
    must(addr_parse(&remote, "2001:db8::7", 5062) == 0);
    bool is_stream = (bytes[0] & 1) != 0 && bytes[0] < 0x20; /* letters: the plain files are datagrams */
    struct flow flow = flow_to(is_stream ? FLOW_TCP : FLOW_UDP, 0, &remote);
    const char *text = (const char *)bytes + (bytes[0] < 0x20);
    size_t n = n_bytes - (bytes[0] < 0x20), n_seen = 0, n_frame;
    /* exact copies, so that the sanitizer sees a read past the end */
    char *exact = malloc(n + 1);
    memcpy(exact, text, n);
    enum scan_framing framing = scan_frame(exact, n, &n_seen, &n_frame);
    must(framing == SCAN_FRAME_MORE || n_frame <= n);
    if (is_stream && framing != SCAN_FRAME_MORE) {
        n = n_frame;
    }
    char *message = malloc(n + 1);
    memcpy(message, exact, n);
    message = realloc(message, n == 0 ? 1 : n);
    struct sip_msg *msg;
    enum refuse refuse = sip_parse(message, n, &flow, &msg);
    must(!is_stream || framing != SCAN_FRAME_BAD || refuse != REFUSE_NONE); /* both readers agree on what is bad */
    if (refuse != REFUSE_NONE) {
        char out[8192];
        size_t n_out = sip_stateless(&msg->scan, &flow, 400, "Bad Request", "tag", "", out, sizeof out);
        must(memchr(out, 0, n_out) == NULL);
    } else {
        read_parts(msg);
        if (msg->is_request) {
            answer(msg);
        }
    }
    sip_free(msg);
    free(message);
    free(exact);
    return 0;
}
