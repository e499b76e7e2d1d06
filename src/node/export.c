#include "node/export.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/mem.h"
#include "node/access.h"
#include "node/export_part.h"
#include "node/header.h"
#include "node/lines.h"
#include "node/query.h"
#include "node/title.h"
#include "node/value_text.h"
#include "store/db.h"
#include "store/log.h"
#include "text/csv.h"

#define CELL_MAX (1u << 20)

/* How a ref is written: by a name that finds it again, else by its id. */
struct known_ref {
	struct id id;
	char *text;
	UT_hash_handle hh;
};

struct exporting {
	struct node *node;
	const struct type *type;
	struct known_ref *refs;
	struct buf row, cell;
	const char *mark;		/* the last column */
	FILE *out;
	crypto_generichash_state hash;
};

static const char *
ref_text(struct exporting *e, const char *target, const char *text)
{
	const struct type *type = schema_type(target, strlen(target));
	struct known_ref *known;
	struct id id, high;
	struct found found;
	struct buf title;
	struct err none;

	if (!id_prefix(&id, &high, text) || !id_equal(&id, &high))
		return text;
	HASH_FIND(hh, e->refs, &id, sizeof(id), known);
	if (known)
		return known->text;
	known = mem_alloc(sizeof(*known));
	known->id = id;
	buf_init(&title, TITLE_MAX);
	record_title(&title, e->node, &id);
	known->text = mem_strdup(title.len && find_one(&found, e->node, type, title.p, &none) == OK &&
	    id_equal(&found.id, &id) ? title.p : text);
	buf_release(&title);
	HASH_ADD(hh, e->refs, id, sizeof(known->id), known);
	return known->text;
}

static void
add_value(struct exporting *e, const struct field *field, const json_t *value)
{
	const char *text = json_string_value(value);

	if (text)
		buf_adds(&e->cell, field->form == FORM_REF ? ref_text(e, field->arg, text) : text);
	else if (json_is_integer(value))
		buf_addf(&e->cell, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_boolean(value))
		buf_adds(&e->cell, json_is_true(value) ? "yes" : "no");
	else if (json_is_string(json_object_get(value, "text")))
		buf_adds(&e->cell, json_string_value(json_object_get(value, "text")));
}

/* As an import reads it: elements between semicolons, "key=value" in a map. */
static void
add_cell(struct exporting *e, const struct field *field, const json_t *value)
{
	const char *key, *separator = "";
	json_t *element;
	size_t i;

	buf_clear(&e->cell);
	if (json_is_array(value)) {
		json_array_foreach(value, i, element) {
			buf_adds(&e->cell, separator);
			add_value(e, field, element);
			separator = ";";
		}
	} else if (json_is_object(value) && field->kind == KIND_MAP) {
		json_object_foreach((json_t *)value, key, element) {
			buf_adds(&e->cell, separator);
			buf_adds(&e->cell, field->form == FORM_REF ? ref_text(e, field->arg, key) : key);
			if (json_string_length(element))
				buf_addf(&e->cell, "=%s", json_string_value(element));
			separator = ";";
		}
	} else if (value) {
		add_value(e, field, value);
	}
	buf_addc(&e->row, ',');
	csv_add_cell(&e->row, e->cell.p, ',', true);
}

static bool
goes_out(const struct field *field)
{
	return !(field->flags & FIELD_SYSTEM) && field->kind != KIND_LOG;
}

/* An import takes one external id, and that is the record's own here. */
static const char *
column_name(const struct field *field)
{
	return strcmp(field->name, "ext") == 0 ? "external_ids" : field->name;
}

static void
each_field(struct exporting *e, const struct type *type, const json_t *fields)
{
	for (uint8_t i = 0; i < type->field_count; i++) {
		const struct field *field = &type->fields[i];

		if (!goes_out(field))
			continue;
		if (fields) {
			add_cell(e, field, json_object_get(fields, field->name));
		} else {
			buf_addf(&e->row, ",%s", column_name(field));
		}
	}
}

static enum err_code
put_row(struct exporting *e, struct err *err)
{
	buf_adds(&e->row, "\r\n");
	if (e->row.full || e->cell.full)
		return err_set(err, ERR_INVALID, "a record is too long for a row of a file");
	crypto_generichash_update(&e->hash, (const unsigned char *)e->row.p, e->row.len);
	if (fwrite(e->row.p, 1, e->row.len, e->out) != e->row.len)
		return err_set(err, ERR_IO, "write the file: %s", strerror(errno));
	return OK;
}

