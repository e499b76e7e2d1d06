#include "node/series.h"

#include "base/bytes.h"
#include "crypto/key.h"
#include "node/passport.h"
#include "node/peer.h"
#include "store/db.h"
#include "store/log.h"

#define HOUR_MS 3600000ull

enum err_code
series_of(uint64_t *out, struct node *hub, node_t node_id, struct err *err)
{
	uint64_t now = node_now_ms(hub);
	uint8_t id[8];
	int64_t series;
	bool found;

	bytes_put_be64(id, node_id);
	if (db_int(&series, &found, hub->db, SQL_SERIES_OF, err, "b", id, sizeof(id)) != OK)
		return err->code;
	if (!found) {
		key_random(&series, sizeof(series));
		/* Of those that ended so long ago no passport is valid. */
		if (db_run(hub->db, SQL_SERIES_DROP, err, "i",
		    (int64_t)(now > PASSPORT_VALID_MS ? now - PASSPORT_VALID_MS : 0)) != OK ||
		    db_run(hub->db, SQL_SERIES_BEGIN, err, "ib", series, id, sizeof(id)) != OK)
			return err->code;
	}
	*out = (uint64_t)series;
	return OK;
}

enum err_code
series_end(struct node *hub, const uint8_t *about, size_t len, uint64_t epoch, struct err *err)
{
	return db_run(hub->db, len == 8 ? SQL_SERIES_END_NODE : SQL_SERIES_END_PERSON, err, "bii", about, len,
	    (int64_t)epoch, (int64_t)node_now_ms(hub));
}

enum err_code
series_list(struct series_ended *out, struct node *hub, struct err *err)
{
	struct sqlite3_stmt *stmt;
	uint64_t now = node_now_ms(hub), age;
	int64_t hours;
	bool row;

	*out = (struct series_ended){ .count = 0 };
	if (peer_hours(&hours, hub, err) != OK)
		return err->code;
	age = (uint64_t)hours * HOUR_MS;
	if (db_query(&stmt, hub->db, SQL_SERIES_ENDED, err, "ii", (int64_t)(now > age ? now - age : 0),
	    (int64_t)SERIES_ENDED_MAX + 1) != OK)
		return err->code;
	for (;;) {
		if (db_row(hub->db, stmt, &row, err) != OK)
			return err->code;
		if (!row)
			return OK;
		if (out->count == SERIES_ENDED_MAX)
			out->below = (uint64_t)db_col_int(stmt, 1);
		else
			out->series[out->count++] = (uint64_t)db_col_int(stmt, 0);
	}
}

enum err_code
series_newest(uint64_t *epoch, struct node *hub, struct err *err)
{
	int64_t newest;

	if (db_int(&newest, NULL, hub->db, SQL_SERIES_NEWEST, err, "") != OK)
		return err->code;
	*epoch = newest > 0 ? (uint64_t)newest : 0;
	return OK;
}

enum err_code
series_leave(struct node *hub, struct err *err)
{
	return db_run(hub->db, SQL_SERIES_LEAVE, err, "i", (int64_t)node_now_ms(hub));
}

enum err_code
series_learn(struct node *node, const struct series_ended *ended, uint64_t until_ms, struct err *err)
{
	int64_t below;

	if (db_run(node->db, SQL_ENDED_FORGET, err, "i", (int64_t)node_now_ms(node)) != OK ||
	    log_meta_int(&below, node->db, "series_below", err) != OK)
		return err->code;
	if (ended->below > (uint64_t)below &&
	    db_run(node->db, SQL_META_PUT, err, "si", "series_below", (int64_t)ended->below) != OK)
		return err->code;
	for (size_t i = 0; i < ended->count; i++)
		if (db_run(node->db, SQL_ENDED_ADD, err, "ii", (int64_t)ended->series[i], (int64_t)until_ms) != OK)
			return err->code;
	return OK;
}

enum err_code
series_is_ended(bool *out, struct node *node, uint64_t series, uint64_t epoch, struct err *err)
{
	int64_t below, one;

	*out = false;
	if (log_meta_int(&below, node->db, "series_below", err) != OK)
		return err->code;
	if (epoch < (uint64_t)below) {
		*out = true;
		return OK;
	}
	return db_int(&one, out, node->db, SQL_ENDED_HAS, err, "i", (int64_t)series);
}
