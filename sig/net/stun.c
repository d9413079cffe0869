/* STUN Binding requests. See stun.h. */
#include "sig/net/stun.h"

enum {
    HEADER_BYTES = 20,
    COOKIE = 0x2112a442,
    BINDING_REQUEST = 0x0001,
    BINDING_SUCCESS = 0x0101,
    BINDING_ERROR = 0x0111,
    ATTRIBUTE_ERROR_CODE = 0x0009,
    ATTRIBUTE_UNKNOWN = 0x000a,
    ATTRIBUTE_XOR_MAPPED = 0x0020,
    OPTIONAL_FROM = 0x8000,
    UNKNOWN_MAX = 8
};

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static uint8_t *put16(uint8_t *p, unsigned value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
    return p + 2;
}

bool stun_is(const void *bytes, size_t n_bytes)
{
    const uint8_t *p = bytes;
    return n_bytes >= HEADER_BYTES && (p[0] & 0xc0) == 0 && get32(p + 4) == COOKIE;
}

/* Those of RFC 5389 18.2 may be there; nobody has told this server a password, so they say nothing. */
static bool is_known(uint16_t type)
{
    static const uint16_t known[] = {0x0001, 0x0006, 0x0008, 0x0009, 0x000a, 0x0014, 0x0015, 0x0020};
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (known[i] == type) {
            return true;
        }
    }
    return type >= OPTIONAL_FROM;
}

/* @return how many it does not know, at most UNKNOWN_MAX | -1: an attribute goes beyond the end */
static int attributes_read(const uint8_t *p, size_t n, uint16_t unknown[UNKNOWN_MAX])
{
    int n_unknown = 0;
    while (n > 0) {
        size_t padded = n >= 4 ? 4 + (((size_t)get16(p + 2) + 3) & ~(size_t)3) : n + 1;
        if (padded > n) {
            return -1;
        }
        if (!is_known(get16(p)) && n_unknown < UNKNOWN_MAX) {
            unknown[n_unknown++] = get16(p);
        }
        p += padded;
        n -= padded;
    }
    return n_unknown;
}

/* RFC 5389 15.2 */
static uint8_t *mapped_put(uint8_t *p, const uint8_t *request, const struct addr *source)
{
    struct addr plain = addr_unmapped(source);
    bool is_v6 = plain.sa.sa_family == AF_INET6;
    size_t n = is_v6 ? 16 : 4;
    p = put16(p, ATTRIBUTE_XOR_MAPPED);
    p = put16(p, (unsigned)(4 + n));
    p = put16(p, is_v6 ? 2 : 1);
    p = put16(p, addr_port(&plain) ^ (COOKIE >> 16));
    const uint8_t *host = is_v6 ? (const uint8_t *)&plain.v6.sin6_addr : (const uint8_t *)&plain.v4.sin_addr;
    for (size_t i = 0; i < n; i++) {
        *p++ = host[i] ^ request[4 + i]; /* the cookie, and behind it the transaction's id */
    }
    return p;
}

/* RFC 5389 15.6, 15.9 */
static uint8_t *unknown_put(uint8_t *p, const uint16_t *unknown, int n)
{
    p = put16(p, ATTRIBUTE_ERROR_CODE);
    p = put16(p, 4);
    p = put16(p, 0);
    p = put16(p, 4 << 8 | 20);
    p = put16(p, ATTRIBUTE_UNKNOWN);
    p = put16(p, 2 * (unsigned)n);
    for (int i = 0; i < n; i++) {
        p = put16(p, unknown[i]);
    }
    return n % 2 ? put16(p, 0) : p;
}

size_t stun_answer(const void *bytes, size_t n_bytes, const struct addr *source, uint8_t answer[STUN_ANSWER_MAX])
{
    static_assert(HEADER_BYTES + 8 + 4 + 2 * UNKNOWN_MAX <= STUN_ANSWER_MAX, "the longest answer");
    uint16_t unknown[UNKNOWN_MAX];
    const uint8_t *request = bytes;
    if (!stun_is(bytes, n_bytes) || get16(request) != BINDING_REQUEST || n_bytes % 4 != 0 ||
        get16(request + 2) != n_bytes - HEADER_BYTES) {
        return 0;
    }
    int n_unknown = attributes_read(request + HEADER_BYTES, n_bytes - HEADER_BYTES, unknown);
    if (n_unknown < 0) {
        return 0;
    }
    memcpy(answer, request, HEADER_BYTES);
    put16(answer, n_unknown ? BINDING_ERROR : BINDING_SUCCESS);
    uint8_t *body = answer + HEADER_BYTES;
    uint8_t *end = n_unknown ? unknown_put(body, unknown, n_unknown) : mapped_put(body, request, source);
    put16(answer + 2, (unsigned)(end - body));
    return (size_t)(end - answer);
}
