/* The reader of push-to-talk messages, at its own speed: what was read lies within the packet, and is read again as the
 * same once it is written. */
#include "core/media/app.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static void text_check(struct app_text text, const uint8_t *bytes, size_t n_bytes)
{
    const char *from = (const char *)bytes;
    must(text.n == 0 || (text.text >= from && text.text + text.n <= from + n_bytes));
}

static void again(const struct app_msg *msg)
{
    uint8_t wire[APP_PACKET_MAX];
    struct app_msg back;
    size_t used, n = app_write(wire, msg);
    must(n <= sizeof wire && n % 4 == 0);
    must(app_parse(wire, n, &back, &used) == DROP_NONE && used == n);
    must(back.subtype == msg->subtype && back.wants_ack == msg->wants_ack && back.ssrc == msg->ssrc);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    struct app_msg msg;
    size_t used;
    for (size_t at = 0; app_is(bytes + at, n_bytes - at); at += used) {
        used = 0;
        enum drop drop = app_parse(bytes + at, n_bytes - at, &msg, &used);
        must(drop == DROP_APP_SHORT || (used >= 12 && used <= n_bytes - at));
        if (drop == DROP_NONE && msg.name == APP_MCPT) {
            text_check(msg.floor.granted_party, bytes, n_bytes);
            text_check(msg.floor.user, bytes, n_bytes);
            text_check(msg.floor.queued_user, bytes, n_bytes);
            text_check(msg.floor.cause_text, bytes, n_bytes);
            again(&msg);
        } else if (drop == DROP_NONE) {
            text_check(msg.call.session, bytes, n_bytes);
            text_check(msg.call.warning, bytes, n_bytes);
            text_check(msg.call.group, bytes, n_bytes);
            text_check(msg.call.inviting_user, bytes, n_bytes);
            again(&msg);
        }
        if (used == 0) {
            break;
        }
    }
    return 0;
}
