#!/bin/sh
# Records as a file, and the word on it.
. "$(dirname "$0")/tap.sh"
hub
TZ=UTC
export TZ
sat() { "$SATCHEL" --home "$home" "$@" </dev/null; }
sat person add "Ana Rep" --role rep --branch Iasi >/dev/null
alfa=$(sat add client name='Alfa "Sud", SRL' owner=Ana city=Iasi phones='+40 744 123 456' tags=vip \
	description='=SUM(1)
and; more')
sat set "$alfa" tags=old >/dev/null
sat add client name="Beta" owner=Ana city=Cluj >/dev/null
sat add contact client="$alfa" name="Ion Ionescu" emails=ion@alfa.example >/dev/null
sat add deal client="$alfa" title="Chairs" amount="1234.50 EUR" stage=Offer expected_close=2026-12-24 >/dev/null
sat add activity client="$alfa" kind=visit at="2026-11-20 10:30" subject="Look" >/dev/null
sat add product name="Chair" code=C-1 price="10.25 EUR" barcodes=123 >/dev/null
cd "$home" || exit 1

run export client all.csv
status_is 0 "records are exported"
says "2 clients written" "and it is said how many"
ok "the file is the owner's alone" [ "$(stat -c %a all.csv)$(stat -c %a all.csv.sig)" = 600600 ]
ok "it begins with the names of its columns" sh -c 'head -1 all.csv | grep -q "^external_id,name,.*,owner,.*,exported.$"'
ok "its lines end as RFC 4180 says" [ "$(head -1 all.csv | tail -c 2 | od -An -tx1 | tr -d ' ')" = 0d0a ]
ok "each row says who exported it, and the number" [ "$(grep -c "Maria Head 20.*/1" all.csv)" = 2 ]
ok "nothing half made stays" [ "$(ls | grep -c part)" = 0 ]
cp all.csv kept.csv
run export client all.csv
status_is 5 "no file is written over"
ok "and it is as it was" cmp all.csv kept.csv
rm all.csv
run export client all.csv
status_is 5 "nor a word on another file"
mv kept.csv all.csv

run verify --export all.csv
status_is 0 "the word on it fits"
says "Maria Head" "and says who it was"
run verify --export all.csv --json
json_has '"number":1' "with the number of the export"
json_has '"rows":2' "and its rows"
json_has '"part":false' "and that it was all"
cp all.csv changed.csv
cp all.csv.sig changed.csv.sig
printf x >>changed.csv
run verify --export changed.csv
status_is 3 "a changed file is told"
cp all.csv changed.csv
sed 's/^rows 2/rows 1/' all.csv.sig >changed.csv.sig
run verify --export changed.csv
status_is 3 "a changed word too"
sed 's/^person .*//' all.csv.sig >changed.csv.sig
run verify --export changed.csv
status_is 3 "and one that lacks a line"
rm changed.csv.sig
run verify --export changed.csv
status_is 1 "a file without a word is told"
run verify --export nosuch.csv
status_is 1 "and one that is not there"

run export client city:iasi -tags:none some.csv
status_is 0 "filters are those of list"
ok "and filter" [ "$(grep -c '/2' some.csv)" = 1 ]
ok "the word has them as they were typed" grep -q '^filter "city:iasi"$' some.csv.sig
run verify --export some.csv --json
json_has '"part":true' "and says that it is a part"
run export client city:nowhere none.csv
status_is 0 "nothing to export is a file with its header line"
ok "and no row" [ "$(wc -l <none.csv)" = 1 ]

# What is malformed never widens.
for filter in '' '*' '?' '%' 'city:*' '-city:*' 'name:%' 'owner:*' 'nosuch:x' 'tags:**' '+*' '-' '"' \
	"name:$(printf '%09000d' 0 | tr 0 '*')"; do
	run export client "$filter" wide.csv
	ok "export is not widened by \"$(printf %.12s "$filter")\"" [ "$status" != 0 ]
done
run export person '*' wide.csv
ok "nor where words are looked for in titles" [ "$status" != 0 ]
run list client '*'
ok "nor is a list" [ "$status" != 0 ]
run export client city:iasi
status_is 2 "the file has to be named"
run export client
status_is 2 "and is no type alone"
run export nosuch x.csv
status_is 3 "a type has to be one"
for type in node statement invite assignment org; do
	run export $type x.csv
	ok "$type is none for a file" [ "$status" != 0 ]
done
ok "and no file came of all that" [ "$(ls ./*.csv | wc -l)" = 4 ]
run export client /nosuch/x.csv
status_is 1 "a directory that is not there is told"
run audit --json
json_has '"what":"export"' "the hub's own exports are in the audit log"

# There and back: into another organisation, and out again.
second=$home/second
for type in client contact deal activity product; do
	sat export $type $type.csv >/dev/null || echo "not ok - $type"
done
"$SATCHEL" --home "$second" init --org Other --person "Maria Head" >/dev/null
"$SATCHEL" --home "$second" person add "Ana Rep" --role rep --branch Iasi >/dev/null
columns()
{
	"$SATCHEL" --home "$1" list "$2" --json |
		sed -e '/"ext": {/,/}/d' -e '/"\(id\|client\|owner\)": /d' -e 's/,$//'
}
for type in client contact deal activity product; do
	ok "$type is imported" "$SATCHEL" --home "$second" import $type.csv --as $type
	columns "$home" $type >first.json
	columns "$second" $type >second.json
	ok "$type comes back as it was" cmp first.json second.json
done
ok "all of it" [ "$(grep -c '"name":' first.json)" = 1 ]

run access ana --json
ok "a rep may not export" sh -c 'echo "$1" | tr -d " \n" | grep -vq "\"export\""' sh "$out"
run grant ana --may export,audit
status_is 0 "capabilities are granted"
says "grant export, audit" "and told"
run access ana --json
json_has '"capabilities":["export","import","audit"]' "beside those of the role"
run revoke ana --may import,export
status_is 0 "and revoked"
run access ana --json
json_has '"capabilities":["audit"]' "also what the role brings"
run grant ana --may export
run access ana --json
json_has '"capabilities":["export","audit"]' "a grant that knows of the revoke counts"
run grant ana --may delete --until 2999-12-31
status_is 0 "a capability has a last day, when one is given"
says "grant delete until 2999-12-31" "and it is said"
for may in '' '*' all Export export, ,export grant 'export,grant' "$(printf '%0300d' 0)"; do
	run grant ana --may "$may"
	status_is 2 "no capability is \"$(printf %.12s "$may")\""
done
for with in "--own" "--all" "--blocks deals" "--right see"; do
	run grant ana --may export $with
	status_is 2 "capabilities are apart from $with"
done
run revoke --node x --may export
status_is 2 "and from devices"
for selector in "--team *" "--team nor*" "--branch ?" "--client *" "--client %" "--segment *" "--blocks * --own" \
	"--client $(echo "$alfa" | cut -c1-8 | tr a-f A-F)x" "--territory $(printf '%080d' 0)"; do
	set -f
	run grant ana $selector
	ok "a grant is not widened by \"$(printf %.24s "$selector")\"" [ "$status" != 0 ]
	run revoke ana $selector
	ok "nor a revoke" [ "$status" != 0 ]
	set +f
done
for selector in --team --branch --territory --segment --client --blocks; do
	run grant ana $selector ''
	ok "nor by an empty $selector" [ "$status" != 0 ]
done
done_testing
