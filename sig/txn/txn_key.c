/*
 * The names of transactions, as 128 bits of a keyed hash (SipHash-2-4 twice): a fixed size however long a branch is,
 * and nobody outside can aim at a slot of the table.
 */
#include "sig/txn/txn_priv.h"

struct siphash {
    uint64_t v[4];
    uint64_t tail;
    unsigned n; /* octets so far */
};

static uint64_t rotl(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[0] = rotl(v[0], 32);
    v[2] += v[3];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[2] = rotl(v[2], 32);
}

static void siphash_init(struct siphash *h, const uint64_t key[2])
{
    *h = (struct siphash){.v = {key[0] ^ 0x736f6d6570736575ull, key[1] ^ 0x646f72616e646f6dull,
                                key[0] ^ 0x6c7967656e657261ull, key[1] ^ 0x7465646279746573ull}};
}

static void siphash_word(struct siphash *h, uint64_t word)
{
    h->v[3] ^= word;
    sip_round(h->v);
    sip_round(h->v);
    h->v[0] ^= word;
}

static void siphash_put(struct siphash *h, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    for (size_t i = 0; i < n; i++) {
        h->tail |= (uint64_t)p[i] << 8 * (h->n % 8);
        if (++h->n % 8 == 0) {
            siphash_word(h, h->tail);
            h->tail = 0;
        }
    }
}

static uint64_t siphash_end(struct siphash *h)
{
    siphash_word(h, h->tail | (uint64_t)h->n << 56);
    h->v[2] ^= 0xff;
    for (int i = 0; i < 4; i++) {
        sip_round(h->v);
    }
    return h->v[0] ^ h->v[1] ^ h->v[2] ^ h->v[3];
}

/* Two hashes over the same parts, each part with its end marked, so that "ab","c" is not "a","bc". */
struct namer {
    struct siphash half[2];
};

static void namer_bytes(struct namer *namer, const void *bytes, size_t n)
{
    uint32_t length = (uint32_t)n;
    for (int i = 0; i < 2; i++) {
        siphash_put(&namer->half[i], bytes, n);
        siphash_put(&namer->half[i], &length, sizeof length);
    }
}

static void namer_text(struct namer *namer, const char *text)
{
    namer_bytes(namer, text == NULL ? "" : text, text == NULL ? 0 : strlen(text));
}

static void namer_number(struct namer *namer, uint32_t number)
{
    namer_bytes(namer, &number, sizeof number);
}

static void namer_init(struct namer *namer, const struct txns *txns, char kind)
{
    siphash_init(&namer->half[0], &txns->secret[0]);
    siphash_init(&namer->half[1], &txns->secret[2]);
    namer_bytes(namer, &kind, 1);
}

static struct txn_key namer_end(struct namer *namer)
{
    return (struct txn_key){{siphash_end(&namer->half[0]), siphash_end(&namer->half[1])}};
}

/* RFC 3261 17.2.3. A cookie with nothing behind it makes nothing unique: it counts as none (RFC 4475 3.2.1). */
static bool is_modern(const char *branch)
{
    return strncmp(branch, "z9hG4bK", 7) == 0 && branch[7] != 0;
}

struct txn_key txn_key_server(const struct txns *txns, const struct sip_msg *msg, enum sip_method method)
{
    struct namer namer;
    bool modern = is_modern(msg->via.branch);
    namer_init(&namer, txns, modern ? 'S' : 'O');
    if (method == SIP_UNKNOWN) {
        namer_text(&namer, msg->method_text);
    } else {
        namer_number(&namer, method == SIP_ACK ? SIP_INVITE : method);
    }
    if (modern) {
        namer_text(&namer, msg->via.branch);
        namer_text(&namer, msg->via.host);
        namer_number(&namer, msg->via.port == 0 ? SIP_PORT : msg->via.port);
    } else {
        /* The To tag is left out: the ACK has that of the response, which is ours alone. */
        namer_text(&namer, msg->uri.text);
        namer_text(&namer, msg->from.tag);
        namer_text(&namer, msg->call_id);
        namer_number(&namer, msg->cseq);
        namer_text(&namer, msg->via.text);
    }
    return namer_end(&namer);
}

struct txn_key txn_key_client(const struct txns *txns, const char *branch, enum sip_method method)
{
    struct namer namer;
    namer_init(&namer, txns, 'C');
    namer_text(&namer, branch);
    namer_number(&namer, method);
    return namer_end(&namer);
}

struct txn_key txn_key_merge(const struct txns *txns, const struct sip_msg *msg)
{
    struct namer namer;
    namer_init(&namer, txns, 'M');
    namer_text(&namer, msg->from.tag);
    namer_text(&namer, msg->call_id);
    namer_number(&namer, msg->cseq);
    namer_text(&namer, msg->method_text);
    return namer_end(&namer);
}

struct txn_key txn_key_address(const struct txns *txns, const struct addr *addr)
{
    struct namer namer;
    namer_init(&namer, txns, 'A');
    if (addr->sa.sa_family == AF_INET6) {
        namer_bytes(&namer, &addr->v6.sin6_addr, 8); /* a /64 is one customer */
    } else {
        namer_bytes(&namer, &addr->v4.sin_addr, sizeof addr->v4.sin_addr);
    }
    return namer_end(&namer);
}

void txn_hex(const uint8_t *bytes, size_t n, char *text)
{
    for (size_t i = 0; i < n; i++) {
        *text++ = "0123456789abcdef"[bytes[i] >> 4];
        *text++ = "0123456789abcdef"[bytes[i] & 15];
    }
    *text = 0;
}

void txn_key_tag(const struct txns *txns, const struct scan *scan, char tag[SIP_TAG_BYTES])
{
    struct namer namer;
    namer_init(&namer, txns, 'T');
    namer_text(&namer, scan_value(scan, SCAN_VIA, 0));
    namer_text(&namer, scan_value(scan, SCAN_FROM, 0));
    namer_text(&namer, scan_value(scan, SCAN_CALL_ID, 0));
    namer_text(&namer, scan_value(scan, SCAN_CSEQ, 0));
    struct txn_key key = namer_end(&namer);
    txn_hex((const uint8_t *)key.half, 8, tag);
}

void txns_draw(struct txns *txns, char tag[SIP_TAG_BYTES])
{
    uint8_t bytes[(SIP_TAG_BYTES - 1) / 2];
    txns->world.random(txns->world.ctx, bytes, sizeof bytes);
    txn_hex(bytes, sizeof bytes, tag);
}
