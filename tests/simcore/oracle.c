#include "oracle.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/value.h"
#include "shelf.h"

/* --- cells --- */

/* An op as its author meant it. */
struct meant {
	const struct op *op;
	struct dot dot;
	uint64_t wall_ms;
	enum kind kind;
	uint8_t type, field;
};

static int
compare_meant(const void *a, const void *b)
{
	const struct meant *x = a, *y = b;
	int order = memcmp(x->op->record.b, y->op->record.b, 16);

	if (order == 0)
		order = x->type - y->type;
	if (order == 0)
		order = x->field - y->field;
	if (order == 0)
		order = x->dot.writer < y->dot.writer ? -1 : x->dot.writer > y->dot.writer;
	return order ? order : x->dot.seq < y->dot.seq ? -1 : x->dot.seq > y->dot.seq;
}

static struct meant *
gather(size_t *count, const struct shelf *shelf, bool old)
{
	struct meant *out;
	size_t most = 1;

	for (size_t i = 0; i < shelf->count; i++)
		most += shelf->entries[i].parcel->truth->op_count;
	out = mem_alloc(most * sizeof(*out));
	*count = 0;
	for (size_t i = 0; i < shelf->count; i++) {
		const struct batch *batch = shelf->entries[i].parcel->truth;

		for (size_t n = 0; n < batch->op_count && !shelf->entries[i].is_void; n++) {
			struct meant *one = &out[*count];

			*one = (struct meant){ .op = &batch->ops[n], .dot = { batch->writer, batch->seq + n },
				.wall_ms = batch->wall_ms };
			*count += field_kind(&one->kind, &one->type, &one->field, one->op, old);
		}
	}
	qsort(out, *count, sizeof(*out), compare_meant);
	return out;
}

static bool
same_field(const struct meant *a, const struct meant *b)
{
	return a->type == b->type && a->field == b->field && memcmp(a->op->record.b, b->op->record.b, 16) == 0;
}

static bool
same_dot(struct dot a, struct dot b)
{
	return a.writer == b.writer && a.seq == b.seq;
}

static bool
names(const struct op *op, struct dot dot)
{
	for (size_t i = 0; i < op->dot_count; i++)
		if (same_dot(op->dots[i], dot))
			return true;
	return false;
}

/* Does ONE of the COUNT ops of its field still stand? */
static bool
stands(const struct meant *one, const struct meant *ops, size_t count)
{
	enum verb verb = one->op->verb;

	if (verb == VERB_DEL || verb == VERB_RESTORE)
		return false;
	for (size_t i = 0; i < count; i++) {
		/* What a delete and a line of a log name is what they had seen. */
		if (ops[i].op->verb == VERB_DELETE || ops[i].op->verb == VERB_LOG)
			continue;
		if (names(ops[i].op, one->dot))
			return false;
	}
	return true;
}

static int64_t
number_of(struct value value)
{
	char text[24] = "";

	memcpy(text, value.p, value.len < sizeof(text) ? value.len : sizeof(text) - 1);
	return strtoll(text, NULL, 10);
}

/* What stands of the COUNT ops of one field: freed by the caller.  NUMBERS has room for
 * what a counter's items say. */
static size_t
standing(struct item *out, char (*numbers)[24], const struct meant *ops, size_t count)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		const struct op *op = ops[i].op;
		struct item item = { .dot = ops[i].dot, .wall_ms = ops[i].wall_ms };
		enum kind kind = ops[i].kind;

		if (kind == KIND_COUNTER) {
			int64_t sum = number_of(op->value);

			/* Ascending by writer: the sum so far is the one before. */
			if (n && out[n - 1].dot.writer == item.dot.writer) {
				n--;
				sum += strtoll(numbers[n], NULL, 10);
			}
			char *end = numbers[n] + 23;

			*end = '\0';
			for (uint64_t rest = (uint64_t)(sum < 0 ? -sum : sum); rest || *end == '\0'; rest /= 10)
				*--end = (char)('0' + rest % 10);
			if (sum < 0)
				*--end = '-';
			memmove(numbers[n], end, strlen(end) + 1);
			item.value = numbers[n];
			item.value_len = (uint32_t)strlen(numbers[n]);
			out[n++] = item;
			continue;
		}
		if (!stands(&ops[i], ops, count))
			continue;
		item.key = (char *)(uintptr_t)op->key.p;
		item.key_len = (uint32_t)op->key.len;
		if (kind != KIND_SET) {
			item.value = (char *)(uintptr_t)op->value.p;
			item.value_len = (uint32_t)op->value.len;
		}
		out[n++] = item;
	}
	return n;
}

