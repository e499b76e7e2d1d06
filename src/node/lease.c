#include "node/lease.h"

#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "core/schema.h"
#include "node/node.h"
#include "node/org.h"
#include "store/db.h"
#include "store/log.h"

#define HOUR_MS 3600000LL
#define DAY_MS (24 * HOUR_MS)

static const struct lease defaults = { .from = { 0, 3, 7, 14 } };

/* What the organisation's record says; a number below 1 is none. */
static enum err_code
load_days(struct lease *out, struct node *node, struct err *err)
{
	static const uint8_t fields[LEASE_STAGES] = {
		[LEASE_WARN] = ORG_LEASE_WARN, [LEASE_RESTRICT] = ORG_LEASE_RESTRICT,
		[LEASE_LOCK] = ORG_LEASE_LOCK,
	};

	for (int i = LEASE_WARN; i < LEASE_STAGES; i++)
		if (org_number(&out->from[i], node, fields[i], 1, err) != OK)
			return err->code;
	return OK;
}

/* The last contact, else the join; 0 when neither is known. */
static enum err_code
load_contact(int64_t *out, struct node *node, struct err *err)
{
	if (log_meta_int(out, node->db, "last_sync", err) != OK ||
	    (*out == 0 && log_meta_int(out, node->db, "joined_ms", err) != OK))
		return err->code;
	return OK;
}

static void
judge(struct lease *lease, int64_t contact_ms, int64_t at_ms)
{
	lease->days = contact_ms && at_ms > contact_ms ? (at_ms - contact_ms) / DAY_MS : 0;
	lease->stage = LEASE_FINE;
	for (enum lease_stage stage = LEASE_WARN; stage < LEASE_STAGES; stage++)
		if (lease->days >= lease->from[stage])
			lease->stage = stage;
}

struct times {
	int64_t contact_ms;
	int64_t seen_ms;	/* the latest time ever seen, as it is kept */
	int64_t now_ms;
};

static enum err_code
load_times(struct times *out, struct node *node, struct err *err)
{
	out->now_ms = (int64_t)node_now_ms(node);
	if (load_contact(&out->contact_ms, node, err) != OK ||
	    log_meta_int(&out->seen_ms, node->db, "lease_seen_ms", err) != OK)
		return err->code;
	return OK;
}

enum err_code
lease_state(struct lease *out, struct node *node, struct err *err)
{
	struct times times;

	*out = defaults;
	if (node->wiped)
		return OK;
	/* The hub has none, and waits by these days for devices. */
	if (node->hub)
		return load_days(out, node, err);
	if (load_times(&times, node, err) != OK || load_days(out, node, err) != OK)
		return err->code;
	judge(out, times.contact_ms, times.seen_ms > times.now_ms ? times.seen_ms : times.now_ms);
	return OK;
}

static enum err_code
keep_seen(struct node *node, const struct times *times, struct err *err)
{
	struct times kept;

	if (db_begin(node->db, err) != OK)
		return err->code;
	/* A sync that ended meanwhile knows the hub's time better than we. */
	if (load_times(&kept, node, err) != OK ||
	    (kept.contact_ms == times->contact_ms && kept.seen_ms < times->now_ms &&
	    db_run(node->db, SQL_META_PUT, err, "si", "lease_seen_ms", times->now_ms) != OK) ||
	    (kept.contact_ms == 0 && db_run(node->db, SQL_META_PUT, err, "si", "joined_ms",
	    times->now_ms) != OK)) {
		db_rollback(node->db);
		return err->code;
	}
	return db_commit(node->db, err);
}

enum err_code
lease_look(struct node *node, struct err *err)
{
	struct lease kept;
	struct times times;
	struct err ignored;

	if (lease_state(&node->lease, node, err) != OK)
		return err->code;
	if (node->hub || node->wiped)
		return OK;
	if (load_times(&times, node, err) != OK)
		return err->code;
	kept = node->lease;
	judge(&kept, times.contact_ms, times.seen_ms);
	/* A full disk keeps nobody from reading. */
	if (times.contact_ms == 0 || times.now_ms - times.seen_ms >= HOUR_MS ||
	    kept.stage < node->lease.stage)
		keep_seen(node, &times, &ignored);
	return OK;
}

