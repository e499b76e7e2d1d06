#include "link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "core/merkle.h"
#include "core/schema.h"
#include "core/seal.h"
#include "crypto/key.h"
#include "node/aside.h"
#include "node/drain.h"
#include "node/edit.h"
#include "node/entitle.h"
#include "node/header.h"
#include "node/passport.h"
#include "node/purge.h"
#include "node/verdict.h"
#include "node/wipe.h"
#include "node/witness.h"
#include "store/db.h"
#include "store/log.h"
#include "store/zip.h"

#define TEXT_MAX (8u << 20)

static void
must(enum err_code code, const struct err *err)
{
	if (code != OK)
		fail_msg("%s", err->msg);
}

struct id
link_person(struct home *hub, const char *name, const char *role)
{
	char name_field[80], role_field[32];

	snprintf(name_field, sizeof(name_field), "name=%s", name);
	snprintf(role_field, sizeof(role_field), "role=%s", role);
	return home_add(hub, "person", NULL, (const char *[]){ name_field, role_field, NULL });
}

void
link_hurry(struct node *node)
{
	struct err err;

	must(db_exec(node->db, "PRAGMA synchronous = OFF", &err), &err);
}

static void
add_feeds(struct node *at, node_t of)
{
	uint8_t id[8];
	struct err err;

	bytes_put_be64(id, of);
	must(db_run(at->db, SQL_FEED_ADD, &err, "bi", id, sizeof(id), (int64_t)0), &err);
	must(db_run(at->db, SQL_FEED_ADD, &err, "bi", id, sizeof(id), (int64_t)1), &err);
}

static void
enter_at_hub(struct link *link)
{
	struct node *node = link->home.node, *hub = link->hub->node;
	char key[BYTES_B64_LEN(32) + 1], writer[NODE_TEXT], person[ID_TEXT];
	char key_field[96], writer_field[64], person_field[64];
	uint8_t id[8];
	struct err err;

	bytes_to_b64(key, key_public(node->key), 32);
	node_to_text(writer, node->writer);
	id_to_text(person, &link->person);
	snprintf(person_field, sizeof(person_field), "person=%s", person);
	snprintf(key_field, sizeof(key_field), "key=%s", key);
	snprintf(writer_field, sizeof(writer_field), "writers=%s=%llu", writer,
	    (unsigned long long)node->incarnation);
	home_add(link->hub, "node", NULL, (const char *[]){ person_field, key_field, "device=test",
	    writer_field, NULL });
	bytes_put_be64(id, node->id);
	must(db_begin(hub->db, &err), &err);
	must(db_run(hub->db, SQL_PEER_ADD, &err, "bbbi", id, sizeof(id), key_public(node->key), (size_t)32,
	    link->person.b, (size_t)16, (int64_t)1), &err);
	add_feeds(hub, node->id);
	must(db_commit(hub->db, &err), &err);
}

void
link_make(struct link *link, struct home *hub, const struct id *person)
{
	struct node *node;
	struct err err;

	*link = (struct link){ .hub = hub, .person = *person };
	snprintf(link->home.dir, sizeof(link->home.dir), "/tmp/satchel-test-XXXXXX");
	assert_non_null(mkdtemp(link->home.dir));
	must(node_create(&node, link->home.dir, &err), &err);
	link->home.node = node;
	link_hurry(node);
	link_hurry(hub->node);
	node->org = hub->node->org;
	node->person = *person;
	memcpy(node->hub_key, hub->node->hub_key, 32);
	memcpy(node->root_key, hub->node->root_key, 32);
	memcpy(node->currency, hub->node->currency, 4);
	must(db_begin(node->db, &err), &err);
	must(node_save_facts(node, &err), &err);
	add_feeds(node, node->id);
	must(db_commit(node->db, &err), &err);
	enter_at_hub(link);
}

void
link_remove(struct link *link)
{
	home_remove(&link->home);
}

/* --- objects by hand --- */

static void
take_object(struct chunk_objects *objects, enum pack_type type, const char *content, size_t size,
    const void *z, size_t z_len)
{
	struct pack_object object = { .type = type, .content = (const uint8_t *)content, .size = size,
		.z = z, .z_len = z_len };

	pack_oid(object.oid, type, content, size);
	must(chunk_objects_add(objects, &object, NULL), NULL);
}

