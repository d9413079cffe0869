#!/usr/bin/env python3
"""Are the pages for people true? Each log line that a page quotes is a text of the source, each refusal and metric one
of the program, each path one of the tree, each flag one of a program; examples are what their programs take; README and
the pages of rooms keep their length, and say what tools/lib/rooms.py draws.

  pages.py BIN          BIN: folder of the programs. Prints one line a fault; exit 1 if there is one
  pages.py --planted    plants one fault of each kind, in memory: all must be seen"""
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tools/lib"))
sys.dont_write_bytecode = True
import rooms  # noqa: E402

README_WORDS_MAX = 1600
ROOM_LINES_MAX = 20
PROGRAMS = ["mixminusd", "mixminusctl", "mixminus-ua", "mixminus-load", "mixminus-replay"]
SOURCES = ("core/", "sig/", "simd/", "tools/", "tests/", "bench/", ".github/", "build/bin/")
# Flags of programs that are not ours, and of scripts and the simulator, which have no table.
FOREIGN_FLAGS = {"--build", "--install", "--now", "--prefix", "--runs", "--scenario", "--seed", "--target", "--test",
                 "--test-dir", "--trace"}
LITERAL = re.compile(r'"((?:\\.|[^"\\\n])*)"')
DIRECTIVE = re.compile(r"%[-+ #0]*[0-9.*]*(?:hh|h|ll|l|z|t|j)?[diouxXeEfgGscp]")


def text_of(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def files(*patterns):
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns], cwd=ROOT,
                            text=True, capture_output=True).stdout.split()
    return [f for f in listed if os.path.exists(os.path.join(ROOT, f))]


def pages():
    return files("README.md", "tools/doc/*.md", ".github/*.md", "core/**/README.md", "sig/**/README.md",
                 "tools/**/README.md", "core/README.md", "sig/README.md", "tools/README.md")


def literals():
    """The texts of the source, adjacent ones joined, with NUL where printf puts something."""
    found = []
    for path in files("sig/*.c", "sig/*.h", "core/*.c", "core/*.h", "tools/*.c", "tools/*.h"):
        source = re.sub(r"\\\n", "\n", text_of(path))
        for run in re.finditer(r'"(?:\\.|[^"\\\n])*"(?:\s*(?:PRIu64\s*)?"(?:\\.|[^"\\\n])*")*', source):
            joined = "".join(m.group(1) for m in LITERAL.finditer(run.group(0)))
            joined = joined.replace('\\"', '"').replace("\\n", "\n").replace("\\\\", "\\")
            found.append(DIRECTIVE.sub("\0", joined).replace("%%", "%"))
    return found


def is_quoted(quote, texts):
    """Do all parts of the quote stand in one text, in order, with something that is put between them?"""
    parts = [p for p in (part.strip() for part in quote.split("...")) if p.strip(" ;:,()")]
    if not parts:
        return False
    for text in texts:
        at = 0
        for part in parts:
            at = text.find(part, at)
            if at < 0:
                break
            at += len(part)
        else:
            return True
    return False


def blocks(text, kind):
    for block in re.finditer(r"^```" + kind + r"\n(.*?)^```", text, re.M | re.S):
        yield from (line for line in block.group(1).split("\n") if line.strip())


def prose(text):
    """Without blocks of code."""
    return re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)


def check_quotes(path, text, facts, report):
    for quote in blocks(text, "log"):
        if not is_quoted(quote, facts["literals"]):
            report(f"{path}: no text of the source is: {quote}")
    for quote in re.findall(r"^\| `([^`]* [^`]*)` \|", text, re.M) if path.endswith("troubleshooting.md") else ():
        if not is_quoted(quote, facts["literals"]):
            report(f"{path}: no text of the source is: {quote}")
    for quote in blocks(text, "refusal"):
        if quote not in facts["refusals"]:
            report(f"{path}: no refusal is: {quote}")


