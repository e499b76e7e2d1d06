#include "core/policy.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/policy_graph.h"

const char *const role_names[ROLE_COUNT] = {
	[ROLE_HEAD] = "head", [ROLE_REP] = "rep", [ROLE_BRANCH] = "branch",
	[ROLE_ERP] = "erp", [ROLE_AUDITOR] = "auditor",
};

const char *const right_names[3] = { "none", "see", "edit" };

const char *const selector_names[7] = {
	"own", "team", "branch", "territory", "segment", "client", "all"
};

const char *const capability_names[CAPABILITY_COUNT] = {
	"export", "import", "merge", "delete", "reassign", "configure", "grant", "audit"
};

uint32_t
capability_from_text(const char *text, size_t len)
{
	for (unsigned i = 0; i < CAPABILITY_COUNT; i++)
		if (strlen(capability_names[i]) == len && memcmp(capability_names[i], text, len) == 0)
			return 1u << i;
	return 0;
}

enum role
role_from_text(const char *text, size_t len)
{
	size_t i = 0;

	while (i < ROLE_COUNT &&
	    (strlen(role_names[i]) != len || memcmp(role_names[i], text, len) != 0))
		i++;
	return (enum role)i;
}

#define BIT(block) (1u << BLOCK_##block)
#define FIELD_SEES (BIT(ASSIGNMENT) | BIT(FINANCE) | BIT(MARKETING) | BIT(SERVICE))
#define FIELD_EDITS (BIT(PROFILE) | BIT(CONTACTS) | BIT(DEALS) | BIT(ACTIVITIES) | BIT(DOCUMENTS))

/* What a role may do before anybody grants or revokes anything. */
#define PRESETS_MAX 2
static const struct preset {
	enum selector_kind selector;
	struct { uint32_t blocks; enum right right; } grants[PRESETS_MAX];
	uint32_t capabilities;
} presets[ROLE_COUNT] = {
	[ROLE_HEAD] = { SELECT_ALL, { { BLOCKS_ALL, RIGHT_EDIT } },
	    CAN_EXPORT | CAN_IMPORT | CAN_MERGE | CAN_DELETE | CAN_REASSIGN | CAN_CONFIGURE |
	    CAN_GRANT | CAN_AUDIT },
	[ROLE_REP] = { SELECT_OWN, { { FIELD_SEES, RIGHT_SEE }, { FIELD_EDITS, RIGHT_EDIT } },
	    CAN_IMPORT },
	[ROLE_BRANCH] = { SELECT_BRANCH, { { FIELD_SEES, RIGHT_SEE }, { FIELD_EDITS, RIGHT_EDIT } },
	    CAN_IMPORT },
	[ROLE_ERP] = { SELECT_ALL, {
	    { BIT(PROFILE) | BIT(ASSIGNMENT) | BIT(CONTACTS), RIGHT_SEE },
	    { BIT(FINANCE) | BIT(DOCUMENTS) | BIT(DEALS), RIGHT_EDIT } },
	    CAN_EXPORT | CAN_IMPORT },
	[ROLE_AUDITOR] = { SELECT_ALL, { { BLOCKS_ALL, RIGHT_SEE } }, CAN_AUDIT },
};

bool
selector_has_name(enum selector_kind kind)
{
	return kind == SELECT_TEAM || kind == SELECT_BRANCH || kind == SELECT_TERRITORY ||
	    kind == SELECT_SEGMENT;
}

/* Of two that do not select one client. */
static bool
selector_equal(const struct selector *a, const struct selector *b)
{
	return a->kind == b->kind && (!selector_has_name(a->kind) || strcmp(a->name, b->name) == 0);
}

static bool
same_name(const char *a, const char *b)
{
	return a[0] != '\0' && strcmp(a, b) == 0;
}

/* HOLDS: as it is while holds last; a contested client is then nobody's own, and
 * else whoever's asks. */
static bool
selector_matches(const struct selector *selector, const struct subject *subject,
    const struct assignment *assignment, bool holds)
{
	switch (selector->kind) {
	case SELECT_OWN:
		if (assignment->contested)
			return !holds;
		return !id_is_zero(&subject->person) &&
		    id_equal(&assignment->owner, &subject->person);
	case SELECT_TEAM:
		return same_name(selector->name, assignment->team);
	case SELECT_BRANCH:
		return same_name(selector->name, assignment->branch);
	case SELECT_TERRITORY:
		return same_name(selector->name, assignment->territory);
	case SELECT_SEGMENT:
		return same_name(selector->name, assignment->segment);
	case SELECT_CLIENT:
		return id_equal(&selector->client, &assignment->client);
	case SELECT_ALL:
		return true;
	}
	return false;
}

/* Sealed by EPOCH? */
static bool
counts(const struct statement *statement, uint64_t epoch)
{
	if (statement->epoch == 0)
		return epoch == UINT64_MAX;
	return statement->epoch <= epoch;
}

static bool
has_ended(const struct statement *statement, uint64_t now_ms)
{
	return (statement->until_ms && statement->until_ms <= now_ms) ||
	    (statement->hold_ms && statement->hold_ms <= now_ms);
}

