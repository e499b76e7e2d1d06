#!/bin/sh
# Devices that were dark for long, and clocks that lie: nothing comes back that was
# taken, nothing is erased by a clock alone, and one contact puts all right.
. "$(dirname "$0")/../support/e2e.sh"
. "$(dirname "$0")/../support/peer.sh"
day=24

init_hub
ana=$(person "Ana Rep" --role rep)
boris=$(person "Boris Rep" --role rep)
alfa=$(must hub add client name=Alfa owner="$ana" description=canaryofalfa01)
beta=$(must hub add client name=Beta owner="$ana")
gone=$(must hub add note client="$beta" text="deleted meanwhile")
start_hub
join ana ana
join boris boris
sync ana boris
must ana add note client="$alfa" text="written before the dark" >/dev/null
must ana add note client="$beta" text="kept for 400 days" >/dev/null
must ana set "$beta" city=Iasi >/dev/null

# Meanwhile: one client is taken, a note of the other deleted, years of other work.
must hub revoke ana --client "$alfa" >/dev/null
must hub grant boris --client "$alfa" >/dev/null
must hub delete "$gone" >/dev/null
stop_hub
for days in 100 200 300; do
	hours_on $((days * day))
	start_hub
	sync boris
	must boris add note client="$alfa" text="of day $days" >/dev/null
	must hub set "$beta" address="of day $days" >/dev/null
	sync boris
	stop_hub
done
hours_on $((400 * day))
is "after 400 days a device is locked" "$(status_of sat ana show "$beta")" 4
ok "and says that nothing is lost" told "nothing is lost"
serve boris
is "its passport opens nothing at a peer" "$(status_of sat ana sync "$peer")" 4
leave
start_hub
must ana sync --json >"$work/result"
ok "one contact takes what was taken" [ "$(json purged_shards <"$work/result")" -gt 0 ]
printf '%s\n' canaryofalfa01 >"$work/words"
is "to the last byte" "$(scan "$work/words" "$work/ana")" ""
is "the hub has its receipts" "$(sat hub audit unconfirmed --porcelain | grep -c "$(node_id ana)")" 0
is "its work where it may still is in" "$(count hub list note "client:$beta")" 1
is "also what it changed" "$(value hub "$beta" city)" Iasi
is "its other work waits for a head" "$(sat hub quarantine list --json | grep -c '"state": "waiting"')" 1
sync boris
is "and is part of nothing" "$(count boris list note "client:$alfa")" 3
ok "what was deleted does not come back by it" not contains "$(sat hub list note --json)" "deleted meanwhile"
ok "nor stays with it" not contains "$(sat ana list note --json)" "deleted meanwhile"
is "it has what is new" "$(value ana "$beta" address)" "of day 300"
ok "and works again" sat ana set "$beta" address="of day 400"
sync ana boris
ok "the same at both" same_record "$beta" ana
ok "and of the other" same_record "$alfa" boris
is "nor does a later contact bring it back" "$(sync ana; scan "$work/words" "$work/ana")" ""
for home in ana boris hub; do ok "$home verifies" sat $home verify; done

# A clock that lies while there is no line: no day is won by it, nothing is erased.
stop_hub
must ana add note client="$beta" text="under a wrong clock" >/dev/null
notes=$(count ana list note)
now=$(date +%s)	# shifted
at() { CLOCK_SHIFT_S=$1; }
true_shift=$CLOCK_SHIFT_S
locked() { [ "$(status_of sat ana show "$beta")" = 4 ]; }
for off in -31536000 31536000 -$now -31536000 31536000 0; do
	at $((true_shift + off))
	sat ana show "$beta" >/dev/null 2>&1
	sat ana status >/dev/null 2>&1
	[ "$off" != -31536000 ] || [ -n "${was_ahead-}" ] || {
		ok "a clock a year behind locks nobody out" not locked
		must ana add note client="$beta" text="a year ago" >/dev/null
	}
	[ "$off" != 31536000 ] || { was_ahead=yes; ok "a clock a year ahead locks" locked; }
done
ok "once it has run ahead no clock opens it" locked
at $((true_shift - now + 5))
ok "not even one of 1970" locked
at "$true_shift"
start_hub
ok "a contact does" sat ana sync
is "with all that was there" "$(count ana list note)" $((notes + 1))
is "and nothing of it is missing at the hub" "$(count hub list note "client:$beta")" $((notes + 1))
stop_hub
at $((true_shift - now + 86400))
is "a machine that wakes in 1970 goes on" "$(status_of sat ana show "$beta")" 0
must ana add note client="$beta" text="of 1970" >/dev/null
is "and does not win the days: the lock comes with those that it counts" "$(at $((true_shift + 15 * 86400)); status_of sat ana show "$beta")" 4
at "$true_shift"
start_hub
at $((true_shift - now + 86400))
ok "a contact under that clock puts it right" sat ana sync
at "$true_shift"
is "its work of 1970 has come" "$(sat hub list note --json | grep -c "of 1970")" 1
is "the present clock finds it open" "$(sat ana sync >/dev/null; status_of sat ana show "$beta")" 0

# Late work under a clock that was set back a month, by who has lost the client.
must hub revoke ana --client "$beta" >/dev/null
at $((true_shift - 30 * 86400))
must ana add note client="$beta" text="dated a month ago" >/dev/null
waiting=$(sat hub quarantine list --json | grep -c '"state": "waiting"')
sat ana sync >/dev/null 2>&1
at "$true_shift"
sat ana sync >/dev/null 2>&1
is "what is dated before the revoke is late all the same" "$(sat hub quarantine list --json | grep -c '"state": "waiting"')" $((waiting + 1))
is "and part of nothing" "$(sat hub list note --json | grep -c "dated a month ago")" 0
for home in ana hub; do ok "$home verifies" sat $home verify; done
done_testing
