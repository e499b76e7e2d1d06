#!/bin/sh
# A canary in every block of a client: which of them is in which home?
. "$(dirname "$0")/../support/e2e.sh"

init_hub
person "Ana Rep" --role rep >/dev/null
person "Boris Rep" --role rep >/dev/null
person "Hilda Head" --role head >/dev/null
start_hub
join ana ana
join boris boris
join hilda hilda

# In a sorted list of terms equal beginnings are stored once: only the end of a
# word is looked for.
random() { od -An -N8 -tx1 /dev/urandom | tr -d ' \n'; }
plant()		# plant BLOCK: a fresh word and its needle
{
	word=zq$(random)
	echo "$1 $(printf %s "$word" | tail -c 12) $word" >>"$work/planted"
	echo "$word"
}
blocks="assignment profile contacts deals activities documents finance marketing service internal"
client=$(must hilda add client name="$(plant profile)")
must hilda set "$client" segment="$(plant assignment)" terms="$(plant documents)" \
    interests+="$(plant marketing)" care_notes="$(plant service)" remarks="$(plant internal)" >/dev/null
must hilda add contact client="$client" name="$(plant contacts)" >/dev/null
must hilda add deal client="$client" title="$(plant deals)" >/dev/null
must hilda add note client="$client" text="$(plant activities)" >/dev/null
money=$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')
money=$((90000000000 + money))
echo "finance $money $money" >>"$work/planted"
must hilda set "$client" balance="${money%??}.${money#?????????} EUR" >/dev/null
# Another client, whose canary must outlive what happens to the first.
other=$(must hilda add client name="$(plant other)")
sync hilda
must hub grant ana --client "$other" >/dev/null
cut -d' ' -f2 "$work/planted" >"$work/words"
sed 's/^/# /' "$work/planted"

# found HOME: the blocks whose canary is in a file of that home.
found()
{
	scan "$work/words" "$work/$1" | cut -d' ' -f1 | sort -u | while read -r needle; do
		sed -n "s/ $needle .*//p" "$work/planted"
	done | sort | tr '\n' ' '
}
sorted() { printf '%s\n' "$@" | sort | tr '\n' ' '; }
all=$(sorted $blocks other)

is "there is a canary in every block" "$(wc -l <"$work/words" | tr -d ' ')" 11
is "all are at the hub" "$(found hub)" "$all"
is "and with the head who wrote them" "$(found hilda)" "$all"
sync ana boris
is "none without a grant" "$(found ana)" "$(sorted other)"
for block in $blocks; do
	must hub grant boris --client "$client" --blocks "$block" --right see >/dev/null
	sync boris
	is "$block alone is granted alone" "$(found boris)" "$(sorted "$block")"
	must hub revoke boris --client "$client" --blocks "$block" >/dev/null
	sync boris
	is "and goes without a byte" "$(found boris)" ""
done

must hub grant ana --client "$client" >/dev/null
sync ana
is "a grant of all gives all" "$(found ana)" "$all"
must ana find "$(sed -n 's/^contacts .* //p' "$work/planted")" >/dev/null
must ana set "$client" description="also hers" >/dev/null
sync ana
must hub revoke ana --client "$client" --blocks deals >/dev/null
sync ana
is "what is revoked goes, the rest stays" "$(found ana)" "$(echo "$all" | sed 's/deals //')"
must hub revoke ana --client "$client" >/dev/null
sync ana
is "a revoked client goes whole, another stays" "$(found ana)" "$(sorted other)"
ok "what is left verifies" sat ana verify
ok "and rebuilds" sat ana rebuild
is "and does not come back" "$(found ana)" "$(sorted other)"
receipts()
{
	sat hub nodes --json | tr -d ' \n' | sed 's/},{"receipts_due/}\n{"receipts_due/g' |
	    grep "\"device\":\"$1\"" | grep -o '"confirmed":"[^"]*"' | wc -l | tr -d ' '
}
ok "the hub has receipts for it" [ "$(receipts ana)" -ge 10 ]

must hub grant ana --client "$client" >/dev/null
sync ana
is "granted again it is there again" "$(found ana)" "$all"

# A whole device: a rep's, and a head's who has looked around.
must hub revoke --node "$(node_id ana)" >/dev/null
sat ana sync >/dev/null 2>&1
is "a revoked device is told so" $? 4
is "and has nothing of anybody" "$(found ana)" ""
ok "nor a name of a person" not sh -c 'strings -a "$1"/* | grep -q "Boris Rep"' sh "$work/ana"
must hub nodes --json >"$work/nodes"
ok "its receipt is at the hub" sh -c 'tr -d " \n" <"$1" | grep -q "\"block\":\"\*\",[^}]*\"confirmed\":\"20"' sh "$work/nodes"
sat ana list client >/dev/null 2>&1
ok "it shows no client" [ $? -ne 0 ]
sat ana sync >/dev/null 2>&1
is "it stays revoked" $? 4
sat hilda nodes --json >/dev/null 2>&1
sat hilda find zq >/dev/null 2>&1
must hub revoke --node "$(node_id hilda)" >/dev/null
sat hilda sync >/dev/null 2>&1
is "a head's device can be revoked too" $? 4
is "and has nothing either" "$(found hilda)" ""
is "the hub has it all" "$(found hub)" "$all"
ok "and verifies" sat hub verify
done_testing
