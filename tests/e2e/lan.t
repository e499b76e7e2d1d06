#!/bin/sh
# Nodes that find each other on the local network.  Avahi's two programs are played
# by scripts here, which say what they say.
. "$(dirname "$0")/../support/e2e.sh"

mkdir "$work/bin"
cat >"$work/bin/avahi-publish" <<END
#!/bin/sh
echo "\$@" >"$work/published"
echo \$\$ >"$work/publisher"
exec sleep 60
END
cat >"$work/bin/avahi-browse" <<END
#!/bin/sh
cat "$work/network"
END
chmod +x "$work/bin/avahi-publish" "$work/bin/avahi-browse"
plain_path=$PATH
PATH=$work/bin:$PATH
export PATH

# stand HOME WORD...: it serves at port $at, until leave.
stand() { rm -f "$work/published"; serve "$@"; at=${peer##*:}; }
published() { waited=0; until [ -s "$work/published" ] && [ -s "$work/publisher" ]; do
	[ $waited -lt 100 ] || return 1; sleep 0.02; waited=$((waited + 1)); done; }
# found NAME PORT [ADDRESS]: a line of avahi-browse
found() { echo "=;eth0;IPv4;$1;_satchel._tcp;local;some.local;${3:-127.0.0.1};$2;"; }

init_hub
ana=$(person "Ana Rep" --role rep --team red)
boris=$(person "Boris Rep" --role rep --team red)
for who in ana boris; do
	must hub grant "$who" --team red >/dev/null
done
alfa=$(must hub add client name=Alfa owner="$ana" team=red)
start_hub
join ana ana
join boris boris
sync ana boris
is "a hub on this machine is not announced" "$(ls "$work/published" 2>&1 | grep -c cannot)" 1
stop_hub
must ana add note client="$alfa" text="from ana" >/dev/null
must boris add note client="$alfa" text="from boris" >/dev/null

stand ana --listen 127.0.0.1:0 --tls
leave
ok "nor is a node that only this machine can reach" [ ! -e "$work/published" ]
stand ana --listen 0.0.0.0:0
ok "where others can reach it, it is" published
is "under its name, and nothing else is told" "$(cat "$work/published")" "-f -s $(node_id ana) _satchel._tcp $at"

{
	echo "+;eth0;IPv4;$(node_id ana);_satchel._tcp;local"
	found "$(node_id boris)" 1	# himself
	found 0123456789abcdef 1	# some other firm's
	found "Printer\\0322" 9100
	found "$(node_id ana)" "$at"
	found "$(node_id ana)" 1	# on another interface
} >"$work/network"
ok "who looks for others finds them" sat boris sync --lan
is "and has their work" "$(count boris list note)" 2
is "as they have his" "$(count ana list note)" 2
is "told for each of them" "$(sat boris sync --lan --json | json device)" ana
is "one that is not there any more fails" "$(found "$(node_id ana)" 1 >"$work/network"; status_of sat boris sync --lan)" 6
ok "and is told" contains "$(cat "$work/done")" "https://127.0.0.1:1"
found 0123456789abcdef "$at" >"$work/network"
is "where only strangers are there is nobody" "$(status_of sat boris sync --lan)" 6
ok "which is said" told "no other device of your organisation"
leave
ok "who serves no more is announced no more" not kill -0 "$(cat "$work/publisher")"

printf '#!/bin/sh\necho "Daemon not running" >&2\nexit 1\n' >"$work/bin/avahi-publish"
stand ana --listen 0.0.0.0:0
for i in 1 2 3 4 5 6 7 8 9 10; do grep -q announced "$work/peer.err" || sleep 0.1; done
is "where Avahi does not run it says so, in one line" "$(cut -d ' ' -f 2- "$work/peer.err")" \
	"not announced on the local network: avahi-publish ended; does avahi-daemon run?"
leave

rm "$work/bin/avahi-browse" "$work/bin/avahi-publish"
for program in timeout sh; do
	ln -s "$(command -v $program)" "$work/bin/$program"
done
PATH=$work/bin
sat boris sync --lan >"$work/done" 2>"$work/told"
found_without=$?
PATH=$plain_path
is "without Avahi nobody is found" "$found_without" 6
ok "which is said, with what to do" told "avahi-browse is not here"
PATH=$work/bin "$SATCHEL" --home "$work/ana" serve --listen 0.0.0.0:0 >"$work/peer.out" 2>"$work/peer.err" &
peer_pid=$!
pids="$pids $peer_pid"
until grep -q "avahi-publish is not here" "$work/peer.err" && grep -q . "$work/peer.out"; do sleep 0.02; done
ok "and a node serves all the same" curl -sk "$(sed -n 's/^listening on //p' "$work/peer.out" | sed 's/0\.0\.0\.0/127.0.0.1/')/peer"
leave
done_testing
