#!/bin/sh
# Failures of before, played again, and a share of `make sim`.
cd "$(dirname "$0")" || exit 1
exec "$(dirname "$SATCHEL")/sim" --check --seconds 15 regress/*.txt
