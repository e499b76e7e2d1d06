/* export_tell, export_told, export_heard: the word on an export, from the node to the audit log. */
#include "node/export.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "node/audit.h"
#include "node/header.h"
#include "node/value_text.h"
#include "store/db.h"
#include "text/input.h"

#define DETAIL_MAX 512

enum err_code
export_tell(struct header *header, struct node *node, struct err *err)
{
	struct sqlite3_stmt *stmt;
	int64_t last = 0;
	bool row;

	if (db_query(&stmt, node->db, SQL_EXPORT_DUE, err, "i", (int64_t)HEADER_LINES_MAX) != OK)
		return err->code;
	for (;;) {
		struct header_export *export;
		const void *hash;
		size_t len;

		if (db_row(node->db, stmt, &row, err) != OK)
			return err->code;
		if (!row)
			break;
		header->exports = mem_grow(header->exports, header->export_count, &header->export_cap,
		    sizeof(*header->exports));
		export = &header->exports[header->export_count++];
		last = db_col_int(stmt, 0);
		*export = (struct header_export){ .number = (uint64_t)last, .at_ms = (uint64_t)db_col_int(stmt, 1),
			.part = db_col_int(stmt, 3) != 0, .rows = (uint64_t)db_col_int(stmt, 4) };
		snprintf(export->type, sizeof(export->type), "%s", db_col_text(stmt, 2, NULL));
		if ((hash = db_col_blob(stmt, 5, &len)) != NULL && len == sizeof(export->hash))
			memcpy(export->hash, hash, len);
	}
	return header->export_count ? db_run(node->db, SQL_EXPORT_UNDER_WAY, err, "i", last) : OK;
}

enum err_code
export_told(struct node *node, struct err *err)
{
	return db_run(node->db, SQL_EXPORT_TOLD, err, "");
}

enum err_code
export_heard(struct node *hub, node_t from, const struct header *header, struct err *err)
{
	struct buf detail;
	char hash[65];
	enum err_code code = OK;

	buf_init(&detail, DETAIL_MAX);
	for (size_t i = 0; i < header->export_count && code == OK; i++) {
		const struct header_export *export = &header->exports[i];

		bytes_to_hex(hash, export->hash, 32);
		buf_clear(&detail);
		buf_addf(&detail, "number %" PRIu64 ": ", export->number);
		type_count(&detail, export->rows, export->type);
		buf_addf(&detail, ", %s, at ", export->part ? "a part of what he holds" : "all that he holds");
		input_show_instant(&detail, (int64_t)export->at_ms);
		buf_addf(&detail, ", BLAKE2b %s", hash);
		code = audit_add(hub, from, "export", detail.p, err);
	}
	buf_release(&detail);
	return code;
}
