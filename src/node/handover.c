#include "node/handover.h"

#include "core/value.h"
#include "node/access.h"
#include "node/edit.h"

enum err_code
handover(size_t *moved, struct node *node, const struct id *clients, size_t count,
    const struct id *to, struct err *err)
{
	const struct type *type = &schema_types[TYPE_ASSIGNMENT];
	const struct field *owner = &type->fields[ASSIGNMENT_OWNER];
	struct access access = { 0 };
	struct edit *edit = NULL;
	char value[ID_HEX + 2] = "\"";
	enum err_code code;

	*moved = 0;
	id_to_hex(value + 1, to);
	value[33] = '"';
	value[34] = '\0';
	if ((code = access_load(&access, node, &node->person, err)) == OK &&
	    (code = access_need(&access, CAN_REASSIGN, "hand clients over", err)) == OK)
		code = edit_begin(&edit, node, err);
	for (size_t i = 0; i < count && code == OK; i++) {
		if ((code = edit_open(edit, type, &clients[i], err)) == OK)
			code = edit_op(edit, owner, VERB_SET, VALUE_NONE, (struct value){ value, 34 }, err);
	}
	if (code == OK) {
		*moved = edit_op_count(edit);
		code = edit_commit(edit, err);
		edit = NULL;
	}
	edit_abort(edit);
	access_release(&access);
	return code;
}
