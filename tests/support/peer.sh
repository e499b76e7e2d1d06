# Sourced by tests/e2e/{peer,branch}.t after e2e.sh: a clock for everybody that can
# be moved on, and nodes that serve.
shift_library=$SATCHEL_TOOLS/../preload/clock.so
shifted=$(CLOCK_SHIFT_S=-100000000 LD_PRELOAD=$shift_library date +%s 2>/dev/null)
[ "$shifted" -lt $(($(date +%s) - 90000000)) ] ||
    skip_all "the clock cannot be shifted here"
CLOCK_SHIFT_S=0 LD_PRELOAD=$shift_library "$SATCHEL" help >/dev/null 2>&1 ||
    skip_all "the clock of this build cannot be shifted"
hour=3600
# hours_on N: for all that is started from now on it is N hours after the beginning.
hours_on() { CLOCK_SHIFT_S=$(($1 * hour)); export CLOCK_SHIFT_S; }
hours_on 0
LD_PRELOAD=$shift_library
export LD_PRELOAD

status_of() { "$@" >"$work/done" 2>"$work/told"; echo $?; }
told() { contains "$(cat "$work/told")" "$1"; }

# serve HOME [WORD...]: it serves peers at $peer until leave.
serve()
{
	serving=$1
	: >"$work/peer.out"
	: >"$work/peer.err"
	shift
	"$SATCHEL" --home "$work/$serving" serve --listen 127.0.0.1:0 "$@" >"$work/peer.out" 2>"$work/peer.err" &
	peer_pid=$!
	pids="$pids $peer_pid"
	waited=0
	until grep -q . "$work/peer.out"; do
		kill -0 $peer_pid 2>/dev/null && [ $waited -lt 300 ] || bail "$serving does not serve"
		sleep 0.02
		waited=$((waited + 1))
	done
	peer=$(sed -n 's/^listening on //p' "$work/peer.out")
}
leave() { kill -TERM $peer_pid; wait $peer_pid; }
# meet HOME OTHER: HOME syncs with OTHER, which serves for that.
meet()
{
	serve "$2"
	sat "$1" sync "$peer" --json >"$work/met" 2>"$work/told"
	met=$?
	leave
	return $met
}
met() { json "$1" <"$work/met"; }
