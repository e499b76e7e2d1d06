#!/bin/sh
# Blocks apart: who is given one sees a client with that block alone; who loses one
# keeps the rest whole; and one act over two blocks may count in one of them only.
. "$(dirname "$0")/../support/e2e.sh"
command -v git >/dev/null || skip_all "no git here"
GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0 HOME=$work
export GIT_CONFIG_NOSYSTEM GIT_TERMINAL_PROMPT HOME

# money HOME FIELD: as it is shown, with its client.
money() { sat "$1" show "$alfa" 2>/dev/null | sed -n "s/^ *$2  *//p"; }

init_hub
ana=$(person "Ana Rep" --role rep)
person "Boris Rep" --role rep >/dev/null
alfa=$(must hub add client name=Alfa owner="$ana" city=Iasi description=zqcanaryprofile)
must hub add contact client="$alfa" name="Dana zqcanarycontact" >/dev/null
must hub set "$alfa" balance="417263.55 EUR" overdue="918273.64 EUR" remarks=zqcanaryinternal >/dev/null
must hub add deal client="$alfa" title="zqcanarydeal" amount="55443322.11 EUR" >/dev/null
start_hub
join ana ana
join boris boris

# Contacts alone: a client without a name, and nothing of the rest.
must hub grant boris --client "$alfa" --blocks contacts >/dev/null
sync boris
is "who is given the contacts has them" "$(count boris list contact)" 1
ok "by name" contains "$(sat boris list contact --json)" zqcanarycontact
is "and may change them" "$(sat boris set "$(sat boris list contact --porcelain | cut -f1)" position=Buyer >/dev/null 2>&1; echo $?)" 0
printf '%s\n' zqcanaryprofile zqcanaryinternal zqcanarydeal 41726355 91827364 5544332211 >"$work/words"
is "nothing else is in his home" "$(scan "$work/words" "$work/boris")" ""
sat boris show "$alfa" --json >"$work/shown" 2>&1
ok "nor shown" not grep -F -f "$work/words" "$work/shown"
for words in "set $alfa city=Cluj" "set $alfa balance=1EUR" "add deal client=$alfa title=x" "history $alfa" \
    "find zqcanarydeal" "list client balance:>1" "conflicts" "undo" "verify" "rebuild" "access"; do
	sat boris $words >>"$work/shown.all" 2>&1 </dev/null
done
ok "there were words" [ -s "$work/shown.all" ]
ok "no error and no answer tells of it" not grep -F -e zqcanaryprofile -e zqcanaryinternal -e 41726355 -e 417263 -e 918273 -e 55443322 "$work/shown.all"
boris_node=$(node_id boris)
sync boris
git clone -q --no-progress -b down "http://$boris_node:$(must hub token "$boris_node")@127.0.0.1:$port/f/$boris_node.git" "$work/boris.git" 2>"$work/said" || bail "git clone"
git -C "$work/boris.git" log -p --all >"$work/log.git"
ok "the branch that he can clone has the contacts" grep -q zqcanarycontact "$work/log.git"
ok "and not the others" not grep -F -f "$work/words" "$work/log.git"
is "nor have its packs" "$(scan "$work/words" "$work/boris.git")" ""
ok "nor what the hub says while it serves" not grep -F -f "$work/words" "$work/serve.err" "$work/serve.out"

# One act over two blocks, one of which is then taken away.
must hub grant ana --own --blocks finance --right edit >/dev/null
sync ana
is "all is there" "$(money ana Balance)" "417263.55 EUR"
must ana set "$alfa" city=Cluj balance="736455.28 EUR" >/dev/null
sync ana
is "an act over two blocks counts in both" "$(value hub "$alfa" city) $(money hub Balance)" "Cluj 736455.28 EUR"
total() { sat ana list client 'balance:>1' --porcelain 2>/dev/null | wc -l | tr -d ' '; }
is "she finds it by its figure" "$(total)" 1
must hub revoke ana --client "$alfa" --blocks finance >/dev/null
sync ana
is "of that act she keeps the half that she may see" "$(value ana "$alfa" city)" Cluj
printf '%s\n' 41726355 91827364 73645528 >"$work/words"
is "and no figure of the other" "$(scan "$work/words" "$work/ana")" ""
is "none is shown" "$(money ana Balance)$(money ana Overdue)" ""
is "nothing is found by one" "$(total)" 0
ok "history has the half" contains "$(sat ana history "$alfa" --json)" Cluj
ok "and no figure either" not contains "$(sat ana history "$alfa" --json)" 736455
is "the deal stays" "$(count ana list deal)" 1
ok "the half verifies" sat ana verify
ok "and rebuilds" sat ana rebuild
ok "to the same" sat ana verify
is "the hub has both" "$(value hub "$alfa" city) $(money hub Balance)" "Cluj 736455.28 EUR"

# One act over two blocks, and one is taken away before it is sent.
must hub grant ana --client "$alfa" --blocks finance --right edit >/dev/null
sync ana
must ana set "$alfa" city=Suceava balance="1.00 EUR" >/dev/null
must hub revoke ana --client "$alfa" --blocks finance >/dev/null
sat ana sync --json >"$work/result"
is "one part is not accepted" "$(json refused_batches <"$work/result")" 1
is "the other counts" "$(value hub "$alfa" city)" Suceava
is "the one does not" "$(money hub Balance)" "736455.28 EUR"
must hub quarantine list --json >"$work/waiting"
is "it waits" "$(grep -c '"state": "waiting"' "$work/waiting")" 1
ok "for what it would change" grep -q balance "$work/waiting"
is "the client shows one state here and there" "$(value ana "$alfa" city) $(money ana Balance)" "Suceava "
must hub quarantine adopt "$(json id <"$work/waiting")" >/dev/null
is "adopted, the act is whole" "$(value hub "$alfa" city) $(money hub Balance)" "Suceava 1.00 EUR"
must hub grant ana --client "$alfa" --blocks finance --right see >/dev/null
sync ana
is "also with its author, when she may see it again" "$(value ana "$alfa" city) $(money ana Balance)" "Suceava 1.00 EUR"
for home in ana boris hub; do ok "$home verifies" sat $home verify; done
done_testing