enum err_code
lease_renew(struct node *node, struct err *err)
{
	int64_t now_ms = (int64_t)node_now_ms(node);

	if (db_run(node->db, SQL_META_PUT, err, "si", "last_sync", now_ms) != OK ||
	    db_run(node->db, SQL_META_PUT, err, "si", "lease_seen_ms", now_ms) != OK)
		return err->code;
	return lease_state(&node->lease, node, err);
}

enum err_code
lease_renew_at(struct node *node, uint64_t at_ms, struct err *err)
{
	int64_t at = (int64_t)at_ms;
	struct times times;

	if (load_times(&times, node, err) != OK)
		return err->code;
	if (at > times.contact_ms && (db_run(node->db, SQL_META_PUT, err, "si", "last_sync", at) != OK ||
	    (at > times.seen_ms && db_run(node->db, SQL_META_PUT, err, "si", "lease_seen_ms", at) != OK)))
		return err->code;
	return lease_state(&node->lease, node, err);
}

bool
lease_hides(const struct node *node, uint8_t block)
{
	return node->lease.stage >= LEASE_RESTRICT && (block == BLOCK_FINANCE || block == BLOCK_INTERNAL);
}

enum err_code
lease_need_see(const struct node *node, uint8_t block, struct err *err)
{
	if (!lease_hides(node, block))
		return OK;
	return err_set(err, ERR_DENIED, "%s is closed: this device has had no contact with the hub for %lld "
	    "days; satchel sync opens it", schema_blocks[block].label, (long long)node->lease.days);
}

enum err_code
lease_need_edit(struct node *node, uint8_t block, struct err *err)
{
	if (lease_need_open(node, err) != OK || lease_need_see(node, block, err) != OK)
		return err->code;
	/* Roles and owners are rights, and the days of the lease stand in the configuration. */
	if (node->lease.stage < LEASE_RESTRICT || (block != BLOCK_POLICY && block != BLOCK_PEOPLE &&
	    block != BLOCK_CONFIG && block != BLOCK_ASSIGNMENT))
		return OK;
	return err_set(err, ERR_DENIED, "%s cannot be changed: this device has had no contact with the hub "
	    "for %lld days; sync first (satchel sync)", schema_blocks[block].label,
	    (long long)node->lease.days);
}

static enum err_code
count_waiting(int64_t *out, struct node *node, struct err *err)
{
	uint8_t id[8];
	int64_t up;
	bool found;

	*out = 0;
	bytes_put_be64(id, node->id);
	if (db_int(&up, &found, node->db, SQL_FEED_GET, err, "bi", id, sizeof(id), (int64_t)1) != OK)
		return err->code;
	return found ? db_int(out, NULL, node->db, SQL_ENTRY_COUNT, err, "ii", up, (int64_t)0) : OK;
}

enum err_code
lease_need_open(struct node *node, struct err *err)
{
	int64_t waiting;

	if (node->lease.stage < LEASE_LOCK)
		return OK;
	if (count_waiting(&waiting, node, err) != OK)
		return err->code;
	return err_set(err, ERR_DENIED, "this device has had no contact with the hub for %lld day%s and is "
	    "locked; satchel sync opens it; nothing is lost, %lld change%s to be sent",
	    (long long)node->lease.days, node->lease.days == 1 ? "" : "s", (long long)waiting,
	    waiting == 1 ? " waits" : "s wait");
}

void
lease_describe(struct buf *out, const struct lease *lease)
{
	const char *much = lease->from[LEASE_RESTRICT] == 1 ? "" : "s";

	buf_addf(out, "this device has had no contact with the hub for %lld day%s", (long long)lease->days,
	    lease->days == 1 ? "" : "s");
	if (lease->stage == LEASE_LOCK)
		buf_adds(out, " and is locked");
	else if (lease->stage == LEASE_RESTRICT)
		buf_addf(out, ": finance and internal are closed, rights cannot be changed, and it locks "
		    "after %lld", (long long)lease->from[LEASE_LOCK]);
	else if (lease->from[LEASE_RESTRICT] < lease->from[LEASE_LOCK])
		buf_addf(out, "; after %lld day%s finance and internal close, after %lld it locks",
		    (long long)lease->from[LEASE_RESTRICT], much, (long long)lease->from[LEASE_LOCK]);
	else
		buf_addf(out, "; it locks after %lld", (long long)lease->from[LEASE_LOCK]);
	buf_adds(out, "; satchel sync ends this");
}
