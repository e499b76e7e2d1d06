#!/bin/sh
# Many processes, one home.
. "$(dirname "$0")/tap.sh"
hub
client=$("$SATCHEL" --home "$home" add client name=Shared)
product=$("$SATCHEL" --home "$home" add product name=Chair)
count=20

i=0
pids=
while [ $i -lt $count ]; do
	i=$((i + 1))
	(
		"$SATCHEL" --home "$home" add note client="$client" text="note $i" &&
		"$SATCHEL" --home "$home" set "$product" stock+=1 &&
		"$SATCHEL" --home "$home" set "$client" tags+="tag$i"
	) >"$work/out.$i" 2>"$work/err.$i" &
	pids="$pids $!"
done
failed=0
for pid in $pids; do
	wait "$pid" || failed=$((failed + 1))
done
cat "$work"/err.* >"$work/errors"
ok "twenty writers all succeed" [ $failed = 0 ]
ok "without a word" [ ! -s "$work/errors" ]
ok "each has an id of its own" [ "$(cat "$work"/out.* | sort -u | wc -l)" = $count ]
run list note --json
ok "every note is there" [ "$(grep -c '"note [0-9]*"' "$work/out")" = $count ]
run show "$product" --json
json_has "\"stock\":$count" "every step was counted"
run show "$client" --json
ok "every tag is there" [ "$(grep -c '"tag[0-9]*"' "$work/out")" = $count ]
run verify
status_is 0 "and all is as it was signed"
done_testing
