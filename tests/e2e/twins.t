#!/bin/sh
# A home was copied, and both halves write under one name.  They meet different peers,
# these meet others, and only then anybody sees the hub: two different things bear one
# name all over the place.  Whoever comes first, nothing that anybody wrote is lost.
. "$(dirname "$0")/../support/e2e.sh"
. "$(dirname "$0")/../support/peer.sh"

init_hub
ana=$(person "Ana Rep" --role rep --team red)
for who in Boris Carla Dora; do
	person "$who Rep" --role rep --team red >/dev/null
done
for who in ana boris carla dora; do
	must hub grant "$who" --team red >/dev/null
done
beta=$(must hub add client name=Beta owner="$ana" team=red)
start_hub
for who in ana boris carla dora; do join $who $who; done

round=0
for order in "carla twin1 boris ana dora" "boris carla ana twin2 dora" "dora twin3 ana boris carla"; do
	round=$((round + 1))
	twin=twin$round
	sync ana boris carla dora
	stop_hub
	cp -a "$work/ana" "$work/$twin"
	must ana add note client=Beta text="first $round" >/dev/null
	must ana set Beta city="First town $round" >/dev/null
	must $twin add note client=Beta text="twin $round" >/dev/null
	must $twin set Beta city="Twin town $round" >/dev/null
	ok "round $round: the first meets one" meet ana boris
	ok "the twin meets another" meet $twin carla
	is "each of these has what it was shown" "$(sat boris list note client:Beta | grep -c "first $round") $(sat carla list note client:Beta | grep -c "twin $round")" "1 1"
	ok "these meet a third" meet boris dora
	ok "both" meet carla dora
	meet boris carla
	must boris set Beta region="boris $round" >/dev/null
	must carla set Beta industry="carla $round" >/dev/null
	start_hub
	for who in $order $order; do
		ok "$who syncs" sat $who sync
	done
	is "no work of either is lost" "$(sat hub list note client:Beta --json | grep -c -e "first $round" -e "twin $round")" 2
	is "nor of who met them" "$(value hub Beta region), $(value hub Beta industry)" "boris $round, carla $round"
	is "both towns are there" "$(sat hub show Beta --json | grep -o -e "[A-Z][a-z]* town $round" | sort -u | tr '\n' ',')" \
	    "First town $round,Twin town $round,"
	ok "they are two devices now" not same "$(node_id ana)" "$(node_id $twin)"
	ok "and all have the same" same_record "$beta" ana $twin boris carla dora
	must hub set Beta city="One town $round" >/dev/null
done
for home in ana twin1 twin2 twin3 boris carla dora hub; do ok "$home verifies" sat $home verify; done
done_testing
