/* Reads a classic libpcap file. See replay.h. @source the format's own description, draft-ietf-opsawg-pcap */
#include "tools/replay/replay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { FILE_HEADER = 24, PACKET_HEADER = 16, IP_HEADER = 20, UDP_HEADER = 8, IP_UDP = 17 };
enum { LINK_NULL = 0, LINK_ETHERNET = 1, LINK_RAW_BSD = 12, LINK_RAW = 101, LINK_LOOP = 108, LINK_COOKED = 113 };
enum { ETHERTYPE_V4 = 0x0800, ETHERTYPE_VLAN = 0x8100, ETHERTYPE_QINQ = 0x88a8 };

#define MAGIC_US 0xa1b2c3d4u
#define MAGIC_NS 0xa1b23c4du
#define FILE_BYTES_MAX (2ull << 30)

struct reader {
    bool swapped;
    uint32_t unit_ns, link;
};

static uint32_t word(const struct reader *r, const uint8_t *p)
{
    uint32_t little = (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
    return r->swapped ? load_be32(p) : little;
}

static int header_read(struct reader *r, const uint8_t *p)
{
    for (int swapped = 0; swapped < 2; swapped++) {
        r->swapped = swapped;
        uint32_t magic = word(r, p);
        if (magic == MAGIC_US || magic == MAGIC_NS) {
            r->unit_ns = magic == MAGIC_US ? 1000 : 1;
            r->link = word(r, p + 20) & 0xffff;
            return 0;
        }
    }
    return -EBADMSG;
}

/* Octets before the IP header. @return negative: not IPv4, or cut short */
static int link_skip(const struct reader *r, const uint8_t *p, size_t n)
{
    size_t at = 12;
    switch (r->link) {
    case LINK_RAW:
    case LINK_RAW_BSD:
        return 0;
    case LINK_NULL: /* the address family, in the byte order of the machine that wrote it; 2 is IPv4 everywhere */
    case LINK_LOOP:
        return n >= 4 && (p[0] == 2 || p[3] == 2) ? 4 : -1;
    case LINK_COOKED:
        return n >= 16 && load_be16(p + 14) == ETHERTYPE_V4 ? 16 : -1;
    case LINK_ETHERNET:
        while (at + 2 <= n && (load_be16(p + at) == ETHERTYPE_VLAN || load_be16(p + at) == ETHERTYPE_QINQ)) {
            at += 4;
        }
        return at + 2 <= n && load_be16(p + at) == ETHERTYPE_V4 ? (int)at + 2 : -1;
    default:
        return -1;
    }
}

/* @return false: not a whole UDP datagram over IPv4 */
static bool udp_read(const uint8_t *p, size_t n, struct pcap_packet *packet)
{
    if (n < IP_HEADER || p[0] >> 4 != 4) {
        return false;
    }
    size_t head = 4u * (p[0] & 15), total = load_be16(p + 2);
    bool is_fragment = (load_be16(p + 6) & 0x3fff) != 0;
    if (head < IP_HEADER || total > n || total < head + UDP_HEADER || p[9] != IP_UDP || is_fragment) {
        return false;
    }
    const uint8_t *udp = p + head;
    size_t bytes = load_be16(udp + 4);
    if (bytes < UDP_HEADER || bytes > total - head) {
        return false;
    }
    packet->from = packet->to = (struct addr){ .v4 = { .sin_family = AF_INET } };
    memcpy(&packet->from.v4.sin_addr, p + 12, 4);
    memcpy(&packet->to.v4.sin_addr, p + 16, 4);
    addr_set_port(&packet->from, load_be16(udp));
    addr_set_port(&packet->to, load_be16(udp + 2));
    packet->data = udp + UDP_HEADER;
    packet->bytes = (uint32_t)(bytes - UDP_HEADER);
    return true;
}

static int file_read(struct pcap *pcap, const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        return -errno;
    }
    int err = fseek(f, 0, SEEK_END) != 0 ? -EIO : 0;
    long size = err ? 0 : ftell(f);
    if (size < FILE_HEADER || (uint64_t)size > FILE_BYTES_MAX) {
        err = -EBADMSG;
    } else {
        rewind(f);
        pcap->file = malloc((size_t)size);
        err = !pcap->file ? -ENOMEM : fread(pcap->file, 1, (size_t)size, f) != (size_t)size ? -EIO : 0;
        *n = (size_t)size;
    }
    fclose(f);
    return err;
}

int pcap_read(struct pcap *pcap, const char *path)
{
    struct reader r;
    size_t n = 0, cap = 0;
    memset(pcap, 0, sizeof *pcap);
    int err = file_read(pcap, path, &n);
    if (!err) {
        err = header_read(&r, pcap->file);
    }
    if (!err && r.link != LINK_NULL && r.link != LINK_ETHERNET && r.link != LINK_RAW_BSD && r.link != LINK_RAW &&
        r.link != LINK_LOOP && r.link != LINK_COOKED) {
        err = -ENOTSUP;
    }
    for (size_t at = FILE_HEADER; !err && at + PACKET_HEADER <= n;) {
        const uint8_t *head = pcap->file + at;
        size_t bytes = word(&r, head + 8);
        at += PACKET_HEADER;
        if (bytes > n - at) {
            break; /* the capture was cut off: what is there counts */
        }
        if (pcap->n_packets == cap) {
            cap = cap ? 2 * cap : 4096;
            struct pcap_packet *more = realloc(pcap->packets, cap * sizeof *more);
            err = more ? 0 : -ENOMEM;
            pcap->packets = more ? more : pcap->packets;
        }
        struct pcap_packet *packet = err ? NULL : &pcap->packets[pcap->n_packets];
        int skip = link_skip(&r, pcap->file + at, bytes);
        if (packet && skip >= 0 && udp_read(pcap->file + at + skip, bytes - (size_t)skip, packet)) {
            packet->at_ns = word(&r, head) * NS_PER_S + (uint64_t)word(&r, head + 4) * r.unit_ns;
            pcap->n_packets++;
        } else {
            pcap->n_skipped++;
        }
        at += bytes;
    }
    if (err) {
        pcap_free(pcap);
    }
    return err;
}

void pcap_free(struct pcap *pcap)
{
    free(pcap->file);
    free(pcap->packets);
    memset(pcap, 0, sizeof *pcap);
}
