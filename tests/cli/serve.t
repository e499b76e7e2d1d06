#!/bin/sh
# The hub's server, from its start to its end.
. "$(dirname "$0")/tap.sh"
status=- out= err=
hub

# serve SIGNAL: runs until it listens, then gets SIGNAL.
serve()
{
	: >"$work/out"
	"$SATCHEL" --home "$home" serve --listen 127.0.0.1:0 >"$work/out" 2>"$work/err" &
	pid=$!
	waited=0
	while ! grep -q . "$work/out" && [ $waited -lt 50 ] && kill -0 $pid 2>/dev/null; do
		sleep 0.1
		waited=$((waited + 1))
	done
	out=$(cat "$work/out")
	kill -"$1" $pid
	wait $pid
	status=$?
	err=$(cat "$work/err")
}

serve TERM
ok "it says where it listens" grep -Eqx 'listening on http://127\.0\.0\.1:[1-9][0-9]*' "$work/out"
status_is 0 "SIGTERM ends it cleanly"
serve TERM
status_is 0 "it can be started again"
run serve --listen nowhere
ok "an address that is none is refused" [ "$status" != 0 ]
run --home "$work/none" serve --listen 127.0.0.1:0
ok "a home that is not there is not served" [ "$status" != 0 ]
run join "http://127.0.0.1:1" - --home "$work/new"
status_is 2 "a code that did not come is misuse"
run join "http://127.0.0.1:1" "k3v7-9xq2-mmpa-4ty6" --home "$work/new"
status_is 6 "a hub that does not answer is no network"
done_testing
