"""idle.py PORT N: connections from many addresses that say nothing (A9). Says what becomes of them, one line each:
"one source: N" (how many of one address are kept), "all: N of M" (how many of all), "gone" when the last was closed."""
import resource
import select
import socket
import sys

port, wanted = int(sys.argv[1]), int(sys.argv[2])
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
wanted = min(wanted, hard - 64 if hard != resource.RLIM_INFINITY else wanted)
poll = select.poll()
alive = {}


def connect(source):
    s = socket.socket()
    s.bind((source, 0))
    s.settimeout(10)
    try:
        s.connect(("127.0.0.1", port))
    except OSError:
        s.close()
        return
    alive[s.fileno()] = s
    poll.register(s, select.POLLIN)


def bury(wait_ms):
    for fd, _ in poll.poll(wait_ms):
        poll.unregister(fd)
        alive.pop(fd).close()


def settle():
    """Those who are let in stay; the others are closed at once. None has gone for a while: that was all."""
    n = -1
    while n != len(alive):
        n = len(alive)
        bury(1000)


for _ in range(200):
    connect("127.0.0.9")
settle()
print("one source:", len(alive), flush=True)
made = 200
while made < wanted:
    connect(f"127.{1 + made // 40 // 250}.{made // 40 % 250}.1")
    made += 1
    if made % 100 == 0:
        bury(0)
settle()
print("all:", len(alive), "of", made, flush=True)
while alive:
    bury(1000)
print("gone", flush=True)
