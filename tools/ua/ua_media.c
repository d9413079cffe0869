/* Media of a client call. See ua_media.h. */
#include "tools/ua/ua_media.h"

#include "core/media/rtp.h"
#include "sig/net/net.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { KEY_STEPS = 5, KEY_ENDS = 3, KEY_PAUSE = 3 }; /* packets */
enum { PORT_TRIES = 200, LATE_MAX_MS = 200, GAP_MAX_S = 5, RX_BURST = 64 };

struct media {
    struct media_cfg cfg;
    int fd;
    uint16_t port;
    struct offer_media settled;
    void *encoder, *decoder;
    struct seal *seal; /* NULL: plain RTP */
    uint64_t next_ns;
    bool hush, marker;
    uint16_t seq;
    uint32_t ts, ssrc;
    uint64_t pcm_at;
    struct {
        uint64_t from_ns, until_ns, sent_ns;
    } turns[MEDIA_TURNS_MAX];
    unsigned n_turns;
    struct media_stats stats;

    int16_t *heard;
    size_t n_heard, cap_heard;
    struct media_packet *packets;
    size_t n_packets, cap_packets;
    bool rx_any;
    uint16_t rx_seq;
    uint32_t rx_ts;   /* of heard[rx_at] */
    size_t rx_at;
    uint64_t rx_ns;
    char keys[MEDIA_KEYS_MAX + 1]; /* still to be pressed; the first one now */
    unsigned key_step;
    uint32_t key_ts;
    void *rtcp_ctx;
    void (*rtcp_take)(void *ctx, const uint8_t *buf, size_t n, uint64_t now_ns); /* NULL: RTCP is ignored */
};

