/*
 * Foreign bytes on the media path: a sequence of datagrams, some from strangers, some RTCP, to one leg of a conference
 * that ticks between them: SRTP, header, source, jitter buffer, every codec's decoder, events, reports. The first octet
 * chooses codec, rate, mux and SRTP; then each datagram is two octets (what, length) and its bytes. With SRTP a
 * datagram may be sealed with the right key first, so that what is under it is reached.
 */
#include "tests/leg_rig.h"

#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    return seal_start();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    struct rig *r = mem_get(sizeof *r);
    uint8_t *packets = mem_get(n_bytes);
    uint64_t now_ns = NS_PER_S;
    must(r && packets);
    memcpy(packets, bytes, n_bytes);
    rig_open(r, n_bytes ? bytes[0] : 0);
    for (size_t at = 1; at + 2 <= n_bytes;) {
        uint8_t what = packets[at];
        size_t n = MIN((size_t)packets[at + 1], n_bytes - at - 2);
        uint8_t *one = mem_get(n); /* its own block, so that a read past its end is seen */
        memcpy(one, packets + at + 2, n);
        at += 2 + n;
        if (n) {
            rig_datagram(r, what, one, n, now_ns);
        }
        for (unsigned i = 0; i < 2; i++) {
            jbuf_settle(&r->legs[i]->jbuf); /* one is freed before the tick */
        }
        mem_put(one);
        if (what & 4) {
            rig_tick(r, now_ns += TICK_NS, what & 8);
        }
    }
    rig_close(r);
    mem_put(packets);
    mem_put(r);
    return 0;
}
