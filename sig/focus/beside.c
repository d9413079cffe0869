/* The rooms beside the focus. See focus.h. */
#include "sig/focus/focus_priv.h"

#include <errno.h>
#include <stdlib.h>

int focus_beside_add(struct focus *f, const struct focus_beside *beside)
{
    if (f->n_besides == FOCUS_BESIDE_MAX) {
        return -ENOSPC;
    }
    f->besides[f->n_besides++] = *beside;
    return 0;
}

void focus_beside_drop(struct focus *f, const void *ctx)
{
    for (unsigned i = 0; i < f->n_besides; i++) {
        if (f->besides[i].ctx == ctx) {
            f->besides[i] = f->besides[--f->n_besides];
        }
    }
}

const struct focus_beside *focus_beside_of(const struct focus *f, const struct sip_msg *msg)
{
    for (unsigned i = 0; i < f->n_besides; i++) {
        if (f->besides[i].wants(f->besides[i].ctx, msg)) {
            return &f->besides[i];
        }
    }
    return NULL;
}

void focus_beside_replies(struct focus *f, const struct store_reply *reply)
{
    for (unsigned i = 0; i < f->n_besides; i++) {
        if (f->besides[i].store_reply) {
            f->besides[i].store_reply(f->besides[i].ctx, reply);
        }
    }
    if (reply->answer == STORE_DOC_IS) {
        free(reply->doc.body);
    }
}
