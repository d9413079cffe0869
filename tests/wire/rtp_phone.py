"""A small phone of SIP and RTP for tests that choose their own packets: UDP, PCMU, one call each. See media_*.py."""
import math
import re
import socket
import struct
import time

FRAME = 160


def _linear(code):
    code = ~code & 0xFF
    value = (((code & 15) << 3) + 132 << (code >> 4 & 7)) - 132
    return -value if code & 128 else value


LINEAR = [_linear(code) for code in range(256)]
_KNOWN = sorted((LINEAR[code], code) for code in range(256))


def _code(value):
    return min(_KNOWN, key=lambda known: abs(known[0] - value))[1]


def tone(hz, phase=0):
    """20 ms of it, and the next phase."""
    wave = [_code(int(8000 * math.sin(2 * math.pi * hz * (phase + i) / 8000))) for i in range(FRAME)]
    return bytes(wave), phase + FRAME


def share(codes, hz):
    """Of the energy of what was heard, how much is at that frequency? 0 for less than 100 ms, and for silence."""
    if len(codes) < 800:
        return 0
    samples = [LINEAR[code] for code in codes]
    step = 2 * math.cos(2 * math.pi * hz / 8000)
    first = second = 0.0
    for sample in samples:
        first, second = sample + step * first - second, first
    power = first * first + second * second - step * first * second
    energy = sum(sample * sample for sample in samples)
    return 2 * power / len(samples) / energy if energy > 1e6 * len(samples) / 10 else 0


def sdp(host, port, lines="a=sendrecv\r\n", version=1):
    return (f"v=0\r\no=- 1 {version} IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP 0\r\n{lines}")


class Phone:
    """host: where its sockets are; says: what it is called in SIP and SDP, if that is another name of it."""

    count = 0

    def __init__(self, server_port, host="127.0.0.1", says=None):
        Phone.count += 1
        self.name, self.host, self.says = f"p{Phone.count}", host, says or host
        self.server = ("127.0.0.1", server_port)
        self.sip = self.socket()
        self.rtp = self.socket()
        self.port = self.rtp.getsockname()[1]
        self.uri = f"sip:conferences@127.0.0.1:{server_port}"
        self.to_tag, self.cseq, self.version = "", 0, 1
        self.seq, self.ts, self.ssrc, self.phase = 1, 0, 1000 + Phone.count, 0
        self.heard, self.last_body, self.ended = [], "", False

    def socket(self):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind((self.host, 0))
        s.setblocking(False)
        return s

    def request(self, method, body="", cseq=None):
        self.cseq += method != "ACK"
        number = cseq or self.cseq
        me = f"{self.says}:{self.sip.getsockname()[1]}"
        text = (f"{method} {self.uri} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP {me};branch=z9hG4bK{self.name}{method}{number};rport\r\nMax-Forwards: 70\r\n"
                f"From: <sip:{self.name}@example.test>;tag={self.name}\r\nTo: <{self.uri}>{self.to_tag}\r\n"
                f"Call-ID: {self.name}-{self.port}\r\nCSeq: {number} {method}\r\nContact: <sip:{self.name}@{me}>\r\n"
                + ("Content-Type: application/sdp\r\n" if body else "") + f"Content-Length: {len(body)}\r\n\r\n{body}")
        self.sip.sendto(text.encode(), self.server)

    def take(self):
        """The next message, or None; a BYE is answered."""
        try:
            text, source = self.sip.recvfrom(65536)
        except BlockingIOError:
            return None
        text = text.decode()
        if text.startswith("BYE "):
            self.ended = True
            lines = [l for l in text.split("\r\n") if re.match(r"(Via|From|To|Call-ID|CSeq):", l)]
            self.sip.sendto(("\r\n".join(["SIP/2.0 200 OK", *lines]) + "\r\nContent-Length: 0\r\n\r\n").encode(), source)
        return text

    def final(self, wait_s=10):
        end = time.monotonic() + wait_s
        while time.monotonic() < end:
            text = self.take()
            if text and text.startswith("SIP/2.0 ") and int(text[8:11]) >= 200:
                return text
            time.sleep(0.005)
        raise SystemExit(f"{self.name}: no answer")

    def invite(self, body, ack=True):
        """@return status; a 302 is followed, a dialog is kept"""
        self.request("INVITE", body)
        answer = self.final()
        status = int(answer[8:11])
        tag = re.search(r"\r\nTo: .*(;tag=\S+)", answer).group(1)
        if status >= 300 or not self.to_tag:
            before, self.to_tag = self.to_tag, tag
            if status == 200:
                self.uri = re.search(r"\r\nContact: <([^>]+)>", answer).group(1)
                self.media = ("127.0.0.1", int(re.search(r"m=audio (\d+)", answer).group(1)))
            elif not before:
                self.request("ACK")
                self.to_tag = ""
        if status == 302:
            self.uri = self.conference = re.search(r"\r\nContact: <([^>]+)>", answer).group(1)
            return self.invite(body, ack)
        if status == 200 and ack:
            self.request("ACK")
        return status

    def join(self, other=None, body=None):
        self.uri = other.conference if other else self.uri
        self.conference = self.uri
        status = self.invite(body or sdp(self.says, self.port))
        assert status == 200, status
        return self

    def change(self, body_of, **kw):
        """A re-INVITE. @return status"""
        self.version += 1
        return self.invite(body_of(self.version), **kw)

    def packet(self, payload, pt=0):
        head = struct.pack("!BBHII", 0x80, pt, self.seq & 0xFFFF, self.ts & 0xFFFFFFFF, self.ssrc)
        self.seq += 1
        self.ts += FRAME
        return head + payload

    def listen(self, sock=None):
        """Takes what waits: RTP payload into heard. @return bytes of all datagrams, RTP and others"""
        n = 0
        while True:
            try:
                data = (sock or self.rtp).recv(2048)
            except BlockingIOError:
                return n
            n += len(data) + 28
            if len(data) > 12 and not 192 <= data[1] <= 223:
                self.heard.append((time.monotonic(), data[12 + 4 * (data[0] & 15):]))

    def bye(self):
        self.request("BYE")
        return self.final()


def talk(speaker, hz, seconds, listeners=(), sock=None, others=()):
    """The speaker's tone in real time; the others send silence, and take what comes. sock: another of the speaker's."""
    begin, n = time.monotonic(), 0
    while n * 0.02 < seconds:
        payload, speaker.phase = tone(hz, speaker.phase)
        (sock or speaker.rtp).sendto(speaker.packet(payload), speaker.media)
        for phone in (*listeners, *others):
            phone.rtp.sendto(phone.packet(b"\xff" * FRAME), phone.media)
            phone.listen()
        n += 1
        time.sleep(max(0, begin + n * 0.02 - time.monotonic()))
    for phone in listeners:
        phone.listen()


def hears(listener, speaker, hz=700, seconds=2.0, sock=None, tail=0.6):
    """How much of what the listener gets at the end of it is the speaker's tone."""
    listener.heard.clear()
    talk(speaker, hz, seconds, [listener], sock)
    last = time.monotonic() - tail
    return share(b"".join(payload for at, payload in listener.heard if at >= last), hz)


class Checks:
    def __init__(self):
        self.failed = 0

    def that(self, what, is_right, seen=""):
        print(f"{'ok ' if is_right else 'BAD'} {what} {seen}", flush=True)
        self.failed += not is_right

    def heard(self, what, how_much):
        self.that(what, how_much > 0.8, f"{how_much:.2f}")
