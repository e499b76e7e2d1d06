#!/bin/sh
# A hub that has too much to do says when to come again.
. "$(dirname "$0")/../support/e2e.sh"

init_hub
ana=$(person "Ana Rep" --role rep)
alfa=$(must hub add client name=Alfa owner="$ana")
start_hub
join ana ana
must ana add note client="$alfa" text="said while the hub was busy" >/dev/null
stop_hub

# busy COUNT: in the hub's place.
busy()
{
	: >"$work/busy.out"
	"$SATCHEL_TOOLS/busy" "$port" "$1" >"$work/busy.out" &
	busy_pid=$!
	pids=$busy_pid
	until [ -s "$work/busy.out" ]; do
		kill -0 $busy_pid 2>/dev/null || bail "nothing can stand in for the hub"
		sleep 0.02
	done
}

busy 1
sat ana sync >"$work/said" 2>"$work/words" &
syncing=$!
wait $busy_pid
start_hub
wait $syncing
is "sync waits as the hub asks, and succeeds" $? 0
ok "and says that it waits" grep -q "too much to do just now: trying again in" "$work/words"
is "what waited is at the hub" "$(count hub list note)" 1
stop_hub

busy 4
gave_up=0
sat ana sync >"$work/said" 2>"$work/words" || gave_up=$?
is "after three waits it gives up" "$gave_up $(grep -c "trying again in" "$work/words")" "6 3"
wait $busy_pid
done_testing
