/*
 * progress - one line on the terminal that says how far something has come.
 *
 * On stderr, only when that is a terminal, at most ten times a second.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

void progress_show(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void progress_end(void);	/* wipes the line; nothing when there is none */

#endif
