#!/bin/sh
# A device without contact: warned, restricted, locked, and opened by one sync.
. "$(dirname "$0")/../support/e2e.sh"
shift_library=$SATCHEL_TOOLS/../preload/clock.so
shifted=$(CLOCK_SHIFT_S=-100000000 LD_PRELOAD=$shift_library date +%s 2>/dev/null)
[ "$shifted" -lt $(($(date +%s) - 90000000)) ] ||
    skip_all "the clock cannot be shifted here"
CLOCK_SHIFT_S=0 LD_PRELOAD=$shift_library "$SATCHEL" help >/dev/null 2>&1 ||
    skip_all "the clock of this build cannot be shifted"

day=86400
# after SECONDS HOME WORD...: satchel in that home, so much later.
after()
{
	seconds=$1
	after_home=$2
	shift 2
	env CLOCK_SHIFT_S="$seconds" LD_PRELOAD="$shift_library" "$SATCHEL" --home "$work/$after_home" "$@" </dev/null
}
silent() { same "$(cat "$work/told")" ""; }

init_hub
ana=$(person "Ana Rep" --role rep)
alfa=$(must hub add client name=Alfa owner="$ana" balance="12.50 EUR" overdue="7.00 EUR")
must hub grant ana --own --blocks finance >/dev/null
start_hub
join rep ana
sync rep
must hub invite maria >"$work/code"
must boss join "$url" "$(tail -1 "$work/code")" --device boss >/dev/null

is "before the third day it shows all" "$(status_of after $((3 * day - 60)) rep show Alfa)" 0
ok "and says nothing" silent
ok "the balance is there" contains "$(cat "$work/done")" 12.50

is "from the third day on it still works" "$(status_of after $((3 * day + 5)) rep show Alfa)" 0
ok "and warns" told "no contact with the hub for 3 days"
ok "in one line" same "$(wc -l <"$work/told" | tr -d ' ')" 1
is "as edits do" "$(status_of after $((3 * day + 5)) rep set Alfa balance='20 EUR')" 0
ok "and warn" told "no contact with the hub for 3 days"
is "at the end of the sixth finance is open" "$(status_of after $((7 * day - 60)) rep list client 'balance:>1')" 0

is "from the seventh day on the client is shown" "$(status_of after $((7 * day + 5)) rep show Alfa --json)" 0
ok "by name" contains "$(cat "$work/done")" Alfa
ok "without its finances" not grep -E 'balance|20\.00' "$work/done"
ok "and with the line" told "no contact with the hub for 7 days"
is "its figures cannot be filtered by" "$(status_of after $((7 * day + 5)) rep list client 'balance:>1')" 4
ok "with words why" told "satchel sync opens it"
is "nor taken back" "$(status_of after $((7 * day + 5)) rep undo)" 4
ok "nor seen by it" not grep -E '20[.]00|12[.]50' "$work/told" "$work/done"
is "nor changed" "$(status_of after $((7 * day + 5)) rep set Alfa balance='1 EUR')" 4
is "not even in a new client" "$(status_of after $((7 * day + 5)) rep add client name=Beta balance='1 EUR')" 4
is "the history is told" "$(status_of after $((7 * day + 5)) rep history Alfa --json)" 0
ok "without them" not grep balance "$work/done"
is "everything else can be changed" "$(status_of after $((7 * day + 5)) rep set Alfa city=Lodz)" 0
is "nobody is given access" "$(status_of after $((7 * day + 5)) boss grant ana --client Alfa --blocks internal)" 4
is "no client is given to another" "$(status_of after $((7 * day + 5)) boss set Alfa owner=maria)" 4
is "nor handed over" "$(status_of after $((7 * day + 5)) boss handover Alfa --to maria)" 4
is "a new client is one's own" "$(status_of after $((7 * day + 5)) rep add client name=Gamma)" 0
is "a head's too, whoever gets it" "$(status_of after $((7 * day + 5)) boss add client name=Delta owner=ana)" 0
is "nobody's role is changed" "$(status_of after $((7 * day + 5)) boss set "$ana" role=head)" 4
is "and the lease is not made longer" "$(status_of after $((7 * day + 5)) boss set Firm lease_lock=1000)" 4
is "nobody is invited" "$(status_of after $((7 * day + 5)) boss invite ana)" 4

