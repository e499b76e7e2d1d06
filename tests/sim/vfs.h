/*
 * vfs - disks in memory for SQLite, that lose power, fail and fill up.
 *
 * A disk is a directory; SQLite's files below it live here, everything else
 * that a home has is a real file.  A file knows what was synced and every
 * write since, so that a loss of power can keep, drop, tear and reorder what
 * was not synced, 512 bytes at a time.  An unlink is durable.
 *
 * Two exceptions meet the real files: a database that is not here yet begins
 * with the real file's bytes (a restore wrote it), and backup.tmp is written out
 * when it is closed (a backup reads it).
 */
#ifndef SIM_VFS_H
#define SIM_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct disk;

void vfs_register(void);		/* as SQLite's default */
void vfs_forget(void);			/* its generator of random numbers begins anew */
/* A file NAME that is made from here on begins as that of DISK; NULL: empty. */
void vfs_newborn(struct disk *disk, const char *name);

struct disk *disk_new(const char *directory);
void disk_free(struct disk *disk);	/* NULL is fine; no file may be open */

/* From the K-th next access on (from 1) the power is gone: every access fails
 * and changes nothing, until disk_power. */
void disk_die_at(struct disk *disk, uint32_t k);
bool disk_is_dead(const struct disk *disk);
/* All files are closed: the power comes back.  What was not synced is chosen. */
void disk_power(struct disk *disk);
/* The same for all files alike: what was not synced is gone, is all there, up to some
 * write, some 512 bytes of some writes, some writes. */
enum survival { NOTHING, EVERYTHING, A_BEGINNING, SECTORS, SOME, SURVIVALS };
void disk_power_as(struct disk *disk, enum survival how);
/* Called when the power goes: what is outside of SQLite's files is then as it was. */
extern void (*disk_died)(struct disk *disk);
/* The K-th next access (of a KIND) fails, once. */
enum access_kind { ACCESS_ANY, ACCESS_READ, ACCESS_WRITE, ACCESS_SYNC, ACCESS_CUT, ACCESS_OPEN, ACCESS_KINDS };
void disk_fail_at(struct disk *disk, uint32_t k);
void disk_fail_kind(struct disk *disk, enum access_kind kind, uint32_t k);
/* Files may grow by so many bytes yet; SIZE_MAX: as they like. */
void disk_quota(struct disk *disk, size_t bytes);
/* From the K-th next write that needs room on there is none. */
void disk_full_from(struct disk *disk, uint32_t k);
/* No fault is waiting any more; says which has struck since it was armed. */
enum disk_strike { DISK_FINE, DISK_FAILED, DISK_FULL };
enum disk_strike disk_calm(struct disk *disk);

/* A copy of everything that is on FROM, as a machine's copy would be. */
void disk_copy(struct disk *to, const struct disk *from);
/* DISK as it is, with what was not synced; no disk that SQLite sees. */
struct disk *disk_shot(const struct disk *disk);
/* DISK is as SHOT again (NULL: empty).  No file may be open. */
void disk_back(struct disk *disk, const struct disk *shot);
/* What its files hold; what was not synced counts as it does now. */
uint64_t disk_hash(const struct disk *disk);

/* Every change of every disk, in one order, from tape_start to tape_stop. */
struct tape;
struct tape *tape_start(void);		/* one at a time */
void tape_stop(void);
void tape_free(struct tape *tape);	/* stopped; NULL is fine */
size_t tape_length(const struct tape *tape);
/* Change I was of DISK: SHOT of it changes so too.  False: it was another's. */
bool tape_play(struct disk *shot, const struct tape *tape, size_t i, const struct disk *disk);

/* Each file as it stands. */
void disk_each(const struct disk *disk, void (*each)(void *context, const char *name, const uint8_t *p,
    size_t len), void *context);
uint64_t disk_accesses(const struct disk *disk);

#endif
