/*
 * Mixing and the soft limiter. Goal: N-1 is exact whatever the sum, on every ISA. Method: sums and differences in 64
 * bits as the oracle, every n and every count of rows that can take another path in a kernel, rows at unmapped pages,
 * all pairs of a band around each saturation edge, and the algebra that makes a mix: taking a row out gives the mix
 * without it, the order of rows and silent rows change nothing. The limiter runs over every sum that can occur.
 */
#include "simd/kernels.h"
#include "tests/simd/check.h"
#include <stdlib.h>
#include <string.h>

enum { ROWS_GUARDED = 70, ROWS_MANY = 300 };

/* A conference in guarded rooms: rows, the bus, the two planes. */
struct hall {
    struct room rows[ROWS_GUARDED], bus, s1, s2;
    int16_t *row[ROWS_GUARDED];
};

static struct hall *hall_build(void)
{
    struct hall *hall = malloc(sizeof(*hall));
    if (!hall)
        abort();
    size_t bytes = SIMD_SAMPLES_MAX * sizeof(int16_t);
    for (size_t i = 0; i < ROWS_GUARDED; i++)
        room_init(&hall->rows[i], bytes);
    room_init(&hall->bus, bytes);
    room_init(&hall->s1, bytes);
    room_init(&hall->s2, bytes);
    return hall;
}

static void hall_free(struct hall *hall)
{
    for (size_t i = 0; i < ROWS_GUARDED; i++)
        room_fini(&hall->rows[i]);
    room_fini(&hall->bus);
    room_fini(&hall->s1);
    room_fini(&hall->s2);
    free(hall);
}

static void hall_fill(struct check *check, struct hall *hall, size_t n_rows, size_t n)
{
    for (size_t i = 0; i < n_rows; i++) {
        enum room_side side = (i + n / SIMD_BLOCK) % 2 ? ROOM_START : ROOM_END;
        int16_t *row = room_lay(&hall->rows[i], n * sizeof(*row), side);
        pcm_draw(check, row, n);
        room_remember(&hall->rows[i]);
        hall->row[i] = row;
    }
}

static void sum_oracle(int16_t *const *rows, size_t n_rows, size_t n, int64_t *sum)
{
    memset(sum, 0, n * sizeof(*sum));
    for (size_t i_row = 0; i_row < n_rows; i_row++)
        for (size_t i = 0; i < n; i++)
            sum[i] += rows[i_row][i];
}

static void split_oracle(const int64_t *sum, size_t n, int16_t *s1, int16_t *s2)
{
    for (size_t i = 0; i < n; i++) {
        s1[i] = clamp16(sum[i]);
        s2[i] = clamp16(sum[i] - s1[i]);
    }
}

static void minus_oracle(const int64_t *sum, const int16_t *own, size_t n, int16_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = clamp16(sum[i] - (own ? own[i] : 0));
}

