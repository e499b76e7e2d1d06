#include "node/node.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "crypto/key.h"
#include "node/purge.h"
#include "node/rekey.h"
#include "store/db.h"
#include "store/log.h"
#include "store/record.h"

char *
node_home(const char *argument)
{
	const char *base = argument ? argument : getenv("SATCHEL_HOME");
	char *home;

	if (base && *base)
		return mem_strdup(base);
	if ((base = getenv("XDG_DATA_HOME")) != NULL && *base) {
		home = mem_alloc(strlen(base) + 16);
		sprintf(home, "%s/satchel", base);
		return home;
	}
	base = getenv("HOME");
	home = mem_alloc((base ? strlen(base) : 1) + 32);
	sprintf(home, "%s/.local/share/satchel", base ? base : "");
	return home;
}

char *
node_path(const struct node *node, const char *name)
{
	char *path = mem_alloc(strlen(node->home) + strlen(name) + 2);

	sprintf(path, "%s/%s", node->home, name);
	return path;
}

uint64_t
node_now_ms(const struct node *node)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + node->clock_offset_ms);
}

struct id
node_new_id(const struct node *node)
{
	uint8_t random[10];

	key_random(random, sizeof(random));
	return id_make(node_now_ms(node), random);
}

static enum err_code
load_facts(struct node *node, struct err *err)
{
	struct db *db = node->db;
	int64_t hub, wiped;
	uint8_t bytes[8];

	if (log_meta_int(&hub, db, "hub", err) != OK || log_meta_int(&wiped, db, "wiped", err) != OK ||
	    log_meta_int(&node->clock_offset_ms, db, "clock_offset_ms", err) != OK ||
	    log_meta_text(node->hub_url, sizeof(node->hub_url), db, "hub_url", err) != OK ||
	    log_meta_text(node->currency, sizeof(node->currency), db, "currency", err) != OK ||
	    log_meta_blob(node->org.b, 16, db, "org", err) != OK ||
	    log_meta_blob(node->person.b, 16, db, "person", err) != OK ||
	    log_meta_blob(node->hub_key, 32, db, "hub_key", err) != OK ||
	    log_meta_blob(node->root_key, 32, db, "root_key", err) != OK ||
	    log_meta_blob(node->floor_key, 32, db, "floor_key", err) != OK ||
	    log_meta_blob(bytes, 8, db, "incarnation", err) != OK)
		return err_wrap(err, "this home is not complete");
	node->hub = hub != 0;
	node->wiped = wiped != 0;
	node->incarnation = bytes_get_be64(bytes);
	node->id = key_node(key_public(node->key));
	node->writer = key_writer(key_public(node->key), node->incarnation);
	return OK;
}

static struct node *
node_new(const char *home)
{
	struct node *node = mem_alloc(sizeof(*node));

	node->home = mem_strdup(home);
	return node;
}

/* Derived tables of another schema are empty now: fill them. */
static enum err_code
refill(struct node *node, struct err *err)
{
	if (db_begin(node->db, err) != OK)
		return err->code;
	if (record_rebuild(node->db, NULL, NULL, err) != OK) {
		db_rollback(node->db);
		return err_wrap(err, "bring the tables up to date");
	}
	return db_commit(node->db, err);
}

static enum err_code
refuse_unfinished(const char *home, struct err *err)
{
	char *path = mem_alloc(strlen(home) + sizeof(NODE_RESTORING) + 1);
	bool there;

	sprintf(path, "%s/%s", home, NODE_RESTORING);
	there = access(path, F_OK) == 0;
	free(path);
	return there ? err_set(err, ERR_CONFLICT, "the restore of %s was cut off: run satchel restore again", home) : OK;
}

enum err_code
node_open(struct node **out, const char *home, struct err *err)
{
	*out = NULL;
	return refuse_unfinished(home, err) == OK ? node_open_restored(out, home, err) : err->code;
}

enum err_code
node_open_restored(struct node **out, const char *home, struct err *err)
{
	struct node *node = node_new(home);
	char *db_path = node_path(node, "satchel.db"), *key_path = node_path(node, "node.key");
	bool stale = false;
	enum err_code code;

	*out = NULL;
	if ((code = db_open(&node->db, db_path, false, &stale, err)) == OK &&
	    (code = rekey_finish(node, err)) == OK &&
	    (code = key_load(&node->key, key_path, err)) == OK &&
	    (code = load_facts(node, err)) == OK &&
	    (!stale || (code = refill(node, err)) == OK) &&
	    (node->wiped || (code = log_writer(&node->w, node->db, node->writer, false, err)) == OK))
		code = purge_resume(node, err);
	if (code == OK)
		code = lease_look(node, err);
	free(db_path);
	free(key_path);
	if (code != OK) {
		node_close(node);
		return code;
	}
	*out = node;
	return OK;
}

