#!/bin/sh
# Ids of what another node was given, harvested and asked for by every route: the
# answer is the one that an id nobody has gets.  And what goes on in clients that
# a node may not see does not show at it.
. "$(dirname "$0")/../support/e2e.sh"
command -v git >/dev/null || skip_all "no git here"
command -v curl >/dev/null || skip_all "no curl here"
GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0 HOME=$work
export GIT_CONFIG_NOSYSTEM GIT_TERMINAL_PROMPT HOME
wanted=400 changes=50
[ -n "${SATCHEL_HEAVY-}" ] && wanted=10000 changes=1000

init_hub
person "Ana Rep" --role rep >/dev/null
person "Boris Rep" --role rep >/dev/null
must hub add client name=Alfaqqwerty owner=ana >/dev/null
OWNERS=boris "$(dirname "$0")/../../tools/make-clients" $((wanted * 55 / 100)) >"$work/clients.csv"
must hub import "$work/clients.csv" --as client >/dev/null
# All at once, however many they are.
must hub set Firm backfill_clients=0 >/dev/null
start_hub
join ana ana
join boris boris
sync ana boris
ana_node=$(node_id ana)
boris_node=$(node_id boris)
token=$(must hub token "$ana_node")
git clone -q --no-progress -b down "http://$boris_node:$(must hub token "$boris_node")@127.0.0.1:$port/f/$boris_node.git" "$work/boris.git"
git clone -q --no-progress -b down "http://$ana_node:$token@127.0.0.1:$port/f/$ana_node.git" "$work/ana.git"
all_of() { git -C "$work/$1" rev-list --objects --all | cut -d' ' -f1 | sort; }
all_of ana.git >"$work/own"
# Its trees and commits are few: they come first.
all_of boris.git | comm -23 - "$work/own" | git -C "$work/boris.git" cat-file --batch-check="%(objecttype) %(objectname)" |
    sort -r | cut -d' ' -f2 | head -n "$wanted" | sort >"$work/ids"
is "there are $wanted ids to ask for" "$(wc -l <"$work/ids" | tr -d ' ')" "$wanted"
ok "of commits, trees and blobs" sh -c 'git -C "$1" cat-file --batch-check="%(objecttype)" <"$2" | sort | uniq | wc -l | grep -q 3' sh "$work/boris.git" "$work/ids"
nobody=00000000000000000000000000000000000000aa
tip=$(git -C "$work/ana.git" rev-parse origin/down)
at=http://127.0.0.1:$port/f

# ask ROUTE: what comes back for every id on stdin, the id itself taken out: each answer once.
ask()
{
	while read -r id; do
		rest=${id#??}
		dir=${id%"$rest"}
		path=$ana_node.git/git-upload-pack header= body=
		case $1 in
		want) body="0032want $id\\n00000009done\\n" ;;
		want_too) body="0032want $tip\\n0032want $id\\n00000009done\\n" ;;
		have) body="0032want $tip\\n00000032have $id\\n0009done\\n" ;;
		shallow) body="0032want $tip\\n0035shallow $id\\n00000009done\\n" ;;
		deepen_not) body="0032want $tip\\n0038deepen-not $id\\n00000009done\\n" ;;
		filter) body="0032want $id\\n0015filter blob:none\\n00000009done\\n" ;;
		version_2) header='Git-Protocol: version=2'
			body="0012command=fetch\\n0001000fno-progress0032want $id\\n0009done\\n0000" ;;
		object_info) header='Git-Protocol: version=2'
			body="0018command=object-info\\n00010009size\\n0031oid $id\\n0000" ;;
		loose) path=$ana_node.git/objects/$dir/$rest ;;
		of_another) path=$boris_node.git/objects/$dir/$rest ;;
		pack) path=$ana_node.git/objects/pack/pack-$id.pack ;;
		by_branch) path="$ana_node.git/info/refs?service=git-upload-pack&want=$id" ;;
		feed) path=$id.git/info/refs?service=git-upload-pack ;;
		esac
		printf 'url = "%s/%s"\nuser = "%s:%s"\nsilent\nwrite-out = "\\n%%{http_code} %%{content_type}\\n"\n' \
		    "$at" "$path" "$ana_node" "$token"
		[ -z "$header" ] || printf 'header = "%s"\n' "$header"
		[ -z "$body" ] || printf 'data-binary = "%s"\nheader = "Content-Type: application/x-git-upload-pack-request"\n' "$body"
		echo next
	done | sed '$d' >"$work/asking"
	curl -K "$work/asking" | tr -d '\0' | LC_ALL=C sed "s/[0-9a-f]\{40\}/ID/g" | LC_ALL=C sort | uniq
}
for route in want want_too shallow deepen_not filter version_2 object_info loose of_another pack by_branch feed; do
	echo "$nobody" | ask "$route" >"$work/nothing"
	ask "$route" <"$work/ids" >"$work/something"
	ok "asked for by $route they are as one that is not there" cmp "$work/nothing" "$work/something"
	ok "which is not nothing at all" grep -qE '^(200|400|404) ' "$work/nothing"
done

# Claimed haves that were never had change nothing in what is sent.
echo "$nobody" | ask have >"$work/nothing"
head -100 "$work/ids" | ask have >"$work/something"
ok "a pack against haves that were never had is the whole one" cmp "$work/nothing" "$work/something"
ok "and it is one" grep -qa PACK "$work/nothing"

# Another's clients change; what Ana gets does not.
sync ana
seen() { sat ana sync --json | grep -v bytes; sat ana status --json | grep -v -i -e time -e '"at"' -e last -e _ms; }
sync ana
before=$(seen)
ok "there is something to compare" contains "$before" '"requests": 1'
must boris list client --porcelain >"$work/names"
change=0
while [ $change -lt $changes ]; do
	change=$((change + 1))
	echo "$change"
done | sed 's/^/X-/' >"$work/values"
id=$(cut -f1 "$work/names" | head -1)
while read -r value; do
	must boris set "$id" city="$value" >/dev/null
done <"$work/values"
sync boris
after=$(seen)
is "$changes changes elsewhere show in no number at her" "$after" "$before"
refs() { git ls-remote "http://$ana_node:$token@127.0.0.1:$port/f/$ana_node.git"; }
is "nor in her branch" "$(refs | cut -f1 | sort -u)" "$tip"

# What Ana ever received, taken apart, names no client that was never hers.
cut -f1 "$work/names" | sed 'p;s/-//g' | sort -u >"$work/theirs"
git -C "$work/ana.git" log -p --all >"$work/received"
"$SATCHEL" --home "$work/ana" status --json >>"$work/received"
is "there are some to look for" "$(wc -l <"$work/theirs" | tr -d ' ')" $((2 * $(wc -l <"$work/names")))
ok "which are found where they are" sh -c 'git -C "$1" log -p --all | grep -q -F -f "$2"' sh "$work/boris.git" "$work/theirs"
ok "nothing she received names one of them" not grep -q -F -f "$work/theirs" "$work/received"
done_testing
