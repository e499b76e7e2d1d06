#include "node/past.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "core/batch.h"
#include "store/db.h"
#include "store/log.h"
#include "store/row.h"

/* A record on its way through the log. */
struct walk {
	struct node *hub;
	struct row row;
	int64_t s, b;
	struct id id;
	enum err_code code;	/* of the first question about a dot that had no answer */
	struct err *err;
};

static bool
seen(void *context, struct dot dot)
{
	struct walk *w = context;
	bool is = false;

	if (w->code == OK)
		w->code = log_seen(&is, w->hub->db, w->s, dot, w->b, w->err);
	return is;
}

static bool
apply(struct walk *w, const struct batch *batch)
{
	const struct type *type = w->row.type;
	bool any = false;

	for (size_t i = 0; i < batch->op_count; i++) {
		const struct op *op = &batch->ops[i];
		const struct field *field;

		if (schema_type(op->type, op->type_len) != type || !id_equal(&op->record, &w->id))
			continue;
		any = true;
		if (op->field == NULL)
			cell_apply_deletion(&w->row.deletion, op, batch_dot(batch, i), batch->wall_ms, seen, w);
		else if ((field = schema_field(type, op->field, op->field_len)) != NULL)
			cell_apply(&w->row.cells[field - type->fields], field->kind, op, batch_dot(batch, i),
			    batch->wall_ms, seen, w);
	}
	return any;
}

/* Take the next batch of BS that changes the record; *MORE false after the last. */
static enum err_code
step(struct walk *w, bool *more, const int64_t *bs, size_t count, size_t *next, struct err *err)
{
	struct log_batch entry;
	struct batch batch;
	struct buf text;
	enum err_code code = OK;

	buf_init(&text, BATCH_BYTES_MAX);
	for (*more = false; code == OK && !*more && *next < count; (*next)++) {
		w->b = bs[*next];
		if ((code = log_batch_text(&text, &entry, w->hub->db, w->b, err)) != OK || entry.voided ||
		    (code = batch_decode(&batch, text.p, text.len, err)) != OK)
			continue;
		*more = apply(w, &batch);
		code = w->code;
		batch_release(&batch);
	}
	buf_release(&text);
	return code;
}

static bool
is_deleted(const struct row *row)
{
	size_t count;
	struct dot *live = row_dots(row, &count);
	bool deleted = cell_is_deleted(&row->deletion, live, count);

	free(live);
	return deleted;
}

enum err_code
past_subjects(struct past_subject **out, size_t *count, struct node *hub, const struct id *person,
    struct err *err)
{
	struct walk w = { .hub = hub, .s = BLOCK_PEOPLE, .id = *person, .err = err };
	size_t n, next = 0, cap = 0;
	int64_t *bs;
	bool more = true;
	enum err_code code;

	*out = NULL;
	*count = 0;
	row_init(&w.row, &schema_types[TYPE_PERSON], 0);
	code = db_numbers(&bs, &n, hub->db, SQL_BATCH_OF_SHARD, err, "i", w.s);
	while (code == OK && more)
		if ((code = step(&w, &more, bs, n, &next, err)) == OK && more) {
			*out = mem_grow(*out, *count, &cap, sizeof(**out));
			(*out)[*count].b = w.b;
			access_subject_of(&(*out)[(*count)++].subject, person, w.row.cells, is_deleted(&w.row));
		}
	row_release(&w.row);
	free(bs);
	return code;
}

enum err_code
past_assignments(struct past_assignment **out, size_t *count, struct node *hub, int64_t client_k,
    struct err *err)
{
	struct walk w = { .hub = hub, .s = client_k * 32 + BLOCK_ASSIGNMENT, .err = err };
	struct log_record client;
	size_t n = 0, next = 0, cap = 0;
	int64_t *bs = NULL;
	bool more = true;
	enum err_code code;

	*out = NULL;
	*count = 0;
	row_init(&w.row, &schema_types[TYPE_ASSIGNMENT], client_k);
	if ((code = log_record_by_k(&client, hub->db, client_k, err)) == OK) {
		w.id = client.id;
		code = db_numbers(&bs, &n, hub->db, SQL_BATCH_OF_SHARD, err, "i", w.s);
	}
	while (code == OK && more)
		if ((code = step(&w, &more, bs, n, &next, err)) == OK && more) {
			*out = mem_grow(*out, *count, &cap, sizeof(**out));
			(*out)[*count].b = w.b;
			access_assignment_of(&(*out)[(*count)++].assignment, &client.id, w.row.cells);
		}
	row_release(&w.row);
	free(bs);
	return code;
}

enum err_code
past_assignment(struct assignment *out, bool *assigned, struct node *hub, int64_t client_k, int64_t b,
    struct err *err)
{
	struct past_assignment *all;
	size_t count;
	enum err_code code = past_assignments(&all, &count, hub, client_k, err);

	*assigned = false;
	for (size_t i = 0; code == OK && i < count && all[i].b <= b; i++) {
		*assigned = true;
		*out = all[i].assignment;
	}
	free(all);
	return code;
}

enum err_code
past_access(struct access *out, bool *revoked, struct node *hub, const struct id *person, node_t device,
    const struct witness *when, struct err *err)
{
	struct statement *statements = NULL, *all = NULL;
	struct past_subject *past = NULL;
	size_t count = 0, all_count = 0, n = 0;
	enum err_code code;

	*out = (struct access){ .epoch = when->epoch };
	if ((code = access_facts(&out->subject, &statements, &count, hub, person, device, err)) != OK ||
	    (code = access_statements(&all, &all_count, hub, err)) != OK) {
		access_statements_free(statements, count);
		return code;
	}
	if ((code = past_subjects(&past, &n, hub, person, err)) == OK) {
		out->subject = (struct subject){ .person = *person, .role = ROLE_COUNT };
		for (size_t i = 0; i < n && past[i].b <= when->b; i++)
			out->subject = past[i].subject;
		*revoked = policy_node_revoked(all, all_count, device, when->epoch);
		code = policy_fold(&out->rules, &out->subject, statements, count, when->epoch,
		    (uint64_t)when->at_ms, err);
	}
	free(past);
	access_statements_free(all, all_count);
	access_statements_free(statements, count);
	return code;
}

enum err_code
past_ever(struct access **out, size_t *count, struct node *hub, const struct id *person, struct err *err)
{
	struct statement *statements = NULL;
	struct past_subject *past = NULL;
	struct subject now;
	size_t all, grants = 0;
	uint64_t epoch;
	enum err_code code;

	*out = NULL;
	*count = 0;
	if ((code = access_epoch(&epoch, hub, err)) != OK ||
	    (code = access_facts(&now, &statements, &all, hub, person, 0, err)) != OK)
		return code;
	/* Revokes to the end, where the fold does not see them. */
	for (size_t i = 0; i < all; i++)
		if (!statements[i].revoke) {
			struct statement grant = statements[i];

			statements[i] = statements[grants];
			statements[grants++] = grant;
		}
	if ((code = past_subjects(&past, count, hub, person, err)) == OK) {
		*out = mem_alloc((*count + 1) * sizeof(**out));
		/* What a restored hub knows of him from his passport only is no batch. */
		for (size_t i = 0; i <= *count && code == OK; i++) {
			(*out)[i].subject = i < *count ? past[i].subject : now;
			(*out)[i].epoch = epoch;
			code = policy_fold(&(*out)[i].rules, &(*out)[i].subject, statements, grants, epoch, 0,
			    err);
		}
		(*count)++;
	}
	free(past);
	access_statements_free(statements, all);
	return code;
}
