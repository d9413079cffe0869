/* How a conference is named to peers. */
#include "sig/room/ims.h"
#include "sig/room/room.h"

#include <stdio.h>

void room_contact_text(const struct room *room, const struct flow *flow, char *text, size_t size)
{
    char host[ENV_HOST_MAX + 32];
    snprintf(text, size, "<sip:%s@%s>%s%s", room->token, env_host(room->env, flow, host),
             room->annc.clip ? "" : ";isfocus", ims_has(room->env, flow) ? IMS_ICSI_TAG : "");
}
