/*
 * report_part - members that reports are made of.
 */
#ifndef NODE_REPORT_PART_H
#define NODE_REPORT_PART_H

#include <jansson.h>

#include "core/policy.h"
#include "node/node.h"

void report_set_instant(json_t *object, const char *name, int64_t ms);	/* null for 0 */
void report_set_title(json_t *object, const char *name, struct node *node, const struct id *id);
void report_set_id(json_t *object, const char *name, const struct id *id);
void report_set_node(json_t *object, const char *name, node_t node_id);
/* What the device of NODE_ID is called; "" when no node record says it. */
enum err_code report_device(char out[128], struct node *node, node_t node_id, struct err *err);
const char *report_role(const struct subject *subject);		/* "" for none */

#endif
