# IPv6 in all places (RFC 5118): SIP, URIs, SDP and RTP over ::1; UDP and TCP.
. "$(dirname "$0")/wire.sh"
[ -e /proc/net/if_inet6 ] && grep -q lo /proc/net/if_inet6 || { echo "no IPv6 here"; exit 77; }
port=$(($(port_guess 0) + 9500))
server_start --sip-listen="udp:[::1]:$port" --sip-listen="tcp:[::1]:$port" --rtp-interface=::1
FACTORY="sip:conferences@[::1]:$port"
conference alice --bind=::1 --tone=440 --seconds=4 --expect=620
case $URI in *@\[::1\]:*) ;; *) complain "its URI is $URI" ;; esac
caller bob --bind=::1 --call="$URI" --transport=tcp --tone=620 --seconds=3.5 --expect=440
callers_wait
verdict
