/* What a changed program with a good key may try. */
#include "work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "dice.h"
#include "net/client.h"
#include "vfs.h"
#include "wire.h"

/* Asks for another node's feed, signed as itself. */
static void
reach_for(struct seat *seat, const struct seat *other)
{
	struct client_reply reply = { .status = 0 };
	struct client *client;
	char path[128], name[NODE_TEXT];
	struct err err;

	if (other->node == NULL || other == HUB || other == seat)
		return;
	node_to_text(name, other->node->id);
	snprintf(path, sizeof(path), "/f/%s.git/info/refs?service=git-upload-pack", name);
	if (client_open(&client, &(struct client_options){ .url = "http://hub.sim", .key = seat->node->key,
	    .server_key = seat->node->hub_key }, &err) != OK)
		return;
	buf_init(&reply.body, 1u << 20);
	if (client_exchange(client, &(struct client_request){ .method = "GET", .path = path }, &reply, &err) == OK &&
	    reply.status == 200)
		world_fail("P8", "%s is shown the feed of %s", seat->name, other->name);
	SOMETIMES(reached_for);
	buf_release(&reply.body);
	client_close(client);
}

/* Another home with everything that is in SEAT's, SEAT's from here on; the one
 * it had is kept for the next change. */
static void
change_homes(struct seat *seat)
{
	char dir[sizeof(seat->dir)];
	struct disk *disk;

	seat_off(seat);
	if (seat->other == NULL) {
		snprintf(dir, sizeof(dir), "%.90s/%s.copy", world.root, seat->name);
		disk = seat_copy(seat, dir);
		SOMETIMES(home_copied);
	} else {
		disk = seat->other;
		memcpy(dir, seat->other_dir, sizeof(dir));
	}
	seat->other = seat->disk;
	memcpy(seat->other_dir, seat->dir, sizeof(dir));
	seat->disk = disk;
	memcpy(seat->dir, dir, sizeof(dir));
	world_say("%s goes on in %s", seat->name, strrchr(dir, '/') + 1);
	seat_on(seat);
}

void
work_rogue(struct seat *seat)
{
	if (!seat->rogue || seat->node == NULL)
		return;
	if (dice_chance(128))
		reach_for(seat, &world.seats[dice_pick((uint32_t)world.seat_count)]);
	else if (dice_chance(128))
		change_homes(seat);
	else {
		SOMETIMES(false_have);
		wire_lie(seat->node->id, (enum wire_lie)(1 + dice_pick(WIRE_LIES - 1)));
	}
}
