#!/bin/sh
# A line breaks in the middle of a push, and then the right is taken away: what
# the hub had heard of by then is accepted, what it had not waits for a head.
. "$(dirname "$0")/../support/e2e.sh"

init_hub
ana=$(person "Ana Rep" --role rep)
alfa=$(must hub add client name=alfa owner="$ana")
beta=$(must hub add client name=beta owner="$ana")
start_hub
echo -1 >"$work/budget"
"$SATCHEL_TOOLS/cutproxy" "$port" "$work/budget" >"$work/line" 2>"$work/said" &
pids=$!
until [ -s "$work/line" ]; do sleep 0.02; done
url=${url%%:*}://127.0.0.1:$(cat "$work/line")
join ana ana

# Text that cannot be packed: a commit takes about a megabyte.
text() { head -c 8000 /dev/urandom | base64 | tr -d '\n'; }
work_of()
{
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32; do
		must ana set "$1" city=$i address="$(text)" legal_form="$(text)" reg_no="$(text)" \
		    industry="$(text)" potential="$(text)" >/dev/null
	done
}
city() { n=$(value hub "$1" city); echo "${n:-0}"; }

must ana sync --json >/dev/null
is "an idle sync is one request" "$(must ana sync --json | json requests)" 1
must ana add note client="$alfa" text=one >/dev/null
is "a push and its receipt are four" "$(must ana sync --json | json requests)" 4
is "the receipt is there in the same session" "$(must ana status --json | json confirmed_batches)" 1
is "and nothing is left to confirm" "$(must ana status --json | json sent_batches)" 0
is "the next sync is idle" "$(must ana sync --json | json requests)" 1
work_of "$alfa"
echo 1120000 >"$work/budget"
ok "the line breaks" not sat ana sync
is "after the first commit" "$(sat ana status --json | json confirmed_batches)" 1
part=$(city "$alfa")
ok "some of it is there ($part of 32)" [ "$part" -gt 10 ]
ok "not all of it" [ "$part" -lt 32 ]
ok "what is sent and what is confirmed are told apart" [ "$(sat ana status --json | json sent_batches)" -ge "$part" ]
must hub revoke ana --client "$alfa" >/dev/null
echo -1 >"$work/budget"
must ana sync --json >"$work/result"
is "the rest is accepted" "$(json refused_batches <"$work/result")" 0
is "all of it" "$(city "$alfa")" 32
is "and the client goes" "$(count ana list client)" 1

# The same without a witness: nothing had come when the right went.
must ana add note client="$beta" text=late >/dev/null
must hub revoke ana --client "$beta" >/dev/null
must ana sync --json >"$work/result"
is "late work waits" "$(json refused_batches <"$work/result")" 1
is "for a head" "$(must hub quarantine list --json | grep -c '"state": "waiting"')" 1
ok "its author is told so" contains "$(sat ana status)" "waits for a head of sales"
ok "the node verifies" sat ana verify
ok "the hub verifies" sat hub verify
done_testing
