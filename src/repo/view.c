#include "repo/view.h"

#include <fnmatch.h>
#include <git2/sys/refdb_backend.h>
#include <git2/sys/refs.h>
#include <git2/sys/repository.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct refdb {
	git_refdb_backend parent;
	struct view *view;
};

struct iterator {
	git_reference_iterator parent;
	struct view *view;
	bool over;
};

int
view_keep(struct view *view, const struct err *err)
{
	if (view->err.code == OK)
		view->err = *err;
	git_error_set_str(GIT_ERROR_CALLBACK, view->err.msg);
	return GIT_EUSER;
}

int
view_fail(struct view *view, enum err_code code, const char *fmt, ...)
{
	struct err err = { .code = code };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err.msg, sizeof(err.msg), fmt, ap);
	va_end(ap);
	return view_keep(view, &err);
}

static git_reference *
the_reference(const struct view *view)
{
	git_oid oid;

	git_oid_fromraw(&oid, view->tip);
	return git_reference__alloc(view->options->ref, &oid, NULL);
}

static bool
has(const git_refdb_backend *backend, const char *name)
{
	const struct view *view = ((const struct refdb *)backend)->view;

	return view->tip != NULL && strcmp(name, view->options->ref) == 0;
}

static int
refdb_exists(int *exists, git_refdb_backend *backend, const char *name)
{
	*exists = has(backend, name);
	return 0;
}

static int
refdb_lookup(git_reference **out, git_refdb_backend *backend, const char *name)
{
	*out = NULL;
	if (!has(backend, name))
		return GIT_ENOTFOUND;
	*out = the_reference(((struct refdb *)backend)->view);
	return *out != NULL ? 0 : GIT_ERROR;
}

static int
iterator_next(git_reference **out, git_reference_iterator *base)
{
	struct iterator *iterator = (struct iterator *)base;

	if (iterator->over)
		return GIT_ITEROVER;
	iterator->over = true;
	*out = the_reference(iterator->view);
	return *out != NULL ? 0 : GIT_ERROR;
}

static int
iterator_next_name(const char **name, git_reference_iterator *base)
{
	struct iterator *iterator = (struct iterator *)base;

	if (iterator->over)
		return GIT_ITEROVER;
	iterator->over = true;
	*name = iterator->view->options->ref;
	return 0;
}

static void
iterator_free(git_reference_iterator *base)
{
	free(base);
}

static int
refdb_iterator(git_reference_iterator **out, git_refdb_backend *backend, const char *glob)
{
	struct iterator *iterator = mem_alloc(sizeof(*iterator));
	struct view *view = ((struct refdb *)backend)->view;

	iterator->parent.next = iterator_next;
	iterator->parent.next_name = iterator_next_name;
	iterator->parent.free = iterator_free;
	iterator->view = view;
	iterator->over = view->tip == NULL || (glob != NULL && fnmatch(glob, view->options->ref, 0) != 0);
	*out = &iterator->parent;
	return 0;
}

/* libgit2 wants these to be there; a view is never written. */
static int
read_only(void)
{
	git_error_set_str(GIT_ERROR_REFERENCE, "the view of a branch is not written");
	return GIT_ERROR;
}

static int
refdb_write(git_refdb_backend *backend, const git_reference *reference, int force,
    const git_signature *who, const char *message, const git_oid *old, const char *old_target)
{
	(void)backend, (void)reference, (void)force, (void)who, (void)message, (void)old, (void)old_target;
	return read_only();
}

static int
refdb_rename(git_reference **out, git_refdb_backend *backend, const char *old_name, const char *new_name,
    int force, const git_signature *who, const char *message)
{
	(void)backend, (void)old_name, (void)new_name, (void)force, (void)who, (void)message;
	*out = NULL;
	return read_only();
}

static int
refdb_del(git_refdb_backend *backend, const char *name, const git_oid *old, const char *old_target)
{
	(void)backend, (void)name, (void)old, (void)old_target;
	return read_only();
}

static int
refdb_has_log(git_refdb_backend *backend, const char *name)
{
	(void)backend, (void)name;
	return 0;
}

static int
refdb_ensure_log(git_refdb_backend *backend, const char *name)
{
	(void)backend, (void)name;
	return read_only();
}

static int
refdb_reflog_read(git_reflog **out, git_refdb_backend *backend, const char *name)
{
	(void)backend, (void)name;
	*out = NULL;
	return GIT_ENOTFOUND;
}

static int
refdb_reflog_write(git_refdb_backend *backend, git_reflog *reflog)
{
	(void)backend, (void)reflog;
	return read_only();
}

static int
refdb_reflog_rename(git_refdb_backend *backend, const char *old_name, const char *new_name)
{
	(void)backend, (void)old_name, (void)new_name;
	return read_only();
}

static int
refdb_reflog_delete(git_refdb_backend *backend, const char *name)
{
	(void)backend, (void)name;
	return read_only();
}

static void
refdb_free(git_refdb_backend *backend)
{
	free(backend);
}

static int
refdb_open(git_refdb **out, git_repository *repository, struct view *view)
{
	struct refdb *backend;
	int status;

	if ((status = git_refdb_new(out, repository)) < 0)
		return status;
	backend = mem_alloc(sizeof(*backend));
	git_refdb_init_backend(&backend->parent, GIT_REFDB_BACKEND_VERSION);
	backend->parent.exists = refdb_exists;
	backend->parent.lookup = refdb_lookup;
	backend->parent.iterator = refdb_iterator;
	backend->parent.write = refdb_write;
	backend->parent.rename = refdb_rename;
	backend->parent.del = refdb_del;
	backend->parent.has_log = refdb_has_log;
	backend->parent.ensure_log = refdb_ensure_log;
	backend->parent.reflog_read = refdb_reflog_read;
	backend->parent.reflog_write = refdb_reflog_write;
	backend->parent.reflog_rename = refdb_reflog_rename;
	backend->parent.reflog_delete = refdb_reflog_delete;
	backend->parent.free = refdb_free;
	backend->view = view;
	if ((status = git_refdb_set_backend(*out, &backend->parent)) < 0) {
		free(backend);
		git_refdb_free(*out);
		*out = NULL;
	}
	return status;
}

int
view_open(git_repository **out, struct view *view)
{
	git_repository *repository = NULL;
	git_config *config = NULL;
	git_refdb *refdb = NULL;
	git_odb *odb = NULL;
	int status;

	if ((status = git_repository_new(&repository)) < 0 ||
	    (status = view_config_open(&config)) < 0 ||
	    (status = git_repository_set_config(repository, config)) < 0 ||
	    (status = view_odb_open(&odb, view)) < 0 ||
	    (status = git_repository_set_odb(repository, odb)) < 0 ||
	    (status = refdb_open(&refdb, repository, view)) < 0 ||
	    (status = git_repository_set_refdb(repository, refdb)) < 0)
		goto out;
	*out = repository;
	repository = NULL;
out:
	/* The repository holds references of its own to its parts. */
	git_refdb_free(refdb);
	git_odb_free(odb);
	git_config_free(config);
	git_repository_free(repository);
	return status;
}
