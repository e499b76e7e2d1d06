#!/bin/sh
# Two reps work among themselves for a week, far from the hub; one is revoked
# meanwhile.  A colleague who keeps the news from them changes nothing for good.
. "$(dirname "$0")/../support/e2e.sh"
. "$(dirname "$0")/../support/peer.sh"
day=24

init_hub
must hub set Firm passport_hours=192 >/dev/null
ana=$(person "Ana Rep" --role rep --team red)
for who in Boris Carla Dora; do
	person "$who Rep" --role rep --team red >/dev/null
done
for who in ana boris carla dora; do
	must hub grant "$who" --team red >/dev/null
done
alfa=$(must hub add client name=Alfa owner="$ana" team=red description=canaryofalfa01)
beta=$(must hub add client name=Beta owner="$ana" team=red)
start_hub
for who in ana boris carla dora; do join $who $who; done
sync ana boris carla dora
stop_hub
notes() { sat "$1" list note "client:$2" --porcelain | wc -l | tr -d ' '; }
waiting() { sat hub quarantine list --json | grep -c '"state": "waiting"'; }

# A week: day by day each works on both clients, and every second day they meet.
for days in 1 2 3 4 5 6 7; do
	hours_on $((days * day))
	must ana add note client=Alfa text="ana on alfa, day $days" >/dev/null
	must ana add note client=Beta text="ana on beta, day $days" >/dev/null
	must boris add note client=Alfa text="boris on alfa, day $days" >/dev/null
	must boris set Beta address="boris, day $days" >/dev/null
	must ana set Alfa city="ana, day $days" >/dev/null
	case $days in
	2 | 4 | 6) meet ana boris || bail "they do not meet on day $days" ;;
	3)	must carla set Alfa region=East >/dev/null
		cp -R "$work/carla" "$work/quiet"
		start_hub
		must hub revoke ana --client Alfa >/dev/null
		must hub revoke ana --team red --blocks finance >/dev/null
		sync carla
		stop_hub ;;
	esac
done
is "they have worked together" "$(notes ana Alfa) $(notes boris Alfa) $(notes boris Beta)" "13 13 6"
is "and show the same of the address" "$(value ana Beta address)" "boris, day 6"
is "what one set the other has" "$(value boris Alfa city)" "ana, day 6"

# Carla has synced since and refuses her.  With another program she could act as if she
# had not, here with her home of before, and keep the news from Dora too.
serve carla
is "one who knows of the revoke refuses her" "$(status_of sat ana sync "$peer")" 4
ok "and says why" told "has replaced the passport"
leave
serve quiet
is "one who keeps quiet still gives to her" "$(status_of sat ana sync "$peer")" 0
is "what he has" "$(value ana Alfa region)" East
is "and tells nobody" "$(status_of sat dora sync "$peer")" 0
leave
ok "who heard nothing meets her" meet dora ana
ok "until she meets anybody else who knows" meet dora carla
ok "then no more" not meet dora ana
rm -rf "$work/quiet"

# The first contact: first the one who was not revoked, with all that she brings.
start_hub
sync boris
is "his own work is in" "$(sat hub list note client:Alfa --json | grep -c 'boris on alfa')" 7
is "hers on the client that she has is in too" "$(sat hub list note client:Beta --json | grep -c 'ana on beta')" 6
is "hers on the other is not" "$(sat hub list note client:Alfa --json | grep -c 'ana on alfa')" 0
is "nor the field" "$(value hub Alfa city)" ""
ok "it waits for a head" [ "$(waiting)" -ge 6 ]
is "with him it is without effect as well" "$(sat boris list note client:Alfa --json | grep -c 'ana on alfa') $(value boris Alfa city)" "0 "
must ana sync --json >"$work/result"
ok "her own contact takes the client" [ "$(json purged_shards <"$work/result")" -gt 0 ]
echo canaryofalfa01 >"$work/words"
is "to the last byte" "$(scan "$work/words" "$work/ana")" ""
is "her work of the last day waits with the rest: 7 notes, 7 times a field" "$(waiting)" 14
is "all on the client that she keeps is in" "$(notes hub "$beta")" 7
is "nobody owes an erasure" "$(sat hub audit unconfirmed --porcelain)" ""
is "the one who kept quiet does not give it back" "$(meet ana carla >/dev/null; scan "$work/words" "$work/ana")" ""
is "nor does who has it rightly" "$(meet ana boris >/dev/null; scan "$work/words" "$work/ana")" ""
ids=$(sat hub quarantine list --json | sed -n 's/.*"id": \([0-9]*\).*/\1/p')
must hub quarantine adopt $ids >/dev/null
sync boris carla dora ana
is "adopted, nothing is missing" "$(notes hub Alfa)" 14
ok "Alfa is the same wherever it is" same_record "$alfa" boris carla dora
ok "Beta too" same_record "$beta" ana boris carla dora

for home in ana boris carla dora hub; do ok "$home verifies" sat $home verify; done
done_testing
