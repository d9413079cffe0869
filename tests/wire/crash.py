"""Asks the server of 127.0.0.1:PORT, whether it answers or not.
crash.py PORT load RATE N: asks the factory for conferences, RATE a second, until it was sent to N URIs; prints each
after the second at which that was. crash.py PORT first: says "ready", asks by OPTIONS until there is an answer, and
prints the second of it. crash.py PORT ask URI: prints the status of an OPTIONS to it."""
import re
import socket
import sys
import time

SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"
PATIENCE_S = 60  # of a machine that has other work
port, what = int(sys.argv[1]), sys.argv[2]
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("127.0.0.1", 0))
own = sock.getsockname()[1]


def request(method, uri, name, to_tag="", body=""):
    text = (f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{own};branch=z9hG4bK{name};rport\r\n"
            f"From: <sip:p@127.0.0.1>;tag={name}\r\nTo: <{uri}>{to_tag}\r\nCall-ID: {name}@{own}\r\n"
            f"CSeq: 1 {method}\r\nMax-Forwards: 70\r\nContact: <sip:p@127.0.0.1:{own}>\r\n")
    text += "Content-Type: application/sdp\r\n" if body else ""
    try:
        sock.sendto((text + f"Content-Length: {len(body)}\r\n\r\n{body}").encode(), ("127.0.0.1", port))
    except ConnectionError:
        pass  # nobody is there at the moment


def answer(seconds):
    sock.settimeout(max(seconds, 0.0001))
    try:
        return sock.recv(65536).decode()
    except ConnectionError:
        time.sleep(max(seconds, 0))  # told at once that nobody is there
        return ""
    except socket.timeout:
        return ""


def ask(uri):
    """Again and again: what came before the server had its socket is lost."""
    name, end = f"o{time.time_ns()}", time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        request("OPTIONS", uri, name)
        text = answer(0.02)
        if text:
            return text.split(" ")[1]
    return "nothing"


def load(rate, wanted):
    factory, begin, n, n_sent_to = f"sip:conferences@127.0.0.1:{port}", time.monotonic(), 0, 0
    while n_sent_to < wanted and time.monotonic() < begin + PATIENCE_S:
        while n < (time.monotonic() - begin) * rate:
            n += 1
            request("INVITE", factory, f"c{n}", body=SDP)
        text = answer(min(begin + (n + 1) / rate - time.monotonic(), 0.1))
        found = re.search(r"\r\nContact: <(sip:[^>]*)>", text)
        if text.startswith("SIP/2.0 302") and found:
            tag = re.search(r"\r\nTo: [^\r]*(;tag=[^\r;]*)", text).group(1)
            name = re.search(r"\r\nCall-ID: ([^@]*)@", text).group(1)
            request("ACK", factory, name, tag)
            n_sent_to += 1
            print(f"{time.time():.3f} {found.group(1)}", flush=True)


if what == "load":
    load(float(sys.argv[3]), int(sys.argv[4]))
elif what == "first":
    print("ready", flush=True)
    ask(f"sip:127.0.0.1:{port}")
    print(f"{time.time():.3f}", flush=True)
else:
    print(ask(sys.argv[3]))
