#!/bin/sh
# What goes out in bulk: capabilities, exports, a new device's clients, the second download of a week.
. "$(dirname "$0")/../support/e2e.sh"
cd "$work" || exit 1

clients() { seq "$1" "$2" | sed "s/.*/c$3-&,$4 client &,$3/" >>clients.csv; }
whats() { sat "$@" --json | sed -n 's/.*"what": "\([^"]*\)".*/\1/p' | sort | uniq -c | tr -s ' \n' ' '; }

init_hub
ana=$(person "Ana Rep" --role rep)
boris=$(person "Boris Rep" --role rep)
person "Hilda Head" --role head >/dev/null
must hub add product name=Chair >/dev/null
echo external_id,name,owner >clients.csv
clients 1 12 Ana Ana
clients 1 110 Boris Boris
must hub import clients.csv --as client >/dev/null
must hub set Firm backfill_clients=5 >/dev/null
start_hub
join ana ana
join boris boris
join hilda hilda

# --- a new device ---
must ana sync >"$work/told"
is "a new device is given so many clients a day" "$(count ana list client)" 5
ok "and told how many more come" told "7 clients more come from "
is "what belongs to no client is not counted" "$(count ana list product)" 1
ok "status says it too" contains "$(sat ana status)" "Clients to come: 7"
is "another sync of the day brings no more" "$(sat ana sync >/dev/null; count ana list client)" 5
sync hilda
is "a head may export and need not wait" "$(count hilda list client)" 122
ok "heads see what waits" contains "$(sat hilda nodes --json)" '"backfill": 7'
must hub set Firm backfill_clients=0 >/dev/null
must ana sync >"$work/told"
is "without a limit the rest comes" "$(count ana list client)" 12
ok "and none is to come" not told "more come"

# --- capabilities ---
is "a rep does not export" "$(status_of sat ana export client a.csv)" 4
ok "and is told whom to ask" told "ask a head of sales"
ok "no file came of it" [ ! -e a.csv ]
own=$(must ana add client name="Own client")
note=$(must ana add note client="$own" text="Wrong")
is "a rep deletes his own mistakes" "$(status_of sat ana delete "$note")" 0
is "but no client" "$(status_of sat ana delete "$own")" 4
must ana add client name="Another" >/dev/null
is "nor by taking back that he made it" "$(status_of sat ana undo)" 4
sync ana
must hilda grant ana --may export,delete >/dev/null
sync hilda
sync ana
is "who was given delete deletes it" "$(status_of sat ana delete "$own")" 0

must hub revoke hilda --may delete,configure >/dev/null
must hilda delete "Boris client 110" >/dev/null
must hilda add stage name=Late position=9 >/dev/null
must hilda sync >"$work/told"
ok "what a head did without knowing of the revoke is kept aside" told "2 changes were not accepted"
ok "with the reason" contains "$(sat hub quarantine list)" "no right to delete a client"
is "and has no effect" "$(count hub list client 'Boris client 110')" 1
is "from then on he is told at once" "$(status_of sat hilda delete 'Boris client 109')" 4
is "in the configuration too" "$(status_of sat hilda add stage name=Later position=10)" 4
is "which is still seen" "$(status_of sat hilda list stage)" 0

# --- exports ---
must ana export client city: name:ana part.csv >/dev/null
must ana export contact all.csv >/dev/null
ok "one who may checks it, and whoever has its device in his records" sat ana verify --export part.csv
ok "as the hub does" contains "$(sat hub verify --export part.csv)" "Ana Rep exported it"
ok "the heads do not know yet" not contains "$(whats hub audit of ana --limit 0)" export
sync ana
ok "then they do" contains "$(whats hub audit of ana --limit 0)" "2 export"
sync ana
ok "once" contains "$(whats hub audit of ana --limit 0)" "2 export"
ok "with type, number and rows" contains "$(sat hilda audit of ana --limit 0 --porcelain)" "number 1: 12 clients, a part"
ok "she may read it about herself" contains "$(sat ana audit of ana --limit 0 --porcelain)" "number 2: 0 contacts, all"
must hub revoke ana --may export >/dev/null
must ana export client before.csv >/dev/null
sync ana
is "after a revoke no more" "$(status_of sat ana export client after.csv)" 4
ok "what went out before it was known is in the log" contains "$(whats hub audit of ana --limit 0)" "3 export"

# --- canaries ---
must hub canary ana name="Nordlicht" emails=nl@ours.example >/dev/null
is "a canary leads to one person" "$(status_of sat hub canary boris name=Other emails=nl@ours.example)" 5
is "or is none" "$(status_of sat hub canary boris name=Other)" 2
must hub canary boris name="Sudlicht" phones=+40744999111 >/dev/null
must hub grant ana --may export >/dev/null
sync ana
must ana export client name:nord leak.csv >/dev/null
leak=$(grep -o '[a-z]*@[a-z.]*' leak.csv)
ok "a leaked file says whose it was" contains "$(sat hub canary who "$leak" --porcelain)" "Ana Rep"
ok "a phone as well" contains "$(sat hub canary who '+40 744 999 111' --porcelain)" "Boris Rep"
is "a client is no canary" "$(status_of sat hub canary who 'Ana client 1')" 1
is "there are two" "$(count hub canary list)" 2
is "who is to be found does not see which" "$(count ana canary list)" 0
ok "nor on the record" not grep -i canary leak.csv
is "nor makes one" "$(status_of sat ana canary ana name=Own emails=own@ours.example)" 4

# --- all again ---
sync boris
is "a large holding" "$(count boris list client)" 111
echo "a long passphrase" >passphrase
chmod 600 passphrase
must boris backup "$work/boris.backup" --passphrase-file passphrase >/dev/null
restore()
{
	rm -rf "$work/boris"
	must boris restore "$work/boris.backup" --passphrase-file passphrase >/dev/null
}
restore
must hub add client name="After the backup" owner="$boris" >/dev/null
must boris sync >"$work/told"
is "the first restore of a week is believed" "$(count boris list client)" 112
sync boris
restore
must boris sync >"$work/told"
ok "the second pauses the device" told "paused"
is "and it is given nothing" "$(count boris list client)" 111
must hub revoke boris --client "Boris client 1" >/dev/null
sync boris
is "but orders to erase" "$(sat boris list client --json | grep -c '"name": "Boris client 1"')" 0
must boris add note client="Boris client 2" text="worked" >/dev/null
sync boris
is "and its work is taken" "$(count hub list note 'worked')" 1
ok "status says it" contains "$(sat boris status)" "Paused"
ok "heads see it" contains "$(sat hilda nodes --porcelain)" "paused"
is "a rep cannot let it go on" "$(status_of sat boris nodes resume boris)" 4
is "a head can" "$(status_of sat hilda nodes resume boris)" 0
is "once" "$(status_of sat hilda nodes resume boris)" 5
must boris sync >"$work/told"
is "and all comes" "$(count boris list client)" 111
ok "without a word" not told "paused"
kinds=$(whats hub audit of boris --limit 0)
for what in anew paused resumed; do
	ok "$what is in the audit log" contains "$kinds" "$what"
done
ok "the log fits" sat hub verify
done_testing
