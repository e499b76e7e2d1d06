/*
 * flood - a node with a valid key that means harm.
 *
 *	flood HOME unknown N	writes N batches that replace what nobody has, to be sent by the next sync
 *	flood HOME statements N	writes N grants to its own person, likewise
 *	flood HOME bombs	pushes packs that inflate to much more than they are
 *	flood HOME large	pushes bodies that are larger than is taken
 *
 * The last two print the statuses of the answers, one a line.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "core/batch.h"
#include "core/merkle.h"
#include "core/schema.h"
#include "core/seal.h"
#include "crypto/key.h"
#include "net/client.h"
#include "node/admit.h"
#include "node/chunk.h"
#include "node/feed.h"
#include "node/node.h"
#include "repo/pack.h"
#include "store/db.h"
#include "store/log.h"
#include "store/zip.h"

#define AT_ONCE 4000
#define MIB (1u << 20)

static struct node *node;
static struct err err;

static void
must(enum err_code code)
{
	if (code == OK)
		return;
	fprintf(stderr, "flood: %s\n", err.msg);
	exit(1);
}

/* --- work that the node's own program would not write --- */

static struct incoming incoming[AT_ONCE];
static uint8_t leaves[AT_ONCE][32];
static size_t count;

static void
add(const struct batch *batch)
{
	struct buf text, z;

	buf_init(&text, BATCH_BYTES_MAX);
	buf_init(&z, BATCH_BYTES_MAX);
	must(batch_encode(&text, batch, &err));
	zip_deflate(&z, text.p, text.len);
	batch_hash(leaves[count], text.p, text.len);
	incoming[count].text = mem_dup(text.p, text.len);
	incoming[count].len = text.len;
	incoming[count].z = mem_dup(z.p, z.len);
	incoming[count++].z_len = z.len;
	buf_release(&text);
	buf_release(&z);
}

/* All of it under one seal, due for the hub. */
static void
seal(void)
{
	static uint32_t at[AT_ONCE];
	struct chunk_part part = { .batches = incoming };
	struct buf text;
	struct feed up;
	int64_t last;
	uint64_t new;

	part.part.seal = (struct seal){ .writer = node->writer, .leaves = (uint32_t)count };
	part.part.known = count;
	part.part.at = at;
	for (size_t i = 0; i < count; i++)
		at[i] = (uint32_t)i;
	merkle_root(part.part.seal.root, (const uint8_t (*)[32])leaves, count);
	buf_init(&text, 4096);
	seal_signed_text(&text, &part.part.seal);
	key_sign(part.part.seal.signature, node->key, text.p, text.len);
	buf_release(&text);
	must(db_begin(node->db, &err));
	must(feed_load(&up, node, node->id, true, &err));
	must(db_int(&last, NULL, node->db, SQL_BATCH_LAST, &err, ""));
	must(admit_from_hub(&new, node, &part, &err));
	for (uint64_t i = 1; i <= new; i++)
		must(db_run(node->db, SQL_ENTRY_ADD, &err, "iii", up.f, (int64_t)0, last + (int64_t)i));
	must(db_commit(node->db, &err));
	for (size_t i = 0; i < count; i++) {
		free((void *)incoming[i].text);
		free((void *)incoming[i].z);
	}
	count = 0;
}

static void
write_unknown(size_t n)
{
	struct id client = node_new_id(node);
	struct dot dot = { 7, 1 };
	struct op op = { .verb = VERB_SET, .type = "deal", .type_len = 4, .field = "title",
		.field_len = 5, .value = { "\"x\"", 3 }, .dots = &dot, .dot_count = 1 };
	struct batch batch = { .shard = { .client = client, .block = BLOCK_DEALS }, .writer = node->writer,
		.wall_ms = 1, .ops = &op, .op_count = 1 };

	for (size_t i = 0; i < n; i++) {
		op.record = node_new_id(node);
		batch.seq = dot.seq = i + 1;
		add(&batch);
		if (count == AT_ONCE || i + 1 == n)
			seal();
	}
}

