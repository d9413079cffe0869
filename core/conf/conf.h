/*
 * A conference's media: its legs, their plan, and one tick of it. Signalling builds and frees it and lends it to one
 * worker (ctl.h); everything between is the worker's.
 *
 * A conference larger than a worker has annexes on others: conferences of listeners only, for which nothing is mixed or
 * encoded. They are sent what the owner's listeners hear, by relays (relay.h). A leg that begins to speak there is
 * moved to the owner; a leg that has been silent for long may be moved from it.
 */
#ifndef CORE_CONF_CONF_H
#define CORE_CONF_CONF_H

#include "core/base/limits.h"

struct conf;

struct conf_cfg {
    uint64_t id;       /* signalling's own name for it */
    uint32_t legs_max; /* room for so many; 1..CONF_LEGS_MAX */
    uint32_t talkers;  /* the loudest so many are heard; 0: all; up to TALKERS_MAX */
    uint32_t silent_s; /* EV_SILENT after so long without a word, while there are annexes; 0: never */
    bool has_floor;    /* brings the memory of one: CTL_CONF_FLOOR; not an annex */
    bool annex;        /* its legs are sent what relays carry */
};

/** @return 0 | -EINVAL | -ENOMEM  @thread control; cold */
COLD int conf_build(struct conf **conf, const struct conf_cfg *cfg);
/** Frees an empty conference that is not lent. */
COLD void conf_free(struct conf *conf);
const struct conf_cfg *conf_cfg_of(const struct conf *conf);

#endif
