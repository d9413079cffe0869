/*
 * Presence documents (PIDF, RFC 3863, with RFC 4479 and 4480) as phones publish them and as watchers get them, and
 * poc-settings (RFC 4354), by which a phone bars calls to it. Of a published document only what is understood is kept:
 * nothing that a stranger wrote goes to a watcher as markup.
 */
#ifndef SIG_PRES_PIDF_H
#define SIG_PRES_PIDF_H

#include "sig/base/xml.h"

#include <stddef.h>

#define PIDF_TYPE "application/pidf+xml"
#define PIDF_SETTINGS_TYPE "application/poc-settings+xml"
#define PIDF_NOTE_MAX 256
#define PIDF_SERVICES_MAX 4
#define PIDF_SERVICE_MAX 32

/* Activities of RFC 4480 3.2. */
#define PIDF_ACTIVITY_LIST(X)                                                                                          \
    X(APPOINTMENT, "appointment")                                                                                      \
    X(AWAY, "away")                                                                                                    \
    X(BREAKFAST, "breakfast")                                                                                          \
    X(BUSY, "busy")                                                                                                    \
    X(DINNER, "dinner")                                                                                                \
    X(HOLIDAY, "holiday")                                                                                              \
    X(IN_TRANSIT, "in-transit")                                                                                        \
    X(LOOKING_FOR_WORK, "looking-for-work")                                                                            \
    X(LUNCH, "lunch")                                                                                                  \
    X(MEAL, "meal")                                                                                                    \
    X(MEETING, "meeting")                                                                                              \
    X(ON_THE_PHONE, "on-the-phone")                                                                                    \
    X(PERFORMANCE, "performance")                                                                                      \
    X(PERMANENT_ABSENCE, "permanent-absence")                                                                          \
    X(PLAYING, "playing")                                                                                              \
    X(PRESENTATION, "presentation")                                                                                    \
    X(SHOPPING, "shopping")                                                                                            \
    X(SLEEPING, "sleeping")                                                                                            \
    X(SPECTATOR, "spectator")                                                                                          \
    X(STEERING, "steering")                                                                                            \
    X(TRAVEL, "travel")                                                                                                \
    X(TV, "tv")                                                                                                        \
    X(UNKNOWN, "unknown")                                                                                              \
    X(VACATION, "vacation")                                                                                            \
    X(WORKING, "working")                                                                                              \
    X(WORSHIP, "worship")

enum pidf_activity {
#define X(name, word) PIDF_##name,
    PIDF_ACTIVITY_LIST(X)
#undef X
        PIDF_ACTIVITIES
};
static_assert(PIDF_ACTIVITIES <= 32, "a set of them is 32 bits");

/* What a phone has published. */
struct pidf {
    bool has_basic, is_open; /* open: one of its tuples is */
    bool is_dnd;             /* busy, or its calls are barred */
    uint32_t activities;     /* 1 << pidf_activity */
    char note[PIDF_NOTE_MAX];
};

/* What a watcher is shown. All zero: closed, as of a user that is away. */
struct pidf_view {
    bool is_open;
    uint32_t activities;
    char note[PIDF_NOTE_MAX];
    unsigned n_services;
    struct {
        char id[PIDF_SERVICE_MAX];
        bool is_open;
    } services[PIDF_SERVICES_MAX];
};

/** @return 0 | -EBADMSG no well-formed presence document | -E2BIG beyond the reader's limits | -ENOMEM */
int pidf_read(struct pidf *pidf, const char *text, size_t n);

/** The same for poc-settings: is_dnd is all that it says. */
int pidf_settings_read(struct pidf *pidf, const char *text, size_t n);

/** Writes a document. entity: URI of the user */
void pidf_write(struct xml *x, const char *entity, const struct pidf_view *view);

/** The document of one service alone: open while the user is provisioned for it. */
void pidf_service_write(struct xml *x, const char *entity, const char *service, bool is_open);

#endif
