#!/bin/sh
# What the scanner of packs takes, git takes too: runs the pack target over the
# corpora named and gives each pack that it took to git index-pack.
# pack_git.sh PROGRAM CORPUS...
set -eu
program=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/packs"
FUZZ_ACCEPTED=$work/packs "$program" "$@" >/dev/null 2>&1
git init -q "$work/repo"
n=0
for pack in "$work"/packs/*.pack; do
	[ -e "$pack" ] || break
	n=$((n + 1))
	case $pack in
	*/feed-*) strict=--fsck-objects ;;	# not --strict: that wants parents, which are elsewhere
	*) strict= ;;
	esac
	if ! git -C "$work/repo" index-pack $strict -o "$work/index" "$pack" >"$work/said" 2>&1; then
		echo "git refuses what the scanner takes:"
		cat "$work/said"
		cp "$pack" "${TMPDIR:-/tmp}/refused.pack"
		exit 1
	fi
	rm -f "$work/index" "$work"/packs/*.rev
done
[ $n -gt 0 ] || { echo "the scanner takes none"; exit 1; }
echo "git takes all $n packs that the scanner takes"
