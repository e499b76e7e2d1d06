#!/bin/sh
# The hub is destroyed and comes back from a backup of 30 days ago.  Nodes reconnect
# in any order, some of them never known to the backup: everything that was acknowledged
# is there again, what was erased stays erased, what was revoked stays revoked, and
# everybody has the same.  SATCHEL_HEAVY=1 does it with 20 nodes.
. "$(dirname "$0")/../support/e2e.sh"
. "$(dirname "$0")/../support/peer.sh"
days_ago() { hours_on $((-24 * $1)); }
crowd=1
[ -z "${SATCHEL_HEAVY:-}" ] || crowd=15
seed=${SATCHEL_SEED:-4711}
echo "# seed $seed"
random() { seed=$(((seed * 1103515245 + 12345) % 2147483648)); drawn=$((seed / 65536 % $1)); }	# random BELOW
# shuffled WORD...: in an order of the dice, one a line
shuffled() { for word in "$@"; do random 100000; echo "$drawn $word"; done | sort -n | cut -d' ' -f2; }

days_ago 30
init_hub
ana=$(person "Ana Rep" --role rep)
bor=$(person "Bor Rep" --role rep)
person "Hilda Head" --role head >/dev/null
nodes="ana bor hilda"
alfa=$(must hub add client name=Alfa owner="$ana")
beta=$(must hub add client name=Beta owner="$bor")
gamma=$(must hub add client name=Gammaqqxyzzy)
must hub grant bor --client "$gamma" --right edit >/dev/null
start_hub
for name in $nodes; do join $name $name; done
clients="$alfa $beta $gamma"
n=0
while [ $n -lt $crowd ]; do
	n=$((n + 1))
	id=$(person "Crowd$n Rep" --role rep)
	join "crowd$n" "crowd$n"
	nodes="$nodes crowd$n"
	clients="$clients $(must hub add client name="Crowded $n" owner="$id")"
	must hub grant "crowd$n" --client "$gamma" --right edit >/dev/null
done
sync $nodes
is "bor has two clients" "$(count bor list client)" 2
echo "a long passphrase" >"$work/passphrase"
stop_hub
must hub backup "$work/hub.backup" --passphrase-file "$work/passphrase" >/dev/null

# What the backup does not know: of 28, of 15 and of no days ago.
# acknowledged HOME WORD...: and its id is remembered.
acknowledged() { must "$@" | tail -1 >>"$work/ids"; }
days_ago 28
start_hub
acknowledged ana add note client="$alfa" text="by ana"
acknowledged hub add note client="$alfa" text="by the hub"
acknowledged bor add note client="$gamma" text="by bor, who may then"
sync ana bor
n=0
while [ $n -lt $crowd ]; do
	n=$((n + 1))
	acknowledged "crowd$n" add note client="$gamma" text="by crowd $n, who may then"
	sync "crowd$n"
	must hub revoke "Crowd$n Rep" --client "$gamma" >/dev/null
	sync "crowd$n"
	is "the client was taken from crowd$n" "$(count "crowd$n" find Gammaqqxyzzy)" 0
done
must hub revoke bor --client "$gamma" >/dev/null
must hub grant ana --client "$beta" --right edit >/dev/null
sync bor hilda ana
is "one client was taken from bor" "$(count bor find Gammaqqxyzzy)" 0
stop_hub
days_ago 15
start_hub
sync $nodes
acknowledged ana add note client="$beta" text="by ana, by a grant"
delta=$(must ana add client name=Delta)
sync ana hilda
must hilda handover Delta --to bor >/dev/null
sync hilda bor ana
is "another was handed to bor" "$(count bor find Delta)" 1
acknowledged bor add note client="$delta" text="by its new owner"
cyd=$(person "Cyd Rep" --role rep)
epsilon=$(must hub add client name=Epsilon owner="$cyd")
join cyd cyd
join ana2 ana
acknowledged cyd add note client="$epsilon" text="by one who came later"
must ana2 set "$alfa" city=Iasi >/dev/null
zeta=$(must cyd add client name=Zeta)
stop_hub
days_ago 0
start_hub
n=0
while [ $n -lt $crowd ]; do
	n=$((n + 1))
	# Locked for 15 days: the line comes first.
	sync "crowd$n"
	acknowledged "crowd$n" add note client="Crowded $n" text="by crowd $n"
	must "crowd$n" set "Crowded $n" city="Town $n" >/dev/null
	must "crowd$n" set "Crowded $n" city="Town $n of $n" >/dev/null
