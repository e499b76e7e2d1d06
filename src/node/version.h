/*
 * version - what this program is and which libraries it runs with.
 */
#ifndef NODE_VERSION_H
#define NODE_VERSION_H

struct buf;

#define SATCHEL_VERSION "0.1.0"

/* One line for the program, one for each library as it is at run time. */
void version_text(struct buf *out);

#endif
