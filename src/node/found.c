#include "node/found.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "crypto/key.h"
#include "node/edit.h"
#include "node/enrol.h"
#include "store/db.h"

static enum err_code
add_dictionary(struct edit *edit, enum type_no type_no, const char *const *names, struct err *err)
{
	const struct type *type = &schema_types[type_no];
	struct id id;

	for (; *names; names++)
		if (edit_new(edit, type, NULL, &id, err) != OK ||
		    edit_set_text(edit, &type->fields[0], *names, err) != OK)
			return err->code;
	return OK;
}

static enum err_code
add_stages(struct edit *edit, struct err *err)
{
	static const struct { const char *name, *outcome; int probability_bp; } stages[] = {
		{ "Potential", "open", 500 }, { "Contact made", "open", 1000 },
		{ "Needs analysis", "open", 2500 }, { "Offer", "open", 4500 },
		{ "Negotiations", "open", 6500 }, { "Contract", "open", 8500 },
		{ "Realisation", "open", 9500 }, { "Realised", "won", 10000 }, { "Lost", "lost", 0 },
	};
	const struct type *type = &schema_types[TYPE_STAGE];
	struct id id;

	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++)
		if (edit_new(edit, type, NULL, &id, err) != OK ||
		    edit_set_text(edit, &type->fields[STAGE_NAME], stages[i].name, err) != OK ||
		    edit_set_int(edit, &type->fields[STAGE_POSITION], (int64_t)i + 1, err) != OK ||
		    edit_set_text(edit, &type->fields[STAGE_OUTCOME], stages[i].outcome, err) != OK ||
		    edit_set_int(edit, &type->fields[STAGE_PROBABILITY_BP], stages[i].probability_bp, err) != OK)
			return err->code;
	return OK;
}

static enum err_code
found_records(struct node *node, const struct founding *founding, struct err *err)
{
	static const char *const sources[] = { "Recommendation", "Fair", "Web site", "Cold call",
		"Advertisement", "Partner", NULL };
	static const char *const reasons[] = { "Price", "Competitor", "No need", "No budget",
		"Timing", "No answer", NULL };
	const struct type *org = &schema_types[TYPE_ORG], *person = &schema_types[TYPE_PERSON];
	struct edit *edit;
	char device[ENROL_DEVICE];
	enum err_code code;

	enrol_machine_name(device);
	if (edit_begin(&edit, node, err) != OK)
		return err->code;
	if ((code = edit_new_with_id(edit, org, NULL, &node->org, err)) != OK ||
	    (code = edit_set_text(edit, &org->fields[ORG_NAME], founding->org, err)) != OK ||
	    (code = edit_set_text(edit, &org->fields[ORG_CURRENCY], node->currency, err)) != OK ||
	    (code = edit_new_with_id(edit, person, NULL, &node->person, err)) != OK ||
	    (code = edit_set_text(edit, &person->fields[PERSON_NAME], founding->person, err)) != OK ||
	    (code = edit_set_text(edit, &person->fields[PERSON_ROLE], "head", err)) != OK ||
	    (code = enrol_add_node(edit, key_public(node->key), node->incarnation, &node->person,
	    device, err)) != OK ||
	    (code = add_stages(edit, err)) != OK ||
	    (code = add_dictionary(edit, TYPE_SOURCE, sources, err)) != OK ||
	    (code = add_dictionary(edit, TYPE_LOST_REASON, reasons, err)) != OK ||
	    (code = db_run(node->db, SQL_META_PUT, err, "si", "founded", (int64_t)1)) != OK) {
		edit_abort(edit);
		return code;
	}
	return edit_commit(edit, err);
}

enum err_code
found_hub(struct node **out, const char *home, const struct founding *founding, struct err *err)
{
	struct key *root = NULL;
	struct node *node;
	struct buf text;
	uint8_t certificate[64];
	char *root_path;
	enum err_code code;

	if (node_create(&node, home, err) != OK)
		return err->code;
	*out = NULL;
	buf_init(&text, 256);
	root_path = node_path(node, "root.key");
	if ((code = key_load(&root, root_path, err)) == ERR_NOT_FOUND) {
		root = key_generate();
		code = key_save(root, root_path, err);
	}
	if (code != OK)
		goto out;
	node->hub = true;
	node->org = node_new_id(node);
	node->person = node_new_id(node);
	snprintf(node->currency, sizeof(node->currency), "%s", founding->currency ? founding->currency : "EUR");
	memcpy(node->hub_key, key_public(node->key), 32);
	memcpy(node->root_key, key_public(root), 32);
	enrol_certificate_text(&text, &node->org, node->hub_key);
	key_sign(certificate, root, text.p, text.len);
	if ((code = db_begin(node->db, err)) != OK)
		goto out;
	if ((code = node_save_facts(node, err)) != OK ||
	    (code = db_run(node->db, SQL_META_PUT, err, "si", "epoch", (int64_t)1)) != OK ||
	    (code = db_run(node->db, SQL_META_PUT, err, "sb", "hub_certificate", certificate,
	    sizeof(certificate))) != OK) {
		db_rollback(node->db);
		goto out;
	}
	if ((code = db_commit(node->db, err)) == OK)
		code = found_records(node, founding, err);
out:
	free(root_path);
	buf_release(&text);
	key_free(root);
	if (code != OK) {
		node_close(node);
		return code;
	}
	*out = node;
	return OK;
}
