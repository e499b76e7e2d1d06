#include "node/bundle_part.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "crypto/key.h"
#include "node/feed_pack.h"
#include "node/outbox.h"
#include "node/serve_feed.h"
#include "repo/pack.h"
#include "store/db.h"

#define RECORDS_MAX 1024

/* --- writing --- */

enum err_code
bundle_add_commits(struct bundle_result *result, struct bundle_writer *w, struct node *node,
    const struct feed *feed, uint64_t after, uint64_t until, const struct feed_view *view, struct err *err)
{
	struct buf record;
	int64_t first, batches, n;
	bool carried;
	enum err_code code;

	/* A chain need not begin with 1. */
	if (db_int(&first, NULL, node->db, SQL_OBJECT_FIRST, err, "i", feed->f) != OK)
		return err->code;
	if (after + 1 < (uint64_t)first)
		after = (uint64_t)first - 1;
	buf_init(&record, BUNDLE_RECORD_MAX);
	for (code = OK; code == OK && after < until;) {
		uint8_t oid[20] = { 0 };

		after++;
		buf_clear(&record);
		buf_add(&record, oid, sizeof(oid));
		if ((code = feed_pack(&record, oid, feed, node, after, view, err)) != OK ||
		    (code = db_int(&batches, NULL, node->db, SQL_ENTRY_COUNT, err, "ii", feed->f,
		    (int64_t)after)) != OK)
			break;
		/* A fetch over the line makes the chain anew and notes no ids. */
		if (view && (code = db_int(&n, &carried, node->db, SQL_CARRIED_GET, err, "ib", feed->f,
		    oid, sizeof(oid))) == OK && !carried)
			code = err_set(err, ERR_CONFLICT, "that node syncs over the line just now: try again");
		if (code != OK)
			break;
		memcpy(record.p, oid, sizeof(oid));
		code = bundle_writer_add(w, BUNDLE_COMMIT, record.p, record.len, err);
		result->commits++;
		result->batches += (uint64_t)batches;
	}
	buf_release(&record);
	return code;
}

static void
sync_directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? mem_strndup(path, (size_t)(slash - path) + 1) : mem_strdup(".");
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	free(dir);
	/* Not every file system of a stick can; the file itself is synced. */
	if (fd >= 0) {
		(void)fsync(fd);
		close(fd);
	}
}

enum err_code
bundle_write(struct bundle_result *result, struct node *node, const char *path, node_t to, struct err *err)
{
	char *partial;
	FILE *file = NULL;
	int fd;
	enum err_code code;

	*result = (struct bundle_result){ .from = node->id };
	if (node->hub && (to == 0 || to == node->id))
		return err_set(err, ERR_USAGE, "here is the hub: --for names the node that the bundle is for "
		    "(satchel nodes lists them)");
	if (!node->hub && to != 0 && to != key_node(node->hub_key))
		return err_set(err, ERR_USAGE, "a node writes bundles for its hub only: --for hub");
	result->to = node->hub ? to : key_node(node->hub_key);
	if (access(path, F_OK) == 0)
		return err_set(err, ERR_CONFLICT, "%s exists already", path);
	partial = mem_alloc(strlen(path) + 6);
	sprintf(partial, "%s.part", path);
	fd = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || (file = fdopen(fd, "wb")) == NULL) {
		code = err_set(err, ERR_IO, "create %s: %s", partial, strerror(errno));
		if (fd >= 0)
			close(fd);
		free(partial);
		return code;
	}
	code = node->hub ? bundle_write_down(result, node, to, file, err) :
	    bundle_write_up(result, node, file, err);
	if (code == OK && (fchmod(fd, 0600) != 0 || fsync(fd) != 0))
		code = err_set(err, ERR_IO, "write %s: %s", partial, strerror(errno));
	if (fclose(file) != 0 && code == OK)
		code = err_set(err, ERR_IO, "write %s: %s", partial, strerror(errno));
	if (code == OK && rename(partial, path) != 0)
		code = err_set(err, ERR_IO, "name the bundle %s: %s", path, strerror(errno));
	if (code == OK)
		sync_directory_of(path);
	else
		remove(partial);
	free(partial);
	return code;
}

/* --- reading --- */

enum err_code
bundle_check_sender(const struct bundle_reader *r, struct node *node, struct err *err)
{
	const struct bundle_header *header = bundle_reader_header(r);
	struct serve_caller caller;
	uint64_t contact_ms;

	if (!id_equal(&header->org, &node->org))
		return err_set(err, ERR_DENIED, "this bundle is from another organisation");
	if (header->up != node->hub)
		return err_set(err, ERR_INVALID, "this bundle goes the other way");
	if (!node->hub)
		return bundle_reader_verify(r, node->hub_key, err);
	if (bundle_caller(&caller, &contact_ms, node, header->from, err) != OK)
		return err->code;
	return bundle_reader_verify(r, caller.key, err);
}

enum err_code
bundle_check(struct bundle_reader *r, struct node *node, struct err *err)
{
	struct bundle_record record;
	size_t records = 0;

	if (bundle_check_sender(r, node, err) != OK)
		return err->code;
	for (;;) {
		if (bundle_reader_next(&record, r, err) != OK)
			return err->code;
		if (record.kind == BUNDLE_END)
			return OK;
		if (++records > RECORDS_MAX)
			return err_set(err, ERR_INVALID, "the bundle has more parts than any can have");
		if (record.kind == BUNDLE_COMMIT && record.len > 20) {
			if (pack_scan(record.p + 20, record.len - 20, &pack_limits_default, NULL, NULL, err) != OK)
				return err_wrap(err, "bundle");
		} else if (record.kind == BUNDLE_LATE && node->hub) {
			if (outbox_check(record.p, record.len, err) != OK)
				return err->code;
		} else if (node->hub ? record.kind != BUNDLE_PASSPORT :
		    record.kind != BUNDLE_TAKEN || record.len % 32 != 0) {
			return err_set(err, ERR_INVALID, "the bundle has a part that this version cannot read; "
			    "upgrade satchel");
		}
	}
}

static enum err_code
read_file(struct bundle_result *result, struct node *node, FILE *file, struct err *err)
{
	struct bundle_reader *r = NULL;
	enum err_code code;

	/* To the end once, before anything is changed. */
	if ((code = bundle_reader_new(&r, file, node->key, err)) == OK) {
		const struct bundle_header *header = bundle_reader_header(r);

		result->from = header->from;
		result->to = header->to;
		result->time_ms = header->time_ms;
		code = bundle_check(r, node, err);
	}
	bundle_reader_free(r);
	if (code != OK)
		return code;
	rewind(file);
	if ((code = bundle_reader_new(&r, file, node->key, err)) == OK &&
	    (code = bundle_check_sender(r, node, err)) == OK)
		code = node->hub ? bundle_take_up(result, node, r, err) :
		    bundle_take_down(result, node, r, err);
	bundle_reader_free(r);
	return code;
}

enum err_code
bundle_read(struct bundle_result *result, struct node *node, const char *path, struct err *err)
{
	struct stat st;
	FILE *file;
	enum err_code code;

	*result = (struct bundle_result){ .to = node->id };
	if ((file = fopen(path, "rbe")) == NULL)
		return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "open %s: %s", path,
		    strerror(errno));
	/* It is read twice. */
	if (fstat(fileno(file), &st) != 0 || !S_ISREG(st.st_mode))
		code = err_set(err, ERR_USAGE, "%s is no file", path);
	else
		code = read_file(result, node, file, err);
	fclose(file);
	return code;
}
