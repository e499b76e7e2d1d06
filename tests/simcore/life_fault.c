#include "life.h"

#include <stdio.h>

#include "../sim/dice.h"
#include "end.h"
#include "shelf.h"

static void
restore(struct node *node)
{
	if (node->backup == NULL)
		return;
	if (node == HUB)
		SOMETIMES(hub_restored);
	else
		SOMETIMES(node_restored);
	org_say("%s comes back from its backup", node->name);
	node_back(node, node->backup);
	/* Whoever comes back signs as another. */
	org_new_writer(node);
	check_excuse();
}

static void
copy(struct node *from)
{
	struct node *to;

	if (org.node_count == NODES_MAX)
		return;
	SOMETIMES(copied);
	to = &org.nodes[org.node_count++];
	snprintf(to->name, sizeof(to->name), "copy%u", (unsigned)(org.node_count - org.person_count));
	org_say("%s is a copy of %s", to->name, from->name);
	from->copied = to->copied = true;
	node_copy(to, from);
}

static void
jump(struct node *node)
{
	uint32_t days = dice_pick(3653);

	/* Ten years at most, either way; the hub's clock stays. */
	node->skew_ms = (int64_t)days * DAY_MS;
	if (dice_chance(128))
		node->skew_ms *= -1;
	SOMETIMES(clock_far);
}

static void
upgrade(struct node *node)
{
	if (!node->old)
		return;
	SOMETIMES(upgraded);
	node->old = false;
	for (uint32_t s = 0; s < SHARDS; s++)
		shelf_rebuild(node, s);
}

void
life_misfortune(void)
{
	const struct dials *d = &org.dials;
	struct node *node = life_somebody(), *anybody = dice_chance(60) ? HUB : node;

	if (dice_chance(d->backup)) {
		SOMETIMES(backup);
		anybody->backup = node_keep(anybody);
	}
	if (dice_chance(d->restore))
		restore(node);
	if (dice_chance(d->hub_restore))
		restore(HUB);
	if (dice_chance(d->copy))
		copy(node);
	if (dice_chance(d->jump))
		jump(node);
	if (dice_chance(d->crash)) {
		SOMETIMES(crash);
		node_crash(anybody);
	}
	if (dice_chance(d->oneway)) {
		uint32_t to = dice_pick(org.node_count), days = dice_pick(40);

		org.closed_until[node - org.nodes][to] = org.now_ms + (uint64_t)days * DAY_MS;
	}
	if (dice_chance(d->upgrade))
		upgrade(node);
	if (dice_chance(d->idle)) {
		SOMETIMES(idle_months);
		org.now_ms += (uint64_t)DAY_MS * (1 + dice_pick(90));
	}
	for (uint32_t i = 1; i < org.node_count && d->rogue; i++)
		if (org.nodes[i].rogue)
			life_rogue(&org.nodes[i]);
}
