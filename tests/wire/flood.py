"""flood.py PORT SOURCE: INVITEs to the factory from that address, twice as many each half second until some are sent
away for now, then as many for as long as it lives. Says "full" at the first 503, and at the end what was answered."""
import collections
import random
import re
import select
import signal
import socket
import sys
import time

port, source = int(sys.argv[1]), sys.argv[2]
SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
sock.bind((source, 0))
sock.connect(("127.0.0.1", port))
sock.setblocking(False)
here = f"{source}:{sock.getsockname()[1]}"
run = random.randrange(1 << 30)
answers = collections.Counter()
unwell = 0
ending = []
signal.signal(signal.SIGTERM, lambda *_: ending.append(True))


def invite(i):
    return (
        f"INVITE sip:conferences@127.0.0.1:{port} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK{run}-{i};rport\r\n"
        f"From: <sip:flood@{here}>;tag={i}\r\nTo: <sip:conferences@127.0.0.1:{port}>\r\nCall-ID: {run}-{i}\r\n"
        f"CSeq: 1 INVITE\r\nContact: <sip:flood@{here}>\r\nMax-Forwards: 70\r\nContent-Type: application/sdp\r\n"
        f"Content-Length: {len(SDP)}\r\n\r\n{SDP}"
    ).encode()


def take():
    global unwell
    while select.select([sock], [], [], 0)[0]:
        try:
            text = sock.recv(4096).decode()
        except OSError:
            return
        status = int(text[8:11])
        answers[status] += 1
        unwell += status == 503 and not re.search(r"\r\nRetry-After: \d+\r\n", text)


n = 0
rate = 2000.0
begin = time.monotonic()
due = 0.0
last = begin
doubled = begin
while not ending:
    now = time.monotonic()
    due = min(due + (now - last) * rate, 2000)
    last = now
    while due >= 1:
        try:
            sock.send(invite(n))
        except OSError:
            pass
        n += 1
        due -= 1
    had = answers[503]
    take()
    if not had and answers[503]:
        print(f"full at {rate:.0f}/s", flush=True)
    if not answers[503] and now - doubled > 0.5 and rate < 500000:
        rate *= 2
        doubled = now
    time.sleep(0.002)
print(f"sent {n}, answered", " ".join(f"{s}:{k}" for s, k in sorted(answers.items())), f"without Retry-After {unwell}")
sys.exit(bool(unwell))
