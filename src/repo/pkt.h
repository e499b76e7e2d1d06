/*
 * pkt - pkt-lines: four hexadecimal digits of length, themselves included,
 * then the bytes.  "0000" is a flush; 1 to 3 and more than 65520 do not exist.
 */
#ifndef REPO_PKT_H
#define REPO_PKT_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

#define PKT_MAX 65520

enum pkt_kind { PKT_DATA, PKT_FLUSH, PKT_END, PKT_BAD };

struct pkt_reader {
	const char *p, *end;
	const char *line;	/* of the last PKT_DATA, without a closing LF */
	size_t len;
	size_t raw_len;		/* with it */
};

/* PKT_END when nothing is left, PKT_BAD for a length that cannot be or that
 * runs past the end; either case of hexadecimal is read. */
enum pkt_kind pkt_next(struct pkt_reader *reader);
/* The line is exactly TEXT, or begins with it. */
bool pkt_is(const struct pkt_reader *reader, const char *text);
bool pkt_begins(const struct pkt_reader *reader, const char *text);

/* One line of LEN bytes (at most PKT_MAX - 4), as they are. */
void pkt_add(struct buf *out, const void *p, size_t len);
void pkt_addf(struct buf *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void pkt_flush(struct buf *out);

#endif
