#!/bin/sh
# The hub is killed while a head's revokes come in and while devices come for them:
# every device that is concerned is told, none more and none less, and once is enough.
. "$(dirname "$0")/../support/e2e.sh"
command -v setsid >/dev/null || skip_all "no setsid here"
seed=${SATCHEL_SEED:-4711}
echo "# seed $seed"
random() { seed=$(((seed * 1103515245 + 12345) % 2147483648)); drawn=$((seed / 65536 % $1)); }	# random BELOW
rounds=6
[ -z "${SATCHEL_HEAVY:-}" ] || rounds=60

init_hub
ana=$(person "Ana Rep" --role rep)
person "Boris Rep" --role rep >/dev/null
person "Hilda Head" --role head >/dev/null
kept=$(must hub add client name=Keptqqwerty owner="$ana")
start_hub
join one ana
join two ana
join boris boris
join hilda hilda
sync hilda
: >"$work/words"

# killed HOME: it syncs, and the hub is killed meanwhile.
killed()
{
	random 60
	setsid "$SATCHEL" --home "$work/$1" sync >/dev/null 2>&1 </dev/null &
	victim=$!
	sleep "$(printf '0.%03d' "$drawn")"
	stop_hub KILL
	wait $victim
	start_hub
}
round=0
left=
lost=
while [ $round -lt "$rounds" ]; do
	round=$((round + 1))
	taken=$(must hilda add client name="Takenzqzq$round" owner="$ana")
	echo "Takenzqzq$round" >"$work/words"
	must hilda grant boris --client "$taken" >/dev/null
	sync hilda one two boris
	[ "$(scan "$work/words" "$work/one" "$work/two" "$work/boris" | cut -d' ' -f2- | wc -l)" -ge 3 ] || lost="$lost not-given:$round"
	must hilda revoke ana --client "$taken" >/dev/null
	killed hilda
	sync hilda
	killed one
	killed two
	sync one two boris
	[ -z "$(scan "$work/words" "$work/one" "$work/two")" ] || left="$left $round"
	[ "$(sat boris list client "name:Takenzqzq$round" --porcelain | wc -l)" -eq 1 ] || lost="$lost $round"
	[ "$(count one list client)$(count two list client)" = 11 ] || lost="$lost other:$round"
	[ -z "$(sat hub audit unconfirmed --porcelain)" ] || left="$left receipt:$round"
done
is "every device is told and erases, and says so" "$left" ""
is "nobody else loses anything" "$lost" ""
ok "what was not taken is the same everywhere" same_record "$kept" one two hilda
for home in one two boris hilda hub; do ok "$home verifies" sat $home verify; done
done_testing
