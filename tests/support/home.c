#include "home.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "core/merkle.h"
#include "core/seal.h"
#include "crypto/key.h"
#include "node/edit.h"
#include "node/found.h"
#include "node/value_text.h"
#include "store/log.h"
#include "store/record.h"
#include "store/row.h"
#include "store/zip.h"

static void
must(enum err_code code, const struct err *err)
{
	if (code != OK)
		fail_msg("%s", err->msg);
}

void
home_make(struct home *home)
{
	const struct founding founding = { .org = "Satchel Test", .person = "Ana Ionescu" };
	struct err err;

	key_library_init();
	snprintf(home->dir, sizeof(home->dir), "/tmp/satchel-test-XXXXXX");
	assert_non_null(mkdtemp(home->dir));
	must(found_hub(&home->node, home->dir, &founding, &err), &err);
}

void
home_remove(struct home *home)
{
	char path[sizeof(home->dir) + 258];
	struct dirent *entry;
	DIR *dir;

	node_close(home->node);
	home->node = NULL;
	if ((dir = opendir(home->dir)) != NULL) {
		while ((entry = readdir(dir)) != NULL) {
			snprintf(path, sizeof(path), "%s/%s", home->dir, entry->d_name);
			unlink(path);
		}
		closedir(dir);
	}
	rmdir(home->dir);
}

static const struct type *
type_named(const char *name)
{
	const struct type *type = schema_type(name, strlen(name));

	assert_non_null(type);
	return type;
}

static void
put_field(struct edit *edit, struct home *home, const struct type *type, const char *name,
    const char *text)
{
	const struct field *field = schema_field(type, name, strlen(name));
	struct input_rules rules = value_rules(home->node);
	enum verb verb = VERB_SET;
	struct buf key, value;
	struct err err;

	assert_non_null(field);
	buf_init(&key, VALUE_MAX);
	buf_init(&value, VALUE_MAX);
	must(value_from_text(&key, &value, home->node, field, text, &rules, &err), &err);
	if (field->kind == KIND_SET)
		verb = VERB_ADD;
	else if (field->kind == KIND_MAP)
		verb = VERB_PUT;
	else if (field->kind == KIND_COUNTER)
		verb = VERB_INC;
	else if (field->kind == KIND_FLAG)
		verb = VERB_FLAG;
	must(edit_op(edit, field, verb, (struct value){ key.p, key.len },
	    (struct value){ value.p, value.len }, &err), &err);
	buf_release(&key);
	buf_release(&value);
}

struct id
home_add(struct home *home, const char *type_name, const struct id *client, const char *const *fields)
{
	const struct type *type = type_named(type_name);
	struct edit *edit;
	struct err err;
	struct id id;

	must(edit_begin(&edit, home->node, &err), &err);
	must(edit_new(edit, type, client, &id, &err), &err);
	for (size_t i = 0; fields[i]; i++) {
		const char *equals = strchr(fields[i], '=');
		char *name = mem_strndup(fields[i], (size_t)(equals - fields[i]));

		put_field(edit, home, type, name, equals + 1);
		free(name);
	}
	must(edit_commit(edit, &err), &err);
	return id;
}

void
home_set(struct home *home, const char *type_name, const struct id *id, const char *field,
    const char *text)
{
	const struct type *type = type_named(type_name);
	struct edit *edit;
	struct err err;

	must(edit_begin(&edit, home->node, &err), &err);
	must(edit_open(edit, type, id, &err), &err);
	put_field(edit, home, type, field, text);
	must(edit_commit(edit, &err), &err);
}

void
home_give(struct home *home, const struct id *client, const struct id *person)
{
	char owner[ID_TEXT];

	id_to_text(owner, person);
	home_set(home, "assignment", client, "owner", owner);
}

/* --- a second author --- */

struct stranger {
	struct key *key;
	writer_t writer;
	uint8_t last_seal[32];
};

struct stranger *
home_stranger(struct home *home, const char *device)
{
	const struct type *type = type_named("node");
	struct stranger *stranger = mem_alloc(sizeof(*stranger));
	char text[BYTES_B64_LEN(32) + 1], member[NODE_TEXT + 4], person[ID_TEXT];
	char key_field[96], device_field[160], writer_field[64], person_field[64];
	const char *fields[] = { person_field, key_field, device_field, writer_field, NULL };

	stranger->key = key_generate();
	stranger->writer = key_writer(key_public(stranger->key), 7);
	bytes_to_b64(text, key_public(stranger->key), 32);
	node_to_text(member, stranger->writer);
	id_to_text(person, &home->node->person);
	snprintf(person_field, sizeof(person_field), "person=%s", person);
	snprintf(key_field, sizeof(key_field), "key=%s", text);
	snprintf(device_field, sizeof(device_field), "device=%s", device);
	snprintf(writer_field, sizeof(writer_field), "writers=%s=7", member);
	home_add(home, type->name, NULL, fields);
	return stranger;
}

