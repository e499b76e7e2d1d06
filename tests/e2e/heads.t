#!/bin/sh
# Two heads with real processes: who is a head is decided at the hub; what one
# says who is none any more holds; a grant has a last day.
. "$(dirname "$0")/../support/e2e.sh"
init_hub
ana=$(person "Ana Rep" --role rep)
hilda=$(person "Hilda Head" --role head)
dan=$(person "Dan Head" --role head)
alfa=$(must hub add client name=Alfa owner="$ana")
start_hub
join ana ana
join hilda hilda
join dan dan
for home in ana hilda dan; do must $home sync >/dev/null; done

ok "a head unmakes no head from his laptop" not sat hilda set "$dan" role=rep
said=$(sat hilda set "$dan" role=rep 2>&1)
ok "and is told where" contains "$said" "in the hub's own home"
ok "nor makes one" not sat hilda person add "New Head" --role head
ok "other roles are changed anywhere" sat hilda set "$ana" role=branch
must hilda sync >/dev/null
must hub set "$ana" role=rep >/dev/null

ok "a head revokes without a line" sat hilda revoke ana --client alfa
must hub set "$hilda" role=rep >/dev/null
ok "he is none any more when it comes" sat hilda sync
said=$(sat hub status)
ok "the hub says that something is on hold" contains "$said" "On hold by the word of a former head: 1"
said=$(sat dan quarantine list)
ok "another head sees until when" contains "$said" "on hold until"
must ana sync >/dev/null
ok "nothing is erased" sat ana show alfa
said=$(sat ana set alfa city=Cluj 2>&1)
ok "and nothing is changed" contains "$said" "on hold"
number=$(sat dan quarantine list --json | json id)
ok "the other head lifts it" sat dan quarantine reject "$number"
must ana sync >/dev/null
ok "and all is as before" sat ana set alfa city=Cluj
ok "which the hub takes" sat ana sync
said=$(sat hub quarantine list)
ok "nothing more waits" contains "$said" "Nothing waits"

must dan sync >/dev/null
ok "a head gives for a time" sat dan grant ana --client alfa --blocks finance --right edit --until +2d
must dan sync >/dev/null
must ana sync >/dev/null
ok "it is used" sat ana set alfa balance="10 EUR"
said=$(sat dan access explain ana alfa)
ok "a head sees who gave what" contains "$said" "(Dan Head, "
ok "and until when" contains "$said" " until "
ok "the hub verifies" sat hub verify
ok "and can be made anew" sat hub rebuild
ok "and verifies" sat hub verify
done_testing
