#!/usr/bin/env python3
"""Does tools/tidy see an include that points up? Plants one in each room in turn, in memory, and circles, and one
file outside of every room. The last line is "N planted, N seen"."""
import importlib.machinery
import importlib.util
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("tidy", os.path.join(ROOT, "tools/tidy"))
tidy = importlib.util.module_from_spec(importlib.util.spec_from_loader("tidy", loader))
loader.exec_module(tidy)
rooms = tidy.rooms


def main():
    files = subprocess.run(["git", "ls-files", "*.c", "*.h"], cwd=ROOT, text=True, capture_output=True).stdout.split()
    planted, unseen = 0, []
    for room in sorted(rooms.MAY_INCLUDE):
        inside = [f for f in files if rooms.room_of(f) == room]
        if not inside:
            continue  # drawn, and not built yet
        if room.startswith("tests/"):
            continue  # the highest floor: nothing is above it
        clean, found = [], []
        text = tidy.text_of(inside[0])
        tidy.check_text(inside[0], text, clean.append)
        above = next(f for f in files if f.endswith(".h") and rooms.room_of(f) != room and
                     not any(f.startswith(a) for a in rooms.MAY_INCLUDE[room]))
        tidy.check_text(inside[0], text + f'#include "{above}"\n', found.append)
        planted += 1
        if clean or len(found) != 1:
            unseen.append(f"{room}: {above} in {inside[0]}: {clean + found}")
    for what, check in [("circle", lambda r: rooms.check_circles(["lib.a:a.c.o:0 T a", "lib.a:a.c.o:0 U b", "lib.a:b.c.o:0 T b",
                                                                  "lib.a:b.c.o:0 U a"], r)),
                        ("circle of includes", lambda r: rooms.check_include_circles(
                            {"core/a.c": '#include "core/a_run.h"\n', "core/a_run.h": '#include "core/a.h"\n#include "core/b.h"\n',
                             "core/b.h": '#include "core/a_run.h"\n'}, r)),
                        ("stage", lambda r: tidy.check_text("bench/x.c", "    conf_mix(conf, tools); /* conf_mix() */\n", r)),
                        ("no room", lambda r: rooms.check_rooms(["sig/attic/x.c"], r)),
                        ("warehouse", lambda r: rooms.check_rooms([f"sig/call/x{i}.c" for i in range(rooms.PAIRS_MAX + 1)], r))]:
        found = []
        check(found.append)
        planted += 1
        if len(found) != 1:
            unseen.append(f"{what}: {found}")
    print("\n".join(unseen + [f"{planted} planted, {planted - len(unseen)} seen"]))
    return 1 if unseen else 0


if __name__ == "__main__":
    sys.exit(main())
