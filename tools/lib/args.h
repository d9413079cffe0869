/*
 * Flags of the client programs: long, GNU style, one table a program, from which --help is written too. Knows no
 * program; each hands in its table and takes the values one by one.
 */
#ifndef TOOLS_LIB_ARGS_H
#define TOOLS_LIB_ARGS_H

#include "core/base/addr.h"
#include "sig/base/flow.h"
#include "sig/sdp/offer.h"

/* One flag. The table ends with a NULL name. */
struct arg {
    const char *name, *value; /* value NULL: a switch; else what --help and the complaint write behind '=' */
    const char *example;      /* a good value, for the complaint */
    const char *help;
    const char *fallback; /* taken first, as a value given would be; NULL: none */
};

/* What a program is for: a few words, then sentences, then its exit codes. */
struct args_about {
    const char *brief, *text, *exits;
};

/** Takes the value of flag i of the table ("" for a switch). @return 0 | -EINVAL: not understood */
typedef int (*arg_fn)(void *ctx, unsigned i, const char *value);

/**
 * Takes every default, then reads the command line. Complains on standard error in one sentence.
 *
 * @return 0 | 1: --help or --help-man (the manual page) was printed, exit 0 | -EINVAL: exit 2
 */
int args_read(int argc, char **argv, const struct arg *table, const struct args_about *about, arg_fn take, void *ctx);

/** Reads a whole decimal number. @return 0 | -EINVAL */
int args_number(const char *text, uint64_t min, uint64_t max, uint64_t *number);

/** The same into 32 bits. */
int args_u32(const char *text, uint32_t min, uint32_t max, uint32_t *number);

/** Reads the name of an SRTP suite (RFC 4568), or "any". @return 0 | -EINVAL */
int args_srtp(const char *text, enum offer_srtp *srtp, enum seal_suite *only);

/** Reads "udp", "tcp" or "tls". @param transport  enum flow_transport  @return 0 | -EINVAL */
int args_transport(const char *text, uint8_t *transport);

/** Reads "127.0.0.1:5060" or "[::1]:5060". @return 0 | -EINVAL */
int args_addr(const char *text, struct addr *addr);

#endif
