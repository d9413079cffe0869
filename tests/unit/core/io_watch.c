/*
 * Watched sockets, of both back ends: a datagram in one ends a wait and is told of, once for all that is there; one
 * that is watched no more, or is closed, wakes nobody. Method: real sockets on loopback, and the clock.
 */
#include "core/io.h"
#include "core/io_socket.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SLOTS = 300, SLOW_MS = 20, SOON_MS = 2000 };

struct rig {
    struct io *io;
    struct worker_stats stats;
    int fds[SLOTS], sender;
    struct sockaddr_in at[SLOTS];
};

static bool rig_open(struct rig *r, bool uring, unsigned n)
{
    memset(r, 0, sizeof *r);
    int err = uring ? uring_build(&r->io, SLOTS, &r->stats) : syscall_build(&r->io, SLOTS, &r->stats);
    if (err) {
        return false;
    }
    r->sender = socket(AF_INET, SOCK_DGRAM, 0);
    for (unsigned i = 0; i < n; i++) {
        socklen_t bytes = sizeof r->at[i];
        r->at[i] = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        r->fds[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        assert_int_equal(bind(r->fds[i], (struct sockaddr *)&r->at[i], bytes), 0);
        assert_int_equal(getsockname(r->fds[i], (struct sockaddr *)&r->at[i], &bytes), 0);
        assert_int_equal(r->io->ops->open(r->io, i, r->fds[i]), 0);
    }
    return true;
}

static void rig_close(struct rig *r, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        r->io->ops->close(r->io, i);
        close(r->fds[i]);
    }
    close(r->sender);
    r->io->ops->free(r->io);
    assert_int_equal(count_get(&r->stats.watches_failed), 0);
}

static void say(struct rig *r, unsigned i)
{
    assert_int_equal(sendto(r->sender, "x", 1, 0, (struct sockaddr *)&r->at[i], sizeof r->at[i]), 1);
}

/* @return how long the wait was */
static unsigned wait_ms(struct rig *r, unsigned ms)
{
    uint64_t now_ns = io_socket_now();
    return (unsigned)((r->io->ops->wait(r->io, now_ns + ms * NS_PER_MS) - now_ns) / NS_PER_MS);
}

static unsigned read_all(struct rig *r, uint32_t slot)
{
    uint8_t buf[PACKET_BYTES_MAX];
    for (unsigned n = 0;; n++) {
        struct io_rx rx = {.slot = slot, .buf = buf};
        r->io->ops->rx(r->io, &rx, 1);
        if (rx.bytes < 0) {
            return n;
        }
    }
}

/* Takes what is ready until that is n sockets. */
static void ready_until(struct rig *r, unsigned n, unsigned n_each)
{
    uint32_t slots[64];
    unsigned n_ready = 0;
    for (unsigned round = 0; n_ready < n && round < 100; round++) {
        wait_ms(r, SOON_MS);
        for (size_t k; (k = r->io->ops->ready(r->io, slots, ARRAY_LEN(slots)));) {
            for (size_t i = 0; i < k; i++) {
                unsigned n_read = read_all(r, slots[i]);
                n_ready += n_read > 0; /* one that was read meanwhile may be told of again */
                assert_true(n_read == 0 || n_read == n_each);
            }
        }
    }
    assert_int_equal(n_ready, n);
}

static void one(bool uring)
{
    struct rig r;
    uint32_t slot;
    if (!rig_open(&r, uring, 2)) {
        skip();
    }
    assert_in_range(wait_ms(&r, SLOW_MS), SLOW_MS, SOON_MS);
    r.io->ops->watch(r.io, 0, true);
    assert_in_range(wait_ms(&r, SLOW_MS), SLOW_MS, SOON_MS);
    say(&r, 1); /* not watched */
    assert_in_range(wait_ms(&r, SLOW_MS), SLOW_MS, SOON_MS);
    assert_int_equal(r.io->ops->ready(r.io, &slot, 1), 0);
    for (unsigned i = 0; i < 3; i++) {
        say(&r, 0);
        say(&r, 0);
        assert_in_range(wait_ms(&r, SOON_MS), 0, SOON_MS / 2);
        assert_int_equal(r.io->ops->ready(r.io, &slot, 1), 1);
        assert_int_equal(slot, 0);
        assert_int_equal(read_all(&r, 0), 2);
        wait_ms(&r, 1); /* the second datagram may be told of by itself */
        r.io->ops->ready(r.io, &slot, 1);
    }
    r.io->ops->watch(r.io, 1, true); /* something is there already */
    assert_in_range(wait_ms(&r, SOON_MS), 0, SOON_MS / 2);
    assert_int_equal(r.io->ops->ready(r.io, &slot, 1), 1);
    assert_int_equal(slot, 1);
    assert_int_equal(read_all(&r, 1), 1);
    r.io->ops->watch(r.io, 0, false);
    r.io->ops->watch(r.io, 1, false);
    r.io->ops->watch(r.io, 1, true);
    say(&r, 0);
    assert_in_range(wait_ms(&r, SLOW_MS), SLOW_MS, SOON_MS);
    assert_int_equal(r.io->ops->ready(r.io, &slot, 1), 0);
    say(&r, 1);
    ready_until(&r, 1, 1);
    rig_close(&r, 2);
}

/* More than the kernel tells of at once; sockets that are closed while they are watched give their slot and port back.
 */
static void many(bool uring)
{
    struct rig r;
    if (!rig_open(&r, uring, SLOTS)) {
        skip();
    }
    for (unsigned i = 0; i < SLOTS; i++) {
        r.io->ops->watch(r.io, i, true);
    }
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < SLOTS; i++) {
            say(&r, i);
        }
        ready_until(&r, SLOTS, 1);
    }
    for (unsigned i = 0; i < SLOTS; i += 2) {
        r.io->ops->close(r.io, i);
        close(r.fds[i]);
        r.fds[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        assert_int_equal(bind(r.fds[i], (struct sockaddr *)&r.at[i], sizeof r.at[i]), 0);
        assert_int_equal(r.io->ops->open(r.io, i, r.fds[i]), 0);
    }
    for (unsigned i = 0; i < SLOTS; i++) {
        say(&r, i);
    }
    ready_until(&r, SLOTS / 2, 1);
    rig_close(&r, SLOTS);
}

static void one_uring(void **state)
{
    one(true);
}
static void one_syscall(void **state)
{
    one(false);
}
static void many_uring(void **state)
{
    many(true);
}
static void many_syscall(void **state)
{
    many(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_uring),
        cmocka_unit_test(one_syscall),
        cmocka_unit_test(many_uring),
        cmocka_unit_test(many_syscall),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
