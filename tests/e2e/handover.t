#!/bin/sh
# Clients go from one person to another: nothing is lost, nobody keeps what is not his,
# and late work waits for who has the client now.
. "$(dirname "$0")/../support/e2e.sh"
shift_library=$SATCHEL_TOOLS/../preload/clock.so

init_hub
ana=$(person "Ana Rep" --role rep)
boris=$(person "Boris Rep" --role rep)
person "Carl Rep" --role rep >/dev/null
person "Hilda Head" --role head >/dev/null
alfa=$(must hub add client name=Alfaqqwertyzzz city=Iasi owner="$ana")
beta=$(must hub add client name=Betaqqwertyzzz owner="$ana")
gama=$(must hub add client name=Gamaqqwertyzzz owner="$ana")
must hub set "$alfa" balance=10EUR >/dev/null
start_hub
join ana ana
join boris boris
join carl carl
join hilda hilda
sync ana
waiting() { sat "$1" quarantine list --json | grep -c '"state": "waiting"'; }
ids() { sat "$1" quarantine list --json | sed -n 's/.*"id": \([0-9]*\).*/\1/p'; }
purged() { sat "$1" sync --json | json purged_shards; }

# The default: at once to the new owner, a while longer to be seen by the former.
must ana add note client="$alfa" text="before she knew" >/dev/null
ok "a head hands over" sat hilda handover "$alfa" --to boris
sync hilda boris
is "the new owner has it at once" "$(count boris list client)" 1
is "the former owner is told, and erases nothing yet" "$(purged ana)" 0
ok "she still sees it" sat ana show "$alfa"
is "with what the new owner does" "$(must boris set "$alfa" city=Cluj; sync boris)" ""
sat ana set "$alfa" city=Bacau >/dev/null 2>&1
is "but changes nothing any more" $? 4
is "what she had entered is not part of the record" "$(count boris list note)" 0
is "the new owner reads it in his queue" "$(waiting boris)" 1
ok "with what it says" contains "$(sat boris quarantine list)" "before she knew"
is "she reads nothing there" "$(waiting ana)" 0
is "nor does anybody else" "$(waiting carl)" 0
sat carl quarantine adopt $(ids boris) >/dev/null 2>&1
is "or decides" $? 1
ok "he adopts it from his own node" sat boris quarantine adopt $(ids boris)
sync boris hilda
is "and has it" "$(count boris list note)" 1
ok "under her name" contains "$(sat boris history "$(sat boris list note --porcelain | cut -f1)")" "Ana Rep"
ok "with who decided" contains "$(sat hilda quarantine list --all --json)" '"decided_by": "Boris Rep"'
[ "$(purged ana)" -gt 0 ]
is "the contact after that erases it" $? 0
is "her other clients stay" "$(count ana list client)" 2
ok "the hub has her receipts" not contains "$(sat hub audit unconfirmed --porcelain)" "Ana Rep"
ok "the record tells of the handover" contains "$(sat hilda history "$alfa")" "handover"
is "nothing was deleted" "$(sat hub history "$alfa" --json | grep -c '"op": "delete"')" 0
ok "the others' copies are whole" same_record "$alfa" boris hilda

# There and back before it is over.
must ana add note client="$beta" text="work on the way" >/dev/null
must hub handover "$beta" --to boris >/dev/null
sync boris
is "again she only sees" "$(purged ana)" 0
must hub handover "$beta" --to ana >/dev/null
must boris sync >/dev/null
is "given back in time nothing is erased" "$(purged ana)" 0
is "also later" "$(purged ana)" 0
must hub quarantine adopt $(ids hub) >/dev/null
sync ana
is "nor lost, nor doubled" "$(count ana list note client:"$beta")" 1
ok "and she may work on it" sat ana set "$beta" city=Iasi
sync ana boris boris
is "while the other has nothing left" "$(count boris list client)" 1
ok "it is the same everywhere" same_record "$beta" ana

# Five days without contact, and twenty edits.
i=0
while [ $i -lt 20 ]; do
	i=$((i + 1))
	must ana add note client="$gama" text="offline $i" >/dev/null
done
must hub handover "$gama" --to boris >/dev/null
sync boris
i=0
while [ $i -lt 3 ]; do
	i=$((i + 1))
	must boris add note client="$gama" text="new owner $i" >/dev/null
done
sync boris
stop_hub
# From here on, for hub and nodes. A build whose clock cannot be shifted ends here.
cat >"$work/later" <<EOF
#!/bin/sh
CLOCK_SHIFT_S=$((5 * 86400)) LD_PRELOAD=$shift_library exec "$SATCHEL" "\$@"
EOF
chmod +x "$work/later"
"$work/later" help >/dev/null 2>&1 || { done_testing; exit 0; }
SATCHEL=$work/later
start_hub
[ "$(purged ana)" -gt 0 ]
is "after its time it is erased at once" $? 0
is "all of the late work waits for the new owner" "$(waiting boris)" 20
must boris quarantine adopt $(ids boris | head -12) >/dev/null
must boris quarantine reject $(ids boris) >/dev/null
sync boris hilda
is "what he adopted is beside his own" "$(count boris list note client:"$gama")" 15
ok "on every node that has it" same_record "$gama" boris hilda

# At once, and against somebody's will.
must hub set "$gama" city=Arad >/dev/null
sync boris
must boris add note client="$gama" text="instant" >/dev/null
must hub handover "$gama" --to carl --mode instant >/dev/null
[ "$(purged boris)" -gt 0 ]
is "instant leaves nothing at the next contact" $? 0
is "and takes none of the late work" "$(count hub list note client:"$gama")" 15
is "which waits" "$(waiting hub)" 1
sync carl
must carl add note client="$gama" text="last one" >/dev/null
must hub handover "$gama" --to ana --mode hostile >/dev/null
sat carl sync >/dev/null
ok "hostile is said in the queue" contains "$(sat ana quarantine list)" "taken from its owner"
is "the queue has gone to the new owner whole" "$(waiting ana)" 2
is "not to one before" "$(waiting boris)" 0
sat hub handover "$gama" --to ana --mode rude >/dev/null 2>&1
is "there is no other mode" $? 2

# A revoke does not wait for the end of a handover.
must hub grant carl --client "$beta" >/dev/null
must hub handover "$beta" --to boris >/dev/null
must hub revoke ana --client "$beta" >/dev/null
[ "$(purged ana)" -gt 0 ]
is "a revoke takes at once what is only to be seen" $? 0
for home in hub ana boris carl hilda; do ok "$home verifies" sat "$home" verify; done
done_testing
