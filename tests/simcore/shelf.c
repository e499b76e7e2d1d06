#include "shelf.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/seal.h"
#include "rights.h"

bool
parcel_open(struct batch *out, const struct parcel *parcel)
{
	const struct writer *writer;
	struct seal_part part;
	uint8_t hash[1][32];
	struct err err;
	size_t used;
	bool good;

	*out = (struct batch){ 0 };
	if (seal_part_decode(&part, parcel->seal, parcel->seal_len, &used, &err) != OK)
		return false;
	batch_hash(hash[0], parcel->text, parcel->len);
	writer = org_writer(part.seal.writer);
	good = used == parcel->seal_len && writer && part.known == 1 &&
	    seal_part_root(&part, (const uint8_t (*)[32])hash) && seal_verify(&part.seal, writer->key) &&
	    batch_decode(out, parcel->text, parcel->len, &err) == OK && out->writer == part.seal.writer;
	seal_part_release(&part);
	if (!good)
		batch_release(out);
	else if (parcel->truth == NULL)
		org_fail("P4", "what nobody wrote is taken for work of %s", writer->node->name);
	return good;
}

bool
field_kind(enum kind *kind, uint8_t *type_no, uint8_t *field_no, const struct op *op, bool old)
{
	const struct type *type = schema_type(op->type, op->type_len);
	const struct field *field;

	if (type == NULL)
		return false;
	*type_no = schema_type_no(type);
	*field_no = DELETION;
	*kind = KIND_REGISTER;
	if (op->field == NULL)
		return true;
	field = schema_field(type, op->field, op->field_len);
	if (field) {
		*field_no = (uint8_t)(field - type->fields);
		*kind = field->kind;
		return true;
	}
	*field_no = EXTRA;
	return !old && op->field_len == 5 && memcmp(op->field, "extra", 5) == 0;
}

/* --- the log --- */

