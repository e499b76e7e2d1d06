/* The actions that are swept, and what must be there before each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "core/schema.h"
#include "node/backup.h"
#include "node/edit.h"
#include "node/enrol.h"
#include "node/found.h"
#include "node/import.h"
#include "node/query.h"
#include "node/serve.h"
#include "store/db.h"
#include "store/record.h"
#include "sweep.h"

#define URL "http://hub.sim"
#define PASSPHRASE "not a good one"
#define ROWS 200

static char invite[INVITE_CODE_TEXT], file[160], backup[160];
static uint64_t old_incarnation;

/* --- what is written --- */

/* What was to strike SEAT is over, before questions of ours. */
static void
acted(struct seat *seat, enum err_code code)
{
	enum disk_strike struck;

	if (disk_is_dead(seat->disk))
		return;
	if ((struck = scene_calm(seat)) != DISK_FINE)
		seat->struck = struck;
	seat_acted(seat, code);
}

/* One action of SEAT's: a record of TYPE (of client N unless it is one) with a word. */
static enum err_code
add(struct seat *seat, int type_no, int client, struct err *err)
{
	const struct type *type = &schema_types[type_no];
	struct seat *before = world_act(seat);
	struct edit *edit;
	struct id id;
	char word[32], text[64];
	enum err_code code;

	world_canary(word, client, type->block);
	snprintf(text, sizeof(text), "%s of %s", word, seat->name);
	if ((code = edit_begin(&edit, seat->node, err)) != OK)
		return code;
	if ((code = edit_new(edit, type, type_no == TYPE_CLIENT ? NULL : &world.clients[client], &id, err)) == OK &&
	    (code = edit_set_text(edit, &type->fields[type_no == TYPE_NOTE ? NOTE_TEXT : CLIENT_NAME], text, err)) == OK)
		code = edit_commit(edit, err);
	else
		edit_abort(edit);
	if (code == OK && type_no == TYPE_CLIENT) {
		world.clients[client] = id;
		world.made[client] = true;
		if (world.client_count <= (size_t)client)
			world.client_count = (size_t)client + 1;
	}
	acted(seat, code);
	world_act(before);
	return code;
}

static void
must_add(struct seat *seat, int type_no, int client)
{
	struct err err;

	if (!world.failed && add(seat, type_no, client, &err) != OK)
		world_fail("setup", "%s: %s", schema_types[type_no].name, err.msg);
}

static void
give(int client, const struct id *person)
{
	const struct type *type = &schema_types[TYPE_ASSIGNMENT];
	struct seat *before = world_act(HUB);
	struct edit *edit;
	struct err err = { .code = OK };

	if (edit_begin(&edit, HUB->node, &err) == OK) {
		if (edit_open(edit, type, &world.clients[client], &err) != OK ||
		    edit_set_id(edit, &type->fields[ASSIGNMENT_OWNER], person, &err) != OK)
			edit_abort(edit);
		else
			edit_commit(edit, &err);
	}
	if (err.code != OK)
		world_fail("setup", "assignment: %s", err.msg);
	seat_acted(HUB, OK);
	world_act(before);
}

static enum err_code
session(struct err *err)
{
	struct sync_result result;
	enum err_code code = sync_run(&result, ANA->node, &(struct sync_options){ .url = URL }, err);

	acted(ANA, code);
	if (code == OK && !disk_is_dead(ANA->disk) && !disk_is_dead(HUB->disk)) {
		disk_calm(HUB->disk);
		seat_check_given(ANA);
	}
	return code;
}

static void
must_sync(void)
{
	struct err err;

	if (!world.failed && session(&err) != OK)
		world_fail("setup", "sync: %s", err.msg);
}

/* Two clients of Ana's, a third that somebody else looks after; notes about them. */
static void
prepare_clients(void)
{
	for (int i = 0; i < 3 && !world.failed; i++) {
		must_add(i ? HUB : ANA, TYPE_CLIENT, i);
		if (i && !world.failed)
			give(i, i == 2 ? &HUB->person : &ANA->person);
		must_add(i ? HUB : ANA, TYPE_NOTE, i);
	}
	must_sync();
	must_sync();
}

/* --- actions --- */

static enum err_code
act_edit(struct err *err)
{
	enum err_code code;

	world_act(ANA);
	if ((code = add(ANA, TYPE_NOTE, 0, err)) == OK)
		code = add(ANA, TYPE_NOTE, 1, err);
	return code;
}

/* One transaction. */
static enum err_code
act_note(struct err *err)
{
	return add(ANA, TYPE_NOTE, 0, err);
}

static void
prepare_import(void)
{
	FILE *out;

	prepare_clients();
	snprintf(file, sizeof(file), "%s/clients.csv", world.root);
	if ((out = fopen(file, "we")) == NULL) {
		world_fail("setup", "%s", file);
		return;
	}
	fputs("Nr,Name,City\n", out);
	for (int i = 0; i < ROWS; i++)
		fprintf(out, "%d,Imported number %d,Town %d\n", i, i, i % 7);
	fclose(out);
}

static enum err_code
act_import(struct err *err)
{
	struct import_options options = { .type = "client", .key = "Nr", .source = "sweep" };
	struct import_result result;
	enum err_code code;

	world_act(ANA);
	code = import_file(&result, ANA->node, file, &options, err);
	acted(ANA, code);
	return code;
}

static enum err_code
act_sync(struct err *err)
{
	world_act(ANA);
	return session(err);
}

static void
prepare_push(void)
{
	prepare_clients();
	for (int i = 0; i < 20; i++)
		must_add(ANA, TYPE_NOTE, i % 2);
}

