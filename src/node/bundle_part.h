/*
 * bundle_part - the two sides of a bundle.
 */
#ifndef NODE_BUNDLE_PART_H
#define NODE_BUNDLE_PART_H

#include "node/bundle.h"
#include "node/bundle_file.h"

struct feed;
struct feed_view;
struct serve_caller;

#define BUNDLE_COMMITS_MAX 256		/* of about 1 MiB each */

/* Append commits AFTER+1 to UNTIL of FEED.  At the hub with VIEW: each batch is
 * asked for once more. */
enum err_code bundle_add_commits(struct bundle_result *result, struct bundle_writer *w, struct node *node,
    const struct feed *feed, uint64_t after, uint64_t until, const struct feed_view *view, struct err *err);

/* Make the commits, if any are due, and write them to TO. */
enum err_code bundle_write_up(struct bundle_result *result, struct node *node, FILE *to, struct err *err);
enum err_code bundle_write_down(struct bundle_result *result, struct node *hub, node_t for_node, FILE *to,
    struct err *err);

/* The key of the node that wrote R, by what is known here, checked. */
enum err_code bundle_check_sender(const struct bundle_reader *r, struct node *node, struct err *err);
/* Read every record of R and change nothing: ERR_INVALID when one is not as it must be. */
enum err_code bundle_check(struct bundle_reader *r, struct node *node, struct err *err);
/* Take what R, which was checked, still has. */
enum err_code bundle_take_down(struct bundle_result *result, struct node *node, struct bundle_reader *r,
    struct err *err);
enum err_code bundle_take_up(struct bundle_result *result, struct node *hub, struct bundle_reader *r,
    struct err *err);
/* Hub: the node that has joined with that name.  ERR_DENIED when there is none. */
enum err_code bundle_caller(struct serve_caller *out, uint64_t *contact_ms, struct node *hub, node_t node,
    struct err *err);

#endif
