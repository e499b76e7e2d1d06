/*
 * export - records as a CSV file that leaves the house, and the word on it.
 *
 * Only who has the capability may, and only what this node holds goes out.  The
 * last column of each row says who exported it, when, and the number of the
 * export.  Beside FILE stands FILE.sig, text that the node has signed:
 *
 *	satchel-export 1
 *	org ID, node NODE, person ID, number N, time MS, type TYPE
 *	filter "TEXT"		as typed, one line each; none: all that he holds
 *	rows N, hash HEX	BLAKE2b-256 of FILE
 *
 * (a line each, node/lines.h).  That an export was made is kept in the
 * database before FILE has its name, until the hub has acknowledged it in the
 * header of an up commit; there it is a row of the audit log.
 */
#ifndef NODE_EXPORT_H
#define NODE_EXPORT_H

#include "core/batch.h"
#include "core/schema.h"
#include "node/node.h"

struct header;

struct export_result {
	uint64_t number, rows;
};

/* Records of TYPE that pass FILTERS (node/query.h) to PATH, with their header
 * line; ERR_CONFLICT when PATH or its signature exists.  Both files appear whole
 * or not at all, 0600.  */
enum err_code export_file(struct export_result *out, struct node *node, const struct type *type,
    const char *const *filters, size_t filter_count, const char *path, struct err *err);

struct export_word {
	node_t node;
	struct id person;
	uint64_t number, time_ms, rows;
	char type[NAME_MAX_LEN + 1];
	bool part;		/* filtered */
};

/* What PATH.sig says of PATH.  ERR_INVALID unless a node known here has signed
 * it and the file is as it was. */
enum err_code export_check(struct export_word *out, struct node *node, const char *path, struct err *err);

/* A node, in the transaction that makes an up commit: what the hub has to hear. */
enum err_code export_tell(struct header *header, struct node *node, struct err *err);
/* In the transaction in which that commit was acknowledged. */
enum err_code export_told(struct node *node, struct err *err);
/* Hub, in the transaction that takes the commit: rows of the audit log. */
enum err_code export_heard(struct node *hub, node_t from, const struct header *header, struct err *err);

#endif
