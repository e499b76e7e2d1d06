#!/bin/sh
# Many nodes at once beside connections that drip.
. "$(dirname "$0")/../support/e2e.sh"

# Whole nodes, 60 at once, with 100 drips and 500 forged requests; again after a restart.
LOAD=crowd TMPDIR=$work "$SATCHEL_TOOLS/../../tools/load" "$SATCHEL" >"$work/table" 2>&1
is "no session of the crowd fails" $? 0
sed 's/^/# /' "$work/table"
ok "and all of it was done" grep -q "^all at once after a restart" "$work/table"
done_testing