static bool
comes_before(const struct item *a, const struct item *b, bool oldest_first)
{
	size_t shorter = a->key_len < b->key_len ? a->key_len : b->key_len;
	int order = shorter ? memcmp(a->key, b->key, shorter) : 0;

	if (order || a->key_len != b->key_len)
		return order ? order < 0 : a->key_len < b->key_len;
	if (a->wall_ms != b->wall_ms)
		return (a->wall_ms > b->wall_ms) != oldest_first;
	if (a->dot.writer != b->dot.writer)
		return (a->dot.writer > b->dot.writer) != oldest_first;
	return (a->dot.seq > b->dot.seq) != oldest_first;
}

static void
sort(struct item *items, size_t count, bool oldest_first)
{
	for (size_t i = 1; i < count; i++)
		for (size_t n = i; n > 0 && comes_before(&items[n], &items[n - 1], oldest_first); n--) {
			struct item item = items[n];

			items[n] = items[n - 1];
			items[n - 1] = item;
		}
}

/* Does a delete that stands know everything that stands of its record? */
static bool
is_deleted(const struct meant *deletes, size_t count, const struct meant *all, size_t all_count)
{
	for (size_t d = 0; d < count; d++) {
		bool knows = stands(&deletes[d], deletes, count);

		for (size_t i = 0, n; i < all_count && knows; i += n) {
			for (n = 1; i + n < all_count && same_field(&all[i], &all[i + n]);)
				n++;
			if (all[i].field == DELETION || !id_equal(&all[i].op->record, &deletes[d].op->record))
				continue;
			for (size_t k = i; k < i + n; k++) {
				/* Of a counter each writer's last step stands for all of his. */
				bool alive = all[k].kind == KIND_COUNTER ? k + 1 == i + n || all[k + 1].dot.writer != all[k].dot.writer :
				    stands(&all[k], all + i, n);

				knows = knows && (!alive || names(deletes[d].op, all[k].dot));
			}
		}
		if (knows)
			return true;
	}
	return false;
}

uint64_t
oracle_state(const struct shelf *shelf, bool old)
{
	size_t count, n;
	struct meant *all = gather(&count, shelf, old);
	struct item *items = mem_alloc((count + 1) * sizeof(*items));
	char (*numbers)[24] = mem_alloc((count + 1) * sizeof(*numbers));
	uint64_t state = 0;

	for (size_t i = 0; i < count; i += n) {
		uint64_t hash = 0, shown = 0;
		size_t live, alike = 0;

		for (n = 1; i + n < count && same_field(&all[i], &all[i + n]);)
			n++;
		if ((live = standing(items, numbers, all + i, n)) == 0)
			continue;
		sort(items, live, all[i].kind == KIND_LOG);
		for (size_t k = 0; k < live; k++) {
			hash = state_item(hash, &items[k]);
			if (items[k].value_len == 4 && memcmp(items[k].value, "true", 4) == 0)
				shown = 1;
			if (items[k].key_len == items[0].key_len && (items[0].key_len == 0 ||
			    memcmp(items[k].key, items[0].key, items[0].key_len) == 0))
				alike++;
		}
		if (all[i].field != DELETION)
			shown = org_mix(org_mix(shown, items[0].dot.seq), alike);
		else if (is_deleted(all + i, n, all, count))
			state += state_deleted(&all[i].op->record);
		state += state_slot(&all[i].op->record, all[i].type, all[i].field, hash, shown);
	}
	free(items);
	free(numbers);
	free(all);
	return state;
}

/* --- rights --- */