static bool
is_about(const struct statement *statement, const struct subject *subject)
{
	/* What takes a whole device is not said in rules; what holds one is. */
	if (statement->node)
		return statement->hold_ms && statement->node == subject->node;
	return !id_is_zero(&subject->person) && id_equal(&statement->person, &subject->person);
}

static void
add_rule(struct rules *out, bool revoke, const struct selector *selector, uint32_t blocks,
    enum right right)
{
	struct rule *rule = &out->rules[out->count++];

	/* Only what has a meaning is copied: equal rules are equal bytes. */
	rule->revoke = revoke;
	rule->selector.kind = selector->kind;
	if (selector_has_name(selector->kind))
		memcpy(rule->selector.name, selector->name,
		    strnlen(selector->name, sizeof(rule->selector.name) - 1));
	if (selector->kind == SELECT_CLIENT)
		rule->selector.client = selector->client;
	rule->blocks = blocks & BLOCKS_ALL;
	rule->right = revoke ? RIGHT_NONE : right;
}

static void
add_capabilities(struct rules *out, bool revoke, uint32_t capabilities)
{
	struct rule *rule = &out->rules[out->count++];

	rule->revoke = revoke;
	rule->selector.kind = SELECT_ALL;
	rule->capabilities = capabilities & CAPABILITIES_GIVEN;
}

static void
add_presets(struct rules *out, const struct subject *subject)
{
	const struct preset *preset;
	struct selector selector = { 0 };

	if (subject->role >= ROLE_COUNT)
		return;
	preset = &presets[subject->role];
	out->capabilities = preset->capabilities;
	selector.kind = preset->selector;
	if (selector.kind == SELECT_BRANCH) {
		if (subject->branch[0] == '\0')
			return;
		memcpy(selector.name, subject->branch, sizeof(selector.name));
	}
	for (size_t i = 0; i < PRESETS_MAX; i++)
		if (preset->grants[i].blocks)
			add_rule(out, false, &selector, preset->grants[i].blocks,
			    preset->grants[i].right);
}

static bool
may_cover(const struct rule *revoke, const struct rule *grant)
{
	if (revoke->capabilities & grant->capabilities)
		return true;
	if ((revoke->blocks & grant->blocks) == 0)
		return false;
	return revoke->selector.kind == SELECT_CLIENT || revoke->selector.kind == SELECT_ALL ||
	    selector_equal(&revoke->selector, &grant->selector);
}

static bool
beats(const struct rules *rules, size_t revoke, size_t grant)
{
	size_t bit = revoke * rules->count + grant;

	return rules->beats[bit / 8] >> (bit % 8) & 1;
}

/* Fill the matrix.  SOURCE[i] is the graph's number of rule i, from FIRST on;
 * the presets before it follow nothing. */
static void
find_beaten(struct rules *out, struct graph *graph, const size_t *source, size_t first)
{
	out->beats = mem_alloc((out->count * out->count + 7) / 8);
	for (size_t g = 0; g < out->count; g++) {
		bool walked = false;

		if (out->rules[g].revoke)
			continue;
		for (size_t r = first; r < out->count; r++) {
			size_t bit = r * out->count + g;

			if (!out->rules[r].revoke || !may_cover(&out->rules[r], &out->rules[g]))
				continue;
			if (g >= first && !walked) {
				graph_walk(graph, source[g]);
				walked = true;
			}
			if (g < first || !graph_passed(graph, source[r]))
				out->beats[bit / 8] |= (uint8_t)(1u << (bit % 8));
		}
	}
}

/* What the role brings goes with any revoke of it; what was granted with one
 * that the grant does not follow. */
static void
fold_capabilities(struct rules *out)
{
	uint32_t left = out->capabilities;

	for (size_t r = 0; r < out->count; r++)
		if (out->rules[r].revoke)
			left &= ~out->rules[r].capabilities;
	for (size_t g = 0; g < out->count; g++) {
		uint32_t given = out->rules[g].revoke ? 0 : out->rules[g].capabilities;

		for (size_t r = 0; given && r < out->count; r++)
			if (out->rules[r].revoke && beats(out, r, g))
				given &= ~out->rules[r].capabilities;
		left |= given;
	}
	out->capabilities = left;
}

enum err_code
policy_fold(struct rules *out, const struct subject *subject,
    const struct statement *statements, size_t count, uint64_t epoch, uint64_t now_ms,
    struct err *err)
{
	struct graph graph;
	size_t most, first, *source;

