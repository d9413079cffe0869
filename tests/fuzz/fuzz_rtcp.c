/* The RTCP reader alone, at its own speed: any bytes, and what was read is in range. */
#include "core/media/rtcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    struct rtcp_heard heard;
    uint32_t own_ssrc = n_bytes >= 12 ? load_be32(bytes + 8) : 0;
    if (rtcp_parse(bytes, n_bytes, own_ssrc, &heard) == DROP_NONE && heard.has_block) {
        must(heard.block.ssrc == own_ssrc && heard.block.lost >= -0x800000 && heard.block.lost <= 0x7fffff);
    }
    return 0;
}
