#!/bin/sh
# The hub's disk is put back to an old image without satchel restore, so the hub does
# not know that it has forgotten: what it then says of rights is older than what a
# device knows, and is not believed.
. "$(dirname "$0")/../support/e2e.sh"

init_hub
ana=$(person "Ana Rep" --role rep)
person "Hilda Head" --role head >/dev/null
alfa=$(must hub add client name=Alfa owner="$ana" description=canaryofalfa01)
beta=$(must hub add client name=Beta owner="$ana")
start_hub
join ana ana
join hilda hilda
sync ana hilda
stop_hub
cp -a "$work/hub" "$work/image"
start_hub
must ana add note client="$beta" text="acknowledged" >/dev/null
must hilda revoke ana --client "$alfa" >/dev/null
sync hilda ana
echo canaryofalfa01 >"$work/words"
is "a client was taken" "$(scan "$work/words" "$work/ana")" ""
must ana add note client="$beta" text="not sent yet" >/dev/null
stop_hub
rm -rf "${work:?}/hub"
cp -a "$work/image" "$work/hub"
start_hub
for time in first second; do
	ok "the $time time the device does not take the hub's word" not sat ana sync
	ok "which is older than the one it has" contains "$(cat "$work/said")" "older (epoch"
	is "what was taken does not come back" "$(scan "$work/words" "$work/ana")" ""
	is "no work is lost on the device" "$(count ana list note)" 2
	ok "it verifies" sat ana verify
done
must hub revoke ana --client "$alfa" >/dev/null
must hub set "$beta" territory=South >/dev/null
ok "when the hub knows of the revoke again it is believed" sat ana sync
is "and nothing has come back" "$(scan "$work/words" "$work/ana")" ""
is "the device goes on" "$(value ana "$beta" territory)" South
for home in ana hub; do ok "$home verifies" sat $home verify; done
done_testing