/* One row; without a RECORD the header line. */
static enum err_code
put_record(struct exporting *e, const json_t *record, struct err *err)
{
	static const struct field client = { "client", "Client", KIND_REGISTER, FORM_REF, "client", 0, 0, 1 };
	static const struct field plain = { "lost_reason", "Reason of loss", KIND_REGISTER, FORM_TEXT, "", 0, 0, 1 };
	const json_t *fields = json_object_get(record, "fields");

	buf_clear(&e->row);
	buf_adds(&e->row, fields ? json_string_value(json_object_get(record, "id")) : "external_id");
	each_field(e, e->type, fields);
	if (e->type == &schema_types[TYPE_CLIENT]) {
		each_field(e, &schema_types[TYPE_ASSIGNMENT], fields);
	} else if (e->type->block < COMMON_FIRST) {
		if (fields)
			add_cell(e, &client, json_object_get(fields, client.name));
		else
			buf_addf(&e->row, ",%s", client.name);
	}
	if (e->type == &schema_types[TYPE_DEAL]) {
		if (fields)
			add_cell(e, &plain, json_object_get(fields, plain.name));
		else
			buf_addf(&e->row, ",%s", plain.name);
	}
	buf_addc(&e->row, ',');
	csv_add_cell(&e->row, fields ? e->mark : "exported", ',', true);
	return put_row(e, err);
}

