/*
 * export_part - what the writing and the checking of an export share.
 */
#ifndef NODE_EXPORT_PART_H
#define NODE_EXPORT_PART_H

#define EXPORT_FIRST "satchel-export 1\n"
#define EXPORT_SIGNED_AS "satchel/export/1\n"
#define EXPORT_WORD_MAX 65536

/* PATH.sig; freed by the caller. */
char *export_sig_path(const char *path);

#endif
