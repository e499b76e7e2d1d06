#!/bin/sh
# kill -9 at any moment: nothing acknowledged is lost, and nobody has to repair anything.
# SATCHEL_HEAVY=1 does it 200 times.
. "$(dirname "$0")/../support/e2e.sh"
command -v setsid >/dev/null || skip_all "no setsid here"
rounds=20
[ -z "${SATCHEL_HEAVY:-}" ] || rounds=200
seed=${SATCHEL_SEED:-4711}
echo "# seed $seed"
random() { seed=$(((seed * 1103515245 + 12345) % 2147483648)); drawn=$((seed / 65536 % $1)); }	# random BELOW

init_hub
person "Ana Rep" --role rep >/dev/null
person "Hilda Head" --role head >/dev/null
big=$(must hub add client name=Bigqqwerty)
alfa=$(must hub add client name=Alfa)
start_hub
join ana ana
join hilda hilda
echo Bigqqwerty >"$work/words"
must hub grant ana --client "$big" >/dev/null
: >"$work/ids"

# struck MILLISECONDS COMMAND...: killed with all its children after that time.
struck()
{
	after=$1
	shift
	setsid "$@" >>"$work/struck" 2>&1 </dev/null &
	victim=$!
	sleep "$(printf '0.%03d' "$after")"
	kill -9 -$victim 2>/dev/null
	wait $victim 2>/dev/null
}
add_notes='i=0; while [ $i -lt 20 ]; do i=$((i + 1)); "$1" --home "$2/hilda" add note client="$3" text="round $4 note $i"; done'
sync_of() { struck "$drawn" "$SATCHEL" --home "$work/$1" sync; }
csv()
{
	echo "Nr,Name"
	i=0
	while [ $i -lt 600 ]; do
		i=$((i + 1))
		echo "$1-$i,Imported $1 number $i"
	done
}
import() { sat hilda import "$work/$1.csv" --as client --key Nr --source kill; }
imports=0
trouble=0

round=0
while [ $round -lt "$rounds" ]; do
	round=$((round + 1))
	case $((round % 5)) in
	0)	# the node while it writes
		random 150
		: >"$work/struck"
		struck "$drawn" sh -c "$add_notes" sh "$SATCHEL" "$work" "$alfa" $round
		grep -E '^[0-9a-f-]{36}$' "$work/struck" >>"$work/ids"
		;;
	1)	# the node while it imports
		imports=$((imports + 1))
		csv $imports >"$work/$imports.csv"
		random 250
		struck "$drawn" "$SATCHEL" --home "$work/hilda" import "$work/$imports.csv" --as client --key Nr --source kill
		;;
	2)	# the node while it syncs
		random 120
		sync_of hilda
		;;
	3)	# the hub while a node syncs
		id=$(sat hilda add note client="$alfa" text="hub round $round") && echo "$id" >>"$work/ids"
		random 80
		setsid "$SATCHEL" --home "$work/hilda" sync >/dev/null 2>&1 </dev/null &
		victim=$!
		sleep "$(printf '0.%03d' "$drawn")"
		stop_hub KILL
		wait $victim
		start_hub
		;;
	4)	# the node while it is given a client, and while it erases it
		must hub grant ana --client "$big" >/dev/null
		must hub add note client="$big" text="filling $round $(head -c 3000 /dev/urandom | od -An -tx1 | tr -d ' \n')" >/dev/null
		random 60
		sync_of ana
		sat ana sync >/dev/null 2>&1 || trouble=$((trouble + 1))
		[ "$(count ana list note client:"$big")" = "$(count hub list note client:"$big")" ] ||
		    trouble=$((trouble + 1))
		must hub revoke ana --client "$big" >/dev/null
		random 60
		sync_of ana
		sat ana sync >/dev/null 2>&1 || trouble=$((trouble + 1))
		[ -z "$(scan "$work/words" "$work/ana")" ] || trouble=$((trouble + 1))
		;;
	esac
	sat hilda status >/dev/null 2>"$work/said" || bail "after round $round"
done

is "what was given and taken was whole, and gone, each time" $trouble 0
ok "the node syncs" sat hilda sync
stop_hub KILL
ok "the node verifies" sat hilda verify
ok "the other node verifies" sat ana verify
ok "the hub verifies" sat hub verify
start_hub
i=0
while [ $i -lt $imports ]; do
	i=$((i + 1))
	import $i >/dev/null 2>"$work/said" || bail "import of $i.csv"
done
sync hilda
is "an import that is run again is whole and nothing is twice" "$(count hilda list client)" $((imports * 600 + 2))
is "on the hub too" "$(count hub list client)" $((imports * 600 + 2))
sort -u "$work/ids" >"$work/wanted"
echo "# $(wc -l <"$work/wanted") notes were acknowledged"
for home in hilda hub; do
	sat $home list note --json | sed -n 's/.*"id": "\([^"]*\)".*/\1/p' | sort >"$work/got"
	is "every acknowledged note is at $home" "$(comm -23 "$work/wanted" "$work/got")" ""
done
ok "there were some" [ -s "$work/wanted" ]
is "the node and the hub have the same notes" "$(count hilda list note)" "$(count hub list note)"
is "no device was taken for a copy of itself" "$(sat hub nodes | grep -c "(copy)")" 0
done_testing