is "work is done before the lock" "$(status_of after $((14 * day - 60)) rep add note client=Alfa text="Kept")" 0
for words in "show Alfa" "list client" "find Alfa" "history Alfa" "conflicts" "set Alfa city=X" \
    "add client name=X" "delete Alfa" "undo" "import x.csv --as client" "backup x" "rebuild" "access" \
    "person list" "nodes"; do
	is "from the fourteenth day on: no $words" "$(status_of after $((14 * day + 5)) rep $words)" 4
done
ok "with words about what waits" told "locked; satchel sync opens it; nothing is lost,"
ok "which is counted" grep -E ' [1-9][0-9]* changes wait to be sent' "$work/told"
is "the status can be asked" "$(status_of after $((14 * day + 5)) rep status)" 0
ok "and says it is locked" told "for 14 days and is locked"
is "verify works" "$(status_of after $((14 * day + 5)) rep verify)" 0
is "help works" "$(status_of after $((14 * day + 5)) rep help)" 0

is "a clock set back does not open it" "$(status_of sat rep show Alfa)" 4
is "nor one set back by years" "$(status_of after -$((900 * day)) rep show Alfa)" 4
stop_hub
is "without a line a sync does not open it" "$(status_of sat rep sync)" 6
is "it stays locked" "$(status_of sat rep show Alfa)" 4
start_hub
ok "one sync does" sat rep sync
is "all can be read" "$(status_of sat rep show Alfa)" 0
ok "without a word" silent
ok "finance as well" contains "$(cat "$work/done")" 20.00
ok "and the work has arrived" contains "$(sat hub list note --json)" Kept
ok "of both days" contains "$(sat hub show "$alfa" --json)" "20.00 EUR"
ok "to the last" contains "$(sat hub show "$alfa" --json)" Lodz

is "a clock years ahead locks" "$(status_of after $((1000 * day)) rep show Alfa)" 4
is "also when it is right again" "$(status_of sat rep show Alfa)" 4
ok "a sync with the right clock opens it" sat rep sync
is "for good" "$(status_of sat rep show Alfa)" 0
is "a sync while the clock is years ahead" "$(status_of after $((1000 * day)) rep sync)" 0
is "opens it too" "$(status_of after $((1000 * day)) rep show Alfa)" 0
ok "and when it is right again a sync does" sat rep sync
is "with everything here" "$(status_of sat rep show Alfa)" 0
ok "the balance too" contains "$(cat "$work/done")" 20.00

sync boss
is "a head sets the days" "$(status_of sat boss set Firm lease_warn=1 lease_restrict=2 lease_lock=30)" 0
sync boss rep
is "the organisation is shown by its name" "$(value rep Firm lease_lock)" 30
is "a rep does not set them" "$(status_of sat rep set Firm lease_lock=900)" 4
is "nobody sets the hub's key" "$(status_of sat boss set Firm hub_key=x)" 3
is "nor deletes the organisation" "$(status_of sat boss delete Firm)" 2
is "the new days hold at the other node: warned" "$(status_of after $((day + 5)) rep list client 'balance:>1')" 0
ok "from the first day on" told "for 1 day;"
is "restricted from the second" "$(status_of after $((2 * day + 5)) rep list client 'balance:>1')" 4
is "open until the thirtieth" "$(status_of after $((30 * day - 60)) rep show Alfa)" 0
is "then locked" "$(status_of after $((30 * day + 5)) rep show Alfa)" 4
is "the hub has no lease" "$(status_of after $((1000 * day)) hub list client 'balance:>1')" 0
ok "and says nothing" silent
ok "the node verifies" sat rep verify
ok "the hub verifies" sat hub verify
done_testing
