#!/bin/sh
# One firm at work: a hub, a head on her laptop, a branch, two reps.
. "$(dirname "$0")/../support/e2e.sh"

init_hub
ana=$(person "Ana Rep" --role rep --branch North)
boris=$(person "Boris Rep" --role rep --branch South)
person "Bea Branch" --role branch --branch North >/dev/null
person "Hilda Head" --role head >/dev/null
alfa=$(must hub add client name=Alfaqqwerty city=Iasi owner="$ana" branch=North)
beta=$(must hub add client name=Betazzuiop city=Roma owner="$boris" branch=South)
gamma=$(must hub add client name=Gammayyxcv city=Lviv owner="$boris" branch=North)
must hub add deal client="$gamma" title="Deskshjkl" amount=500 stage=Offer >/dev/null
start_hub
join ana ana
join boris boris
join bea bea
join hilda hilda

names()
{
	sat "$1" list client --json | sed -n 's/.*"name": "\([^"]*\)".*/\1/p' | sort | tr '\n' ' '
}
is "a rep holds her own clients" "$(names ana)" "Alfaqqwerty "
is "another rep holds his" "$(names boris)" "Betazzuiop Gammayyxcv "
is "a branch holds the clients of the branch" "$(names bea)" "Alfaqqwerty Gammayyxcv "
is "a head holds all" "$(names hilda)" "Alfaqqwerty Betazzuiop Gammayyxcv "

printf '%s\n' Alfaqqwerty Betazzuiop Gammayyxcv Deskshjkl >"$work/words"
holds() { scan "$work/words" "$work/$1" | cut -d' ' -f1 | sort -u | tr '\n' ' '; }
is "no file of a rep's home has a byte of what is not hers" "$(holds ana)" "Alfaqqwerty "
is "nor of another's" "$(holds boris)" "Betazzuiop Deskshjkl Gammayyxcv "
is "nor of a branch's" "$(holds bea)" "Alfaqqwerty Deskshjkl Gammayyxcv "

# Work without a line on all sides.
stop_hub
must ana set "$alfa" city=Suceava industry=Glass >/dev/null
must bea set "$alfa" city=Bacau >/dev/null
must hilda set "$alfa" tags+=vip >/dev/null
visit=$(must ana add activity client="$alfa" kind=visit subject="Saw the boss")
ok "work without a line waits" [ "$(sat ana status --json | json pending_batches)" -gt 0 ]
sat ana sync >/dev/null 2>&1
is "no hub is no network" $? 6
start_hub
sync ana bea hilda ana bea
ok "nothing waits any more" [ "$(sat ana status --json | json pending_batches)" = 0 ]

ok "a client is the same on the hub and three nodes" same_record "$alfa" ana bea hilda
ok "and so is a visit" same_record "$visit" ana bea hilda
is "one and the same city is shown" "$(value ana "$alfa" city)" "$(value hub "$alfa" city)"
for node in hub ana bea hilda; do
	ok "$node sees both cities" contains "$(sat "$node" conflicts --json | tr -d ' \n' | grep -c 'Bacau.*Suceava\|Suceava.*Bacau')" 1
done
told=$(sat ana conflicts)
ok "a person is told so in words" contains "$told" "city: Two values were entered at the same time:"
ok "which of them is shown" contains "$told" "'  (shown)"
ok "and how to settle it" contains "$told" "city --keep N, or --value V"
is "a script has a line for each value" "$(sat ana conflicts --porcelain | grep -c "$alfa")" 2
must ana resolve "$alfa" city --value Suceava >/dev/null
sync ana bea hilda
ok "settled on one it is settled on all" same_record "$alfa" ana bea hilda
for node in hub ana bea hilda; do
	is "$node has no conflict left" "$(sat "$node" conflicts --json | tr -d ' \n')" "[]"
done
is "which is told in words as well" "$(sat ana conflicts)" "Nothing was entered twice at the same time."
is "with the value that was chosen" "$(value bea "$alfa" city)" Suceava

sat ana sync --json >"$work/idle"
ok "an idle sync is at most two requests" [ "$(json requests <"$work/idle")" -le 2 ]
ok "and one kilobyte" [ $(($(json bytes_in <"$work/idle") + $(json bytes_out <"$work/idle"))) -le 1024 ]

# A head grants where there is no line.
stop_hub
must hilda grant ana --client "$beta" --blocks profile,contacts --right see >/dev/null
start_hub
sync ana
is "a grant that has not reached the hub gives nothing" "$(names ana)" "Alfaqqwerty "
sync hilda ana
is "it gives when it has" "$(names ana)" "Alfaqqwerty Betazzuiop "
sat ana set "$beta" city=Milano >/dev/null 2>&1
is "to see is not to edit" $? 4

ok "history knows who" contains "$(sat boris history "$beta" --json 2>/dev/null)" "Maria Head"
for name in "Ana Rep" "Bea Branch" "Hilda Head"; do
	ok "history knows $name on every node" contains "$(sat bea history "$alfa" --json)" "$name"
done
before=$(value ana "$alfa" industry)
must ana set "$alfa" industry=Sand >/dev/null
sync ana bea
is "a change arrives" "$(value bea "$alfa" industry)" Sand
must ana undo >/dev/null
sync ana bea
is "and what takes it back does too" "$(value bea "$alfa" industry)" "$before"
for node in hub ana boris bea hilda; do
	ok "$node verifies" sat "$node" verify
done
done_testing
