/* mixminus-replay: flags. See replay.h. */
#include "tools/lib/args.h"
#include "tools/replay/replay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { ARG_CAPTURE, ARG_OUT, ARG_CODEC, ARG_TALKERS, ARG_SIMD, ARGS };

static const struct arg args[] = {
    [ARG_CAPTURE] = { "capture", "FILE", "call.pcap", "what to replay" },
    [ARG_OUT] = { "out", "DIR", "heard", "directory for what each leg would have heard", "replay" },
    [ARG_CODEC] = { "codec", "PT:NAME[/HZ]", "96:opus",
                    "meaning of a payload type: PCMU PCMA L16/HZ opus telephone-event CN; repeatable" },
    [ARG_TALKERS] = { "talkers", "K", "3", "the loudest K are heard, 0: all", "3" },
    [ARG_SIMD] = { "simd", "NAME", "ref", "instruction set of the kernels; the result is the same", "auto" },
    [ARGS] = { 0 },
};

static const struct args_about about = {
    "sends a capture of RTP through the mixer on a virtual clock",
    "Each stream of the capture is a participant of one conference. Writes what each would have heard, and "
    "what became of its packets.",
    "0: done | 1: a file cannot be read or written | 2: bad flags",
};

static int codec_read(struct replay_cfg *cfg, const char *value)
{
    char name[32];
    uint32_t pt, hz = 8000;
    unsigned consumed = 0;
    if (sscanf(value, "%u:%31[^/]%n", &pt, name, (int *)&consumed) != 2 || pt > 127 ||
        cfg->n_codecs == REPLAY_CODECS_MAX) {
        return -EINVAL;
    }
    bool is_opus = strcasecmp(name, "opus") == 0;
    if (value[consumed] && args_u32(value + consumed + 1, 8000, 48000, &hz) != 0) {
        return -EINVAL;
    }
    struct replay_codec *c = &cfg->codecs[cfg->n_codecs];
    *c = (struct replay_codec){ .pt = (uint8_t)pt, .rate_hz = is_opus ? 48000 : hz };
    c->is_event = strcasecmp(name, "telephone-event") == 0;
    c->is_noise = strcasecmp(name, "CN") == 0;
    if (!c->is_event && !c->is_noise) {
        const struct codec *codec = codec_by_rtpmap(name, is_opus ? 48000 : hz, is_opus ? 2 : 1);
        if (!codec) {
            return -EINVAL;
        }
        c->id = codec->id;
        /* RTP clock and PCM rate differ for some: a fixed clock says nothing of the rate. */
        c->rate_hz = is_opus ? 48000 : codec->wire_clock_hz && strcasecmp(name, "G722") == 0 ? 16000 : hz;
    }
    cfg->n_codecs++;
    return 0;
}

static int take(void *ctx, unsigned i, const char *value)
{
    struct replay_cfg *cfg = ctx;
    switch (i) {
    case ARG_CAPTURE:
        return *value && strlen(value) < sizeof cfg->capture ? (strcpy(cfg->capture, value), 0) : -EINVAL;
    case ARG_OUT:
        return *value && strlen(value) < sizeof cfg->out ? (strcpy(cfg->out, value), 0) : -EINVAL;
    case ARG_CODEC:
        return codec_read(cfg, value);
    case ARG_TALKERS:
        return args_u32(value, 0, TALKERS_MAX, &cfg->talkers);
    default:
        cfg->simd_mask = simd_mask_of(value);
        return cfg->simd_mask ? 0 : -EINVAL;
    }
}

int main(int argc, char **argv)
{
    struct replay_cfg cfg = { .n_codecs = 0 };
    int err = args_read(argc, argv, args, &about, take, &cfg);
    if (err) {
        return err > 0 ? 0 : 2;
    }
    if (!cfg.capture[0]) {
        fprintf(stderr, "mixminus-replay: nothing to replay; give --capture=FILE\n");
        return 2;
    }
    /* What every RTP stream may use unasked (RFC 3551 table 4); flags come first and win. */
    static const char *const usual[] = { "0:PCMU", "8:PCMA", "13:CN" };
    for (size_t i = 0; i < ARRAY_LEN(usual) && cfg.n_codecs < REPLAY_CODECS_MAX; i++) {
        codec_read(&cfg, usual[i]);
    }
    return replay_run(&cfg);
}
