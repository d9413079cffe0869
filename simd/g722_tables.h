/*
 * The tables of ITU-T G.722, for the reference and for the lanes. Values by the code itself where the recommendation
 * goes by way of an index table, so that one look-up is enough. Private to simd/.
 */
#ifndef SIMD_G722_TABLES_H
#define SIMD_G722_TABLES_H

#include <stdint.h>

enum { G722_TAPS = 12 }; /* of each of the two polyphase branches of the 24-tap QMF */

/* Clause 5.2, table 11: the even taps, oldest sample first; the odd ones are the same backwards. */
static const int16_t g722_qmf[G722_TAPS] = {3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11};

/* QUANTL: decision levels 1 to 29 of the 6-bit quantiser. 30 and 31 are there for whole blocks, and decide nothing. */
static const int16_t g722_q6[32] = {
    0,   35,  72,  110, 150,  190,  233,  276,  323,  370,  422,  473,  530,  587,  650,  714,
    786, 858, 940, 1023, 1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919, 3200, 3200,
};

/* INVQAL: outputs of the 4-bit inverse quantiser, by the code's upper four bits. */
static const int16_t g722_qm4[16] = {
    0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0,
};

/* INVQBL: outputs of the 6-bit inverse quantiser, by the code. */
static const int16_t g722_qm6[64] = {
    -136,   -136,   -136,   -136,   -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232,
    -9360,  -8576,  -7856,  -7192,  -6576,  -6000,  -5456,  -4944,  -4464,  -4008,  -3576,  -3168,  -2776,
    -2400,  -2032,  -1688,  -1360,  -1040,  -728,   24808,  21904,  19008,  16704,  14984,  13512,  12280,
    11192,  10232,  9360,   8576,   7856,   7192,   6576,   6000,   5456,   4944,   4464,   4008,   3576,
    3168,   2776,   2400,   2032,   1688,   1360,   1040,   728,    432,    136,    -432,   -136,
};

/* LOGSCL: what a code adds to the logarithmic scale factor, by its upper four bits. */
static const int16_t g722_wl[16] = {
    -60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60,
};

/* QUANTH, INVQAH and LOGSCH: the one decision level, then outputs and increments by the code. */
static const int16_t g722_q2 = 564;
static const int16_t g722_qm2[4] = {-7408, -1616, 7408, 1616};
static const int16_t g722_wh[4] = {798, -214, 798, -214};

/* SCALEL, SCALEH: 2048 * 2^(i/32). */
static const int16_t g722_ilb[32] = {
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
    2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
};

/* Upper ends of the logarithmic scale factors, and the shifts that belong to them. */
enum { G722_NBL_MAX = 18432, G722_NBH_MAX = 22528, G722_SHIFT_LOW = 8, G722_SHIFT_HIGH = 10 };

/* Most that an adaptive predictor may do: the second pole, and the edge of the triangle that the first must stay in. */
enum { G722_POLE2_MAX = 12288, G722_POLES_SUM_MAX = 15360 };

#endif