static struct {
	struct statement *said;		/* all that anybody ever stated */
	size_t said_count, said_cap;
	bool known;
	const struct statement **here;	/* at the hub */
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
		if (same_dot(oracle.said[i - 1].dot, dot))
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
look(void)
{
	const struct shelf *shelf = &HUB->shelves[SHARD_COMMON(BLOCK_POLICY)];
	size_t most = 1;

	if (oracle.known)
		return;
	for (size_t i = 0; i < shelf->count; i++)
		most += shelf->entries[i].parcel->truth->op_count;
	free(oracle.here);
	oracle.here = mem_alloc(most * sizeof(struct statement *));
	oracle.count = 0;
	for (size_t i = 0; i < shelf->count; i++) {
		const struct batch *batch = shelf->entries[i].parcel->truth;

		for (size_t n = 0; n < batch->op_count && !shelf->entries[i].is_void; n++)
			if ((oracle.here[oracle.count] = said((struct dot){ batch->writer, batch->seq + n })) != NULL)
				oracle.count++;
	}
	close_over();
	oracle.known = true;
}

/* The text of a register at the hub; *APART: two different ones stand side by side. */
static void
text_at_hub(char out[64], bool *apart, uint32_t shard, const struct id *record, uint8_t type, uint8_t field)
{
	size_t count, n = 0, live;
	struct meant *all = gather(&count, &HUB->shelves[shard], false);
	struct item *items = mem_alloc((count + 1) * sizeof(*items));

	for (size_t i = 0; i < count; i++)
		if (all[i].type == type && all[i].field == field && id_equal(&all[i].op->record, record))
			all[n++] = all[i];
	live = standing(items, NULL, all, n);
	sort(items, live, false);
	out[0] = '\0';
	/* "..." */
	if (live && items[0].value_len >= 2 && items[0].value_len < 66) {
		memcpy(out, items[0].value + 1, items[0].value_len - 2);
		out[items[0].value_len - 2] = '\0';
	}
	*apart = false;
	for (size_t i = 1; i < live; i++)
		*apart = *apart || items[i].value_len != items[0].value_len ||
		    memcmp(items[i].value, items[0].value, items[0].value_len) != 0;
	free(items);
	free(all);
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
is_about(const struct statement *statement, const struct node *node)
{
	return statement->node == 0 && memcmp(statement->person.b, node->person.b, 16) == 0 &&
	    !(statement->until_ms && statement->until_ms <= org.now_ms);
}

/* GRANT: its place among what is at the hub; SIZE_MAX: what the role brings. */
static bool
taken_away(size_t grant, const struct selector *selector, uint8_t block, const struct facts *facts)
{
	for (size_t i = 0; i < oracle.count; i++) {
		const struct statement *revoke = oracle.here[i];

		if (!revoke->revoke || revoke->capabilities || !is_about(revoke, facts->node) ||
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
		if (oracle.here[i]->revoke && oracle.here[i]->capabilities & capability && is_about(oracle.here[i], node))
			given = false;
	for (size_t g = 0; g < oracle.count && !given; g++) {
		bool counts = !oracle.here[g]->revoke && oracle.here[g]->capabilities & capability &&
		    is_about(oracle.here[g], node);

		for (size_t i = 0; i < oracle.count && counts; i++)
			if (oracle.here[i]->revoke && oracle.here[i]->capabilities & capability && is_about(oracle.here[i], node))
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
		revoked = revoked || (oracle.here[i]->node == node->device && oracle.here[i]->revoke);
	for (size_t g = 0; g < oracle.count && revoked; g++) {
		bool knew = oracle.here[g]->node == node->device && !oracle.here[g]->revoke;

		for (size_t i = 0; i < oracle.count && knew; i++)
			if (oracle.here[i]->node == node->device && oracle.here[i]->revoke)
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
	text_at_hub(facts.role, &apart, people, &node->person, TYPE_PERSON, PERSON_ROLE);
	text_at_hub(facts.own_branch, &apart, people, &node->person, TYPE_PERSON, PERSON_BRANCH);
	if (is_revoked(node))
		return RIGHT_NONE;
	if (org_is_common(shard))
		return common_right(&facts, block);
	facts.client = &org.clients[client];
	shard = SHARD_OF(client, BLOCK_ASSIGNMENT);
	text_at_hub(facts.owner, &facts.contested, shard, facts.client, TYPE_ASSIGNMENT, ASSIGNMENT_OWNER);
	text_at_hub(facts.team, &apart, shard, facts.client, TYPE_ASSIGNMENT, ASSIGNMENT_TEAM);
	text_at_hub(facts.branch, &apart, shard, facts.client, TYPE_ASSIGNMENT, ASSIGNMENT_BRANCH);
	text_at_hub(facts.territory, &apart, shard, facts.client, TYPE_ASSIGNMENT, ASSIGNMENT_TERRITORY);
	text_at_hub(facts.segment, &apart, shard, facts.client, TYPE_ASSIGNMENT, ASSIGNMENT_SEGMENT);
	right = role_right(&selector, &facts, block);
	if (right && reaches(&selector, &facts) && !taken_away(SIZE_MAX, &selector, block, &facts))
		best = right;
	for (size_t g = 0; g < oracle.count; g++) {
		const struct statement *grant = oracle.here[g];

		if (!grant->revoke && !grant->capabilities && grant->right > best && is_about(grant, node) &&
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
