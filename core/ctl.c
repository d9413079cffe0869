/* The two rings between signalling and one worker. */
#include "core/ctl.h"

#include <errno.h>
#include <string.h>

int ctl_build(struct ctl *ctl)
{
    memset(ctl, 0, sizeof *ctl);
    int err = ring_build(&ctl->requests, CTL_RING, sizeof(struct ctl_req));
    if (!err) {
        err = ring_build(&ctl->events, CTL_RING, sizeof(struct ctl_ev));
    }
    if (err) {
        ctl_free(ctl);
    }
    return err;
}

void ctl_free(struct ctl *ctl)
{
    ring_free(&ctl->requests);
    ring_free(&ctl->events);
}

int ctl_put(struct ctl *ctl, const struct ctl_req *req)
{
    return ring_put(&ctl->requests, req) ? 0 : -EAGAIN;
}

bool ctl_take(struct ctl *ctl, struct ctl_ev *ev)
{
    return ring_get(&ctl->events, ev);
}
