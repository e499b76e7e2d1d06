#include "node/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/buf.h"
#include "core/id.h"
#include "net/client.h"
#include "node/ask.h"
#include "node/outbox.h"
#include "node/passport.h"
#include "node/peer.h"
#include "node/peer_take.h"
#include "node/purge.h"
#include "node/put_back.h"
#include "node/sync_part.h"
#include "repo/remote.h"
#include "store/db.h"
#include "store/log.h"
#include "store/zip.h"

void
sync_show(struct session *s, const char *doing, uint64_t done, uint64_t all)
{
	struct client_stats stats = { 0 };

	if (s->client)
		stats = client_stats(s->client);
	s->progress = (struct sync_progress){ doing, done, all, stats.bytes_out, stats.bytes_in };
	if (s->options->progress)
		s->options->progress(s->options->context, &s->progress);
}

static void
on_bytes(void *context, uint64_t out, uint64_t in)
{
	struct session *s = context;

	s->progress.bytes_out = out;
	s->progress.bytes_in = in;
	if (s->options->progress)
		s->options->progress(s->options->context, &s->progress);
}

enum err_code
sync_read_object(struct session *s, int64_t f, const uint8_t oid[20], enum pack_type *type, struct buf *out,
    struct err *err)
{
	struct sqlite3_stmt *stmt;
	size_t size, z_len;
	const void *z;
	uint8_t *to;
	bool row;
	enum err_code code;

	if (db_query(&stmt, s->node->db, SQL_OBJECT_GET, err, "ib", f, oid, (size_t)20) != OK ||
	    db_row(s->node->db, stmt, &row, err) != OK)
		return err->code;
	if (!row)
		return err_set(err, ERR_NOT_FOUND, "the feed has no such object");
	*type = (enum pack_type)db_col_int(stmt, 1);
	size = (size_t)db_col_int(stmt, 2);
	z = db_col_blob(stmt, 3, &z_len);
	if ((to = buf_reserve(out, size)) == NULL)
		code = err_set(err, ERR_INVALID, "an object of the feed is too large");
	else if ((code = zip_inflate(to, size, z, z_len, err)) == OK)
		buf_commit(out, size);
	db_reset(stmt);
	return code;
}

enum err_code
sync_exchange(void *context, const char *method, const char *path, const char *content_type,
    const void *body, size_t len, int *status, struct buf *reply, struct err *err)
{
	struct session *s = context;
	struct client_request request = { .method = method, .path = path, .content_type = content_type,
		.have = s->have, .body = body, .body_len = len };
	struct client_reply answer = { .body = *reply };
	enum err_code code = client_exchange(s->client, &request, &answer, err);

	*reply = answer.body;
	*status = s->status = answer.status;
	s->result->retry_after_s = answer.retry_after_s;
	if (code != OK || s->peer)
		return code;
	if (*status == PUT_BACK_STATUS)
		return put_back_say(err);
	if (answer.word[0] && put_back_is_word(s->node, answer.word))
		memcpy(s->word, answer.word, sizeof(s->word));
	return OK;
}

const uint8_t *
sync_key(const struct session *s)
{
	return s->peer ? s->peer->key : s->node->hub_key;
}

enum err_code
sync_feed(struct feed *out, struct session *s, bool up, struct err *err)
{
	return s->peer ? feed_load_peer(out, s->node, s->peer->node, s->node->id, up, err) :
	    feed_load(out, s->node, s->node->id, up, err);
}

static enum err_code
keep_clock(struct session *s, struct err *err)
{
	int64_t offset_ms = client_clock_offset_s(s->client) * 1000;

	if (db_begin(s->node->db, err) != OK)
		return err->code;
	s->node->clock_offset_ms += offset_ms;
	if (db_run(s->node->db, SQL_META_PUT, err, "si", "clock_offset_ms", s->node->clock_offset_ms) != OK ||
	    sync_end_session(s, err) != OK || sync_keep_word(s, err) != OK ||
	    lease_renew(s->node, err) != OK) {
		db_rollback(s->node->db);
		return err->code;
	}
	return db_commit(s->node->db, err);
}

static uint64_t
now_s(void *context)
{
	struct session *s = context;

	return node_now_ms(s->node) / 1000;
}

/* The second one waits, and then has little to do. */
enum err_code
sync_take_turn(int *fd, const struct node *node, struct err *err)
{
	char *path = node_path(node, "sync-lock");
	enum err_code code = OK;

	if ((*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) < 0)
		code = err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	while (code == OK && flock(*fd, LOCK_EX) < 0)
		if (errno != EINTR)
			code = err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	if (code != OK && *fd >= 0)
		close(*fd);
	free(path);
	return code;
}

/* What waits encrypted.  A hub that does not take it does not keep the session
 * from going on: what it said is in s->later then. */
static enum err_code
deliver(struct session *s, struct err *err)
{
	enum err_code code = outbox_deliver(&s->result->late_batches, &s->result->late_left, s, err);

	if (code == OK || code == ERR_NETWORK || code == ERR_IO)
		return code;
	s->later = *err;
	return OK;
}

