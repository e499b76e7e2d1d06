#!/bin/sh
# Names and beginnings of ids, where one thing is meant and where several are.
. "$(dirname "$0")/tap.sh"
hub
one=$("$SATCHEL" --home "$home" add client name="Alfa Nord")
two=$("$SATCHEL" --home "$home" add client name="Alfa Sud")
run person add "Ana Rep" --role rep --team North
status_is 0 "a person is added"
ana=$out
"$SATCHEL" --home "$home" person add "Anton Rep" --role rep >/dev/null

# One that only $one has: of what was made in the same millisecond the last
# digits differ.  And one that $two has too.
prefix=${one%????????}
both=$one
while [ "${two#"$both"}" = "$two" ]; do
	both=${both%?}
done
run show "$prefix" --json
json_has '"id":"'"$one"'"' "a unique beginning of an id serves"
run show "$(echo "$prefix" | tr a-f A-F | tr -d -)" --json
json_has '"id":"'"$one"'"' "without dashes and in capitals too"
run show "$both"
status_is 3 "a beginning of several ids is refused"
errs "could be" "and candidates are told"
run show "alfa sud" --json
json_has '"id":"'"$two"'"' "a name serves"
run show alfa
status_is 3 "a name of several is refused"
errs "Alfa Sud" "and the candidates are told"
run add contact client=alfa name=X
status_is 3 "so it is where a client is asked for"
run add contact client=nord name=X
status_is 0 "a part of a name that means one serves"
run add contact client=nosuch name=X
status_is 1 "a name of nobody is not found"
run set "$one" owner=an
status_is 3 "a name of several persons is refused"
run set "$one" owner="ana"
status_is 0 "a person's name serves"
run show "$one" --json
json_has '"owner":"'"$ana"'"' "and the person meant is kept"
run invite an
status_is 3 "an invitation is for one person"
run access ana --json
status_is 0 "rights are asked by name"
json_has '"role":"rep"' "and told"
run access explain ana nord --json
json_has '"right":"edit"' "what an owner may do is explained"
run access explain ana
status_is 2 "explaining takes a client"
done_testing
