#!/bin/sh
# A node, and then the hub, come back from a backup: what was done since is brought back.
. "$(dirname "$0")/../support/e2e.sh"

init_hub
ana=$(person "Ana Rep" --role rep)
person "Hilda Head" --role head >/dev/null
alfa=$(must hub add client name=Alfa owner="$ana")
beta=$(must hub add client name=Betazzuiop)
start_hub
join ana ana
join hilda hilda
echo "a long passphrase" >"$work/passphrase"
backup() { must "$1" backup "$work/$1.backup" --passphrase-file "$work/passphrase" >/dev/null; }
restore()
{
	rm -rf "${work:?}/$1"
	must "$1" restore "$work/$1.backup" --passphrase-file "$work/passphrase" >/dev/null
}
notes() { echo "$(count hub list note) $(count "$1" list note)"; }

# The node.
must ana add note client="$alfa" text="before the backup" >/dev/null
sync ana
backup ana
must ana add note client="$alfa" text="after it, sent" >/dev/null
must hub add note client="$alfa" text="after it, from the hub" >/dev/null
sync ana
is "before: both have all" "$(notes ana)" "3 3"
was=$(node_id ana)
restore ana
: >"$work/ana/restoring"
ok "a restore that was cut off is no home" not sat ana status
ok "and says what to do" contains "$(sat ana status 2>&1)" "run satchel restore again"
cp "$work/hub/satchel.db-wal" "$work/ana/satchel.db-wal"
ok "which begins anew" sat ana restore "$work/ana.backup" --passphrase-file "$work/passphrase"
ok "and leaves no trace" not test -e "$work/ana/restoring"
is "a restored node has what it had" "$(count ana list note)" 1
must ana add note client="$alfa" text="after the restore, before a sync" >/dev/null
ok "it syncs" sat ana sync
is "and has all again" "$(notes ana)" "4 4"
must ana set "$alfa" city=Iasi >/dev/null
must hub set "$alfa" industry=Glass >/dev/null
ok "it goes on" sat ana sync
ok "both sides are the same" same_record "$alfa" ana
ok "the node verifies" sat ana verify
is "it is still the same device" "$(node_id ana)" "$was"
restore ana
ok "the same backup once more" sat ana sync
is "has all again too" "$(notes ana)" "4 4"

# What was taken away after the backup does not come back with it.
omega=$(must hub add client name=Omegaqqzzy owner="$ana")
sync ana
must ana set "$omega" city=Cluj >/dev/null
sync ana
rm "$work/ana.backup"
backup ana
must hub revoke ana --client "$omega" >/dev/null
sync ana
is "a client was taken away" "$(count ana find Omegaqqzzy)" 0
restore ana
is "the backup has it" "$(count ana find Omegaqqzzy)" 1
ok "it syncs" sat ana sync
is "and it is gone again" "$(count ana find Omegaqqzzy)" 0
echo Omegaqqzzy >"$work/words"
is "without a trace" "$(scan "$work/words" "$work/ana" | wc -l | tr -d ' ')" 0
ok "the node verifies after it" sat ana verify

# The hub: the nodes have seen more than it remembers.
gamma=$(must hub add client name=Gammaxyzzy owner="$ana")
sync ana
is "the rep has a second client" "$(count ana list client)" 2
stop_hub
backup hub
start_hub
must ana add note client="$alfa" text="lost at the hub" >/dev/null
sync ana
must hilda set "$alfa" industry=Sand >/dev/null
must hilda grant ana --client "$beta" --right see >/dev/null
sync hilda ana hilda
is "a grant after the backup has come" "$(count ana list client)" 3
must hilda revoke ana --client "$gamma" >/dev/null
sync hilda ana hilda
is "and a client was taken away" "$(count ana list client)" 2
for time in first second; do
	stop_hub
	restore hub
	start_hub
	is "$time time: the hub has lost work" "$(count hub list note)" 4
	ok "the rep syncs" sat ana sync
	is "what was taken away does not come back" "$(count ana find Gammaxyzzy)" 0
	ok "the head syncs" sat hilda sync
	ok "the rep syncs again" sat ana sync
	is "the work is there again" "$(notes ana)" "5 5"
	ok "both are the same" same_record "$alfa" ana hilda
	is "also the head's grant, and his revoke" "$(count ana list client)" 2
	must ana set "$alfa" city="$time town" >/dev/null
	must hilda set "$alfa" region="$time region" >/dev/null
	sync ana hilda ana
	ok "work goes on both ways" same_record "$alfa" ana hilda
	ok "the hub verifies" sat hub verify
	ok "the rep's node verifies" sat ana verify
	is "and each device is still who it was" "$(node_id ana) $(count hub nodes)" "$was 2"
done
done_testing