void
home_stranger_free(struct stranger *stranger)
{
	key_free(stranger->key);
	free(stranger);
}

static void
store_sealed(struct home *home, struct stranger *stranger, const struct batch *batch, int64_t s)
{
	struct seal_part part = { .seal = { .writer = stranger->writer, .leaves = 1 } };
	struct db *db = home->node->db;
	struct log_batch entry = { .s = s, .seq = batch->seq, .ops = (uint32_t)batch->op_count };
	uint8_t leaf[1][32];
	struct buf text, z;
	struct err err;

	buf_init(&text, BATCH_BYTES_MAX);
	buf_init(&z, BATCH_BYTES_MAX);
	must(batch_encode(&text, batch, &err), &err);
	batch_hash(leaf[0], text.p, text.len);
	merkle_root(part.seal.root, (const uint8_t (*)[32])leaf, 1);
	memcpy(part.seal.prev, stranger->last_seal, 32);
	seal_signed_text(&z, &part.seal);
	key_sign(part.seal.signature, stranger->key, z.p, z.len);
	seal_hash(stranger->last_seal, &part.seal);
	buf_clear(&z);
	zip_deflate(&z, text.p, text.len);
	entry.size = text.len;
	entry.z = z.p;
	entry.z_len = z.len;
	must(log_writer(&entry.w, db, stranger->writer, true, &err), &err);
	must(log_seal_add(&entry.seal, db, &part, &err), &err);
	must(log_batch_add(&entry, db, &err), &err);
	must(record_apply(db, batch, s, entry.b, &err), &err);
	buf_release(&text);
	buf_release(&z);
}

struct dot
home_stranger_op(struct home *home, struct stranger *stranger, const char *type_name,
    const struct id *id, const char *field, enum verb verb, const char *key, const char *value,
    const struct dot *dots, size_t dot_count, uint64_t wall_ms)
{
	static const uint8_t floor_key[32];
	const struct type *type = type_named(type_name);
	struct op op = { .verb = verb, .record = *id, .type = type->name,
		.type_len = (uint8_t)strlen(type->name), .field = field,
		.field_len = (uint8_t)(field ? strlen(field) : 0),
		.key = { key, key ? strlen(key) : 0 }, .value = { value, value ? strlen(value) : 0 },
		.dots = dots, .dot_count = dot_count };
	struct batch batch = { .writer = stranger->writer, .wall_ms = wall_ms, .ops = &op, .op_count = 1 };
	struct log_record record;
	struct dot dot;
	int64_t s, w;
	struct err err;
	bool found;

	must(db_begin(home->node->db, &err), &err);
	must(log_record(&record, &found, home->node->db, id, &err), &err);
	assert_true(found);
	s = record_shard(type, record.c);
	must(log_shard_name(&batch.shard, home->node->db, s, &err), &err);
	must(log_writer(&w, home->node->db, stranger->writer, true, &err), &err);
	must(log_next_seq(&batch.seq, home->node->db, s, w, floor_key, &err), &err);
	dot = batch_dot(&batch, 0);
	store_sealed(home, stranger, &batch, s);
	must(db_commit(home->node->db, &err), &err);
	return dot;
}

struct dot *
home_dots(struct home *home, const char *type_name, const struct id *id, const char *field,
    size_t *count)
{
	const struct type *type = type_named(type_name);
	const struct field *f = schema_field(type, field, strlen(field));
	struct log_record record;
	struct row row;
	struct dot *dots;
	struct err err;
	bool found;

	assert_non_null(f);
	must(log_record(&record, &found, home->node->db, id, &err), &err);
	must(row_load(&row, home->node->db, type, record.k, &err), &err);
	*count = row.cells[f - type->fields].count;
	dots = mem_alloc(*count * sizeof(*dots));
	for (size_t i = 0; i < *count; i++)
		dots[i] = row.cells[f - type->fields].items[i].dot;
	row_release(&row);
	return dots;
}