int media_open(struct media **out, const struct media_cfg *cfg)
{
    struct media *m = calloc(1, sizeof *m);
    int err = -EADDRINUSE;
    if (!m) {
        return -ENOMEM;
    }
    m->cfg = *cfg;
    for (int i = 0; i < PORT_TRIES && err == -EADDRINUSE; i++) {
        uint16_t random;
        struct addr local = cfg->local;
        net_random(&random, sizeof random);
        m->port = (uint16_t)((40000 + random % 20000) & ~1);
        addr_set_port(&local, m->port);
        m->fd = socket(local.sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        err = m->fd < 0 || bind(m->fd, &local.sa, addr_len(&local)) != 0 ? -errno : 0;
        if (err && m->fd >= 0) {
            close(m->fd);
        }
    }
    if (err) {
        free(m);
        return err;
    }
    net_random(&m->seq, sizeof m->seq);
    net_random(&m->ts, sizeof m->ts);
    net_random(&m->ssrc, sizeof m->ssrc);
    *out = m;
    return 0;
}

void media_close(struct media *m)
{
    if (m) {
        close(m->fd);
        seal_free(m->seal);
        free(m->encoder);
        free(m->decoder);
        free(m->heard);
        free(m->packets);
        free(m);
    }
}

uint16_t media_port(const struct media *m) { return m->port; }

static int state_make(void **state, size_t (*size)(void), int (*init)(void *, const struct codec_cfg *),
                      const struct codec_cfg *fmt)
{
    free(*state);
    *state = calloc(1, size ? size() : 1);
    return *state ? init(*state, fmt) : -ENOMEM;
}

/* Goes on where it was while the keys are the same. */
static int seal_make(struct media *m, const struct seal_keys *keys)
{
    struct seal *seal = NULL;
    int err = keys->suite == SEAL_NONE ? 0 : seal_build(&seal, keys, m->ssrc);
    if (!err) {
        seal_take_over(seal, m->seal);
        seal_free(m->seal);
        m->seal = seal;
    }
    return err;
}

int media_apply(struct media *m, const struct offer_media *settled)
{
    int sealed = seal_make(m, &settled->seal);
    if (sealed) {
        return sealed;
    }
    bool same = m->settled.codec == settled->codec && m->settled.fmt.rate_hz == settled->fmt.rate_hz;
    m->settled = *settled;
    if (same) {
        return 0;
    }
    const struct codec *codec = settled->codec;
    int err = state_make(&m->encoder, codec->encoder_size, codec->encoder_init, &settled->fmt);
    if (!err) {
        err = state_make(&m->decoder, codec->decoder_size, codec->decoder_init, &settled->fmt);
    }
    m->marker = true;
    m->n_heard = m->n_packets = 0;
    m->rx_any = false;
    m->cap_heard = (size_t)m->cfg.record_s * settled->fmt.rate_hz;
    m->cap_packets = (size_t)m->cfg.record_s * 100;
    free(m->heard);
    free(m->packets);
    m->heard = calloc(m->cap_heard + 1, sizeof *m->heard);
    m->packets = calloc(m->cap_packets + 1, sizeof *m->packets);
    return err ? err : m->heard && m->packets ? 0 : -ENOMEM;
}

void media_turn(struct media *m, uint64_t from_ns, uint64_t until_ns)
{
    must(m->n_turns < MEDIA_TURNS_MAX);
    m->turns[m->n_turns].from_ns = from_ns;
    m->turns[m->n_turns++].until_ns = until_ns;
}

uint64_t media_turn_sent_ns(const struct media *m, unsigned i) { return i < m->n_turns ? m->turns[i].sent_ns : 0; }

void media_hush(struct media *m, bool hush) { m->hush = hush; }

uint32_t media_ssrc(const struct media *m) { return m->ssrc; }

/* ---- RTCP ---- */

void media_rtcp_user(struct media *m, void *ctx, void (*take)(void *ctx, const uint8_t *buf, size_t n, uint64_t now_ns))
{
    m->rtcp_ctx = ctx;
    m->rtcp_take = take;
}

void media_rtcp_send(struct media *m, const uint8_t *buf, size_t n)
{
    uint8_t packet[PACKET_STRIDE_BYTES] ALIGNED_LINE;
    const struct addr *to = &m->settled.remote_rtcp;
    if (n == 0 || n + SEAL_RTCP_BYTES > sizeof packet || !addr_is_set(to)) {
        return;
    }
    memcpy(packet, buf, n);
    n = m->seal ? seal_rtcp(m->seal, packet, n) : n;
    if (n) {
        sendto(m->fd, packet, n, MSG_DONTWAIT, &to->sa, addr_len(to));
    }
}

static void rtcp_come(struct media *m, uint8_t *buf, size_t n, uint64_t now_ns)
{
    if (m->rtcp_take && (!m->seal || seal_open_rtcp(m->seal, buf, &n) == DROP_NONE)) {
        m->rtcp_take(m->rtcp_ctx, buf, n, now_ns);
    }
}

/* ---- speaking ---- */

static bool is_turn(struct media *m, uint64_t now_ns)
{
    for (unsigned i = 0; i < m->n_turns; i++) {
        if (now_ns >= m->turns[i].from_ns && now_ns < m->turns[i].until_ns) {
            if (m->turns[i].sent_ns == 0) {
                m->turns[i].sent_ns = now_ns;
                m->cfg.tone.at = 0;
            }
            return true;
        }
    }
    return m->n_turns == 0;
}

/* A sound file at another rate is read at the nearest sample: good enough for something to listen for. */
static void pcm_play(struct media *m, uint32_t rate_hz, int16_t *pcm, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        pcm[i] = m->cfg.pcm[(m->pcm_at + i) * m->cfg.pcm_rate_hz / rate_hz % m->cfg.n_pcm];
    }
    m->pcm_at += n;
}

/* ---- keys ---- */

static const char keypad[] = "0123456789*#ABCD"; /* by event number, RFC 4733 3.2 */

int media_keys(struct media *m, const char *keys)
{
    if (m->settled.pt_event_rx == PT_NONE) {
        return -ENOTSUP;
    }
    if (strlen(keys) > MEDIA_KEYS_MAX || keys[strspn(keys, keypad)] != '\0') {
        return -EINVAL;
    }
    strcpy(m->keys, keys);
    m->key_step = 0;
    return 0;
}

