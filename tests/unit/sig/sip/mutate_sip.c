/*
 * A2: mutated messages through scan, parser and transactions, from a printed seed. Nothing may crash, every input is
 * counted exactly once, and what is sent in answer must be read by our own reader.
 *
 *   unit_mutate_sip [--runs=100000] [--seed=1]
 */
#include "tests/unit/sig/sip/sip_help.h"

#define CORPUS_MAX 80

static struct {
    char *bytes;
    size_t n;
} corpus[CORPUS_MAX];
static unsigned n_corpus;

static const char *const pieces[] = {
    "\r\n",
    "\n",
    "\r",
    ",",
    ";",
    "\"",
    "<",
    ">",
    "%00",
    "%",
    "\\",
    " ",
    "\t",
    ":",
    "=",
    "@",
    "[",
    "]",
    "SIP/2.0",
    "SIP/",
    "Content-Length: 5\r\n",
    "l: -1\r\n",
    "Via: SIP/2.0/UDP h;branch=z9hG4bKq\r\n",
    "CSeq: 4294967296 INVITE\r\n",
    "Contact: *\r\n",
    "Route: <sip:x;lr>,",
    ";tag=",
    ";tag=x;tag=y",
    "INVITE",
    "ACK",
    "CANCEL",
    "BYE",
    "sip:",
    "tel:",
    "\r\n\r\n",
    "4294967296",
    "-1",
    "\xff\xfe",
    "?a=b&",
    ";branch=z9hG4bK",
    "multipart/mixed;boundary=b",
    "--b\r\n",
};

static void corpus_read(void)
{
    char path[512];
    static char bytes[FILE_BYTES_MAX];
    snprintf(path, sizeof path, "%s/rfc4475", TEST_DATA);
    struct dirent **names;
    int n_names = scandir(path, &names, NULL, alphasort); /* the same order everywhere, or the seed says nothing */
    must(n_names > 0);
    for (int i = 0; i < n_names; i++) {
        snprintf(path, sizeof path, "%s/rfc4475/%s", TEST_DATA, names[i]->d_name);
        size_t n = names[i]->d_name[0] == '.' ? 0 : help_file(path, bytes, sizeof bytes);
        if (n > 0 && n_corpus < CORPUS_MAX) {
            corpus[n_corpus].bytes = malloc(n);
            memcpy(corpus[n_corpus].bytes, bytes, n);
            corpus[n_corpus++].n = n;
        }
        free(names[i]);
    }
    free(names);
}

static size_t splice(char *bytes, size_t n, size_t at, const char *piece, size_t n_piece, size_t size)
{
    if (n + n_piece > size) {
        return n;
    }
    memmove(bytes + at + n_piece, bytes + at, n - at);
    memcpy(bytes + at, piece, n_piece);
    return n + n_piece;
}

static size_t mutate(uint64_t *seed, char *bytes, size_t n, size_t size)
{
    unsigned n_steps = 1 + (unsigned)(help_random(seed) % 6);
    for (unsigned i = 0; i < n_steps && n > 0; i++) {
        uint64_t draw = help_random(seed);
        size_t at = draw % n, length = 1 + help_random(seed) % 40;
        const char *piece = pieces[help_random(seed) % ARRAY_LEN(pieces)];
        switch (draw >> 60) {
        case 0:
        case 1:
            bytes[at] = (char)(draw >> 32);
            break;
        case 2:
            bytes[at] ^= (char)(1 << (draw >> 40) % 8);
            break;
        case 3:
        case 4:
        case 5:
            length = MIN(length, n - at);
            memmove(bytes + at, bytes + at + length, n - at - length);
            n -= length;
            break;
        case 6:
        case 7:
        case 8: { /* repeats a part, at times very often */
            length = MIN(length, n - at);
            char copy[64];
            memcpy(copy, bytes + at, length);
            for (unsigned k = (draw >> 50) % 20 == 0 ? 200 : 1; k > 0; k--) {
                n = splice(bytes, n, at, copy, length, size);
            }
            break;
        }
        case 9: { /* the end of another message */
            unsigned other = (unsigned)(help_random(seed) % n_corpus);
            size_t from = help_random(seed) % corpus[other].n, n_rest = MIN(corpus[other].n - from, size - at);
            memcpy(bytes + at, corpus[other].bytes + from, n_rest);
            n = at + n_rest;
            break;
        }
        default:
            n = splice(bytes, n, at, piece, strlen(piece), size);
            break;
        }
    }
    return n;
}

