#!/bin/sh
# A node whose clock is off by years is corrected by the hub's signed time.
. "$(dirname "$0")/../support/e2e.sh"
shift_library=$SATCHEL_TOOLS/../preload/clock.so
shifted=$(CLOCK_SHIFT_S=-100000000 LD_PRELOAD=$shift_library date +%s 2>/dev/null)
[ "$shifted" -lt $(($(date +%s) - 90000000)) ] ||
    skip_all "the clock cannot be shifted here"
CLOCK_SHIFT_S=0 LD_PRELOAD=$shift_library "$SATCHEL" help >/dev/null 2>&1 ||
    skip_all "the clock of this build cannot be shifted"

# off SECONDS HOME WORD...: satchel with a clock that much off.
off()
{
	seconds=$1
	off_home=$2
	shift 2
	env CLOCK_SHIFT_S="$seconds" LD_PRELOAD="$shift_library" "$SATCHEL" --home "$work/$off_home" "$@" </dev/null
}
years=$((3 * 365 * 86400))

init_hub
ana=$(person "Ana Rep" --role rep)
alfa=$(must hub add client name=Alfa owner="$ana")
start_hub
off -$years wrong init --org Wrong --person "W" >/dev/null
client=$(off -$years wrong add client name=W)
at=$(sat wrong history "$client" --json | json at)
ok "a clock can be wrong at all" [ "${at%%-*}" -lt "$(date -u +%Y)" ]

for seconds in -$years $years; do
	node=node$seconds
	code=$(must hub invite ana)
	off "$seconds" "$node" join "$url" "$code" --device "$node" >"$work/said" 2>&1
	is "a clock that is $seconds s off does not keep from joining" $? 0
	ok "a note is taken" off "$seconds" "$node" add note client="$alfa" text="with $seconds"
	ok "a sync works" off "$seconds" "$node" sync --json
	requests=$(json requests <"$work/said")
	ok "in few requests ($requests)" [ "$requests" -le 6 ]
	ok "and the work is at the hub" contains "$(sat hub list note --json)" "with $seconds"
	off "$seconds" "$node" sync --json >"$work/said" 2>&1
	is "the next one needs no correction" "$(json requests <"$work/said")" 1
	ok "what is written then has the hub's time" off "$seconds" "$node" set "$alfa" city="town$seconds"
	ok "and is sent" off "$seconds" "$node" sync
	at=$(sat hub history "$alfa" --json | tr -d '\n' | sed 's/},/}\n/g' | grep "\"new\": \"town$seconds\"" | json at)
	is "that of this year" "${at%%-*}" "$(date -u +%Y)"
	ok "with the right clock it syncs too" sat "$node" sync
	ok "and again" sat "$node" sync
done
ok "the hub verifies" sat hub verify
done_testing
