#include "node/org.h"

#include "core/schema.h"
#include "node/node.h"
#include "store/db.h"
#include "store/log.h"
#include "store/row.h"

enum err_code
org_number(int64_t *out, struct node *node, uint8_t field, int64_t least, struct err *err)
{
	const struct type *org = &schema_types[TYPE_ORG];
	int column = org->fields[field].column + 2;
	struct log_record record;
	struct sqlite3_stmt *stmt;
	bool found, row;

	if (log_record(&record, &found, node->db, &node->org, err) != OK)
		return err->code;
	if (!found)
		return OK;
	if (db_query(&stmt, node->db, row_sql(org, ROW_GET), err, "i", record.k) != OK ||
	    db_row(node->db, stmt, &row, err) != OK)
		return err->code;
	if (!row)
		return OK;
	if (!db_col_null(stmt, column) && db_col_int(stmt, column) >= least)
		*out = db_col_int(stmt, column);
	db_reset(stmt);
	return OK;
}
