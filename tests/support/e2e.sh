# Sourced by tests/e2e/*.t: a hub and nodes as real processes, and TAP.
#
# Homes are $work/hub and $work/NAME.  The hub keeps its port when it is started
# again.  With SATCHEL_TLS=1 it speaks TLS.  Everything started here is ended and removed on exit.

set -u
: "${SATCHEL:=$(dirname "$0")/../../build/release/satchel}"
: "${SATCHEL_TOOLS:=$(dirname "$SATCHEL")/tests/tools}"
work=$(mktemp -d "${TMPDIR:-/tmp}/satchel-e2e.XXXXXX") || exit 1
tests=0
pids=
hub_pid=
port=0
unset SATCHEL_HOME NO_COLOR http_proxy https_proxy all_proxy
TZ=UTC LC_ALL=C.UTF-8
export TZ LC_ALL

cleanup()
{
	for pid in $hub_pid $pids; do
		kill -9 "$pid" 2>/dev/null
	done
	wait 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

skip_all() { echo "1..0 # SKIP $1"; exit 0; }
exec 3>&1	# past the redirections of whoever calls bail
bail()
{
	echo "Bail out! $1" >&3
	sed 's/^/# /' "$work/said" "$work/serve.err" 2>/dev/null >&3
	kill -TERM $$	# also out of a subshell
	exit 1
}

# The hub ends as it was told to, and a sanitizer has nothing to say.
ends_well()
{
	kill -TERM "$hub_pid"
	wait "$hub_pid" || { echo "status $?"; cat "$work/serve.err"; return 1; }
	not grep "Sanitizer" "$work/serve.err"
}
done_testing()
{
	if [ -n "$hub_pid" ]; then
		ok "the hub ends well" ends_well
		hub_pid=
	fi
	echo "1..$tests"
}

# ok NAME COMMAND...: COMMAND succeeds; what it said is shown when it does not.
ok()
{
	name=$1
	shift
	tests=$((tests + 1))
	if "$@" >"$work/said" 2>&1; then
		echo "ok $tests - $name"
		return 0
	fi
	echo "not ok $tests - $name"
	sed 's/^/# /' "$work/said"
	return 1
}
is() { ok "$1" same "$2" "$3"; }		# is NAME GOT WANTED
same() { [ "$1" = "$2" ] || { printf 'got:    %s\nwanted: %s\n' "$1" "$2"; return 1; }; }
not() { ! "$@"; }
contains() { case $1 in *"$2"*) return 0 ;; esac; printf 'no "%s" in: %s\n' "$2" "$1"; return 1; }

# status_of COMMAND...: its exit status; then told TEXT: was that among its errors?
status_of() { "$@" >"$work/done" 2>"$work/told"; echo $?; }
told() { contains "$(cat "$work/told")" "$1"; }

# sat HOME WORD...: satchel in that home.  must HOME WORD...: or the test ends.
sat()
{
	home=$1
	shift
	"$SATCHEL" --home "$work/$home" "$@" </dev/null
}
must()
{
	sat "$@" >"$work/done" 2>"$work/said" || bail "satchel $*"
	cat "$work/done"
}

# json NAME: the (last) member of that name in what comes in.
json()
{
	tr -d '\n' | sed -n -e "s/.*\"$1\": *\"\\([^\"]*\\)\".*/\\1/p" -e t -e "s/.*\"$1\": *\\([^],} ]*\\).*/\\1/p"
}
value() { sat "$1" show "$2" --json 2>/dev/null | json "$3"; }	# value HOME ID FIELD
count() { sat "$@" --porcelain 2>/dev/null | wc -l | tr -d ' '; }	# count HOME list TYPE...

init_hub() { must hub init --org Firm --person "Maria Head" "$@" >/dev/null; }

start_hub()
{
	: >"$work/serve.out"
	"$SATCHEL" --home "$work/hub" serve --listen "127.0.0.1:$port" ${SATCHEL_TLS:+--tls} >"$work/serve.out" 2>>"$work/serve.err" &
	hub_pid=$!
	waited=0
	until grep -q . "$work/serve.out"; do
		kill -0 $hub_pid 2>/dev/null && [ $waited -lt 1200 ] || bail "the hub does not start"
		sleep 0.02
		waited=$((waited + 1))
	done
	url=$(sed -n 's/^listening on //p' "$work/serve.out")
	port=${url##*:}
}

# stop_hub [SIGNAL]
stop_hub()
{
	[ -n "$hub_pid" ] || return 0
	kill "-${1:-TERM}" "$hub_pid"
	wait "$hub_pid" 2>/dev/null
	hub_pid=
}

# serve HOME [WORD...]: it serves its peers at $peer until leave.
serve()
{
	serving=$1
	: >"$work/peer.out"
	: >"$work/peer.err"
	shift
	case " $* " in *" --listen "*) ;; *) set -- --listen 127.0.0.1:0 "$@" ;; esac
	"$SATCHEL" --home "$work/$serving" serve "$@" >"$work/peer.out" 2>"$work/peer.err" &
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

# person NAME WORD...: at the hub; join NAME PERSON: a node of that person's.
person() { must hub person add "$@" | tail -1; }
join()
{
	code=$(must hub invite "$2" | tail -1)
	must "$1" join "$url" "$code" --device "$1" >/dev/null
}
sync() { for sync_home in "$@"; do must "$sync_home" sync >/dev/null; done; }
node_id() { sat "$1" status --json | json node; }

# bytes_of FILE...: the last 12 of every needle in FILE, one a line, looked for
# in the other files and directories, also inside zlib streams; prints hits.
scan() { "$SATCHEL_TOOLS/canary_scan" "$@"; }

# same_record ID HOME...: shown alike, but for the order of what belongs to it.
same_record()
{
	same_id=$1
	shift
	sat hub show "$same_id" --json | sed 's/,$//' | sort >"$work/wanted"
	[ -s "$work/wanted" ] || return 1
	for same_home in "$@"; do
		sat "$same_home" show "$same_id" --json | sed 's/,$//' | sort >"$work/got"
		diff "$work/wanted" "$work/got" || return 1
	done
}
