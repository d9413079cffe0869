/*
 * The simulated world: one real engine, a simulated network, model phones that send what an oracle can check. One
 * thread, one virtual clock, one seed from which everything that is random is drawn.
 *
 * Oracle: talker k of a conference sends the constant sample 2^k in L16, so every sample that comes back *is* the set
 * of those who are heard; N-1, mute and who-hears-whom are checked by comparing two integers.
 */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include "core/conf/conf.h"
#include "core/conf/leg.h"
#include "core/engine.h"

/* ---- chance ---- */

struct chance {
    uint64_t state;
};

uint64_t chance_draw(struct chance *c);
/** 0 .. n-1 */
uint32_t chance_below(struct chance *c, uint32_t n);
/** true in per_mille of 1000 */
bool chance_of(struct chance *c, uint32_t per_mille);

/* ---- network: one queue each way per leg, times on the virtual clock ---- */

struct faults {
    uint32_t loss_per_mille, duplicate_per_mille, corrupt_per_mille;
    uint32_t jitter_us;          /* uniform extra delay; also reorders when over the packet interval */
    uint32_t stranger_per_mille; /* a packet from an address that is not the peer's */
};

#define SIM_QUEUE 64
#define SIM_DATAGRAM 1100

struct datagram {
    uint64_t at_ns;
    struct addr from;
    bool told; /* to one that watches */
    uint16_t bytes;
    uint8_t data[SIM_DATAGRAM];
};

struct sim_socket {
    bool open, connected; /* open: some engine has it */
    bool watched;
    bool keeps;             /* what arrives while no engine has it waits, as in a real one */
    struct addr peer;       /* when connected */
    struct datagram *queue; /* [SIM_QUEUE] ordered by time */
    uint32_t n_queued;
    void *owner; /* the phone at the other end */
    bool rtcp;
};

struct sim_io {
    struct io io;
    uint64_t now_ns;
    struct sim_socket *sockets; /* by descriptor, which is its number */
    uint32_t n_sockets;
    bool shares; /* another's sockets */
    int *fd_by_slot;
    uint32_t n_slots;
    void (*deliver)(void *owner, bool rtcp, const struct addr *to, const uint8_t *buf, size_t bytes, uint64_t now_ns);
    /* Instead of deliver, where packets go by their address; NULL: deliver. */
    void (*route)(struct sim_io *io, uint32_t fd, const struct addr *to, const uint8_t *buf, size_t bytes);
    bool (*refuses)(struct sim_io *io); /* the next socket to be opened? NULL: none */
    void *world;                        /* for these two */
    uint64_t n_tx, n_overflow;
};

int sim_io_build(struct sim_io *io, uint32_t n_sockets, uint32_t n_slots);
/** For one more engine: with the sockets of another, which outlives it. */
int sim_io_share(struct sim_io *io, const struct sim_io *other, uint32_t n_slots);
/** Signalling closes a socket: what waits in it is gone. */
void sim_socket_close(struct sim_io *io, uint32_t fd);
void sim_io_free(struct sim_io *io);
/** A packet on its way to the engine. */
void sim_send(struct sim_io *io, uint32_t fd, const struct addr *from, const uint8_t *buf, size_t bytes,
              uint64_t at_ns);

/** When does the next datagram come that ends a wait? UINT64_MAX: none is on its way. */
uint64_t sim_wakes(const struct sim_io *io);

/* ---- world ---- */

struct options {
    uint64_t seed;
    const char *scenario;
    const struct simd *simd;
    bool trace;
};

/** Runs one world; prints what was wrong. @return number of violations; *digest is a hash of every packet sent */
unsigned world_run(const struct options *options, uint64_t *digest);

/** The same for one conference on several engines. */
unsigned hall_run(const struct options *options, uint64_t *digest);

/** Push-to-talk: channels with a floor. */
unsigned talk_run(const struct options *options, uint64_t *digest);
/** A day of it, most of it silence, behind a NAT that forgets. */
unsigned day_run(const struct options *options, uint64_t *digest);

#endif
