/*
 * query - reading commands, as JSON that the faces print.
 *
 * Everything works on what this node holds.  The objects are a contract:
 * docs/JSON.md lists them.
 */
#ifndef NODE_QUERY_H
#define NODE_QUERY_H

#include <jansson.h>

#include "node/node.h"

/* {"id","type","fields":{...},"conflicts":{...}}; a client's with the fields of
 * all its facets that are here, and "related": [{"id","type","title"}]. */
enum err_code query_show(json_t **out, struct node *node, const char *id_text, struct err *err);

/* [{"id","type","fields":{...}}] of one type.  FILTERS: "field:value" (folded
 * beginning for text, equal for the rest, "field:>N" "field:<N" for numbers,
 * dates and money, "field:" for unset, "-" before it: not, "+tag"), other words
 * are searched.  Deleted ones are left out. SORT is by name. LIMIT 0: all. */
enum err_code query_list(json_t **out, struct node *node, const char *type_name,
    const char *const *filters, size_t filter_count, size_t limit, struct err *err);

/* [{"id","type","title","client","client_title"}], best first: every word must
 * begin some word of the record.  Latin finds Cyrillic; when nothing is found
 * the other keyboard layout is tried. */
enum err_code query_find(json_t **out, struct node *node, const char *text, size_t limit, struct err *err);

/* [{"at","by","node","field","old","new","op","batch","state"}], oldest first.
 * state: "here" (not sent), "sent", "accepted", "refused". */
enum err_code query_history(json_t **out, struct node *node, const char *id_text, struct err *err);

/* [{"id","type","title","field","values":[{"n","value","by","at","node","shown"}]}] */
enum err_code query_conflicts(json_t **out, struct node *node, struct err *err);
/* Settle one: keep value N (from 1), or write VALUE when N is 0. */
enum err_code query_resolve(struct node *node, const char *id_text, const char *field_name,
    int n, const char *value, struct err *err);

/* Take the last action of this node back, as a new action.  *WHAT, freed by the
 * caller, says what was taken back.  ERR_CONFLICT when somebody has changed it
 * since, ERR_NOT_FOUND when there is nothing. An undo is undone by the next undo. */
enum err_code query_undo(char **what, struct node *node, struct err *err);

#endif