done
nodes="$nodes cyd ana2"
clients="$clients $delta $epsilon $zeta"
sync $nodes
sync $nodes
acknowledged cyd add note client="$epsilon" text="never sent before"
acknowledged ana add note client="$alfa" text="never sent before"
notes=$(count hub list note)
kept="$(count bor list client) $(count cyd list client) $(count ana list client)"
for id in $clients; do
	sat hub show "$id" --json | sed 's/,$//' | sort >"$work/before.$id"
done

lost()
{
	stop_hub KILL
	rm -rf "${work:?}/hub"
	must hub restore "$work/hub.backup" --passphrase-file "$work/passphrase" >/dev/null
	start_hub
}
# erased NAME: nothing of the client that was taken is there.
erased() { is "$2of what was taken from $1 no byte comes back" "$(scan "$work/words" "$work/$1")" ""; }
lost
is "the hub has forgotten clients" "$(count hub list client)" $((3 + crowd))
echo Gammaqqxyzzy >"$work/words"
round=0
while [ $round -lt 3 ]; do
	round=$((round + 1))
	for name in $(shuffled $nodes); do
		ok "round $round: $name syncs" sat "$name" sync
		case $name in
		bor | crowd*) erased "$name" "round $round: " ;;
		esac
	done
done
sat hub list note --json | sed -n 's/.*"id": "\([^"]*\)".*/\1/p' | sort >"$work/got"
is "every acknowledged note is there" "$(sort -u "$work/ids" | comm -23 - "$work/got")" ""
ok "there were some" [ "$(wc -l <"$work/ids")" -ge $((8 + 2 * crowd)) ]
is "every note is there, and the two that were under way" "$(count hub list note)" $((notes + 2))
is "every client is where it was" "$(count bor list client) $(count cyd list client) $(count ana list client)" "$kept"
for id in $clients; do
	[ "$id" != "$epsilon" ] && [ "$id" != "$alfa" ] || continue
	sat hub show "$id" --json | sed 's/,$//' | sort >"$work/after"
	ok "the hub says of $(value hub "$id" name) what it said" diff "$work/before.$id" "$work/after"
done
is "nothing was kept aside" "$(sat hub quarantine list --json)" "[]"
ok "Alfa is the same everywhere" same_record "$alfa" ana ana2 hilda
ok "Beta is the same everywhere" same_record "$beta" ana bor hilda
ok "Gamma is the same everywhere" same_record "$gamma" hilda
ok "Delta is the same everywhere" same_record "$delta" bor hilda
ok "Epsilon is the same everywhere" same_record "$epsilon" cyd hilda
ok "Zeta is the same everywhere" same_record "$zeta" cyd hilda
n=0
while [ $n -lt $crowd ]; do
	n=$((n + 1))
	ok "Crowded $n is the same everywhere" same_record "Crowded $n" "crowd$n" hilda
	is "with its last word" "$(value hub "Crowded $n" city)" "Town $n of $n"
done
for name in hub $nodes; do
	ok "$name verifies" sat "$name" verify
done
contains "$(sat hub nodes)" cyd >/dev/null && known=yes || known=no
is "the newcomers are known again" "$known $(count hub nodes)" "yes $((5 + crowd))"
must cyd set "$epsilon" city=Cluj >/dev/null
sync cyd hilda
ok "work goes on" same_record "$epsilon" cyd hilda

# A device that was revoked in the lost time.
stop_hub
rm "$work/hub.backup"
must hub backup "$work/hub.backup" --passphrase-file "$work/passphrase" >/dev/null
start_hub
join bor2 bor
sync hilda bor2
must hilda revoke --node "$(node_id bor2)" >/dev/null
sync hilda
lost
ok "the head syncs first" sat hilda sync
sat bor2 sync >/dev/null 2>&1
is "a device that was revoked meanwhile is told so" $? 4
done_testing
