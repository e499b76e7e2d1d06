#include "repo/view.h"

#include <git2/sys/config.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void
entry_free(git_config_entry *entry)
{
	(void)entry;
}

/* libgit2 deltifies whatever is not larger than its "big file" threshold, which
 * up to 1.9 it reads from pack.deltaCacheSize and not from where git has it. */
static git_config_entry entries[] = {
	{ .name = "pack.deltacachesize", .value = "1", .level = GIT_CONFIG_LEVEL_APP, .free = entry_free },
	{ .name = "core.bigfilethreshold", .value = "1", .level = GIT_CONFIG_LEVEL_APP, .free = entry_free },
	{ .name = "pack.threads", .value = "1", .level = GIT_CONFIG_LEVEL_APP, .free = entry_free },
};
enum { ENTRIES = sizeof(entries) / sizeof(entries[0]) };

struct iterator {
	git_config_iterator parent;
	size_t next;
};

static int config_snapshot(git_config_backend **out, git_config_backend *backend);

static int
config_open(git_config_backend *backend, git_config_level_t level, const git_repository *repository)
{
	(void)backend, (void)level, (void)repository;
	return 0;
}

static int
config_get(git_config_backend *backend, const char *key, git_config_entry **out)
{
	(void)backend;
	for (size_t i = 0; i < ENTRIES; i++)
		if (strcmp(entries[i].name, key) == 0) {
			*out = &entries[i];
			return 0;
		}
	return GIT_ENOTFOUND;
}

static int
iterator_next(git_config_entry **out, git_config_iterator *base)
{
	struct iterator *iterator = (struct iterator *)base;

	if (iterator->next == ENTRIES)
		return GIT_ITEROVER;
	*out = &entries[iterator->next++];
	return 0;
}

static void
iterator_free(git_config_iterator *base)
{
	free(base);
}

static int
config_iterator(git_config_iterator **out, git_config_backend *backend)
{
	struct iterator *iterator = mem_alloc(sizeof(*iterator));

	iterator->parent.backend = backend;
	iterator->parent.next = iterator_next;
	iterator->parent.free = iterator_free;
	*out = &iterator->parent;
	return 0;
}

static void
config_free(git_config_backend *backend)
{
	free(backend);
}

/* Nothing sets a value: a backend that says it is read-only is not asked to. */
static git_config_backend *
backend_new(void)
{
	git_config_backend *backend = mem_alloc(sizeof(*backend));

	git_config_init_backend(backend, GIT_CONFIG_BACKEND_VERSION);
	backend->readonly = 1;
	backend->open = config_open;
	backend->get = config_get;
	backend->iterator = config_iterator;
	backend->snapshot = config_snapshot;
	backend->free = config_free;
	return backend;
}

static int
config_snapshot(git_config_backend **out, git_config_backend *backend)
{
	(void)backend;
	*out = backend_new();
	return 0;
}

int
view_config_open(git_config **out)
{
	git_config_backend *backend;
	int status;

	if ((status = git_config_new(out)) < 0)
		return status;
	backend = backend_new();
	if ((status = git_config_add_backend(*out, backend, GIT_CONFIG_LEVEL_APP, NULL, 0)) < 0) {
		config_free(backend);
		git_config_free(*out);
		*out = NULL;
	}
	return status;
}