struct chunk_objects *
link_objects(struct node *node, int64_t f, uint64_t n)
{
	struct chunk_objects *objects = chunk_objects_new();
	struct sqlite3_stmt *stmt;
	struct log_batch batch;
	struct buf text;
	struct err err;
	bool row;

	buf_init(&text, TEXT_MAX);
	must(db_query(&stmt, node->db, SQL_OBJECT_OF, &err, "ii", f, (int64_t)n), &err);
	for (;;) {
		const void *z;
		size_t size, z_len;

		must(db_row(node->db, stmt, &row, &err), &err);
		if (!row)
			break;
		size = (size_t)db_col_int(stmt, 2);
		z = db_col_blob(stmt, 3, &z_len);
		buf_clear(&text);
		must(zip_inflate(buf_reserve(&text, size), size, z, z_len, &err), &err);
		buf_commit(&text, size);
		take_object(objects, (enum pack_type)db_col_int(stmt, 1), text.p, text.len, z, z_len);
	}
	must(db_query(&stmt, node->db, SQL_ENTRY_OF, &err, "ii", f, (int64_t)n), &err);
	for (;;) {
		must(db_row(node->db, stmt, &row, &err), &err);
		if (!row)
			break;
		must(log_batch_text(&text, &batch, node->db, db_col_int(stmt, 0), &err), &err);
		take_object(objects, PACK_BLOB, text.p, text.len, batch.z, batch.z_len);
	}
	buf_release(&text);
	return objects;
}

/* --- push --- */

static enum err_code
admit_chunk(struct link *link, const struct chunk *chunk, const struct header *header, struct err *err)
{
	struct node *hub = link->hub->node;
	enum err_code code = OK;

	must(db_begin(hub->db, err), err);
	must(access_lapse(hub, err), err);
	link->admission = (struct admission){ .hub = hub, .from = link->home.node->id };
	for (size_t i = 0; i < chunk->part_count && code == OK; i++)
		code = admit_part(&link->admission, &chunk->parts[i], err);
	party_release(&link->admission.parties);
	if (code == OK && header)
		code = witness_keep(hub, header, err);
	if (code == OK)
		return db_commit(hub->db, err);
	db_rollback(hub->db);
	return code;
}

static enum err_code
push_one(struct link *link, bool *made, struct err *err)
{
	struct node *node = link->home.node;
	struct header header = { .up = true, .node = node->id };
	struct chunk_objects *objects;
	struct chunk chunk;
	struct feed up;
	struct buf text;
	int64_t *bs;
	size_t count;
	bool known;
	enum err_code code;

	must(db_begin(node->db, err), err);
	must(feed_load(&up, node, node->id, true, err), err);
	must(feed_unmake(&up, node, err), err);
	must(feed_due(&bs, &count, &header.more, &up, node, err), err);
	*made = count != 0;
	if (*made) {
		header.epoch = up.epoch;
		header.n = up.n + 1;
		header.time_ms = node_now_ms(node);
		buf_init(&text, HEADER_MAX);
		must(witness_tell(&header, node, up.f, bs[count - 1], err), err);
		header_encode(&text, &header, node->key);
		must(feed_commit(&up, node, bs, count, &text, NULL, err), err);
		buf_release(&text);
	}
	free(bs);
	must(db_commit(node->db, err), err);
	if (!*made)
		return OK;
	objects = link_objects(node, up.f, up.n);
	must(chunk_open(&chunk, objects, up.tip, err), err);
	must(header_decode(&header, chunk.header, chunk.header_len, key_public(node->key), err), err);
	code = admit_chunk(link, &chunk, &header, err);
	header_release(&header);
	chunk_close(&chunk);
	chunk_objects_free(objects);
	if (code != OK)
		return code;
	must(db_begin(node->db, err), err);
	must(feed_ack(&up, &known, node, up.tip, err), err);
	assert_true(known);
	return db_commit(node->db, err);
}

enum err_code
link_push(struct link *link, struct err *err)
{
	bool made = true;

	while (made)
		if (push_one(link, &made, err) != OK)
			return err->code;
	return OK;
}

/* --- fetch --- */

void
link_entitle(struct feed *down, uint64_t *ordered, struct link *link)
{
	struct node *hub = link->hub->node;
	struct access access = { 0 };
	struct feed own;
	struct err err;
	bool revoked, known;

	*ordered = 0;
	must(access_lapse(hub, &err), &err);
	must(feed_load(down, hub, link->home.node->id, false, &err), &err);
	must(feed_load(&own, link->home.node, link->home.node->id, false, &err), &err);
	if (own.has_acked) {
		must(feed_ack(down, &known, hub, own.acked_tip, &err), &err);
		assert_true(known);
	}
	must(feed_unmake(down, hub, &err), &err);
	must(access_device_revoked(&revoked, hub, link->home.node->id, &err), &err);
	if (revoked) {
		must(entitle_wipe(hub, down, false, &err), &err);
		return;
	}
	must(access_load_device(&access, hub, &link->person, link->home.node->id, &err), &err);
	must(entitle_update(hub, down, &access, ordered, &err), &err);
	access_release(&access);
}

