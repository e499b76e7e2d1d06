#!/bin/sh
# Work that was not admitted waits for a head; clients are handed over.
. "$(dirname "$0")/../support/e2e.sh"

init_hub
ana=$(person "Ana Rep" --role rep)
bob=$(person "Bob Rep" --role rep)
person "Hilda Head" --role head >/dev/null
alfa=$(must hub add client name=Alfaxyzzy owner="$ana")
start_hub
join ana ana
join bob bob
join hilda hilda

# Ana keeps the client but may no longer write deals.
must hub revoke ana --client "$alfa" --blocks deals >/dev/null
must ana add deal client="$alfa" title="Late one" >/dev/null
must ana add deal client="$alfa" title="Late two" >/dev/null
sync ana
is "both are waiting" "$(must hilda quarantine list --json | grep -c '"state": "waiting"')" 2
ok "with what they would change" sh -c "$SATCHEL --home $work/hilda quarantine list | grep -q 'Late one'"
is "its author is shown nothing, although the client is hers" "$(sat ana quarantine list --json)" "[]"
sat ana quarantine adopt 1 >/dev/null 2>&1
is "nor does anything there have a number" $? 1
ok "a head adopts one from his laptop" sat hilda quarantine adopt 1
sat hilda quarantine adopt 1 >/dev/null 2>&1
is "once" $? 5
ok "and rejects the other" sat hilda quarantine reject 2
sync hilda
is "the adopted one is part of the record" "$(count hilda list deal)" 1
ok "under its author's name" sh -c "$SATCHEL --home $work/hilda history 'Late one' | grep -q 'Ana Rep'"
is "nothing waits" "$(must hilda quarantine list --json | grep -c '"state": "waiting"')" 0
is "what was decided is listed" "$(must hilda quarantine list --all --json | grep -c '"decided_by": "Hilda Head"')" 2
sync ana
is "its author, who may not see deals, has none" "$(count ana list deal)" 0

# One act: from Ana to Bob, with Ana's late edit.
must ana set "$alfa" city=Iasi >/dev/null
ok "a head hands the client over" sat hilda handover Alfaxyzzy --to bob --mode instant
sync hilda bob
is "the new owner has it" "$(count bob list client)" 1
sync ana
is "the former owner has not" "$(count ana list client)" 0
is "his late edit waits" "$(must hilda quarantine list --json | grep -c '"state": "waiting"')" 1
ok "and is adopted" sat hilda quarantine adopt 3
sync bob
ok "the new owner sees it" sh -c "$SATCHEL --home $work/bob show Alfaxyzzy | grep -q Iasi"
sat ana handover Alfaxyzzy --to ana >/dev/null 2>&1
is "a rep hands nothing over" $? 1

# Taken from Bob, then given to him again: the handover is meant.
must hilda revoke bob --client "$alfa" >/dev/null
sync hilda bob
is "taken away" "$(count bob list client)" 0
ok "handed over to him all the same" sat hilda handover "$alfa" --to bob --mode instant
sync hilda bob
is "he has it again" "$(count bob list client)" 1
ok "and may work on it" sat bob set "$alfa" city=Cluj
for home in hub ana bob hilda; do ok "$home verifies" sat "$home" verify; done
done_testing
