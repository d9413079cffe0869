/* What codec.c's table is made of: one constant per codec, each in its own file. */
#ifndef CORE_MEDIA_CODECS_H
#define CORE_MEDIA_CODECS_H

struct codec;

extern const struct codec codec_pcmu, codec_pcma, codec_g722, codec_l16, codec_opus;

#endif
