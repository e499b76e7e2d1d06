#include "oracle.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static struct {
	struct statement *said;		/* all that anybody ever stated */
	size_t said_count, said_cap;
	bool known;
	uint64_t day;
	const struct statement **here;	/* at the hub */
	bool *held;			/* it only holds, for the time being */
	size_t count;
	bool *follows;			/* [later * count + earlier] */
} oracle;

void
oracle_changed(void)
{
	oracle.known = false;
}

void
oracle_forget(void)
{
	free(oracle.said);
	free(oracle.here);
	free(oracle.held);
	free(oracle.follows);
	memset(&oracle, 0, sizeof(oracle));
}

void
oracle_said(const struct statement *statement)
{
	oracle.said = mem_grow(oracle.said, oracle.said_count, &oracle.said_cap, sizeof(*oracle.said));
	oracle.said[oracle.said_count++] = *statement;
	oracle.known = false;
}

static const struct statement *
said(struct dot dot)
{
	for (size_t i = oracle.said_count; i > 0; i--)
		if (oracle.said[i - 1].dot.writer == dot.writer && oracle.said[i - 1].dot.seq == dot.seq)
			return &oracle.said[i - 1];
	return NULL;
}

void
oracle_said_again(struct dot was, struct dot now, const struct op *op)
{
	const struct statement *before = said(was);
	struct statement again;

	if (before == NULL)
		return;
	again = *before;
	again.dot = now;
	again.after = (struct dot *)(uintptr_t)op->dots;
	again.after_count = op->dot_count;
	oracle_said(&again);
}

/* Has LATER's author seen EARLIER, if that is what UPTO stands for? */
static bool
reaches_back(struct dot upto, const struct statement *earlier)
{
	return upto.writer == earlier->dot.writer && upto.seq >= earlier->dot.seq;
}

static void
close_over(void)
{
	size_t count = oracle.count;
	bool more = true;

	free(oracle.follows);
	oracle.follows = mem_alloc(count * count + 1);
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < count; k++) {
			const struct statement *later = oracle.here[i], *earlier = oracle.here[k];

			if (later->dot.writer == earlier->dot.writer && later->dot.seq > earlier->dot.seq)
				oracle.follows[i * count + k] = true;
			for (size_t n = 0; n < later->after_count; n++)
				if (reaches_back(later->after[n], earlier))
					oracle.follows[i * count + k] = true;
		}
	while (more) {
		more = false;
		for (size_t i = 0; i < count; i++)
			for (size_t k = 0; k < count; k++)
				for (size_t n = 0; oracle.follows[i * count + k] && n < count; n++)
					if (oracle.follows[k * count + n] && !oracle.follows[i * count + n])
						more = oracle.follows[i * count + n] = true;
	}
}

static void
look_at(const struct entry *entry, bool held)
{
	const struct batch *batch = entry->parcel->truth;

	for (size_t n = 0; n < batch->op_count; n++) {
		const struct statement *one = said((struct dot){ batch->writer, batch->seq + n });

		if (one == NULL || (held && !one->revoke))
			continue;
		oracle.held[oracle.count] = held;
		oracle.here[oracle.count++] = one;
	}
}

static void
look(void)
{
	const struct shelf *shelf = &HUB->shelves[SHARD_COMMON(BLOCK_POLICY)];
	size_t most = 1;

	if (oracle.known && oracle.day == org.now_ms / DAY_MS)
		return;
	for (size_t i = 0; i < shelf->count; i++)
		most += shelf->entries[i].parcel->truth->op_count;
	for (size_t i = 0; i < HUB->aside_count; i++)
		most += HUB->aside[i].parcel->truth->op_count;
	free(oracle.here);
	free(oracle.held);
	oracle.held = mem_alloc(most);
	oracle.here = mem_alloc(most * sizeof(struct statement *));
	oracle.count = 0;
	for (size_t i = 0; i < shelf->count; i++)
		if (!shelf->entries[i].is_void)
			look_at(&shelf->entries[i], false);
	for (size_t i = 0; i < HUB->aside_count; i++)
		if (HUB->aside[i].hold_ms > org.now_ms)
			look_at(&HUB->aside[i], true);
	close_over();
	oracle.known = true;
	oracle.day = org.now_ms / DAY_MS;
}

