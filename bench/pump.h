/*
 * The pump bench's parts: a load generator and a bare reflector, each for a process of its own, so that the CPU time of
 * the server alone can be told. Traffic stays on 127.0.0.1.
 *
 * Rooms of `room` legs, of whom the first `talkers` speak: PCMU, 20 ms, arrival phases even over 20 ms. A talker's
 * frame has sound only in its own stretch of samples, so what comes back shows, byte for byte, who is heard and when it
 * was sent: N-1 and the delay are checked on every packet.
 */
#ifndef BENCH_PUMP_H
#define BENCH_PUMP_H

#include "core/media/seal.h"

#include <stdbool.h>
#include <stdint.h>

#define PUMP_CLIENTS 16 /* sockets of the generator */
#define PUMP_SLOT_US 200
#define PUMP_DELAY_BUCKETS 5000 /* of 100 us */

struct pump_shape {
    unsigned legs, room, talkers, seconds;
    uint16_t server_port, client_port; /* leg i's RTP is at server_port + 2i */
    int server_cpu, client_cpu;
    int server_pid;        /* whose CPU time is read */
    bool mixes;            /* the server is a mixer: check N-1 */
    enum seal_suite suite; /* SRTP with the mixer; the reflector is always plain */
};

struct pump_heard {
    uint64_t sent, received, lost, gaps_over_40ms, gaps_over_60ms;
    uint64_t own_heard, other_missing, checked; /* stretches of talkers in received packets */
    uint64_t server_cpu_ns;                     /* user + system while it was measured */
    uint64_t late_sends;                        /* the generator's own lateness over 1 ms: the machine's noise */
    uint32_t delay_100us[PUMP_DELAY_BUCKETS];
};

/** A leg's keys as the server has them; the generator's are the other way round. */
struct seal_keys pump_keys(const struct pump_shape *shape, unsigned leg);

/** The client socket that a leg's packets come from; the server connects to it. */
uint16_t pump_client_port(const struct pump_shape *shape, unsigned leg);

/** Generates for shape->seconds after a second of warm-up and writes what it heard. @return 0 | negative errno */
int pump_generate(const struct pump_shape *shape, struct pump_heard *heard);

/** Bound, non-blocking UDP socket on 127.0.0.1. @return descriptor | negative errno */
int pump_socket(uint16_t port, int buffer_bytes);

/** The bare reflector: pulls every connected leg at one 20 ms tick and sends what came, through core/io.h. Never
 * returns. */
void pump_reflect(const struct pump_shape *shape, const int *fds);

#endif
