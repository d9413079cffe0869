/*
 * The real worker thread with both I/O back ends on loopback: two legs hear each other, byte for byte, a stranger is
 * not heard, hold is silent, and everything lent comes back. Rows 11 and 14.
 */
#include "core/conf/conf.h"
#include "core/conf/leg.h"
#include "core/io_socket.h"
#include "core/media/rtp.h"
#include "core/worker.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct end {
    int leg_fd, phone_fd;
    struct addr leg_addr, phone_addr;
    struct leg *leg;
    uint16_t seq;
};

static int udp_open(struct addr *a)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    socklen_t length = sizeof *a;
    addr_parse(a, "127.0.0.1", 0);
    assert_int_equal(bind(fd, &a->sa, sizeof a->v4), 0);
    assert_int_equal(getsockname(fd, &a->sa, &length), 0);
    return fd;
}

static void end_open(struct end *e, uint64_t id)
{
    memset(e, 0, sizeof *e);
    e->leg_fd = udp_open(&e->leg_addr);
    e->phone_fd = udp_open(&e->phone_addr);
    struct leg_cfg cfg = {
        .id = id,
        .rtp_fd = e->leg_fd,
        .rtcp_fd = -1,
        .remote_rtp = e->phone_addr,
        .codec = codec_get(CODEC_PCMU),
        .fmt.rate_hz = 8000,
        .pt_event_rx = PT_NONE,
        .pt_cn_rx = PT_NONE,
        .rx_on = true,
        .tx_on = true,
        .ssrc = (uint32_t)(100 + id),
        .cname = "x",
    };
    assert_int_equal(leg_build(&e->leg, &cfg), 0);
}

static void send_from(int fd, struct end *e, uint8_t code)
{
    uint8_t buf[172];
    rtp_write(buf, 0, false, e->seq, e->seq * 160u, 7, NULL, 0);
    memset(buf + 12, code, 160);
    e->seq++;
    sendto(fd, buf, sizeof buf, 0, &e->leg_addr.sa, sizeof e->leg_addr.v4);
}

enum {
    HEARD = 40,
    EDGE = 5, /* ticks before the second leg has come, or while this is looked at */
    STRANGER = 0x90
};

/* What a phone was sent: packets, those with the other's code, those with the stranger's. */
struct heard {
    unsigned n, n_other, n_stranger;
};

static void hear(struct heard *h, struct end *e, uint8_t code)
{
    uint8_t buf[1500];
    ssize_t bytes;
    while ((bytes = recv(e->phone_fd, buf, sizeof buf, 0)) > 0) {
        struct rtp rtp;
        assert_int_equal(rtp_parse(buf, (size_t)bytes, &rtp), DROP_NONE);
        h->n++;
        h->n_other += rtp.bytes == 160 && rtp.payload[80] == code;
        h->n_stranger += rtp.bytes == 160 && rtp.payload[80] == STRANGER;
    }
}

static void put(struct ctl *ctl, struct ctl_req req)
{
    assert_int_equal(ctl_put(ctl, &req), 0);
}

static uint32_t event_wait(struct ctl *ctl, enum ctl_event wanted)
{
    struct ctl_ev ev;
    for (unsigned i = 0; i < 500; i++, usleep(10000)) {
        while (ctl_take(ctl, &ev)) {
            if (ev.event == EV_LEG_GONE) {
                leg_free(ev.leg);
            } else if (ev.event == EV_ENCODER) {
                encoder_free(ev.encoder);
            } else if (ev.event == EV_CONF_GONE) {
                conf_free(ev.conf);
            }
            if (ev.event == wanted) {
                return ev.value;
            }
        }
    }
    fail_msg("event %d did not come", wanted);
    return 0;
}

static void ticks_wait(struct ctl *ctl, unsigned n)
{
    for (uint64_t end = count_get(&ctl->stats->ticks) + n; count_get(&ctl->stats->ticks) < end;) {
        usleep(10000);
    }
}

