/* Calls that join and leave while others are measured. See load.h. */
#include "tools/load/load.h"

#include "core/io_socket.h"

/* Somebody who is not there. @return NULL: all are */
static struct load_leg *churner_idle(struct load *load)
{
    for (unsigned i = load->cfg->calls; i < load->n_legs; i++) {
        struct load_leg *leg = &load->legs[i];
        if (!leg->call && (leg->state == LOAD_IDLE || leg->state == LOAD_OVER)) {
            return leg;
        }
    }
    return NULL;
}

static const char *room_next(struct load *load)
{
    for (unsigned i = 0; i < load->n_rooms; i++) {
        const char *uri = load->rooms[load->churn.next_room++ % load->n_rooms].uri;
        if (uri) {
            return uri;
        }
    }
    return NULL;
}

static void leavers_leave(struct load *load, uint64_t now_ns)
{
    for (unsigned i = load->cfg->calls; i < load->n_legs; i++) {
        struct load_leg *leg = &load->legs[i];
        if (leg->state == LOAD_UP && leg->call && now_ns - leg->begin_ns > LOAD_CHURN_STAY_S * NS_PER_S) {
            load_rtp_end(load, leg);
            leg->state = LOAD_DIALLING; /* until the BYE is answered */
            ua_hangup(leg->call);
        }
    }
}

void load_churn_step(struct load *load, double since_s, uint64_t now_ns)
{
    struct load_churn *churn = &load->churn;
    leavers_leave(load, now_ns);
    while (churn->n_tried < since_s * load->cfg->churn) {
        struct load_leg *leg = churner_idle(load);
        const char *uri = room_next(load);
        if (!leg || !uri) {
            break;
        }
        churn->n_tried++;
        load_call_dial(load, leg, uri);
    }
}

void load_churn_event(struct load *load, struct load_leg *leg, struct ua_call *call, const struct ua_event *event)
{
    struct load_churn *churn = &load->churn;
    if (event->kind == UA_UP) {
        leg->call = call;
        leg->begin_ns = io_socket_now();
        if (load_call_media(load, leg, event) == 0) {
            churn->n_joined++;
        } else {
            churn->n_failed++;
            ua_hangup(call);
        }
    } else if (event->kind == UA_ENDED) {
        if (leg->state == LOAD_UP) {
            load_rtp_end(load, leg);
        }
        churn->n_left += event->by_us;
        churn->n_failed += !event->by_us;
        leg->call = NULL;
        leg->state = LOAD_OVER;
    }
}
