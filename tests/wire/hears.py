#!/usr/bin/env python3
"""hears.py FILE HZ TENTHS OWN: whether a recording (8000 samples a second, 16 bits, mono, no header) has the tone of HZ in
so many tenths of a second, and the own tone of OWN Hz in none. A tenth has a tone that is above -30 dBFS there and louder
than half of all power. It is for phones that change the level, leave out pauses and start late: no time is looked at.
"""
import array
import math
import sys

RATE = 8000
TENTH = RATE // 10
FLOOR_DBFS = -30
OWN_TENTHS = 2  # a tone that begins or ends within a tenth is spread over others


def has(tenth, hz):
    step = 2 * math.pi * hz / RATE
    re = sum(x * math.cos(step * i) for i, x in enumerate(tenth))
    im = sum(x * math.sin(step * i) for i, x in enumerate(tenth))
    tone = 2 * (re * re + im * im) / len(tenth) ** 2  # power of the sine
    power = sum(x * x for x in tenth) / len(tenth)
    return tone > power / 2 and 10 * math.log10(2 * tone / 32768**2) > FLOOR_DBFS


def main():
    hz, wanted, own = float(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    with open(sys.argv[1], "rb") as f:
        data = f.read()
    pcm = array.array("h", data[: len(data) // 2 * 2])
    tenths = [pcm[i : i + TENTH] for i in range(0, len(pcm) - TENTH + 1, TENTH)]
    heard = sum(has(t, hz) for t in tenths)
    mine = sum(has(t, own) for t in tenths)
    print("%d tenths of a second: %d with %g Hz (%d are wanted), %d with the own %g Hz" % (len(tenths), heard, hz, wanted, mine, own))
    sys.exit(heard < wanted or mine > OWN_TENTHS)


main()
