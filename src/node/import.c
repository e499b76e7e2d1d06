#include "node/import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "node/access.h"
#include "node/edit.h"
#include "node/import_find.h"
#include "node/import_map.h"
#include "node/import_row.h"
#include "node/value_text.h"
#include "text/csv.h"

#define CHUNK_ROWS 500
/* A common type's chunk is one batch, which has bounds; the rest of them is for
 * the row that goes beyond, each op of which may be a stage and its move. */
#define CHUNK_OPS (BATCH_OPS_MAX - 2 * IMPORT_VALUES_MAX)
#define CHUNK_TEXT (BATCH_BYTES_MAX - 2 * IMPORT_TEXT_MAX)
#define LINE_MAX_BYTES (16u << 20)

struct run {
	const struct import_options *options;
	struct import_result *result;
	struct node *node;
	const struct type *type;
	const char *path, *source;
	struct input_rules rules;
	struct access access;
	FILE *in, *errors;
	struct csv *csv;
	char **headers;
	size_t header_count;
	struct import_map map;
	struct import_find *find;
	struct import_row row;
	struct import_row defaults;	/* for every row */
	struct import_row newcomer;	/* for new records only */
	bool refers_to_itself;		/* a column names other rows */
	struct edit *edit;
	unsigned long chunk;		/* from 1 */
	size_t chunk_rows, chunk_text;
	struct buf line;		/* of the errors file */
	struct buf reason;
};

/* --- what was not taken --- */

static enum err_code
write_line(struct run *run, char *const *cells, size_t count, const char *reason, struct err *err)
{
	size_t at = run->map.reason, all = count > run->header_count ? count : run->header_count;
	char separator = csv_separator(run->csv);

	/* Cells beyond the header stay beyond it: what was wrong is still to be seen. */
	if (at == run->header_count)
		all++;
	buf_clear(&run->line);
	for (size_t i = 0; i < all; i++) {
		size_t from = at == run->header_count && i > at ? i - 1 : i;

		if (i)
			buf_addc(&run->line, separator);
		if (i == at)
			csv_add_cell(&run->line, reason, separator, true);
		else if (from < count)
			csv_add_cell(&run->line, csv_unguarded(cells[from]), separator, true);
	}
	buf_adds(&run->line, "\r\n");
	if (run->line.full || fwrite(run->line.p, 1, run->line.len, run->errors) != run->line.len)
		return err_set(err, ERR_IO, "%s: %s", run->result->errors_file, strerror(errno));
	return OK;
}

static enum err_code
open_errors(struct run *run, struct err *err)
{
	char *path = run->result->errors_file;
	int fd;

	snprintf(path, sizeof(run->result->errors_file), "%s.errors.csv", run->path);
	/* Anew, so that it is ours alone whatever stood there. */
	if (unlink(path) != 0 && errno != ENOENT)
		return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || (run->errors = fdopen(fd, "w")) == NULL) {
		err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return err->code;
	}
	return write_line(run, run->headers, run->header_count, "reason", err);
}

static enum err_code
refuse(struct run *run, const struct csv_row *cells, const char *reason, struct err *err)
{
	struct import_result *result = run->result;

	if (result->errors++ == 0)
		snprintf(result->first_error, sizeof(result->first_error), "line %lu: %s", cells->line, reason);
	if (run->options->dry_run)
		return OK;
	if (run->errors == NULL && open_errors(run, err) != OK)
		return err->code;
	return write_line(run, cells->cells, cells->count, reason, err);
}

/* --- chunks --- */

static enum err_code
end_chunk(struct run *run, struct err *err)
{
	enum err_code code = OK;

	if (run->edit == NULL)
		return OK;
	if (run->options->dry_run)
		edit_abort(run->edit);
	else
		code = edit_commit(run->edit, err);
	run->edit = NULL;
	if (code == OK && run->options->progress)
		run->options->progress(run->options->context, run->result->rows);
	return code;
}

static enum err_code
need_chunk(struct run *run, struct err *err)
{
	if (run->edit && (run->chunk_rows >= CHUNK_ROWS || run->chunk_text >= CHUNK_TEXT ||
	    edit_op_count(run->edit) >= CHUNK_OPS) && end_chunk(run, err) != OK)
		return err->code;
	if (run->edit == NULL) {
		run->chunk_rows = run->chunk_text = 0;
		run->chunk++;
		if (edit_begin(&run->edit, run->node, err) != OK)
			return err->code;
	}
	return OK;
}

/* --- rows --- */

static void
add_reason(struct run *run, const char *text)
{
	if (run->reason.len)
		buf_adds(&run->reason, "; ");
	buf_adds(&run->reason, text);
}

/* The values of all cells; what is wrong with them is in run->reason.  *KEY is the
 * external id or NULL. */
