#!/bin/sh
# A month with a stick and without a line: work both ways, a revoke, its receipt;
# and what happens to sticks.
. "$(dirname "$0")/../support/e2e.sh"

stick=$work/stick
mkdir "$stick"
name_of() { node_id "$1"; }
# carry FROM TO FILE: written there, read here
carry()
{
	if [ "$1" = hub ]; then to=$(name_of "$2"); else to=hub; fi
	must "$1" bundle write "$stick/$3" --for "$to" >/dev/null
	must "$2" bundle read "$stick/$3" >/dev/null
}
# flip FILE OFFSET OUT: a copy with one bit changed
flip()
{
	cp "$1" "$3"
	byte=$(od -An -tu1 -j"$2" -N1 "$1" | tr -d ' ')
	printf "$(printf '\\%03o' $((byte ^ 16)))" | dd of="$3" bs=1 seek="$2" conv=notrunc 2>/dev/null
}
state() { sat "$1" list client --json; sat "$1" list note --json; sat "$1" status --json; }
notes() { count "$1" list note client:"$2"; }

init_hub
ana=$(person "Ana Rep" --role rep)
person "Boris Rep" --role rep >/dev/null
for name in alfa beta gamma; do
	eval "$name=$(must hub add client name="$name zqcanary$name" city=Iasi owner="$ana")"
done
start_hub
join ana ana
join boris boris
sync ana boris
stop_hub

# Up and down.
must ana add note client="$alfa" text="zqcanaryup visit" >/dev/null
ok "a node writes for the hub" sat ana bundle write "$stick/1" --for hub
is "the file is its owner's alone" "$(stat -c %a "$stick/1")" 600
ok "nothing half written is left" [ "$(ls "$stick" | wc -l)" = 1 ]
ok "a file that is there is not written over" not sat ana bundle write "$stick/1" --for hub
ok "the hub reads it" sat hub bundle read "$stick/1"
is "the work is there" "$(notes hub "$alfa")" 1
is "the node does not know it yet" "$(sat ana bundle write "$stick/1b" --for hub --json | json batches)" 1
must hub set "$beta" city=Galati >/dev/null
carry hub ana 2
is "what the hub has comes down" "$(value ana "$beta" city)" Galati
is "and the work is confirmed" "$(sat ana bundle write "$stick/3" --for hub --json | json batches)" 0
sat hub bundle read "$stick/3" >/dev/null
is "what came down is confirmed back" \
    "$(sat hub bundle write "$stick/4" --for "$(name_of ana)" --json | json batches)" 0

# Twice, and in the wrong order.
state hub >"$work/before"
ok "a bundle is read again" sat hub bundle read "$stick/1"
ok "and said to be known" contains "$(cat "$work/said")" "read before"
ok "one from before it too" sat hub bundle read "$stick/1b"
state hub >"$work/after"
ok "without effect" cmp "$work/before" "$work/after"
ok "at the node too" sat ana bundle read "$stick/2"
ok "which says so" contains "$(cat "$work/said")" "read before"
must hub set "$beta" city=Bacau >/dev/null
ana_node=$(name_of ana)
must hub bundle write "$stick/5" --for "$ana_node" >/dev/null
must hub set "$beta" city=Tecuci >/dev/null
must hub bundle write "$stick/6" --for "$ana_node" >/dev/null
ok "a later one that has it all is read" sat ana bundle read "$stick/6"
is "with the last word" "$(value ana "$beta" city)" Tecuci
ok "the earlier one then changes nothing" sat ana bundle read "$stick/5"
is "not the last word either" "$(value ana "$beta" city)" Tecuci
must hub set "$beta" city=Vaslui >/dev/null
must hub bundle write "$stick/7" --for "$ana_node" >/dev/null
sat ana bundle write "$stick/8" --for hub >/dev/null
sat hub bundle read "$stick/8" >/dev/null
must hub set "$beta" city=Husi >/dev/null
cp -R "$work/ana" "$work/copy"
must hub bundle write "$stick/9" --for "$ana_node" >/dev/null
must ana bundle read "$stick/9" >/dev/null
must ana bundle write "$stick/10" --for hub >/dev/null
must hub bundle read "$stick/10" >/dev/null
must hub set "$beta" city=Barlad >/dev/null
must hub bundle write "$stick/11" --for "$ana_node" >/dev/null
state copy >"$work/before"
ok "a bundle after a gap is refused" not sat copy bundle read "$stick/11"
ok "in clear words" contains "$(cat "$work/said")" "ask for a new bundle"
state copy >"$work/after"
ok "and changes nothing" cmp "$work/before" "$work/after"
rm -rf "$work/copy"
must ana bundle read "$stick/11" >/dev/null

