#!/bin/sh
# An order to erase meets unsent work, and the device is killed at the n-th write
# to its disk, for one n after another.  SATCHEL_HEAVY=1 takes every n.
. "$(dirname "$0")/../support/e2e.sh"
strike=$SATCHEL_TOOLS/../preload/strike.so
[ -f "$strike" ] || skip_all "nothing to strike with"
STRIKE_AT=0 LD_PRELOAD=$strike "$SATCHEL" help >/dev/null 2>&1 || skip_all "this build cannot be struck"

init_hub
ana=$(person "Ana Rep" --role rep)
alfa=$(must hub add client name=Alfaqqwertyzzz owner="$ana")
beta=$(must hub add client name=Beta owner="$ana")
must hub add note client="$alfa" text="Alfaqqwertyzzz too" >/dev/null
printf '%s\n' Alfaqqwertyzzz latelatexyzzyqq >"$work/words"
start_hub
echo -1 >"$work/line"
"$SATCHEL_TOOLS/cutproxy" "$port" "$work/line" >"$work/proxy" 2>"$work/said" &
pids=$!
until [ -s "$work/proxy" ]; do sleep 0.02; done
url=http://127.0.0.1:$(cat "$work/proxy")
join ana ana
must ana add note client="$beta" text="unsent and allowed" >/dev/null

# struck N: what comes before the order is done; the sync in which it comes is cut.
struck()
{
	echo -1 >"$work/line"
	must hub grant ana --client "$alfa" >/dev/null
	sync ana
	must ana add note client="$alfa" text="latelatexyzzyqq $1" >/dev/null
	must ana add note client="$beta" text="allowed $1" >/dev/null
	must hub revoke ana --client "$alfa" >/dev/null
	echo "-1 /git-receive-pack" >"$work/line"
	STRIKE_AT=$1 LD_PRELOAD=$strike "$SATCHEL" --home "$work/ana" sync >/dev/null 2>&1 </dev/null
	[ $? -eq 137 ]
}
waiting() { sat hub quarantine list --json | grep -c '"state": "waiting"'; }
receipts() { sat hub audit --limit 0 --json | grep -c '"what": "purged"'; }

step=35
[ -z "${SATCHEL_HEAVY:-}" ] || step=1
rounds=0
left=
lost=
n=1
before=0
while struck $n; do
	rounds=$((rounds + 1))
	# Whatever was cut, the next command finds a home, and the next sync ends it.
	sat ana status >/dev/null 2>"$work/said" || bail "after write $n"
	sat ana sync >/dev/null 2>&1
	[ -z "$(scan "$work/words" "$work/ana")" ] || left="$left $n"
	echo -1 >"$work/line"
	sat ana sync >/dev/null 2>"$work/said" || bail "the sync after write $n"
	[ "$(sat ana list client --porcelain | cut -f2)" = Beta ] || left="$left $n"
	[ "$(waiting)" -eq $((before + rounds)) ] || lost="$lost $n"
	[ "$(sat ana status --json | json outbox)" = 0 ] || lost="$lost $n"
	[ -z "$(sat hub audit unconfirmed --porcelain)" ] || lost="$lost receipt:$n"
	n=$((n + step))
done
echo "# struck $rounds times, up to write $((n - step))"
ok "there is something to strike" [ $n -gt 100 ]
is "nothing of it is left, wherever it was cut" "$left" ""
is "no late work is lost or doubled, and each erasure confirmed" "$lost" ""
ok "what was allowed has all arrived" [ "$(count hub list note client:"$beta")" -gt $rounds ]
for home in ana hub; do ok "$home verifies" sat $home verify; done
done_testing