struct facts {
	char role[64], own_branch[64];		/* of the person */
	char owner[64], team[64], branch[64], territory[64], segment[64];
	bool contested, holds;
	const struct node *node;
	const struct id *client;
};

static bool
same_name(const char *a, const char *b)
{
	return a[0] != '\0' && strcmp(a, b) == 0;
}

static bool
reaches(const struct selector *selector, const struct facts *facts)
{
	char person[ID_HEX];

	switch (selector->kind) {
	case SELECT_OWN:
		id_to_hex(person, &facts->node->person);
		return facts->contested ? !facts->holds : strcmp(person, facts->owner) == 0;
	case SELECT_TEAM:
		return same_name(selector->name, facts->team);
	case SELECT_BRANCH:
		return same_name(selector->name, facts->branch);
	case SELECT_TERRITORY:
		return same_name(selector->name, facts->territory);
	case SELECT_SEGMENT:
		return same_name(selector->name, facts->segment);
	case SELECT_CLIENT:
		return memcmp(selector->client.b, facts->client->b, 16) == 0;
	default:
		return true;
	}
}

static bool
by_the_same(const struct selector *a, const struct selector *b)
{
	return a->kind == b->kind && strcmp(a->name, b->name) == 0;
}

static bool
is_about(size_t at, const struct node *node)
{
	const struct statement *statement = oracle.here[at];

	/* A device is taken whole, or given back; only a hold of one is as if its person's all were. */
	if (statement->node)
		return oracle.held[at] && statement->node == node->device;
	return memcmp(statement->person.b, node->person.b, 16) == 0 &&
	    !(statement->until_ms && statement->until_ms <= org.now_ms);
}

/* GRANT: its place among what is at the hub; SIZE_MAX: what the role brings. */
static bool
taken_away(size_t grant, const struct selector *selector, uint8_t block, const struct facts *facts)
{
	for (size_t i = 0; i < oracle.count; i++) {
		const struct statement *revoke = oracle.here[i];

		if (!revoke->revoke || revoke->capabilities || !is_about(i, facts->node) || (oracle.held[i] && !facts->holds) ||
		    !(revoke->blocks >> block & 1) || !reaches(&revoke->selector, facts))
			continue;
		if (revoke->selector.kind != SELECT_CLIENT && revoke->selector.kind != SELECT_ALL &&
		    !by_the_same(&revoke->selector, selector))
			continue;
		if (grant == SIZE_MAX || !oracle.follows[grant * oracle.count + i])
			return true;
	}
	return false;
}

static bool
may(uint32_t capability, bool by_role, const struct node *node)
{
	bool given = by_role;

	if (capability == CAN_GRANT)
		return by_role;
	for (size_t i = 0; i < oracle.count; i++)
		if (oracle.here[i]->revoke && oracle.here[i]->capabilities & capability && is_about(i, node))
			given = false;
	for (size_t g = 0; g < oracle.count && !given; g++) {
		bool counts = !oracle.here[g]->revoke && oracle.here[g]->capabilities & capability &&
		    is_about(g, node);

		for (size_t i = 0; i < oracle.count && counts; i++)
			if (oracle.here[i]->revoke && oracle.here[i]->capabilities & capability && is_about(i, node))
				counts = oracle.follows[g * oracle.count + i];
		given = counts;
	}
	return given;
}

static bool
is_revoked(const struct node *node)
{
	bool revoked = false;

	for (size_t i = 0; i < oracle.count; i++)
		revoked = revoked || (oracle.here[i]->node == node->device && oracle.here[i]->revoke && !oracle.held[i]);
	for (size_t g = 0; g < oracle.count && revoked; g++) {
		bool knew = oracle.here[g]->node == node->device && !oracle.here[g]->revoke;

		for (size_t i = 0; i < oracle.count && knew; i++)
			if (oracle.here[i]->node == node->device && oracle.here[i]->revoke && !oracle.held[i])
				knew = oracle.follows[g * oracle.count + i];
		revoked = !knew;
	}
	return revoked;
}

static bool
is_one_of(uint8_t block, const char *words)
{
	const char *at = strstr(words, schema_blocks[block].name);

	return at != NULL;
}

