/*
 * What an application server says to its own network, and to nobody else (TS 24.229 5.7.3, TS 24.147 5.3.2): who calls,
 * what is charged, and that it is telephony. On every request of ours to a trusted peer, --trusted; others are told
 * none of it. Signalling thread only.
 */
#ifndef SIG_ROOM_IMS_H
#define SIG_ROOM_IMS_H

#include "sig/room/env.h"
#include "sig/txn/dialog.h"

/** ";+g.3gpp.icsi-ref=...", for our Contact to a trusted peer */
#define IMS_ICSI_TAG ";+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel\""

/** Is the peer on that flow one that is told? */
bool ims_has(const struct env *env, const struct flow *flow);

/**
 * Adds them to a request within a dialog.
 *
 * @param contact   ours, "<sip:USER@HOST...": the user part is who calls
 * @param charging  the peer's network's P-Charging-Vector, NULL: the dialog has one of its own
 */
void ims_add(const struct env *env, const struct dialog *dialog, const char *contact, const char *charging,
             struct sip_out *out);

/** What an INVITE that begins a call says besides. */
void ims_add_service(const struct env *env, const struct dialog *dialog, struct sip_out *out);

#endif
