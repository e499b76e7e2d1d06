#include "model.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "node/access.h"

static struct {
	bool loaded;
	struct statement *statements;
	size_t count;
	int64_t newest;
} model;

void
model_forget(void)
{
	access_statements_free(model.statements, model.count);
	memset(&model, 0, sizeof(model));
}

static void
load(void)
{
	int64_t newest = world_number(HUB->node, "SELECT coalesce(max(b), 0) FROM batch");
	struct err err;

	if (model.loaded && model.newest == newest)
		return;
	model_forget();
	if (access_statements(&model.statements, &model.count, HUB->node, &err) != OK)
		world_fail("P9", "the hub's statements cannot be read: %s", err.msg);
	model.loaded = true;
	model.newest = newest;
}

/* --- facts --- */

struct facts {
	struct id owner;
	char role[16], team[64], branch[64], territory[64], segment[64];
};

static void
keep(char *out, size_t size, sqlite3_stmt *stmt, int i)
{
	const char *text = (const char *)sqlite3_column_text(stmt, i);

	out[0] = '\0';
	if (text && strlen(text) < size)
		memcpy(out, text, strlen(text) + 1);
}

static void
person_facts(struct facts *out, const struct id *person)
{
	sqlite3_stmt *stmt = world_query(HUB->node, "SELECT role, branch FROM person p JOIN record r ON r.k = p.k WHERE r.id = ?1");

	memset(out, 0, sizeof(*out));
	sqlite3_bind_blob(stmt, 1, person->b, 16, SQLITE_STATIC);
	if (sqlite3_step(stmt) == SQLITE_ROW) {
		keep(out->role, sizeof(out->role), stmt, 0);
		keep(out->branch, sizeof(out->branch), stmt, 1);
	}
	world_answered(stmt);
}

static void
client_facts(struct facts *out, const struct id *client)
{
	sqlite3_stmt *stmt = world_query(HUB->node, "SELECT owner, team, branch, territory, segment "
	    "FROM assignment a JOIN record r ON r.k = a.k WHERE r.id = ?1");

	memset(out, 0, sizeof(*out));
	sqlite3_bind_blob(stmt, 1, client->b, 16, SQLITE_STATIC);
	if (sqlite3_step(stmt) == SQLITE_ROW) {
		if (sqlite3_column_type(stmt, 0) == SQLITE_BLOB && sqlite3_column_bytes(stmt, 0) == 16)
			memcpy(out->owner.b, sqlite3_column_blob(stmt, 0), 16);
		else if (sqlite3_column_type(stmt, 0) == SQLITE_TEXT)
			id_from_hex(&out->owner, (const char *)sqlite3_column_text(stmt, 0),
			    (size_t)sqlite3_column_bytes(stmt, 0));
		keep(out->team, sizeof(out->team), stmt, 1);
		keep(out->branch, sizeof(out->branch), stmt, 2);
		keep(out->territory, sizeof(out->territory), stmt, 3);
		keep(out->segment, sizeof(out->segment), stmt, 4);
	}
	world_answered(stmt);
}

/* --- the fold --- */

static bool
same(const char *a, const char *b)
{
	return a[0] && strcmp(a, b) == 0;
}

static bool
reaches(const struct selector *selector, const struct id *person, const struct id *client,
    const struct facts *facts)
{
	switch (selector->kind) {
	case SELECT_OWN:
		return id_equal(&facts->owner, person) && !id_is_zero(person);
	case SELECT_TEAM:
		return same(selector->name, facts->team);
	case SELECT_BRANCH:
		return same(selector->name, facts->branch);
	case SELECT_TERRITORY:
		return same(selector->name, facts->territory);
	case SELECT_SEGMENT:
		return same(selector->name, facts->segment);
	case SELECT_CLIENT:
		return id_equal(&selector->client, client);
	default:
		return true;
	}
}

/* Had the author of LATER seen EARLIER, himself or through what he had seen?  Who has
 * seen a statement has seen all that its writer stated before. */
static bool
follows(const struct statement *later, struct dot earlier)
{
	bool *seen = mem_alloc(model.count * sizeof(*seen)), more = true, found = false;

	for (size_t i = 0; i < model.count; i++)
		seen[i] = &model.statements[i] == later;
	while (more) {
		more = false;
		for (size_t i = 0; i < model.count; i++) {
			const struct statement *one = &model.statements[i];

			for (size_t n = 0; seen[i] && n <= one->after_count; n++) {
				struct dot upto = n < one->after_count ? one->after[n] :
				    (struct dot){ one->dot.writer, one->dot.seq - 1 };

				for (size_t m = 0; m < model.count; m++) {
					const struct statement *other = &model.statements[m];

					if (seen[m] || other->dot.writer != upto.writer || other->dot.seq > upto.seq)
						continue;
					seen[m] = more = true;
					found = found || dot_equal(other->dot, earlier);
				}
			}
		}
	}
	free(seen);
	return found;
}

