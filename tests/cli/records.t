#!/bin/sh
# One person's day on one node: add, find, change, take back.
. "$(dirname "$0")/tap.sh"
hub

run add client name="Łódź Meble" city=Łódź tags+=vip balance="1200 EUR" owner=maria
status_is 0 "a client is added"
client=$out
ok "add prints the id alone" sh -c 'echo "$1" | grep -Eqx "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"' sh "$client"
run show "$client" --json
json_has '"id":"'"$client"'"' "show has the id"
json_has '"type":"client"' "show has the type"
json_has '"name":"ŁódźMeble"' "show has the fields"
json_has '"text":"1200.00EUR"' "show has the fields of other blocks"
json_has '"owner_name":"MariaHead"' "show has the names of those meant"
json_has '"conflicts":{}' "show has the conflicts"
run show "$client"
says "Łódź Meble" "show tells people the name"
says "Maria Head" "show tells people who owns it"
run list client --json
json_has '[{' "list prints an array"
json_has '"id":"'"$client"'"' "list has the client"
run list client --porcelain
says "$client	Łódź Meble	" "list --porcelain separates by tabs"
run list deal --json
status_is 0 "a type without records lists as nothing"
ok "and that is an empty array" [ "$out" = "[]" ]
run list client city:Lodz
status_is 0 "a filter folds accents"
run list client city:Berlin --json
status_is 1 "a filter that nothing passes is nothing found"
ok "and prints an empty array" [ "$out" = "[]" ]
run find lodz meb
status_is 0 "find folds accents and completes words"
says "Łódź Meble" "find shows the name"
run find lodz --json
json_has '"title":"ŁódźMeble"' "find --json has the title"
run find nosuchthing --json
status_is 1 "finding nothing has its own status"
ok "and prints an empty array" [ "$out" = "[]" ]
errs "nothing" "and says so"

run add deal client=lodz title="200 chairs" amount="45000 PLN" stage=Offer
status_is 0 "a deal is added to a client by its name"
deal=$out
run show "$deal" --json
json_has '"client":"'"$client"'"' "the deal knows its client"
json_has '"stage":"Offer"' "the deal has its stage"
run set "$deal" amount="50000 PLN" title="250 chairs"
status_is 0 "a record is changed"
ok "and nothing is printed" [ -z "$out$err" ]
run history "$deal" --json
json_has '[{' "history prints an array"
json_has '"field":"title"' "history has the fields changed"
json_has '"by":"MariaHead"' "history has who did it"
run history "$deal"
says "250 chairs" "history tells people the new value"
never_says "Offer," "and of a move what there is: from no stage, for no reason"
run undo
status_is 0 "the last action is taken back"
says "Taken back" "and it is said what"
run show "$deal" --json
json_has '"title":"200chairs"' "undo takes back every field of the action"
json_has '"minor":4500000' "undo brings the amount back"
run undo
run show "$deal" --json
json_has '"title":"250chairs"' "undo of an undo does it again"

run delete "$deal"
status_is 0 "a record is deleted"
says "250 chairs" "delete says what was deleted"
run list deal --json
ok "a deleted record is not listed" [ "$out" = "[]" ]
run undo
run list deal --json
json_has '"title":"250chairs"' "undo brings a deleted record back"

run conflicts --json
status_is 0 "no conflicts is no failure"
ok "conflicts prints an array" [ "$out" = "[]" ]
run resolve "$client" city --value Warszawa
status_is 0 "resolve writes a value"
run show "$client" --json
json_has '"city":"Warszawa"' "and the value stands"
run resolve "$client" city --keep 2
ok "there is no second value to keep" [ "$status" != 0 ]
run resolve "$client" city --keep 1 --value x
status_is 2 "resolve takes one way only"
run resolve "$client" city --keep 0
status_is 2 "values are numbered from one"

run set "$deal" client=lodz
status_is 3 "a record is not moved to another client"
errs "stays with its client" "and it is said why"
run add deal title=Nobody
status_is 2 "a deal without a client is misuse"
run add client city=Roma
status_is 3 "a required field is missed"
run show ffffffffffff
status_is 1 "what is not there is not found"
run add client name="$(printf 'bell\033[31m')"
run list client
ok "no control character of a record reaches the screen" sh -c '! grep -q "$(printf "\033")" "$1"' sh "$work/out"

run verify
status_is 0 "all is as it was signed"
digest() { for type in client deal stage; do "$SATCHEL" --home "$home" list $type --json; done | cksum; }
before=$(digest)
run rebuild
status_is 0 "tables are made anew"
ok "and are the same" [ "$(digest)" = "$before" ]
done_testing
