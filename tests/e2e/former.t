#!/bin/sh
# One who is no head any more says on his own device what he likes, under any date:
# what gives is void, what takes holds for 72 hours and then is as if it had not been.
. "$(dirname "$0")/../support/e2e.sh"
. "$(dirname "$0")/../support/peer.sh"

init_hub
ana=$(person "Ana Rep" --role rep)
boris=$(person "Boris Rep" --role rep)
hilda=$(person "Hilda Head" --role head)
alfa=$(must hub add client name=Alfa owner="$ana" description=canaryofalfa01)
beta=$(must hub add client name=Beta owner="$ana")
start_hub
for who in ana boris hilda; do join $who $who; done
sync ana boris hilda
must hub set "$hilda" role=rep >/dev/null

# Dated two days back, before he was unmade.
hours_on -48
must hilda grant boris --client "$alfa" >/dev/null
must hilda grant hilda --all >/dev/null
must hilda revoke ana --client "$alfa" >/dev/null
hours_on 0
sync hilda boris
is "what he grants gives nothing" "$(count boris list client)" 0
sync hilda
is "nor to himself" "$(count hilda list client)" 0
is "all of it waits for a head" "$(sat hub quarantine list --json | grep -c '"state": "waiting"')" 3
is "one of the three holds" "$(sat hub quarantine list --json | grep -c holds_until)" 1
sync ana
is "what he revokes is erased from nobody" "$(count ana list client)" 2
is "but nothing there is changed" "$(status_of sat ana set "$alfa" city=Iasi)" 4
is "elsewhere all goes on" "$(status_of sat ana set "$beta" city=Iasi)" 0
stop_hub

hours_on 71
start_hub
sync ana
is "after 71 hours it still holds" "$(status_of sat ana set "$alfa" city=Iasi)" 4
stop_hub
hours_on 73
start_hub
sync ana boris
is "after 73 it does not" "$(status_of sat ana set "$alfa" city=Iasi)" 0
sync ana
is "and the hub takes what is written then" "$(value hub "$alfa" city)" Iasi
is "the hub says that nothing is on hold" "$(sat hub status | grep -c 'On hold')" 0
is "but it waits in the list" "$(sat hub quarantine list --json | grep -c '"state": "waiting"')" 3
is "and his grants still give nothing" "$(count boris list client)" 0
echo canaryofalfa01 >"$work/words"
is "not a byte" "$(scan "$work/words" "$work/boris")" ""
for home in ana boris hilda hub; do ok "$home verifies" sat $home verify; done
done_testing
