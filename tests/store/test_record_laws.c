/* Laws of store/record.h over random worlds of records and batches */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/store.h"
#include "base/mem.h"
#include "store/log.h"
#include "store/record.h"

static struct store store;
static uint64_t seqs[8];	/* last of each writer, one after the other over all shards */

static int
set_up(void **state)
{
	(void)state;
	store_make(&store);
	store_begin(&store);
	memset(seqs, 0, sizeof(seqs));
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	store_remove(&store);
	return 0;
}

static void
rebuild(void)
{
	struct err err;

	must(record_rebuild(store.db, NULL, NULL, &err), &err);
}

enum { WRITERS = 3, RECORDS = 8, EVENTS = 36, OPS_MOST = 5, TOLD_MOST = EVENTS * OPS_MOST };

struct subject {
	const struct type *type;
	struct shard shard;
	struct id id;
};

struct told {
	size_t subject;
	int field;		/* -1: deletion */
	struct dot dot;
};

struct event {
	struct buf text;
	bool voided;
};

struct world {
	struct dice dice;
	struct subject subjects[RECORDS];
	struct told told[TOLD_MOST];
	size_t told_count;
	struct event events[EVENTS];
};

static void
world_people(struct world *world)
{
	static const char *const types[RECORDS] = {
		"client", "assignment", "contact", "contact", "deal", "product", "contact", "client"
	};
	struct id a, b;

	dice_id(&world->dice, &a);
	dice_id(&world->dice, &b);
	for (size_t i = 0; i < RECORDS; i++) {
		struct subject *subject = &world->subjects[i];
		const struct id *client = i < 6 ? &a : &b;

		subject->type = type_of(types[i]);
		dice_id(&world->dice, &subject->id);
		subject->shard = (struct shard){ .block = subject->type->block };
		if (subject->type->block >= COMMON_FIRST)
			continue;
		subject->shard.client = *client;
		if (subject->type->facet || schema_type_no(subject->type) == TYPE_CLIENT)
			subject->id = *client;
	}
}

static int
by_dot(const void *a, const void *b)
{
	return dot_compare(*(const struct dot *)a, *(const struct dot *)b);
}

/* Dots told of that field (FIELD -2: of all fields, no deletion), one in EACH. */
static size_t
choose_dots(struct world *world, struct dot *dots, size_t subject, int field, size_t each)
{
	size_t n = 0;

	for (size_t i = 0; i < world->told_count; i++) {
		const struct told *told = &world->told[i];

		if (told->subject == subject && (field == -2 ? told->field >= 0 : told->field == field) &&
		    dice_roll(&world->dice, each) == 0)
			dots[n++] = told->dot;
	}
	qsort(dots, n, sizeof(*dots), by_dot);
	return n;
}

static void
make_op(struct world *world, struct op *op, struct dot *dots, struct buf *value, size_t subject, int f)
{
	static const char *const keys[] = { "\"a\"", "\"b\"" };
	const struct subject *on = &world->subjects[subject];
	const struct field *field = f < 0 ? NULL : &on->type->fields[f];
	struct dice *dice = &world->dice;

	*op = (struct op){ .record = on->id, .type = on->type->name,
		.type_len = (uint8_t)strlen(on->type->name), .dots = dots };
	if (field == NULL) {
		op->dot_count = choose_dots(world, dots, subject, -1, 2);
		op->verb = op->dot_count && dice_roll(dice, 2) ? VERB_RESTORE : VERB_DELETE;
		if (op->verb == VERB_DELETE)
			op->dot_count = choose_dots(world, dots, subject, -2, dice_roll(dice, 4) ? 1 : 3);
		return;
	}
	op->field = field->name;
	op->field_len = (uint8_t)strlen(field->name);
	op->dot_count = choose_dots(world, dots, subject, f, 2);
	dice_value(dice, value, field);
	op->value = (struct value){ value->p, value->len };
	switch (field->kind) {
	case KIND_SET:
	case KIND_MAP:
		op->key = as_value(keys[dice_roll(dice, 2)]);
		op->verb = op->dot_count && dice_roll(dice, 3) == 0 ? VERB_DEL :
		    field->kind == KIND_SET ? VERB_ADD : VERB_PUT;
		if (op->verb != VERB_PUT)
			op->value = VALUE_NONE;
		break;
	case KIND_COUNTER:
		op->verb = VERB_INC;
		op->value = as_value(dice_roll(dice, 2) ? "3" : "-5");
		op->dot_count = 0;
		break;
	case KIND_LOG:
		op->verb = VERB_LOG;
		break;
	case KIND_FLAG:
		op->verb = VERB_FLAG;
		op->value = as_value(dice_roll(dice, 2) ? "true" : "false");
		break;
	default:
		op->verb = VERB_SET;
	}
}

