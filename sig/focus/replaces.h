/* Replaces (RFC 3891): one call that takes the place of another. */
#ifndef SIG_FOCUS_REPLACES_H
#define SIG_FOCUS_REPLACES_H

#include "sig/room/env.h"

struct room;

struct replaces {
    char call_id[SIP_ID_BYTES_MAX + 1], to_tag[SIP_ID_BYTES_MAX + 1], from_tag[SIP_ID_BYTES_MAX + 1];
    bool early_only;
};

/** Reads a value "id;to-tag=x;from-tag=y". @return 0 | -EINVAL */
int replaces_read(struct replaces *replaces, const char *text);

/** Writes it. @return text */
const char *replaces_text(const struct replaces *replaces, char *text, size_t size);

#define REPLACES_TEXT_MAX (3 * (SIP_ID_BYTES_MAX + 1) + 64)

/**
 * The call that an INVITE to a conference wants to replace.
 *
 * @param call  written; NULL: the INVITE has no Replaces
 * @return 0 | -EPROTO: refused, and answered so
 */
int replaces_find(struct env *env, struct txn *txn, const struct sip_msg *msg, const struct room *room,
                  const struct identity *who, struct call **call);

#endif