/* By now the hub has said what it refuses of all that was brought. */
static enum err_code
settle(struct session *s, struct err *err)
{
	if (s->node->wiped || db_begin(s->node->db, err) != OK)
		return s->node->wiped ? OK : err->code;
	if (peer_take_judged(s->node, err) != OK) {
		db_rollback(s->node->db);
		return err->code;
	}
	return db_commit(s->node->db, err);
}

/* The persons of a branch may never see the hub: the branch has their passports
 * for them.  Only it is given them. */
static enum err_code
fetch_passports(struct session *s, struct err *err)
{
	struct access own;
	enum role role;

	if (s->node->wiped)
		return OK;
	if (passport_load(&own, s->node, err) != OK)
		return err->code;
	role = own.subject.role;
	access_release(&own);
	return role == ROLE_BRANCH ? ask_passports(&s->result->passports, s->node, err) : OK;
}

static enum err_code
talk(struct session *s, struct err *err)
{
	enum err_code code;

	s->lost_tip = s->new_hub = s->push_first = false;
	s->stuck.code = s->later.code = OK;
	if (sync_begin_session(s, err) != OK || sync_feed(&s->up, s, true, err) != OK ||
	    sync_feed(&s->down, s, false, err) != OK)
		return err->code;
	if ((code = sync_push(s, err)) == OK && (code = deliver(s, err)) == OK && (code = sync_ask_again(s, err)) == OK &&
	    (code = sync_fetch(s, err)) == OK && (code = settle(s, err)) == OK &&
	    /* What was erased is confirmed in the same session. */
	    (s->result->purged_shards == 0 || ((code = sync_push(s, err)) == OK &&
	    (code = deliver(s, err)) == OK)) &&
	    (s->node->wiped || (code = sync_look_again(s, err)) == OK) &&
	    (code = keep_clock(s, err)) == OK)
		code = fetch_passports(s, err);
	/* What was stuck has gone with the rest: the erasure has encrypted it to the hub. */
	if (s->node->wiped)
		s->stuck.code = OK;
	if (code == OK && (s->stuck.code != OK || s->later.code != OK)) {
		*err = s->stuck.code != OK ? s->stuck : s->later;
		code = err->code;
	}
	return code;
}

/* Once each: a hub that has forgotten us is told who we are. */
static enum err_code
talk_known(struct session *s, struct err *err)
{
	struct err rejoining;
	enum err_code code = talk(s, err);

	if (code != ERR_DENIED || s->status != 404 || s->node->wiped)
		return code;
	if (sync_rejoin(s, &rejoining) == OK)
		return talk(s, err);
	if (s->status == PUT_BACK_STATUS)
		*err = rejoining;
	return err->code;
}

/* As the node that this home is now. */
static enum err_code
converse(struct session *s, struct err *err)
{
	const struct sync_options *options = s->options;
	struct client_stats stats;
	bool with_peer = options->url && strcmp(options->url, s->node->hub_url) != 0;
	char name[NODE_TEXT];
	enum err_code code;

	node_to_text(name, s->node->id);
	snprintf(s->path, sizeof(s->path), "/f/%s.git", name);
	if (with_peer && sync_peer_ask_key(s, err) != OK)
		return err->code;
	if (client_open(&s->client, &(struct client_options){
	    .url = options->url ? options->url : s->node->hub_url, .key = s->node->key,
	    /* A peer's clock is no better than ours. */
	    .server_key = with_peer ? NULL : s->node->hub_key, .pin = with_peer ? s->pin : s->node->hub_key,
	    .proxy = options->proxy, .ca_file = options->ca_file,
	    .now_s = now_s, .progress = on_bytes, .context = s }, err) != OK)
		return err->code;
	code = with_peer ? sync_peer(s, err) : talk_known(s, err);
	if (s->copied && (code = sync_rekey(s, err)) == OK)
		s->result->rekeyed = true;
	stats = client_stats(s->client);
	s->result->requests += stats.requests;
	s->result->bytes_out += stats.bytes_out;
	s->result->bytes_in += stats.bytes_in;
	client_close(s->client);
	return code;
}

enum err_code
sync_run(struct sync_result *result, struct node *node, const struct sync_options *options, struct err *err)
{
	struct session s = { .node = node, .options = options, .result = result, .have = "-" };
	int64_t wiped = 0;
	int turn;
	enum err_code code;

	*result = (struct sync_result){ .wiped = false };
	if (node->hub)
		return err_set(err, ERR_USAGE, "this home is the hub: others sync with it (satchel serve)");
	remote_library_init();
	if (sync_take_turn(&turn, node, err) != OK)
		return err->code;
	/* An erasure that the last session could not end, for want of room say, comes first. */
	if ((code = purge_resume(node, err)) == OK &&
	    (code = log_meta_int(&wiped, node->db, "wiped", err)) == OK &&
	    (code = converse(&s, err)) == OK && result->rekeyed) {
		s = (struct session){ .node = node, .options = options, .result = result, .have = "-" };
		code = converse(&s, err);
	}
	if (code == OK && !wiped && !node->wiped)
		code = budget_recall(&result->budget, node, err);
	/* It may have been another process that erased it all, while we waited. */
	node->wiped = node->wiped || wiped;
	result->wiped = node->wiped;
	close(turn);
	return code;
}