/* One packet of the key that is pressed: its duration grows, its end comes three times, then a pause of speech. */
static bool key_send(struct media *m)
{
    const struct offer_media *s = &m->settled;
    uint32_t step_ts = codec_clock_hz(s->codec, &s->fmt) / 1000 * s->ptime_tx_ms;
    uint8_t packet[PACKET_STRIDE_BYTES];
    if (!m->keys[0]) {
        return false;
    }
    unsigned step = m->key_step++;
    if (step >= KEY_STEPS + KEY_ENDS) {
        if (step == KEY_STEPS + KEY_ENDS + KEY_PAUSE) {
            memmove(m->keys, m->keys + 1, strlen(m->keys));
            m->key_step = 0;
        }
        return false;
    }
    m->key_ts = step == 0 ? m->ts : m->key_ts;
    uint32_t duration_ts = MIN(step + 1, (unsigned)KEY_STEPS) * step_ts;
    size_t n = rtp_write(packet, s->pt_event_rx, step == 0, m->seq++, m->key_ts, m->ssrc, NULL, 0);
    packet[n++] = (uint8_t)(strchr(keypad, m->keys[0]) - keypad);
    packet[n++] = (uint8_t)((step >= KEY_STEPS ? 0x80 : 0) | 10);
    packet[n++] = (uint8_t)(duration_ts >> 8);
    packet[n++] = (uint8_t)duration_ts;
    n = m->seal ? seal_rtp(m->seal, packet, n) : n;
    if (n) {
        sendto(m->fd, packet, n, MSG_DONTWAIT, &s->remote_rtp.sa, addr_len(&s->remote_rtp));
    }
    m->ts += step_ts;
    return true;
}

static void packet_send(struct media *m, uint64_t now_ns)
{
    int16_t pcm[PACKET_SAMPLES_MAX] ALIGNED_LINE;
    uint8_t packet[PACKET_STRIDE_BYTES] ALIGNED_LINE, payload[PACKET_STRIDE_BYTES] ALIGNED_LINE;
    const struct offer_media *s = &m->settled;
    uint32_t rate_hz = s->fmt.rate_hz;
    size_t n = (size_t)rate_hz / 1000 * s->ptime_tx_ms;
    if (key_send(m)) {
        return;
    }
    if (!is_turn(m, now_ns)) {
        memset(pcm, 0, n * sizeof *pcm);
    } else if (m->cfg.pcm) {
        pcm_play(m, rate_hz, pcm, n);
    } else {
        tone_make(&m->cfg.tone, rate_hz, pcm, n);
    }
    int bytes = s->codec->encode(m->encoder, m->cfg.simd, pcm, n, payload, RTP_PAYLOAD_MAX);
    if (bytes > 0) {
        size_t head = rtp_write(packet, s->pt_tx, m->marker, m->seq++, m->ts, m->ssrc, NULL, 0);
        if (s->ext_level) {
            uint64_t squares;
            m->cfg.simd->level(pcm, n, &squares);
            uint8_t level = level_dbov(squares, n);
            head = rtp_write_ext(packet, head, s->ext_level, &level, 1);
        }
        memcpy(packet + head, payload, (size_t)bytes);
        m->marker = false;
        size_t length = head + (size_t)bytes;
        length = m->seal ? seal_rtp(m->seal, packet, length) : length;
        bool sent = length && sendto(m->fd, packet, length, MSG_DONTWAIT, &s->remote_rtp.sa,
                                     addr_len(&s->remote_rtp)) > 0;
        m->stats.tx_packets += sent;
    }
    m->ts += codec_clock_hz(s->codec, &s->fmt) / 1000 * s->ptime_tx_ms;
}

/* ---- hearing ---- */

/* The place of a packet's samples. @return false: too late, or no more room */
static bool place_find(struct media *m, const struct rtp *rtp, size_t n)
{
    uint32_t clock_hz = codec_clock_hz(m->settled.codec, &m->settled.fmt), rate_hz = m->settled.fmt.rate_hz;
    int64_t ahead = (int64_t)(int32_t)(rtp->ts - m->rx_ts) * rate_hz / clock_hz;
    if (!m->rx_any || ahead > (int64_t)GAP_MAX_S * rate_hz || ahead < -(int64_t)GAP_MAX_S * rate_hz) {
        m->rx_at = m->n_heard; /* a new stream: right behind the old one */
        m->rx_ts = rtp->ts;
        ahead = 0;
    }
    int64_t at = (int64_t)m->rx_at + ahead;
    if (at < (int64_t)m->n_heard || at + (int64_t)n > (int64_t)m->cap_heard) {
        return false;
    }
    memset(m->heard + m->n_heard, 0, ((size_t)at - m->n_heard) * sizeof *m->heard);
    m->n_heard = (size_t)at;
    m->rx_at = (size_t)at;
    m->rx_ts = rtp->ts;
    return true;
}