static void
make_event(struct world *world, struct event *event)
{
	struct dot dots[OPS_MOST][TOLD_MOST];
	struct buf values[OPS_MOST];
	struct op ops[OPS_MOST];
	struct dice *dice = &world->dice;
	size_t w = dice_roll(dice, WRITERS), first = dice_roll(dice, RECORDS);
	struct batch batch = { .shard = world->subjects[first].shard, .writer = 1 + w, .seq = seqs[w] + 1,
		.wall_ms = 1790000000000 + dice_roll(dice, 4), .ops = ops, .op_count = 1 + dice_roll(dice, OPS_MOST) };
	struct err err;

	for (size_t i = 0; i < batch.op_count; i++) {
		size_t subject = dice_roll(dice, RECORDS);
		int f = (int)dice_roll(dice, 6);

		if (!shard_equal(&world->subjects[subject].shard, &batch.shard))
			subject = first;
		/* A few fields, so that they meet; beyond them and what there is, the deletion. */
		f = f == 5 ? -1 : f < 2 ? f : (int)dice_roll(dice, world->subjects[subject].type->field_count);
		buf_init(&values[i], VALUE_MAX);
		make_op(world, &ops[i], dots[i], &values[i], subject, f);
		world->told[world->told_count++] = (struct told){ subject, f, batch_dot(&batch, i) };
	}
	seqs[w] += batch.op_count;
	buf_init(&event->text, BATCH_BYTES_MAX);
	must(batch_encode(&event->text, &batch, &err), &err);
	event->voided = dice_roll(dice, 6) == 0;
	for (size_t i = 0; i < batch.op_count; i++)
		buf_release(&values[i]);
}

/* DICE go on from world to world. */
static struct world *
world_make(struct dice *dice)
{
	struct world *world = mem_alloc(sizeof(*world));

	world->dice = *dice;
	world_people(world);
	for (size_t i = 0; i < EVENTS; i++)
		make_event(world, &world->events[i]);
	*dice = world->dice;
	return world;
}

static void
world_free(struct world *world)
{
	for (size_t i = 0; i < EVENTS; i++)
		buf_release(&world->events[i].text);
	free(world);
}

static void
world_arrive(struct world *world, struct store *to, bool shuffled)
{
	size_t order[EVENTS];

	for (size_t i = 0; i < EVENTS; i++)
		order[i] = i;
	for (size_t i = EVENTS; shuffled && i > 1; i--) {
		size_t j = dice_roll(&world->dice, i), swap = order[i - 1];

		order[i - 1] = order[j];
		order[j] = swap;
	}
	for (size_t i = 0; i < EVENTS; i++) {
		const struct event *event = &world->events[order[i]];

		store_arrive(to, event->text.p, event->text.len, event->voided);
	}
}

static void
describe_cell(struct buf *out, const struct cell *cell)
{
	for (size_t i = 0; i < cell->count; i++) {
		const struct item *item = &cell->items[i];

		buf_addf(out, " [%llu.%llu %llu %s %s", (unsigned long long)item->dot.writer,
		    (unsigned long long)item->dot.seq, (unsigned long long)item->wall_ms,
		    item->key ? item->key : "-", item->value ? item->value : "-");
		for (size_t j = 0; j < item->dot_count; j++)
			buf_addf(out, " ^%llu.%llu", (unsigned long long)item->dots[j].writer,
			    (unsigned long long)item->dots[j].seq);
		buf_addc(out, ']');
	}
	for (size_t i = 0; i < cell->early_count; i++)
		buf_addf(out, " early %llu.%llu", (unsigned long long)cell->early[i].writer,
		    (unsigned long long)cell->early[i].seq);
}

/* What the rows of the world say, without the numbers that a file gives. */
static char *
world_describe(const struct world *world, struct store *in)
{
	struct buf out;
	char *terms, *text;
	struct err err;

	buf_init(&out, 8u << 20);
	for (size_t i = 0; i < RECORDS; i++) {
		const struct subject *subject = &world->subjects[i];
		struct log_record record;
		struct row row;
		bool known;

		must(log_record(&record, &known, in->db, &subject->id, &err), &err);
		if (!known)
			record.k = 0;
		must(row_load(&row, in->db, subject->type, record.k, &err), &err);
		buf_addf(&out, "%zu %s: %d %d\n", i, subject->type->name, row.exists, row.deleted);
		for (uint8_t f = 0; f < row.type->field_count; f++) {
			assert_true(cell_check(&row.cells[f], row.type->fields[f].kind));
			buf_addf(&out, "%s:", row.type->fields[f].name);
			describe_cell(&out, &row.cells[f]);
			buf_addc(&out, '\n');
		}
		describe_cell(&out, &row.deletion);
		row_release(&row);
	}
	store_exec(in, "CREATE VIRTUAL TABLE temp.term USING fts5vocab(main, search, instance)");
	terms = store_read(in, "SELECT hex(id), term FROM temp.term JOIN record ON k = doc ORDER BY 1, 2");
	store_exec(in, "DROP TABLE temp.term");
	buf_adds(&out, terms);
	free(terms);
	assert_false(out.full);
	text = mem_strndup(out.p, out.len);
	buf_release(&out);
	return text;
}