static void
order_purges(struct header *header, struct feed *down, struct node *hub)
{
	struct sqlite3_stmt *stmt;
	size_t cap = 0;
	struct err err;
	bool row;

	must(db_query(&stmt, hub->db, SQL_PURGE_OF, &err, "i", down->f), &err);
	for (;;) {
		must(db_row(hub->db, stmt, &row, &err), &err);
		if (!row)
			break;
		if (db_col_int(stmt, 2) != 0)
			continue;
		header->purges = mem_grow(header->purges, header->purge_count, &cap, sizeof(*header->purges));
		header->purges[header->purge_count] = (struct header_purge){
			.ordered_ms = (uint64_t)db_col_int(stmt, 1) };
		snprintf(header->purges[header->purge_count++].shard, SHARD_TEXT, "%s",
		    db_col_text(stmt, 0, NULL));
	}
	for (size_t i = 0; i < header->purge_count; i++)
		must(db_run(hub->db, SQL_PURGE_TOLD, &err, "isii", down->f, header->purges[i].shard,
		    (int64_t)header->n, (int64_t)header->time_ms), &err);
}

/* The next commit of the down feed. */
static void
make_down(struct feed *down, struct link *link)
{
	struct node *hub = link->hub->node;
	struct header header = { .node = link->home.node->id };
	struct buf text, passport;
	uint64_t ordered;
	int64_t *bs;
	size_t count;
	struct err err;

	buf_init(&text, HEADER_MAX);
	buf_init(&passport, PASSPORT_MAX);
	must(db_begin(hub->db, &err), &err);
	link_entitle(down, &ordered, link);
	must(feed_due(&bs, &count, &header.more, down, hub, &err), &err);
	header.epoch = down->epoch;
	header.n = down->n + 1;
	header.time_ms = node_now_ms(hub);
	order_purges(&header, down, hub);
	must(aside_say(&header, hub, link->home.node->id, &err), &err);
	header_encode(&text, &header, hub->key);
	must(passport_make(&passport, hub, link->home.node->id, &link->person, PASSPORT_VALID_MS, &err), &err);
	must(feed_commit(down, hub, bs, count, &text, &passport, &err), &err);
	if (header.more == 0)
		must(drain_told(hub, down, down->n, &err), &err);
	must(db_commit(hub->db, &err), &err);
	free(bs);
	header_release(&header);
	buf_release(&text);
	buf_release(&passport);
}

static enum err_code
obey(struct link *link, const struct header_purge *purge, struct purge_order *orders, size_t *count,
    struct err *err)
{
	struct node *node = link->home.node;
	struct shard shard;
	int64_t s;

	link->purged++;
	if (strcmp(purge->shard, "*") == 0)
		return purge_everything(node, purge->ordered_ms, err);
	assert_true(shard_from_text(&shard, purge->shard, strlen(purge->shard)));
	if (log_shard(&s, node->db, &shard, false, err) != OK)
		return err->code == ERR_NOT_FOUND ? OK : err->code;
	orders[(*count)++] = (struct purge_order){ s, purge->ordered_ms };
	return OK;
}

static enum err_code
take_down(struct link *link, struct feed *own, const struct chunk *chunk, const struct header *header,
    const uint8_t tip[20], struct err *err)
{
	struct node *node = link->home.node;
	struct verdict_own own_work = { .refused = 0 };
	struct wipe_word word;
	struct purge_order *orders = mem_alloc(header->purge_count * sizeof(*orders));
	enum err_code code = passport_accept(node, chunk->passport, chunk->passport_len,
	    node_now_ms(node), err);
	size_t count = 0;

	for (size_t i = 0; i < header->purge_count && code == OK; i++)
		if (strcmp(header->purges[i].shard, "*") == 0)
			code = wipe_check(&word, node, chunk, err);
	for (size_t i = 0; i < header->purge_count && code == OK && !node->wiped; i++)
		code = obey(link, &header->purges[i], orders, &count, err);
	/* All of it has gone, when that is among the orders. */
	if (code == OK && !node->wiped)
		code = purge_shards(node, orders, count, err);
	free(orders);
	for (size_t i = 0; i < chunk->part_count && code == OK && !node->wiped; i++)
		code = admit_from_hub(&link->received, node, &chunk->parts[i], err);
	if (code == OK)
		code = verdict_take_all(&own_work, node, header, err);
	if (code != OK)
		return code;
	own->epoch = header->epoch;
	own->n = own->acked = header->n;
	own->has_tip = own->has_acked = true;
	memcpy(own->tip, tip, 20);
	memcpy(own->acked_tip, tip, 20);
	return feed_save(own, node, err);
}