/* The table of roles. */
static enum right
role_right(struct selector *selector, const struct facts *facts, uint8_t block)
{
	*selector = (struct selector){ .kind = SELECT_ALL };
	if (strcmp(facts->role, "head") == 0)
		return RIGHT_EDIT;
	if (strcmp(facts->role, "auditor") == 0)
		return RIGHT_SEE;
	if (strcmp(facts->role, "erp") == 0)
		return is_one_of(block, "finance documents deals") ? RIGHT_EDIT :
		    is_one_of(block, "profile assignment contacts") ? RIGHT_SEE : RIGHT_NONE;
	if (strcmp(facts->role, "rep") == 0) {
		selector->kind = SELECT_OWN;
	} else if (strcmp(facts->role, "branch") == 0) {
		selector->kind = SELECT_BRANCH;
		strcpy(selector->name, facts->own_branch);
	} else {
		return RIGHT_NONE;
	}
	return is_one_of(block, "profile contacts deals activities documents") ? RIGHT_EDIT :
	    is_one_of(block, "assignment finance marketing service") ? RIGHT_SEE : RIGHT_NONE;
}

static enum right
common_right(const struct facts *facts, uint8_t block)
{
	bool head = strcmp(facts->role, "head") == 0;

	if (facts->role[0] == '\0')
		return RIGHT_NONE;
	if (block == BLOCK_PEOPLE)
		return head ? RIGHT_EDIT : RIGHT_SEE;
	if (block == BLOCK_POLICY)
		return head ? RIGHT_EDIT : may(CAN_AUDIT, strcmp(facts->role, "auditor") == 0, facts->node) ? RIGHT_SEE : RIGHT_NONE;
	if (block == BLOCK_CATALOG && strcmp(facts->role, "erp") == 0)
		return RIGHT_EDIT;
	return may(CAN_CONFIGURE, head, facts->node) ? RIGHT_EDIT : RIGHT_SEE;
}

enum right
oracle_right(const struct node *node, uint32_t shard, bool holds)
{
	struct facts facts = { .node = node, .holds = holds };
	uint32_t people = SHARD_COMMON(BLOCK_PEOPLE), client = shard / COMMON_FIRST;
	struct selector selector;
	uint8_t block = org_shard(shard).block;
	enum right best = RIGHT_NONE, right;
	bool apart;

	look();
	oracle_text(facts.role, &apart, people, &node->person, TYPE_PERSON, PERSON_ROLE);
	oracle_text(facts.own_branch, &apart, people, &node->person, TYPE_PERSON, PERSON_BRANCH);
	if (is_revoked(node))
		return RIGHT_NONE;
	if (org_is_common(shard))
		return common_right(&facts, block);
	facts.client = &org.clients[client];
	shard = SHARD_OF(client, BLOCK_ASSIGNMENT);
	oracle_text(facts.owner, &facts.contested, shard, facts.client, TYPE_ASSIGNMENT, ASSIGNMENT_OWNER);
	oracle_text(facts.team, &apart, shard, facts.client, TYPE_ASSIGNMENT, ASSIGNMENT_TEAM);
	oracle_text(facts.branch, &apart, shard, facts.client, TYPE_ASSIGNMENT, ASSIGNMENT_BRANCH);
	oracle_text(facts.territory, &apart, shard, facts.client, TYPE_ASSIGNMENT, ASSIGNMENT_TERRITORY);
	oracle_text(facts.segment, &apart, shard, facts.client, TYPE_ASSIGNMENT, ASSIGNMENT_SEGMENT);
	right = role_right(&selector, &facts, block);
	if (right && reaches(&selector, &facts) && !taken_away(SIZE_MAX, &selector, block, &facts))
		best = right;
	for (size_t g = 0; g < oracle.count; g++) {
		const struct statement *grant = oracle.here[g];

		if (!grant->revoke && !grant->capabilities && grant->right > best && is_about(g, node) &&
		    grant->blocks >> block & 1 && reaches(&grant->selector, &facts) &&
		    !taken_away(g, &grant->selector, block, &facts))
			best = grant->right;
	}
	/* Who may edit an assignment changes it only with `reassign`. */
	if (block == BLOCK_ASSIGNMENT && best == RIGHT_EDIT &&
	    !may(CAN_REASSIGN, strcmp(facts.role, "head") == 0, node))
		best = RIGHT_SEE;
	return best;
}
