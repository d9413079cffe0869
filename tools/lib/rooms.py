"""The rooms of the source, which may include which, and circles among files. tools/tidy is the caller."""
import os
import re

SIMD_H = "simd/simd.h"

# Room -> what it may include besides itself. The longest prefix of a file's path is its room.
MAY_INCLUDE = {
    "simd/": [],
    "core/base/": [],
    "core/media/": ["core/base/", SIMD_H],
    "core/ctl": ["core/base/"],
    "core/io": ["core/base/", "core/media/outbox.h"],
    "core/conf/": ["core/base/", "core/media/", SIMD_H],
    "core/engine": ["core/base/", "core/media/", "core/conf/", "core/ctl.h", "core/io.h", SIMD_H],
    "core/uring": ["core/base/", "core/io.h", "core/io_socket.h"],
    "core/syscall": ["core/base/", "core/io.h", "core/io_socket.h"],
    "core/worker": ["core/base/", "core/engine.h", "core/io.h", "core/io_socket.h", "core/ctl.h", SIMD_H],
    "bench/": ["core/", "sig/", "simd/", "tests/sim/"],
    "tests/": ["core/", "sig/", "simd/", "tools/"],
}

# Floors of signalling, lowest first: a room includes what is below its floor, and nothing beside it.
SIG_FLOORS = [["base"], ["sip"], ["net", "txn", "sdp"], ["store"], ["peer"], ["place"], ["room"], ["call"], ["ivr", "msg"],
              ["focus", "reg", "pres"], ["instant"], ["mrf"], ["http", "ops"], [""]]
# What signalling sees of the media side: legs and conferences as it builds and lends them, codecs, keys.
SIG_SEES = ["core/base/", "core/ctl.h", "core/conf/leg.h", "core/conf/leg_source.h", "core/conf/conf.h", "core/conf/relay.h",
            "core/conf/clip.h", "core/media/codec.h", "core/media/seal.h"]
# The programs: libraries first, each program's own room beside the others.
TOOLS_FLOORS = [["lib"], ["config", "ua", "replay"], ["server", "ctl", "load"]]
TOOLS_SEE = ["core/", "sig/", "simd/"]


def _room(top, name):
    return f"{top}/{name}/" if name else f"{top}/"


def _floors_add(top, floors, sees):
    below = []
    for floor in floors:
        for name in floor:
            MAY_INCLUDE[_room(top, name)] = sees + below
        below = below + [_room(top, name) for name in floor]


_floors_add("sig", SIG_FLOORS, SIG_SEES)
_floors_add("tools", TOOLS_FLOORS, TOOLS_SEE)

# Headers that are another room's only where it says so: what a room has from inside.
PRIVATE = {"sig/focus/focus.h": ("sig/focus/", "sig/sig."), "sig/focus/focus_priv.h": ("sig/focus/",)}
PAIRS_MAX = 17  # source pairs of a room of signalling


def room_of(path):
    rooms = [r for r in MAY_INCLUDE if path.startswith(r)]
    return max(rooms, key=len) if rooms else None


def check_include(path, line_no, included, report):
    room, theirs = room_of(path), room_of(included)
    allowed = MAY_INCLUDE.get(room, [])
    if theirs != room and not any(included.startswith(a) for a in allowed):
        report(f"{path}:{line_no}: {room} may not include {included}")
    if included in PRIVATE and path.startswith("sig/") and not path.startswith(PRIVATE[included]):
        report(f"{path}:{line_no}: {included} is for {', '.join(PRIVATE[included])} alone")


def check_rooms(files, report):
    """Every source of signalling has a room that is drawn, and no room is a warehouse."""
    pairs = {}
    for path in files:
        if path.startswith("sig/"):
            room = path.rsplit("/", 1)[0] + "/"
            if room not in MAY_INCLUDE:
                report(f"{path}: {room} is no room: tools/lib/rooms.py draws them")
            pairs.setdefault(room, set()).add(re.sub(r"\.[ch]$", "", path))
    for room, names in pairs.items():
        if len(names) > PAIRS_MAX:
            report(f"{room}: {len(names)} source pairs, more than {PAIRS_MAX}: it wants a second room")


def circles(edges):
    """@return the strongly connected components of more than one node (Tarjan)."""
    index, low, stack, on, found = {}, {}, [], set(), []

    def visit(v):
        index[v] = low[v] = len(index)
        stack.append(v)
        on.add(v)
        for w in edges.get(v, ()):
            if w not in index:
                visit(w)
                low[v] = min(low[v], low[w])
            elif w in on:
                low[v] = min(low[v], index[w])
        if low[v] == index[v]:
            one = []
            while not one or one[-1] != v:
                one.append(stack.pop())
                on.discard(one[-1])
            if len(one) > 1:
                found.append(sorted(one))

    for v in sorted(edges):
        if v not in index:
            visit(v)
    return found


def object_edges(symbols):
    """symbols: lines of nm -A. @return object -> objects whose symbols it wants."""
    home, wants = {}, []
    for line in symbols:
        where, rest = line.rsplit(":", 1)
        words = rest.split()
        member = os.path.basename(where.split(":")[-1])
        if words[-2] in "TDRBV":
            home[words[-1]] = member
        elif words[-2] == "U":
            wants.append((member, words[-1]))
    edges = {}
    for member, symbol in wants:
        if symbol in home and home[symbol] != member:
            edges.setdefault(member, set()).add(home[symbol])
    return edges


# The call's table and what its cells do: one state machine in several files.
CALL_TABLE = re.compile(r"^(call\w*|dial|early|refresh|invite|script)\.c\.o$")


def check_circles(symbols, report):
    """Files of an archive that want each other's symbols: none but those of the call's table."""
    for circle in circles(object_edges(symbols)):
        if not all(CALL_TABLE.match(member) for member in circle):
            report("circle: " + " ".join(re.sub(r"\.c\.o$", "", member) for member in circle))


# Stages of a tick -> the file that has it. Their order is spelt in core/conf/tick.c.
STAGES = {"leg_frame": "core/conf/leg_frame.c", "legs_decode": "core/conf/leg_frame.c", "leg_settle": "core/conf/leg_frame.c",
          "conf_mix": "core/conf/mix.c", "confs_encode": "core/conf/encode.c"}
TICK = "core/conf/tick.c"


def check_stages(path, line_no, line, report):
    """line: of a source, without comments. Engine, tests and benches run a tick by tick.h."""
    for stage in re.findall(r"\b(\w+)\(", line):
        if path.endswith(".c") and stage in STAGES and path not in (TICK, STAGES[stage]):
            report(f"{path}:{line_no}: {stage}() is a stage of a tick: {TICK} alone puts them in order")


def include_edges(texts):
    """texts: path -> text. @return pair of .c and .h -> pairs that it includes. A header of a pair's inside (x_run.h,
    x_priv.h) includes the pair's own header: x.c implements both, that is no edge."""
    edges = {}
    for path, text in texts.items():
        pair = re.sub(r"\.[ch]$", "", path)
        for included in re.findall(r'^#include "([^"]+)"', text, re.M):
            other = re.sub(r"\.[ch]$", "", included)
            if other not in (pair, re.sub(r"_(run|priv)$", "", pair)):
                edges.setdefault(pair, set()).add(other)
    return edges


def check_include_circles(texts, report):
    """Pairs of .c and .h of the media side that include each other."""
    core = {path: text for path, text in texts.items() if path.startswith("core/")}
    for circle in circles(include_edges(core)):
        report("circle of includes: " + " ".join(circle))
