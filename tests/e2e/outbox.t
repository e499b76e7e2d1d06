#!/bin/sh
# An order to erase meets work that cannot be sent: the work goes encrypted, the
# erasing does not wait, nothing is lost.
. "$(dirname "$0")/../support/e2e.sh"

init_hub
ana=$(person "Ana Rep" --role rep)
boris=$(person "Boris Rep" --role rep)
alfa=$(must hub add client name=Alfaqqwertyzzz owner="$ana")
beta=$(must hub add client name=Betaqqwertyzzz owner="$ana")
gama=$(must hub add client name=Gamaqqwertyzzz owner="$ana")
printf '%s\n' Alfaqqwertyzzz latelatexyzzyqq >"$work/words"
start_hub
echo -1 >"$work/line"
"$SATCHEL_TOOLS/cutproxy" "$port" "$work/line" >"$work/proxy" 2>"$work/said" &
pids=$!
until [ -s "$work/proxy" ]; do sleep 0.02; done
direct=$url
url=http://127.0.0.1:$(cat "$work/proxy")
join ana ana
join other ana
url=$direct
join boris boris
must hub grant boris --client "$alfa" >/dev/null
sync ana other boris
waiting() { sat hub quarantine list --json | grep -c '"state": "waiting"'; }
outbox() { sat "$1" status --json | json outbox; }

# The hub (or what stands before it) takes no push at all.
i=0
while [ $i -lt 7 ]; do
	i=$((i + 1))
	must ana add note client="$alfa" text="latelatexyzzyqq $i" >/dev/null
done
for i in 1 2 3; do must ana add note client="$beta" text="good $i" >/dev/null; done
must hub revoke ana --client "$alfa" >/dev/null
echo "-1 /git-receive-pack" >"$work/line"
sat ana sync >/dev/null 2>"$work/said"
is "a sync whose upload is refused says so" $? 3
is "but what was ordered is erased" "$(count ana list client)" 2
is "without a byte, also of the unsent work" "$(scan "$work/words" "$work/ana")" ""
is "which waited encrypted and was delivered at once" "$(outbox ana)" 0
is "none of it is merged" "$(count hub list note client:"$alfa")" 0
is "all of it waits for a person" "$(waiting)" 7
is "other unsent work is still there" "$(sat ana status --json | json pending_batches)" 3
is "and readable" "$(count ana list note client:"$beta")" 3
ok "the node verifies" sat ana verify
ok "and rebuilds" sat ana rebuild

# Neither can it be delivered.
must ana add note client="$gama" text="latelatexyzzyqq gama" >/dev/null
must hub revoke ana --client "$gama" >/dev/null
echo "-1 /git-receive-pack /ask/late" >"$work/line"
sat ana sync >/dev/null 2>&1
is "nothing waits for it to be taken" "$(count ana list client)" 1
is "it waits encrypted" "$(outbox ana)" 1
ok "which the status says" sh -c "$SATCHEL --home $work/ana status | grep -q 'Encrypted for the hub'"
is "and cannot be read" "$(scan "$work/words" "$work/ana")" ""
is "nobody has it yet" "$(waiting)" 7
echo "-1 /git-receive-pack" >"$work/line"
must hub revoke ana --client "$beta" >/dev/null
sat ana sync >/dev/null 2>&1
is "another session delivers it" "$(outbox ana)" 0
is "with what is erased by then" "$(count ana list client)" 0
is "and everything is with the hub" "$(waiting)" 11

# Given back: what was written meanwhile comes back when it is adopted.
echo -1 >"$work/line"
sync ana
is "the receipts have arrived" "$(sat hub audit unconfirmed --porcelain | grep -c "Ana Rep.*$(node_id ana)")" 0
ids=$(sat hub quarantine list --json | sed -n 's/.*"id": \([0-9]*\).*/\1/p' | head -7)
ok "late work is adopted" sat hub quarantine adopt $ids
must hub grant ana --client "$alfa" >/dev/null
sync ana boris
is "the colleague has it" "$(count boris list note client:"$alfa")" 7
is "its author too, who had erased it" "$(count ana list note client:"$alfa")" 7
ok "they show the same" same_record "$alfa" ana boris

# A whole device.
must ana add note client="$alfa" text="latelatexyzzyqq last" >/dev/null
must hub revoke --node "$(node_id ana)" >/dev/null
before=$(waiting)
echo "-1 /git-receive-pack" >"$work/line"
sat ana sync >/dev/null 2>&1
is "a revoked device hands over what it had not sent" "$(waiting)" $((before + 1))
is "and has nothing to be read" "$(scan "$work/words" "$work/ana")" ""
ok "its person reads who did that" contains "$(sat ana status)" "revoked by Maria Head on 20"
is "nor anything left to deliver" "$(outbox ana)" 0
echo -1 >"$work/line"
sat ana sync >/dev/null 2>&1
is "its receipt comes when the line takes it" "$(sat hub audit unconfirmed --porcelain | grep -c "$(node_id ana)")" 0
# What is owed for too long.
must hub grant boris --client "$gama" >/dev/null
sync boris
must hub revoke boris --client "$gama" >/dev/null
overdue() { CLOCK_SHIFT_S=$(($1 * 86400)) LD_PRELOAD=$SATCHEL_TOOLS/../preload/clock.so "$SATCHEL" --home "$work/hub" status --json | json overdue; }
[ -f "$SATCHEL_TOOLS/../preload/clock.so" ] &&
    CLOCK_SHIFT_S=0 LD_PRELOAD=$SATCHEL_TOOLS/../preload/clock.so "$SATCHEL" help >/dev/null 2>&1 && {
is "what a device has not come to hear is not overdue soon" "$(overdue 2)" 0
ok "but when its lease is locked" [ "$(overdue 15)" -gt 0 ]
echo "-1 /git-receive-pack" >"$work/line"
sat other sync >/dev/null 2>&1
is "what it was told and does not confirm is so after a day" "$(overdue 2)" "$(sat hub audit unconfirmed --porcelain | grep -c "$(node_id other)")"
ok "and there is some" [ "$(overdue 2)" -gt 0 ]
echo -1 >"$work/line"
sync other
is "until it confirms" "$(overdue 2)" 0
}

for home in hub boris; do ok "$home verifies" sat $home verify; done
done_testing