def check_metrics(path, text, facts, report):
    for name in set(re.findall(r"\bmixminus_[a-z_]+\b|\bprocess_[a-z_]+(?:_total|_bytes)\b", text)):
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        if name not in facts["metrics"] and base not in facts["metrics"] and not name.startswith("mixminus_ua"):
            report(f"{path}: there is no metric {name}")
    for metric, reasons in re.findall(r'(mixminus_\w+)\{reason=~?"([\w|]+)"\}', text):
        for reason in reasons.split("|"):
            if (metric, reason) not in facts["reasons"]:
                report(f"{path}: {metric} has no reason {reason}")


def check_flags(path, text, facts, report):
    for flag in set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", text)):
        if flag not in facts["flags"] and flag not in FOREIGN_FLAGS:
            report(f"{path}: no program has {flag}")


def check_paths(path, text, report):
    here = os.path.dirname(path)
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        if not os.path.exists(os.path.join(ROOT, here, target)):
            report(f"{path}: links to {target}, which is not there")
    for word in re.findall(r"`([\w./*{},<>-]+)`", prose(text)):
        if word.startswith(SOURCES[:-1]) and "<" not in word and "NAME" not in word:
            if not glob.glob(os.path.join(ROOT, word.rstrip("/"))):
                report(f"{path}: there is no {word}")


def check_lengths(path, text, report):
    words = len(re.findall(r"\S+", re.sub(r"[|`#*-]", " ", text)))
    if path == "README.md" and words > README_WORDS_MAX:
        report(f"{path}: {words} words, more than {README_WORDS_MAX}: a page of tools/doc wants them")
    if path.count("/") > 0 and path.endswith("README.md") and text.count("\n") > ROOM_LINES_MAX:
        report(f"{path}: {text.count(chr(10))} lines, more than {ROOM_LINES_MAX}")


def check_room(room, text, report):
    """Files that it names are there; what it may include is drawn in tools/lib/rooms.py."""
    for name in re.findall(r"`(\w+\.[ch])`", text):
        if not os.path.exists(os.path.join(ROOT, room, name)):
            report(f"{room}/README.md: there is no {name} here")
    line = re.search(r"^May include: ([^;.]*(?:\.h`[^;.]*)*)", text, re.M)
    if not line:
        return
    drawn = {a.rstrip("/") for a in rooms.MAY_INCLUDE[room + "/"]}
    for name in sorted(set(re.findall(r"`([\w/.]+)`", line.group(1))) - drawn - {"sig/"}):
        report(f"{room}/README.md: it may not include {name}: see tools/lib/rooms.py")


def check_rooms(report):
    """Every folder with sources says what it is for."""
    sources = files("core/*.c", "sig/*.c", "tools/*.c", "core/*.h", "sig/*.h", "tools/*.h")
    for room in sorted({os.path.dirname(f) for f in sources}):
        page = os.path.join(room, "README.md")
        if os.path.exists(os.path.join(ROOT, page)):
            check_room(room, text_of(page), report)
        else:
            report(f"{room}/ has no README.md")


def check_alerts(rules, page, report):
    """Every alert has its row in operate.md, and the reverse."""
    rung = set(re.findall(r"- alert: (\w+)", rules))
    told = set(re.findall(r"^\| (Mixminus\w+) \|", page, re.M))
    for name in sorted(rung ^ told):
        report(f"{name} is in one of tools/examples/alerts.yml and tools/doc/operate.md only")
    for alert in rules.split("- alert: ")[1:]:
        if not all(part in alert for part in ("expr:", "severity:", "summary:")):
            report(f"tools/examples/alerts.yml: {alert.split()[0]} lacks expr, severity or summary")


def check_board(text, report):
    for panel in json.loads(text)["panels"]:
        if not panel["targets"] or not all("mixminus_" in t["expr"] or "process_" in t["expr"] for t in panel["targets"]):
            report(f"tools/examples/grafana.json: {panel['title']} shows nothing")


def check_unit(text, folder, report):
    """systemd's own check where it is installed, with the program as it was built; a look at the lines in any case."""
    path = "tools/examples/mixminusd.service"
    for line in text.split("\n"):
        if line and not re.match(r"#|\[(Unit|Service|Install)\]$|[A-Z]\w+=\S", line):
            report(f"{path}: not a line of a unit: {line}")
    analyze = shutil.which("systemd-analyze")
    if not analyze:
        return
    with tempfile.TemporaryDirectory() as here:
        unit = os.path.join(here, "mixminusd.service")
        with open(unit, "w", encoding="utf-8") as f:
            f.write(text.replace("/usr/bin/mixminusd", os.path.abspath(os.path.join(folder, "mixminusd"))))
        done = subprocess.run([analyze, "verify", "--man=no", unit], text=True, capture_output=True)
        for line in done.stderr.split("\n"):
            if "mixminusd.service" in line:
                report(f"{path}: {line}")