static void
prepare_fetch(void)
{
	prepare_clients();
	for (int i = 0; i < 20; i++)
		must_add(HUB, TYPE_NOTE, i % 2);
}

static void
prepare_purge(void)
{
	prepare_clients();
	for (int i = 0; i < 10; i++)
		must_add(HUB, TYPE_NOTE, 1);
	must_sync();
	if (!world.failed)
		give(1, &HUB->person);
}

static enum err_code
act_open(struct err *err)
{
	json_t *list = NULL;
	enum err_code code;

	world_act(ANA);
	node_close(ANA->node);
	ANA->node = NULL;
	if ((code = node_open(&ANA->node, ANA->dir, err)) == OK)
		code = query_list(&list, ANA->node, "client", NULL, 0, 0, err);
	json_decref(list);
	return code;
}

static void
prepare_upgrade(void)
{
	struct err err;

	prepare_clients();
	if (world.failed)
		return;
	if (db_begin(ANA->node->db, &err) != OK ||
	    db_run(ANA->node->db, SQL_META_PUT, &err, "si", "tables", (int64_t)1) != OK ||
	    db_commit(ANA->node->db, &err) != OK)
		world_fail("setup", "%s", err.msg);
}

static enum err_code
act_rebuild(struct err *err)
{
	enum err_code code;

	world_act(ANA);
	if ((code = db_begin(ANA->node->db, err)) != OK)
		return code;
	code = record_rebuild(ANA->node->db, NULL, NULL, err);
	if (code == OK)
		return db_commit(ANA->node->db, err);
	db_rollback(ANA->node->db);
	return code;
}

/* --- homes that are made --- */

static void
prepare_restore(void)
{
	struct err err;

	prepare_clients();
	must_add(ANA, TYPE_NOTE, 0);
	if (world.failed)
		return;
	snprintf(backup, sizeof(backup), "%s/ana.saved", world.root);
	old_incarnation = ANA->node->incarnation;
	world_act(ANA);
	if (backup_write(ANA->node, backup, PASSPHRASE, &err) != OK)
		world_fail("setup", "backup: %s", err.msg);
	seat_off(ANA);
	disk_back(ANA->disk, NULL);
}

static enum err_code
act_restore(struct err *err)
{
	char path[192];
	enum err_code code;

	world_act(ANA);
	if (ANA->node)
		return OK;
	/* What was cut off is taken away first: the real files. */
	snprintf(path, sizeof(path), "%s/" NODE_RESTORING, ANA->dir);
	if (access(path, F_OK) == 0)
		disk_back(ANA->disk, NULL);
	code = backup_restore(&ANA->node, ANA->dir, backup, PASSPHRASE, err);
	snprintf(path, sizeof(path), "%s/satchel.db", ANA->dir);
	/* It was taken away, as a real file. */
	if (code != OK && !disk_is_dead(ANA->disk) && access(path, F_OK) != 0) {
		ANA->struck = disk_calm(ANA->disk);
		disk_back(ANA->disk, NULL);
	}
	return code;
}

/* It may have written under its old name after the backup. */
static bool
has_new_name(void)
{
	return ANA->node->incarnation != old_incarnation;
}

static void
prepare_join(void)
{
	struct seat *ion;

	prepare_clients();
	if (world.failed)
		return;
	ion = world_add_seat("ion");
	world_invite(invite, ion, 1);
}

static enum err_code
act_join(struct err *err)
{
	struct seat *ion = &world.seats[2];
	struct sync_result result;
	enum err_code code = OK;

	world_act(ion);
	if (ion->node == NULL)
		code = enrol_join(&ion->node, ion->dir, URL, invite, "ion", err);
	/* A fault at the very end: it was said to have failed, and was on the disk. */
	if (code == ERR_CONFLICT)
		code = node_open(&ion->node, ion->dir, err);
	if (code == OK)
		code = sync_run(&result, ion->node, &(struct sync_options){ .url = URL }, err);
	return code;
}

static void
prepare_found(void)
{
	world_add_seat("other");
}

static enum err_code
act_found(struct err *err)
{
	struct seat *other = &world.seats[2];
	enum err_code code;

	world_act(other);
	if (other->node)
		return OK;
	code = found_hub(&other->node, other->dir, &(struct founding){ .org = "Other", .person = "Eva" }, err);
	/* Done, and only the answer was lost. */
	if (code == ERR_CONFLICT)
		code = node_open(&other->node, other->dir, err);
	return code;
}

const struct action actions[] = {
	{ "edit", prepare_clients, act_note, .whole = true, .who = 1 },
	{ "two edits", prepare_clients, act_edit, .who = 1 },
	{ "import", prepare_import, act_import, .whole = true, .who = 1 },
	{ "push", prepare_push, act_sync, .whole = true, .at_hub = true, .who = 1 },
	{ "fetch", prepare_fetch, act_sync, .whole = true, .at_hub = true, .who = 1 },
	{ "purge", prepare_purge, act_sync, .at_hub = true, .who = 1 },
	{ "open", prepare_clients, act_open, .whole = true, .who = 1 },
	{ "upgrade", prepare_upgrade, act_open, .whole = true, .who = 1 },
	{ "rebuild", prepare_clients, act_rebuild, .whole = true, .who = 1 },
	{ "restore", prepare_restore, act_restore, .good = has_new_name, .makes = true, .who = 1 },
	{ "join", prepare_join, act_join, .makes = true, .at_hub = true, .who = 2 },
	{ "found", prepare_found, act_found, .makes = true, .alone = true, .who = 2 },
};
const size_t action_count = sizeof(actions) / sizeof(actions[0]);
