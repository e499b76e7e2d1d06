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
