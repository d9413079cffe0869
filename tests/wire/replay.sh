# A capture through the engine: each leg would have heard the two others, the same bytes come out every time and by
# every instruction set, and what is no capture is refused in one sentence.
. "$(dirname "$0")/wire.sh"
python3 "$(dirname "$0")/replay_pcap.py" "$TMP/three.pcap" || exit 77

replay() {
    out=$1
    shift
    "$BIN/mixminus-replay" --capture="$TMP/three.pcap" --out="$TMP/$out" --codec=96:L16/8000 "$@" >"$TMP/$out.log" ||
        complain "the replay fails: $out"
}

# judge LEG EXPECTED OWN: the fifth second, in which nothing is lost but one packet of the second stream.
judge() {
    "$BIN/mixminus-ua" --name="leg$1" --judge="$TMP/first/leg$1.wav" --expect="$2" --tone="$3" --expect-at=5 \
        --clean=25 ||
        complain "leg $1 would not have heard what it should"
}

replay first
replay again
replay ref --simd=ref
cat "$TMP/first.log"
for i in 0 1 2; do
    cmp "$TMP/first/leg$i.wav" "$TMP/again/leg$i.wav" || complain "leg $i differs from run to run"
    cmp "$TMP/first/leg$i.wav" "$TMP/ref/leg$i.wav" || complain "leg $i differs by instruction set"
done
judge 0 620,1010 440
judge 1 440,1010 620
judge 2 440,620 1010
[ "$(grep -c ' 4 lost' "$TMP/first.log")" -eq 1 ] || complain "the losses of the second stream are not told"

head -c 100 "$TMP/three.pcap" >"$TMP/cut.pcap"
echo "no capture, just some words that fill a line or two" >"$TMP/words.pcap"
for f in cut words missing; do
    "$BIN/mixminus-replay" --capture="$TMP/$f.pcap" --out="$TMP/none" >/dev/null 2>"$TMP/err" &&
        complain "$f.pcap is taken"
    [ "$(wc -l <"$TMP/err")" -eq 1 ] || complain "not one sentence for $f.pcap"
done
verdict
