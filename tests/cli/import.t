#!/bin/sh
# CSV files through the command line.
. "$(dirname "$0")/tap.sh"
hub
cat >"$work/clients.csv" <<'END'
Nr;Name;Town;Founded
1;Łódź Meble;Łódź;1990
2;Alfa;Roma;2001
3;Beta;Iași;soon
END
import() { run import "$work/clients.csv" --as client --key Nr --map "Name=name,Town=city,Founded=founded" "$@"; }

import --dry-run
run list client --json
ok "a dry run writes nothing" [ "$out" = "[]" ]
import --set country=EU --json
status_is 3 "rows that are not taken have their status"
json_has '"rows":3' "rows are counted"
json_has '"added":2' "what was added is counted"
json_has '"errors":1' "what was not taken is counted"
ok "and is in a file" grep -q Beta "$work/clients.csv.errors.csv"
run list client --json
json_has '"city":"Łódź"' "columns go where the map says"
json_has '"country":"EU"' "every row has what was set"
import --json
json_has '"added":0' "the same file again adds nothing"
json_has '"same":2' "and finds what is there"
run import "$work/clients.csv"
status_is 2 "it must be said as what"
run import "$work/clients.csv" --as client --dates foo
status_is 2 "dates are read in a known way"
run import "$work/nosuch.csv" --as client
status_is 1 "a file must be there"
done_testing
