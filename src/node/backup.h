/*
 * backup - a home in one encrypted file, and back.
 *
 * The file is a libsodium secretstream (XChaCha20-Poly1305) under a key made
 * from a passphrase with Argon2id; docs/FORMAT.md section 8 has its bytes.  It
 * holds the keys and a consistent copy of the database, taken while others
 * read and write.  A restored home is a new incarnation: it never writes under
 * names that the old one may have used after the backup.
 */
#ifndef NODE_BACKUP_H
#define NODE_BACKUP_H

#include "node/node.h"

#define PASSPHRASE_MIN 8
#define BACKUP_COPY "backup.tmp"	/* in the home, while one is written */

/* PATH must not exist; it appears whole or not at all. */
enum err_code backup_write(struct node *node, const char *path, const char *passphrase, struct err *err);
/* Into HOME, which must not be a home yet, or one whose restore was cut off. ERR_DENIED
 * for a wrong passphrase or a file that was changed; nothing is left then. */
enum err_code backup_restore(struct node **out, const char *home, const char *path,
    const char *passphrase, struct err *err);

#endif