static bool
one_selector(const struct selector *a, const struct selector *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == SELECT_CLIENT)
		return id_equal(&a->client, &b->client);
	return a->kind == SELECT_OWN || a->kind == SELECT_ALL || strcmp(a->name, b->name) == 0;
}

/* GRANT is NULL for what the role gives by GIVEN. */
static bool
taken_away(const struct statement *grant, const struct selector *given, const struct id *person,
    const struct id *client, uint8_t block, const struct facts *facts)
{
	for (size_t i = 0; i < model.count; i++) {
		const struct statement *revoke = &model.statements[i];

		if (!revoke->revoke || revoke->node || !id_equal(&revoke->person, person) ||
		    !(revoke->blocks >> block & 1) || !reaches(&revoke->selector, person, client, facts))
			continue;
		if (revoke->selector.kind != SELECT_CLIENT && revoke->selector.kind != SELECT_ALL &&
		    !one_selector(&revoke->selector, given))
			continue;
		if (grant == NULL || !follows(grant, revoke->dot))
			return true;
	}
	return false;
}

static bool
is_one_of(uint8_t block, const char *blocks)
{
	char name[32];

	name[0] = ' ';
	strcpy(name + 1, schema_blocks[block].name);
	strcat(name, " ");
	return strstr(blocks, name) != NULL;
}

/* docs/ACCESS.md section 1. */
static enum right
by_role(struct selector *given, const char *role, const char *branch, uint8_t block)
{
	memset(given, 0, sizeof(*given));
	given->kind = SELECT_ALL;
	if (strcmp(role, "head") == 0)
		return RIGHT_EDIT;
	if (strcmp(role, "auditor") == 0)
		return RIGHT_SEE;
	if (strcmp(role, "erp") == 0)
		return is_one_of(block, " finance documents deals ") ? RIGHT_EDIT :
		    is_one_of(block, " profile assignment contacts ") ? RIGHT_SEE : RIGHT_NONE;
	if (strcmp(role, "rep") == 0) {
		given->kind = SELECT_OWN;
	} else if (strcmp(role, "branch") == 0) {
		given->kind = SELECT_BRANCH;
		strcpy(given->name, branch);
	} else {
		return RIGHT_NONE;
	}
	return is_one_of(block, " profile contacts deals activities documents ") ? RIGHT_EDIT :
	    is_one_of(block, " assignment finance marketing service ") ? RIGHT_SEE : RIGHT_NONE;
}

bool
model_contested(const struct id *client)
{
	sqlite3_stmt *stmt = world_query(HUB->node, "SELECT 1 FROM sibling s JOIN record r ON r.k = s.k WHERE r.id = ?1 "
	    "AND s.type = ?2 AND s.field = ?3");
	bool contested;

	sqlite3_bind_blob(stmt, 1, client->b, 16, SQLITE_STATIC);
	sqlite3_bind_int(stmt, 2, TYPE_ASSIGNMENT);
	sqlite3_bind_int(stmt, 3, ASSIGNMENT_OWNER);
	contested = sqlite3_step(stmt) == SQLITE_ROW;
	world_answered(stmt);
	return contested;
}

enum right
model_right(const struct seat *seat, const struct id *client, uint8_t block)
{
	struct facts person, facts;
	struct selector given;
	enum right best = RIGHT_NONE, right;

	load();
	person_facts(&person, &seat->person);
	client_facts(&facts, client);
	right = by_role(&given, person.role, person.branch, block);
	if (right && reaches(&given, &seat->person, client, &facts) &&
	    !taken_away(NULL, &given, &seat->person, client, block, &facts))
		best = right;
	for (size_t i = 0; i < model.count; i++) {
		const struct statement *grant = &model.statements[i];

		if (grant->revoke || grant->node || grant->right <= best ||
		    !id_equal(&grant->person, &seat->person) || !(grant->blocks >> block & 1) ||
		    !reaches(&grant->selector, &seat->person, client, &facts) ||
		    taken_away(grant, &grant->selector, &seat->person, client, block, &facts))
			continue;
		if (grant->until_ms && grant->until_ms <= world.now_ms)
			continue;
		best = grant->right;
	}
	/* Only a head changes whose a client is. */
	if (block == BLOCK_ASSIGNMENT && best == RIGHT_EDIT && strcmp(person.role, "head") != 0)
		best = RIGHT_SEE;
	return best;
}

enum right
model_common_right(const struct seat *seat, uint8_t block)
{
	struct facts person;

	person_facts(&person, &seat->person);
	if (strcmp(person.role, "head") == 0)
		return RIGHT_EDIT;
	if (block == BLOCK_POLICY)
		return strcmp(person.role, "auditor") == 0 ? RIGHT_SEE : RIGHT_NONE;
	return block == BLOCK_CATALOG && strcmp(person.role, "erp") == 0 ? RIGHT_EDIT : RIGHT_SEE;
}

bool
model_device_revoked(const struct seat *seat)
{
	load();
	for (size_t i = 0; i < model.count; i++) {
		const struct statement *revoke = &model.statements[i];

		if (revoke->revoke && revoke->node == seat->node->id)
			return true;
	}
	return false;
}