/* One shape: the split, the bus, N-1 of the first n_own rows, and what was not to be touched. */
static void check_shape(struct check *check, struct hall *hall, size_t n_rows, size_t n)
{
    const struct simd *row = check->row;
    size_t n_own = n_rows ? n_rows - check_random(check) % 3 % (n_rows + 1) : 0; /* mostly all */
    int64_t sum[SIMD_SAMPLES_MAX];
    int16_t e1[SIMD_SAMPLES_MAX], e2[SIMD_SAMPLES_MAX];
    static int16_t expected[ROWS_GUARDED][SIMD_SAMPLES_MAX];
    hall_fill(check, hall, n_rows, n);
    int16_t *s1 = room_lay(&hall->s1, n * sizeof(*s1), ROOM_END),
            *s2 = room_lay(&hall->s2, n * sizeof(*s2), ROOM_START),
            *bus = room_lay(&hall->bus, n * sizeof(*bus), ROOM_END);

    sum_oracle(hall->row, n_rows, n, sum);
    split_oracle(sum, n, e1, e2);
    row->mix_sum_split((const int16_t *const *)hall->row, n_rows, n, s1, s2);
    check_pcm(check, e1, s1, n, "sum_split s1, n_rows=%zu n=%zu", n_rows, n);
    check_pcm(check, e2, s2, n, "sum_split s2, n_rows=%zu n=%zu", n_rows, n);
    for (size_t i = 0; i < n_rows; i++) {
        if (!room_same(&hall->rows[i]))
            check_fail(check, "sum_split wrote a row, n_rows=%zu n=%zu", n_rows, n);
        minus_oracle(sum, hall->row[i], n, expected[i]);
    }

    row->mix_n1(hall->row, n_rows, n_own, n, bus);
    minus_oracle(sum, NULL, n, e1);
    check_pcm(check, e1, bus, n, "bus, n_rows=%zu n=%zu", n_rows, n);
    for (size_t i = 0; i < n_own; i++) {
        check_pcm(check, expected[i], hall->row[i], n, "n1 row %zu, n_rows=%zu n_own=%zu n=%zu", i, n_rows, n_own, n);
        if (!room_canaries(&hall->rows[i]))
            check_fail(check, "n1 wrote beyond a row, n_rows=%zu n=%zu", n_rows, n);
    }
    for (size_t i = n_own; i < n_rows; i++)
        if (!room_same(&hall->rows[i]))
            check_fail(check, "n1 wrote row %zu of %zu, which is not its own, n=%zu", i, n_own, n);
    if (!room_canaries(&hall->bus) || !room_canaries(&hall->s1) || !room_canaries(&hall->s2))
        check_fail(check, "mix wrote beyond bus, s1 or s2, n_rows=%zu n=%zu", n_rows, n);
}

static void test_shapes(struct check *check)
{
    static const size_t few_rows[] = {0, 1, 2, 3, 4, 5, 9};
    static const size_t some_n[] = {32, 64, 96, 160};
    struct hall *hall = hall_build();
    for (size_t i = 0; i < ARRAY_LEN(few_rows); i++)
        FOR_EACH_N(n)
    check_shape(check, hall, few_rows[i], n);
    for (size_t i = 0; i < ARRAY_LEN(some_n); i++)
        for (size_t n_rows = 0; n_rows <= ROWS_GUARDED; n_rows++)
            check_shape(check, hall, n_rows, some_n[i]);
    check_shape(check, hall, ROWS_GUARDED, SIMD_SAMPLES_MAX);
    hall_free(hall);
}

/* Many rows share a few blocks of samples, some are served: the kernels' sums must hold to the last legal row. */
static void check_many(struct check *check, size_t n_rows, size_t n, enum pcm_kind kind)
{
    enum { SHARED = 4, OWN = 5 };
    static int16_t block[SHARED][SIMD_SAMPLES_MAX] __attribute__((aligned(64)));
    static int16_t own[OWN][SIMD_SAMPLES_MAX] __attribute__((aligned(64)));
    static int16_t s1[SIMD_SAMPLES_MAX] __attribute__((aligned(64))), s2[SIMD_SAMPLES_MAX] __attribute__((aligned(64)));
    int16_t e1[SIMD_SAMPLES_MAX], e2[SIMD_SAMPLES_MAX], expected[OWN][SIMD_SAMPLES_MAX];
    int64_t sum[SIMD_SAMPLES_MAX];
    int16_t **rows = malloc(n_rows * sizeof(*rows));
    if (!rows)
        abort();
    for (size_t i = 0; i < SHARED; i++)
        pcm_fill(check, kind, block[i], n);
    for (size_t i_row = 0; i_row < n_rows; i_row++)
        rows[i_row] = i_row < OWN ? own[i_row] : block[check_random(check) % SHARED];
    for (size_t i = 0; i < OWN; i++)
        pcm_fill(check, kind, own[i], n);
    sum_oracle(rows, n_rows, n, sum);
    split_oracle(sum, n, e1, e2);
    check->row->mix_sum_split((const int16_t *const *)rows, n_rows, n, s1, s2);
    check_pcm(check, e1, s1, n, "sum_split s1, %zu shared rows, n=%zu, kind %d", n_rows, n, kind);
    check_pcm(check, e2, s2, n, "sum_split s2, %zu shared rows, n=%zu, kind %d", n_rows, n, kind);
    for (size_t i = 0; i < OWN; i++)
        minus_oracle(sum, own[i], n, expected[i]);
    check->row->mix_n1(rows, n_rows, OWN, n, s2);
    check_pcm(check, e1, s2, n, "bus, %zu shared rows, n=%zu, kind %d", n_rows, n, kind);
    for (size_t i = 0; i < OWN; i++)
        check_pcm(check, expected[i], own[i], n, "n1 row %zu, %zu shared rows, n=%zu, kind %d", i, n_rows, n, kind);
    free(rows);
}

