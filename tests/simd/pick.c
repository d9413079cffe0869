/*
 * The choice of a row. Goal: a mask is obeyed, the reference is always there, every row is complete.
 */
#include "tests/simd/check.h"
#include <string.h>

static void test_masks(struct check *check)
{
    for (unsigned mask = 0; mask <= SIMD_ALL; mask++) {
        const struct simd *row = simd_pick(mask);
        if (!row || !(row->bit & (mask | SIMD_REF) & simd_supported()))
            check_fail(check, "simd_pick(%u) gives what the mask or the CPU has not", mask);
    }
    if (!(simd_supported() & SIMD_REF) || simd_pick(0)->bit != SIMD_REF)
        check_fail(check, "ref is missing");
    unsigned best = simd_pick(SIMD_ALL)->bit;
    if (best < (simd_supported() & ~best))
        check_fail(check, "simd_pick(SIMD_ALL) is not the best row");
}

static void test_names(struct check *check)
{
    if (simd_mask_of("auto") != SIMD_ALL || simd_mask_of("avx2") != (SIMD_REF | SIMD_AVX2))
        check_fail(check, "simd_mask_of: auto or avx2");
    if (simd_mask_of("") != 0 || simd_mask_of("AVX2") != 0 || simd_mask_of("avx") != 0)
        check_fail(check, "simd_mask_of takes an unknown word");
    const struct simd *row = check->row;
    if (simd_pick(simd_mask_of(row->name)) != row)
        check_fail(check, "the row's own name does not pick it");
}

static void test_row_complete(struct check *check)
{
    const struct simd *row = check->row;
    if (!row->mix_n1 || !row->mix_sum_split || !row->limit_soft || !row->ulaw_decode ||
        !row->alaw_decode || !row->ulaw_encode || !row->alaw_encode || !row->level || !row->gain_ramp || !row->fir_up ||
        !row->fir_down || !row->g722_encode || !row->g722_decode)
        check_fail(check, "a kernel is missing");
}

static void test_banks(struct check *check)
{
    for (int factor = -1; factor <= 8; factor++) {
        const struct fir_bank *bank = fir_bank(factor);
        bool expected = factor == 2 || factor == 3 || factor == 6;
        if ((bank != NULL) != expected || (bank && bank->factor != factor))
            check_fail(check, "fir_bank(%d)", factor);
    }
}

int main(int argc, char **argv)
{
    static const check_fn tests[] = {test_masks, test_names, test_row_complete, test_banks};
    return check_main(argc, argv, "pick", tests, ARRAY_LEN(tests));
}
