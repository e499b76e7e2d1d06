#include "core/policy_graph.h"

#include <stdlib.h>

#include "base/mem.h"

static int
compare_named(const void *a, const void *b)
{
	return dot_compare(((const struct named *)a)->dot, ((const struct named *)b)->dot);
}

void
graph_init(struct graph *graph, const struct statement *statements, size_t count)
{
	*graph = (struct graph){ .statements = statements };
	graph->named = mem_alloc(count * sizeof(*graph->named));
	graph->walk = mem_alloc(count * sizeof(*graph->walk));
	graph->stack = mem_alloc((count + 1) * sizeof(*graph->stack));
	for (size_t i = 0; i < count; i++)
		graph->named[i] = (struct named){ statements[i].dot, i };
	qsort(graph->named, count, sizeof(*graph->named), compare_named);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || !dot_equal(graph->named[i].dot, graph->named[i - 1].dot))
			graph->named[graph->count++] = graph->named[i];
}

void
graph_release(struct graph *graph)
{
	free(graph->named);
	free(graph->walk);
	free(graph->stack);
}

const struct statement *
graph_at(const struct graph *graph, size_t i)
{
	return &graph->statements[graph->named[i].at];
}

bool
graph_newest(size_t *at, const struct graph *graph, struct dot dot)
{
	size_t low = 0, high = graph->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (dot_compare(graph->named[middle].dot, dot) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	*at = low - 1;
	return low > 0 && graph->named[low - 1].dot.writer == dot.writer;
}

void
graph_walk(struct graph *graph, size_t from)
{
	size_t left = 1;

	graph->walks++;
	graph->stack[0] = from;
	while (left) {
		size_t here = graph->stack[--left];
		const struct statement *statement = graph_at(graph, here);

		for (size_t i = 0; i <= statement->after_count; i++) {
			struct dot dot = i < statement->after_count ? statement->after[i] : statement->dot;
			size_t at;

			/* Its own writer's one before it, last. */
			if (i == statement->after_count && dot.seq-- == 0)
				continue;
			if (!graph_newest(&at, graph, dot) || graph->walk[at] == graph->walks)
				continue;
			graph->walk[at] = graph->walks;
			graph->stack[left++] = at;
		}
	}
}

bool
graph_passed(const struct graph *graph, size_t i)
{
	return graph->walk[i] == graph->walks;
}