static void test_many_rows(struct check *check)
{
    for (enum pcm_kind kind = PCM_ZERO; kind < PCM_KINDS; kind++) {
        check_many(check, SIMD_ROWS_MAX, SIMD_BLOCK, kind);               /* 4 MB of rows: by rows */
        check_many(check, 2048, SIMD_BLOCK, kind);                        /* by columns */
        for (size_t n_rows = ROWS_MANY; n_rows < ROWS_MANY + 9; n_rows++) /* by rows, every remainder of 8 */
            check_many(check, n_rows, 960, kind);
    }
}

/* All values within 24 of the ends and of zero, 3 * 48 of them. */
static void band_fill(int16_t *band)
{
    for (int i = 0; i < 48; i++) {
        band[i] = (int16_t)(INT16_MIN + i);
        band[48 + i] = (int16_t)(i - 24);
        band[96 + i] = (int16_t)(INT16_MAX - 47 + i);
    }
}

enum { BAND = 144, BAND_PADDED = 160 };

/* Every pair of the band as two rows, and with every third row of note. */
static void test_edges(struct check *check)
{
    static const int16_t thirds[] = {0, 1, -1, 24, -24, INT16_MAX, INT16_MIN, INT16_MAX - 1, INT16_MIN + 1};
    int16_t band[BAND_PADDED] __attribute__((aligned(64))) = {0};
    int16_t pcm[3][BAND_PADDED] __attribute__((aligned(64)));
    int16_t s1[BAND_PADDED] __attribute__((aligned(64))), s2[BAND_PADDED] __attribute__((aligned(64)));
    int16_t e1[BAND_PADDED], e2[BAND_PADDED], expected[3][BAND_PADDED];
    int16_t *const rows[3] = {pcm[0], pcm[1], pcm[2]};
    int64_t sum[BAND_PADDED];
    band_fill(band);
    for (size_t i_band = 0; i_band < BAND; i_band++) {
        for (size_t k = 0; k < ARRAY_LEN(thirds); k++) {
            memcpy(pcm[0], band, sizeof(band));
            for (size_t i = 0; i < BAND_PADDED; i++) {
                pcm[1][i] = band[i_band];
                pcm[2][i] = thirds[k];
            }
            sum_oracle(rows, 3, BAND_PADDED, sum);
            split_oracle(sum, BAND_PADDED, e1, e2);
            check->row->mix_sum_split((const int16_t *const *)rows, 3, BAND_PADDED, s1, s2);
            check_pcm(check, e1, s1, BAND_PADDED, "s1 of the band, %d and %d", band[i_band], thirds[k]);
            check_pcm(check, e2, s2, BAND_PADDED, "s2 of the band, %d and %d", band[i_band], thirds[k]);
            for (size_t i = 0; i < 3; i++)
                minus_oracle(sum, pcm[i], BAND_PADDED, expected[i]);
            check->row->mix_n1(rows, 3, 3, BAND_PADDED, s1);
            check_pcm(check, e1, s1, BAND_PADDED, "bus of the band, %d and %d", band[i_band], thirds[k]);
            for (size_t i = 0; i < 3; i++)
                check_pcm(check, expected[i], pcm[i], BAND_PADDED, "n1 %zu of the band, %d and %d", i, band[i_band],
                          thirds[k]);
        }
    }
}

