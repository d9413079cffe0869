"""media_unheard.py PORT HTTP: a call whose RTP comes from another host than it says, for six seconds (fault D5)."""
import json
import socket
import sys
import urllib.request

from rtp_phone import Checks, Phone, talk

port, http = int(sys.argv[1]), sys.argv[2]
checks = Checks()
a, b = Phone(port, "127.0.4.1").join(), Phone(port, "127.0.4.2")
b.join(a)
elsewhere = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
elsewhere.bind(("127.0.4.99", 0))
print(f"from 127.0.4.99:{elsewhere.getsockname()[1]}, said 127.0.4.1:{a.port}")
talk(a, 700, 6, [b], sock=elsewhere)
with urllib.request.urlopen(f"http://{http}/v1/conferences", timeout=5) as page:
    people = {p["entity"]: p for p in json.load(page)["conferences"][0]["participants"]}
unheard, heard = people[f"sip:{a.name}@example.test"], people[f"sip:{b.name}@example.test"]
checks.that("it is told of", unheard["rx"]["unheard"] and unheard["rx"]["last_drop"] == "SOURCE", unheard["rx"])
checks.that("as silent, without a delay", unheard["level_dbov"] == -127 and unheard["rx"]["delay_ms"] is None)
checks.that("nothing more is sent to it", unheard["tx"]["state"].startswith("withheld"), unheard["tx"])
checks.that("the other is well", not heard["rx"]["unheard"] and heard["tx"]["state"] == "open", heard)
with urllib.request.urlopen(f"http://{http}/metrics", timeout=5) as page:
    checks.that("a figure", b'mixminus_unheard_legs_total{worker="0"} 1\n' in page.read())
sys.exit(checks.failed > 0)
