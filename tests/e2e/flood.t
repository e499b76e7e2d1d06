#!/bin/sh
# A device with a valid key means harm: packs that inflate to much more than they are,
# bodies beyond what is taken, work that rests on what nobody has.  The hub's memory and disk stay bounded, and others work on meanwhile.
. "$(dirname "$0")/../support/e2e.sh"
[ -r /proc/self/status ] || skip_all "no /proc here"

init_hub
ana=$(person "Ana Rep" --role rep --team red)
boris=$(person "Boris Rep" --role rep --team red)
for who in ana boris; do must hub grant "$who" --team red >/dev/null; done
alfa=$(must hub add client name=Alfa owner="$boris" team=red)
start_hub
join ana ana
join boris boris
sync ana boris
rss() { sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$hub_pid/status"; }	# kB, the most ever
disk() { du -sk "$work/hub" | cut -f1; }
flood() { "$SATCHEL_TOOLS/flood" "$work/ana" "$@" >"$work/statuses" 2>"$work/said" || bail "flood $*"; }
# others NAME: they work on meanwhile.
others()
{
	must boris add note client=Alfa text="$1" >/dev/null
	ok "another's sync works after $1" sat boris sync
	is "and his work is in" "$(sat hub list note client:Alfa | grep -c "$1")" 1
}

memory=$(rss)
space=$(disk)
flood bombs
is "of four bombs none is taken" "$(grep -c -v -e '^200 ng' -e '^4' -e cut "$work/statuses")" 0
is "each is answered or cut" "$(wc -l <"$work/statuses" | tr -d ' ')" 4
others bombs
flood large
is "nor of four bodies of 40 MiB" "$(grep -c -v -e '^413' -e cut "$work/statuses")" 0
others bodies
echo "# memory $memory kB before, $(rss) kB after; disk $space kB before, $(disk) kB after"
ok "the hub has not taken 128 MiB of memory for it" [ $(($(rss) - memory)) -lt 131072 ]
ok "nor a mebibyte of disk" [ $(($(disk) - space)) -lt 1024 ]

# Work that rests on what nobody has, for clients that nobody has: kept aside.
flood unknown 100
sat ana sync >/dev/null 2>"$work/told"
others unknown
echo "# memory $(rss) kB, disk $(disk) kB"
is "none of it counts" "$(count hub list deal) $(count hub list client)" "0 1"
is "the status shows the newest 20" "$(sat hub status | grep -c "^Not accepted, waits")" 20
ok "and counts the rest" contains "$(sat hub status)" "80 more (satchel quarantine list"
ok "the memory is bounded" [ $(($(rss) - memory)) -lt 262144 ]
ok "and the disk" [ $(($(disk) - space)) -lt 131072 ]
sat ana sync >/dev/null 2>&1
sat ana sync >/dev/null 2>&1
after=$(disk)
ok "coming again takes no more" [ $(($(disk) - after)) -lt 1024 ]

# Grants to oneself: as many as a million in make sweep.
grants=30000
[ -n "${SATCHEL_HEAVY-}" ] && grants=1000000
flood statements $grants
sat ana sync >/dev/null 2>"$work/told"
others grants
echo "# $grants statements: memory $(rss) kB, disk $(disk) kB"
ok "the memory is bounded" [ $(($(rss) - memory)) -lt 262144 ]
ok "and the disk" [ $(($(disk) - space)) -lt 262144 ]
granted() { sat hub access "$1" | grep -c "on all clients"; }
is "nothing is granted by it, to her who asked as to nobody else" "$(granted ana) $(granted maria)" "0 1"
ok "the hub verifies" sat hub verify
ok "and Boris's node" sat boris verify
done_testing
