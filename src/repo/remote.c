#include "repo/remote.h"

#include <git2.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "repo/smart.h"
#include "repo/transport.h"
#include "repo/view.h"

static void
library_start(void)
{
	if (git_libgit2_init() < 0) {
		fputs("satchel: libgit2 does not start\n", stderr);
		abort();
	}
	for (int level = GIT_CONFIG_LEVEL_PROGRAMDATA; level <= GIT_CONFIG_LEVEL_GLOBAL; level++)
		git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, "/nonexistent");
	/* An object in a cache would outlive the purge of its row. */
	git_libgit2_opts(GIT_OPT_ENABLE_CACHING, 0);
	git_libgit2_opts(GIT_OPT_SET_PACK_MAX_OBJECTS, (size_t)pack_limits_default.objects);
}

void
remote_library_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, library_start);
}

struct session {
	struct view view;
	git_repository *repository;
	git_remote *remote;
	git_remote_callbacks callbacks;
};

/* A reference that the other side refuses is no error to libgit2. */
static int
reference_answered(const char *name, const char *why, void *context)
{
	struct view *view = context;

	if (why == NULL)
		return 0;
	if (strncmp(why, SMART_STALE, sizeof("stale") - 1) == 0)
		return view_fail(view, ERR_CONFLICT, "%s: %s", name, why);
	return view_fail(view, ERR_DENIED, "the hub refuses %s: %s", name, why);
}

static int
session_open(struct session *session, const struct remote_options *options, const uint8_t *tip,
    git_direction direction)
{
	git_remote_create_options create;
	git_remote_connect_options connect;
	int status;

	remote_library_init();
	git_error_clear();
	*session = (struct session){ .view = { .options = options, .tip = tip } };
	git_remote_init_callbacks(&session->callbacks, GIT_REMOTE_CALLBACKS_VERSION);
	session->callbacks.transport = transport_new;
	session->callbacks.push_update_reference = reference_answered;
	session->callbacks.payload = &session->view;
	if ((status = view_open(&session->repository, &session->view)) < 0)
		return status;
	git_remote_create_options_init(&create, GIT_REMOTE_CREATE_OPTIONS_VERSION);
	create.repository = session->repository;
	/* Looking "insteadOf" up leaks in libgit2 1.5, and nothing may redirect a feed. */
	create.flags = GIT_REMOTE_CREATE_SKIP_INSTEADOF | GIT_REMOTE_CREATE_SKIP_DEFAULT_FETCHSPEC;
	if ((status = git_remote_create_with_opts(&session->remote, options->path, &create)) < 0)
		return status;
	git_remote_connect_options_init(&connect, GIT_REMOTE_CONNECT_OPTIONS_VERSION);
	connect.callbacks = session->callbacks;
	connect.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
	return git_remote_connect_ext(session->remote, direction, &connect);
}

/* The other side's tip of the branch; OUT stays zero when it has none. */
static int
session_tip(uint8_t out[20], struct session *session)
{
	const git_remote_head **heads;
	size_t count;
	int status;

	if ((status = git_remote_ls(&heads, &count, session->remote)) < 0)
		return status;
	for (size_t i = 0; i < count; i++)
		if (strcmp(heads[i]->name, session->view.options->ref) == 0)
			memcpy(out, heads[i]->oid.id, 20);
	return 0;
}

/* Our own words before libgit2's: it has none, or worse ones. */
static enum err_code
session_close(struct session *session, int status, struct err *err)
{
	const git_error *last = git_error_last();
	enum err_code code = OK;

	if (session->view.err.code != OK)
		code = err_set(err, session->view.err.code, "%s", session->view.err.msg);
	else if (status == GIT_ENONFASTFORWARD)
		code = err_set(err, ERR_CONFLICT, "the other side has commits of %s that are not here",
		    session->view.options->ref);
	else if (status < 0)
		code = err_set(err, ERR_NETWORK, "talking to the other side: %s",
		    last != NULL ? last->message : "no reason given");
	git_remote_free(session->remote);
	git_repository_free(session->repository);
	return code;
}

static int
upload(struct session *session)
{
	git_push_options push;
	const char *ref = session->view.options->ref;
	char spec[160], *specs[] = { spec };
	git_strarray array = { .strings = specs, .count = 1 };

	snprintf(spec, sizeof(spec), "%s%s:%s", session->view.options->replace ? "+" : "", ref, ref);
	git_push_options_init(&push, GIT_PUSH_OPTIONS_VERSION);
	push.pb_parallelism = 1;
	push.callbacks = session->callbacks;
	push.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
	/* Not git_remote_push, which goes on to update references of the view. */
	return git_remote_upload(session->remote, &array, &push);
}

/* libgit2 leaks the reference, and the view with it, when its object is not
 * readable; and there is no use in connecting then. */
static enum err_code
check_readable(const struct remote_options *options, const uint8_t tip[20], struct err *err)
{
	enum pack_type type = PACK_COMMIT;
	enum err_code code;
	struct buf content;

	buf_init(&content, pack_limits_default.object_bytes);
	code = options->read(options->context, tip, &type, &content, err);
	buf_release(&content);
	return code;
}

enum err_code
remote_push(const struct remote_options *options, const uint8_t tip[20], struct err *err)
{
	uint8_t theirs[20] = { 0 };
	struct session session;
	enum err_code code;
	int status;

	if ((code = check_readable(options, tip, err)) != OK)
		return code;
	if ((status = session_open(&session, options, tip, GIT_DIRECTION_PUSH)) == 0 &&
	    (status = session_tip(theirs, &session)) == 0 && memcmp(theirs, tip, 20) != 0)
		status = upload(&session);
	/* A commit of ours that it has gone back to: what came after is not kept whole. */
	if (status == GIT_ENOTFOUND)
		status = GIT_ENONFASTFORWARD;
	return session_close(&session, status, err);
}

static int
download(struct session *session)
{
	git_fetch_options fetch;
	const char *ref = session->view.options->ref;
	char spec[160], *specs[] = { spec };
	git_strarray array = { .strings = specs, .count = 1 };

	snprintf(spec, sizeof(spec), "+%s:%s", ref, ref);
	git_fetch_options_init(&fetch, GIT_FETCH_OPTIONS_VERSION);
	fetch.callbacks = session->callbacks;
	fetch.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
	fetch.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
	/* Not git_remote_fetch, which leaves a FETCH_HEAD in the working directory. */
	return git_remote_download(session->remote, &array, &fetch);
}

enum err_code
remote_fetch(const struct remote_options *options, uint8_t new_tip[20], bool *fetched, struct err *err)
{
	static const uint8_t none[20];
	struct session session;
	enum err_code code;
	int status;

	memset(new_tip, 0, 20);
	*fetched = false;
	status = session_open(&session, options, options->tip, GIT_DIRECTION_FETCH);
	if (status == 0 && (status = session_tip(session.view.want, &session)) == 0 &&
	    memcmp(session.view.want, none, 20) != 0 &&
	    (options->tip == NULL || memcmp(session.view.want, options->tip, 20) != 0))
		status = download(&session);
	if ((code = session_close(&session, status, err)) != OK)
		return code;
	memcpy(new_tip, session.view.want, 20);
	*fetched = session.view.fetched;
	return OK;
}