	most = count < RULES_MAX - PRESETS_MAX ? count + PRESETS_MAX : RULES_MAX;
	*out = (struct rules){ .rules = mem_alloc(most * sizeof(*out->rules)) };
	source = mem_alloc(most * sizeof(*source));
	graph_init(&graph, statements, count);
	add_presets(out, subject);
	first = out->count;
	for (size_t i = 0; i < graph.count; i++) {
		const struct statement *statement = graph_at(&graph, i);

		if (!is_about(statement, subject) || !counts(statement, epoch) ||
		    has_ended(statement, now_ms))
			continue;
		if (out->count == most) {
			policy_release(out);
			graph_release(&graph);
			free(source);
			return err_set(err, ERR_INVALID,
			    "more than %d grants and revokes for one person", RULES_MAX);
		}
		source[out->count] = i;
		if (statement->capabilities)
			add_capabilities(out, statement->revoke, statement->capabilities);
		else
			add_rule(out, statement->revoke, &statement->selector, statement->blocks,
			    statement->right);
		out->rules[out->count - 1].dot = statement->dot;
		out->rules[out->count - 1].hold = statement->hold_ms != 0;
		out->rules[out->count - 1].until_ms = statement->hold_ms ? statement->hold_ms :
		    statement->until_ms;
	}
	find_beaten(out, &graph, source, first);
	fold_capabilities(out);
	graph_release(&graph);
	free(source);
	return OK;
}

void
policy_release(struct rules *rules)
{
	if (rules == NULL)
		return;
	free(rules->rules);
	free(rules->beats);
	*rules = (struct rules){ 0 };
}

static bool
is_beaten(const struct rules *rules, size_t grant, const struct subject *subject,
    const struct assignment *assignment, uint32_t bit, bool holds)
{
	for (size_t r = 0; r < rules->count; r++)
		if (rules->rules[r].revoke && (holds || !rules->rules[r].hold) &&
		    (rules->rules[r].blocks & bit) && beats(rules, r, grant) &&
		    selector_matches(&rules->rules[r].selector, subject, assignment, holds))
			return true;
	return false;
}

/* The right with holds in force, or as if nothing were on hold. */
static enum right
evaluate(const struct rules *rules, const struct subject *subject,
    const struct assignment *assignment, uint8_t block, bool holds)
{
	enum right best = RIGHT_NONE, most = RIGHT_EDIT;
	uint32_t bit;

	if (block >= COMMON_FIRST)
		return RIGHT_NONE;
	if (block == BLOCK_ASSIGNMENT && !(rules->capabilities & CAN_REASSIGN))
		most = RIGHT_SEE;
	bit = 1u << block;
	for (size_t g = 0; g < rules->count && best < most; g++) {
		const struct rule *rule = &rules->rules[g];

		if (rule->revoke || rule->right <= best || !(rule->blocks & bit) ||
		    !selector_matches(&rule->selector, subject, assignment, holds) ||
		    is_beaten(rules, g, subject, assignment, bit, holds))
			continue;
		best = rule->right;
	}
	return best < most ? best : most;
}

enum right
policy_right(const struct rules *rules, const struct subject *subject,
    const struct assignment *assignment, uint8_t block)
{
	return evaluate(rules, subject, assignment, block, true);
}

bool
policy_held_back(const struct rules *rules, const struct subject *subject,
    const struct assignment *assignment, uint8_t block)
{
	return evaluate(rules, subject, assignment, block, false) >
	    evaluate(rules, subject, assignment, block, true);
}

enum right
policy_common_right(const struct rules *rules, const struct subject *subject, uint8_t block)
{
	uint32_t may = rules->capabilities;

	if (block < COMMON_FIRST || block >= BLOCK_COUNT || subject->role >= ROLE_COUNT)
		return RIGHT_NONE;
	switch (block) {
	case BLOCK_CATALOG:
		return may & CAN_CONFIGURE || subject->role == ROLE_ERP ? RIGHT_EDIT : RIGHT_SEE;
	case BLOCK_CONFIG:
	case BLOCK_CAMPAIGNS:
		return may & CAN_CONFIGURE ? RIGHT_EDIT : RIGHT_SEE;
	case BLOCK_PEOPLE:
		return may & CAN_GRANT ? RIGHT_EDIT : RIGHT_SEE;
	case BLOCK_POLICY:
		return may & CAN_GRANT ? RIGHT_EDIT : may & CAN_AUDIT ? RIGHT_SEE : RIGHT_NONE;
	}
	return RIGHT_NONE;
}

/* Does statement GRANT follow every counted revoke of NODE? */
static bool
follows_revokes(struct graph *graph, size_t grant, node_t node, uint64_t epoch)
{
	graph_walk(graph, grant);
	for (size_t i = 0; i < graph->count; i++) {
		const struct statement *statement = graph_at(graph, i);

		if (statement->node == node && statement->revoke && !statement->hold_ms &&
		    counts(statement, epoch) && !graph_passed(graph, i))
			return false;
	}
	return true;
}

bool
policy_node_revoked(const struct statement *statements, size_t count, node_t node,
    uint64_t epoch)
{
	struct graph graph;
	bool revoked = false;

	/* Nearly always nobody has revoked it: no graph is needed to say so. */
	for (size_t i = 0; i < count && node; i++)
		revoked = revoked || (statements[i].node == node && statements[i].revoke &&
		    !statements[i].hold_ms && counts(&statements[i], epoch));
	if (!revoked)
		return false;
	graph_init(&graph, statements, count);
	for (size_t i = 0; i < graph.count && revoked; i++) {
		const struct statement *statement = graph_at(&graph, i);

		if (statement->node == node && !statement->revoke && counts(statement, epoch))
			revoked = !follows_revokes(&graph, i, node, epoch);
	}
	graph_release(&graph);
	return revoked;
}
