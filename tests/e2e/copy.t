#!/bin/sh
# A home is copied to other machines and all go on: each but the first becomes a
# device of its own, and nothing that anybody wrote is lost.
. "$(dirname "$0")/../support/e2e.sh"

init_hub
ana=$(person "Ana Rep" --role rep)
person "Hilda Head" --role head >/dev/null
alfa=$(must hub add client name=Alfa owner="$ana")
gamma=$(must hub add client name=Gammaqqxyzzy owner="$ana")
start_hub
join ana ana
join hilda hilda
must ana add note client="$alfa" text="sent before the copy" >/dev/null
sync ana hilda
must ana add note client="$alfa" text="not sent before the copy" >/dev/null
copy() { rm -rf "${work:?}/$2"; cp -a "$work/$1" "$work/$2"; }
copy ana two
copy ana three
devices() { sat hilda nodes --json | tr -d '\n' | grep -o '"device": *"[^"]*"' | sed 's/.*: *"//;s/"$//' | sort | tr '\n' ',' ; }

# All three go on, in the same fields and others.
for home in ana two three; do
	must $home add note client="$alfa" text="by $home" >/dev/null
	must $home set "$alfa" city="$home town" >/dev/null
done
must two set "$alfa" industry=Glass >/dev/null
contact=$(must three add contact client="$alfa" name="Third Person")
must three set "$contact" name="Third Person, corrected" >/dev/null
was=$(node_id ana)
ok "the first to sync" sat ana sync
is "keeps its name" "$(node_id ana)" "$was"
ok "the second syncs" sat two sync
ok "and is another device now" not same "$(node_id two)" "$was"
ok "the third syncs" sat three sync
ok "and is another one too" not same "$(node_id three)" "$(node_id two)"
sync ana two three hilda
is "every note is there, once" "$(count hub list note)" 5
is "the field that all wrote is a conflict" "$(sat hub show "$alfa" --json | grep -o '[a-z]* town' | sort -u | tr '\n' ',')" \
    "ana town,three town,two town,"
is "what one wrote alone is there" "$(value hub "$alfa" industry)" Glass
is "and what was corrected before it was sent" "$(value hub "$contact" name)" "Third Person, corrected"
ok "all have the same" same_record "$alfa" ana two three hilda
is "the head sees the copies" "$(devices)" "ana,ana (copy),ana (copy),hilda,"
ok "and can look up when" contains "$(sat hub audit of "$ana" --porcelain)" copied
for home in hub ana two three hilda; do
	ok "$home verifies" sat $home verify
done

# Further syncs are like any other's.
for home in ana two three; do
	was=$(node_id $home)
	must $home add note client="$alfa" text="later, by $home" >/dev/null
	ok "$home syncs again" sat $home sync
	is "and stays who it is" "$(node_id $home)" "$was"
done
sync ana two three hilda
ok "all have the same again" same_record "$alfa" ana two three hilda
is "eight notes" "$(count two list note)" 8

# A copy that has written nothing, found by what it says it has.
copy ana four
must hub set "$alfa" region=North >/dev/null
was=$(node_id ana)
sync ana
ok "a copy without work syncs" sat four sync
is "the first stays" "$(node_id ana)" "$was"
ok "the copy is another" not same "$(node_id four)" "$was"
ok "and has what is new" same_record "$alfa" ana four

# What is taken away is taken from the copies, whoever has confirmed it.
echo Gammaqqxyzzy >"$work/words"
copy ana five
must hilda revoke ana --client "$gamma" >/dev/null
sync hilda ana
is "the first has erased a client" "$(scan "$work/words" "$work/ana" | wc -l | tr -d ' ')" 0
sat five sync >/dev/null 2>&1
sat five sync >/dev/null 2>&1
is "so has a copy made before" "$(scan "$work/words" "$work/five" | wc -l | tr -d ' ')" 0
ok "and it verifies" sat five verify

# The same home put back, without satchel restore.
copy ana image
sync ana
must ana add note client="$alfa" text="after the image" >/dev/null
sync ana
copy image ana
must ana add note client="$alfa" text="after it was put back" >/dev/null
ok "a disk image put back syncs" sat ana sync
is "and nothing is missing" "$(count hub list note) $(count ana list note)" "10 10"
ok "it verifies" sat ana verify
ok "the hub verifies" sat hub verify

# A device that was revoked: every copy of it erases itself.
join bor ana
sync bor hilda
copy bor bor2
must hilda revoke --node "$(node_id bor)" >/dev/null
sync hilda
sat bor sync >/dev/null 2>&1
is "a revoked device erases itself" $? 4
sat bor2 sync >/dev/null 2>&1
is "so does its copy" $? 4
echo Alfa >"$work/words"
is "with all that it held" "$(scan "$work/words" "$work/bor2" | wc -l | tr -d ' ')" 0

# Cut off at any moment, the copy ends as one device that has all.
command -v setsid >/dev/null || { done_testing; exit; }
copy ana base
must ana add note client="$alfa" text="before the kills" >/dev/null
sync ana
must base add note client="$alfa" text="survives the kills" >/dev/null
for delay in 0.005 0.01 0.02 0.03 0.05; do
	copy base killed
	setsid "$SATCHEL" --home "$work/killed" sync >/dev/null 2>&1 &
	pid=$!
	sleep $delay
	kill -9 -"$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	ok "after a kill at ${delay}s it syncs" sat killed sync
	is "it is another device" "$([ "$(node_id killed)" != "$(node_id base)" ] && echo yes)" yes
	is "it has all" "$(count killed list note)" 12
	ok "it verifies" sat killed verify
	[ ! -e "$work/killed/node-new.key" ] || ok "no key is left over" false
done
done_testing
