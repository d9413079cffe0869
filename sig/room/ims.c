/* An application server's headers. See ims.h. */
#include "sig/room/ims.h"

#include <string.h>

bool ims_has(const struct env *env, const struct flow *flow)
{
    return trust_has(&env->cfg.trusted, &flow->remote);
}

void ims_add(const struct env *env, const struct dialog *d, const char *contact, const char *charging,
             struct sip_out *out)
{
    if (!ims_has(env, &d->flow)) {
        return;
    }
    const char *user = contact + strcspn(contact, ":");
    user += *user == ':';
    sip_addf(out, "P-Asserted-Identity", "<sip:%.*s@%s>", (int)strcspn(user, "@"), user, env->cfg.domain);
    if (charging) {
        sip_add(out, "P-Charging-Vector", charging);
    } else {
        sip_addf(out, "P-Charging-Vector", "icid-value=%s", d->call_id); /* random, so unique */
    }
}

void ims_add_service(const struct env *env, const struct dialog *d, struct sip_out *out)
{
    if (ims_has(env, &d->flow)) {
        sip_add(out, "P-Asserted-Service", "urn:urn-7:3gpp-service.ims.icsi.mmtel");
        sip_add(out, "Accept-Contact", "*" IMS_ICSI_TAG);
    }
}
