/* RTCP reader and writer. See rtcp.h. */
#include "core/media/rtcp.h"

#include <string.h>

enum { PT_SR = 200, PT_RR = 201, PT_SDES = 202, PT_BYE = 203, SDES_CNAME = 1, BLOCK_BYTES = 24 };

static void head_write(uint8_t *p, unsigned count, uint8_t pt, size_t bytes)
{
    p[0] = (uint8_t)(0x80 | count);
    p[1] = pt;
    store_be16(p + 2, (uint16_t)(bytes / 4 - 1));
}

static void block_write(uint8_t *p, const struct rtcp_block *b)
{
    uint32_t lost24 = (uint32_t)CLAMP(b->lost, -0x800000, 0x7fffff) & 0xffffff;
    store_be32(p, b->ssrc);
    store_be32(p + 4, (uint32_t)b->fraction_lost << 24 | lost24);
    store_be32(p + 8, b->highest_seq);
    store_be32(p + 12, b->jitter_ts);
    store_be32(p + 16, b->lsr);
    store_be32(p + 20, b->dlsr);
}

static size_t sdes_write(uint8_t *p, uint32_t ssrc, const char *cname)
{
    size_t n = MIN(strlen(cname), (size_t)63);
    size_t bytes = (4 + 4 + 2 + n + 1 + 3) & ~(size_t)3; /* at least one zero ends the chunk */
    memset(p, 0, bytes);
    head_write(p, 1, PT_SDES, bytes);
    store_be32(p + 4, ssrc);
    p[8] = SDES_CNAME;
    p[9] = (uint8_t)n;
    memcpy(p + 10, cname, n);
    return bytes;
}

size_t rtcp_write(uint8_t *buf, const struct rtcp_report *r)
{
    size_t n = r->sender ? 28 : 8;
    store_be32(buf + 4, r->ssrc);
    if (r->sender) {
        store_be32(buf + 8, (uint32_t)(r->ntp >> 32));
        store_be32(buf + 12, (uint32_t)r->ntp);
        store_be32(buf + 16, r->rtp_ts);
        store_be32(buf + 20, r->packets);
        store_be32(buf + 24, r->octets);
    }
    if (r->has_block) {
        block_write(buf + n, &r->block);
        n += BLOCK_BYTES;
    }
    head_write(buf, r->has_block, r->sender ? PT_SR : PT_RR, n);
    n += sdes_write(buf + n, r->ssrc, r->cname);
    if (r->bye) {
        head_write(buf + n, 1, PT_BYE, 8);
        store_be32(buf + n + 4, r->ssrc);
        n += 8;
    }
    return n;
}

static void blocks_read(const uint8_t *p, unsigned n, uint32_t own_ssrc, struct rtcp_heard *heard)
{
    for (unsigned i = 0; i < n; i++, p += BLOCK_BYTES) {
        if (load_be32(p) != own_ssrc) {
            continue;
        }
        int32_t lost = (int32_t)(load_be32(p + 4) << 8) >> 8;
        heard->has_block = true;
        heard->block = (struct rtcp_block){
            .ssrc = own_ssrc,
            .fraction_lost = p[4],
            .lost = lost,
            .highest_seq = load_be32(p + 8),
            .jitter_ts = load_be32(p + 12),
            .lsr = load_be32(p + 16),
            .dlsr = load_be32(p + 20),
        };
    }
}

/* One packet of the compound, whole within its bytes. */
static enum drop packet_read(const uint8_t *p, size_t bytes, uint32_t own_ssrc, struct rtcp_heard *heard)
{
    unsigned count = p[0] & 31;
    size_t fixed = p[1] == PT_SR ? 28 : 8;
    switch (p[1]) {
    case PT_SR:
    case PT_RR:
        if (bytes < fixed + (size_t)count * BLOCK_BYTES) {
            return DROP_RTCP_SHORT;
        }
        if (p[1] == PT_SR) {
            heard->sr = true;
            heard->sr_ssrc = load_be32(p + 4);
            heard->sr_ntp_middle = load_be32(p + 10);
        }
        blocks_read(p + fixed, count, own_ssrc, heard);
        return DROP_NONE;
    case PT_BYE:
        if (bytes < 4 + 4 * (size_t)count) {
            return DROP_RTCP_SHORT;
        }
        if (count) {
            heard->bye = true;
            heard->bye_ssrc = load_be32(p + 4);
        }
        return DROP_NONE;
    default: /* SDES, APP, feedback, extended reports: nothing for us in them */
        return DROP_NONE;
    }
}

enum drop rtcp_parse(const uint8_t *buf, size_t bytes, uint32_t own_ssrc, struct rtcp_heard *out)
{
    struct rtcp_heard heard = {0};
    if (bytes < 8) {
        return DROP_RTCP_SHORT;
    }
    for (size_t at = 0; at < bytes;) {
        const uint8_t *p = buf + at;
        if (bytes - at < 4) {
            return DROP_RTCP_SHORT;
        }
        if (p[0] >> 6 != 2) {
            return DROP_RTCP_VERSION;
        }
        if (at == 0 && p[1] != PT_SR && p[1] != PT_RR) {
            return DROP_RTCP_FIRST;
        }
        size_t length = 4 * ((size_t)load_be16(p + 2) + 1);
        if (length > bytes - at || (at == 0 && length < 8)) {
            return DROP_RTCP_SHORT;
        }
        enum drop drop = packet_read(p, length, own_ssrc, &heard);
        if (drop) {
            return drop;
        }
        at += length;
    }
    *out = heard;
    return DROP_NONE;
}