/* NULL when it cannot be made. */
static FILE *
open_part(char **part, const char *path, struct err *err)
{
	FILE *out;
	int fd;

	*part = mem_alloc(strlen(path) + sizeof(".part"));
	sprintf(*part, "%s.part", path);
	remove(*part);
	fd = open(*part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	out = fd < 0 ? NULL : fdopen(fd, "wb");
	if (out == NULL) {
		err_set(err, ERR_IO, "create %s: %s", *part, strerror(errno));
		if (fd >= 0)
			close(fd);
	}
	return out;
}

static enum err_code
close_part(FILE *out, const char *path, struct err *err)
{
	bool good = fflush(out) == 0 && fsync(fileno(out)) == 0;

	return fclose(out) == 0 && good ? OK : err_set(err, ERR_IO, "write %s: %s", path, strerror(errno));
}

static enum err_code
write_rows(struct exporting *e, const json_t *records, uint8_t hash[32], const char *path, char **part,
    struct err *err)
{
	json_t *record;
	size_t i;
	enum err_code code;

	if ((e->out = open_part(part, path, err)) == NULL)
		return err->code;
	crypto_generichash_init(&e->hash, NULL, 0, 32);
	code = put_record(e, NULL, err);
	json_array_foreach(records, i, record)
		if (code == OK)
			code = put_record(e, record, err);
	crypto_generichash_final(&e->hash, hash, 32);
	if (code == OK)
		return close_part(e->out, path, err);
	fclose(e->out);
	return code;
}

static enum err_code
write_word(const struct header_export *fact, struct node *node, const char *const *filters,
    size_t filter_count, const char *path, char **part, struct err *err)
{
	char id[ID_HEX], name[NODE_TEXT], hash[65];
	struct buf text;
	FILE *out;
	enum err_code code;

	buf_init(&text, EXPORT_WORD_MAX);
	id_to_hex(id, &node->org);
	node_to_text(name, node->id);
	buf_addf(&text, EXPORT_FIRST "org %s\nnode %s\n", id, name);
	id_to_hex(id, &node->person);
	buf_addf(&text, "person %s\nnumber %" PRIu64 "\ntime %" PRIu64 "\ntype %s\n", id, fact->number, fact->at_ms,
	    fact->type);
	for (size_t i = 0; i < filter_count; i++)
		lines_add_string(&text, "filter", filters[i]);
	bytes_to_hex(hash, fact->hash, 32);
	buf_addf(&text, "rows %" PRIu64 "\nhash %s\n", fact->rows, hash);
	lines_sign(&text, 0, EXPORT_SIGNED_AS, node->key);
	if (text.full) {
		code = err_set(err, ERR_INVALID, "too many filters to be written down");
	} else if ((out = open_part(part, path, err)) == NULL) {
		code = err->code;
	} else if (fwrite(text.p, 1, text.len, out) != text.len) {
		code = err_set(err, ERR_IO, "write %s: %s", path, strerror(errno));
		fclose(out);
	} else {
		code = close_part(out, path, err);
	}
	buf_release(&text);
	return code;
}

/* Never over another file.  A file system that knows no such renaming is asked twice. */
static enum err_code
give_name(const char *part, const char *path, struct err *err)
{
	int failed = renameat2(AT_FDCWD, part, AT_FDCWD, path, RENAME_NOREPLACE);

	if (failed && errno == EINVAL && access(path, F_OK) != 0)
		failed = rename(part, path);
	if (failed == 0)
		return OK;
	return errno == EEXIST ? err_set(err, ERR_CONFLICT, "%s exists already", path)
	    : err_set(err, ERR_IO, "name the file %s: %s", path, strerror(errno));
}

static enum err_code
keep_fact(struct node *node, const struct header_export *fact, struct err *err)
{
	struct header header = { .up = true, .exports = (struct header_export *)fact, .export_count = 1 };

	if (db_run(node->db, SQL_META_PUT, err, "si", "exports", (int64_t)fact->number) != OK)
		return err->code;
	if (node->hub)
		return export_heard(node, node->id, &header, err);
	return db_run(node->db, SQL_EXPORT_ADD, err, "iisiib", (int64_t)fact->number, (int64_t)fact->at_ms,
	    fact->type, (int64_t)fact->part, (int64_t)fact->rows, fact->hash, sizeof(fact->hash));
}

/* "Ana Rep 2026-11-21T14:30:00Z 0123456789abcdef/3" */
static void
make_mark(struct buf *out, struct node *node, const struct header_export *fact)
{
	char name[NODE_TEXT];

	record_title(out, node, &node->person);
	buf_addc(out, ' ');
	input_show_instant(out, (int64_t)fact->at_ms);
	node_to_text(name, node->id);
	buf_addf(out, " %s/%" PRIu64, name, fact->number);
}

static enum err_code
write_both(struct export_result *out, struct exporting *e, const json_t *records, const char *const *filters,
    size_t filter_count, const char *path, const char *sig, struct err *err)
{
	struct node *node = e->node;
	struct header_export fact = { .at_ms = node_now_ms(node), .part = filter_count != 0,
		.rows = json_array_size(records) };
	char *part = NULL, *sig_part = NULL;
	struct buf mark;
	int64_t number;
	enum err_code code;

	buf_init(&mark, TITLE_MAX + 256);
	snprintf(fact.type, sizeof(fact.type), "%s", e->type->name);
	if ((code = db_begin(node->db, err)) != OK) {
		buf_release(&mark);
		return code;
	}
	if ((code = log_meta_int(&number, node->db, "exports", err)) == OK) {
		fact.number = (uint64_t)number + 1;
		make_mark(&mark, node, &fact);
		e->mark = mark.p;
		code = write_rows(e, records, fact.hash, path, &part, err);
	}
	if (code == OK && (code = write_word(&fact, node, filters, filter_count, sig, &sig_part, err)) == OK &&
	    (code = keep_fact(node, &fact, err)) == OK)
		code = db_commit(node->db, err);
	else
		db_rollback(node->db);
	/* It counts as made from here on, whether or not the names can be given. */
	if (code == OK && (code = give_name(sig_part, sig, err)) == OK &&
	    (code = give_name(part, path, err)) != OK)
		remove(sig);
	if (code != OK && part)
		remove(part);
	if (code != OK && sig_part)
		remove(sig_part);
	*out = (struct export_result){ fact.number, fact.rows };
	buf_release(&mark);
	free(part);
	free(sig_part);
	return code;
}

enum err_code
export_file(struct export_result *out, struct node *node, const struct type *type,
    const char *const *filters, size_t filter_count, const char *path, struct err *err)
{
	struct exporting e = { .node = node, .type = type };
	struct known_ref *known, *next;
	struct access access_now = { 0 };
	char *sig = export_sig_path(path);
	json_t *records = NULL;
	enum err_code code;

	*out = (struct export_result){ 0 };
	buf_init(&e.row, CELL_MAX);
	buf_init(&e.cell, CELL_MAX);
	if ((code = access_load(&access_now, node, &node->person, err)) != OK ||
	    (code = access_need(&access_now, CAN_EXPORT, "export", err)) != OK)
		goto out;
	if (access(path, F_OK) == 0 || access(sig, F_OK) == 0) {
		code = err_set(err, ERR_CONFLICT, "%s exists already", access(path, F_OK) == 0 ? path : sig);
		goto out;
	}
	if ((code = query_list(&records, node, type->name, filters, filter_count, 0, err)) == OK)
		code = write_both(out, &e, records, filters, filter_count, path, sig, err);
out:
	HASH_DRAIN(e.refs, known, next) {
		free(known->text);
		free(known);
	}
	json_decref(records);
	buf_release(&e.row);
	buf_release(&e.cell);
	access_release(&access_now);
	free(sig);
	return code;
}
