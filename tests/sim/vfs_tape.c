/* vfs_tape: a disk as it was, and every change since, to be had again one by one. */
#include "vfs_part.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct event {
	const struct disk *disk;
	char name[64];
	enum change_kind what;
	size_t at, len;
	uint8_t *p;		/* NULL: CHANGED is cut */
};

struct tape {
	struct event *events;
	size_t count, cap;
};

static struct tape *running;

void
tape_tell(const struct disk *disk, const char *name, enum change_kind what, size_t at, const void *p, size_t len)
{
	struct event *event;

	if (running == NULL)
		return;
	running->events = mem_grow(running->events, running->count, &running->cap, sizeof(*running->events));
	event = &running->events[running->count++];
	*event = (struct event){ .disk = disk, .what = what, .at = at, .len = len };
	snprintf(event->name, sizeof(event->name), "%s", name);
	if (p) {
		event->p = mem_alloc(len + 1);
		memcpy(event->p, p, len);
	}
}

static void
copy_files(struct disk *to, const struct disk *from)
{
	const struct file *file;
	const struct change *change;

	LIST_FOREACH(file, &from->files, next) {
		struct file *copy = file_new(to, file->name);

		content_set(&copy->now, &file->now);
		content_set(&copy->synced, &file->synced);
		STAILQ_FOREACH(change, &file->changes, next)
			file_add_change(copy, change->at, change->cut, &change->written);
	}
}

struct disk *
disk_shot(const struct disk *disk)
{
	struct disk *shot = disk_new("");

	copy_files(shot, disk);
	return shot;
}

void
disk_back(struct disk *disk, const struct disk *shot)
{
	struct file *file;

	while ((file = LIST_FIRST(&disk->files)) != NULL)
		file_free(file);
	if (shot)
		copy_files(disk, shot);
	disk_calm(disk);
	disk->dead = false;
}

struct tape *
tape_start(void)
{
	assert(running == NULL);
	return running = mem_alloc(sizeof(*running));
}

void
tape_stop(void)
{
	running = NULL;
}

void
tape_free(struct tape *tape)
{
	for (size_t i = 0; tape && i < tape->count; i++)
		free(tape->events[i].p);
	if (tape)
		free(tape->events);
	free(tape);
}

size_t
tape_length(const struct tape *tape)
{
	return tape->count;
}

bool
tape_play(struct disk *shot, const struct tape *tape, size_t i, const struct disk *disk)
{
	const struct event *event = &tape->events[i];
	struct file *file;

	if (event->disk != disk)
		return false;
	if ((file = file_find(shot, event->name)) == NULL) {
		file = file_new(shot, event->name);
		if (event->len && event->what == MADE)
			content_write(&file->now, 0, event->p, event->len);
		content_set(&file->synced, &file->now);
	}
	if (event->what == DROPPED) {
		file_free(file);
	} else if (event->what == SYNCED) {
		file_keep_changes(file);
	} else if (event->what == CHANGED) {
		file_change(file, event->at, event->p, event->len);
	}
	return true;
}
