#!/bin/sh
# The hub's disk is put back to an old image without satchel restore.  The hub finds it
# out by its own signature, which each device shows, and serves nobody until its
# administrator has said so: no device takes itself for a copy, and nothing is lost.
. "$(dirname "$0")/../support/e2e.sh"

init_hub
ana=$(person "Ana Rep" --role rep)
boris=$(person "Boris Rep" --role rep)
person "Hilda Head" --role head >/dev/null
alfa=$(must hub add client name=Alfa owner="$ana" description=canaryofalfa01)
beta=$(must hub add client name=Beta owner="$ana")
start_hub
join ana ana
join hilda hilda
join boris boris
must ana add note client="$beta" text="before the image" >/dev/null
sync ana hilda boris
stop_hub
cp -a "$work/hub" "$work/image"
start_hub
put_back()
{
	stop_hub
	rm -rf "${work:?}/hub"
	cp -a "$work/image" "$work/hub"
	start_hub
}

# After it: a session in which nothing is new, work of a rep, a revoke of a head, a new device.
sync boris
must ana add note client="$beta" text="acknowledged" >/dev/null
must hilda revoke ana --client "$alfa" >/dev/null
must hilda set "$beta" industry=Glass >/dev/null
sync hilda ana
echo canaryofalfa01 >"$work/words"
is "a client was taken" "$(scan "$work/words" "$work/ana")" ""
join late boris
sync late
must ana add note client="$beta" text="not sent yet" >/dev/null
names() { for home in ana hilda boris late; do node_id $home; done; }
was=$(names)

# Each device is the first to come, so that each has to show it by itself.
for home in ana hilda boris late; do
	put_back
	sat $home sync >/dev/null 2>"$work/told"
	is "$home: the session ends" $? 6
	ok "in words for the person" contains "$(cat "$work/told")" "put back to an earlier state"
	ok "and again" not sat $home sync
	is "the hub has told its administrator once" "$(grep -c "satchel restore --here" "$work/serve.err")" 1
	: >"$work/serve.err"
done
ok "who asks something is told the same" contains "$(sat hilda audit 2>&1)" "put back to an earlier state"
ok "who comes later is not served either" not sat ana sync
ok "the hub's status says what to do" contains "$(sat hub status)" "satchel restore --here"
is "also in JSON" "$(sat hub status --json | json put_back)" true
ok "nobody writes there" contains "$(sat hub set "$beta" territory=South 2>&1)" "satchel restore --here"
is "nobody joins" "$(curl -s -o /dev/null -w '%{http_code}' -d '{}' "$url/join")" 423
stop_hub
sat hub serve --listen 127.0.0.1:0 >"$work/told" 2>&1
is "it does not start" $? 5
ok "and says why" contains "$(cat "$work/told")" "satchel restore --here"
is "no device has taken another name" "$(names)" "$was"

# The remedy.
ok "a device is not told so" contains "$(sat ana restore --here 2>&1)" "only a hub"
ok "the hub is" sat hub restore --here
start_hub
is "it goes on" "$(sat hub status --json | json put_back)" false
for home in hilda ana boris late ana hilda; do ok "$home syncs" sat $home sync; done
is "all work is there, at both ends" "$(count hub list note) $(count ana list note)" "3 3"
is "also the head's" "$(value hub "$beta" industry) $(value ana "$beta" industry)" "Glass Glass"
is "what was taken has not come back" "$(scan "$work/words" "$work/ana")" ""
is "each device is still who it was" "$(names)" "$was"
is "and there are no more of them" "$(count hub nodes)" 4
must ana add note client="$beta" text="afterwards" >/dev/null
must hub set "$beta" territory=South >/dev/null
sync ana hilda
ok "work goes on both ways" same_record "$beta" ana hilda
for home in ana hub hilda; do ok "$home verifies" sat $home verify; done

# A process that had the hub open before is not believed to be the hub of after.
ok "said to a hub that serves" sat hub restore --here
ok "it has to be started again" not sat ana sync
stop_hub
start_hub
ok "then it serves" sat ana sync
is "and nobody was copied" "$(names)" "$was"
done_testing
