/*
 * vfs_part - what the disks (vfs_disk.c), their shots and tapes (vfs_tape.c) and
 * SQLite's side of them (vfs.c) share.
 */
#ifndef SIM_VFS_PART_H
#define SIM_VFS_PART_H

#include <sqlite3.h>
#include <sys/queue.h>

#include "content.h"
#include "vfs.h"

#define SHM_LOCKS 8
#define REGIONS_MAX 64

/* A change that was not synced: written, or cut to `at` bytes. */
struct change {
	STAILQ_ENTRY(change) next;
	size_t at;
	bool cut;
	struct content written;
};

struct file {
	LIST_ENTRY(file) next;
	char name[64];
	struct disk *disk;
	struct content now, synced;
	STAILQ_HEAD(, change) changes;
	size_t change_count;
	unsigned opened;
	unsigned shared;	/* connections with a shared lock or more */
	struct connection *reserved, *exclusive;
	uint8_t *regions[REGIONS_MAX];
	size_t region_count;
	unsigned shm_shared[SHM_LOCKS];
	struct connection *shm_exclusive[SHM_LOCKS];
	bool write_out;
};

struct connection {
	sqlite3_file base;
	struct file *file;
	char *temporary;	/* path of a file that goes when it is closed */
	int lock;
	uint16_t shm_shared, shm_exclusive;	/* bits */
};

struct disk {
	LIST_ENTRY(disk) next;
	char *directory;
	LIST_HEAD(, file) files;
	uint32_t die_at, fail_at, full_at;	/* 0: not */
	enum access_kind kind;		/* that fails */
	size_t quota;
	bool dead;
	enum disk_strike struck;
	uint64_t accesses;
};

struct disk *disk_of(const char **name, const char *path);	/* NULL; *NAME points into PATH */
/* Counted; is this access to fail? */
bool disk_access_fails(struct disk *disk, enum access_kind kind);
struct file *file_find(struct disk *disk, const char *name);	/* NULL */
struct file *file_new(struct disk *disk, const char *name);
void file_free(struct file *file);
void file_drop_shm(struct file *file);
/* Written, or cut when P is NULL; not synced. */
void file_change(struct file *file, size_t at, const uint8_t *p, size_t len);
/* What was not synced: one change more; all of them kept. */
void file_add_change(struct file *file, size_t at, bool cut, const struct content *written);
void file_keep_changes(struct file *file);

/* For the tape that runs, if one does: a file appears (with what it has then), goes, is
 * synced, is written or (P NULL) cut. */
enum change_kind { MADE, DROPPED, SYNCED, CHANGED };
void tape_tell(const struct disk *disk, const char *name, enum change_kind what, size_t at, const void *p,
    size_t len);

#endif
