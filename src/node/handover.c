#include "node/handover.h"

#include <stdio.h>
#include <string.h>

#include "core/value.h"
#include "node/access.h"
#include "node/edit.h"

#define WORKING_BLOCKS (1u << BLOCK_PROFILE | 1u << BLOCK_CONTACTS | 1u << BLOCK_DEALS | \
	1u << BLOCK_ACTIVITIES | 1u << BLOCK_DOCUMENTS)

/* A revoke of that client from before would outlast the handover: then the
 * handover also grants what an owner works with. */
static enum err_code
lift(struct node *node, const struct id *clients, size_t count, const struct id *to, struct err *err)
{
	struct access access = { 0 };
	enum err_code code = access_load(&access, node, to, err);

	for (size_t i = 0; i < count && code == OK; i++) {
		struct assignment own = { .client = clients[i], .owner = *to };

		if (policy_right(&access.rules, &access.subject, &own, BLOCK_PROFILE) == RIGHT_NONE)
			code = access_state(node, &(struct statement){ .person = *to,
			    .selector = { .kind = SELECT_CLIENT, .client = clients[i] },
			    .blocks = WORKING_BLOCKS, .right = RIGHT_EDIT }, err);
	}
	access_release(&access);
	return code;
}

enum err_code
handover(size_t *moved, struct node *node, const struct id *clients, size_t count,
    const struct id *to, enum handover_mode mode, struct err *err)
{
	const struct type *type = &schema_types[TYPE_ASSIGNMENT];
	const struct field *owner = &type->fields[ASSIGNMENT_OWNER];
	const struct field *handovers = &type->fields[ASSIGNMENT_HANDOVERS];
	struct access access = { 0 };
	struct edit *edit = NULL;
	char value[ID_HEX + 2] = "\"", mode_value[16];
	enum err_code code;

	*moved = 0;
	snprintf(mode_value, sizeof(mode_value), "\"%s\"", handover_modes[mode]);
	id_to_hex(value + 1, to);
	value[33] = '"';
	value[34] = '\0';
	if ((code = access_load(&access, node, &node->person, err)) == OK &&
	    (code = access_need(&access, CAN_REASSIGN, "hand clients over", err)) == OK)
		code = edit_begin(&edit, node, err);
	for (size_t i = 0; i < count && code == OK; i++) {
		size_t before = edit_op_count(edit);

		if ((code = edit_open(edit, type, &clients[i], err)) != OK ||
		    (code = edit_op(edit, owner, VERB_SET, VALUE_NONE, (struct value){ value, 34 }, err)) != OK ||
		    edit_op_count(edit) == before)
			continue;
		(*moved)++;
		code = edit_op(edit, handovers, VERB_LOG, VALUE_NONE, (struct value){ mode_value,
		    strlen(mode_value) }, err);
	}
	if (code == OK) {
		code = edit_commit(edit, err);
		edit = NULL;
	}
	edit_abort(edit);
	access_release(&access);
	return code == OK ? lift(node, clients, count, to, err) : code;
}