static void
rebuilding_gives_the_same_bytes(void **state)
{
	struct dice dice;
	struct err err;
	char *before;

	(void)state;
	dice_sow(&dice, 20260901);
	for (int n = 0; n < 12; n++) {
		struct world *world = world_make(&dice);

		world_arrive(world, &store, n % 2);
		before = store_dump(&store);
		for (size_t i = 0; i < RECORDS; i++) {
			int64_t s;

			must(log_shard(&s, store.db, &world->subjects[i].shard, true, &err), &err);
			must(record_rebuild_shard(store.db, s, &err), &err);
			same_texts(mem_strdup(before), store_dump(&store));
		}
		rebuild();
		same_texts(before, store_dump(&store));
		world_free(world);
	}
	assert_true(store_number(&store, "SELECT count(*) FROM sibling") > 50);
	assert_true(store_number(&store, "SELECT count(*) FROM client WHERE deleted") > 0);
}

static void
the_order_of_arrival_does_not_matter(void **state)
{
	struct store other;
	struct dice dice;

	(void)state;
	store_make(&other);
	store_begin(&other);
	dice_sow(&dice, 20260902);
	for (int n = 0; n < 25; n++) {
		struct world *world = world_make(&dice);

		world_arrive(world, &store, false);
		world_arrive(world, &other, true);
		same_texts(world_describe(world, &store), world_describe(world, &other));
		world_free(world);
	}
	store_remove(&other);
}

static void
voiding_is_as_if_it_had_never_been(void **state)
{
	struct store other;
	struct dice dice;
	struct err err;

	(void)state;
	store_make(&other);
	store_begin(&other);
	dice_sow(&dice, 20260903);
	for (int n = 0; n < 10; n++) {
		struct world *world = world_make(&dice);

		world_arrive(world, &store, true);
		for (size_t i = 0; i < EVENTS; i++) {
			const struct event *event = &world->events[i];

			store_arrive(&other, event->text.p, event->text.len, false);
			must(db_run(other.db, SQL_BATCH_VOID, &err, "ii",
			    store_number(&other, "SELECT max(b) FROM batch"), (int64_t)event->voided), &err);
		}
		for (size_t i = 0; i < RECORDS; i++) {
			int64_t s;

			must(log_shard(&s, other.db, &world->subjects[i].shard, true, &err), &err);
			must(record_rebuild_shard(other.db, s, &err), &err);
		}
		same_texts(world_describe(world, &store), world_describe(world, &other));
		world_free(world);
	}
	store_remove(&other);
}

static void
dropping_shards_leaves_no_row(void **state)
{
	char *empty = store_dump(&store);
	struct dice dice;
	struct err err;

	(void)state;
	dice_sow(&dice, 20260904);
	for (int n = 0; n < 6; n++) {
		struct world *world = world_make(&dice);

		world_arrive(world, &store, false);
		for (size_t i = 0; i < RECORDS; i++) {
			const struct subject *subject = &world->subjects[i];
			struct log_record record;
			struct row row;
			int64_t s;
			bool known;

			must(log_shard(&s, store.db, &subject->shard, true, &err), &err);
			must(record_drop_shard(store.db, s, &err), &err);
			for (size_t j = 0; j < RECORDS; j++) {
				const struct subject *one = &world->subjects[j];

				must(log_record(&record, &known, store.db, &one->id, &err), &err);
				must(row_load(&row, store.db, one->type, known ? record.k : 0, &err), &err);
				if (shard_equal(&one->shard, &subject->shard))
					assert_false(row.exists);
				row_release(&row);
			}
		}
		same_texts(mem_strdup(empty), store_dump(&store));
		world_free(world);
	}
	free(empty);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(rebuilding_gives_the_same_bytes),
		T(the_order_of_arrival_does_not_matter),
		T(voiding_is_as_if_it_had_never_been),
		T(dropping_shards_leaves_no_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
