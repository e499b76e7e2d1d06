#include "dice.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"

static struct {
	struct script *keep;
	const struct script *play;
	size_t next;		/* step to come */
	size_t at;		/* byte of the step under way, when played */
	uint64_t choices, secrets;
} dice;

static uint64_t
mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

static uint64_t
draw(uint64_t *state)
{
	*state += 0x9e3779b97f4a7c15u;
	return mix(*state);
}

void
script_release(struct script *script)
{
	for (size_t i = 0; i < script->count; i++)
		free(script->steps[i].bytes);
	free(script->steps);
	*script = (struct script){ 0 };
}

static struct dice_step *
add_step(struct script *script, uint32_t number)
{
	struct dice_step *step;

	script->steps = mem_grow(script->steps, script->count, &script->cap, sizeof(*script->steps));
	step = &script->steps[script->count++];
	*step = (struct dice_step){ .number = number };
	return step;
}

static void
add_byte(struct dice_step *step, uint8_t byte)
{
	step->bytes = mem_grow(step->bytes, step->len, &step->cap, 1);
	step->bytes[step->len++] = byte;
}

void
script_copy(struct script *out, const struct script *from)
{
	*out = (struct script){ .seed = from->seed };
	for (size_t i = 0; i < from->count; i++) {
		struct dice_step *step = add_step(out, from->steps[i].number);

		for (size_t n = 0; n < from->steps[i].len; n++)
			add_byte(step, from->steps[i].bytes[n]);
	}
}

bool
script_read(struct script *out, FILE *in)
{
	char line[8192];
	bool seeded = false;

	*out = (struct script){ 0 };
	while (fgets(line, sizeof(line), in)) {
		struct dice_step *step;
		unsigned number, byte;
		int n;

		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (!seeded) {
			if (sscanf(line, "seed %" SCNu64, &out->seed) != 1)
				return false;
			seeded = true;
			continue;
		}
		if (sscanf(line, "%u%n", &number, &n) != 1)
			return false;
		step = add_step(out, number);
		for (const char *p = line + n; sscanf(p, " %2x%n", &byte, &n) == 1; p += n)
			add_byte(step, (uint8_t)byte);
	}
	return seeded && out->count > 0;
}

void
script_write(const struct script *script, FILE *out)
{
	fprintf(out, "seed %" PRIu64 "\n", script->seed);
	for (size_t i = 0; i < script->count; i++) {
		fprintf(out, "%" PRIu32 " ", script->steps[i].number);
		for (size_t n = 0; n < script->steps[i].len; n++)
			fprintf(out, "%02x", script->steps[i].bytes[n]);
		fputc('\n', out);
	}
}

void
script_from_bytes(struct script *out, const uint8_t *p, size_t len)
{
	*out = (struct script){ .seed = 1 };
	for (size_t at = 0; at < len && out->count < 4096;) {
		size_t n = p[at++];
		struct dice_step *step = add_step(out, (uint32_t)out->count);

		for (size_t i = 0; i < n && at < len; i++)
			add_byte(step, p[at++]);
	}
	if (out->count == 0)
		add_step(out, 0);
}

void
dice_sow(struct script *out, uint64_t seed)
{
	*out = (struct script){ .seed = seed };
	dice.keep = out;
	dice.play = NULL;
	dice.next = 0;
	dice.choices = mix(seed);
}

void
dice_replay(const struct script *script)
{
	dice.keep = NULL;
	dice.play = script;
	dice.next = 0;
}

bool
dice_step(void)
{
	uint64_t seed = dice.keep ? dice.keep->seed : dice.play->seed;

	if (dice.keep)
		add_step(dice.keep, (uint32_t)dice.keep->count);
	else if (dice.next == dice.play->count)
		return false;
	dice.next++;
	dice.at = 0;
	dice.secrets = mix(seed ^ 0x5ec7e7) ^ mix(dice_step_number() * 0x100000001b3u);
	return true;
}

uint32_t
dice_step_number(void)
{
	return (dice.keep ? dice.keep : dice.play)->steps[dice.next - 1].number;
}

static uint8_t
next_byte(void)
{
	const struct dice_step *step;
	uint8_t byte;

	if (dice.keep) {
		byte = (uint8_t)draw(&dice.choices);
		add_byte(&dice.keep->steps[dice.next - 1], byte);
		return byte;
	}
	step = &dice.play->steps[dice.next - 1];
	return dice.at < step->len ? step->bytes[dice.at++] : 0;
}

uint32_t
dice_pick(uint32_t n)
{
	uint32_t x = next_byte();

	if (n > 256)
		x = x << 8 | next_byte();
	return n ? x % n : 0;
}

bool
dice_chance(uint32_t per_256)
{
	/* Drawn in any case, so that another dial does not shift what follows. */
	uint32_t x = next_byte();

	return x > 256 - per_256;
}

void
dice_secret(void *out, size_t len)
{
	uint8_t *p = out;

	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)draw(&dice.secrets);
}
