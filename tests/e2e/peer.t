#!/bin/sh
# Two nodes that meet without the hub, and what each may have of the other's.
. "$(dirname "$0")/../support/e2e.sh"
shift_library=$SATCHEL_TOOLS/../preload/clock.so
shifted=$(CLOCK_SHIFT_S=-100000000 LD_PRELOAD=$shift_library date +%s 2>/dev/null)
[ "$shifted" -lt $(($(date +%s) - 90000000)) ] ||
    skip_all "the clock cannot be shifted here"
CLOCK_SHIFT_S=0 LD_PRELOAD=$shift_library "$SATCHEL" help >/dev/null 2>&1 ||
    skip_all "the clock of this build cannot be shifted"

day=86400
seconds=0	# how much later it is for everybody
later() { env CLOCK_SHIFT_S="$seconds" LD_PRELOAD="$shift_library" "$SATCHEL" --home "$work/$1" "$@" </dev/null; }
at() { at_home=$1; shift; env CLOCK_SHIFT_S="$seconds" LD_PRELOAD="$shift_library" "$SATCHEL" --home "$work/$at_home" "$@" </dev/null; }
status_of() { "$@" >"$work/done" 2>"$work/told"; echo $?; }
told() { contains "$(cat "$work/told")" "$1"; }

# serve HOME: it serves peers at $peer until leave.
serve()
{
	: >"$work/peer.out"
	CLOCK_SHIFT_S=$seconds LD_PRELOAD=$shift_library "$SATCHEL" --home "$work/$1" serve --listen 127.0.0.1:0 \
	    >"$work/peer.out" 2>>"$work/serve.err" &
	peer_pid=$!
	pids="$pids $peer_pid"
	waited=0
	until grep -q . "$work/peer.out"; do
		kill -0 $peer_pid 2>/dev/null && [ $waited -lt 300 ] || bail "$1 does not serve"
		sleep 0.02
		waited=$((waited + 1))
	done
	peer=$(sed -n 's/^listening on //p' "$work/peer.out")
}
leave() { kill -TERM $peer_pid; wait $peer_pid; }

init_hub
ana=$(person "Ana Rep" --role rep --team red)
boris=$(person "Boris Rep" --role rep --team red)
must hub grant ana --team red >/dev/null
must hub grant boris --team red --blocks profile,contacts,activities,assignment >/dev/null
alfa=$(must hub add client name=Alfa owner="$ana" team=red balance="12.50 EUR")
secret=$(must hub add client name=Secret owner="$ana" description="canary-of-secret-1")
must hub set Firm passport_hours=72 >/dev/null
start_hub
join ana ana
join boris boris
sync ana boris ana
stop_hub

must ana add note client=Alfa text="written by ana" >/dev/null
must ana set Alfa credit_limit="99 EUR" 2>/dev/null
must boris set Alfa city=Iasi >/dev/null
seconds=$((2 * day))
serve boris
is "two days from the hub a peer is met" "$(status_of at ana sync "$peer")" 0
cat "$work/done" "$work/told" | sed 's/^/# /'
is "what ana wrote is at boris's" "$(value boris Alfa city)" Iasi
ok "her note too" contains "$(sat boris list note --json)" "written by ana"
is "and what boris wrote is at hers" "$(value ana Alfa city)" Iasi
is "what boris may not have he has not" "$(sat boris list client --porcelain | grep -c Secret)" 0
is "nor a block of what he has" "$(value boris Alfa balance)" ""
is "a second time" "$(status_of at ana sync "$peer" --json)" 0
ok "nothing passes" contains "$(cat "$work/done")" '"sent_batches": 0'
cat "$work/done" "$work/told" | sed 's/^/# /'
leave
done_testing
