"""Users of the presence server over the wire, with accounts and digest. presence.py PORT CTL FLAG: CTL is mixminusctl,
FLAG its --control-socket. Documents are left in the folder for xmllint. Complains in sentences; silence is success."""
import os
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from sip_user import User, body, header, pidf, status

port, ctl, flag = int(sys.argv[1]), sys.argv[2], sys.argv[3]
server = ("127.0.0.1", port)
n_documents = 0


def check(is_so, sentence):
    if not is_so:
        print(sentence)


def keep(text, kind):
    global n_documents
    n_documents += 1
    with open(f"document{n_documents}.{kind}.xml", "w", encoding="utf-8") as f:
        f.write(text)


def operator(*words):
    done = subprocess.run([ctl, *words, flag], capture_output=True, text=True)
    check(done.returncode == 0, f"mixminusctl {' '.join(words)}: {done.stderr}")
    return done.stdout


def basic_of(notify):
    if body(notify):
        keep(body(notify), "pidf")
    return re.findall(r'<tuple id="user"><status><basic>(\w+)', body(notify))


def parts_of(notify):
    """@return the list, and entity -> basic of its documents"""
    boundary = re.search(r'boundary=([^;]+)', header(notify, "Content-Type")).group(1)
    parts = [p.split("\r\n\r\n", 1)[1].rstrip("\r\n") for p in body(notify).split("--" + boundary)[1:-1]]
    for i, part in enumerate(parts):
        keep(part, "pidf" if i else "rlmi")
    return parts[0], dict(re.search(r'entity="sip:([^@]+)@.*<basic>(\w+)', p, re.S).groups() for p in parts[1:])


# A keep-alive of a phone behind NAT: where its datagrams come from.
nat = User("nat", "", server)
nat.sock.sendto(bytes.fromhex("00010000" "2112a442") + b"0123456789ab", server)
nat.sock.settimeout(2)
answer = nat.sock.recv(100)
check(answer[:2] == b"\x01\x01" and int.from_bytes(answer[26:28], "big") ^ 0x2112 == nat.port, f"STUN: {answer.hex()}")

# A bare line end is one, too, and wants no answer (RFC 5626 4.4.1).
nat.sock.sendto(b"\r\n\r\n", server)
nat.sock.sendto(b"\r\n", server)
check(not nat.take(0.3), "a bare line end by UDP is answered")

bob, alice, eve, carol = (User(n, p, server) for n, p in
                          [("bob", "tulip"), ("alice", "sesame"), ("eve", "tulip"), ("carol", "tulip")])
nobody = User("nobody", "", server)

# PUBLISH: who is not known does not; each tag is good once (a replay gets 412).
check(status(nobody.publish(pidf("nobody", "open"))) == 401, "a publication without credentials")
check(status(bob.ask("PUBLISH", bob.uri("alice"), "Event: presence\r\nContent-Type: application/pidf+xml\r\n",
                     pidf("alice", "open"))) == 403, "bob publishes for alice")
check(bob.register() == 200, "bob cannot register")
first = bob.publish(pidf("bob", "open", "<note>at my desk</note>"))
check(status(first) == 200 and header(first, "SIP-ETag"), "bob cannot publish")
tag = header(first, "SIP-ETag")
second = bob.publish(etag=tag)
check(status(second) == 200 and header(second, "SIP-ETag") not in ("", tag), "a refresh gives no new tag")
check(status(bob.publish(pidf("bob", "closed"), etag=tag)) == 412, "a used tag is taken")
check(status(bob.publish(etag="wrong")) == 412, "an unknown tag is taken")
check(status(bob.publish("open", kind="text/plain")) == 415, "a body of another type is taken")
check(status(bob.publish(pidf("bob", "open"), event="dialog")) == 489, "another event is taken")
check(status(bob.publish(pidf("bob", "open"), expires=5)) == 423, "five seconds are taken")
check(status(bob.publish("<!DOCTYPE x [<!ENTITY a 'a'>]>" + pidf("bob", "open", "<note>&a;</note>"))) == 400, "a DTD is taken")
tag = header(second, "SIP-ETag")

# Rules: the stranger sees what she sees of one who does not exist; the allowed one sees bob, and his changes in order.
operator("rules", "set", "bob", f"sip:alice@127.0.0.1=allow")
for user in ("bob", "no.such.user"):
    answer = eve.subscribe(user)
    check(status(answer) == 200, f"eve's SUBSCRIBE to {user}: {status(answer)}")