static enum err_code
read_row(struct run *run, const struct csv_row *cells, const char **key, struct err *err)
{
	*key = NULL;
	import_row_clear(&run->row);
	buf_clear(&run->reason);
	if (cells->has_nul)
		add_reason(run, "a NUL byte is in it");
	for (size_t i = run->header_count; i < cells->count; i++) {
		if (cells->cells[i][0] == '\0')
			continue;
		add_reason(run, "more cells than the header has");
		break;
	}
	for (size_t i = 0; i < run->header_count && i < cells->count; i++) {
		const char *cell = csv_unguarded(cells->cells[i]);

		if (i == run->map.key && *cell)
			*key = cell;
		if (import_row_take(&run->row, run->find, &run->map.columns[i], cell, err) == OK)
			continue;
		if (err->code == ERR_IO)
			return err->code;
		add_reason(run, err->msg);
	}
	if (run->map.key < run->header_count && *key == NULL)
		add_reason(run, "no external id: every import would add the row again");
	else if (*key)
		import_row_take_key(&run->row, run->source, *key);
	import_row_default(&run->row, &run->defaults);
	return OK;
}

static enum err_code
add_record(struct run *run, const char *key, struct err *err)
{
	struct import_known *known;
	struct id id;

	import_row_default(&run->row, &run->newcomer);
	if (import_row_check_new(&run->row, &run->access, err) != OK ||
	    import_row_add(&id, &run->row, run->edit, run->find, err) != OK)
		return err->code;
	known = import_find_made(run->find, &id, key,
	    run->refers_to_itself ? import_row_name(&run->row) : VALUE_NONE);
	if (known) {
		known->chunk = run->chunk;
		known->digest = import_row_digest(&run->row);
	}
	run->result->added++;
	return OK;
}

static enum err_code
change_record(struct run *run, struct import_known *known, struct err *err)
{
	uint64_t digest = import_row_digest(&run->row);
	size_t before = edit_op_count(run->edit);
	bool changed;

	if (known->deleted)
		return err_set(err, ERR_INVALID, "this %s was deleted here: satchel undo brings it back",
		    run->type->name);
	if (run->options->dry_run && known->chunk && known->chunk != run->chunk) {
		/* What an earlier chunk did is undone again; only what it was asked is known. */
		changed = known->digest != digest;
	} else {
		if (import_row_change(&known->id, &run->row, run->edit, run->node, run->find, err) != OK)
			return err->code;
		changed = edit_op_count(run->edit) > before;
	}
	if (changed) {
		known->chunk = run->chunk;
		known->digest = digest;
		run->result->changed++;
	} else {
		run->result->same++;
	}
	return OK;
}

static enum err_code
take_row(struct run *run, const struct csv_row *cells, struct err *err)
{
	struct import_known *known = NULL;
	const char *key;
	size_t before;
	enum err_code code;

	run->result->rows++;
	if (need_chunk(run, err) != OK)
		return err->code;
	run->chunk_rows++;
	if (read_row(run, cells, &key, err) != OK)
		return err->code;
	if (run->reason.len)
		return refuse(run, cells, run->reason.p, err);
	if (key && import_find_key(&known, run->find, run->type, key, err) != OK)
		return err->code;
	before = edit_op_count(run->edit);
	code = known ? change_record(run, known, err) : add_record(run, key, err);
	run->chunk_text += run->row.text.len;
	/* What has written something cannot be taken out of the chunk again. */
	if (code != OK && code != ERR_IO && edit_op_count(run->edit) == before)
		return refuse(run, cells, err->msg, err);
	return code;
}

static enum err_code
take_rows(struct run *run, struct err *err)
{
	struct csv_row cells;
	struct err broken;
	enum err_code code, reading;

	for (;;) {
		if ((reading = csv_next(run->csv, &cells, &broken)) != OK || cells.count == 0)
			break;
		if ((code = take_row(run, &cells, err)) != OK)
			return err_wrap(err, "line %lu", cells.line);
	}
	if ((code = end_chunk(run, err)) != OK || reading == OK)
		return code;
	*err = broken;
	return err_wrap(err, "stopped after %lu rows%s", run->result->rows,
	    run->options->dry_run ? "" : ", which are in");
}

/* --- the run --- */

static enum err_code
check_options(struct run *run, struct err *err)
{
	const struct import_options *options = run->options;
	uint8_t no;

	run->type = options->type ? schema_type(options->type, strlen(options->type)) : NULL;
	if (run->type == NULL)
		return err_set(err, ERR_USAGE, "there is no type \"%.*s\"",
		    options->type ? input_shown(options->type) : 0, options->type ? options->type : "");
	no = schema_type_no(run->type);
	if (run->type->facet)
		return err_set(err, ERR_USAGE, "the columns of %s are imported with the client", options->type);
	if (no == TYPE_NODE || no == TYPE_ORG || no == TYPE_STATEMENT || no == TYPE_INVITE)
		return err_set(err, ERR_USAGE, "a %s cannot be imported", options->type);
	if (strlen(run->path) + sizeof(".errors.csv") > sizeof(run->result->errors_file))
		return err_set(err, ERR_USAGE, "the name of the file is too long");
	run->source = options->source && *options->source ? options->source : "csv";
	run->rules = value_rules(run->node);
	if (options->dates != INPUT_ISO)
		run->rules.dates = options->dates;
	if (access_load(&run->access, run->node, &run->node->person, err) != OK)
		return err->code;
	return access_need(&run->access, CAN_IMPORT, "import", err);
}