# Who may read what.
ok "it is for its receiver alone" not sat boris bundle read "$stick/11"
ok "who is named" contains "$(cat "$work/said")" "$ana_node"
ok "the hub cannot read what it wrote" not sat hub bundle read "$stick/11"
ok "a node writes for its hub only" not sat ana bundle write "$stick/12" --for "$(name_of boris)"
ok "the hub for nodes that have joined" not sat hub bundle write "$stick/12" --for 0123456789abcdef
printf '%s\n' zqcanaryalfa zqcanarybeta zqcanarygamma zqcanaryup Tecuci Galati Bacau >"$work/words"
is "the words are at home" "$(scan "$work/words" "$work/ana" | cut -d' ' -f1 | sort -u | wc -l | tr -d ' ')" 7
is "none of them is on the stick" "$(scan "$work/words" "$stick")" ""
must hub add client name="$(head -c 200000 /dev/urandom | od -An -tx1 | tr -d ' \n' | head -c 120)" \
    owner="$ana" >/dev/null
"$SATCHEL" --home "$work/else" init --org Other --person Other >/dev/null
ok "another organisation's hub has nothing to do with it" not sat else bundle read "$stick/10"

# Damaged at many places: nothing changes, up or down.
must ana add note client="$alfa" text="more" >/dev/null
must ana bundle write "$stick/up" --for hub >/dev/null
must hub bundle write "$stick/down" --for "$ana_node" >/dev/null
state hub >"$work/before.hub"
state ana >"$work/before.ana"
damaged()	# damaged HOME FILE
{
	size=$(stat -c %s "$2")
	offset=0
	step=$((size / 9))
	while [ $offset -lt "$size" ]; do
		flip "$2" $offset "$work/bad"
		sat "$1" bundle read "$work/bad" >/dev/null 2>"$work/words.err" && { echo "flipped at $offset"; return 1; }
		grep -q "^satchel: ." "$work/words.err" || return 1
		head -c $offset "$2" >"$work/bad"
		sat "$1" bundle read "$work/bad" >/dev/null 2>&1 && { echo "cut at $offset"; return 1; }
		offset=$((offset + step))
	done
	for offset in $((size - 1)) 16 17 33 34 113 114 137 138; do
		flip "$2" $offset "$work/bad"
		sat "$1" bundle read "$work/bad" >/dev/null 2>&1 && { echo "flipped at $offset"; return 1; }
		head -c $offset "$2" >"$work/bad"
		sat "$1" bundle read "$work/bad" >/dev/null 2>&1 && { echo "cut at $offset"; return 1; }
	done
	{ cat "$2"; printf x; } >"$work/bad"
	not sat "$1" bundle read "$work/bad"
}
ok "the hub refuses every damaged bundle" damaged hub "$stick/up"
ok "so does the node" damaged ana "$stick/down"
state hub >"$work/after.hub"
state ana >"$work/after.ana"
ok "the hub is as before" cmp "$work/before.hub" "$work/after.hub"
ok "and the node" cmp "$work/before.ana" "$work/after.ana"
ok "the whole one is read" sat hub bundle read "$stick/up"
ok "and there" sat ana bundle read "$stick/down"
ok "what is no bundle is refused" not sat ana bundle read "$work/words"

