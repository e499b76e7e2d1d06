#!/bin/sh
# The line between two peers breaks, or the one that serves is killed: the next meeting
# finishes, nothing is lost or twice.  More than one commit's worth of work passes too.
# SATCHEL_HEAVY=1 cuts four times as often.
. "$(dirname "$0")/../support/e2e.sh"
. "$(dirname "$0")/../support/peer.sh"
step=4000
[ -z "${SATCHEL_HEAVY:-}" ] || step=1000

init_hub
for who in ana boris; do
	person "$who" --role rep --team red >/dev/null
	must hub grant "$who" --team red >/dev/null
done
alfa=$(must hub add client name=Alfa team=red)
start_hub
join ana ana
join boris boris
sync ana boris
stop_hub

filling() { head -c "$1" /dev/urandom | od -An -tx1 | tr -d ' \n'; }
new_work()
{
	must boris add note client="$alfa" text="boris $1 $(filling 50)" >/dev/null
	must ana add note client="$alfa" text="ana $1 $(filling 50)" >/dev/null
}
serve boris
echo -1 >"$work/budget"
"$SATCHEL_TOOLS/cutproxy" "${peer##*:}" "$work/budget" >"$work/line" 2>"$work/said" &
pids="$pids $!"
until [ -s "$work/line" ]; do sleep 0.02; done
line=http://127.0.0.1:$(cat "$work/line")

cuts=0 broken=0 unfinished=0 unequal=0 at=0
# Then in longer steps, until one is whole: with the notes grows what is compared.
while [ $at -le 44000 ] || [ $broken -eq $cuts ]; do
	new_work "$at"
	echo "$at" >"$work/budget"
	sat ana sync "$line" >"$work/said" 2>&1 || broken=$((broken + 1))
	echo -1 >"$work/budget"
	sat ana sync "$line" >"$work/said" 2>&1 || { unfinished=$((unfinished + 1)); sed "s/^/# cut at $at: /" "$work/said"; }
	cuts=$((cuts + 1))
	[ "$(count ana list note) $(count boris list note)" = "$((2 * cuts)) $((2 * cuts))" ] || {
		unequal=$((unequal + 1))
		echo "# cut at $at: $(count ana list note) and $(count boris list note) notes, $((2 * cuts)) wanted"
	}
	[ $at -le 44000 ] || step=20000
	at=$((at + step))
done
echo "# $cuts cuts, $broken sessions broken"
ok "some sessions were broken" [ $broken -gt 1 ]
ok "and some were not" [ $broken -lt $cuts ]
is "the next one finished" $unfinished 0
is "nothing was lost and nothing came twice" $unequal 0

kill -9 $peer_pid
wait $peer_pid 2>/dev/null
new_work killed
is "where nobody answers there is no session" "$(status_of sat ana sync "$peer")" 6
ok "when it serves again all passes" meet ana boris
is "at once" "$(count ana list note)" $((2 * cuts + 2))

# More than a commit holds, either way.
{
	echo name,description
	i=0
	while [ $i -lt 250 ]; do
		i=$((i + 1))
		echo "Many $i,$(filling 5000)"
	done
} >"$work/many.csv"
must ana import "$work/many.csv" --as client --encoding utf-8 >/dev/null
ok "work of several commits passes" meet ana boris
is "whole" "$(sat boris status --json | json clients)" 251
ok "in more than one commit" [ "$(met requests)" -ge 6 ]
start_hub
sync boris
is "and goes on to the hub" "$(sat hub status --json | json clients)" 251
sync ana
is "where nothing is refused" "$(sat hub quarantine list --json | grep -c reason)" 0
for home in ana boris hub; do
	ok "$home verifies" sat "$home" verify
done
done_testing
