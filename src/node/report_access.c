/* report_access, report_explain: what a person may do, and why. */
#include "node/report.h"

#include <string.h>

#include "base/buf.h"
#include "node/access.h"
#include "node/title.h"
#include "node/value_text.h"
#include "store/log.h"

static const char *const capability_names[] = {
	"export", "import", "merge", "delete", "reassign", "configure", "grant", "audit",
};

static json_t *
title_json(struct node *node, const struct id *id)
{
	struct buf title;
	json_t *json;

	buf_init(&title, TITLE_MAX);
	record_title(&title, node, id);
	json = json_string(title.p);
	buf_release(&title);
	return json;
}

static json_t *
rule_json(const struct rule *rule)
{
	struct buf line;
	json_t *json;

	buf_init(&line, 4096);
	rule_describe(&line, rule);
	json = json_string(line.p);
	buf_release(&line);
	return json;
}

enum err_code
report_access(json_t **out, struct node *node, const struct id *person, struct err *err)
{
	struct assignment own = { .owner = *person };
	struct access access = { 0 };
	json_t *capabilities, *rules, *blocks;

	*out = NULL;
	if (access_load(&access, node, person, err) != OK) {
		access_release(&access);
		return err->code;
	}
	capabilities = json_array();
	rules = json_array();
	blocks = json_object();
	for (size_t i = 0; i < sizeof(capability_names) / sizeof(*capability_names); i++)
		if (access.rules.capabilities >> i & 1)
			json_array_append_new(capabilities, json_string(capability_names[i]));
	for (size_t i = 0; i < access.rules.count; i++)
		json_array_append_new(rules, rule_json(&access.rules.rules[i]));
	for (uint8_t b = 0; b < BLOCK_COUNT; b++)
		json_object_set_new(blocks, schema_blocks[b].name, json_string(right_names[b < COMMON_FIRST ?
		    policy_right(&access.rules, &access.subject, &own, b) :
		    policy_common_right(&access.subject, b)]));
	*out = json_pack("{s:o, s:s, s:I, s:o, s:o, s:o}", "person", title_json(node, person), "role",
	    access.subject.role < ROLE_COUNT ? role_names[access.subject.role] : "", "epoch",
	    (json_int_t)access.epoch, "capabilities", capabilities, "rules", rules, "blocks", blocks);
	access_release(&access);
	return OK;
}

/* The right that rule I gives by itself; with REVOKE (a rule's number, or none)
 * as it is cut by that one. */
static enum right
right_of(const struct access *access, size_t i, size_t revoke, const struct assignment *assignment,
    uint8_t block)
{
	size_t bit = revoke * access->rules.count + i;
	struct rule pair[2] = { access->rules.rules[i], { 0 } };
	uint8_t beats = 0;
	struct rules rules = { .rules = pair, .count = 1, .beats = &beats,
		.capabilities = access->rules.capabilities };

	if (revoke < access->rules.count) {
		pair[1] = access->rules.rules[revoke];
		rules.count = 2;
		/* Row 1, column 0 of a matrix of two. */
		beats = (access->rules.beats[bit / 8] >> (bit % 8) & 1) ? 1u << 2 : 0;
	}
	return policy_right(&rules, &access->subject, assignment, block);
}

static json_t *
why(const struct access *access, const struct assignment *assignment, uint8_t block)
{
	const struct rule *rules = access->rules.rules;
	size_t count = access->rules.count;
	json_t *reasons = json_array();

	for (size_t i = 0; i < count; i++)
		if (!rules[i].revoke && right_of(access, i, count, assignment, block) != RIGHT_NONE)
			json_array_append_new(reasons, rule_json(&rules[i]));
	for (size_t r = 0; r < count; r++) {
		bool cuts = false;

		for (size_t i = 0; rules[r].revoke && i < count && !cuts; i++)
			cuts = !rules[i].revoke && right_of(access, i, count, assignment, block) != RIGHT_NONE &&
			    right_of(access, i, r, assignment, block) == RIGHT_NONE;
		if (cuts)
			json_array_append_new(reasons, rule_json(&rules[r]));
	}
	return reasons;
}

enum err_code
report_explain(json_t **out, struct node *node, const struct id *person, const struct id *client,
    struct err *err)
{
	struct assignment assignment;
	struct access access = { 0 };
	struct log_record record;
	json_t *blocks, *facts;
	enum err_code code;
	bool found;

	*out = NULL;
	if ((code = access_load(&access, node, person, err)) != OK ||
	    (code = log_record(&record, &found, node->db, client, err)) != OK)
		goto out;
	if (!found || record.type != TYPE_CLIENT) {
		code = err_set(err, ERR_NOT_FOUND, "no such client here");
		goto out;
	}
	if ((code = access_assignment(&assignment, node, record.k, err)) != OK)
		goto out;
	facts = json_pack("{s:s, s:s, s:s, s:s}", "team", assignment.team, "branch", assignment.branch,
	    "territory", assignment.territory, "segment", assignment.segment);
	json_object_set_new(facts, "owner", id_is_zero(&assignment.owner) ? json_string("") :
	    title_json(node, &assignment.owner));
	blocks = json_object();
	for (uint8_t b = 0; b < COMMON_FIRST; b++)
		json_object_set_new(blocks, schema_blocks[b].name, json_pack("{s:s, s:o}", "right",
		    right_names[policy_right(&access.rules, &access.subject, &assignment, b)], "why",
		    why(&access, &assignment, b)));
	*out = json_pack("{s:o, s:o, s:o, s:o}", "person", title_json(node, person), "client",
	    title_json(node, client), "assignment", facts, "blocks", blocks);
out:
	access_release(&access);
	return code;
}
