# schema/*.sql and the record tables -> C: SQL_LIST(X) of named statements, MIGRATION_LIST(X), TABLE_LIST(X).
#
#	-- name: OP_SINCE	a statement; "/*scan*/" on that line allows a full table scan
#	-- migration: 1		applied once, in order, each in one transaction
#	-- table: client	a derived record table, made anew by rebuild

function flush_text() {
	if (key != "") {
		gsub(/[ \t\n]+/, " ", text); sub(/^ /, "", text); sub(/ $/, "", text)
		gsub(/\\/, "\\\\", text); gsub(/"/, "\\\"", text)
		if (kind == "name:") list = list " \\\n\tX(" key ", \"" text "\", " scan ")"
		else if (kind == "table:") tables = tables " \\\n\tX(\"" text "\")"
		else migrations = migrations " \\\n\tX(" key ", \"" text "\")"
	}
	key = text = ""
}
$1 == "--" && ($2 == "name:" || $2 == "migration:" || $2 == "table:") {
	flush_text(); kind = $2; key = $3; scan = /\/\*scan\*\// ? 1 : 0; next
}
/^[ \t]*--/ { next }
key != "" { sub(/[ \t]+-- .*$/, ""); text = text "\n" $0 }
END {
	flush_text()
	print "/* Made from schema/ by tools/sqlgen.awk. */"
	print "#define SQL_LIST(X)" list
	print "#define MIGRATION_LIST(X)" migrations
	print "#define TABLE_LIST(X)" tables
}
