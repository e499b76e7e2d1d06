#include "bench_home.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "core/schema.h"
#include "node/edit.h"
#include "node/enrol.h"
#include "node/found.h"
#include "node/import.h"
#include "node/invite.h"
#include "store/db.h"

#define PATHS 16

static char scratch[512], ram[512];
static pid_t servers[8];	/* to be ended with us */

void
bench_must(enum err_code code, const struct err *err, const char *doing)
{
	if (code == OK)
		return;
	fprintf(stderr, "bench: %s: %s\n", doing, err->msg);
	exit(1);
}

double
bench_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* --- files --- */

static void
remove_tree(const char *path)
{
	struct dirent *entry;
	struct stat st;
	DIR *dir = opendir(path);

	while (dir && (entry = readdir(dir)) != NULL) {
		char child[1024];

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
		if (lstat(child, &st) == 0 && S_ISDIR(st.st_mode))
			remove_tree(child);
		else
			unlink(child);
	}
	if (dir)
		closedir(dir);
	rmdir(path);
}

static void
clean_up(void)
{
	for (size_t i = 0; i < sizeof(servers) / sizeof(*servers); i++)
		if (servers[i] > 0)
			kill(servers[i], SIGTERM);
	remove_tree(scratch);
	if (ram[0])
		remove_tree(ram);
}

const char *
bench_scratch(void)
{
	const char *base = getenv("TMPDIR");

	if (scratch[0])
		return scratch;
	snprintf(scratch, sizeof(scratch), "%s/satchel-bench-XXXXXX", base && *base ? base : "/var/tmp");
	if (mkdtemp(scratch) == NULL) {
		fprintf(stderr, "bench: %s: %s\n", scratch, strerror(errno));
		exit(1);
	}
	atexit(clean_up);
	return scratch;
}

static const char *
path_in(const char *where, const char *fmt, va_list args)
{
	static char paths[PATHS][1024];
	static unsigned next;
	char *path = paths[next++ % PATHS];
	size_t len = (size_t)snprintf(path, sizeof(paths[0]), "%s/", where);

	vsnprintf(path + len, sizeof(paths[0]) - len, fmt, args);
	return path;
}

const char *
bench_path(const char *fmt, ...)
{
	const char *path;
	va_list args;

	va_start(args, fmt);
	path = path_in(bench_scratch(), fmt, args);
	va_end(args);
	return path;
}

const char *
bench_ram_path(const char *fmt, ...)
{
	const char *path;
	va_list args;

	bench_scratch();
	if (ram[0] == '\0') {
		snprintf(ram, sizeof(ram), "/dev/shm/satchel-bench-XXXXXX");
		if (mkdtemp(ram) == NULL)
			ram[0] = '\0';
	}
	va_start(args, fmt);
	path = path_in(ram[0] ? ram : scratch, fmt, args);
	va_end(args);
	return path;
}

const char *
bench_clients_csv(unsigned long count)
{
	const char *path = bench_path("clients-%lu.csv", count);
	char command[1200];

	snprintf(command, sizeof(command), "tools/make-clients %lu > '%s'", count, path);
	if (access(path, F_OK) != 0 && system(command) != 0) {
		fprintf(stderr, "bench: %s failed; run it from the top of the source\n", command);
		exit(1);
	}
	return path;
}

double
bench_database_bytes(struct node *node)
{
	char *path = node_path(node, "satchel.db");
	struct stat st = { .st_size = 0 };
	struct err err;

	bench_must(db_truncate_wal(node->db, &err), &err, "checkpoint");
	stat(path, &st);
	free(path);
	return (double)st.st_size;
}

/* --- homes --- */

struct node *
bench_hub(const char *home)
{
	const struct founding founding = { .org = "Bench", .person = "Ana Ionescu" };
	struct node *node;
	struct err err;

	bench_must(found_hub(&node, home, &founding, &err), &err, "found a hub");
	return node;
}

double
bench_import(struct node *node, const char *csv, unsigned long rows)
{
	const struct import_options options = { .type = "client", .map = "external_id=,name=name,"
	    "city=city,phone=phones,email=emails,tax_id=tax_id,address=address,country=,owner=" };
	struct import_result result;
	double start = bench_now();
	struct err err;

	bench_must(import_file(&result, node, csv, &options, &err), &err, "import");
	if (result.rows != rows || result.errors) {
		fprintf(stderr, "bench: %lu of %lu rows imported, %lu with errors (%s)\n", result.rows,
		    rows, result.errors, result.first_error);
		exit(1);
	}
	return bench_now() - start;
}

struct node *
bench_join(struct node *hub, const struct bench_server *server, const struct id *person, const char *home)
{
	char code[INVITE_CODE_TEXT];
	struct node *node;
	struct err err;

	bench_must(invite_person(code, hub, person, &err), &err, "invite");
	bench_must(enrol_join(&node, home, server->url, code, "bench", &err), &err, "join");
	return node;
}

double
bench_sync(struct sync_result *result, struct node *node)
{
	const struct sync_options options = { .url = NULL };
	double start = bench_now();
	struct err err;

	bench_must(sync_run(result, node, &options, &err), &err, "sync");
	return bench_now() - start;
}

