#!/bin/sh
# An order to erase meets unsent work, and the device is killed at the n-th write
# to its disk, for one n after another.  SATCHEL_HEAVY=1 takes every n.
. "$(dirname "$0")/../support/e2e.sh"
strike=$SATCHEL_TOOLS/../preload/strike.so
[ -f "$strike" ] || skip_all "nothing to strike with"
STRIKE_AT=0 LD_PRELOAD=$strike "$SATCHEL" help >/dev/null 2>&1 || skip_all "this build cannot be struck"

init_hub
printf '%s\n' Alfaqqwertyzzz latelatexyzzyqq >"$work/words"
start_hub
echo -1 >"$work/line"
"$SATCHEL_TOOLS/cutproxy" "$port" "$work/line" >"$work/proxy" 2>"$work/said" &
pids=$!
until [ -s "$work/proxy" ]; do sleep 0.02; done
url=http://127.0.0.1:$(cat "$work/proxy")
# About one person so much can be said, and no more: then it is somebody else's turn.
turn=0
next_rep()
{
	turn=$((turn + 1))
	rep=ana$turn
	id=$(person "Ana $turn" --role rep)
	alfa=$(must hub add client name=Alfaqqwertyzzz owner="$id")
	beta=$(must hub add client name=Beta owner="$id")
	must hub add note client="$alfa" text="Alfaqqwertyzzz too" >/dev/null
	echo -1 >"$work/line"
	join "$rep" "$id"
	must "$rep" add note client="$beta" text="unsent and allowed" >/dev/null
}

# struck N: what comes before the order is done; the sync in which it comes is cut.
struck()
{
	echo -1 >"$work/line"
	must hub grant "$id" --client "$alfa" >/dev/null
	sync "$rep"
	must "$rep" add note client="$alfa" text="latelatexyzzyqq $1" >/dev/null
	must "$rep" add note client="$beta" text="allowed $1" >/dev/null
	must hub revoke "$id" --client "$alfa" >/dev/null
	echo "-1 /git-receive-pack" >"$work/line"
	STRIKE_AT=$1 LD_PRELOAD=$strike "$SATCHEL" --home "$work/$rep" sync >/dev/null 2>&1 </dev/null
	[ $? -eq 137 ]
}
waiting() { sat hub quarantine list --json | grep -c '"state": "waiting"'; }

step=35
[ -z "${SATCHEL_HEAVY:-}" ] || step=1
rounds=0
left=
lost=
n=1
before=0
next_rep
while struck $n; do
	rounds=$((rounds + 1))
	# Whatever was cut, the next command finds a home, and the next sync ends it.
	sat "$rep" status >/dev/null 2>"$work/said" || bail "after write $n"
	sat "$rep" sync >/dev/null 2>&1
	[ -z "$(scan "$work/words" "$work/$rep")" ] || left="$left $n"
	echo -1 >"$work/line"
	sat "$rep" sync >/dev/null 2>"$work/said" || bail "the sync after write $n"
	[ "$(sat "$rep" list client --porcelain | cut -f2)" = Beta ] || left="$left $n"
	[ "$(waiting)" -eq $((before + rounds)) ] || lost="$lost $n"
	[ "$(sat "$rep" status --json | json outbox)" = 0 ] || lost="$lost $n"
	[ -z "$(sat hub audit unconfirmed --porcelain)" ] || lost="$lost receipt:$n"
	n=$((n + step))
	[ $((rounds % 240)) -ne 0 ] || next_rep
done
echo "# struck $rounds times, up to write $((n - step))"
ok "there is something to strike" [ $n -gt 100 ]
is "nothing of it is left, wherever it was cut" "$left" ""
is "no late work is lost or doubled, and each erasure confirmed" "$lost" ""
# But for that of the last round, whose upload was cut.
is "what was allowed has all arrived" "$(sat hub list note --json | grep -c '"allowed ')" $rounds
for home in "$rep" hub; do ok "$home verifies" sat $home verify; done
done_testing
