#!/bin/sh
# A hub and peers that speak TLS under their own keys, and others in their places.
. "$(dirname "$0")/../support/e2e.sh"
SATCHEL_TLS=1

init_hub
ana=$(person "Ana Rep" --role rep --team red)
boris=$(person "Boris Rep" --role rep --team red)
for who in ana boris; do
	must hub grant "$who" --team red >/dev/null
done
alfa=$(must hub add client name=Alfa owner="$ana" team=red)
start_hub
ok "the hub says that it speaks TLS" contains "$url" https://127.0.0.1:
join ana ana
is "a join needs no certificate, and the first sync follows" "$(value ana "$alfa" name)" Alfa
join boris boris
sync ana
must ana add note client="$alfa" text="from ana" >/dev/null
must hub set "$alfa" city=Roma >/dev/null
ok "a sync" sat ana sync
is "brings there" "$(count hub list note)" 1
is "and here" "$(value ana "$alfa" city)" Roma
ok "the hub is asked as well" sat ana token "$(node_id ana)"

is "who says http is told" "$(status_of sat new join "http://127.0.0.1:$port" k3v7-9xq2-mmpa-4ty6)" 6
ok "to say https" told "with https instead of http"

# A line that breaks, in the handshake and after it.
echo -1 >"$work/budget"
"$SATCHEL_TOOLS/cutproxy" "$port" "$work/budget" >"$work/line" 2>"$work/said" &
pids="$pids $!"
until [ -s "$work/line" ]; do sleep 0.02; done
hub_url=$url
url=https://127.0.0.1:$(cat "$work/line")
join cut ana
url=$hub_url
broken=0 unfinished=0
for bytes in 100 1400 2800 4200 5600 8400; do
	must cut add note client="$alfa" text="before the cut at $bytes" >/dev/null
	echo "$bytes" >"$work/budget"
	sat cut sync >"$work/said" 2>&1 || broken=$((broken + 1))
	echo -1 >"$work/budget"
	sat cut sync >"$work/said" 2>&1 || unfinished=$((unfinished + 1))
done
ok "sessions broke" [ $broken -gt 3 ]
is "and the next one finished each" $unfinished 0
is "nothing is lost and nothing twice" "$(count hub list note) $(count cut list note)" "7 7"
sync ana boris
must ana add note client="$alfa" text="stays for the hub" >/dev/null
stop_hub
mkdir "$work/real"
cp -a "$work/hub" "$work/real/hub"

# Another organisation's hub at the hub's address: it is told nothing.
rm -rf "$work/hub"
must hub init --org Other --person "Zoe Head" >/dev/null
start_hub
is "another key in the hub's place is refused" "$(status_of sat ana sync)" 6
ok "in words" told "another key than the one known here"
ok "that name the danger" told "somebody in between"
is "nor is it asked" "$(status_of sat ana token "$(node_id ana)")" 6
stop_hub
rm -rf "$work/hub"
mv "$work/real/hub" "$work/hub"
start_hub
ok "the hub itself is known again" sat ana sync
is "and has the work" "$(count hub list note)" 8
sync boris

# Peers.
must ana add note client="$alfa" text="for boris" >/dev/null
serve ana --listen 127.0.0.1:0 --tls
ok "a peer says that it speaks TLS" contains "$peer" https://127.0.0.1:
ok "peers meet over it" sat boris sync "$peer"
is "and have each other's work" "$(count boris list note)" 9
is "with http they do not" "$(status_of sat boris sync "http${peer#https}")" 6
leave
serve ana --listen 0.0.0.0:0
ok "where other machines can come it speaks nothing else" contains "$peer" https://
ok "and peers meet" sat boris sync "https://127.0.0.1:${peer##*:}"
leave
stop_hub
start_hub
join late ana
serve late --listen 127.0.0.1:0 --tls
is "who is not known here yet is not greeted" "$(status_of sat boris sync "$peer")" 4
ok "which is said" told "no node of your organisation that is known here"
leave

# Stock git, which knows nothing of pins but what it is told.
sync ana
token=$(must ana token "$(node_id ana)" | tail -1)
GIT_CONFIG_GLOBAL=/dev/null GIT_TERMINAL_PROMPT=0
export GIT_CONFIG_GLOBAL GIT_TERMINAL_PROMPT
feed=https://$(node_id ana):$token@127.0.0.1:$port/f/$(node_id ana).git
ok "git without more does not trust it" not git clone -q -b down "$feed" "$work/clone0"
ok "git that is told not to look reads its feed" \
    git -c http.sslVerify=false clone -q -b down "$feed" "$work/clone1"
ok "git with a wrong pin does not" not git -c http.sslVerify=false -c \
    http.pinnedPubkey=sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= \
    clone -q -b down "$feed" "$work/clone2"
for home in ana boris hub; do
	ok "$home verifies" sat "$home" verify
done
done_testing
