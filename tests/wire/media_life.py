"""media_life.py PORT SECONDS: who lives for so long, and who does not (fault B1). The server's --rtp-timeout-s is a third."""
import socket
import struct
import sys
import time

from rtp_phone import Checks, Phone, sdp

port, seconds = int(sys.argv[1]), float(sys.argv[2])
checks, calls = Checks(), {}


def call(name, **kw):
    calls[name] = Phone(port, "127.0.2.%d" % (len(calls) + 1)).join(**kw)
    return calls[name]


def hold(name, host=None, direction="sendrecv"):
    p = call(name)
    status = p.change(lambda version: sdp(host or p.says, p.port, f"a={direction}\r\n", version))
    checks.that(f"{name}: change", status == 200, status)


hold("held, inactive", direction="inactive")
hold("held, recvonly", direction="recvonly")
hold("held, sendonly without music", direction="sendonly")
hold("held by 0.0.0.0", host="0.0.0.0")
reports, empty, unknown = call("muted, reports"), call("muted, empty datagrams"), call("muted, unknown payload type")
stun, dead = call("muted, STUN"), call("nothing at all")
rtcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
rtcp.bind((reports.host, reports.port + 1))
end = time.monotonic() + seconds
while time.monotonic() < end:
    report = struct.pack("!BBHI", 0x80, 201, 1, reports.ssrc) + struct.pack("!BBHIBB2s", 0x81, 202, 2, reports.ssrc, 1, 2, b"ab")
    rtcp.sendto(report, (reports.media[0], reports.media[1] + 1))
    empty.rtp.sendto(b"", empty.media)
    unknown.rtp.sendto(unknown.packet(b"\x40", pt=127), unknown.media)
    stun.rtp.sendto(struct.pack("!HHI12s", 0x0011, 0, 0x2112A442, b"twelve bytes"), stun.media)
    for p in calls.values():
        p.take()
    time.sleep(0.2)
for name, p in calls.items():
    checks.that(name, p.ended == (p is dead), "BYE" if p.ended else "is up")
sys.exit(checks.failed > 0)
