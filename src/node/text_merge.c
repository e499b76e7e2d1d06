#include "node/text_merge.h"

#include <git2.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "core/batch.h"
#include "core/cell.h"
#include "store/log.h"
#include "store/row.h"

/* How far back a common ancestor is looked for. */
#define ANCESTORS_MAX 256

/* A version: who wrote it, when, what it superseded. */
struct version {
	struct dot dot, *parents;
	size_t parent_count;
	uint64_t wall_ms;
	char *text;
};

struct versions {
	struct version v[ANCESTORS_MAX];
	size_t count;
};

static void
versions_free(struct versions *versions)
{
	for (size_t i = 0; versions && i < versions->count; i++) {
		free(versions->v[i].parents);
		free(versions->v[i].text);
	}
	free(versions);
}

/* *FOUND false when the op is not here: its batch was purged, or is still to come. */
static enum err_code
read_version(struct version *out, bool *found, struct node *node, int64_t s, struct dot dot,
    struct err *err)
{
	struct log_batch entry;
	struct batch batch;
	struct buf text, plain;
	const struct op *op;
	int64_t w, b;
	enum err_code code;

	*found = false;
	code = log_writer(&w, node->db, dot.writer, false, err);
	if (code == ERR_NOT_FOUND)
		return OK;
	if (code != OK || (code = log_batch_of_dot(&b, found, node->db, s, w, dot.seq, err)) != OK || !*found)
		return code;
	*found = false;
	buf_init(&text, BATCH_BYTES_MAX);
	code = log_batch_text(&text, &entry, node->db, b, err);
	if (code == OK && !entry.voided && (code = batch_decode(&batch, text.p, text.len, err)) == OK) {
		op = &batch.ops[dot.seq - batch.seq];
		buf_init(&plain, VALUE_MAX);
		value_get_string(&plain, op->value);
		*out = (struct version){ .dot = dot, .wall_ms = batch.wall_ms, .parent_count = op->dot_count,
			.parents = mem_dup(op->dots, op->dot_count * sizeof(*op->dots)),
			.text = mem_strndup(plain.p, plain.len) };
		*found = true;
		buf_release(&plain);
		batch_release(&batch);
	}
	buf_release(&text);
	return code;
}

static const struct version *
version_of(const struct versions *versions, struct dot dot)
{
	for (size_t i = 0; i < versions->count; i++)
		if (dot_equal(versions->v[i].dot, dot))
			return &versions->v[i];
	return NULL;
}

/* The version of DOT and everything before it, as far as it is here. */
static enum err_code
read_history(struct versions **out, struct node *node, int64_t s, struct dot dot, struct err *err)
{
	struct versions *all = mem_alloc(sizeof(*all));
	enum err_code code;
	bool found;

	code = read_version(&all->v[0], &found, node, s, dot, err);
	all->count = code == OK && found;
	for (size_t i = 0; code == OK && i < all->count; i++) {
		const struct version *at = &all->v[i];

		for (size_t p = 0; code == OK && p < at->parent_count && all->count < ANCESTORS_MAX; p++) {
			if (version_of(all, at->parents[p]))
				continue;
			code = read_version(&all->v[all->count], &found, node, s, at->parents[p], err);
			all->count += code == OK && found;
		}
	}
	*out = all;
	return code;
}

static bool
is_parent(const struct version *parent, const struct version *of)
{
	for (size_t i = 0; i < of->parent_count; i++)
		if (dot_equal(of->parents[i], parent->dot))
			return true;
	return false;
}

/* What both had seen last; the clock decides only where neither came of the other. */
static const struct version *
common_ancestor(const struct versions *a, const struct versions *b)
{
	const struct version *best = NULL;

	for (size_t i = 1; i < a->count; i++) {
		const struct version *v = &a->v[i];

		if (!version_of(b, v->dot))
			continue;
		if (best == NULL || is_parent(best, v) ||
		    (!is_parent(v, best) && v->wall_ms > best->wall_ms))
			best = v;
	}
	return best;
}

static enum err_code
merge(struct buf *out, bool *clean, const char *base, const char *ours, const char *theirs,
    struct err *err)
{
	git_merge_file_options options = { .version = GIT_MERGE_FILE_OPTIONS_VERSION };
	git_merge_file_input inputs[3];
	const char *texts[3] = { base, ours, theirs };
	git_merge_file_result result = { 0 };
	enum err_code code = OK;

	git_libgit2_init();
	for (int i = 0; i < 3; i++) {
		inputs[i] = (git_merge_file_input){ .version = GIT_MERGE_FILE_INPUT_VERSION,
			.ptr = texts[i], .size = strlen(texts[i]), .path = "text" };
	}
	options.our_label = "shown";
	options.their_label = "other";
	if (git_merge_file(&result, &inputs[0], &inputs[1], &inputs[2], &options) < 0) {
		code = err_set(err, ERR_INVALID, "merging the texts: %s",
		    git_error_last() ? git_error_last()->message : "failed");
	} else {
		buf_add(out, result.ptr, result.len);
		*clean = *clean && result.automergeable;
	}
	git_merge_file_result_free(&result);
	git_libgit2_shutdown();
	return code;
}

enum err_code
text_merge(struct buf *out, bool *clean, struct node *node, const struct row *row, uint8_t f,
    int64_t s, struct err *err)
{
	const struct cell *cell = &row->cells[f];
	struct versions *first = NULL, *other = NULL;
	const struct version *base;
	struct buf merged, text;
	enum err_code code = OK;

	*clean = true;
	if (!cell_in_conflict(cell, KIND_TEXT))
		return OK;
	buf_init(&merged, BATCH_BYTES_MAX);
	buf_init(&text, BATCH_BYTES_MAX);
	value_get_string(&merged, (struct value){ cell->items[0].value, cell->items[0].value_len });
	code = read_history(&first, node, s, cell->items[0].dot, err);
	for (size_t i = 1; code == OK && i < cell->count; i++) {
		char *ours = mem_strndup(merged.p, merged.len);

		buf_clear(&text);
		buf_clear(&merged);
		value_get_string(&text, (struct value){ cell->items[i].value, cell->items[i].value_len });
		if ((code = read_history(&other, node, s, cell->items[i].dot, err)) == OK) {
			base = common_ancestor(first, other);
			code = merge(&merged, clean, base ? base->text : "", ours, text.p, err);
		}
		versions_free(other);
		other = NULL;
		free(ours);
	}
	if (code == OK)
		buf_add(out, merged.p, merged.len);
	versions_free(first);
	buf_release(&merged);
	buf_release(&text);
	return code;
}
