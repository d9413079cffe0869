/*
 * STUN Binding requests on the SIP port: the keep-alive of phones behind NAT (RFC 5626 3.5.2, RFC 5389). A function of
 * one datagram and its source: no state, no credentials, nothing but the address that it came from in the answer.
 */
#ifndef SIG_NET_STUN_H
#define SIG_NET_STUN_H

#include "core/base/addr.h"

#include <stddef.h>

#define STUN_ANSWER_MAX 80

/** Is it one, so that no SIP is in it? Its first two bits and the magic cookie say so. */
bool stun_is(const void *bytes, size_t n_bytes);

/**
 * Answers a Binding request: with XOR-MAPPED-ADDRESS, or with 420 if it has an attribute that must be understood and is
 * not.
 *
 * @return octets of the answer | 0: malformed, or no request: none is given
 */
size_t stun_answer(const void *bytes, size_t n_bytes, const struct addr *source, uint8_t answer[STUN_ANSWER_MAX]);

#endif