/* A founding that was cut off has facts and no records yet. */
static enum err_code
is_complete(bool *out, struct db *db, struct err *err)
{
	int64_t hub, founded;
	uint8_t org[16];
	enum err_code code = log_meta_blob(org, sizeof(org), db, "org", err);

	*out = false;
	if (code != OK)
		return code == ERR_NOT_FOUND ? OK : code;
	if (log_meta_int(&hub, db, "hub", err) != OK || log_meta_int(&founded, db, "founded", err) != OK)
		return err->code;
	*out = !hub || founded;
	return OK;
}

/* Kept from the first attempt on: a hub whose answer was lost has entered it. */
static enum err_code
choose_incarnation(struct node *node, struct err *err)
{
	uint8_t bytes[8];
	enum err_code code = log_meta_blob(bytes, sizeof(bytes), node->db, "incarnation", err);

	if (code != ERR_NOT_FOUND) {
		node->incarnation = bytes_get_be64(bytes);
		return code;
	}
	key_random(&node->incarnation, sizeof(node->incarnation));
	node->incarnation >>= 1;
	bytes_put_be64(bytes, node->incarnation);
	if (db_begin(node->db, err) != OK)
		return err->code;
	if (db_run(node->db, SQL_META_PUT, err, "sb", "incarnation", bytes, sizeof(bytes)) != OK) {
		db_rollback(node->db);
		return err->code;
	}
	return db_commit(node->db, err);
}

enum err_code
node_create(struct node **out, const char *home, struct err *err)
{
	struct node *node = node_new(home);
	char *db_path = node_path(node, "satchel.db"), *key_path = node_path(node, "node.key");
	struct stat st;
	bool stale, complete;
	enum err_code code = OK;

	*out = NULL;
	if (mkdir(home, 0700) < 0 && errno != EEXIST)
		code = err_set(err, ERR_IO, "make the home %s: %s", home, strerror(errno));
	else if (lstat(home, &st) < 0 || !S_ISDIR(st.st_mode))
		code = err_set(err, ERR_INVALID, "%s is not a directory", home);
	if (code == OK)
		code = refuse_unfinished(home, err);
	if (code == OK && (code = key_load(&node->key, key_path, err)) == ERR_NOT_FOUND) {
		node->key = key_generate();
		code = key_save(node->key, key_path, err);
	}
	if (code == OK && (code = db_open(&node->db, db_path, true, &stale, err)) == OK &&
	    (code = is_complete(&complete, node->db, err)) == OK && complete)
		code = err_set(err, ERR_CONFLICT, "%s is a satchel home already; choose another with --home",
		    home);
	if (code == OK)
		code = choose_incarnation(node, err);
	free(db_path);
	free(key_path);
	if (code != OK) {
		node_close(node);
		return code;
	}
	node->id = key_node(key_public(node->key));
	node->writer = key_writer(key_public(node->key), node->incarnation);
	key_random(node->floor_key, sizeof(node->floor_key));
	*out = node;
	return OK;
}

enum err_code
node_save_facts(struct node *node, struct err *err)
{
	struct db *db = node->db;
	uint8_t bytes[8];

	bytes_put_be64(bytes, node->incarnation);
	if (log_writer(&node->w, db, node->writer, true, err) != OK ||
	    db_run(db, SQL_META_PUT, err, "si", "hub", (int64_t)node->hub) != OK ||
	    db_run(db, SQL_META_PUT, err, "ss", "hub_url", node->hub_url) != OK ||
	    db_run(db, SQL_META_PUT, err, "ss", "currency", node->currency) != OK ||
	    db_run(db, SQL_META_PUT, err, "sb", "org", node->org.b, (size_t)16) != OK ||
	    db_run(db, SQL_META_PUT, err, "sb", "person", node->person.b, (size_t)16) != OK ||
	    db_run(db, SQL_META_PUT, err, "sb", "hub_key", node->hub_key, (size_t)32) != OK ||
	    db_run(db, SQL_META_PUT, err, "sb", "root_key", node->root_key, (size_t)32) != OK ||
	    db_run(db, SQL_META_PUT, err, "sb", "floor_key", node->floor_key, (size_t)32) != OK ||
	    db_run(db, SQL_META_PUT, err, "sb", "incarnation", bytes, (size_t)8) != OK)
		return err_wrap(err, "write the facts of this home");
	return OK;
}

void
node_close(struct node *node)
{
	if (node == NULL)
		return;
	db_close(node->db);
	if (node->key)
		key_free(node->key);
	free(node->home);
	free(node);
}
