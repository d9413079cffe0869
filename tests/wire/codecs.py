"""A phone without an offer of its own: it answers ours with PCMU and PCMA, in this order, and speaks PCMA from the moment
that it has our offer, before its answer has gone out. Usage: codecs.py PORT URI ANSWER STOP; the tone is 440 Hz. It answers when the file ANSWER is
there, and stops when STOP is."""
import math, os, random, re, socket, struct, sys, time


def alaw(v):
    sign, v = (0x80, v) if v >= 0 else (0, -v - 1)
    e = max((v >> 8).bit_length(), 0)
    mantissa = v >> (e + 3 if e else 4) & 15
    return (e << 4 | mantissa | sign) ^ 0x55


def tone(n, at):
    return bytes(alaw(int(3220 * math.sin(2 * math.pi * 440 * (at + i) / 8000))) for i in range(n))


server = ("127.0.0.1", int(sys.argv[1]))
uri = sys.argv[2]
sip, rtp = socket.socket(type=socket.SOCK_DGRAM), socket.socket(type=socket.SOCK_DGRAM)
for s in (sip, rtp):
    s.bind(("127.0.0.1", 0))
sip.settimeout(5)
me = "127.0.0.1:%d" % sip.getsockname()[1]


def request(method, target, to, body=""):
    kind = "Content-Type: application/sdp\r\n" if body else ""
    sip.sendto(("%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%d\r\nMax-Forwards: 70\r\n"
                "From: <sip:late@%s>;tag=f\r\nTo: %s\r\nCall-ID: codecs@%s\r\nCSeq: %d %s\r\n"
                "Contact: <sip:late@%s>\r\n%sContent-Length: %d\r\n\r\n%s"
                % (method, target, me, random.getrandbits(60), me, to, me, 2 if method == "BYE" else 1, method, me, kind,
                   len(body), body)).encode(), server)


request("INVITE", uri, "<%s>" % uri)
text = ""
while not text.startswith("SIP/2.0 200"):
    text = sip.recv(65536).decode()
    if re.match(r"SIP/2.0 [3-6]", text):
        sys.exit("refused: " + text.split("\r\n")[0])
to = re.search(r"\r\nTo: (.*)", text).group(1).strip()
target = re.search(r"\r\nContact: <([^>]+)>", text).group(1)
there = ("127.0.0.1", int(re.search(r"m=audio (\d+)", text).group(1)))
begin, at, answered = time.time(), 0, False
print("speaking", flush=True)
while not os.path.exists(sys.argv[4]) and at < 8000 * 60:
    if not answered and os.path.exists(sys.argv[3]):
        answered = True
        request("ACK", target, to, "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
                                   "m=audio %d RTP/AVP 0 8\r\n" % rtp.getsockname()[1])
    rtp.sendto(struct.pack("!BBHII", 0x80, 8, at // 160, at, 7) + tone(160, at), there)
    at += 160
    time.sleep(max(0, begin + at / 8000 - time.time()))
request("BYE", target, to)
