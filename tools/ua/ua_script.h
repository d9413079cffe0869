/* Script of mixminus-ua: one caller, and what it does when. */
#ifndef TOOLS_UA_UA_SCRIPT_H
#define TOOLS_UA_UA_SCRIPT_H

#include "core/base/addr.h"
#include "sig/sdp/offer.h"
#include "tools/ua/ua_push.h"

#define SCRIPT_TONES_MAX 16
#define SCRIPT_TEXT_MAX 256
#define SCRIPT_NEVER UINT32_MAX

#define SCRIPT_REFERS_MAX 16

struct script_cfg {
    char target[SCRIPT_TEXT_MAX]; /* URI to call; "": none */
    char refer[SCRIPT_TEXT_MAX];  /* whom to ask to come as well, by commas, at most SCRIPT_REFERS_MAX; "": nobody */
    char message[SCRIPT_TEXT_MAX]; /* to whom to send the conference's URI, by commas; "": nobody */
    char bring[SCRIPT_TEXT_MAX];  /* whom the conference shall call, by commas; "": nobody */
    char drop[SCRIPT_TEXT_MAX];   /* whom it shall remove */
    char judge[SCRIPT_TEXT_MAX];  /* only judge this sound file; "": no */
    char registrar[SCRIPT_TEXT_MAX]; /* URI to register at first; "": none */
    char service[SCRIPT_TEXT_MAX]; /* URI to subscribe to once registered; "": none */
    char options[SCRIPT_TEXT_MAX]; /* only ask this URI for OPTIONS; "": no */
    bool answers;                 /* waits for a call or a REFER */
    bool dials_messages;          /* or for a MESSAGE with a URI */
    struct addr local, proxy;
    uint8_t transport;
    char tls_ca[SCRIPT_TEXT_MAX]; /* "": any certificate will do */
    char auth[128], realm[128]; /* "user:password", ""; credentials for this realm, "": for any */
    char priority[64]; /* "": none */
    char name[64], codec[64], play[SCRIPT_TEXT_MAX], record[SCRIPT_TEXT_MAX];
    enum offer_srtp srtp;
    enum seal_suite srtp_only;
    double tone_hz, tone_dbfs;
    uint32_t ptime_ms, wait_s;
    uint32_t seconds_ms; /* from joined to our BYE */
    uint32_t hold_ms, resume_ms, hush_ms, codec_ms; /* from joined; SCRIPT_NEVER */
    char next_codec[64];
    uint32_t drop_ms; /* when; SCRIPT_NEVER */
    uint32_t keys_ms; /* when to press keys; SCRIPT_NEVER */
    char keys[64];
    bool offerless, no_ack, until_bye, levels;
    struct push_cfg push;

    bool expects;
    unsigned n_expected;
    double expected_hz[SCRIPT_TONES_MAX], expected_dbfs[SCRIPT_TONES_MAX];
    double within_db, clean_db, own_db;
    uint32_t expect_ms; /* end of the second that is judged, from joined or the file's begin */
};

/** Runs it and prints one line an event. @return exit code: 0 | 1 */
int script_run(const struct script_cfg *cfg);

#endif
