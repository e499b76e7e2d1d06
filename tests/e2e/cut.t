#!/bin/sh
# The line breaks after so many bytes: the next sync finishes, nothing is lost or twice.
# SATCHEL_HEAVY=1 cuts four times as often.
. "$(dirname "$0")/../support/e2e.sh"
step=320
[ -z "${SATCHEL_HEAVY:-}" ] || step=80

init_hub
ana=$(person "Ana Rep" --role rep)
alfa=$(must hub add client name=Alfa owner="$ana")
beta=$(must hub add client name=Betazzuiop)
gamma=$(must hub add client name=Gamma city=Roma)
echo Betazzuiop >"$work/words"
start_hub
echo -1 >"$work/budget"
"$SATCHEL_TOOLS/cutproxy" "$port" "$work/budget" >"$work/line" 2>"$work/said" &
pids=$!
until [ -s "$work/line" ]; do sleep 0.02; done
url=${url%%:*}://127.0.0.1:$(cat "$work/line")
join ana ana

filling() { head -c "$1" /dev/urandom | od -An -tx1 | tr -d ' \n'; }
new_work()
{
	must hub add note client="$alfa" text="from the hub $1 $(filling 1000)" >/dev/null
	must ana add note client="$alfa" text="from the rep $1 $(filling 1000)" >/dev/null
	must ana set "$alfa" city="town $1" >/dev/null
}

# What a whole session needs: the last place to cut at.
new_work 0
echo 1000000 >"$work/budget"
before=$(count hub list note)
sync ana
is "an uncut session brings it all" "$(count ana list note) $(count hub list note)" "2 $((before + 1))"
last=12000

cuts=0 broken=0 untold=0 unfinished=0 unequal=0 stayed=0 at=0
while [ $at -le $last ]; do
	new_work "$at"
	if [ $((cuts % 2)) = 0 ]; then
		must hub grant ana --client "$beta" >/dev/null
	else
		must hub revoke ana --client "$beta" >/dev/null
	fi
	# Work that will be refused: the cut may be in the answer that says so.
	if [ $((cuts % 3)) = 0 ]; then
		must hub grant ana --client "$gamma" >/dev/null
		sync ana
		must ana set "$gamma" city="Late $at" >/dev/null
		must hub revoke ana --client "$gamma" >/dev/null
		must hub grant ana --client "$gamma" --right see >/dev/null
	fi
	echo "$at" >"$work/budget"
	sat ana sync >"$work/said" 2>&1 || broken=$((broken + 1))
	echo -1 >"$work/budget"
	sat ana sync >"$work/said" 2>&1 || { unfinished=$((unfinished + 1)); sed "s/^/# cut at $at: /" "$work/said"; }
	[ "$(value ana "$gamma" city)" = Roma ] || untold=$((untold + 1))
	cuts=$((cuts + 1))
	wanted=$((2 + 2 * cuts))
	[ "$(count ana list note) $(count hub list note)" = "$wanted $wanted" ] || {
		unequal=$((unequal + 1))
		echo "# cut at $at: $(count ana list note) and $(count hub list note) notes, $wanted wanted"
	}
	held=$(scan "$work/words" "$work/ana")
	if [ $((cuts % 2)) = 1 ]; then
		[ -n "$held" ] || stayed=$((stayed + 1))
	else
		[ -z "$held" ] || stayed=$((stayed + 1))
	fi
	at=$((at + step))
done
echo "# $cuts cuts, $broken sessions broken"
ok "some sessions were broken" [ $broken -gt 5 ]
ok "and some were not" [ $broken -lt $cuts ]
is "the next one finished" $unfinished 0
is "nothing was lost and nothing came twice" $unequal 0
is "what was refused was told each time" $untold 0
is "a client was given and taken each time" $stayed 0
ok "both sides are the same" same_record "$alfa" ana
is "nothing waits" "$(sat ana status --json | json pending_batches)" 0
ok "the node verifies" sat ana verify
ok "the hub verifies" sat hub verify
is "no device was taken for a copy of itself" "$(sat hub nodes | grep -c "(copy)")" 0
done_testing
