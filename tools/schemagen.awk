# schema/records.def -> C tables (OUT=c) or the SQL of the record tables (OUT=sql).

function fail(why) { print FILENAME ":" FNR ": " why > "/dev/stderr"; failed = 1; exit 1 }
function label(   text) {
	if (!match($0, /"[^"]*"/)) fail("no label")
	text = substr($0, RSTART, RLENGTH)
	rest = substr($0, RSTART + RLENGTH)
	return text
}
BEGIN { nb = nt = 0; common = -1 }
/^[ \t]*(#|$)/ { next }
$1 == "block" || $1 == "common" {
	if ($1 == "common" && common < 0) common = nb
	if ($1 == "block" && common >= 0) fail("blocks come before common shards")
	blockno[$2] = nb; bname[nb] = $2; blabel[nb++] = label(); next
}
$1 == "type" {
	if (!($3 in blockno)) fail("no block " $3)
	tname[nt] = $2; tblock[nt] = $3; tlabel[nt] = label()
	tfacet[nt] = (rest ~ /facet/) ? "true" : "false"
	nf[nt] = ncol[nt] = 0; nt++; next
}
$1 == "field" {
	t = nt - 1; f = nf[t]++
	split($4, form, ":")
	fname[t, f] = $2; fkind[t, f] = $3; fform[t, f] = form[1]; farg[t, f] = form[2]
	flabel[t, f] = label(); flags = "0"
	if (rest ~ /required/) flags = flags " | FIELD_REQUIRED"
	if (rest ~ /find/) flags = flags " | FIELD_FIND"
	# Its rows have the client's number, and the index knows rows by number alone.
	if (rest ~ /find/ && tfacet[t] == "true") fail("a facet's field cannot be searched")
	if (rest ~ /personal/) flags = flags " | FIELD_PERSONAL"
	if (rest ~ /system/) flags = flags " | FIELD_SYSTEM"
	fflags[t, f] = flags; fcol[t, f] = ncol[t]
	fcols[t, f] = ($3 == "register" && (form[1] == "money" || form[1] == "stage")) ? 2 : 1
	ncol[t] += fcols[t, f]; next
}
{ fail("neither block, common, type nor field") }

function c_tables(   i, t, f) {
	print "/* Made from schema/records.def by tools/schemagen.awk. */"
	print "#ifndef SCHEMA_TABLES_H\n#define SCHEMA_TABLES_H"
	print "enum block {"
	for (i = 0; i < nb; i++) print "\tBLOCK_" toupper(bname[i]) ","
	print "\tBLOCK_COUNT,\n\tCOMMON_FIRST = BLOCK_" toupper(bname[common]) "\n};"
	print "enum type_no {"
	for (t = 0; t < nt; t++) print "\tTYPE_" toupper(tname[t]) ","
	print "\tTYPE_COUNT\n};"
	for (t = 0; t < nt; t++) {
		printf "enum {"
		for (f = 0; f < nf[t]; f++)
			printf " %s_%s,", toupper(tname[t]), toupper(fname[t, f])
		print " };"
	}
	print "#endif"
	print "#ifdef SCHEMA_DEFINITIONS"
	print "const struct block_info schema_blocks[BLOCK_COUNT] = {"
	for (i = 0; i < nb; i++) print "\t{ \"" bname[i] "\", " blabel[i] " },"
	print "};"
	for (t = 0; t < nt; t++) {
		print "static const struct field fields_" tname[t] "[] = {"
		for (f = 0; f < nf[t]; f++)
			print "\t{ \"" fname[t, f] "\", " flabel[t, f] ", KIND_" toupper(fkind[t, f]) \
			    ", FORM_" toupper(fform[t, f]) ", \"" farg[t, f] "\", " fflags[t, f] \
			    ", " fcol[t, f] ", " fcols[t, f] " },"
		print "};"
	}
	print "const struct type schema_types[TYPE_COUNT] = {"
	for (t = 0; t < nt; t++)
		print "\t{ \"" tname[t] "\", " tlabel[t] ", BLOCK_" toupper(tblock[t]) ", " tfacet[t] \
		    ", fields_" tname[t] ", " nf[t] ", " ncol[t] " },"
	print "};\n#endif"
}

# A column's SQL type: what the value is, so that reports need no conversion.
function sqltype(t, f) {
	if (fkind[t, f] == "counter") return "INTEGER"
	if (fkind[t, f] == "set" || fkind[t, f] == "map" || fkind[t, f] == "log") return "TEXT"
	if (fkind[t, f] == "flag") return "INTEGER"
	if (fform[t, f] == "int" || fform[t, f] == "bool" || fform[t, f] == "instant" || fform[t, f] == "money") return "INTEGER"
	if (fform[t, f] == "ref") return "BLOB"
	return "TEXT"
}
function columns(t, decl, sep,   f, out, n) {
	for (f = 0; f < nf[t]; f++) {
		n = "\"" fname[t, f] "\""
		out = out sep n (decl ? " " sqltype(t, f) : "")
		if (fcols[t, f] == 2) {
			n = "\"" fname[t, f] (fform[t, f] == "money" ? "_currency" : "_reason") "\""
			out = out sep n (decl ? " TEXT" : "")
		}
	}
	return out
}
function sql(   t, i, marks) {
	print "-- Made from schema/records.def by tools/schemagen.awk."
	for (t = 0; t < nt; t++) {
		print "\n-- table: " tname[t]
		print "CREATE TABLE IF NOT EXISTS \"" tname[t] "\"(k INTEGER PRIMARY KEY, heads BLOB NOT NULL, deleted INTEGER NOT NULL" columns(t, 1, ", ") ") STRICT;"
	}
	for (t = 0; t < nt; t++) {
		marks = ""
		for (i = 0; i < ncol[t]; i++) marks = marks ", ?" (i + 4)
		print "\n-- name: GET_" toupper(tname[t]) "\nSELECT heads, deleted" columns(t, 0, ", ") " FROM \"" tname[t] "\" WHERE k = ?1;"
		print "\n-- name: PUT_" toupper(tname[t]) "\nINSERT OR REPLACE INTO \"" tname[t] "\"(k, heads, deleted" columns(t, 0, ", ") ") VALUES(?1, ?2, ?3" marks ");"
		print "\n-- name: DROP_" toupper(tname[t]) "\nDELETE FROM \"" tname[t] "\" WHERE k = ?1;"
		print "\n-- name: EMPTY_" toupper(tname[t]) "\nDELETE FROM \"" tname[t] "\";"
		print "\n-- name: EACH_" toupper(tname[t]) " /*scan*/\nSELECT k FROM \"" tname[t] "\" WHERE k > ?1 ORDER BY k;"
	}
}
END {
	if (failed) exit 1
	if (OUT == "c") c_tables(); else sql()
}
