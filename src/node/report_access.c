/* report_access: what a person may do. */
#include "node/report.h"

#include <string.h>

#include "base/buf.h"
#include "node/access.h"
#include "node/title.h"
#include "node/value_text.h"

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
	for (size_t i = 0; i < CAPABILITY_COUNT; i++)
		if (access.rules.capabilities >> i & 1)
			json_array_append_new(capabilities, json_string(capability_names[i]));
	for (size_t i = 0; i < access.rules.count; i++)
		json_array_append_new(rules, rule_json(&access.rules.rules[i]));
	for (size_t b = 0; b < BLOCK_COUNT; b++)
		json_object_set_new(blocks, schema_blocks[b].name, json_string(right_names[b < COMMON_FIRST ?
		    policy_right(&access.rules, &access.subject, &own, (uint8_t)b) :
		    policy_common_right(&access.rules, &access.subject, (uint8_t)b)]));
	*out = json_pack("{s:o, s:s, s:I, s:o, s:o, s:o}", "person", title_json(node, person), "role",
	    access.subject.role < ROLE_COUNT ? role_names[access.subject.role] : "", "epoch",
	    (json_int_t)access.epoch, "capabilities", capabilities, "rules", rules, "blocks", blocks);
	access_release(&access);
	return OK;
}