static enum err_code
read_header(struct run *run, struct err *err)
{
	const struct csv_options options = { .encoding = run->options->encoding };
	struct csv_row row;
	struct buf mapping;
	bool any = false;

	if ((run->in = fopen(run->path, "re")) == NULL)
		return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s", run->path, strerror(errno));
	if (csv_open(&run->csv, run->in, &options, err) != OK || csv_next(run->csv, &row, err) != OK)
		return err_wrap(err, "%s", run->path);
	if (row.count == 0)
		return err_set(err, ERR_INVALID, "%s: the file is empty", run->path);
	if (row.has_nul)
		return err_set(err, ERR_INVALID, "%s: a NUL byte is in the header", run->path);
	run->header_count = row.count;
	run->headers = mem_alloc(row.count * sizeof(*run->headers));
	for (size_t i = 0; i < row.count; i++)
		run->headers[i] = mem_strdup(csv_unguarded(row.cells[i]));
	if (import_map_make(&run->map, run->type, run->headers, row.count, run->options->map,
	    run->options->key, err) != OK)
		return err->code;
	for (size_t i = 0; i < row.count; i++)
		any |= run->map.columns[i].field != NULL;
	buf_init(&mapping, sizeof(run->result->mapping) - 1);
	import_map_describe(&mapping, &run->map, run->headers);
	memcpy(run->result->mapping, mapping.p, mapping.len + 1);
	buf_release(&mapping);
	if (!any)
		return err_set(err, ERR_USAGE, "no column is known as a field of %s: %.300s; say which is which, "
		    "as in COLUMN=name", run->type->name, run->result->mapping);
	return OK;
}

static enum err_code
set_one(struct run *run, const char *word, struct err *err)
{
	const char *equals = strchr(word, '=');
	struct import_target target;

	if (equals == NULL || equals == word || equals[1] == '\0')
		return err_set(err, ERR_USAGE, "\"%.*s\" is no field=value", input_shown(word), word);
	if (import_target_named(&target, run->type, word, (size_t)(equals - word), err) != OK)
		return err->code;
	if (target.field == NULL)
		return err_set(err, ERR_USAGE, "\"%.*s\": every row has an external id of its own, in a column",
		    input_shown(word), word);
	return import_row_take(&run->defaults, run->find, &target, equals + 1, err);
}

static enum err_code
prepare(struct run *run, struct err *err)
{
	const struct type *person = &schema_types[TYPE_PERSON];
	const struct import_target role = { IMPORT_FIELD, person, &person->fields[PERSON_ROLE] };

	run->find = import_find_new(run->node, run->type, run->source, &run->rules);
	import_row_init(&run->row, run->type);
	import_row_init(&run->defaults, run->type);
	import_row_init(&run->newcomer, run->type);
	buf_init(&run->line, LINE_MAX_BYTES);
	buf_init(&run->reason, 1000);
	for (size_t i = 0; i < run->map.count; i++) {
		const struct field *field = run->map.columns[i].field;

		run->refers_to_itself |= field && field->form == FORM_REF && strcmp(field->arg, run->type->name) == 0;
	}
	for (size_t i = 0; i < run->options->set_count; i++)
		if (set_one(run, run->options->set[i], err) != OK)
			return err->code;
	if (run->type == person && !import_map_has(&run->map, person, role.field))
		return import_row_take(&run->newcomer, run->find, &role, role_names[ROLE_REP], err);
	return OK;
}

static enum err_code
close_errors(struct run *run, struct err *err)
{
	FILE *file = run->errors;

	run->errors = NULL;
	if (file && fclose(file) != 0)
		return err_set(err, ERR_IO, "%s: %s", run->result->errors_file, strerror(errno));
	return OK;
}

static void
release(struct run *run)
{
	edit_abort(run->edit);
	if (run->errors)
		fclose(run->errors);
	csv_close(run->csv);
	if (run->in)
		fclose(run->in);
	for (size_t i = 0; i < run->header_count; i++)
		free(run->headers[i]);
	free(run->headers);
	import_map_release(&run->map);
	import_find_free(run->find);
	import_row_release(&run->row);
	import_row_release(&run->defaults);
	import_row_release(&run->newcomer);
	access_release(&run->access);
	buf_release(&run->line);
	buf_release(&run->reason);
}

enum err_code
import_file(struct import_result *out, struct node *node, const char *path,
    const struct import_options *options, struct err *err)
{
	struct run run = { .options = options, .result = out, .node = node, .path = path };
	struct err own;
	enum err_code code;

	memset(out, 0, sizeof(*out));
	if (err == NULL)
		err = &own;
	if ((code = check_options(&run, err)) == OK && (code = read_header(&run, err)) == OK &&
	    (code = prepare(&run, err)) == OK && (code = take_rows(&run, err)) == OK)
		code = close_errors(&run, err);
	release(&run);
	return code;
}
