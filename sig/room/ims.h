/*
 * Headers of an application server for its own network (TS 24.229 5.7.3, TS 24.147 5.3.2): the calling identity,
 * charging, and the telephony service. Added to every request of ours to a trusted peer (--auth-trusted), and to no
 * other. Signalling thread only.
 */
#ifndef SIG_ROOM_IMS_H
#define SIG_ROOM_IMS_H

#include "sig/room/env.h"
#include "sig/txn/dialog.h"

/** ";+g.3gpp.icsi-ref=...", for our Contact to a trusted peer */
#define IMS_ICSI_TAG ";+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel\""

/** Is the peer on that flow a trusted one? */
bool ims_has(const struct env *env, const struct flow *flow);

/**
 * Adds them to a request within a dialog.
 *
 * @param contact   ours, "<sip:USER@HOST...": its user part is the calling identity
 * @param charging  the peer's network's P-Charging-Vector, NULL: the dialog has one of its own
 */
void ims_add(const struct env *env, const struct dialog *dialog, const char *contact, const char *charging,
             struct sip_out *out);

/** What an INVITE that begins a call says besides. */
void ims_add_service(const struct env *env, const struct dialog *dialog, struct sip_out *out);

#endif
