#!/bin/sh
# What the hub remembers of devices, rights and erasures, and whom it tells.
. "$(dirname "$0")/../support/e2e.sh"

init_hub
ana=$(person "Ana Rep" --role rep)
boris=$(person "Boris Rep" --role rep)
person "Hilda Head" --role head >/dev/null
alfa=$(must hub add client name=Alfaqqwerty owner="$ana")
must hub add deal client="$alfa" title="Deskshjkl" amount=500 stage=Offer >/dev/null
start_hub
join ana ana
join boris boris
join hilda hilda
sync ana

# whats HOME WORD...: the kinds of rows, one word each
whats() { sat "$@" --json | sed -n 's/.*"what": "\([^"]*\)".*/\1/p' | sort -u | tr '\n' ' '; }
states() { sat "$@" --json | sed -n 's/.*"state": "\([^"]*\)".*/\1/p' | sort -u | tr '\n' ' '; }
is "joins and what was pulled are recorded" "$(whats hub audit)" "join pull "
is "a rep may ask about herself" "$(whats ana audit of ana)" "join pull "
sat ana audit of boris >/dev/null 2>&1
is "but not about another" $? 4
sat ana audit >/dev/null 2>&1
is "nor read the log" $? 4
sat ana audit who-held "$alfa" >/dev/null 2>&1
is "nor who holds a client" $? 4
sat hub audit of nobody >/dev/null 2>&1
is "nobody is not found" $? 1
is "a head asks who holds a client, from her laptop" "$(states hilda audit who-held Alfaqqwerty)" "holds "
ok "and is told of the rep" contains "$(sat hilda audit who-held Alfaqqwerty --block deals --porcelain)" "Ana Rep"
is "which is one line for one block and one device, beside her own" \
	"$(count hilda audit who-held Alfaqqwerty --block deals)" 2

must hilda grant boris --client "$alfa" --blocks profile --right see >/dev/null
sync hilda
ok "a grant says who, about whom and what" contains "$(sat hub audit of boris --porcelain)" \
	"by Hilda Head about Boris Rep: grant see of profile on client Alfaqqwerty"
ok "he who it is about may read it" contains "$(sat boris audit of boris --porcelain)" "by Hilda Head about Boris Rep"

must hilda handover "$alfa" --to boris --mode instant >/dev/null
sync hilda
sat ana sync >/dev/null 2>&1
must hub revoke --node "$(node_id boris)" >/dev/null
ok "a revoked device is recorded" contains "$(sat hub audit of boris --porcelain)" "device revoked"
sync ana
ok "what a device erased is recorded" contains "$(whats hub audit of ana)" "purged"
ok "with the name of the client" contains "$(sat hub audit of ana --porcelain)" "profile of Alfaqqwerty"
ok "and stands with the client" contains "$(states hub audit who-held "$alfa")" "erased"
is "while the revoked one has not come" "$(sat hilda audit unconfirmed --porcelain | cut -f1,5,6)" "Boris Rep	*	to be told"
sat boris sync >/dev/null 2>&1
stop_hub
is "what is confirmed is not waited for" "$(count hub audit unconfirmed)" 0
sat hilda audit >/dev/null 2>&1
is "without a line the hub cannot be asked" $? 6
must hub verify >/dev/null
printf '%s\n' Deskshjkl Alfaqqwerty >"$work/words"
sat hub audit --limit 0 --json | grep -o '"detail": "[^"]*"' >"$work/details"
ok "no row has a word of a record" not grep -F -f "$work/words" "$work/details"
sat hub audit --block deals >/dev/null 2>&1
is "a block without a client is misuse" $? 2
start_hub
done_testing
