#include "cli/stage.h"

#include "base/buf.h"
#include "node/node.h"
#include "node/value_text.h"
#include "store/row.h"

const struct field stage_reason_field = {
	"lost_reason", "Reason of loss", KIND_REGISTER, FORM_TERM, "lost_reason", 0, 0, 1
};

/* Is the outcome of the stage of that name "lost"?  A stage that is not in the
 * dictionary (any more) has none. */
static enum err_code
is_lost(bool *lost, struct node *node, const char *name, struct err *err)
{
	const struct type *type = &schema_types[TYPE_STAGE];
	const struct item *item;
	struct found found;
	struct row row = { 0 };
	enum err_code code;

	*lost = false;
	code = find_one(&found, node, type, name, err);
	if (code == ERR_NOT_FOUND)
		return OK;
	if (code == OK)
		code = row_load(&row, node->db, type, found.k, err);
	if (code == OK && (item = cell_winner(&row.cells[STAGE_OUTCOME], VALUE_NONE)) != NULL)
		*lost = value_equal((struct value){ item->value, item->value_len },
		    (struct value){ "\"lost\"", 6 });
	row_release(&row);
	return code;
}

enum err_code
stage_compose(struct buf *out, struct node *node, struct value before, struct value stage,
    struct value reason, struct err *err)
{
	struct value name = value_at(stage.len ? stage : before, 0);
	bool lost = false, given = reason.len > 0;
	struct buf text;
	enum err_code code;

	buf_init(&text, VALUE_MAX);
	if (!value_get_string(&text, name)) {
		buf_release(&text);
		return err_set(err, ERR_USAGE, "a reason without a stage says nothing");
	}
	if ((code = is_lost(&lost, node, text.p, err)) != OK)
		goto out;
	if (!given && value_equal(name, value_at(before, 0)) && value_is_string(value_at(before, 1)))
		reason = value_at(before, 1);
	if (lost && !reason.len)
		code = err_set(err, ERR_INVALID, "stage %s: say why it was lost, as in lost_reason=price "
		    "(satchel list lost_reason shows the reasons)", text.p);
	else if (!lost && given)
		code = err_set(err, ERR_INVALID, "stage %s is no loss: it has no lost_reason", text.p);
	if (code != OK)
		goto out;
	buf_addc(out, '[');
	buf_add(out, name.p, name.len);
	buf_addc(out, ',');
	if (reason.len)
		buf_add(out, reason.p, reason.len);
	else
		buf_adds(out, "null");
	buf_addc(out, ']');
out:
	buf_release(&text);
	return code;
}
