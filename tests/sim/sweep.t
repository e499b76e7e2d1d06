#!/bin/sh
# Every place where an action can break: a share of `make sweep`, which does them all.
# Under the sanitizers, where each takes five times as long, a smaller one.
sim=$(dirname "$SATCHEL")/sim
tests=0 failed=0
part=1
case $SATCHEL in */asan/* | */tsan/*) part=9 ;; esac
# sweep KIND STEP: one place in so many.
sweep()
{
	step=$(($2 * part))
	[ -z "${SATCHEL_HEAVY:-}" ] || step=1
	tests=$((tests + 1))
	if "$sim" --sweep "$1" --step "$step" ${SATCHEL_HEAVY:+--rounds 7} >"$said" 2>&1; then
		echo "ok $tests - $1: every place that was tried does no harm"
	else
		echo "not ok $tests - $1"
		failed=1
	fi
	sed -n -e 's/^not ok/# not ok/p' -e "s/^# $1/&/p" "$said"
}
said=$(mktemp) || exit 1
trap 'rm -f "$said"' EXIT
ulimit -c 0
sweep power 11
sweep errors 2
sweep full 2
sweep memory 450
sweep cuts 38
echo "1..$tests"
exit $failed
