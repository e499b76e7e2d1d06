#include "node/unattended.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "crypto/key.h"
#include "node/sync.h"
#include "store/db.h"
#include "store/log.h"
#include "text/input.h"

#define PAUSE_S 30
#define PAUSE_MAX_S 3600

uint64_t
unattended_planned(const struct unattended *plan, uint64_t now_s)
{
	time_t now = (time_t)now_s, at;
	struct tm tm;

	if (plan->at_minute < 0 || localtime_r(&now, &tm) == NULL)
		return now_s + plan->every_s;
	tm.tm_hour = plan->at_minute / 60;
	tm.tm_min = plan->at_minute % 60;
	tm.tm_sec = 0;
	tm.tm_isdst = -1;
	at = mktime(&tm);
	if (at < 0)
		return now_s + plan->every_s;
	while (at <= now)
		at += (time_t)plan->every_s;
	while (at - (time_t)plan->every_s > now)
		at -= (time_t)plan->every_s;
	return (uint64_t)at;
}

uint64_t
unattended_next(const struct unattended *plan, uint64_t now_s, uint32_t random)
{
	uint64_t most = plan->every_s < PAUSE_MAX_S ? plan->every_s : PAUSE_MAX_S, pause = PAUSE_S;

	if (plan->failures == 0)
		return unattended_planned(plan, now_s);
	for (uint32_t i = 1; i < plan->failures && pause < most; i++)
		pause *= 2;
	if (pause > most)
		pause = most;
	pause -= random % (pause / 2 + 1);
	if (pause < plan->retry_after_s)
		pause = plan->retry_after_s;
	return now_s + pause;
}

enum err_code
unattended_first(uint64_t *out, struct node *node, const struct unattended *plan, uint64_t now_s,
    struct err *err)
{
	int64_t last_ms;

	if (log_meta_int(&last_ms, node->db, "last_sync", err) != OK)
		return err->code;
	*out = now_s;
	if (last_ms > 0 && (uint64_t)last_ms / 1000 + plan->every_s > now_s)
		*out = unattended_planned(plan, now_s);
	return OK;
}

static enum err_code
keep(struct node *node, const char *said, uint64_t now_s, uint64_t next_s, struct err *err)
{
	if (db_begin(node->db, err) != OK)
		return err->code;
	if (db_run(node->db, SQL_META_PUT, err, "ss", "sync_said", said) != OK ||
	    db_run(node->db, SQL_META_PUT, err, "si", "sync_tried_ms", (int64_t)(now_s * 1000)) != OK ||
	    db_run(node->db, SQL_META_PUT, err, "si", "sync_next_ms", (int64_t)(next_s * 1000)) != OK) {
		db_rollback(node->db);
		return err->code;
	}
	return db_commit(node->db, err);
}

enum err_code
unattended_sync(uint64_t *next_s, char line[UNATTENDED_LINE], struct node *node, struct unattended *plan,
    struct err *err)
{
	struct sync_options options = { .url = NULL };
	struct sync_result result = { 0 };
	struct err keeping;
	struct buf at;
	char said[UNATTENDED_LINE - 64];
	uint64_t now_s;
	uint32_t random;
	enum err_code code = sync_run(&result, node, &options, err);

	if (code == OK && node->wiped)
		code = err_set(err, ERR_DENIED, "this device was revoked; what it held is erased");
	now_s = node_now_ms(node) / 1000;
	plan->failures = code == OK ? 0 : plan->failures + 1;
	plan->retry_after_s = result.retry_after_s;
	key_random(&random, sizeof(random));
	*next_s = unattended_next(plan, now_s, random);
	if (code == OK)
		snprintf(said, sizeof(said), "sent %llu, received %llu, erased %llu, refused %llu, passports %llu",
		    (unsigned long long)result.sent_batches, (unsigned long long)result.received_batches,
		    (unsigned long long)result.purged_shards, (unsigned long long)result.refused_batches,
		    (unsigned long long)result.passports);
	else
		snprintf(said, sizeof(said), "failed: %s", err->msg);
	buf_init(&at, 64);
	input_show_instant(&at, (int64_t)(*next_s * 1000));
	snprintf(line, UNATTENDED_LINE, "sync: %s; next %s", said, at.p);
	buf_release(&at);
	if (!node->wiped && keep(node, said, now_s, *next_s, &keeping) != OK && code == OK)
		code = err_set(err, keeping.code, "%s", keeping.msg);
	return code;
}