/* As many in a batch as one may have. */
static void
write_statements(size_t n)
{
	char person[ID_HEX], value[160];
	struct op *ops = mem_alloc(BATCH_OPS_MAX * sizeof(*ops));
	struct batch batch = { .shard = { .block = BLOCK_POLICY }, .writer = node->writer, .seq = 1, .wall_ms = 1,
		.ops = ops };

	id_to_hex(person, &node->person);
	snprintf(value, sizeof(value), "[\"grant\",\"%s\",\"\",\"all\",\"\",[],\"edit\"]", person);
	while (n) {
		batch.op_count = n < BATCH_OPS_MAX ? n : BATCH_OPS_MAX;
		for (size_t i = 0; i < batch.op_count; i++)
			ops[i] = (struct op){ .verb = VERB_LOG, .type = "statement", .type_len = 9,
				.record = node_new_id(node), .field = "terms", .field_len = 5,
				.value = { value, strlen(value) } };
		add(&batch);
		seal();
		batch.seq += batch.op_count;
		n -= batch.op_count;
	}
	free(ops);
}

/* --- packs --- */

static void
push(const void *body, size_t len)
{
	char name[NODE_TEXT], path[64];
	struct client *client;
	struct client_reply reply = { .status = 0 };

	node_to_text(name, node->id);
	snprintf(path, sizeof(path), "/f/%s.git/git-receive-pack", name);
	must(client_open(&client, &(struct client_options){ .url = node->hub_url, .key = node->key }, &err));
	buf_init(&reply.body, MIB);
	if (client_exchange(client, &(struct client_request){ .method = "POST", .path = path,
	    .content_type = "application/x-git-receive-pack-request", .body = body, .body_len = len },
	    &reply, &err) == OK)
		printf("%d %s\n", reply.status, strstr(reply.body.p ? reply.body.p : "", "ng ") ? "ng" : "");
	else
		puts("cut");
	buf_release(&reply.body);
	client_close(client);
}

/* A push of a pack with OBJECTS blobs of SIZE zeros each, said to be SAID. */
static void
push_zeros(uint32_t objects, size_t size, size_t said)
{
	struct pack_writer *writer = pack_writer_new(objects);
	void *zeros = calloc(1, size);
	struct buf z, body;
	char line[160];
	int len;

	buf_init(&z, 64 * MIB);
	buf_init(&body, 64 * MIB);
	zip_deflate(&z, zeros, size);
	len = snprintf(line, sizeof(line), "%040d %040d refs/heads/up%c report-status", 0, 1, 0);
	buf_addf(&body, "%04x", (unsigned)len + 4);
	buf_add(&body, line, (size_t)len);
	buf_adds(&body, "0000");
	for (uint32_t i = 0; i < objects; i++)
		pack_writer_object(writer, &body, PACK_BLOB, said, z.p, z.len);
	pack_writer_end(writer, &body);
	push(body.p, body.len);
	pack_writer_free(writer);
	buf_release(&z);
	buf_release(&body);
	free(zeros);
}

static void
push_bombs(void)
{
	push_zeros(1, 256 * MIB, 256 * MIB);
	push_zeros(1, 64 * MIB, 1000);
	push_zeros(200, 4 * MIB, 4 * MIB);
	push_zeros(30000, 1, 1);
}

static void
push_large(void)
{
	size_t size = 40 * MIB;
	char *body = calloc(1, size);

	for (int i = 0; i < 4; i++)
		push(body, size);
	free(body);
}

int
main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[2] : "";
	size_t n = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;

	key_library_init();
	if (argc < 3 || node_open(&node, argv[1], &err) != OK) {
		fprintf(stderr, "flood: %s\n", argc < 3 ? "HOME WHAT [N]" : err.msg);
		return 2;
	}
	if (strcmp(what, "unknown") == 0)
		write_unknown(n);
	else if (strcmp(what, "statements") == 0)
		write_statements(n);
	else if (strcmp(what, "bombs") == 0)
		push_bombs();
	else if (strcmp(what, "large") == 0)
		push_large();
	node_close(node);
	return 0;
}