/* Sums around every multiple of note, whatever the own sample is: the band's N-1 is what the others say, saturated. */
static void test_sums(struct check *check)
{
    static const int64_t centres[] = {0, 32767, -32768, 65535, -65536, 98302, -98304, 327670, -327680};
    int16_t own[BAND_PADDED] __attribute__((aligned(64))), rest[2][BAND_PADDED] __attribute__((aligned(64)));
    int16_t loud[BAND_PADDED] __attribute__((aligned(64))), bus[BAND_PADDED] __attribute__((aligned(64)));
    int16_t e_own[BAND_PADDED], e_bus[BAND_PADDED];
    int16_t *rows[16] = {own, rest[0], rest[1]};
    for (size_t k = 0; k < ARRAY_LEN(centres); k++) {
        for (int64_t at = centres[k] - 24; at <= centres[k] + 24; at++) {
            size_t n_loud = (size_t)((at < 0 ? -at : at) / 32767);
            memset(own, 0, sizeof(own));
            band_fill(own);
            for (size_t i = 0; i < BAND_PADDED; i++) {
                loud[i] = at < 0 ? -32767 : 32767;
                int others = (int)(at - own[i] - (int64_t)n_loud * loud[i]);
                rest[0][i] = (int16_t)(others / 2);
                rest[1][i] = (int16_t)(others - others / 2);
                e_own[i] = clamp16(at - own[i]);
                e_bus[i] = clamp16(at);
            }
            for (size_t i = 0; i < n_loud; i++)
                rows[3 + i] = loud;
            check->row->mix_n1(rows, 3 + n_loud, 1, BAND_PADDED, bus);
            check_pcm(check, e_own, own, BAND_PADDED, "sum %lld less the band", (long long)at);
            check_pcm(check, e_bus, bus, BAND_PADDED, "sum %lld with the band", (long long)at);
        }
    }
}

/* The order of rows and a silent row change nothing; N-1 is the mix of the others. */
static void test_algebra(struct check *check)
{
    enum { N = 320, ROWS = 7 };
    static int16_t pcm[ROWS + 1][N] __attribute__((aligned(64))), copy[ROWS + 1][N] __attribute__((aligned(64)));
    static int16_t a[N] __attribute__((aligned(64))), b[N] __attribute__((aligned(64)));
    const struct simd *row = check->row;
    int16_t *rows[ROWS + 1], *turned[ROWS + 1];
    for (int round = 0; round < 50; round++) {
        for (size_t i = 0; i < ROWS; i++)
            pcm_draw(check, pcm[i], N);
        memset(pcm[ROWS], 0, sizeof(pcm[ROWS]));
        memcpy(copy, pcm, sizeof(copy));
        size_t turn = check_random(check) % (ROWS + 1);
        for (size_t i = 0; i <= ROWS; i++) {
            rows[i] = pcm[i];
            turned[(i + turn) % (ROWS + 1)] = copy[i];
        }
        row->mix_n1(rows + 1, ROWS - 1, 0, N, b);
        row->mix_n1(turned, ROWS + 1, ROWS + 1, N, a);
        check_pcm(check, b, copy[0], N, "the mix less row 0 is not the mix of the others");
        row->mix_n1(rows, ROWS, ROWS, N, b);
        check_pcm(check, b, a, N, "turned by %zu with a silent row: bus", turn);
        check_pcm(check, b, copy[ROWS], N, "turned by %zu: the silent row's N-1 is not the bus", turn);
        for (size_t i = 0; i < ROWS; i++)
            check_pcm(check, pcm[i], copy[i], N, "turned by %zu with a silent row: row %zu", turn, i);
    }
}

/* Splits any y that three int16 can make, |y| up to 98304, into s1 + s2 - own. */
static void limiter_input(int y, int16_t *s1, int16_t *s2, int16_t *own)
{
    *s1 = clamp16(y);
    *s2 = clamp16(y - *s1);
    *own = (int16_t)(*s1 + *s2 - y);
}

