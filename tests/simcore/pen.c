#include "pen.h"

#include <string.h>

#include "../sim/dice.h"
#include "base/buf.h"
#include "base/mem.h"
#include "core/merkle.h"
#include "core/seal.h"
#include "oracle.h"
#include "session.h"
#include "shelf.h"
#include "sign.h"

#define LINE 2048

struct value
keep_value(const char *text)
{
	size_t len = strlen(text);

	return (struct value){ org_keep(text, len + 1), len };
}

void
op_names(struct op *op, uint8_t type, uint8_t field, const struct id *record)
{
	const struct type *t = &schema_types[type];

	op->record = *record;
	op->type = t->name;
	op->type_len = (uint8_t)strlen(t->name);
	op->field = field == DELETION ? NULL : field == EXTRA ? "extra" : t->fields[field].name;
	op->field_len = op->field ? (uint8_t)strlen(op->field) : 0;
}

void
pen_begin(struct pen *pen, struct node *node)
{
	*pen = (struct pen){ .node = node };
}

static size_t
leaf_of(const struct pen *pen, uint32_t shard)
{
	size_t i = 0;

	while (i < pen->count && pen->shards[i] != shard)
		i++;
	return i;
}

struct dot
pen_dot(const struct pen *pen, uint32_t shard)
{
	size_t i = leaf_of(pen, shard);

	return (struct dot){ pen->node->writer,
	    pen->node->shelves[shard].next_seq + (i < pen->count ? pen->batches[i].op_count : 0) };
}

struct op *
pen_op(struct pen *pen, uint32_t shard)
{
	size_t i = leaf_of(pen, shard);
	struct batch *batch = &pen->batches[i];

	if (i == PEN_LEAVES)
		return NULL;
	if (i == pen->count) {
		pen->count++;
		pen->shards[i] = shard;
		batch->shard = org_shard(shard);
		batch->writer = pen->node->writer;
		batch->seq = pen->node->shelves[shard].next_seq;
		batch->wall_ms = org_clock(pen->node);
		dice_secret(batch->salt, sizeof(batch->salt));
		batch->ops = org_keep(NULL, PEN_OPS * sizeof(*batch->ops));
	}
	return batch->op_count < PEN_OPS ? &batch->ops[batch->op_count++] : NULL;
}

/* As pen_seal, with KEY. */
static bool
seal(const struct parcel *out[PEN_LEAVES], struct pen *pen, const uint8_t key[32])
{
	struct seal signed_one = { .writer = pen->node->writer, .leaves = (uint32_t)pen->count };
	uint8_t leaves[PEN_LEAVES][32], proof[PEN_LEAVES][32];
	struct parcel *parcels[PEN_LEAVES];
	struct buf text;
	struct err err;

	signed_one.epoch = pen->node->passport ? pen->node->passport->epoch : 0;
	memcpy(signed_one.prev, pen->node->prev, 32);
	buf_init(&text, BATCH_BYTES_MAX);
	for (size_t i = 0; i < pen->count; i++) {
		struct batch *truth = org_keep(&pen->batches[i], sizeof(*truth));

		truth->ops = org_keep(truth->ops, truth->op_count * sizeof(*truth->ops));
		buf_clear(&text);
		if (batch_encode(&text, &pen->batches[i], &err) != OK) {
			org_fail("P4", "%s cannot write a batch: %s", pen->node->name, err.msg);
			buf_release(&text);
			return false;
		}
		batch_hash(leaves[i], text.p, text.len);
		parcels[i] = org_keep(NULL, sizeof(*parcels[i]));
		*parcels[i] = (struct parcel){ .text = org_keep(text.p, text.len), .len = text.len, .shard = pen->shards[i],
			.truth = truth };
		memcpy(&parcels[i]->name, leaves[i], 8);
		out[i] = parcels[i];
	}
	merkle_root(signed_one.root, (const uint8_t (*)[32])leaves, pen->count);
	buf_clear(&text);
	seal_signed_text(&text, &signed_one);
	sign(signed_one.signature, key, text.p, text.len);
	for (uint32_t i = 0; i < pen->count; i++) {
		struct seal_part part = { .seal = signed_one, .at = &i, .known = 1, .proof = proof };

		part.proof_len = merkle_proof_len(&i, 1, pen->count);
		merkle_proof(proof, &i, 1, (const uint8_t (*)[32])leaves, pen->count);
		buf_clear(&text);
		seal_part_encode(&text, &part);
		parcels[i]->seal = org_keep(text.p, text.len);
		parcels[i]->seal_len = text.len;
	}
	seal_hash(pen->node->prev, &signed_one);
	buf_release(&text);
	return true;
}

bool
pen_seal(const struct parcel *out[PEN_LEAVES], struct pen *pen)
{
	return seal(out, pen, pen->node->key);
}

bool
pen_end(struct pen *pen)
{
	const struct parcel *parcels[PEN_LEAVES];
	struct node *node = pen->node;
	uint8_t prev[32];

	memcpy(prev, node->prev, 32);
	if (pen->count == 0 || !pen_seal(parcels, pen))
		return false;
	for (size_t i = 0; i < pen->count; i++)
		if (shelf_take(node, parcels[i]) != TAKEN)
			org_fail("P11", "%s gives a name twice", node->name);
	if (!org.calm && dice_chance(org.dials.crash)) {
		SOMETIMES(crash_in_edit);
		org_say("%s loses its power before it has said yes", node->name);
		memcpy(node->prev, prev, 32);
		node_crash(node);
		return false;
	}
	shelf_sync(node);
	for (size_t i = 0; i < pen->count; i++) {
		node->shelves[pen->shards[i]].next_seq += pen->batches[i].op_count;
		org.owed = mem_grow(org.owed, org.owed_count, &org.owed_cap, sizeof(*org.owed));
		org.owed[org.owed_count++] = (struct owed){ parcels[i], false };
		org_trace(parcels[i]->name);
	}
	SOMETIMES(edits);
	return true;
}

/* --- what is not so --- */

const struct parcel *
pen_damage(const struct parcel *parcel)
{
	struct parcel *out = org_keep(parcel, sizeof(*out));
	bool in_seal = dice_chance(80);
	size_t len = in_seal ? out->seal_len : out->len, at = dice_pick((uint32_t)len);
	char *bytes = org_keep(in_seal ? out->seal : out->text, len);

	bytes[at] = (char)(bytes[at] ^ (1 << dice_pick(7)));
	*(in_seal ? &out->seal : &out->text) = bytes;
	out->truth = NULL;
	return out;
}

const struct parcel *
pen_forge(struct pen *pen, const uint8_t key[32])
{
	const struct parcel *parcels[PEN_LEAVES];
	struct parcel *out;

	if (!seal(parcels, pen, key))
		return NULL;
	out = org_keep(parcels[0], sizeof(*out));
	out->truth = NULL;
	return out;
}

const struct parcel *
pen_mix(const struct parcel *text, const struct parcel *by)
{
	struct parcel *out = org_keep(text, sizeof(*out));

	out->seal = by->seal;
	out->seal_len = by->seal_len;
	out->truth = NULL;
	return out;
}
