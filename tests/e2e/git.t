#!/bin/sh
# Stock git reads what a node was given, and nothing else.
. "$(dirname "$0")/../support/e2e.sh"
command -v git >/dev/null || skip_all "no git here"
GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0 GIT_PAGER=cat HOME=$work
export GIT_CONFIG_NOSYSTEM GIT_TERMINAL_PROMPT GIT_PAGER HOME

init_hub
ana=$(person "Ana Rep" --role rep)
person "Boris Rep" --role rep >/dev/null
alfa=$(must hub add client name=Alfaqqwerty owner="$ana")
beta=$(must hub add client name=Betazzuiop owner=boris)
gamma=$(must hub add client name=Gammayyxcv owner=boris)
start_hub
join ana ana
join boris boris
must hub grant ana --client "$beta" --right see >/dev/null
sync ana boris
ana_node=$(node_id ana)
boris_node=$(node_id boris)
ana_token=$(must hub token "$ana_node")
boris_token=$(must hub token "$boris_node")
ana_url=http://$ana_node:$ana_token@127.0.0.1:$port/f/$ana_node.git
boris_url=http://$boris_node:$boris_token@127.0.0.1:$port/f/$boris_node.git

ok "git clone works" git clone -q "$ana_url" "$work/ana.git-plain"
ok "git clone of the branch works" git clone -q -b down "$ana_url" "$work/clone"
ok "a strict fsck has no complaint" git -C "$work/clone" fsck --strict --full
ok "and says nothing" [ -z "$(git -C "$work/clone" fsck --strict --full 2>&1 | grep -v '^notice')" ]
git -C "$work/clone" log -p >"$work/log"
ok "git log -p shows the batches in words" grep -q 'Alfaqqwerty' "$work/log"
ok "also those granted" grep -q 'Betazzuiop' "$work/log"
ok "and nothing else" not grep -q 'Gammayyxcv' "$work/log"
is "there is one branch" "$(git ls-remote --heads "$ana_url" | cut -f2)" refs/heads/down

must hub set "$alfa" city=Suceavaqq >/dev/null
sync ana
ok "git fetch works" git -C "$work/clone" fetch -q
ok "and brings what is new" sh -c 'git -C "$1" log -p origin/down | grep -q Suceavaqq' sh "$work/clone"
ok "after it fsck has no complaint" git -C "$work/clone" fsck --strict

# What two nodes are given alike is in both their feeds.
person "Carla Rep" --role rep >/dev/null
sync ana
sync boris
ok "a feed that is like another is whole" git clone -q -b down "$ana_url" "$work/alike"
ok "and says so" git -C "$work/alike" fsck --strict --full

# What is forbidden answers like what does not exist.
answer() { curl -s -i "$@" | tr -d '\r' | grep -avi '^date:'; }
if command -v curl >/dev/null; then
	refs=info/refs?service=git-upload-pack
	at=http://127.0.0.1:$port/f
	none=0123456789abcdef
	is "another node's feed is as one that is not there" \
	    "$(answer -u "$boris_node:$boris_token" "$at/$ana_node.git/$refs")" \
	    "$(answer -u "$boris_node:$boris_token" "$at/$none.git/$refs")"
	is "with a wrong token a node is as one that is not there" \
	    "$(answer -u "$ana_node:wrong" "$at/$ana_node.git/$refs")" \
	    "$(answer -u "$none:wrong" "$at/$none.git/$refs")"
	is "with another's token too" \
	    "$(answer -u "$ana_node:$boris_token" "$at/$ana_node.git/$refs")" \
	    "$(answer -u "$none:$boris_token" "$at/$none.git/$refs")"
	is "and without a token" "$(answer "$at/$ana_node.git/$refs")" "$(answer "$at/$none.git/$refs")"
	is "a token does not write" \
	    "$(answer -u "$ana_node:$ana_token" "$at/$ana_node.git/info/refs?service=git-receive-pack")" \
	    "$(answer -u "$ana_node:$ana_token" "$at/$ana_node.git/no/such")"
	ok "the feed itself is there" contains "$(answer -u "$ana_node:$ana_token" "$at/$ana_node.git/$refs")" refs/heads/down

	# want ID: the answer to a raw POST, with the id taken out.
	want()
	{
		printf '0032want %s\n00000009done\n' "$1" | curl -s -i -u "$ana_node:$ana_token" \
		    -H 'Content-Type: application/x-git-upload-pack-request' --data-binary @- \
		    "$at/$ana_node.git/git-upload-pack" | tr -d '\r' | grep -avi '^date:' | sed "s/$1/ID/"
	}
	git clone -q -b down "$boris_url" "$work/boris.git"
	theirs=$(git -C "$work/boris.git" rev-parse origin/down)
	blob_of() { git -C "$work/$1" rev-list --objects --all | grep batch | while read -r id _; do
		git -C "$work/$1" cat-file blob "$id" | grep -q "$2" && echo "$id"; done | head -1; }
	nothing=$(want 00000000000000000000000000000000000000aa)
	ok "an unknown id has an answer" contains "$nothing" "not our ref"
	is "another feed's commit is as one that is not there" "$(want "$theirs")" "$nothing"
	is "another feed's batch too" "$(want "$(blob_of boris.git Gammayyxcv)")" "$nothing"
	is "and one's own batch by its id" "$(want "$(blob_of clone Alfaqqwerty)")" "$nothing"
	is "and one's own tree" "$(want "$(git -C "$work/clone" rev-parse 'origin/down^{tree}')")" "$nothing"
fi
git init -q "$work/empty"
ok "git fetch of an id is refused" not git -C "$work/empty" fetch -q "$ana_url" "$(git -C "$work/clone" rev-parse 'origin/down^{tree}')"
ok "git push is refused" not git -C "$work/clone" push -q "$ana_url" origin/down:refs/heads/up

# After a revoke a fresh clone has no byte of it, before the node itself was there and after.
printf '%s\n' Betazzuiop >"$work/words"
ok "a clone had it" [ -n "$(scan "$work/words" "$work/clone/.git")" ] ||
    git -C "$work/clone" unpack-objects </dev/null
must hub revoke ana --client "$beta" >/dev/null
git clone -q -b down "$ana_url" "$work/after" 2>/dev/null || mkdir -p "$work/after"
is "a clone after a revoke has no byte of it" "$(scan "$work/words" "$work/after")" ""
sync ana
is "nor has the node" "$(scan "$work/words" "$work/ana")" ""
rm -rf "$work/after"
ok "it can be cloned again" git clone -q -b down "$ana_url" "$work/after"
is "still without a byte of it" "$(scan "$work/words" "$work/after")" ""
must hub set "$alfa" city=Bacauqq >/dev/null
sync ana
rm -rf "$work/after"
git clone -q -b down "$ana_url" "$work/after"
ok "the feed goes on" sh -c 'git -C "$1" log -p | grep -q Bacauqq' sh "$work/after"
is "without it" "$(scan "$work/words" "$work/after")" ""
ok "fsck has no complaint" git -C "$work/after" fsck --strict
must hub revoke --node "$ana_node" >/dev/null
printf '%s\n' Alfaqqwerty Bacauqq Betazzuiop >"$work/words"
is "a device that has not heard yet that it is revoked is given nothing" "$(git ls-remote "$ana_url")" ""
sat ana sync >/dev/null 2>&1
rm -rf "$work/after"
git clone -q -b down "$ana_url" "$work/after" >/dev/null 2>&1 || mkdir -p "$work/after"
is "of a revoked device a clone has nothing" "$(scan "$work/words" "$work/after")" ""
done_testing
