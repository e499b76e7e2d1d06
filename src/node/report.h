/*
 * report - what a person may know about the state of things, as JSON that the
 * faces print (docs/JSON.md).
 */
#ifndef NODE_REPORT_H
#define NODE_REPORT_H

#include <jansson.h>

#include "node/node.h"

/* {"node","person","person_id","role","org","hub","pending_batches","sent_batches","confirmed_batches",
 *  "carried_batches","outbox","last_sync","epoch","clients","conflicts",
 *  "refused":[{"shard","at","reason","state"}],"purging","device",
 *  "wiped","wiped_by","revoked","overdue","overdue_since","passport_hours",
 *  "unattended":{"said","tried","next"} or null,"holds"} - the last at the hub alone: work that holds until a
 *  head decides; node/hold.h, node/peer.h, node/unattended.h */
enum err_code report_status(json_t **out, struct node *node, struct err *err);
/* [{"id","name","role","branch","team","territory","nodes"}] */
enum err_code report_persons(json_t **out, struct node *node, struct err *err);
/* [{"node","device","person","role","joined","last_contact","holds":{"clients","shards"},"waiting",
 *   "revoked","receipts_due":[{"shard","client","block","ordered","overdue"}],
 *   "receipts":[{"shard","client","block","ordered","confirmed","batches","acknowledged"}]}]; what the hub
 * knows (elsewhere only the own node, unless the hub's report came with a sync). */
enum err_code report_nodes(json_t **out, struct node *node, struct err *err);
/* {"person","role","epoch","capabilities":[...],"rules":["..."],"blocks":{block: right on own}} */
enum err_code report_access(json_t **out, struct node *node, const struct id *person, struct err *err);
/* {"person","client","assignment":{"owner","team","branch","territory","segment","contested"},
 *  "blocks":{block: {"right","on_hold","why":[{"from":"role"|"grant"|"revoke"|"hold","rule",
 *   "by","at","until","right","beaten_by":[{"from","rule","by","at","until","because"}],
 *   "because"}]}}} - in "why" grants with what beats them, then revokes that beat nothing;
 * "by" and "at" not of a role, "until" of holds. */
enum err_code report_explain(json_t **out, struct node *node, const struct id *person,
    const struct id *client, struct err *err);

#endif
