/*
 * policy_graph - statements by their dots, and which of them follow which.
 *
 * A statement follows what its author had seen and what he stated before; a
 * grant that follows a revoke was given in spite of it (core/policy.h).
 */
#ifndef CORE_POLICY_GRAPH_H
#define CORE_POLICY_GRAPH_H

#include "core/policy.h"

struct graph {
	const struct statement *statements;
	struct named { struct dot dot; size_t at; } *named;	/* ascending, no dot twice */
	size_t count;		/* of named: they are meant by their places in it */
	size_t *walk;		/* number of the last walk that came by */
	size_t *stack;
	size_t walks;
};

/* STATEMENTS stay the caller's, and stay as they are. */
void graph_init(struct graph *graph, const struct statement *statements, size_t count);
void graph_release(struct graph *graph);
const struct statement *graph_at(const struct graph *graph, size_t i);
/* The newest of the writer's statements up to DOT; false when none is given. */
bool graph_newest(size_t *at, const struct graph *graph, struct dot dot);
/* Mark all that statement FROM follows; graph_passed then tells. */
void graph_walk(struct graph *graph, size_t from);
bool graph_passed(const struct graph *graph, size_t i);

#endif
