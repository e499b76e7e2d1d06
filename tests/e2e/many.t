#!/bin/sh
# Twenty processes write one home at once, while the hub serves it and syncs go on.
. "$(dirname "$0")/../support/e2e.sh"
writers=20 each=5

init_hub
ana=$(person "Ana Rep" --role rep)
alfa=$(must hub add client name=Alfa owner="$ana")
chair=$(must hub add product name=Chair)
start_hub
join ana ana

# storm HOME: what each of the writers does there.
storm()
{
	n=0
	storm_pids=
	while [ $n -lt $writers ]; do
		n=$((n + 1))
		(
			k=0
			while [ $k -lt $each ]; do
				k=$((k + 1))
				sat "$1" add note client="$alfa" text="$1 $n $k" || exit 1
			done
			sat "$1" set "$alfa" tags+="$1-$n" || exit 1
			[ "$1" != hub ] || sat hub set "$chair" stock+=1
		) >"$work/ids.$1.$n" 2>"$work/err.$1.$n" &
		storm_pids="$storm_pids $!"
	done
}

storm ana
at_ana=$storm_pids
storm hub
at_hub=$storm_pids
synced=0
for i in 1 2 3 4 5 6; do
	sat ana sync >/dev/null 2>"$work/said" || { synced=$((synced + 1)); sed 's/^/# /' "$work/said"; }
done
failed=0
for pid in $at_ana $at_hub; do
	wait "$pid" || failed=$((failed + 1))
done
cat "$work"/err.* >"$work/errors"
is "every writer succeeds" $failed 0
is "without a word" "$(cat "$work/errors")" ""
is "every sync meanwhile succeeds" $synced 0
is "every id is one of its own" "$(cat "$work"/ids.* | grep -c . )" "$(cat "$work"/ids.* | sort -u | grep -c .)"
sync ana
all=$((2 * writers * each))
is "every note is at the hub" "$(count hub list note)" $all
is "and at the node" "$(count ana list note)" $all
is "every step of the stock was counted" "$(value hub "$chair" stock)" $writers
is "every tag is there" "$(sat hub show "$alfa" --json | grep -c '"ana-[0-9]*"\|"hub-[0-9]*"')" $((2 * writers))
ok "both sides are the same" same_record "$alfa" ana

# Two syncs of one home at once.
must ana add note client="$alfa" text="once" >/dev/null
sat ana sync >/dev/null 2>"$work/one" & one=$!
sat ana sync >/dev/null 2>"$work/two" & two=$!
wait $one
first=$?
wait $two
is "two syncs at once both succeed" "$first $? $(cat "$work/one" "$work/two")" "0 0 "
is "and nothing is twice" "$(count hub list note)" $((all + 1))
ok "the node verifies" sat ana verify
ok "the hub verifies" sat hub verify
done_testing
