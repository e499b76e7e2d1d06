/* report_explain: each rule that decides about one client, who stated it, and
 * what beats it. */
#include "node/report.h"

#include <string.h>

#include "base/buf.h"
#include "node/access.h"
#include "node/author.h"
#include "node/report_part.h"
#include "store/db.h"
#include "store/log.h"
#include "store/stated.h"

struct explaining {
	struct node *node;
	struct access access;
	struct assignment assignment;
};

/* The right that rule I gives by itself; with REVOKE (a rule's number, or the
 * count for none) as it is cut by that one.  MATCHING: as if the rule were a grant
 * of all, to ask whether its selector reaches the client. */
static enum right
right_of(const struct explaining *e, size_t i, size_t revoke, bool matching, uint8_t block)
{
	const struct rules *all = &e->access.rules;
	size_t bit = revoke * all->count + i;
	struct rule pair[2] = { all->rules[i], { 0 } };
	uint8_t beats = 0;
	struct rules rules = { .rules = pair, .count = 1, .beats = &beats,
		.capabilities = all->capabilities };

	if (matching) {
		pair[0].revoke = pair[0].hold = false;
		pair[0].right = RIGHT_EDIT;
	}
	if (revoke < all->count) {
		pair[1] = all->rules[revoke];
		rules.count = 2;
		/* Row 1, column 0 of a matrix of two. */
		beats = (all->beats[bit / 8] >> (bit % 8) & 1) ? 1u << 2 : 0;
	}
	return policy_right(&rules, &e->access.subject, &e->assignment, block);
}

/* "by" and "at" of what is stated by DOT; "" and null when that is not known here. */
static enum err_code
set_author(json_t *json, struct node *node, struct dot dot, struct err *err)
{
	struct author author;
	int64_t at_ms;

	if (author_find(&author, node, dot.writer, err) != OK || stated_at(&at_ms, node->db, dot, err) != OK)
		return err->code;
	report_set_title(json, "by", node, &author.person);
	report_set_instant(json, "at", at_ms);
	return OK;
}

static enum err_code
rule_json(json_t **out, struct explaining *e, const struct rule *rule, struct err *err)
{
	bool preset = rule->dot.seq == 0;
	struct buf line;

	buf_init(&line, 4096);
	rule_describe(&line, rule);
	*out = json_pack("{s:s, s:s}", "from", preset ? "role" : rule->hold ? "hold" :
	    rule->revoke ? "revoke" : "grant", "rule", line.p);
	buf_release(&line);
	if (!preset && set_author(*out, e->node, rule->dot, err) != OK)
		return err->code;
	if (rule->hold)
		report_set_instant(*out, "until", (int64_t)rule->until_ms);
	return OK;
}

static const char *
because(const struct rule *grant, const struct rule *revoke)
{
	if (revoke->hold)
		return "its author is no head any more: it holds until a head decides";
	if (grant->dot.seq == 0)
		return "what a role gives comes before every revoke";
	return "who granted had not seen this revoke: grant anew to lift it";
}

/* Grant G reaches the client; what cuts it there. */
static enum err_code
explain_grant(json_t *array, struct explaining *e, size_t g, uint8_t block, struct err *err)
{
	const struct rules *all = &e->access.rules;
	json_t *grant, *beaten = json_array(), *revoke;
	enum err_code code = rule_json(&grant, e, &all->rules[g], err);

	for (size_t r = 0; r < all->count && code == OK; r++) {
		if (!all->rules[r].revoke || right_of(e, g, r, false, block) != RIGHT_NONE)
			continue;
		code = rule_json(&revoke, e, &all->rules[r], err);
		json_object_set_new(revoke, "because", json_string(because(&all->rules[g], &all->rules[r])));
		json_array_append_new(beaten, revoke);
	}
	json_object_set_new(grant, "right", json_string(right_names[json_array_size(beaten) ? RIGHT_NONE :
	    right_of(e, g, all->count, false, block)]));
	json_object_set_new(grant, "beaten_by", beaten);
	json_array_append_new(array, grant);
	return code;
}

/* The rules of one block: grants that reach the client with what beats them, then
 * revokes that reach it and beat nothing. */
static enum err_code
explain_block(json_t **out, struct explaining *e, uint8_t block, struct err *err)
{
	const struct rules *all = &e->access.rules;
	json_t *array = json_array(), *lifted;
	enum err_code code = OK;

	*out = array;
	for (size_t g = 0; g < all->count && code == OK; g++)
		if (!all->rules[g].revoke && right_of(e, g, all->count, false, block) != RIGHT_NONE)
			code = explain_grant(array, e, g, block, err);
	for (size_t r = 0; r < all->count && code == OK; r++) {
		bool beats = false;

		if (!all->rules[r].revoke || right_of(e, r, all->count, true, block) == RIGHT_NONE)
			continue;
		for (size_t g = 0; g < all->count && !beats; g++)
			beats = !all->rules[g].revoke &&
			    right_of(e, g, all->count, false, block) != RIGHT_NONE &&
			    right_of(e, g, r, false, block) == RIGHT_NONE;
		if (beats)
			continue;
		code = rule_json(&lifted, e, &all->rules[r], err);
		json_object_set_new(lifted, "because", json_string("it takes nothing here: what there is was "
		    "granted by who had seen it, or by another selector"));
		json_array_append_new(array, lifted);
	}
	return code;
}

static enum err_code
explain(json_t **out, struct explaining *e, const struct id *person, const struct id *client,
    struct err *err)
{
	const struct assignment *a = &e->assignment;
	json_t *blocks = json_object(), *why, *facts;
	enum err_code code = OK;

	for (uint8_t b = 0; b < COMMON_FIRST && code == OK; b++) {
		code = explain_block(&why, e, b, err);
		json_object_set_new(blocks, schema_blocks[b].name, json_pack("{s:s, s:b, s:o}", "right",
		    right_names[policy_right(&e->access.rules, &e->access.subject, a, b)], "on_hold",
		    (int)policy_held_back(&e->access.rules, &e->access.subject, a, b), "why", why));
	}
	facts = json_pack("{s:s, s:s, s:s, s:s, s:b}", "team", a->team, "branch", a->branch,
	    "territory", a->territory, "segment", a->segment, "contested", (int)a->contested);
	report_set_title(facts, "owner", e->node, &a->owner);
	*out = json_pack("{s:o, s:o}", "assignment", facts, "blocks", blocks);
	report_set_title(*out, "person", e->node, person);
	report_set_title(*out, "client", e->node, client);
	return code;
}

enum err_code
report_explain(json_t **out, struct node *node, const struct id *person, const struct id *client,
    struct err *err)
{
	struct explaining e = { .node = node };
	struct log_record record;
	enum err_code code;
	bool found;

	*out = NULL;
	if ((code = access_load(&e.access, node, person, err)) == OK &&
	    (code = log_record(&record, &found, node->db, client, err)) == OK) {
		if (!found || record.type != TYPE_CLIENT)
			code = err_set(err, ERR_NOT_FOUND, "no such client here");
		else if ((code = access_assignment(&e.assignment, node, record.k, err)) == OK)
			code = explain(out, &e, person, client, err);
	}
	if (code != OK) {
		json_decref(*out);
		*out = NULL;
	}
	access_release(&e.access);
	return code;
}
