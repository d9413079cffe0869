/* Kits. See kit.h. */
#include "core/conf/kit.h"

#include <string.h>

static size_t lines(size_t bytes)
{
    return (bytes + LINE_BYTES - 1) & ~(size_t)(LINE_BYTES - 1);
}

static void *take(uint8_t *base, size_t *at, size_t bytes)
{
    void *p = base ? base + *at : NULL;
    *at += lines(bytes);
    return p;
}

size_t leg_parts_place(struct leg *leg, const struct codec *codec, uint32_t rate_hz, uint8_t *base)
{
    size_t at = 0;
    struct fir_state *fir[RATES] = {NULL};
    for (unsigned r = 0; r < RATES; r++) {
        if (rate_hz_at(r) != rate_hz) {
            fir[r] = take(base, &at, resample_state_bytes(rate_hz, rate_hz_at(r)));
        }
    }
    int16_t *fifo = take(base, &at, FIFO_FRAMES * rate_frame_samples(rate_hz) * sizeof(int16_t));
    void *decoder = take(base, &at, codec->decoder_size ? codec->decoder_size() : 0);
    int16_t *history = take(base, &at, codec->conceal ? 0 : plc_history_bytes(rate_hz));
    if (base) {
        memcpy(leg->resampled.fir, fir, sizeof fir);
        leg->fifo = fifo;
        leg->rx.decoder = decoder;
        if (!codec->conceal) {
            plc_init(&leg->rx.plc, rate_hz, history);
        }
    }
    return at;
}

/* Of the codec that needs most. */
static size_t rx_bytes(void)
{
    size_t most = 0;
    for (unsigned id = 0; id < CODECS; id++) {
        for (unsigned r = 0; r < RATES; r++) {
            most = MAX(most, leg_parts_place(NULL, codec_get(id), rate_hz_at(r), NULL));
        }
    }
    return sizeof(struct kit) + LINE_BYTES + most;
}

static size_t encoder_bytes(void)
{
    size_t most = 0;
    for (unsigned id = 0; id < CODECS; id++) {
        most = MAX(most, codec_get(id)->encoder_size ? codec_get(id)->encoder_size() : 0);
    }
    return sizeof(struct encoder) + most;
}

size_t kits_bytes(uint32_t n_rx, uint32_t n_encoders)
{
    return n_rx * lines(rx_bytes()) + n_encoders * lines(encoder_bytes()) + 2 * LINE_BYTES;
}

void kits_build(struct kits *kits, struct arena *arena, uint32_t n_rx, uint32_t n_encoders, struct worker_stats *stats)
{
    uint8_t *rx = arena_take(arena, n_rx * lines(rx_bytes()));
    uint8_t *encoders = arena_take(arena, n_encoders * lines(encoder_bytes()));
    *kits = (struct kits){.stats = stats, .n_rx = n_rx, .n_encoders = n_encoders};
    for (uint32_t i = n_rx; i-- > 0;) {
        struct kit *kit = (struct kit *)(rx + i * lines(rx_bytes()));
        kit->next = kits->rx;
        kits->rx = kit;
    }
    for (uint32_t i = n_encoders; i-- > 0;) {
        kit_encoder_give(kits, (struct encoder *)(encoders + i * lines(encoder_bytes())));
    }
    kits->n_encoders = n_encoders;
}

/* The parts begin a line behind the kit's head. */
static uint8_t *parts_of(struct kit *kit)
{
    return (uint8_t *)kit + LINE_BYTES;
}

bool kit_take(struct kits *kits, struct leg *leg)
{
    struct kit *kit = kits->rx;
    if (!leg->cfg.ptt.is_bare || leg_has_parts(leg)) {
        return true;
    }
    if (!kit) {
        count_add(&kits->stats->kits_missing, 1);
        return false;
    }
    kits->rx = kit->next;
    kits->n_rx--;
    memset(parts_of(kit), 0, leg_parts_place(NULL, leg->cfg.codec, leg->cfg.fmt.rate_hz, NULL));
    leg_parts_place(leg, leg->cfg.codec, leg->cfg.fmt.rate_hz, parts_of(kit));
    leg->kit = kit;
    return true;
}

void kit_give(struct kits *kits, struct leg *leg)
{
    struct kit *kit = leg->kit;
    if (!kit) {
        return;
    }
    leg->kit = NULL;
    leg->fifo = NULL;
    leg->rx.decoder = NULL;
    memset(leg->resampled.fir, 0, sizeof leg->resampled.fir);
    leg->rx.plc = (struct plc){0};
    kit->next = kits->rx;
    kits->rx = kit;
    kits->n_rx++;
}

struct encoder *kit_encoder_take(struct kits *kits, const struct leg *leg)
{
    struct encoder *encoder = kits->encoders;
    if (!encoder) {
        count_add(&kits->stats->kits_missing, 1);
        return NULL;
    }
    kits->encoders = encoder->next;
    kits->n_encoders--;
    must(leg->cfg.codec->encoder_init(encoder->state, &leg->cfg.fmt) == 0); /* leg_build has tried it */
    return encoder;
}

void kit_encoder_give(struct kits *kits, struct encoder *encoder)
{
    encoder->is_kit = true;
    encoder->next = kits->encoders;
    kits->encoders = encoder;
    kits->n_encoders++;
}
