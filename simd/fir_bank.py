#!/usr/bin/env python3
"""Makes fir_bank.c, the constant coefficient tables of the resamplers: python3 simd/fir_bank.py > simd/fir_bank.c

One Kaiser-windowed low pass per factor, FIR_TAPS taps per low-rate phase. With beta 7 and a cut-off of 0.475 of the low
rate the pass band is flat to 0.425 and what lies above 0.525 is down by 60 dB or more. Quantised to Q14; every phase of
the interpolator is made to sum to exactly 1 (else a constant input would come out with a tone at the low rate), and so is
the whole decimator.
"""
import math

TAPS, BETA, CUTOFF, ONE = 48, 7.0, 0.475, 1 << 14


def bessel_i0(x):
    total = term = 1.0
    for k in range(1, 60):
        term *= (x / 2 / k) ** 2
        total += term
    return total


def low_pass(factor):
    """The prototype filter at the high rate, gain 1 at DC, in time order."""
    length = factor * TAPS
    taps = []
    for i in range(length):
        x = i - (length - 1) / 2
        place = 2 * x / (length - 1)
        window = bessel_i0(BETA * math.sqrt(max(0.0, 1 - place * place))) / bessel_i0(BETA)
        taps.append(math.sin(2 * math.pi * CUTOFF / factor * x) / (math.pi * x) * window)
    gain = sum(taps)
    return [tap / gain for tap in taps]


def quantise(taps):
    """Q14, rounded; then the taps that rounding moved most give way until the sum is that of the exact ones."""
    exact = [tap * ONE for tap in taps]
    whole = [round(tap) for tap in exact]
    missing = round(sum(exact)) - sum(whole)
    step = 1 if missing > 0 else -1
    order = sorted(range(len(taps)), key=lambda i: step * (exact[i] - whole[i]), reverse=True)
    for i in order[:abs(missing)]:
        whole[i] += step
    return whole


def phases(taps, factor):
    """Phase p as the window is laid out: oldest sample first, hence taps reversed."""
    return [[taps[p + (TAPS - 1 - j) * factor] for j in range(TAPS)] for p in range(factor)]


def table(name, rows):
    print(f"    .{name} = {{")
    for row in rows:
        lines = [", ".join(f"{tap}" for tap in row[i:i + 16]) for i in range(0, TAPS, 16)]
        print("        {" + ",\n         ".join(lines) + "},")
    print("    },")


def main():
    print("/*\n * Coefficients of the resamplers, Q14. Made by fir_bank.py, which says how the filters are designed: do not "
          "edit here.\n */\n#include \"simd/simd.h\"\n\n/* clang-format off */")
    for factor in (2, 3, 6):
        taps = low_pass(factor)
        up = [quantise([tap * factor for tap in phase]) for phase in phases(taps, factor)]
        # Stream m is the inputs m, m + factor, ...; the newest stream meets the first tap, so the order turns round.
        down = list(reversed(phases(quantise(taps), factor)))
        print(f"static const struct fir_bank by_{factor} = {{\n    .factor = {factor},")
        table("up", up)
        table("down", down)
        print("};\n")
    print("/* clang-format on */\n\nconst struct fir_bank *fir_bank(int factor)\n{\n"
          "    return factor == 2 ? &by_2 : factor == 3 ? &by_3 : factor == 6 ? &by_6 : NULL;\n}")


main()
