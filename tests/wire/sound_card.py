#!/usr/bin/env python3
"""A sound card for softphones: sound_card.py MOUTH EAR KEPT HZ TIMES. An ALSA pcm of type file (asoundrc of stock.sh) reads
the FIFO MOUTH as its microphone (8000 samples a second, S16 mono) and writes what it plays to the FIFO EAR (as much, TIMES
as many bytes a second: 12 are 48000, S16 stereo. A pipe takes and gives whole pages: these are 256 ms, or 21). Both go at
the pace of the clock, as a real card does. What was played is appended to the file KEPT, 8000 samples a second, mono. The
microphone hears syllables: a tone of HZ at -7.3 dBFS with a pause as long as itself. A tone without an end is noise to
phones that suppress noise, and silence to those that send none.
"""
import array
import fcntl
import math
import os
import struct
import sys
import time

RATE = 8000
FRAME = 160  # 20 ms, as phones read: the plug-in pads a short read with silence, and no frame written at once is short
STALL_S = 0.2  # a card that slept for longer has lost what lies before
SYLLABLE = 8  # frames
F_SETPIPE_SZ = 1031


def fifo(path, size):
    """Both ends, so that no open waits."""
    os.mkfifo(path)
    fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    fcntl.fcntl(fd, F_SETPIPE_SZ, size)
    return fd


def syllables(hz, begin):
    loud = 0 if begin // FRAME // SYLLABLE % 2 else 32767 * 10 ** (-7.3 / 20)
    return struct.pack("<%dh" % FRAME, *(round(loud * math.sin(2 * math.pi * hz * (begin + i) / RATE)) for i in range(FRAME)))


def main():
    hz, times = int(sys.argv[4]), int(sys.argv[5])
    mouth, ear = fifo(sys.argv[1], 4096), fifo(sys.argv[2], 16384 if times > 1 else 4096)
    kept = open(sys.argv[3], "wb", buffering=0)
    said = 0
    due = time.monotonic()
    while True:
        due = max(due + FRAME / RATE, time.monotonic() - STALL_S)
        time.sleep(max(0.0, due - time.monotonic()))
        try:
            os.write(mouth, syllables(hz, said))  # all of it or nothing
            said += FRAME
        except BlockingIOError:
            pass  # nobody records
        try:
            kept.write(array.array("h", os.read(ear, 2 * FRAME * times))[::times].tobytes())
        except BlockingIOError:
            pass  # nothing is played


main()
