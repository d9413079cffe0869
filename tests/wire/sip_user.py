"""A user of SIP over UDP, as far as presence needs it: requests with digest (MD5), NOTIFYs answered and kept."""
import hashlib
import random
import re
import socket
import time


class User:
    """server: where it sends to; domain_port: of its URIs, if that is a proxy."""

    def __init__(self, name, password, server, answers=True, domain_port=None):
        self.name, self.password, self.server, self.answers = name, password, server, answers
        self.domain_port = domain_port or server[1]
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.sock.bind(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.cseq, self.notifies, self.responses = 0, [], {}

    def close(self):
        self.sock.close()

    def uri(self, user=None):
        return f"sip:{user or self.name}@127.0.0.1:{self.domain_port}"

    def take(self, patience_s):
        """One message: a response is kept by its CSeq, a NOTIFY is answered and kept. @return False: none came"""
        self.sock.settimeout(patience_s)
        try:
            text = self.sock.recv(65536).decode("utf-8", "replace")
        except (socket.timeout, BlockingIOError):
            return False
        if text.startswith("SIP/2.0"):
            if not text.startswith("SIP/2.0 100"):
                self.responses[header(text, "CSeq")] = text
        elif text.startswith("NOTIFY"):
            self.notifies.append((time.monotonic(), text))
            if self.answers:
                copied = "".join(f"{n}: {v}\r\n" for n in ("Via", "From", "To", "Call-ID", "CSeq")
                                 for v in headers(text, n))
                self.sock.sendto(f"SIP/2.0 200 OK\r\n{copied}Content-Length: 0\r\n\r\n".encode(), self.server)
        return True

    def ask(self, method, uri, headers="", body="", to=None, call_id=None):
        """@return the final response, after a challenge if there is one"""
        call_id = call_id or f"{random.random()}@127.0.0.1"
        answer, credentials = "", ""
        for _ in range(2):
            self.cseq += 1
            key = f"{self.cseq} {method}"
            request = (f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{random.random()};rport\r\n"
                       f"From: <{self.uri()}>;tag=t{self.port}\r\nTo: {to or '<' + (uri if '@' in uri else self.uri()) + '>'}\r\n"
                       f"Call-ID: {call_id}\r\nCSeq: {key}\r\nMax-Forwards: 70\r\nContact: <sip:{self.name}@127.0.0.1:{self.port}>\r\n"
                       f"{headers}{credentials}Content-Length: {len(body.encode())}\r\n\r\n{body}")
            for _ in range(4):
                self.sock.sendto(request.encode(), self.server)
                until = time.monotonic() + 1
                while key not in self.responses and time.monotonic() < until and self.take(0.5):
                    pass
                if key in self.responses:
                    break
            answer = self.responses.get(key, "SIP/2.0 408 nothing came\r\n\r\n")
            if not answer.startswith("SIP/2.0 401") or not self.password:
                return answer
            credentials = self.credentials(answer, method, uri)
        return answer

    def credentials(self, challenge, method, uri):
        fields = dict(re.findall(r'(\w+)="?([^",]+)"?', header(challenge, "WWW-Authenticate")))
        md5 = lambda text: hashlib.md5(text.encode()).hexdigest()
        first, second = md5(f"{self.name}:{fields['realm']}:{self.password}"), md5(f"{method}:{uri}")
        response = md5(f"{first}:{fields['nonce']}:00000001:c:auth:{second}")
        return (f'Authorization: Digest username="{self.name}", realm="{fields["realm"]}", nonce="{fields["nonce"]}", '
                f'uri="{uri}", response="{response}", algorithm=MD5, qop=auth, nc=00000001, cnonce="c"\r\n')

    def register(self, expires=600):
        return status(self.ask("REGISTER", f"sip:127.0.0.1:{self.domain_port}", f"Expires: {expires}\r\n"))

    def publish(self, body="", etag=None, expires=600, event="presence", kind="application/pidf+xml"):
        match = f"SIP-If-Match: {etag}\r\n" if etag else ""
        kind = f"Content-Type: {kind}\r\n" if body else ""
        return self.ask("PUBLISH", self.uri(), f"Event: {event}\r\nExpires: {expires}\r\n{match}{kind}", body)

    def subscribe(self, user, event="presence", headers="", expires=600):
        return self.ask("SUBSCRIBE", self.uri(user), f"Event: {event}\r\nExpires: {expires}\r\n{headers}")

    def notified(self, patience_s=2):
        """The next NOTIFY that has not been looked at. @return "": none"""
        until = time.monotonic() + patience_s
        while not self.notifies and time.monotonic() < until:
            self.take(0.1)
        return self.notifies.pop(0)[1] if self.notifies else ""


def header(text, name):
    found = re.search(rf"^{name}: *(.*?)\r?$", text.split("\r\n\r\n")[0], re.M | re.I)
    return found.group(1) if found else ""


def headers(text, name):
    return re.findall(rf"^{name}: *(.*?)\r?$", text.split("\r\n\r\n")[0], re.M | re.I)


def status(text):
    return int(text.split()[1])


def body(text):
    return text.split("\r\n\r\n", 1)[1] if "\r\n\r\n" in text else ""


def pidf(user, basic, more=""):
    return (f'<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:{user}@127.0.0.1">'
            f'<tuple id="a"><status><basic>{basic}</basic></status></tuple>{more}</presence>')
