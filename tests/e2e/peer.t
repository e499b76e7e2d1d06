#!/bin/sh
# Two nodes that meet without the hub, and what each may have of the other's.
. "$(dirname "$0")/../support/e2e.sh"
. "$(dirname "$0")/../support/peer.sh"

init_hub
ana=$(person "Ana Rep" --role rep --team red)
boris=$(person "Boris Rep" --role rep --team red)
person "Carla Rep" --role rep >/dev/null
for who in ana boris; do
	must hub grant "$who" --team red >/dev/null
done
must hub revoke boris --all --blocks finance >/dev/null
alfa=$(must hub add client name=Alfa owner="$ana" team=red)
beta=$(must hub add client name=Beta owner="$ana" team=red)
must hub set Alfa balance="417263.55 EUR" description=canaryofalfa01 >/dev/null
must hub add client name=Secret owner="$ana" description=canaryofsecret >/dev/null
start_hub
join ana ana
join boris boris
join carla carla
sync ana boris carla

# Each works for itself; then they meet, two days from the hub.
stop_hub
must ana add note client=Alfa text="ana before" >/dev/null
must ana add note client=Beta text="ana on beta" >/dev/null
must ana add client name=Newborn >/dev/null
must boris set Beta city=Iasi >/dev/null
must boris add contact client=Beta name="Dana Nou" >/dev/null
hours_on 48
ok "two peers meet without the hub" meet ana boris
is "what one wrote is with the other" "$(count boris list note)" 2
is "and what the other wrote is with the one" "$(value ana Beta city)" Iasi
is "new records as well" "$(count ana list contact)" 1
is "a client that is not his is not given" "$(sat boris list client | grep -c -e Secret)" 0
is "one of his team is, though it is new" "$(count boris list client name:Newborn)" 1
is "a block that he may not see is not given" "$(value boris Alfa balance)" ""
printf 'canaryofsecret\n41726355\n' >"$work/words"
is "no byte of either is in his home" "$(scan "$work/words" "$work/boris")" ""
is "what one carries for the other is not counted as his own" \
    "$(sat boris status --json | json carried_batches) $(sat boris status --json | json pending_batches)" "$(sat ana status --json | json pending_batches) $(sat ana status --json | json carried_batches)"
ok "and said apart" contains "$(sat boris status)" "Carried to the hub for others: $(sat ana status --json | json pending_batches) changes"
ok "a second meeting" meet boris ana
is "sends nothing" "$(met sent_batches) $(met received_batches)" "0 0"
is "and is three requests: who is there, and a greeting and a look" "$(met requests)" 3
ok "who has no right on anything is given nothing" meet carla boris
is "no client" "$(count carla list client)" 0
is "nor does she give any" "$(met sent_batches) $(met received_batches)" "0 0"

# As if so much of hers waited with him for the hub as he keeps of one device.
weight() { "$SATCHEL_TOOLS/sql" "$work/boris/satchel.db" "UPDATE batch SET size = size $1 67108864 WHERE b = (SELECT max(b) FROM batch WHERE size $2 67108864)"; }
must ana add note client=Alfa text="ana the last" >/dev/null
meet boris ana || bail "they do not meet"
weight + "<"
must ana add note client=Beta text="ana beyond" >/dev/null
must boris set Beta region=South >/dev/null
serve ana
ok "beyond the bound hers is left out" contains "$(sat boris sync "$peer")" "1 change was left out"
leave
is "his goes on" "$(value ana Beta region)" South
weight - ">"
ok "with room again" meet boris ana
is "it comes" "$(met left_out) $(sat boris list note | grep -c 'ana beyond')" "0 1"

# A stranger; a passport that is too old; a head who says how old is too old.
mkdir "$work/firm"
mv "$work/hub" "$work/firm/hub"
saved_port=$port
port=0
must hub init --org Other --person "Zoe Head" >/dev/null
start_hub
join zoe zoe
sync zoe
stop_hub
rm -rf "$work/hub"
mv "$work/firm/hub" "$work/hub"
port=$saved_port
serve boris
is "a node of another organisation is refused" "$(status_of sat zoe sync "$peer")" 4
ok "in words" told "no node of your organisation"
is "as is who has left the address wrong" "$(status_of sat ana sync "${peer%:*}:1")" 6
leave
hours_on 73
serve boris
is "a passport of three days is too old" "$(status_of sat ana sync "$peer")" 4
ok "which is said" told "73 hours old"
ok "with what to do" told "sync with the hub"
leave
hours_on 74
start_hub
sync boris
is "then nothing is carried any more" "$(sat boris status --json | json carried_batches)" 0
is "what came through a peer is at the hub under its author's name" "$(count hub list note client:Beta)" 2
ok "by ana" contains "$(sat hub history Beta --json)" "Ana Rep"
is "and the new client with its owner" "$(count hub list client name:Newborn owner:ana)" 1
ok "with one's own fresh" not meet boris ana
ok "the other's is too old all the same" told "hours old"
is "nothing was received" "$(met received_batches)" 0
must hub set Firm passport_hours=100 >/dev/null
sync ana boris
stop_hub
hours_on 170
ok "so long passports count as the head says" meet ana boris
hours_on 175
ok "and no longer" not meet ana boris
is "the age is in the status" "$(sat ana status --json | json passport_hours)" 100

# Revoked meanwhile: the peers do not know, work goes on among them for a while,
# and at the first contact all ends right.
hours_on 176
start_hub
sync ana boris
must hub revoke ana --client Alfa >/dev/null
stop_hub
must ana add note client=Alfa text="ana too late" >/dev/null
must boris add note client=Alfa text="boris in time" >/dev/null
start_hub
sync carla
must carla sync --json >"$work/result"
is "an idle sync after the news is one request" "$(json requests <"$work/result") $(json received_batches <"$work/result")" "1 0"
stop_hub
serve carla
is "who has synced since refuses who was revoked" "$(status_of sat ana sync "$peer")" 4
ok "which is said" told "the hub has replaced the passport of device"
ok "with what to do" told "sync with the hub first"
leave
ok "also when it is she who calls" not meet carla ana
is "nothing was given" "$(met received_batches) $(met sent_batches)" "0 0"
ok "who was revoked still meets peers who have not" meet boris ana
is "and her work is with them" "$(sat boris list note client:Alfa | grep -c "ana too late")" 1
hours_on 200
start_hub
sync boris
is "the hub does not admit it" "$(sat hub list note client:Alfa | grep -c "ana too late")" 0
is "but what her peer wrote" "$(sat hub list note client:Alfa | grep -c "boris in time")" 1
is "it is kept for a head to see" "$(sat hub quarantine list --json | grep -c reason)" 1
is "and it is without effect at her peer's" "$(sat boris list note client:Alfa | grep -c "ana too late")" 0
sync ana
is "she has lost the client" "$(sat ana list client | grep -c Alfa)" 0
echo canaryofalfa01 >"$work/words"
is "to the last byte" "$(scan "$work/words" "$work/ana")" ""
ok "which her peer keeps" grep -q . <<EOF
$(scan "$work/words" "$work/boris")
EOF
ok "she meets him again" meet ana boris
is "and does not get it back" "$(scan "$work/words" "$work/ana")" ""
must hub quarantine adopt 1 >/dev/null
sync boris
is "what a head adopts is back with her peer" "$(sat boris list note client:Alfa | grep -c "ana too late")" 1
ok "all have the same of what both have" same_record "$beta" ana boris
for home in ana boris carla hub; do
	ok "$home verifies" sat "$home" verify
done
is "the hub is not greeted" "$(status_of sat ana sync "${url%%:*}://localhost:$port")" 4
done_testing
