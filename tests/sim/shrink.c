#include "shrink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct shrinking {
	struct script *script;
	struct run_result *result;
	char property[16];
	const char *file;
	uint32_t left;
};

static void
save(const struct shrinking *s)
{
	FILE *out = fopen(s->file, "we");

	if (out == NULL) {
		perror(s->file);
		exit(2);
	}
	fprintf(out, "# %s\n", s->result->why);
	script_write(s->script, out);
	fclose(out);
}

/* Takes CANDIDATE over when it fails alike, else releases it. */
static bool
try(struct shrinking *s, struct script *candidate)
{
	struct run_result result;

	if (s->left == 0) {
		script_release(candidate);
		return false;
	}
	s->left--;
	run_script(&result, candidate);
	if (!result.failed || strncmp(result.why, s->property, strlen(s->property)) != 0) {
		script_release(candidate);
		return false;
	}
	script_release(s->script);
	*s->script = *candidate;
	*s->result = result;
	save(s);
	fprintf(stderr, "%zu steps: %.100s\n", s->script->count, result.why);
	return true;
}

static bool
drop_steps(struct shrinking *s, size_t at, size_t count)
{
	struct script candidate;

	script_copy(&candidate, s->script);
	for (size_t i = at; i < at + count; i++)
		free(candidate.steps[i].bytes);
	memmove(candidate.steps + at, candidate.steps + at + count,
	    (candidate.count - at - count) * sizeof(*candidate.steps));
	candidate.count -= count;
	return try(s, &candidate);
}

/* Zero COUNT choices of a step. */
static bool
dull(struct shrinking *s, size_t step, size_t at, size_t count)
{
	struct script candidate;
	bool any = false;

	for (size_t i = at; i < at + count && i < s->script->steps[step].len; i++)
		any = any || s->script->steps[step].bytes[i];
	if (!any)
		return false;
	script_copy(&candidate, s->script);
	for (size_t i = at; i < at + count && i < candidate.steps[step].len; i++)
		candidate.steps[step].bytes[i] = 0;
	return try(s, &candidate);
}

static void
trim(struct script *script)
{
	for (size_t i = 0; i < script->count; i++)
		while (script->steps[i].len && script->steps[i].bytes[script->steps[i].len - 1] == 0)
			script->steps[i].len--;
}

void
shrink(struct script *script, struct run_result *result, uint32_t runs, const char *file)
{
	struct shrinking s = { .script = script, .result = result, .left = runs, .file = file };
	bool better = true;

	snprintf(s.property, sizeof(s.property), "%.*s ", (int)strcspn(result->why, " "), result->why);
	while (better && s.left) {
		better = false;
		for (size_t count = script->count / 2; count > 0; count /= 2)
			for (size_t at = script->count; at > 1;) {
				at = at > count ? at - count : 1;
				if (at + count <= script->count && drop_steps(&s, at, count))
					better = true;
			}
		for (size_t i = 0; i < script->count; i++) {
			for (size_t at = 0; at < script->steps[i].len; at += 8)
				if (!dull(&s, i, at, 8))
					for (size_t n = at; n < at + 8; n++)
						dull(&s, i, n, 1);
		}
	}
	trim(script);
	save(&s);
}
