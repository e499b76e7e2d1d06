#!/bin/sh
# kill -9 at a write, a sync, a truncation, a rename, an unlink: at each of them in turn.
# SATCHEL_HEAVY=1 does it at every one; else a share.
. "$(dirname "$0")/../support/e2e.sh"
# The leak sanitizer cannot work beside strace.
ASAN_OPTIONS=detect_leaks=0
export ASAN_OPTIONS
command -v strace >/dev/null || skip_all "no strace here"
calls=pwrite64,write,fsync,fdatasync,ftruncate,unlink,rename
strace -f -o /dev/null -e inject=$calls:signal=SIGKILL:when=65535 true 2>/dev/null ||
	skip_all "strace may not trace here"
points=0 untold=0 lost=0 held=0

init_hub
ana=$(person "Ana Rep" --role rep)
hilda=$(person "Hilda Head" --role head)
big=$(must hub add client name=Bigqqwerty)
alfa=$(must hub add client name=Alfa owner="$ana")
start_hub
join ana ana
join hilda hilda
echo Bigqqwerty >"$work/words"
{
	echo "Nr,Name"
	i=0
	while [ $i -lt 200 ]; do
		i=$((i + 1))
		echo "$i,Imported number $i"
	done
} >"$work/200.csv"

# calls_of COMMAND...: how many of those system calls it makes when nothing happens.
calls_of()
{
	strace -f -o "$work/trace" -e trace=$calls "$@" >"$work/struck" 2>&1 </dev/null ||
		bail "$*: $(cat "$work/struck")"
	grep -c '(' "$work/trace"
}
# killed_at K COMMAND...: only who was killed is counted.
killed_at()
{
	k=$1
	shift
	strace -f -o /dev/null -e "inject=$calls:signal=SIGKILL:when=$k" "$@" >"$work/struck" 2>&1 </dev/null
	[ $? -ne 137 ] || points=$((points + 1))
}
# every NAME STEP COUNT COMMAND...: killed at each STEP-th of COUNT calls; looked after by after_NAME.
every()
{
	name=$1 step=$2 count=$3 k=1 before=$points
	shift 3
	[ -z "${SATCHEL_HEAVY:-}" ] || step=1
	while [ $k -le "$count" ]; do
		before_$name
		killed_at $k "$@"
		after_$name
		k=$((k + step))
	done
	echo "# $name: $count calls, killed at $((points - before))"
}
one_more() { must hilda add note client="$alfa" text="note $points" >/dev/null; }

# An edit: whole or not at all; what was acknowledged stays.
before_edit() { :; }
after_edit()
{
	grep -E '^[0-9a-f-]{36}$' "$work/struck" >>"$work/ids"
	sat hilda status >/dev/null 2>"$work/said" || { untold=$((untold + 1)); sed 's/^/# /' "$work/said"; }
}
: >"$work/ids"
set -- "$SATCHEL" --home "$work/hilda" add note client="$alfa" text=struck
every edit 2 "$(calls_of "$@")" "$@"

# An import: run again it is whole, and nothing is there twice.
before_import()
{
	rm -rf "$work/hilda"
	cp -Rp "$work/imports" "$work/hilda"
}
after_import()
{
	n=$(count hilda list client)
	case $n in 2 | 202) ;; *) lost=$((lost + 1)); echo "# an import cut off at $k left $n clients" ;; esac
	sat hilda status >/dev/null 2>&1 || untold=$((untold + 1))
}
cp -Rp "$work/hilda" "$work/imports"
set -- "$SATCHEL" --home "$work/hilda" import "$work/200.csv" --as client --key Nr --source kill
every import 5 "$(calls_of "$@")" "$@"
must hilda import "$work/200.csv" --as client --key Nr --source kill >/dev/null
is "an import that is run again is whole and nothing is twice" "$(count hilda list client)" 202

# The node while it pushes, while it fetches, while it erases.
next_sync() { sat $1 sync >/dev/null 2>"$work/said" || { untold=$((untold + 1)); sed 's/^/# /' "$work/said"; }; }
same_notes() { [ "$(count hilda list note)" = "$(count hub list note)" ] || lost=$((lost + 1)); }
sync hilda
before_push() { one_more; }
after_push() { next_sync hilda; same_notes; }
set -- "$SATCHEL" --home "$work/hilda" sync
one_more
every push 3 "$(calls_of "$@")" "$@"

before_fetch() { must hub add note client="$alfa" text="of the hub $points" >/dev/null; }
after_fetch() { next_sync hilda; same_notes; }
before_fetch
every fetch 3 "$(calls_of "$@")" "$@"

before_purge()
{
	must hub handover "$big" --to "$ana" --mode instant >/dev/null
	sync ana
	must hub handover "$big" --to "$hilda" --mode instant >/dev/null
}
after_purge()
{
	next_sync ana
	[ -z "$(scan "$work/words" "$work/ana")" ] || held=$((held + 1))
}
set -- "$SATCHEL" --home "$work/ana" sync
before_purge
every purge 6 "$(calls_of "$@")" "$@"

# The hub while it takes and gives.
stop_hub
before_hub()
{
	sat hilda add note client="$alfa" text="to the hub $points" >/dev/null 2>&1 || lost=$((lost + 1))
	: >"$work/serve.out"
	rm -f "$work/ended" "$work/hub.pid"
	{
		strace -f -o "$work/trace" -e trace=$calls ${k:+-e inject=$calls:signal=SIGKILL:when=$k} \
			sh -c 'echo $$ >"$1"; shift; exec "$@"' sh "$work/hub.pid" \
			"$SATCHEL" --home "$work/hub" serve --listen "127.0.0.1:$port" >"$work/serve.out" 2>/dev/null </dev/null
		: >"$work/ended"
	} &
	tracer=$!
	waited=0
	until grep -q . "$work/serve.out" || [ -e "$work/ended" ] || [ $waited -gt 300 ]; do
		sleep 0.02
		waited=$((waited + 1))
	done
}
end_hub()
{
	[ -e "$work/ended" ] || kill -TERM "$(cat "$work/hub.pid")" 2>/dev/null
	wait $tracer 2>/dev/null
}
k=
before_hub
must hilda sync >/dev/null
end_hub
count=$(grep -c '(' "$work/trace")
step=4
[ -z "${SATCHEL_HEAVY:-}" ] || step=1
k=1 before=$points
while [ $k -le "$count" ]; do
	before_hub
	sat hilda sync >/dev/null 2>&1
	end_hub
	grep -q "killed by SIGKILL" "$work/trace" && points=$((points + 1))
	k=$((k + step))
done
echo "# hub: $count calls, killed at $((points - before))"
start_hub
next_sync hilda
same_notes

echo "# killed at $points places"
ok "at many places" [ $points -ge 100 ]
is "nobody had to repair anything" $untold 0
is "all of it or nothing" $lost 0
is "what was revoked was gone each time" $held 0
sat hilda list note --json | sed -n 's/.*"id": "\([^"]*\)".*/\1/p' | sort >"$work/got"
sort -u "$work/ids" >"$work/wanted"
is "every acknowledged note is there" "$(comm -23 "$work/wanted" "$work/got")" ""
ok "the node verifies" sat hilda verify
ok "the other node verifies" sat ana verify
stop_hub
ok "the hub verifies" sat hub verify
is "no device was taken for a copy of itself" "$(sat hub nodes | grep -c "(copy)")" 0
done_testing