# A stick is lost and the line is used instead.
must ana add note client="$gamma" text="lost once" >/dev/null
must hub set "$gamma" city=Cahul >/dev/null
must ana bundle write "$stick/lost-up" --for hub >/dev/null
must hub bundle write "$stick/lost-down" --for "$ana_node" >/dev/null
start_hub
ok "the line carries what the lost sticks had" sat ana sync
is "up" "$(notes hub "$gamma")" 1
is "and down" "$(value ana "$gamma" city)" Cahul
stop_hub
state ana >"$work/before"
ok "when one is found again it is old news" sat hub bundle read "$stick/lost-up"
sat ana bundle read "$stick/lost-down" >/dev/null 2>&1
state ana >"$work/after"
ok "for the node too" cmp "$work/before" "$work/after"
is "one note is one note" "$(notes hub "$gamma")" 1

# A stick is read, another one is written, and then the line is there.
must hub set "$gamma" city=Orhei >/dev/null
must hub bundle write "$stick/cross1" --for "$ana_node" >/dev/null
must ana bundle read "$stick/cross1" >/dev/null
must hub set "$gamma" city=Soroca >/dev/null
must hub bundle write "$stick/cross2" --for "$ana_node" >/dev/null
start_hub
is "the line goes on from what the stick brought" "$(sat ana sync --json | json received_batches)" 1
stop_hub
is "to the last word" "$(value ana "$gamma" city)" Soroca

# Revoked by stick, with work that the hub does not have.
must ana add note client="$alfa" text="zqcanarylate" >/dev/null
must ana add note client="$beta" text="on another" >/dev/null
must ana bundle write "$stick/never" --for hub >/dev/null
must ana add note client="$alfa" text="zqcanarylater" >/dev/null
must hub revoke ana --client "$alfa" >/dev/null
must hub bundle write "$stick/revoke" --for "$ana_node" >/dev/null
ok "a revoke comes by stick" sat ana bundle read "$stick/revoke"
ok "work on it that the hub lacks is encrypted to it" contains "$(cat "$work/said")" "2 changes of yours"
is "the client is gone" "$(sat ana show "$alfa" --json 2>/dev/null)" ""
printf '%s\n' zqcanaryalfa zqcanaryup zqcanarylate zqcanarylater >"$work/words"
is "no byte of it is left" "$(scan "$work/words" "$work/ana")" ""
is "a stick for the hub says that it has it" \
    "$(sat ana bundle write "$stick/sealed" --for hub --json | json set_aside_batches)" 2
ok "the hub has no receipt yet" contains "$(sat hub audit unconfirmed --json)" "$ana_node"
ok "the bundle back is read" sh -c '"$1" --home "$2/ana" bundle write "$2/stick/receipt" --for hub &&
	"$1" --home "$2/hub" bundle read "$2/stick/receipt" --json' sh "$SATCHEL" "$work"
is "late work waits for a head" "$(json refused_batches <"$work/said")" 2
is "as by line" "$(sat hub quarantine list --json | grep -c '"reason": "no right')" 2
is "work on another client is in" "$(notes hub "$beta")" 1
is "receipts for all blocks are there" "$(sat hub nodes --json | grep -c '"confirmed"')" 3
is "with what never got to the hub nothing is owed" "$(sat hub audit unconfirmed --json)" "[]"
is "the node keeps the boxes until the hub says what came" "$(sat ana status --json | json outbox)" 2
carry hub ana answer
carry ana hub answered
is "and that it has said" "$(sat ana status --json | json outbox)" 0
is "the node holds nothing back now" "$(sat ana bundle write "$stick/empty" --for hub --json | json batches)" 0
for id in $(sat hub quarantine list --json | sed -n 's/.*"id": \([0-9]*\).*/\1/p'); do
	must hub quarantine adopt "$id" >/dev/null
