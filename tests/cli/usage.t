#!/bin/sh
# How commands are called, helped with and refused.
. "$(dirname "$0")/tap.sh"

man=$here/../../docs/man/satchel.1.scd
verbs=$("$SATCHEL" help --porcelain | cut -f1)

run help
status_is 0 "help succeeds"
ok "there are more than twenty commands" [ "$(echo "$verbs" | wc -l)" -gt 20 ]
for verb in $verbs; do
	run help "$verb"
	says "usage: satchel $verb" "help $verb shows its usage"
	run "$verb" --help
	ok "$verb --help says the same" [ "$out" = "$("$SATCHEL" help "$verb")" ]
	ok "$verb is in the man page" grep -q "^\*$verb[ *]" "$man"
	for option in $("$SATCHEL" help "$verb" --porcelain | cut -f1); do
		ok "$verb $option is in the man page" grep -q -e "$option" "$man"
	done
done
ok "the man page names no command that is not there" sh -c '
	for verb in $(sed -n "/^# COMMANDS/,/^# FIELDS/s/^\*\([a-z]*\).*/\1/p" "$1"); do
		echo "$2" | grep -qx "$verb" || exit 1
	done' sh "$man" "$verbs"

run --version
status_is 0 "--version succeeds"
for library in satchel SQLite libgit2 libcurl libsodium libmicrohttpd GnuTLS; do
	ok "--version tells the version of $library" grep -q "^$library [0-9]" "$work/out"
done

run nosuch
status_is 2 "an unknown command is misuse"
errs 'no command "nosuch"' "an unknown command is named"
run
status_is 2 "no command is misuse"
run list
status_is 2 "a missing argument is misuse"
errs "usage: satchel list" "misuse shows the usage"
ok "misuse says nothing on stdout" [ -z "$out" ]
run list client --nosuch
status_is 2 "an unknown option is misuse"
errs "unknown option --nosuch" "an unknown option is named"
run show --limit 3 x
status_is 2 "an option of another command is misuse"
run list client --limit
status_is 2 "an option without its value is misuse"
run list client --limit few
status_is 2 "a limit that is no number is misuse"
run sync --json=yes
status_is 2 "a switch with a value is misuse"
run undo now
status_is 2 "a word too many is misuse"
errs '"now"' "the word too many is named"
ok "an error is told once" [ "$(grep -c ^satchel: "$work/err")" = 1 ]
run init
status_is 2 "init without names is misuse"

run list client
status_is 1 "a home that is not there fails"
ok "a home that is not there is not made" [ ! -e "$home" ]

hub
ok "init prints three ids" [ "$(grep -c '^[a-z]* [0-9a-f-]*$' "$work/init")" = 3 ]
ok "the home is for its owner only" [ "$(stat -c %a "$home")" = 700 ]
ok "the key is for its owner only" [ "$(stat -c %a "$home/node.key")" = 600 ]
run init --org Other --person Other
ok "a home is not founded twice" [ "$status" != 0 ]
run --json status
status_is 0 "a common option may stand before the command"
before=$out
run status --json
ok "and after it, with the same answer" [ "$out" = "$before" ]
ok "SATCHEL_HOME names the home" env SATCHEL_HOME="$home" "$SATCHEL" status
ok "XDG_DATA_HOME is where homes are" sh -c '
	mkdir "$1" && cp -R "$2" "$1/satchel" && XDG_DATA_HOME=$1 "$3" status' sh "$work/data" "$home" "$SATCHEL"
run add client name=--json -- city=--home
status_is 0 "what follows -- is no option"
ok "output that cannot be written is a failure" sh -c '
	[ ! -w /dev/full ] || { "$1" --home "$2" list stage --json >/dev/full; [ $? = 1 ]; }' sh "$SATCHEL" "$home"

run help client
says "balance" "help of a type lists the fields of a client's facets"
run help deal
never_says "moves" "help of a type leaves out what is not set by hand"
run help types
says "activity" "help types lists what can be recorded"
never_says "assignment" "help types leaves out what is no record of its own"
done_testing
