"""Writes a capture for the test of mixminus-replay: three streams of five seconds with a tone each, in PCMU, PCMU and
L16/8000 (payload type 96); the second one loses every fiftieth packet. Ethernet frames with a VLAN tag, as a mirror
port gives them, and a packet of something else now and then."""
import math
import struct
import sys

RATE, FRAME, SECONDS, PEAK = 8000, 160, 5, 3276.7


def ulaw(x):
    sign, x = (0x00, -x) if x < 0 else (0x80, x)
    x = min(x, 32635) + 132
    exponent = x.bit_length() - 8
    return ~(0x80 - sign | exponent << 4 | x >> exponent + 3 & 15) & 0xFF


def ip_udp(src, dst, payload):
    udp = struct.pack(">HHHH", src, dst, 8 + len(payload), 0) + payload
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes([127, 0, 0, 1]),
                       bytes([127, 0, 0, 2])) + udp


def frame(at_us, packet):
    ethernet = bytes(12) + struct.pack(">HHH", 0x8100, 7, 0x0800) + packet
    return struct.pack("<IIII", at_us // 1000000, at_us % 1000000, len(ethernet), len(ethernet)) + ethernet


def samples(hz, i):
    return [round(PEAK * math.sin(2 * math.pi * hz * ((i * FRAME + k) % RATE) / RATE)) for k in range(FRAME)]


frames = []
for index, (hz, pt) in enumerate([(440, 0), (620, 0), (1010, 96)]):
    for i in range(SECONDS * RATE // FRAME):
        if index == 1 and i % 50 == 49:
            continue
        pcm = samples(hz, i)
        payload = bytes(map(ulaw, pcm)) if pt == 0 else struct.pack(">%dh" % FRAME, *pcm)
        rtp = struct.pack(">BBHII", 0x80, pt, 65500 + i & 0xFFFF, 1000 + i * FRAME, 77 + index) + payload
        frames.append((1000000 * 1700000000 + i * 20000 + index * 3000, ip_udp(5000 + 2 * index, 6000, rtp)))
    frames.append((1000000 * 1700000001, ip_udp(53, 53, b"not RTP at all")))
frames.sort(key=lambda f: f[0])
with open(sys.argv[1], "wb") as out:
    out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
    for at_us, packet in frames:
        out.write(frame(at_us, packet))