/* What we send must be a message. */
static void check_sent(const struct world *w, unsigned i)
{
    const char *text = w->sent[i % WORLD_SENT_MAX];
    struct sip_msg *msg;
    size_t n = strlen(text);
    if (n == 0 || n + 1 >= WORLD_TEXT_MAX) {
        return; /* the list keeps only so much of each */
    }
    enum refuse refuse = sip_parse(text, n, &w->sent_to[i % WORLD_SENT_MAX], &msg);
    /* a stateless answer repeats what was sent, also when a value is why it was refused */
    bool is_stateless = strstr(text, "SIP/2.0 4") == text || strstr(text, "SIP/2.0 5") == text;
    if (refuse != REFUSE_NONE && refuse != REFUSE_VIAS && !is_stateless) {
        printf("%s:\n%s\n", refuse_name(refuse), text);
        fflush(stdout);
    }
    must(refuse == REFUSE_NONE || refuse == REFUSE_VIAS || is_stateless);
    must(refuse != REFUSE_NUL && refuse != REFUSE_LINE_END && refuse != REFUSE_CONTROL);
    sip_free(msg);
}

int main(int argc, char **argv)
{
    unsigned long long n_runs = 100000, seed = 1;
    for (int i = 1; i < argc; i++) {
        if (sscanf(argv[i], "--runs=%llu", &n_runs) != 1 && sscanf(argv[i], "--seed=%llu", &seed) != 1) {
            fprintf(stderr, "usage: %s [--runs=N] [--seed=N]\n", argv[0]);
            return 2;
        }
    }
    printf("seed=%llu runs=%llu\n", seed, n_runs);
    fflush(stdout);
    corpus_read();
    static char bytes[80000];
    static const int answers[] = {0, 100, 180, 200, 302, 404, 486};
    struct world *w = world_make(&(struct txn_config){.max_txns = 500, .source_rate = 100000});
    uint64_t state = seed, worst_ns = 0;
    unsigned n_slow = 0;
    for (unsigned long long run = 0; run < n_runs; run++) {
        unsigned pick = (unsigned)(help_random(&state) % n_corpus);
        memcpy(bytes, corpus[pick].bytes, corpus[pick].n);
        size_t n = mutate(&state, bytes, corpus[pick].n, sizeof bytes);
        struct flow flow = help_flow(help_random(&state) % 4 == 0 ? FLOW_TCP : FLOW_UDP, "192.0.2.7", 5060);
        w->answer = answers[help_random(&state) % ARRAY_LEN(answers)];
        w->is_user_acking = (help_random(&state) & 1) != 0;
        unsigned n_sent = w->n_sent;
        uint64_t start_ns = help_thread_ns();
        txns_rx(w->txns, &flow, bytes, n, w->now_ns);
        uint64_t spent_ns = help_thread_ns() - start_ns;
        worst_ns = MAX(worst_ns, spent_ns);
        n_slow += spent_ns > 5 * NS_PER_MS;
        for (; n_sent < w->n_sent; n_sent++) {
            check_sent(w, n_sent);
        }
        if (help_random(&state) % 8 == 0) {
            world_wait(w, help_random(&state) % 2000);
        }
    }
    const struct txn_stats *stats = txns_stats(w->txns);
    uint64_t n_counted = count_get(&stats->rx_delivered) + count_get(&stats->rx_absorbed) + world_refused(w);
    for (unsigned i = 0; i < REFUSES; i++) {
        if (count_get(&stats->refused[i]) > 0) {
            printf("%10llu %s\n", (unsigned long long)count_get(&stats->refused[i]), refuse_name((enum refuse)i));
        }
    }
    printf("%10llu delivered, %llu absorbed; worst %llu us\n", (unsigned long long)count_get(&stats->rx_delivered),
           (unsigned long long)count_get(&stats->rx_absorbed), (unsigned long long)worst_ns / 1000);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && defined(__OPTIMIZE__) && !defined(__clang__)
    /* A guest is charged for what its host does in between, up to tens of ms now and then: a message that is slow by
     * itself shows in thousands of its mutants. */
    must(n_slow <= 5 + n_runs / 100000);
#else
    (void)n_slow;
#endif
    must(count_get(&stats->rx_messages) == n_runs);
    must(n_counted == n_runs);
    must(count_get(&stats->refused[REFUSE_NONE]) == 0);
    unsigned n_seen = w->n_requests;
    world_wait(w, TXN_PENDING_MAX_MS + 1);
    world_wait(w, TXN_LIFE_MS * 2);
    world_wait(w, 2);
    must(w->n_gone == n_seen); /* every transaction ends */
    world_free(w);
    for (unsigned i = 0; i < n_corpus; i++) {
        free(corpus[i].bytes);
    }
    return 0;
}
