#!/bin/sh
# Failures of before, played again, and a share of `make sim-core`: 500 replica-years; under
# the sanitizers a tenth of it.
cd "$(dirname "$0")" || exit 1
seeds=2000
case $SATCHEL in */asan/*) seeds=200 ;; esac
set -- regress/*.txt
[ -e "$1" ] || set --
exec "$(dirname "$SATCHEL")/sim-core" --check --seeds "$seeds" "$@"
