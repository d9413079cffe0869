# Bob goes from PCMU to Opus and Carol from PCMA to L16 by re-INVITE, amid the conference.
. "$(dirname "$0")/wire.sh"
server_start --talkers=0 --opus-rate=48000
conference alice --tone=410 --expect=610,1010 $OPUS_EAR --expect-at=4.5 --seconds=5.5
caller bob --call="$URI" --tone=610 --codec-at=1:opus --expect=410,1010 $OPUS_EAR --expect-at=4 --seconds=5.5
caller carol --call="$URI" --codec=PCMA --tone=1010 --codec-at=1.5:L16/16000 --expect=410,610 $OPUS_EAR \
    --expect-at=4 --seconds=5.5
callers_wait
grep -q 'change answered: 200' "$TMP/bob.log" || complain "the change to Opus was not answered with 200"
grep -q 'change answered: 200' "$TMP/carol.log" || complain "the change to L16 was not answered with 200"
verdict