static void talk(enum worker_io io)
{
    struct worker_cfg cfg = {.cpu = -1, .io = io, .simd = simd_pick(SIMD_ALL), .legs_max = 16};
    struct worker *w;
    int err = worker_start(&w, &cfg);
    if (io == WORKER_IO_URING && (err == -ENOSYS || err == -EPERM)) {
        skip();
    }
    assert_int_equal(err, 0);
    struct ctl *ctl = worker_ctl(w);
    struct conf *conf;
    struct conf_cfg conf_cfg = {.id = 1, .legs_max = 8};
    assert_int_equal(conf_build(&conf, &conf_cfg), 0);
    struct end a, b;
    struct addr stranger_addr;
    int stranger_fd = udp_open(&stranger_addr);
    end_open(&a, 1);
    end_open(&b, 2);
    put(ctl, (struct ctl_req){.op = CTL_CONF_OPEN, .conf = conf});
    put(ctl, (struct ctl_req){.op = CTL_LEG_ADD, .conf = conf, .leg = a.leg});
    put(ctl, (struct ctl_req){.op = CTL_LEG_ADD, .conf = conf, .leg = b.leg});
    /* Until each has heard the other often enough, however long that takes on a busy machine. */
    struct heard by_a = {0}, by_b = {0};
    for (unsigned i = 0; i < 3000 && (by_a.n_other < HEARD || by_b.n_other < HEARD); i++, usleep(20000)) {
        send_from(a.phone_fd, &a, 0xA0);
        send_from(b.phone_fd, &b, 0x20);
        struct end from_stranger = a;
        send_from(stranger_fd, &from_stranger, STRANGER);
        hear(&by_a, &a, 0x20);
        hear(&by_b, &b, 0xA0);
    }
    assert_in_range(by_a.n_other, HEARD, by_a.n);
    assert_in_range(by_b.n_other, HEARD, by_b.n);
    assert_int_equal(by_a.n_stranger + by_b.n_stranger, 0);
    uint64_t n_ticks = count_get(&ctl->stats->ticks); /* a frame to each in every tick, and none besides */
    hear(&by_a, &a, 0x20);
    hear(&by_b, &b, 0xA0);
    assert_in_range(by_a.n, n_ticks - EDGE, n_ticks + EDGE);
    assert_in_range(by_b.n, n_ticks - EDGE, n_ticks + EDGE);
    assert_int_equal(event_wait(ctl, EV_SSRC), 7); /* both phones' */
    uint8_t byte;
    assert_int_equal(recv(stranger_fd, &byte, 1, 0), -1); /* RTP bleed: nothing goes to him */
    put(ctl, (struct ctl_req){.op = CTL_LEG_SET, .leg = b.leg, .set = {.what = SET_DIRECTION}});
    unsigned n_before, tries = 0;
    do { /* what comes at first was under way when it was taken */
        n_before = by_b.n;
        ticks_wait(ctl, 10);
        hear(&by_b, &b, 0);
    } while (by_b.n != n_before && ++tries < 50);
    assert_int_equal(by_b.n, n_before);
    put(ctl, (struct ctl_req){.op = CTL_LEG_DROP, .leg = a.leg});
    put(ctl, (struct ctl_req){.op = CTL_LEG_DROP, .leg = b.leg});
    put(ctl, (struct ctl_req){.op = CTL_CONF_CLOSE, .conf = conf});
    event_wait(ctl, EV_CONF_GONE);
    assert_int_equal(count_get(&ctl->stats->legs), 0);
    worker_stop(w);
    close(stranger_fd);
    close(a.leg_fd), close(a.phone_fd), close(b.leg_fd), close(b.phone_fd);
}

static void over_uring(void **state)
{
    talk(WORKER_IO_URING);
}
static void over_syscalls(void **state)
{
    talk(WORKER_IO_SYSCALL);
}

static void bad_cpu(void **state)
{
    struct worker_cfg cfg = {.cpu = 1000, .io = WORKER_IO_SYSCALL, .simd = simd_pick(SIMD_ALL), .legs_max = 16};
    struct worker *w;
    assert_int_equal(worker_start(&w, &cfg), -ENODEV);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(over_uring), cmocka_unit_test(over_syscalls),
                                       cmocka_unit_test(bad_cpu)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