/* --- the server's process --- */

void
bench_serve(struct bench_server *out, const char *satchel, const char *home)
{
	bench_serve_at(out, satchel, home, "127.0.0.1:0");
}

void
bench_serve_at(struct bench_server *out, const char *satchel, const char *home, const char *listen)
{
	char line[256] = "", *url;
	int ends[2];
	size_t i;
	FILE *in;

	if (pipe(ends) != 0 || (out->pid = fork()) < 0) {
		fprintf(stderr, "bench: start the hub: %s\n", strerror(errno));
		exit(1);
	}
	if (out->pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		execl(satchel, satchel, "--home", home, "serve", "--listen", listen, (char *)NULL);
		_exit(127);
	}
	for (i = 0; servers[i] > 0; i++)
		;
	servers[i] = out->pid;
	close(ends[1]);
	in = fdopen(ends[0], "r");
	if (fgets(line, sizeof(line), in) == NULL || (url = strstr(line, "http://")) == NULL) {
		fprintf(stderr, "bench: %s serve did not start\n", satchel);
		exit(1);
	}
	snprintf(out->url, sizeof(out->url), "%.*s", (int)strcspn(url, "\n"), url);
	fclose(in);
}

void
bench_serve_end(struct bench_server *server)
{
	kill(server->pid, SIGTERM);
	waitpid(server->pid, NULL, 0);
	for (size_t i = 0; i < sizeof(servers) / sizeof(*servers); i++)
		if (servers[i] == server->pid)
			servers[i] = 0;
}

/* --- work --- */

static void
set_text(struct edit *edit, const struct type *type, const char *field, const char *text)
{
	struct buf value;
	struct err err;

	buf_init(&value, VALUE_MAX);
	value_add_string(&value, text, strlen(text));
	bench_must(edit_op(edit, schema_field(type, field, strlen(field)), VERB_SET, VALUE_NONE,
	    (struct value){ value.p, value.len }, &err), &err, field);
	buf_release(&value);
}

struct id
bench_person(struct node *hub, const char *name, const char *role)
{
	const struct type *type = schema_type("person", 6);
	struct edit *edit;
	struct err err;
	struct id id;

	bench_must(edit_begin(&edit, hub, &err), &err, "begin");
	bench_must(edit_new(edit, type, NULL, &id, &err), &err, "a person");
	set_text(edit, type, "name", name);
	set_text(edit, type, "role", role);
	bench_must(edit_commit(edit, &err), &err, "a person");
	return id;
}

void
bench_persons(struct id *out, size_t count, struct node *hub, const char *role)
{
	const struct type *type = schema_type("person", 6);
	struct edit *edit;
	struct err err;
	char name[32];

	bench_must(edit_begin(&edit, hub, &err), &err, "begin");
	for (size_t i = 0; i < count; i++) {
		bench_must(edit_new(edit, type, NULL, &out[i], &err), &err, "a person");
		snprintf(name, sizeof(name), "Rep %zu", i);
		set_text(edit, type, "name", name);
		set_text(edit, type, "role", role);
	}
	bench_must(edit_commit(edit, &err), &err, "persons");
}

struct id *
bench_client_ids(struct node *node, size_t count)
{
	struct id *ids = mem_alloc(count * sizeof(*ids));
	struct sqlite3_stmt *stmt;
	struct err err;
	bool row;

	bench_must(db_query(&stmt, node->db, SQL_RECORD_CLIENTS, &err, "i", (int64_t)0), &err, "clients");
	for (size_t i = 0; i < count; i++) {
		bench_must(db_row(node->db, stmt, &row, &err), &err, "clients");
		if (!row || !db_col_id(stmt, 1, &ids[i])) {
			fprintf(stderr, "bench: %zu clients here, not %zu\n", i, count);
			exit(1);
		}
	}
	db_reset(stmt);
	return ids;
}

void
bench_give(struct node *hub, const struct id *clients, size_t count, const struct id *owner)
{
	const struct type *type = schema_type("assignment", 10);
	struct edit *edit;
	char hex[ID_HEX];
	struct err err;

	id_to_hex(hex, owner);
	bench_must(edit_begin(&edit, hub, &err), &err, "begin");
	for (size_t i = 0; i < count; i++) {
		bench_must(edit_open(edit, type, &clients[i], &err), &err, "assign");
		set_text(edit, type, "owner", hex);
	}
	bench_must(edit_commit(edit, &err), &err, "assign");
}

void
bench_give_each(struct node *hub, const struct id *clients, size_t each, const struct id *owners, size_t count)
{
	for (size_t i = 0; i < count; i++)
		bench_give(hub, clients + i * each, each, &owners[i]);
}

void
bench_edit(struct node *node, const struct id *client, const char *text)
{
	const struct type *type = schema_type("client", 6);
	struct edit *edit;
	struct err err;

	bench_must(edit_begin(&edit, node, &err), &err, "begin");
	bench_must(edit_open(edit, type, client, &err), &err, "open a client");
	set_text(edit, type, "postcode", text);
	bench_must(edit_commit(edit, &err), &err, "edit");
}
