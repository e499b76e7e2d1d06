#!/bin/sh
# Persons, devices and rights, as far as one hub alone shows them.
. "$(dirname "$0")/tap.sh"
hub
client=$("$SATCHEL" --home "$home" add client name="Alfa" branch=Iasi)
run person add "Ana Rep" --role rep --team North --territory East
status_is 0 "a person is added"
ana=$out
ok "and the id is printed alone" sh -c 'echo "$1" | grep -Eqx "[0-9a-f-]{36}"' sh "$ana"
run person add "No Role"
status_is 2 "a person needs a role"
run person add "Bad Role" --role king
status_is 3 "a role is one of those there are"
run person list --json
json_has '"name":"AnaRep"' "persons are listed"
json_has '"team":"North"' "with their team"
run person list --porcelain
says "$ana	Ana Rep	rep" "persons are listed for scripts"
run person
status_is 2 "person alone is misuse"

run invite ana
status_is 0 "an invitation is made"
ok "the code is printed alone" sh -c 'echo "$1" | grep -Eqx "([a-z0-9]{4}-){3}[a-z0-9]{4}"' sh "$out"

right() { run access explain ana alfa --json; }
right
json_has '"deals":{"right":"none"' "a rep has no right on a client that is not his"
run grant ana --client alfa --blocks deals,contacts --right see
status_is 0 "access is granted"
says "Ana Rep" "and it is said to whom"
right
json_has '"deals":{"right":"see"' "the grant gives what it says"
json_has '"finance":{"right":"none"' "and no more"
run revoke ana --client alfa --blocks deals
status_is 0 "access is revoked"
right
json_has '"deals":{"right":"none"' "the revoke takes what it says"
json_has '"contacts":{"right":"see"' "and no more"
run grant ana --branch Iasi
right
json_has '"profile":{"right":"edit"' "a grant is of all blocks and to edit, unless it says else"
run access ana --json
json_has '"rules":[' "rights are listed as rules"
run access ana
says "Ana Rep" "rights are told to people"

run revoke ana --branch Iasi
run grant ana --client alfa --blocks service --until 2027-02-28
says "until 2027-02-28" "a grant can have a last day"
run access ana --json
says "see of contacts, deals on client" "what is granted is among the rules"
says "edit of service on client" "and that too"
says "until 2027-02-28" "with its last day"
names_no_id() { ! printf %s "$out" | grep -q "client [0-9a-f]\{8\}-"; }
says "on client 0" "by its id for programs"
run access ana
says "edit of service on client Alfa" "and by its name for people"
ok "and not by its id" names_no_id
run access explain ana alfa
says "on client Alfa" "also where it is explained"
says "grant edit of service" "explain names the rules"
says "until 2027-02-28 (" "with their last day and their author"
says "beaten by revoke deals" "a grant that a revoke takes is shown"
says "grant anew to lift it" "and why"
run grant ana --own --until 2020-01-01
status_is 2 "a last day that is over is refused"
run grant ana --own --until never
status_is 3 "a last day is a day"
run grant ana
status_is 2 "a grant needs a selector"
run grant ana --own --all
status_is 2 "a grant takes one selector"
run grant ana --own --blocks nosuch
status_is 2 "a block must be one"
run grant ana --own --right own
status_is 2 "a right is see or edit"
run grant nobody --own
status_is 1 "a grant is for somebody"
run grant ana --client nosuch
status_is 1 "a client must be there"
run grant ana --team "$(printf '%070d' 0)"
status_is 3 "a name too long for a team is refused"
run grant ana --team north
status_is 0 "a team is found without its capitals"
says "North" "and spelled as its people have it"
run revoke --node ffffffffffffffff
ok "a device must be there" [ "$status" != 0 ]
run revoke ana --node x
status_is 2 "a device is revoked without a person"

run nodes --json
ok "nodes prints an array" sh -c 'printf %s "$1" | grep -q "^\["' sh "$out"
run nodes
status_is 0 "nodes are told to people"
run status --json
for member in node person role hub pending_batches carried_batches last_sync; do
	json_has "\"$member\":" "status has $member"
done
run status
says "Maria Head" "status tells who it is"
run sync
ok "a hub does not sync with itself" [ "$status" != 0 ]
run token ffffffffffffffff
ok "a token is for a device that has joined" [ "$status" != 0 ]
ok "and nothing is printed without one" [ -z "$out" ]
done_testing