/* RFC 6465 3: a level for every contributing source, where there is any; nobody silent is in a mix. */
static void levels_take(struct media *m, const struct rtp *rtp, unsigned n_csrc)
{
    size_t n = 0;
    const uint8_t *levels = rtp_ext_find(rtp, m->settled.ext_levels, &n);
    bool wrong = n != n_csrc;
    for (size_t i = 0; i < n; i++) {
        wrong |= levels[i] >= 127;
    }
    m->stats.rx_levels += n > 0 && !wrong;
    m->stats.rx_levels_wrong += wrong;
}

static void packet_take(struct media *m, uint8_t *buf, size_t bytes, uint64_t now_ns)
{
    int16_t pcm[PACKET_SAMPLES_MAX] ALIGNED_LINE;
    const struct offer_media *s = &m->settled;
    struct rtp rtp;
    bool is_rtcp = s->codec && rtp_is_rtcp(buf, bytes);
    if (is_rtcp) {
        rtcp_come(m, buf, bytes, now_ns);
    }
    bool refused = !s->codec || is_rtcp ||
                   (m->seal && seal_open_rtp(m->seal, buf, &bytes) != DROP_NONE) ||
                   rtp_parse(buf, bytes, &rtp) != DROP_NONE;
    if (refused || rtp.pt != s->pt_rx) {
        m->stats.rx_other++;
        return;
    }
    int n = s->codec->decode(m->decoder, m->cfg.simd, rtp.payload, rtp.bytes, pcm);
    if (n <= 0) {
        m->stats.rx_other++;
        return;
    }
    m->stats.rx_packets++;
    if (s->ext_levels) {
        levels_take(m, &rtp, buf[0] & 15);
    }
    if (m->rx_any) {
        uint16_t skipped = (uint16_t)(rtp.seq - m->rx_seq - 1);
        m->stats.rx_lost += skipped < 0x8000 ? skipped : 0;
        m->stats.gaps_over_40ms += now_ns - m->rx_ns > 40 * NS_PER_MS;
        m->stats.gaps_over_60ms += now_ns - m->rx_ns > 60 * NS_PER_MS;
    }
    if (place_find(m, &rtp, (size_t)n)) {
        memcpy(m->heard + m->n_heard, pcm, (size_t)n * sizeof *pcm);
        if (m->n_packets < m->cap_packets) {
            m->packets[m->n_packets++] = (struct media_packet){ .at_ns = now_ns, .at = m->n_heard, .n = (size_t)n };
        }
        m->n_heard += (size_t)n;
    }
    m->rx_any = true;
    m->rx_seq = rtp.seq;
    m->rx_ns = now_ns;
}

void media_step(struct media *m, uint64_t now_ns)
{
    uint8_t buf[PACKET_STRIDE_BYTES] ALIGNED_LINE;
    for (int i = 0; i < RX_BURST; i++) {
        ssize_t n = recv(m->fd, buf, sizeof buf, MSG_DONTWAIT);
        if (n < 0) {
            break;
        }
        packet_take(m, buf, (size_t)n, now_ns);
    }
    if (!m->settled.codec) {
        return;
    }
    if (m->next_ns + LATE_MAX_MS * NS_PER_MS < now_ns) {
        m->next_ns = now_ns; /* the first, or after a stall of ours */
    }
    while (m->next_ns <= now_ns) {
        if (m->settled.tx_on && !m->hush && addr_is_set(&m->settled.remote_rtp)) {
            packet_send(m, now_ns);
        }
        m->next_ns += m->settled.ptime_tx_ms * NS_PER_MS;
    }
}

uint64_t media_next_ns(const struct media *m) { return m->next_ns; }

struct media_heard media_heard(const struct media *m)
{
    return (struct media_heard){ .pcm = m->heard,
                                 .n = m->n_heard,
                                 .rate_hz = m->settled.fmt.rate_hz,
                                 .packets = m->packets,
                                 .n_packets = m->n_packets };
}

const struct media_stats *media_stats(const struct media *m) { return &m->stats; }

const struct offer_media *media_settled(const struct media *m) { return &m->settled; }
