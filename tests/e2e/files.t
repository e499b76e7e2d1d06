#!/bin/sh
# What a home and its processes show to others on the same machine.
. "$(dirname "$0")/../support/e2e.sh"
umask 022	# as it is on most machines

printf '%s\n' "correct horse battery" >"$work/passphrase"
chmod 600 "$work/passphrase"
init_hub
person "Ana Rep" --role rep >/dev/null
must hub add client name=Alfaqqwerty owner=ana >/dev/null
start_hub
code=$(must hub invite ana | tail -1)
echo "$code" >"$work/code"
"$SATCHEL" --home "$work/ana" join "$url" - --device ana <"$work/code" >/dev/null 2>&1 || bail "join"
must ana set Alfaqqwerty city=Iasi >/dev/null
sync ana
must hub backup "$work/backup" --passphrase-file "$work/passphrase" >/dev/null
must copy restore "$work/backup" --passphrase-file "$work/passphrase" >/dev/null
token=$(must hub token "$(node_id ana)")

# Every file 0600 and every directory 0700, whatever the umask.
open_to_others() { find "$work/hub" "$work/ana" "$work/copy" "$work/backup" \( -type f ! -perm 600 -o -type d ! -perm 700 -o -type l \) -print; }
is "no file is for others" "$(open_to_others)" ""
ok "there are some" [ "$(find "$work/hub" "$work/ana" -type f | wc -l)" -ge 5 ]

# Nor do the running process and what it says give a secret away.
secrets="$work/secrets"
{ echo "$code" | tr -d -- -; echo "$code"; echo "$token"; cat "$work/passphrase" "$work"/*/node.key "$work"/*/root.key; } >"$secrets"
ok "there are secrets to look for" [ "$(wc -l <"$secrets")" -ge 6 ]
# Backups cannot be read; the homes' own key files are where they belong.
is "no database has a code, a token, a passphrase or a key" \
    "$(strings -a "$work"/*/satchel.db* | grep -F -f "$secrets")" ""
tr '\0' '\n' <"/proc/$hub_pid/cmdline" >"$work/shown"
tr '\0' '\n' <"/proc/$hub_pid/environ" >>"$work/shown" 2>/dev/null
cat "$work/serve.out" "$work/serve.err" >>"$work/shown"
is "nor has the process, nor its log" "$(grep -F -f "$secrets" "$work/shown")" ""
ok "its log names no client" not grep -q Alfaqqwerty "$work/serve.err"
is "it leaves no core" "$(sed -n 's/^Max core file size *\([0-9a-z]*\) .*/\1/p' "/proc/$hub_pid/limits")" 0
is "it gains no rights" "$(sed -n 's/^NoNewPrivs:[[:space:]]*//p' "/proc/$hub_pid/status")" 1

# A wrong passphrase or code is not repeated in what is said about it.
echo "guessed horse zebra" >"$work/wrong"
sat other restore "$work/backup" --passphrase-file "$work/wrong" >"$work/answer" 2>&1
is "a wrong passphrase is refused" $? 4
ok "and not repeated" not grep -q "zebra\|guessed" "$work/answer"
echo "k3v7-9xq2-mmpa-4ty6" | "$SATCHEL" --home "$work/new" join "$url" - >"$work/answer" 2>&1
ok "a wrong code is refused" [ $? -ne 0 ]
ok "and not repeated" not grep -q 'k3v7\|mmpa' "$work/answer"

# A key that others can read, or a home that is a link, is not used.
chmod 644 "$work/ana/node.key"
sat ana status >"$work/answer" 2>&1
ok "a key that others can read is not used" [ $? -ne 0 ]
ok "and it is said what to do" grep -q 'chmod 600' "$work/answer"
chmod 600 "$work/ana/node.key"
ok "put right it is" sat ana status
done_testing
