#!/bin/sh
# How long an answer takes does not tell what there is from what there is not: ids of
# another's clients and invented ones are asked for in turn, and the times compared.
. "$(dirname "$0")/../support/e2e.sh"
command -v git >/dev/null || skip_all "no git here"
command -v curl >/dev/null || skip_all "no curl here"
GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0 HOME=$work
export GIT_CONFIG_NOSYSTEM GIT_TERMINAL_PROMPT HOME
each=1500
[ -z "${SATCHEL_HEAVY-}" ] || each=5000

init_hub
person "Ana Rep" --role rep >/dev/null
person "Boris Rep" --role rep >/dev/null
must hub add client name=Alfa owner=ana >/dev/null
OWNERS=boris "$(dirname "$0")/../../tools/make-clients" 150 >"$work/clients.csv"
must hub import "$work/clients.csv" --as client >/dev/null
start_hub
join ana ana
join boris boris
sync ana boris
ana_node=$(node_id ana)
boris_node=$(node_id boris)
token=$(must hub token "$ana_node")
git clone -q --no-progress -b down "http://$boris_node:$(must hub token "$boris_node")@127.0.0.1:$port/f/$boris_node.git" "$work/boris.git" 2>"$work/said"
git -C "$work/boris.git" rev-list --objects --all | cut -d' ' -f1 >"$work/there"
ok "there is something to ask for" [ "$(wc -l <"$work/there")" -gt 200 ]
is "there are ids that are not there" "$(sed 's/^.\{12\}/fedcba987654/' "$work/there" | git -C "$work/boris.git" cat-file --batch-check | grep -v -c missing)" 0

# asked ROUTE: $each of both kinds in turn; "KIND MICROSECONDS" a line.
asked()
{
	awk -v n="$each" -v route="$1" -v at="http://127.0.0.1:$port/f" -v me="$ana_node" -v other="$boris_node" -v token="$token" '
	{ ids[NR] = $1 }
	END {
		srand(4711)
		for (i = 0; i < 2 * n; i++) {
			# Of each pair the dice say which comes first.
			if (i % 2 == 0)
				kind = rand() < 0.5 ? "there" : "not"
			else
				kind = kind == "there" ? "not" : "there"
			id = ids[int(rand() * NR) + 1]
			name = other
			if (kind == "not") {
				id = "fedcba987654" substr(id, 13)
				name = substr(id, 1, 16)
			}
			body = ""
			if (route == "want") {
				path = me ".git/git-upload-pack"
				body = "0032want " id "\\n00000009done\\n"
			} else if (route == "loose")
				path = me ".git/objects/" substr(id, 1, 2) "/" substr(id, 3)
			else
				path = name ".git/info/refs?service=git-upload-pack"
			printf "url = \"%s/%s\"\nuser = \"%s:%s\"\nsilent\noutput = /dev/null\n", at, path, me, token
			printf "write-out = \"%s %%{time_starttransfer} %%{time_pretransfer}\\n\"\n", kind
			if (body != "")
				printf "data-binary = \"%s\"\nheader = \"Content-Type: application/x-git-upload-pack-request\"\n", body
			if (i < 2 * n - 1)
				print "next"
		}
	}' "$work/there" >"$work/asking"
	curl -K "$work/asking" | awk '{ printf "%s %d\n", $1, ($2 - $3) * 1000000 }'
}

# The area under the curve of who guesses by the time alone, in thousandths: 500 is no knowledge.
area()
{
	sort -n -k2,2 | awk '{ kind[NR] = $1; time[NR] = $2; if ($1 == "there") n++; else m++ }
	END {
		for (i = 1; i <= NR; i = j) {
			for (j = i; j <= NR && time[j] == time[i]; j++)
				;
			for (k = i; k < j; k++)
				if (kind[k] == "there")
					sum += (i + j - 1) / 2
		}
		area = (sum - n * (n + 1) / 2) / (n * m)
		printf "%d\n", (area < 0.5 ? 1 - area : area) * 1000
	}'
}
is "the measure knows what can be told apart" "$(for i in 1 2 3 4; do echo "there $i"; echo "not 1$i"; done | area)" 1000
is "and what cannot" "$(for i in 1 2 3 4; do echo "there $i"; echo "not $i"; done | area)" 500
for route in want loose feed; do
	asked $route >"$work/times"
	is "$((2 * each)) are answered for by $route" "$(grep -c . "$work/times")" $((2 * each))
	area=$(area <"$work/times")
	ok "by $route their times tell nothing (0.$area)" [ "$area" -le 550 ]
done
done_testing