seen = [eve.notified(), eve.notified()]
plain = [re.sub(r"sip:[\w.]+@", "sip:X@", body(n)) for n in seen]
check(plain[0] == plain[1] and "closed" in plain[0] and "desk" not in plain[0], f"eve can tell them apart: {plain}")
check(header(seen[0], "Subscription-State")[:6] == header(seen[1], "Subscription-State")[:6] == "active", "by their state")
check(status(alice.subscribe("bob")) == 200, "alice cannot watch")
notify = alice.notified()
check(basic_of(notify) == ["open"] and "at my desk" in body(notify), f"alice does not see bob: {notify}")
time.sleep(5.1)
begin = time.monotonic()
answer = bob.publish(pidf("bob", "closed"), etag=tag)
notify = alice.notified()
check(basic_of(notify) == ["closed"], "alice does not see him leave")
check(time.monotonic() - begin < 0.5, "a first change after a quiet while waits")
begin = time.monotonic()
answer = bob.publish(pidf("bob", "open"), etag=header(answer, "SIP-ETag"))
tag = header(answer, "SIP-ETag")
check(basic_of(alice.notified(7)) == ["open"] and 4 < time.monotonic() - begin < 6.5, "the second change does not wait 5 s")
check(eve.notified(0.5) == "", "eve is told of what she may not see")
check(status(bob.subscribe("bob", event="presence.winfo")) == 200, "bob cannot see his watchers")
notify = bob.notified()
keep(body(notify), "winfo")
check("sip:alice@127.0.0.1</watcher>" in body(notify) and "sip:eve@" in body(notify), f"his watchers: {body(notify)}")
check(status(eve.subscribe("bob", event="presence.winfo")) == 403, "eve sees bob's watchers")
check(status(eve.subscribe("bob", event="reg")) == 403, "eve sees bob's registrations")
check(status(bob.subscribe("bob", event="reg")) == 200, "bob cannot see his registrations")
notify = bob.notified()
keep(body(notify), "reginfo")
check(f"<uri>sip:bob@127.0.0.1:{bob.port}</uri>" in body(notify), f"his registrations: {body(notify)}")

# A list: exactly what the rules allow; what changes later, and no more.
operator("buddies", "set", "alice", "sip:bob@127.0.0.1", "sip:carol@127.0.0.1", "sip:dave@example.org")
check(carol.register() == 200, "carol cannot register")
lists = "Supported: eventlist\r\nAccept: application/pidf+xml, application/rlmi+xml, multipart/related\r\n"
check(status(alice.subscribe("buddies")) == 421, "a list without eventlist")
check(status(alice.subscribe("buddies", headers=lists)) == 200, "no list")
resources, documents = parts_of(alice.notified())
check('fullState="true"' in resources and resources.count("<resource ") == 3, f"the list: {resources}")
check(documents == {"bob": "open", "carol": "closed"}, f"not what alice may see: {documents}")
time.sleep(5.1)
operator("rules", "set", "carol", "127.0.0.1=allow")
resources, documents = parts_of(alice.notified())
check('fullState="false"' in resources and documents == {"carol": "open"}, f"the change: {resources} {documents}")
check(status(alice.subscribe("ptt", headers=lists)) == 403, "a service that alice has not")
operator("service", "set", "alice", "alice", "sip:bob@127.0.0.1", "priority=5", "emergency=yes")
check(status(alice.subscribe("ptt", headers=lists)) == 200, "no service list")
resources, documents = parts_of(alice.notified())
check(documents == {"bob": "closed", "carol": "closed"}, f"nobody is provisioned: {documents}")

# Operators see all, and their documents.
users = operator("presence", "list")
check('{"user":"bob","identifications":["sip:bob@127.0.0.1' in users and '"status":"registered","node":"node' in users,
      f"the users: {users}")
check("no.such.user" not in users and "eve" not in users, f"a name that is watched is a user: {users}")
busy = ('<dm:person xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:r="urn:ietf:params:xml:ns:pidf:rpid" id="p">'
        "<r:activities><r:busy/></r:activities></dm:person>")
check(status(bob.publish(pidf("bob", "open", busy), etag=tag)) == 200, "bob cannot be busy")
check('"status":"dnd"' in operator("presence", "list"), "he is not")
check(operator("rules", "show", "carol") == '{"rules":[{"who":"127.0.0.1","action":"allow"}]}\n', "carol's rules")
operator("group", "set", "team", "sip:alice@127.0.0.1", "sip:bob@127.0.0.1")
check(operator("group", "list") == '{"groups":[{"name":"team","members":2}]}\n', "the groups")
operator("group", "drop", "team")
operator("buddies", "drop", "alice")
# The list is empty now; eve has heard nothing all the time.
check("<resource " not in body(alice.notified(7)), "the list still has somebody")
check(eve.notified(0.2) == "", "eve is told something")
