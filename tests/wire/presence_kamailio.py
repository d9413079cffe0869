"""Users behind a proxy that vouches for them. presence_kamailio.py PROXY_PORT DOMAIN_PORT"""
import re
import sys

sys.dont_write_bytecode = True
from sip_user import User, body, header, headers, pidf, status

proxy, domain_port = ("127.0.0.1", int(sys.argv[1])), int(sys.argv[2])


def check(is_so, sentence):
    if not is_so:
        print(sentence)


bob, alice, mallory, eve = (User(n, p, proxy, domain_port=domain_port) for n, p in
                            [("bob", ""), ("alice", ""), ("mallory", ""), ("eve", "tulip")])

# Bob registers through the edge, which is in the way back to him; what is said of him shows it to him alone.
answer = bob.ask("REGISTER", f"sip:127.0.0.1:{domain_port}", "Supported: path\r\n")
check(status(answer) == 200, f"bob cannot register: {answer}")
check(f"127.0.0.1:{proxy[1]}" in header(answer, "Path"), f"his way back is not kept: {answer}")
check(status(bob.publish(pidf("bob", "open"))) == 200, "bob cannot publish")
check(status(bob.subscribe("bob", event="reg")) == 200, "bob cannot see his registrations")
check(f"<uri>sip:bob@127.0.0.1:{bob.port}</uri>" in body(bob.notified()), "his phone is not there")

# Who the proxy vouches for is not asked; its NOTIFYs come by the recorded route.
check(status(alice.subscribe("bob")) == 200, "alice cannot watch")
notify = alice.notified()
check("<basic>open" in body(notify), f"alice does not see bob: {notify}")
check(len(headers(notify, "Via")) == 2, "the NOTIFY has not come by the proxy")
check(status(eve.subscribe("bob")) == 200, "eve, of whom nothing is said, cannot prove herself")
check("<basic>closed" in body(eve.notified()), "eve sees bob")

# A bob of another domain is not ours: mallory's requests say so.
check(status(mallory.ask("PUBLISH", bob.uri(), "Event: presence\r\nContent-Type: application/pidf+xml\r\n",
                         pidf("bob", "closed"))) == 403, "mallory publishes for bob")
check(status(mallory.ask("REGISTER", f"sip:127.0.0.1:{domain_port}", to=f"<{bob.uri()}>")) == 403, "mallory registers as bob")
check(status(mallory.subscribe("bob", event="presence.winfo")) == 403, "mallory sees bob's watchers")
check(status(mallory.subscribe("bob")) == 200, "mallory cannot watch")
check("<basic>closed" in body(mallory.notified()), "mallory sees bob")
