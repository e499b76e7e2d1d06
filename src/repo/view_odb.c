#include "repo/view.h"

#include <git2/sys/odb_backend.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

/* A pack that only just inflates to what is allowed, were it not compressible. */
#define PACK_BYTES_MAX ((64u << 20) + (1u << 20))

struct odb {
	git_odb_backend parent;
	struct view *view;
};

struct writepack {
	git_odb_writepack parent;
	struct view *view;
	struct buf pack;
	bool has_want;
};

static const git_object_t git_types[] = {
	[PACK_COMMIT] = GIT_OBJECT_COMMIT, [PACK_TREE] = GIT_OBJECT_TREE, [PACK_BLOB] = GIT_OBJECT_BLOB,
};

static int
object_read(struct buf *out, git_object_t *type, git_odb_backend *backend, const git_oid *oid)
{
	struct view *view = ((struct odb *)backend)->view;
	enum pack_type pack_type = PACK_BLOB;
	struct err err = { .code = OK };
	enum err_code code;

	buf_init(out, pack_limits_default.object_bytes);
	code = view->options->read(view->options->context, oid->id, &pack_type, out, &err);
	*type = git_types[pack_type];
	if (code == OK && !out->full)
		return 0;
	buf_release(out);
	if (code == ERR_NOT_FOUND)
		return GIT_ENOTFOUND;
	if (code == OK)
		return view_fail(view, ERR_INVALID, "an object of the branch is larger than %zu bytes", out->max);
	return view_keep(view, &err);
}

static int
odb_read(void **data, size_t *len, git_object_t *type, git_odb_backend *backend, const git_oid *oid)
{
	struct buf content;
	int status;

	if ((status = object_read(&content, type, backend, oid)) < 0)
		return status;
	*data = git_odb_backend_data_alloc(backend, content.len + 1);
	if (*data != NULL) {
		memcpy(*data, content.p, content.len + 1);
		*len = content.len;
	}
	buf_release(&content);
	return *data != NULL ? 0 : GIT_ERROR;
}

static int
odb_read_header(size_t *len, git_object_t *type, git_odb_backend *backend, const git_oid *oid)
{
	struct buf content;
	int status;

	if ((status = object_read(&content, type, backend, oid)) < 0)
		return status;
	*len = content.len;
	buf_release(&content);
	return 0;
}

static int
odb_exists(git_odb_backend *backend, const git_oid *oid)
{
	git_object_t type;
	size_t len;

	return odb_read_header(&len, &type, backend, oid) == 0;
}

static void
odb_free(git_odb_backend *backend)
{
	free(backend);
}

static int
pack_append(git_odb_writepack *base, const void *p, size_t len, git_indexer_progress *stats)
{
	struct writepack *writepack = (struct writepack *)base;

	buf_add(&writepack->pack, p, len);
	if (writepack->pack.full)
		return view_fail(writepack->view, ERR_INVALID, "a pack of more than %zu bytes", writepack->pack.max);
	stats->received_bytes += len;
	return 0;
}

static enum err_code
hand_out(void *context, const struct pack_object *object, struct err *err)
{
	struct writepack *writepack = context;
	const struct remote_options *options = writepack->view->options;

	if (memcmp(object->oid, writepack->view->want, sizeof(object->oid)) == 0)
		writepack->has_want = true;
	return options->object(options->context, object, err);
}

static int
pack_commit(git_odb_writepack *base, git_indexer_progress *stats)
{
	struct writepack *writepack = (struct writepack *)base;
	struct view *view = writepack->view;
	const struct buf *pack = &writepack->pack;
	struct err err = { .code = OK };

	(void)stats;
	/* Twice, so that the caller sees nothing of a pack that is refused. */
	if (pack_scan(pack->p, pack->len, &pack_limits_default, NULL, NULL, &err) != OK ||
	    pack_scan(pack->p, pack->len, &pack_limits_default, hand_out, writepack, &err) != OK)
		return view_keep(view, &err);
	if (!writepack->has_want)
		return view_fail(view, ERR_INVALID, "the pack does not hold the commit that was asked for");
	view->fetched = true;
	return 0;
}

static void
pack_free(git_odb_writepack *base)
{
	struct writepack *writepack = (struct writepack *)base;

	buf_release(&writepack->pack);
	free(writepack);
}

static int
odb_writepack(git_odb_writepack **out, git_odb_backend *backend, git_odb *odb,
    git_indexer_progress_cb progress, void *progress_context)
{
	struct writepack *writepack = mem_alloc(sizeof(*writepack));

	(void)odb, (void)progress, (void)progress_context;
	writepack->parent.backend = backend;
	writepack->parent.append = pack_append;
	writepack->parent.commit = pack_commit;
	writepack->parent.free = pack_free;
	writepack->view = ((struct odb *)backend)->view;
	buf_init(&writepack->pack, PACK_BYTES_MAX);
	*out = &writepack->parent;
	return 0;
}

/* No foreach and no prefixes: there is no listing of what is here. */
int
view_odb_open(git_odb **out, struct view *view)
{
	struct odb *backend;
	int status;

	if ((status = git_odb_new(out)) < 0)
		return status;
	backend = mem_alloc(sizeof(*backend));
	git_odb_init_backend(&backend->parent, GIT_ODB_BACKEND_VERSION);
	backend->parent.read = odb_read;
	backend->parent.read_header = odb_read_header;
	backend->parent.exists = odb_exists;
	backend->parent.writepack = odb_writepack;
	backend->parent.free = odb_free;
	backend->view = view;
	if ((status = git_odb_add_backend(*out, &backend->parent, 1)) < 0) {
		free(backend);
		git_odb_free(*out);
		*out = NULL;
	}
	return status;
}
