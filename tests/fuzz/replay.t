#!/bin/sh
# Every fuzz target over its corpus; under V=asan with the sanitizers.
here=$(dirname "$0")
: "${SATCHEL_TOOLS:=$here/../../build/release/tests/tools}"
n=0
for target in "$here"/fuzz_*.c; do
	name=$(basename "$target" .c)
	n=$((n + 1))
	if out=$("$SATCHEL_TOOLS/../fuzz/$name" "$here/corpus/${name#fuzz_}" 2>&1); then
		echo "ok $n - ${name#fuzz_} holds over its corpus"
	else
		echo "not ok $n - ${name#fuzz_} holds over its corpus"
		printf '%s\n' "$out" | tail -30 | sed 's/^/# /'
	fi
done
n=$((n + 1))
if out=$("$here/pack_git.sh" "$SATCHEL_TOOLS/../fuzz/fuzz_pack" "$here/corpus/pack" 2>&1); then
	echo "ok $n - $out"
else
	echo "not ok $n - git takes the packs that the scanner takes"
	printf '%s\n' "$out" | sed 's/^/# /'
fi
echo "1..$n"
