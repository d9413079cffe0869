"""media_source.py PORT [LAN]: from where RTP is taken (attack A25). LAN: an address of this machine
that is not loopback, "" if it has none."""
import sys

from rtp_phone import Checks, Phone, hears, sdp, talk

port, lan = int(sys.argv[1]), sys.argv[2]
checks = Checks()
a, b = Phone(port, "127.0.1.1"), Phone(port, "127.0.1.2")
a.join()
b.join(a)
checks.heard("from the port of the SDP", hears(b, a))
checks.heard("another port of its host, once the first is silent: within 3 s", hears(b, a, sock=a.socket(), seconds=3.6))
checks.heard("and from the SDP's again", hears(b, a))
a.bye()

# Who sends first does not own the leg.
c, stray = Phone(port, "127.0.1.3"), None
c.join(b)
stray = c.socket()
talk(c, 700, 0.1, [b], sock=stray)
checks.heard("five strays came first", hears(b, c, seconds=1.0, tail=0.5))
c.bye()
d = Phone(port, "127.0.1.4")
d.join(b)
talk(d, 700, 2, [b], sock=d.socket())
checks.heard("a stream from another port came first: within 2 s", hears(b, d, seconds=3.0, tail=0.5))

# Another host never, not even the signalling of others.
e = Phone(port, "127.0.1.5")
e.media, e.ssrc = d.media, d.ssrc
checks.that("another host of 127/8 is not heard", hears(b, e, hz=900) < 0.1)
d.bye()

# Behind a NAT: an address in the SDP that nobody has.
n = Phone(port, "127.0.1.6")
n.join(b, sdp("10.1.2.3", 40000))
checks.heard("behind a NAT", hears(b, n))
checks.heard("which maps it anew", hears(b, n, sock=n.socket(), seconds=3.6))
n.rtp = n.socket()
n.change(lambda version: sdp("10.1.2.3", 40000, version=version))
checks.heard("and a re-INVITE with the same SDP", hears(b, n, seconds=3))
n.bye()

# One machine with several names: what it sends to 127.0.0.1 comes from there, whatever it calls itself.
if lan:
    f = Phone(port, "0.0.0.0", says=lan)
    f.join(b)
    checks.heard("a phone on all interfaces that names its LAN address", hears(b, f))
    f.bye()
sys.exit(checks.failed > 0)
