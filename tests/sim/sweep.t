#!/bin/sh
# Every place where an action can break: a share of `make sweep`, which does them all.
sim=$(dirname "$SATCHEL")/sim
tests=0 failed=0
# sweep KIND STEP [ROUNDS]
sweep()
{
	step=$2
	[ -z "${SATCHEL_HEAVY:-}" ] || step=1
	tests=$((tests + 1))
	if "$sim" --sweep "$1" --step "$step" --rounds "${3:-1}" >"$said" 2>&1; then
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
sweep power 100
sweep errors 12
sweep full 24
sweep memory 20000
sweep cuts 120
echo "1..$tests"
exit $failed
