/* vfs_disk: files in memory, and what is left of them when the power goes. */
#include "vfs_part.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dice.h"

#define SECTOR 512u

static LIST_HEAD(, disk) disks = LIST_HEAD_INITIALIZER(disks);
void (*disk_died)(struct disk *disk);

struct disk *
disk_new(const char *directory)
{
	struct disk *disk = mem_alloc(sizeof(*disk));

	disk->directory = mem_strdup(directory);
	disk->quota = SIZE_MAX;
	LIST_INIT(&disk->files);
	LIST_INSERT_HEAD(&disks, disk, next);
	return disk;
}

static void
forget_changes(struct file *file)
{
	struct change *change;

	while ((change = STAILQ_FIRST(&file->changes)) != NULL) {
		STAILQ_REMOVE_HEAD(&file->changes, next);
		content_release(&change->written);
		free(change);
	}
	file->change_count = 0;
}

void
file_drop_shm(struct file *file)
{
	for (size_t i = 0; i < file->region_count; i++)
		free(file->regions[i]);
	file->region_count = 0;
}

void
file_free(struct file *file)
{
	assert(file->opened == 0);
	LIST_REMOVE(file, next);
	forget_changes(file);
	file_drop_shm(file);
	content_release(&file->now);
	content_release(&file->synced);
	free(file);
}

void
disk_free(struct disk *disk)
{
	struct file *file;

	if (disk == NULL)
		return;
	while ((file = LIST_FIRST(&disk->files)) != NULL)
		file_free(file);
	LIST_REMOVE(disk, next);
	free(disk->directory);
	free(disk);
}

void
disk_die_at(struct disk *disk, uint32_t k)
{
	disk->die_at = k;
	disk->struck = DISK_FINE;
}

void
disk_fail_at(struct disk *disk, uint32_t k)
{
	disk->fail_at = k;
	disk->kind = ACCESS_ANY;
	disk->struck = DISK_FINE;
}

void
disk_fail_kind(struct disk *disk, enum access_kind kind, uint32_t k)
{
	disk_fail_at(disk, k);
	disk->kind = kind;
}

void
disk_full_from(struct disk *disk, uint32_t k)
{
	disk->full_at = k;
	disk->struck = DISK_FINE;
}

void
disk_quota(struct disk *disk, size_t bytes)
{
	disk->quota = bytes;
	disk->struck = DISK_FINE;
}

bool
disk_is_dead(const struct disk *disk)
{
	return disk->dead;
}

enum disk_strike
disk_calm(struct disk *disk)
{
	enum disk_strike struck = disk->struck;

	disk->die_at = disk->fail_at = disk->full_at = 0;
	disk->quota = SIZE_MAX;
	disk->struck = DISK_FINE;
	return struck;
}

uint64_t
disk_accesses(const struct disk *disk)
{
	return disk->accesses;
}

/* --- losing power --- */

static void
survive(struct content *to, const struct change *change, enum survival how)
{
	const uint8_t *p = content_at(&change->written, 0);
	size_t all = change->written.len;
	bool alone = how == SECTORS || how == SOME;

	if (change->cut) {
		if (!alone || dice_chance(128))
			content_cut(to, change->at);
		return;
	}
	if (how != SECTORS) {
		if (!alone || dice_chance(128))
			content_write(to, change->at, p, all);
		return;
	}
	for (size_t done = 0; done < all;) {
		size_t at = change->at + done, len = SECTOR - at % SECTOR;

		if (len > all - done)
			len = all - done;
		if (dice_chance(128))
			content_write(to, at, p + done, len);
		done += len;
	}
}

static void
file_power(struct file *file, enum survival how)
{
	size_t left = file->change_count;
	struct change *change;

	if (how == NOTHING)
		left = 0;
	if (how == A_BEGINNING && left)
		left = dice_pick(left > 65535 ? 65536 : (uint32_t)left + 1);
	STAILQ_FOREACH(change, &file->changes, next) {
		if (left == 0)
			break;
		left--;
		survive(&file->synced, change, how);
	}
	forget_changes(file);
	content_set(&file->now, &file->synced);
	file_drop_shm(file);
}

