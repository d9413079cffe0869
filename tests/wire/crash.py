"""Asks the factory of 127.0.0.1:PORT for conferences, RATE a second, for SECONDS, whether it answers or not. Prints each
URI it was sent to, after the second at which that was. Or, as crash.py PORT ask URI: prints the status of an OPTIONS."""
import re
import socket
import sys
import time

SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"
port = int(sys.argv[1])
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
    except (socket.timeout, ConnectionError):
        return ""


if sys.argv[2] == "ask":
    name, text = f"o{time.time_ns()}", ""
    for _ in range(40):  # again and again: what came before the server had its socket is lost
        request("OPTIONS", sys.argv[3], name)
        text = answer(0.05)
        if text:
            break
    print((text + "  ").split(" ")[1])
    sys.exit()
rate, seconds = float(sys.argv[2]), float(sys.argv[3])
factory = f"sip:conferences@127.0.0.1:{port}"
begin, n = time.monotonic(), 0
while time.monotonic() < begin + seconds:
    while n < (time.monotonic() - begin) * rate:
        n += 1
        request("INVITE", factory, f"c{n}", body=SDP)
    text = answer(begin + (n + 1) / rate - time.monotonic())
    found = re.search(r"\r\nContact: <(sip:[^>]*)>", text)
    if text.startswith("SIP/2.0 302") and found:
        tag = re.search(r"\r\nTo: [^\r]*(;tag=[^\r;]*)", text).group(1)
        name = re.search(r"\r\nCall-ID: ([^@]*)@", text).group(1)
        request("ACK", factory, name, tag)
        print(f"{time.time():.3f} {found.group(1)}", flush=True)
