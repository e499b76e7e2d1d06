#include "rekey.h"

#include <stdlib.h>

#include "base/mem.h"
#include "oracle.h"
#include "pen.h"
#include "shelf.h"

/* Where own work of a shard went. */
struct moved {
	uint64_t was, now;
	size_t ops;
};

static struct dot
dot_now(struct dot dot, writer_t was, const struct node *node, const struct moved *moved, size_t count)
{
	for (size_t i = 0; i < count && dot.writer == was; i++)
		if (dot.seq >= moved[i].was && dot.seq < moved[i].was + moved[i].ops)
			return (struct dot){ node->writer, moved[i].now + dot.seq - moved[i].was };
	return dot;
}

static void
sign_again(struct node *node, uint32_t shard, const struct batch *batch, writer_t was, const struct moved *moved,
    size_t count)
{
	struct pen pen;

	pen_begin(&pen, node);
	for (size_t i = 0; i < batch->op_count; i++) {
		struct dot now = pen_dot(&pen, shard);
		struct op *op = pen_op(&pen, shard);
		struct dot *dots;

		*op = batch->ops[i];
		dots = org_keep(op->dots, op->dot_count * sizeof(*dots));
		for (size_t n = 0; n < op->dot_count; n++)
			dots[n] = dot_now(dots[n], was, node, moved, count);
		dots_sort(dots, op->dot_count);
		op->dots = dots;
		if (shard == SHARD_COMMON(BLOCK_POLICY))
			oracle_said_again((struct dot){ was, batch->seq + i }, now, op);
	}
	pen.batches[0].wall_ms = batch->wall_ms;
	pen_end(&pen);
}

static void
move_shard(struct node *node, uint32_t shard, writer_t was)
{
	struct shelf *shelf = &node->shelves[shard];
	struct moved *moved = mem_alloc((shelf->count + 1) * sizeof(*moved));
	size_t count = 0;

	/* Ascending by seq: what was named before is moved before. */
	for (size_t i = 0; i < shelf->count && !org.failed;) {
		const struct parcel *parcel = shelf->entries[i].parcel;
		const struct batch *batch = parcel->truth;

		if (batch->writer != was || (shelf->entries[i].at_hub && !shelf->entries[i].twin)) {
			i++;
			continue;
		}
		moved[count++] = (struct moved){ batch->seq, shelf->next_seq, batch->op_count };
		shelf_drop(node, shard, parcel->name);
		sign_again(node, shard, batch, was, moved, count);
		for (size_t n = 0; n < org.owed_count; n++)
			if (org.owed[n].parcel == parcel)
				org.owed[n].excused = true;
		/* What was signed anew stands somewhere else. */
		i = 0;
	}
	free(moved);
}

void
rekey(struct node *node)
{
	writer_t was = node->writer;
	uint8_t crash = org.dials.crash;

	SOMETIMES(rekeyed);
	org_say("%s takes another name", node->name);
	node->must_rekey = false;
	org_new_writer(node);
	/* One transaction. */
	org.dials.crash = 0;
	for (uint32_t s = 0; s < SHARDS; s++)
		move_shard(node, s, was);
	org.dials.crash = crash;
}