/* The formula in double, rounded: float32 rounds at three more places, so one step of difference is allowed. */
static int limiter_formula(int y)
{
    double threshold = SIMD_KNEE, room = INT16_MAX - SIMD_KNEE, over = (y < 0 ? -y : y) - threshold;
    if (over <= 0)
        return y;
    int limited = (int)(threshold + over * room / (over + room) + 0.5);
    return y < 0 ? -limited : limited;
}

/* Every y from -98303 to 98302, against ref bit for bit and against the formula; odd, rising, never out of int16. */
static void test_limiter_sweep(struct check *check)
{
    static int16_t s1[SIMD_BLOCK] __attribute__((aligned(64))), s2[SIMD_BLOCK] __attribute__((aligned(64)));
    static int16_t own[SIMD_BLOCK] __attribute__((aligned(64))), out[SIMD_BLOCK] __attribute__((aligned(64)));
    int16_t expected[SIMD_BLOCK] __attribute__((aligned(64)));
    int before = INT16_MIN;
    for (int y = -98304; y <= 98303 - SIMD_BLOCK + 1; y += SIMD_BLOCK) {
        for (int i = 0; i < SIMD_BLOCK; i++)
            limiter_input(y + i > 98302 ? 98302 : y + i < -98303 ? -98303 : y + i, &s1[i], &s2[i], &own[i]);
        check->row->limit_soft(s1, s2, own, out, SIMD_BLOCK);
        limit_soft_ref(s1, s2, own, expected, SIMD_BLOCK);
        check_pcm(check, expected, out, SIMD_BLOCK, "limiter from y=%d", y);
        for (int i = 0; i < SIMD_BLOCK; i++) {
            int sum = s1[i] + s2[i] - own[i], difference = out[i] - limiter_formula(sum);
            if (difference < -1 || difference > 1 || (difference != 0 && sum <= SIMD_KNEE && sum >= -SIMD_KNEE))
                check_fail(check, "limiter of %d gives %d, formula %d", sum, out[i], limiter_formula(sum));
            if (out[i] < before)
                check_fail(check, "limiter falls at %d", sum);
            before = out[i];
        }
    }
}

/* Shapes, memory, no own row, in place; values of all kinds, which sweep no order. */
static void test_limiter_shapes(struct check *check)
{
    struct room rooms[4];
    int16_t expected[SIMD_SAMPLES_MAX] __attribute__((aligned(64)));
    for (size_t i = 0; i < 4; i++)
        room_init(&rooms[i], sizeof(expected));
    FOR_EACH_N(n)
    {
        enum room_side side = n / SIMD_BLOCK % 2 ? ROOM_START : ROOM_END;
        int16_t *pcm[4];
        for (size_t i = 0; i < 4; i++) {
            pcm[i] = room_lay(&rooms[i], n * sizeof(int16_t), side);
            if (i < 3)
                pcm_draw(check, pcm[i], n);
            room_remember(&rooms[i]);
        }
        const int16_t *own = check_random(check) % 3 ? pcm[2] : NULL;
        limit_soft_ref(pcm[0], pcm[1], own, expected, n);
        check->row->limit_soft(pcm[0], pcm[1], own, pcm[3], n);
        check_pcm(check, expected, pcm[3], n, "limiter n=%zu own=%d", n, own != NULL);
        if (!room_same(&rooms[0]) || !room_same(&rooms[1]) || !room_same(&rooms[2]) || !room_canaries(&rooms[3]))
            check_fail(check, "limiter wrote where it must not, n=%zu", n);
        limit_soft_ref(pcm[0], pcm[1], pcm[2], expected, n);
        check->row->limit_soft(pcm[0], pcm[1], pcm[2], pcm[2], n);
        check_pcm(check, expected, pcm[2], n, "limiter in place n=%zu", n);
    }
    for (size_t i = 0; i < 4; i++)
        room_fini(&rooms[i]);
}

int main(int argc, char **argv)
{
    static const check_fn tests[] = {test_shapes,  test_many_rows,     test_edges,         test_sums,
                                     test_algebra, test_limiter_sweep, test_limiter_shapes};
    return check_main(argc, argv, "mix", tests, ARRAY_LEN(tests));
}
