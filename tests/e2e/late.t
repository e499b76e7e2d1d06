#!/bin/sh
# Access is taken away while work on it is still unsent.
. "$(dirname "$0")/../support/e2e.sh"

init_hub
ana=$(person "Ana Rep" --role rep)
for name in alfa beta gamma delta epsilon; do
	eval "$name=$(must hub add client name="$name" city=Iasi owner="$ana")"
done
start_hub
join ana ana

notes() { count hub list note client:"$1"; }

# Revoked on one client, not on the other.
must ana add note client="$alfa" text="late work" >/dev/null
must ana add note client="$beta" text="good work" >/dev/null
must hub revoke ana --client "$alfa" >/dev/null
ok "a sync with late work is not held up" sat ana sync --json
cp "$work/said" "$work/result"
is "work on another client is accepted" "$(notes beta)" 1
is "late work is not" "$(notes alfa)" 0
is "the sync says so" "$(json refused_batches <"$work/result")" 1
ok "and why" contains "$(json refused_why <"$work/result")" "no right"
ok "the hub keeps it for a person to see" contains "$(sat hub status --json | tr -d '\n')" '"reason": "no right to change Activities'
is "the client is gone" "$(count ana list client)" 4
is "nothing waits" "$(sat ana status --json | json pending_batches)" 0
sat ana sync --json >"$work/result"
is "it is said once" "$(json refused_batches <"$work/result")" 0

# Narrowed to seeing: the rep still has the client, and is told what did not count.
must ana set "$gamma" city=Bacau >/dev/null
must hub revoke ana --client "$gamma" >/dev/null
must hub grant ana --client "$gamma" --right see >/dev/null
sync ana
is "a change that was not accepted is without effect" "$(value ana "$gamma" city)" Iasi
is "at the hub too" "$(value hub "$gamma" city)" Iasi
ok "and the status says why" contains "$(sat ana status --json | tr -d '\n')" '"reason": "no right to change Profile'
ok "history has it as refused" contains "$(sat ana history "$gamma" --json)" '"refused"'

# Revoked and granted again before anybody noticed.
must ana add note client="$delta" text="work between" >/dev/null
must hub revoke ana --client "$delta" >/dev/null
must hub grant ana --client "$delta" >/dev/null
must ana sync --json >"$work/result"
is "what was never noticed purges nothing" "$(json purged_shards <"$work/result")" 0
is "and refuses nothing" "$(json refused_batches <"$work/result")" 0
is "the work arrives" "$(notes delta)" 1
is "the rep keeps it" "$(count ana list note client:"$delta")" 1

# Purged and granted again.
must ana add note client="$epsilon" text="before" >/dev/null
sync ana
must ana add note client="$epsilon" text="refused" >/dev/null
must hub revoke ana --client "$epsilon" >/dev/null
sync ana
is "the client goes" "$(sat ana show "$epsilon" --json 2>/dev/null)" ""
must hub grant ana --client "$epsilon" >/dev/null
must hub add note client="$epsilon" text="meanwhile" >/dev/null
sync ana
ok "granted again it arrives whole" same_record "$epsilon" ana
is "with what the rep did before" "$(count ana list note client:"$epsilon")" 2
must ana add note client="$epsilon" text="after" >/dev/null
must ana set "$epsilon" city=Suceava >/dev/null
must ana sync --json >"$work/result"
is "new work there is not refused" "$(json refused_batches <"$work/result")" 0
is "and arrives" "$(notes epsilon)" 3
is "a new change too" "$(value hub "$epsilon" city)" Suceava
must hub grant ana --client "$alfa" >/dev/null
sync ana
must ana add note client="$alfa" text="again" >/dev/null
sync ana
is "new work does not pass for the work that was refused" "$(notes alfa)" 1

# Work that is written in the very moment of the taking away: whatever was
# acknowledged is at the hub, accepted or kept aside.
zeta=$(must hub add client name=zeta owner="$ana")
must hub add note client="$zeta" text="from the hub" >/dev/null
echo -1 >"$work/budget"
"$SATCHEL_TOOLS/cutproxy" "$port" "$work/budget" 5 >"$work/line" 2>"$work/said" &
pids=$!
until [ -s "$work/line" ]; do sleep 0.02; done
url=${url%%:*}://127.0.0.1:$(cat "$work/line")
join slow ana
: >"$work/ids"
aside_before=$(sat hub status --json | grep -c 'Activities')
for round in 00 01 02 03 04 05 06 07 08 09 10 12 14 17; do
	must hub grant ana --client "$zeta" >/dev/null
	sync slow
	must hub revoke ana --client "$zeta" >/dev/null
	{ sleep 0.$round; sat slow add note client="$zeta" text="round $round"; } >>"$work/ids" 2>/dev/null &
	writer=$!
	sync slow
	wait $writer
	sync slow
done
must hub grant ana --client "$zeta" >/dev/null
sync slow slow
aside=$(($(sat hub status --json | grep -c 'Activities') - aside_before))
echo "# $(wc -l <"$work/ids") notes taken, $(notes zeta) accepted, $aside kept aside"
is "what was acknowledged is accepted or kept aside" $(($(notes zeta) - 1 + aside)) "$(wc -l <"$work/ids" | tr -d ' ')"
ok "some of it was kept aside" [ $aside -gt 0 ]
ok "the client is whole again" same_record "$zeta" slow
ok "the node verifies" sat ana verify
ok "the hub verifies" sat hub verify
done_testing