/* Where the first entry stands that is not before WRITER's SEQ. */
static size_t
entry_place(const struct shelf *shelf, writer_t writer, uint64_t seq)
{
	struct dot dot = { writer, seq };
	size_t low = 0, high = shelf->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (dot_compare((struct dot){ shelf->entries[middle].batch.writer, shelf->entries[middle].batch.seq }, dot) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool
shelf_clashes(const struct shelf *shelf, writer_t writer, uint64_t seq, size_t ops, uint64_t name)
{
	size_t i = entry_place(shelf, writer, seq);

	if (i > 0 && shelf->entries[i - 1].batch.writer == writer &&
	    shelf->entries[i - 1].batch.seq + shelf->entries[i - 1].batch.op_count > seq)
		return true;
	return i < shelf->count && shelf->entries[i].batch.writer == writer &&
	    shelf->entries[i].batch.seq < seq + ops && shelf->entries[i].parcel->name != name;
}

struct entry *
shelf_find(struct shelf *shelf, uint64_t name)
{
	for (size_t i = 0; i < shelf->count; i++)
		if (shelf->entries[i].parcel->name == name)
			return &shelf->entries[i];
	return NULL;
}

static bool
seen(void *context, struct dot dot)
{
	const struct shelf *shelf = context;
	size_t i = entry_place(shelf, dot.writer, dot.seq + 1);

	if (i-- == 0)
		return false;
	return shelf->entries[i].batch.writer == dot.writer &&
	    dot.seq - shelf->entries[i].batch.seq < shelf->entries[i].applied;
}

static struct slot *
slot_of(struct shelf *shelf, const struct id *record, uint8_t type, uint8_t field, bool make)
{
	for (size_t i = 0; i < shelf->slot_count; i++) {
		struct slot *slot = &shelf->slots[i];

		if (slot->field == field && slot->type == type && id_equal(&slot->record, record))
			return slot;
	}
	if (!make)
		return NULL;
	shelf->slots = mem_grow(shelf->slots, shelf->slot_count, &shelf->slot_cap, sizeof(*shelf->slots));
	shelf->slots[shelf->slot_count] = (struct slot){ *record, type, field, { 0 } };
	return &shelf->slots[shelf->slot_count++];
}

struct cell *
shelf_cell(struct shelf *shelf, const struct id *record, uint8_t type, uint8_t field)
{
	struct slot *slot = slot_of(shelf, record, type, field, false);

	return slot ? &slot->cell : NULL;
}

static void
apply(struct node *node, struct shelf *shelf, struct entry *entry)
{
	const struct batch *batch = &entry->batch;

	for (; entry->applied < batch->op_count; entry->applied++) {
		const struct op *op = &batch->ops[entry->applied];
		struct dot dot = batch_dot(batch, entry->applied);
		uint8_t type, field;
		struct cell *cell;
		enum kind kind;
		size_t early;

		if (!field_kind(&kind, &type, &field, op, node->old)) {
			SOMETIMES(unknown_field);
			continue;
		}
		cell = &slot_of(shelf, &op->record, type, field, true)->cell;
		early = cell->early_count;
		if (field == DELETION)
			cell_apply_deletion(cell, op, dot, batch->wall_ms, seen, shelf);
		else
			cell_apply(cell, kind, op, dot, batch->wall_ms, seen, shelf);
		if (cell->early_count < early)
			SOMETIMES(early);
		if (org_one_in(16) && !cell_check(cell, kind))
			org_fail("P1", "%s: a cell is out of order", node->name);
	}
	SOMETIMES(applied);
	shelf->names ^= entry->parcel->name;
}

static void
changed(const struct node *node, uint32_t shard)
{
	org.changes++;
	if (node == HUB) {
		org.hub_changes++;
		rights_changed(shard);
	}
}

enum taken
shelf_take(struct node *node, const struct parcel *parcel)
{
	struct shelf *shelf = &node->shelves[parcel->shard];
	struct entry entry = { .parcel = parcel };
	size_t i;

	if (shelf_find(shelf, parcel->name) && parcel->truth)
		return KNOWN;
	if (!parcel_open(&entry.batch, parcel))
		return BROKEN;
	if (shelf_clashes(shelf, entry.batch.writer, entry.batch.seq, entry.batch.op_count, parcel->name)) {
		batch_release(&entry.batch);
		return CLASH;
	}
	i = entry_place(shelf, entry.batch.writer, entry.batch.seq);
	shelf->entries = mem_grow(shelf->entries, shelf->count, &shelf->cap, sizeof(*shelf->entries));
	memmove(shelf->entries + i + 1, shelf->entries + i, (shelf->count - i) * sizeof(*shelf->entries));
	shelf->entries[i] = entry;
	shelf->count++;
	if (node == HUB)
		shelf->entries[i].epoch = hub_epoch() + 1;
	apply(node, shelf, &shelf->entries[i]);
	changed(node, parcel->shard);
	return TAKEN;
}

void
shelf_rebuild(struct node *node, uint32_t shard)
{
	struct shelf *shelf = &node->shelves[shard];

	for (size_t i = 0; i < shelf->slot_count; i++)
		cell_release(&shelf->slots[i].cell);
	shelf->slot_count = 0;
	shelf->names = 0;
	for (size_t i = 0; i < shelf->count; i++)
		shelf->entries[i].applied = 0;
	for (size_t i = 0; i < shelf->count; i++)
		if (!shelf->entries[i].is_void)
			apply(node, shelf, &shelf->entries[i]);
}

static void
take_out(struct shelf *shelf, size_t i)
{
	batch_release(&shelf->entries[i].batch);
	shelf->count--;
	memmove(shelf->entries + i, shelf->entries + i + 1, (shelf->count - i) * sizeof(*shelf->entries));
}

void
shelf_drop(struct node *node, uint32_t shard, uint64_t name)
{
	struct shelf *shelf = &node->shelves[shard];
	struct entry *entry = shelf_find(shelf, name);

	if (entry == NULL)
		return;
	take_out(shelf, (size_t)(entry - shelf->entries));
	shelf_rebuild(node, shard);
	changed(node, shard);
}

void
shelf_void(struct node *node, uint32_t shard, struct entry *entry, bool is_void)
{
	if (entry->is_void == is_void)
		return;
	entry->is_void = is_void;
	SOMETIMES(voided);
	shelf_rebuild(node, shard);
	changed(node, shard);
}

static void
clear(struct node *node, uint32_t shard)
{
	struct shelf *shelf = &node->shelves[shard];
	uint64_t next = shelf->next_seq;

	for (size_t i = 0; i < shelf->count; i++)
		batch_release(&shelf->entries[i].batch);
	for (size_t i = 0; i < shelf->slot_count; i++)
		cell_release(&shelf->slots[i].cell);
	free(shelf->entries);
	free(shelf->slots);
	*shelf = (struct shelf){ .next_seq = next };
}

void
shelf_purge(struct node *node, uint32_t shard)
{
	clear(node, shard);
	changed(node, shard);
}

void
shelf_sync(struct node *node)
{
	for (uint32_t s = 0; s < SHARDS; s++)
		for (size_t i = 0; i < node->shelves[s].count; i++)
			node->shelves[s].entries[i].synced = true;
}

/* --- the state --- */

static int
compare_dots(const void *a, const void *b)
{
	return dot_compare(*(const struct dot *)a, *(const struct dot *)b);
}

void
dots_sort(struct dot *dots, size_t count)
{
	qsort(dots, count, sizeof(*dots), compare_dots);
}

struct dot *
shelf_live(size_t *count, const struct shelf *shelf, const struct id *record)
{
	struct dot *dots;
	size_t most = 1;

	*count = 0;
	for (size_t i = 0; i < shelf->slot_count; i++)
		most += shelf->slots[i].cell.count;
	dots = mem_alloc(most * sizeof(*dots));
	for (size_t i = 0; i < shelf->slot_count; i++)
		if (shelf->slots[i].field != DELETION && id_equal(&shelf->slots[i].record, record))
			for (size_t n = 0; n < shelf->slots[i].cell.count; n++)
				dots[(*count)++] = shelf->slots[i].cell.items[n].dot;
	dots_sort(dots, *count);
	return dots;
}

uint64_t
state_item(uint64_t state, const struct item *item)
{
	state = org_mix(org_mix(org_mix(state, item->dot.writer), item->dot.seq), item->wall_ms);
	state = org_hash(state, item->key, item->key_len);
	return org_hash(state, item->value, item->value_len);
}

uint64_t
state_slot(const struct id *record, uint8_t type, uint8_t field, uint64_t items, uint64_t shown)
{
	return org_mix(org_mix(org_hash(type * 256u + field, record->b, 16), items), shown);
}

uint64_t
state_deleted(const struct id *record)
{
	return org_hash(3, record->b, 16);
}

uint64_t
shelf_state(const struct shelf *shelf)
{
	uint64_t state = 0;

	for (size_t i = 0; i < shelf->slot_count; i++) {
		const struct slot *slot = &shelf->slots[i];
		const struct cell *cell = &slot->cell;
		uint64_t items = 0, shown = cell_flag(cell);

		if (cell->count == 0)
			continue;
		for (size_t n = 0; n < cell->count; n++)
			items = state_item(items, &cell->items[n]);
		if (slot->field == DELETION) {
			size_t count;
			struct dot *live = shelf_live(&count, shelf, &slot->record);

			if (cell_is_deleted(cell, live, count))
				state += state_deleted(&slot->record);
			free(live);
		} else {
			/* What is shown of them. */
			shown = org_mix(shown, cell_winner(cell, VALUE_NONE)->dot.seq);
			shown = org_mix(shown, cell_siblings(cell, (struct value){ cell->items[0].key, cell->items[0].key_len }));
		}
		state += state_slot(&slot->record, slot->type, slot->field, items, shown);
	}
	return state;
}

/* --- whole nodes --- */

void
node_crash(struct node *node)
{
	for (uint32_t s = 0; s < SHARDS; s++) {
		struct shelf *shelf = &node->shelves[s];
		uint64_t before = shelf->count && org_one_in(4) ? shelf_state(shelf) : 0;
		bool lost = false;

		for (size_t i = shelf->count; i > 0; i--)
			if (!shelf->entries[i - 1].synced) {
				take_out(shelf, i - 1);
				lost = true;
			}
		if (!lost && !before)
			continue;
		shelf_rebuild(node, s);
		if (lost)
			changed(node, s);
		else if (shelf_state(shelf) != before)
			org_fail("P2", "%s: a rebuild makes shard %u another", node->name, (unsigned)s);
	}
	node->session = 0;
}

struct kept_entry {
	const struct parcel *parcel;
	uint64_t epoch, hold_ms;
	bool is_void, twin, at_hub, aside;
};

struct kept {
	uint8_t prev[32];
	const struct passport *passport;
	uint64_t next_seq[SHARDS];
	size_t count;
	struct kept_entry entries[];
};

struct kept *
node_keep(const struct node *node)
{
	size_t count = node->aside_count, n = 0;
	struct kept *kept;

	for (uint32_t s = 0; s < SHARDS; s++)
		count += node->shelves[s].count;
	kept = org_keep(NULL, sizeof(*kept) + count * sizeof(kept->entries[0]));
	memcpy(kept->prev, node->prev, 32);
	kept->passport = node->passport;
	for (uint32_t s = 0; s < SHARDS; s++) {
		kept->next_seq[s] = node->shelves[s].next_seq;
		for (size_t i = 0; i < node->shelves[s].count; i++) {
			const struct entry *entry = &node->shelves[s].entries[i];

			kept->entries[n++] = (struct kept_entry){ entry->parcel, entry->epoch, 0, entry->is_void,
			    entry->twin, entry->at_hub, false };
		}
	}
	for (size_t i = 0; i < node->aside_count; i++)
		kept->entries[n++] = (struct kept_entry){ node->aside[i].parcel, 0, node->aside[i].hold_ms, false,
		    node->aside[i].twin, false, true };
	kept->count = n;
	return kept;
}

static void
clear_all(struct node *node)
{
	for (uint32_t s = 0; s < SHARDS; s++)
		clear(node, s);
	for (size_t i = 0; i < node->aside_count; i++)
		batch_release(&node->aside[i].batch);
	node->aside_count = 0;
}

void
node_back(struct node *node, const struct kept *kept)
{
	clear_all(node);
	memcpy(node->prev, kept->prev, 32);
	node->passport = kept->passport;
	for (size_t i = 0; i < kept->count; i++) {
		const struct kept_entry *from = &kept->entries[i];
		struct entry *entry;

		if (from->aside) {
			node->aside = mem_grow(node->aside, node->aside_count, &node->aside_cap, sizeof(*node->aside));
			entry = &node->aside[node->aside_count];
			*entry = (struct entry){ .parcel = from->parcel, .twin = from->twin, .hold_ms = from->hold_ms };
			node->aside_count += parcel_open(&entry->batch, from->parcel);
			continue;
		}
		if (shelf_take(node, from->parcel) != TAKEN)
			org_fail("P2", "%s: what was in its log cannot be read again", node->name);
		entry = shelf_find(&node->shelves[from->parcel->shard], from->parcel->name);
		if (entry == NULL)
			return;
		entry->synced = true;
		entry->epoch = from->epoch;
		entry->twin = from->twin;
		entry->at_hub = from->at_hub;
		if (from->is_void)
			shelf_void(node, from->parcel->shard, entry, true);
	}
	for (uint32_t s = 0; s < SHARDS; s++) {
		node->shelves[s].next_seq = kept->next_seq[s];
		changed(node, s);
	}
	node->session = 0;
	node->must_rekey = false;
}

void
node_copy(struct node *to, const struct node *from)
{
	const struct kept *kept = node_keep(from);

	memcpy(to->key, from->key, 32);
	to->person = from->person;
	to->device = from->device;
	to->incarnation = from->incarnation;
	to->writer = from->writer;
	to->skew_ms = from->skew_ms;
	to->old = from->old;
	node_back(to, kept);
}

void
node_release(struct node *node)
{
	clear_all(node);
	free(node->aside);
	node->aside = NULL;
	node->aside_cap = 0;
}
