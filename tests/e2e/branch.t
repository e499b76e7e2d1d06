#!/bin/sh
# A branch: its machine serves its reps, who never see the hub again, and syncs by itself.
. "$(dirname "$0")/../support/e2e.sh"
. "$(dirname "$0")/../support/peer.sh"

init_hub
office=$(person "Office Iasi" --role branch --branch iasi)
dana=$(person "Dana Rep" --role rep --branch iasi)
emil=$(person "Emil Rep" --role rep --branch iasi)
person "Filip Rep" --role rep --branch cluj >/dev/null
for who in office dana emil; do
	must hub grant "$who" --branch iasi >/dev/null
done
gama=$(must hub add client name=Gama owner="$dana" branch=iasi description=canaryofgama01)
delta=$(must hub add client name=Delta owner="$emil" branch=iasi description=canaryofdelta1)
epsilon=$(must hub add client name=Epsilon owner="$dana" branch=iasi description=canaryofepsi01)
start_hub
for who in dana emil filip office; do
	join "$who" "$who"
done
sync dana emil filip office
stop_hub

# Two reps, who meet the branch only.
must dana add note client=Gama text="visit of dana" >/dev/null
must emil set Gama city=Iasi >/dev/null
must dana add client name=Born >/dev/null
ok "a rep meets the branch" meet dana office
is "what the branch has taken does not wait any more" "$(sat dana status --json | json pending_batches)" 0
ok "another too" meet emil office
is "and has what the first one did" "$(count emil list note client:Gama)" 1
ok "the first comes again" meet dana office
is "and has what the other did" "$(value dana Gama city)" Iasi
ok "who is not of the branch does not tell it what he holds" meet filip office
is "and gets nothing of its" "$(count filip list client)" 0

# The branch syncs by itself, also when the hub is away for a while.
hours_on 40
serve office --sync-every 1s
waited=0
until grep -q "sync: failed" "$work/peer.err" || [ $waited -gt 200 ]; do
	sleep 0.05
	waited=$((waited + 1))
done
ok "that the hub is away is said" grep "sync: failed: .*; next 20" "$work/peer.err"
ok "and the status has it" contains "$(sat office status)" "By itself: "
start_hub
waited=0
until grep -q "sync: sent [1-9]" "$work/peer.err" || [ $waited -gt 200 ]; do
	sleep 0.05
	waited=$((waited + 1))
done
ok "when it is back the branch has synced by itself" grep "sync: sent [1-9].* passports 3; next" "$work/peer.err"
is "the status has that too" "$(sat office status --json | grep -c '"said": "sent')" 1
leave
is "what the reps did is at the hub" "$(count hub list note client:Gama)" 1
is "both of it" "$(value hub Gama city)" Iasi
is "under their names" "$(sat hub history Gama --json | grep -c -e "Dana Rep" -e "Emil Rep" | grep -c -v '^0')" 1
is "the new client as well" "$(count hub list client name:Born owner:dana)" 1
is "nothing is in quarantine" "$(sat hub quarantine list --json | grep -c reason)" 0

# Their passports come through the branch: three days on theirs would be too old.
stop_hub
hours_on 100
start_hub
sync office
stop_hub
ok "a rep's own passport is too old, the branch has a new one" meet dana office
ok "so it goes on" meet emil office

# Taken from a rep: his passport says so, and the branch brings it.
must dana add note client=Epsilon text="not yet sent" >/dev/null
hours_on 110
start_hub
must hub revoke dana --client Epsilon >/dev/null
must hub set Delta branch=cluj owner=filip >/dev/null
must hub set Gama description="canaryofgama02" >/dev/null
sync office
stop_hub
is "a client that left the branch is gone there" "$(sat office list client | grep -c Delta)" 0
ok "the rep meets the branch" meet dana office
is "what was revoked is gone" "$(sat dana list client | grep -c Epsilon)" 0
echo canaryofepsi01 >"$work/words"
is "to the last byte" "$(scan "$work/words" "$work/dana")" ""
ok "what is allowed is new" contains "$(value dana Gama description)" canaryofgama02
ok "the other rep too" meet emil office
is "and loses the client that left the branch" "$(sat emil list client | grep -c Delta)" 0
echo canaryofdelta1 >"$work/words"
is "to the last byte" "$(scan "$work/words" "$work/emil")" ""

# A device that was revoked is emptied by the branch's word of the hub.
hours_on 112
start_hub
must hub revoke --node "$(node_id emil)" >/dev/null
sync office
stop_hub
meet emil office
is "a revoked device loses all clients at the branch" "$(count emil list client)" 0
ok "the branch gives it nothing" meet emil office
is "ever again" "$(met received_batches)" 0

hours_on 113
start_hub
sync office dana
for home in office dana filip hub; do
	ok "$home verifies" sat "$home" verify
done
is "a hub does not sync by itself" "$(status_of sat hub serve --sync-every 1h)" 2
is "nonsense is refused" "$(status_of sat office serve --sync-every 0h) $(status_of sat office serve --sync-at 25:00)" "2 2"
done_testing
