#!/bin/sh
# Bytes of a node's file go bad: verify finds them, verify --repair and a sync heal them.
. "$(dirname "$0")/../support/e2e.sh"

init_hub
ana=$(person "Ana Rep" --role rep)
alfa=$(must hub add client name=Alfa owner="$ana")
beta=$(must hub add client name=Beta owner="$ana")
start_hub
join ana ana
sync ana
must ana add note client="$alfa" text="sent" >/dev/null
must ana set "$alfa" city=Iasi >/dev/null
must hub set "$beta" city=Cluj >/dev/null
sync ana
spoil() { "$SATCHEL_TOOLS/sql" "$work/$1/satchel.db" "$2" || bail "sql $2"; }
flip="z = CAST(substr(z, 1, length(z) / 2) || x'ff00' || substr(z, length(z) / 2 + 3) AS BLOB)"

# heals WHAT SQL...
heals()
{
	what=$1
	spoil ana "$2"
	ok "$what: verify finds it" not sat ana verify
	ok "$what: it is repaired" sat ana verify --repair
	ok "$what: a sync brings the rest" sat ana sync
	ok "$what: verify has nothing to say" sat ana verify
	ok "$what: Alfa is what it was" same_record "$alfa" ana
	ok "$what: so is Beta" same_record "$beta" ana
}
heals "a batch of the hub" "UPDATE batch SET $flip WHERE b = (SELECT max(b) FROM batch)"
heals "every batch" "UPDATE batch SET $flip"
heals "a signature" "UPDATE seal SET signature = zeroblob(64) WHERE i = (SELECT min(i) FROM seal)"
heals "a seal that is gone" "DELETE FROM seal WHERE i = (SELECT max(i) FROM seal)"
heals "a shard's number" "UPDATE batch SET s = 32 * 1000 + 1 WHERE b = (SELECT max(b) FROM batch)"
heals "a place" "UPDATE batch SET seq = seq + 7 WHERE b = (SELECT max(b) FROM batch)"
heals "a table" "UPDATE client SET city = 'Nowhere'"

# What waits to be sent stays.
must ana add note client="$alfa" text="not sent" >/dev/null
must ana set "$alfa" region=Moldova >/dev/null
heals "seals of work that waits" "UPDATE seal SET signature = zeroblob(64)"
is "the note that waited is at the hub" "$(count hub list note)" 2
is "and the field" "$(value hub "$alfa" region)" Moldova
must ana add note client="$alfa" text="not sent, not readable" >/dev/null
spoil ana "UPDATE batch SET $flip WHERE b = (SELECT max(b) FROM batch)"
sat ana verify --repair >/dev/null 2>"$work/said.repair"
is "work that waits and cannot be read is told of" "$? $(grep -c 'cannot be read any more' "$work/said.repair")" "3 1"
sync ana
ok "the home is sound after it" sat ana verify
must ana add note client="$alfa" text="written after it" >/dev/null
sync ana
ok "and goes on" same_record "$alfa" ana
is "the hub has taken the new note" "$(count hub list note)" 3

# The hub.
stop_hub
cp -a "$work/hub" "$work/sound"
spoil hub "UPDATE client SET city = 'Nowhere'"
ok "a table of the hub is made anew" sat hub verify --repair
ok "and the hub verifies" sat hub verify
spoil hub "UPDATE batch SET $flip WHERE b = (SELECT max(b) FROM batch)"
sat hub verify --repair >/dev/null 2>"$work/said.hub"
is "a damaged log of the hub asks for its backup" "$? $(grep -c 'satchel restore' "$work/said.hub")" "5 1"
rm -rf "${work:?}/hub"
mv "$work/sound" "$work/hub"
start_hub
done_testing
