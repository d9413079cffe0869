"""media_victim.py PORT: what a victim gets that is named in the SDP of another (attack A24), in bytes with UDP
and IP headers; and that no media goes to sockets of the server's own (attack A42)."""
import socket
import sys
import time

from rtp_phone import Checks, Phone, hears, sdp

port = int(sys.argv[1])
checks = Checks()
asked = 0


class Victim:
    def __init__(self, host):
        self.host = host
        self.sockets = []
        while len(self.sockets) < 2:
            rtp, rtcp = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
            rtp.bind((host, 0))
            self.port = rtp.getsockname()[1]
            try:
                rtcp.bind((host, self.port + 1))
                self.sockets = [rtp, rtcp]
            except OSError:
                continue
        for s in self.sockets:
            s.setblocking(False)

    def bytes(self, seconds):
        """What comes in so long, and when the last of it came."""
        n, last, begin = 0, 0.0, time.monotonic()
        while time.monotonic() < begin + seconds:
            for s in self.sockets:
                try:
                    n += len(s.recv(2048)) + 28
                    last = time.monotonic() - begin
                except BlockingIOError:
                    pass
            time.sleep(0.002)
        return n, last


victim, attacker = Victim("127.0.3.1"), Phone(port, "127.0.3.2")
body = sdp(victim.host, victim.port)
status = attacker.invite(body, ack=False)
checks.that("the call is answered", status == 200, status)
n, _ = victim.bytes(3)
checks.that("before the ACK", n == 0, f"{n} bytes in 3 s")
attacker.request("ACK")
n, last = victim.bytes(9)
checks.that("after it", 0 < last < 6, f"{n} bytes in {last:.2f} s, then none")
attacker.change(lambda version: sdp(attacker.host, attacker.port, version=version))
attacker.rtp.sendto(attacker.packet(b"\xff" * 160), attacker.media)
total = 0
for i in range(6):  # to and fro: it has a sum
    attacker.change(lambda version: sdp(victim.host, victim.port, version=version))
    n, last = victim.bytes(5.5 if i < 2 else 1.5)
    total += n
    attacker.change(lambda version: sdp(attacker.host, attacker.port, version=version))
checks.that("moved to and fro", total < 20 * 50 * 240, f"{total} bytes in all")
attacker.bye()

# Sockets of the server's own.
a, b = Phone(port, "127.0.3.3").join(), Phone(port, "127.0.3.4")
b.join(a)
ours = {"its own media port": b.media[1], "another's": a.media[1], "its RTCP port": a.media[1] + 1, "SIP": port}
for what, where in ours.items():
    status = b.change(lambda version: sdp("127.0.0.1", where, version=version))
    checks.that(f"{what} as a media address", status == 488, status)
for host in ("255.255.255.255", "239.1.2.3", "0.9.9.9"):
    status = b.change(lambda version: sdp(host, 7000, version=version))
    checks.that(f"{host} as a media address", status == 488, status)
checks.heard("and the call goes on", hears(a, b))
sys.exit(checks.failed > 0)
