"""refusal_storm.py PORT N PLAIN PIN: N INVITEs of every refusal to every kind of conference, each with its ACK, and an
OPTIONS every 50. Says the slowest answer to an OPTIONS; fails if one is not answered in two seconds, or if an INVITE
gets anything but its refusal."""
import random
import re
import socket
import sys
import time

port, count, plain, pin = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
HEAD = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
PCMU = HEAD + "m=audio 9000 RTP/AVP 0\r\n"
QOS = PCMU + "a=curr:qos local none\r\na=curr:qos remote none\r\na=des:qos mandatory local sendrecv\r\n"
E2E = PCMU + "a=curr:qos e2e none\r\na=des:qos mandatory e2e sendrecv\r\n"
GUESTS = ('<?xml version="1.0"?>\r\n<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list>'
          '<entry uri="sip:bob@127.0.0.1:9"/></list></resource-lists>\r\n')
SDP = "application/sdp"
RELIABLE = "Supported: 100rel, precondition\r\n"
refusals = (
    ("420", "Require: foo\r\n", SDP, PCMU),
    ("422", "Supported: timer\r\nSession-Expires: 30\r\n", SDP, PCMU),
    ("422", RELIABLE + "Session-Expires: 30\r\n", SDP, QOS),
    ("422", "Session-Expires: 30\r\n", "", ""),
    ("488", "", SDP, HEAD + "m=audio 9000 RTP/AVP 18\r\n"),
    ("415", "", "text/plain", "hello"),
    ("400", "", SDP, "v=1\r\nnothing\r\n"),
    ("406", "Accept: text/plain\r\n", SDP, PCMU),
    ("580", RELIABLE, SDP, E2E),
    ("421", "Require: precondition\r\n", SDP, QOS),
    ("481", "Replaces: nobody;to-tag=1;from-tag=2\r\n", SDP, PCMU),
)
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("127.0.0.1", 0))
own = sock.getsockname()[1]
run = random.randrange(1 << 30)
slowest, bad = 0.0, 0


def send(method, uri, name, extra="", ctype="", body="", to_tag=""):
    text = (f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{own};branch=z9hG4bK{run}-{name};rport\r\n"
            f"From: <sip:storm@127.0.0.1>;tag={name}\r\nTo: <{uri}>{to_tag}\r\nCall-ID: {run}-{name}\r\n"
            f"CSeq: 1 {method}\r\nMax-Forwards: 70\r\nContact: <sip:storm@127.0.0.1:{own}>\r\n{extra}")
    text += f"Content-Type: {ctype}\r\n" if ctype else ""
    sock.sendto((text + f"Content-Length: {len(body)}\r\n\r\n{body}").encode(), ("127.0.0.1", port))


def answer(name):
    """The final answer to that request; others, late ones, are passed by. @return text, or "" after two seconds"""
    end = time.monotonic() + 2
    while time.monotonic() < end:
        sock.settimeout(max(end - time.monotonic(), 0.001))
        try:
            text = sock.recv(65536).decode()
        except socket.timeout:
            break
        if f"Call-ID: {run}-{name}\r\n" in text and not text.startswith("SIP/2.0 1"):
            return text
    return ""


for kind, target in (("plain", plain), ("pin", pin), ("announcement", f"sip:annc@127.0.0.1:{port};play=file:///pin-enter.wav")):
    for i, (status, extra, ctype, body) in enumerate(refusals):
        for n in range(count):
            name = f"{kind}{i}x{n}"
            send("INVITE", target, name, extra, ctype, body)
            text = answer(name)
            tag = re.search(r"\r\nTo: [^\r]*(;tag=[^\r;]*)", text)
            if not text.startswith("SIP/2.0 " + status):
                bad += 1
                print(f"{kind}, {status} wanted: {text.splitlines()[:1]}", flush=True)
                if bad > 5:
                    sys.exit(1)
            if tag:
                send("ACK", target, name, to_tag=tag.group(1))
            if n % 50 == 0:
                begin = time.monotonic()
                send("OPTIONS", f"sip:127.0.0.1:{port}", "o" + name)
                bad += not answer("o" + name)
                slowest = max(slowest, time.monotonic() - begin)
print(f"slowest OPTIONS {1000 * slowest:.1f} ms, {bad} wrong")
sys.exit(bool(bad))