void
disk_power_as(struct disk *disk, enum survival how)
{
	struct file *file;

	LIST_FOREACH(file, &disk->files, next) {
		assert(file->opened == 0);
		file_power(file, how == SURVIVALS ? (enum survival)dice_pick(4) : how);
	}
	disk->dead = false;
	disk->die_at = 0;
}

void
disk_power(struct disk *disk)
{
	disk_power_as(disk, SURVIVALS);
}

void
disk_copy(struct disk *to, const struct disk *from)
{
	const struct file *file;

	LIST_FOREACH(file, &from->files, next) {
		struct file *copy = mem_alloc(sizeof(*copy));

		memcpy(copy->name, file->name, sizeof(copy->name));
		copy->disk = to;
		STAILQ_INIT(&copy->changes);
		content_set(&copy->now, &file->now);
		content_set(&copy->synced, &file->now);
		LIST_INSERT_HEAD(&to->files, copy, next);
	}
}

void
disk_each(const struct disk *disk, void (*each)(void *context, const char *name, const uint8_t *p,
    size_t len), void *context)
{
	const struct file *file;

	LIST_FOREACH(file, &disk->files, next)
		each(context, file->name, content_at(&file->now, 0), file->now.len);
}

/* --- files --- */

bool
disk_access_fails(struct disk *disk, enum access_kind kind)
{
	disk->accesses++;
	if (disk->dead)
		return true;
	if (disk->die_at && --disk->die_at == 0) {
		disk->dead = true;
		disk->struck = DISK_FAILED;
		if (disk_died)
			disk_died(disk);
		return true;
	}
	if (disk->fail_at && (disk->kind == ACCESS_ANY || disk->kind == kind) && --disk->fail_at == 0) {
		disk->struck = DISK_FAILED;
		return true;
	}
	return false;
}

struct disk *
disk_of(const char **name, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct disk *disk;

	*name = slash ? slash + 1 : path;
	LIST_FOREACH(disk, &disks, next)
		if (slash && strlen(disk->directory) == (size_t)(slash - path) &&
		    memcmp(disk->directory, path, (size_t)(slash - path)) == 0)
			return disk;
	return NULL;
}

struct file *
file_find(struct disk *disk, const char *name)
{
	struct file *file;

	LIST_FOREACH(file, &disk->files, next)
		if (strcmp(file->name, name) == 0)
			return file;
	return NULL;
}

struct file *
file_new(struct disk *disk, const char *name)
{
	struct file *file = mem_alloc(sizeof(*file));

	snprintf(file->name, sizeof(file->name), "%s", name);
	file->disk = disk;
	STAILQ_INIT(&file->changes);
	LIST_INSERT_HEAD(&disk->files, file, next);
	return file;
}

void
file_add_change(struct file *file, size_t at, bool cut, const struct content *written)
{
	struct change *change = mem_alloc(sizeof(*change));

	change->at = at;
	change->cut = cut;
	content_set(&change->written, written);
	STAILQ_INSERT_TAIL(&file->changes, change, next);
	file->change_count++;
}

void
file_change(struct file *file, size_t at, const uint8_t *p, size_t len)
{
	struct content written = { .len = 0 };

	if (p) {
		content_write(&written, 0, p, len);
		content_write(&file->now, at, p, len);
	} else {
		content_cut(&file->now, at);
	}
	file_add_change(file, at, p == NULL, &written);
	content_release(&written);
}

void
file_keep_changes(struct file *file)
{
	struct change *change;

	STAILQ_FOREACH(change, &file->changes, next)
		survive(&file->synced, change, EVERYTHING);
	forget_changes(file);
}

static uint64_t
hash_name(const char *name)
{
	uint64_t hash = 14695981039346656037u;

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 1099511628211u;
	return hash | 1;
}

uint64_t
disk_hash(const struct disk *disk)
{
	const struct file *file;
	uint64_t sum = 0;

	/* The order of the files is not the disk's. */
	LIST_FOREACH(file, &disk->files, next)
		sum += (content_hash(&file->now) + 1) * hash_name(file->name);
	return sum;
}