done
is "adopted work is part of the record" "$(notes hub "$alfa")" 4
carry hub ana adopted

# The same, and then the line is there before the stick is back.
must ana add note client="$gamma" text="zqcanarysealed" >/dev/null
must hub revoke ana --client "$gamma" >/dev/null
must hub bundle write "$stick/revoke2" --for "$ana_node" >/dev/null
must ana bundle read "$stick/revoke2" >/dev/null
start_hub
ok "the line takes what was sealed" sat ana sync
stop_hub
is "it waits for a head" "$(sat hub quarantine list --json | grep -c '"reason": "no right')" 1
ok "the receipts are there" not contains "$(sat hub audit unconfirmed --json)" "$(echo "$gamma" | tr -d -).profile"
is "nothing is left to send" "$(sat ana bundle write "$stick/empty2" --for hub --json | json batches)" 0
ok "the node verifies" sat ana verify
ok "the hub too" sat hub verify

# A lease is renewed by when the hub wrote, not by when that is read.
shift_library=$SATCHEL_TOOLS/../preload/clock.so
day=86400
after()		# after DAYS HOME WORD...
{
	shift_s=$(($1 * day))
	shift_home=$work/$2
	shift 2
	env CLOCK_SHIFT_S=$shift_s LD_PRELOAD="$shift_library" "$SATCHEL" --home "$shift_home" "$@" </dev/null
}
if CLOCK_SHIFT_S=0 LD_PRELOAD=$shift_library "$SATCHEL" help >/dev/null 2>&1 &&
    [ "$(CLOCK_SHIFT_S=-100000000 LD_PRELOAD=$shift_library date +%s)" -lt $(($(date +%s) - 90000000)) ]; then
	ana_node=$(node_id ana)
	after 10 hub bundle write "$stick/day10" --for "$ana_node" >/dev/null
	after 12 hub bundle write "$stick/day12" --for "$ana_node" >/dev/null
	cp -R "$work/ana" "$work/leased"
	ok "after 20 days a device is locked" not after 20 leased list client
	ok "but reads a bundle" after 20 leased bundle read "$stick/day12"
	ok "which opens it" after 20 leased list client
	after 20 leased list client >/dev/null 2>"$work/said.lease"
	ok "with the days since it was written" contains "$(cat "$work/said.lease")" "for 8 days"
	ok "an older one" after 20 leased bundle read "$stick/day10"
	after 20 leased list client >/dev/null 2>"$work/said.lease"
	ok "renews nothing" contains "$(cat "$work/said.lease")" "for 8 days"
	after 27 leased list client >/dev/null 2>&1
	ok "nor does the same one again" after 27 leased bundle read "$stick/day12"
	ok "so that it locks" not after 27 leased list client
	ok "with the clock set back too" not after 13 leased list client
	ok "and work can leave still" after 27 leased bundle write "$stick/locked" --for hub
	rm -rf "$work/leased"
fi

# The whole device.
must ana add note client="$beta" text="zqcanarylast" >/dev/null
must hub revoke --node "$ana_node" >/dev/null
must hub bundle write "$stick/device" --for "$ana_node" >/dev/null
sat ana bundle read "$stick/device" >/dev/null 2>&1
is "a revoked device says so by its status" $? 4
ok "it is empty" not sat ana list client
printf '%s\n' zqcanarybeta zqcanarygamma zqcanarylast >"$work/words"
is "to the last byte" "$(scan "$work/words" "$work/ana")" ""
must ana bundle write "$stick/last" --for hub >/dev/null
ok "its last bundle is read" sat hub bundle read "$stick/last"
ok "the device is confirmed empty" contains "$(sat hub nodes --json | tr -d '\n ')" '"shard":"*"'
ok "and its last work is kept" contains "$(sat hub quarantine list --json)" zqcanarylast
done_testing
