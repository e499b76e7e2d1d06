#!/bin/sh
# A real pipeline of 8,800 deals comes in; each of its agents gets exactly his own.
# SATCHEL_DATA is the directory with the data; SATCHEL_HEAVY=1 joins all agents.
. "$(dirname "$0")/../support/e2e.sh"
data=${SATCHEL_DATA:-$(dirname "$0")/../../../shared/data}/crm-pipeline
[ -f "$data/sales_pipeline.csv" ] || skip_all "the pipeline data is not here (SATCHEL_DATA)"

init_hub --currency USD
tr -d '\r' <"$data/sales_teams.csv" | awk -F, 'NR > 1 { print $1 }' >"$work/agents"
if [ -n "${SATCHEL_HEAVY:-}" ]; then
	cp "$work/agents" "$work/chosen"
else
	sed -n '1p;4p;12p;20p;35p' "$work/agents" >"$work/chosen"
fi

# Access is by client: two agents who sell to one account have two clients.
tr -d '\r' <"$data/sales_teams.csv" | awk -F, 'NR > 1 { print $1 "," $3 } NR == 1 { print "name,branch" }' >"$work/people.csv"
tr -d '\r' <"$data/products.csv" | awk -F, 'NR > 1 { print $1 "," $2 "," $3 } NR == 1 { print "name,series,price" }' >"$work/products.csv"
tr -d '\r' <"$data/sales_pipeline.csv" >"$work/deals.in"
awk -F, '
FILENAME ~ /people/ { branch[$1] = $2; next }
FNR == 1 { print "key,name,owner,branch"; next }
{
	account = $4 == "" ? "(no account) " $2 : $4
	if (!seen[account, $2]++)
		print account "|" $2 "," account "," $2 "," branch[$2]
}' "$work/people.csv" "$work/deals.in" >"$work/clients.csv"
awk -F, '
BEGIN { stage["Won"] = "Realised"; stage["Lost"] = "Lost"; stage["Engaging"] = "Negotiations"; stage["Prospecting"] = "Potential" }
NR == 1 { print "id,client,title,product,responsible,stage,lost_reason,opened,closed,amount"; next }
{
	account = $4 == "" ? "(no account) " $2 : $4
	product = $3 == "GTXPro" ? "GTX Pro" : $3
	print $1 "," account "|" $2 "," product " for " account "," product "," $2 "," stage[$5] "," \
	    ($5 == "Lost" ? "Price" : "") "," $6 "," $7 "," $8
}' "$work/deals.in" >"$work/deals.csv"

import()	# import FILE TYPE WORD...
{
	file=$1 type=$2
	shift 2
	ok "$type records come in" sat hub import "$work/$file" --as "$type" --json "$@"
	is "all of them" "$(json errors <"$work/said") $(json added <"$work/said")" "0 $(($(wc -l <"$work/$file") - 1))" ||
	    sed 's/^/# /' "$work/$file.errors.csv" 2>/dev/null | head -3
}
import people.csv person --set role=rep
import products.csv product
import clients.csv client --key key --source crm
import deals.csv deal --key id --source crm --dates mdy

deals() { count "$1" list deal "$2"; }
is "deals won" "$(deals hub stage:Realised)" 4238
is "deals lost" "$(deals hub stage:Lost)" 2473
is "deals under way" "$(deals hub stage:Negotiations)" 1589
is "deals not begun" "$(deals hub stage:Potential)" 500
sat hub list deal stage:Realised --json >"$work/won"
is "the sum of what was won, to the cent" \
    "$(sed -n 's/.*"minor": \([0-9]*\).*/\1/p' "$work/won" | awk '{ sum += $1 } END { printf "%d", sum }')" 1000553400

start_hub
n=0 wrong=0
while read -r agent; do
	n=$((n + 1))
	join "a$n" "$agent"
	wanted=$(awk -F, -v agent="$agent" '$2 == agent' "$work/deals.in" | wc -l | tr -d ' ')
	own=$(awk -F, -v agent="$agent" '$3 == agent' "$work/clients.csv" | wc -l | tr -d ' ')
	got="$(count "a$n" list deal) $(count "a$n" list client)"
	sat "a$n" list deal --json | sed -n 's/.*"\([A-Z0-9]\{8\}\)".*/\1/p' | sort >"$work/got"
	awk -F, -v agent="$agent" '$2 == agent { print $1 }' "$work/deals.in" | sort >"$work/wanted"
	if [ "$got" != "$wanted $own" ] || ! cmp -s "$work/got" "$work/wanted"; then
		wrong=$((wrong + 1))
		echo "# $agent has $got deals and clients, not $wanted $own"
	fi
done <"$work/chosen"
is "each of $n agents has exactly his own deals" $wrong 0

person "Carla Central" --role rep >/dev/null
must hub grant "Carla Central" --branch Central --right see >/dev/null
join carla "Carla Central"
awk -F, 'FILENAME ~ /people/ { branch[$1] = $2; next } branch[$2] == "Central" { print $1 }' \
    "$work/people.csv" "$work/deals.in" | sort >"$work/wanted"
sat carla list deal --json | sed -n 's/.*"\([A-Z0-9]\{8\}\)".*/\1/p' | sort >"$work/got"
ok "a region's grant gives exactly that region's" diff "$work/wanted" "$work/got"
ok "which is some" [ -s "$work/got" ]
ok "the hub verifies" sat hub verify
ok "the region's node verifies" sat carla verify
done_testing