static enum err_code
fetch_one(struct link *link, uint64_t *more, struct err *err)
{
	struct node *node = link->home.node;
	struct chunk_objects *objects;
	struct header header;
	struct chunk chunk;
	struct feed down, own;
	enum err_code code;

	must(feed_load(&own, node, node->id, false, err), err);
	make_down(&down, link);
	objects = link_objects(link->hub->node, down.f, down.n);
	must(chunk_open(&chunk, objects, down.tip, err), err);
	must(header_decode(&header, chunk.header, chunk.header_len, node->hub_key, err), err);
	*more = header.more;
	must(db_begin(node->db, err), err);
	if ((code = take_down(link, &own, &chunk, &header, down.tip, err)) == OK)
		code = db_commit(node->db, err);
	else
		db_rollback(node->db);
	if (code == OK && header.purge_count && !link->keep_file)
		code = purge_finish(node, err);
	header_release(&header);
	chunk_close(&chunk);
	chunk_objects_free(objects);
	return code;
}

enum err_code
link_fetch(struct link *link, struct err *err)
{
	uint64_t more = 1;

	link->purged = link->received = 0;
	while (more)
		if (fetch_one(link, &more, err) != OK)
			return err->code;
	return OK;
}

void
link_sync(struct link *link)
{
	struct err err;

	must(link_push(link, &err), &err);
	must(link_fetch(link, &err), &err);
}

/* --- forgeries --- */

void
link_forge(struct forged *out, const struct key *key, writer_t writer, const struct batch *batches,
    size_t count)
{
	struct seal_part *part = &out->part.part;
	uint8_t leaves[FORGED_MAX][32];
	struct buf text;
	struct err err;

	assert_true(count && count <= FORGED_MAX);
	*out = (struct forged){ .part.batches = NULL };
	part->seal = (struct seal){ .writer = writer, .leaves = (uint32_t)count };
	part->known = count;
	part->at = mem_alloc(count * sizeof(*part->at));
	buf_init(&text, TEXT_MAX);
	for (size_t i = 0; i < count; i++) {
		part->at[i] = (uint32_t)i;
		buf_clear(&text);
		must(batch_encode(&text, &batches[i], &err), &err);
		batch_hash(leaves[i], text.p, text.len);
		out->text[i] = mem_dup(text.p, text.len);
		out->batches[i].text = out->text[i];
		out->batches[i].len = text.len;
		buf_clear(&text);
		zip_deflate(&text, out->text[i], out->batches[i].len);
		out->z[i] = mem_dup(text.p, text.len);
		out->batches[i].z = out->z[i];
		out->batches[i].z_len = text.len;
	}
	merkle_root(part->seal.root, (const uint8_t (*)[32])leaves, count);
	buf_clear(&text);
	seal_signed_text(&text, &part->seal);
	key_sign(part->seal.signature, key, text.p, text.len);
	buf_release(&text);
	out->part.batches = out->batches;
}

void
forged_release(struct forged *forged)
{
	for (size_t i = 0; i < FORGED_MAX; i++) {
		free(forged->text[i]);
		free(forged->z[i]);
	}
	seal_part_release(&forged->part.part);
}

enum err_code
link_admit(struct link *link, const struct chunk_part *part, struct err *err)
{
	struct chunk chunk = { .parts = (struct chunk_part *)part, .part_count = 1 };

	return admit_chunk(link, &chunk, NULL, err);
}

const char *
link_reason(struct home *hub)
{
	static char reason[256];
	struct sqlite3_stmt *stmt;
	struct err err;
	bool row = true;

	reason[0] = '\0';
	must(db_query(&stmt, hub->node->db, SQL_REFUSED_EACH, &err, ""), &err);
	for (;;) {
		must(db_row(hub->node->db, stmt, &row, &err), &err);
		if (!row)
			return reason;
		snprintf(reason, sizeof(reason), "%s", db_col_text(stmt, 6, NULL));
	}
}