def check_examples(folder, facts, report):
    for path in files("tools/examples/*"):
        check_metrics(path, text_of(path), facts, report)
        check_flags(path, text_of(path), facts, report)
    check_alerts(text_of("tools/examples/alerts.yml"), text_of("tools/doc/operate.md"), report)
    check_board(text_of("tools/examples/grafana.json"), report)
    check_unit(text_of("tools/examples/mixminusd.service"), folder, report)


def gather(folder):
    run = lambda *words: subprocess.run([os.path.join(folder, words[0]), *words[1:]], text=True,
                                        capture_output=True).stdout
    metrics = run("mixminusd", "--help-metrics")
    reasons, heading = set(), ""
    refusals = set()
    for line in metrics.split("\n"):
        heading = line.split()[-1] if line.startswith("## Reasons of ") else "" if line.startswith("## ") else heading
        cells = [c.strip() for c in line.strip("|").split("|")]
        if heading and cells[0].startswith("`"):
            reasons.add((heading, cells[0].strip("`")))
        if heading and len(cells) == 3 and cells[1].isdigit():
            refusals.add(f"{cells[1]} {cells[2]}")
    helps = "".join(run(p, "--help") for p in PROGRAMS)
    benches = re.findall(r"^  (\w+) ", run("mixminus-bench", "--help"), re.M)
    helps += "".join(run("mixminus-bench", b, "--help") for b in benches)
    return {"literals": literals(), "refusals": refusals, "reasons": reasons,
            "metrics": set(re.findall(r"^\| `(\w+)` \| (?:gauge|counter|histogram)", metrics, re.M)),
            "flags": set(re.findall(r"--[a-z][a-z0-9-]+", helps))}


def check(path, text, facts, report):
    check_quotes(path, text, facts, report)
    check_metrics(path, text, facts, report)
    if path not in ("tools/doc/flags.md",):
        check_flags(path, text, facts, report)
    check_paths(path, text, report)
    check_lengths(path, text, report)


def planted(facts):
    """One fault of each kind, each seen alone."""
    faults = {
        "log": "```log\nthe server is tired ...\n```\n",
        "refusal": "```refusal\n403 not on Mondays\n```\n",
        "metric": "`mixminus_mood` is a gauge\n",
        "reason": 'mixminus_rtp_dropped_total{reason="MOOD"}\n',
        "flag": "give `--mood=good`\n",
        "link": "[mood](mood.md)\n",
        "path": "`core/base/mood.c` has it\n",
        "length": "word " * (README_WORDS_MAX + 1),
        "alert": "",
        "unit": "",
        "room": "",
        "floor": "",
    }
    unseen = 0
    alerts = []
    check_alerts("- alert: MixminusMood\n expr: severity: summary:", "", alerts.append)
    room = []
    check_room("sig/base", "`mood.c`\n", room.append)
    check_room("sig/sip", "May include: `sig/base`, `sig/mood`.\n", room.append)
    unit = []
    check_unit("[Unit]\nMood: good\n", ".", unit.append)
    for kind, text in faults.items():
        found = {"alert": alerts, "unit": unit[:1], "room": room[:1], "floor": room[1:]}.get(kind, [])
        if text:
            check("README.md", text, facts, found.append)
        if len(found) != 1:
            print(f"planted {kind}: {found}")
            unseen += 1
    print(f"{len(faults)} planted, {len(faults) - unseen} seen")
    return unseen


def main():
    facts = gather(sys.argv[-1])
    if "--planted" in sys.argv:
        return 1 if planted(facts) else 0
    found = []
    for path in pages():
        check(path, text_of(path), facts, found.append)
    check_examples(sys.argv[-1], facts, found.append)
    check_rooms(found.append)
    print("\n".join(found) if found else f"pages: {len(pages())} pages, nothing found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
