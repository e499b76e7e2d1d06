#include "admit.h"

#include <string.h>

#include "base/mem.h"
#include "rights.h"
#include "shelf.h"

#define HOLD_MS (3ull * DAY_MS)

static struct entry *
aside_find(uint64_t name)
{
	for (size_t i = 0; i < HUB->aside_count; i++)
		if (HUB->aside[i].parcel->name == name)
			return &HUB->aside[i];
	return NULL;
}

enum verdict
admit_verdict(uint64_t name, uint32_t shard)
{
	const struct entry *aside;

	if (shelf_find(&HUB->shelves[shard], name))
		return IN;
	aside = aside_find(name);
	return aside == NULL ? WANTED : aside->twin ? TWIN : REFUSED;
}

/* Who adds a client may say once that it is his own. */
static bool
is_first_word(struct node *author, const struct batch *batch)
{
	char owner[ID_HEX + 2] = "\"";

	id_to_hex(owner + 1, &author->person);
	strcat(owner, "\"");
	return batch->shard.block == BLOCK_ASSIGNMENT && batch->op_count == 1 &&
	    batch->ops[0].verb == VERB_SET && batch->ops[0].value.len == strlen(owner) &&
	    memcmp(batch->ops[0].value.p, owner, strlen(owner)) == 0 && !hub_passport(author)->revoked &&
	    hub_passport(author)->subject.role != ROLE_COUNT;
}

static bool
is_admitted(const struct batch *batch, uint32_t shard)
{
	struct node *author = org_writer(batch->writer)->node;

	if (author == HUB)
		return true;
	/* Roles are given at the hub alone. */
	if (shard == SHARD_COMMON(BLOCK_PEOPLE))
		return false;
	if (hub_right(author, shard) == RIGHT_EDIT)
		return true;
	return HUB->shelves[shard].count == 0 && is_first_word(author, batch);
}

static void
put_aside(struct batch *batch, const struct parcel *parcel, bool twin)
{
	HUB->aside = mem_grow(HUB->aside, HUB->aside_count, &HUB->aside_cap, sizeof(*HUB->aside));
	HUB->aside[HUB->aside_count] = (struct entry){ .parcel = parcel, .batch = *batch, .twin = twin };
	if (!twin && parcel->shard == SHARD_COMMON(BLOCK_POLICY) && org_writer(batch->writer)->node->was_head) {
		SOMETIMES(held);
		/* With the day, as all that ends here. */
		HUB->aside[HUB->aside_count].hold_ms = ((org.now_ms + HOLD_MS) / DAY_MS + 1) * DAY_MS;
		rights_changed(parcel->shard);
	}
	HUB->aside_count++;
	org.changes++;
	org.hub_changes++;
}

/* Work that is aside has its name too. */
static bool
clashes_aside(const struct batch *batch, uint32_t shard)
{
	for (size_t i = 0; i < HUB->aside_count; i++) {
		const struct entry *one = &HUB->aside[i];

		if (one->parcel->shard == shard && one->batch.writer == batch->writer && !one->twin &&
		    one->batch.seq < batch->seq + batch->op_count && batch->seq < one->batch.seq + one->batch.op_count)
			return true;
	}
	return false;
}

void
admit(const struct parcel *parcel)
{
	struct shelf *shelf = &HUB->shelves[parcel->shard];
	struct batch batch;

	if (parcel->truth && admit_verdict(parcel->name, parcel->shard) != WANTED)
		return;
	if (!parcel_open(&batch, parcel)) {
		SOMETIMES(damaged_refused);
		return;
	}
	if (shelf_clashes(shelf, batch.writer, batch.seq, batch.op_count, parcel->name) ||
	    clashes_aside(&batch, parcel->shard)) {
		struct node *author = org_writer(batch.writer)->node;

		SOMETIMES(twin);
		if (!author->copied && !author->rogue)
			org_fail("P11", "%s was never copied, and gives a name twice", author->name);
		put_aside(&batch, parcel, true);
	} else if (is_admitted(&batch, parcel->shard)) {
		batch_release(&batch);
		shelf_take(HUB, parcel);
	} else {
		SOMETIMES(refused);
		put_aside(&batch, parcel, false);
	}
}

void
admit_again(void)
{
	bool more = HUB->aside_count > 0;

	while (more && !org.failed) {
		more = false;
		for (size_t i = 0; i < HUB->aside_count; i++) {
			struct entry entry = HUB->aside[i];

			if (entry.twin || !is_admitted(&entry.batch, entry.parcel->shard))
				continue;
			HUB->aside[i] = HUB->aside[--HUB->aside_count];
			if (shelf_clashes(&HUB->shelves[entry.parcel->shard], entry.batch.writer, entry.batch.seq,
			    entry.batch.op_count, entry.parcel->name)) {
				put_aside(&entry.batch, entry.parcel, true);
			} else {
				SOMETIMES(admitted_late);
				batch_release(&entry.batch);
				shelf_take(HUB, entry.parcel);
			}
			more = true;
		}
	}
}
