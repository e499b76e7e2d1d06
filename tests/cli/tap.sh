# Sourced by the tests: TAP, a home that goes away afterwards, and short words.

set -u
: "${SATCHEL:?the satchel binary}"
tests=0
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/satchel-cli.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
home=$work/home
unset SATCHEL_HOME NO_COLOR
TZ=UTC
export TZ

# run WORD...: satchel in the home; sets $status, $out and $err.
run()
{
	"$SATCHEL" --home "$home" "$@" >"$work/out" 2>"$work/err" </dev/null
	status=$?
	out=$(cat "$work/out")
	err=$(cat "$work/err")
}

# result PASSED NAME
result()
{
	tests=$((tests + 1))
	if [ "$1" = 0 ]; then
		echo "ok $tests - $2"
		return
	fi
	echo "not ok $tests - $2"
	printf 'status %s\nstdout: %s\nstderr: %s\n' "$status" "$out" "$err" | sed 's/^/# /'
}

# ok NAME COMMAND...: COMMAND succeeds.
ok()
{
	name=$1
	shift
	"$@" >"$work/said" 2>&1
	passed=$?
	result $passed "$name"
	[ $passed = 0 ] || sed 's/^/# /' "$work/said"
}

# status_is WANTED NAME: of the last run.
status_is() { ok "$2" [ "$status" = "$1" ]; }
# says TEXT NAME, errs TEXT NAME, silent_on TEXT NAME: what the last run printed.
contains() { case $1 in *"$2"*) return 0 ;; esac; return 1; }
lacks() { ! contains "$1" "$2"; }
says() { ok "$2" contains "$out" "$1"; }
errs() { ok "$2" contains "$err" "$1"; }
never_says() { ok "$2" lacks "$out" "$1"; }

# json_has TEXT NAME: the last output, all white space taken out, has TEXT.
squeezed() { printf %s "$out" | tr -d ' \n\t'; }
json_has() { ok "$2" contains "$(squeezed)" "$1"; }
json_lacks() { ok "$2" lacks "$(squeezed)" "$1"; }

hub() { "$SATCHEL" --home "$home" init --org Firm --person "Maria Head" >"$work/init" || exit 1; }
done_testing() { echo "1..$tests"; }
