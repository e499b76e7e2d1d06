#include "node/import_map.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"
#include "node/import_words.h"
#include "text/fold.h"
#include "text/input.h"

#define HEADER_MAX (1u << 20)	/* fold of a cell at its longest */
#define LIST_MAX 300		/* of a list in the words of an error */

const struct field import_client_field = {
	"client", "Client", KIND_REGISTER, FORM_REF, "client", 0, 0, 1
};
const struct field import_reason_field = {
	"lost_reason", "Reason of loss", KIND_REGISTER, FORM_TERM, "lost_reason", 0, 0, 1
};

/* A folded word and what it stands for. */
struct word {
	struct import_target target;
	UT_hash_handle hh;
	char text[];
};

bool
import_belongs_to_client(const struct type *type)
{
	return type->block < COMMON_FIRST && !type->facet && schema_type_no(type) != TYPE_CLIENT;
}

static bool
is_taken(const struct field *field)
{
	return !(field->flags & FIELD_SYSTEM) && field->kind != KIND_LOG;
}

static struct import_target
target_of(const struct type *type, const struct field *field)
{
	if (strcmp(field->name, "ext") == 0)
		return (struct import_target){ IMPORT_KEY, type, NULL };
	return (struct import_target){ IMPORT_FIELD, type, field };
}

/* By the exact name: a field, one of a facet for a client, or a pseudo field. */
static bool
find_target(struct import_target *out, const struct type *type, const char *name)
{
	size_t len = strlen(name);
	const struct field *field = schema_field(type, name, len);

	if (strcmp(name, "external_id") == 0)
		return find_target(out, type, "ext");
	if (field && is_taken(field)) {
		*out = target_of(type, field);
		return true;
	}
	if (strcmp(name, import_client_field.name) == 0 && import_belongs_to_client(type)) {
		*out = (struct import_target){ IMPORT_CLIENT, type, &import_client_field };
		return true;
	}
	if (strcmp(name, import_reason_field.name) == 0 && schema_type_no(type) == TYPE_DEAL) {
		*out = (struct import_target){ IMPORT_LOST_REASON, type, &import_reason_field };
		return true;
	}
	for (size_t i = 0; schema_type_no(type) == TYPE_CLIENT && i < TYPE_COUNT; i++) {
		const struct type *facet = &schema_types[i];

		if (facet->facet && (field = schema_field(facet, name, len)) != NULL && is_taken(field)) {
			*out = target_of(facet, field);
			return true;
		}
	}
	return false;
}

/* --- the words for one type --- */

static void
add_word(struct word **words, struct buf *scratch, const char *text, size_t len,
    const struct import_target *target)
{
	struct word *word;

	buf_clear(scratch);
	fold_text(scratch, text, len);
	HASH_FIND(hh, *words, scratch->p, scratch->len, word);
	if (word || scratch->len == 0)
		return;
	word = mem_alloc(sizeof(*word) + scratch->len + 1);
	word->target = *target;
	memcpy(word->text, scratch->p, scratch->len + 1);
	HASH_ADD_KEYPTR(hh, *words, word->text, scratch->len, word);
}

static void
add_fields(struct word **words, struct buf *scratch, const struct type *type)
{
	for (int labels = 0; labels < 2; labels++) {
		for (uint8_t i = 0; i < type->field_count; i++) {
			const struct field *field = &type->fields[i];
			const char *text = labels ? field->label : field->name;
			struct import_target target = target_of(type, field);

			if (is_taken(field))
				add_word(words, scratch, text, strlen(text), &target);
		}
	}
}

/* NAMED: only what people are told that fields are called. */
static struct word *
words_of(const struct type *type, bool named)
{
	static const char *const pseudo[] = { "client", "external_id", "lost_reason" };
	struct import_target target;
	struct word *words = NULL;
	struct buf scratch;

	buf_init(&scratch, HEADER_MAX);
	add_fields(&words, &scratch, type);
	for (size_t i = 0; i < sizeof(pseudo) / sizeof(pseudo[0]); i++)
		if (find_target(&target, type, pseudo[i]))
			add_word(&words, &scratch, pseudo[i], strlen(pseudo[i]), &target);
	for (size_t i = 0; schema_type_no(type) == TYPE_CLIENT && i < TYPE_COUNT; i++)
		if (schema_types[i].facet)
			add_fields(&words, &scratch, &schema_types[i]);
	for (size_t i = 0; !named && i < import_words_count; i++) {
		const struct import_words *entry = &import_words[i];
		const char *p = entry->words;

		if ((entry->type >= 0 && entry->type != schema_type_no(type)) ||
		    !find_target(&target, type, entry->field))
			continue;
		for (size_t len; *p; p += len + (p[len] == '|')) {
			len = strcspn(p, "|");
			add_word(&words, &scratch, p, len, &target);
		}
	}
	if (!named) {
		target = (struct import_target){ .use = IMPORT_REASON };
		add_word(&words, &scratch, "reason", 6, &target);
	}
	buf_release(&scratch);
	return words;
}

static void
words_free(struct word *words)
{
	struct word *word, *next;

	HASH_DRAIN(words, word, next)
		free(word);
}

static const struct word *
look_up(const struct word *words, const char *folded, size_t len)
{
	struct word *word;

	HASH_FIND(hh, words, folded, len, word);
	return word;
}

/* "Deal - Value" and "Phone 2" are as good as "Value" and "Phone". */
static const struct word *
recognise(const struct word *words, const struct type *type, const char *header)
{
	size_t name_len = strlen(type->name), len;
	const struct word *word;
	struct buf folded;
	const char *p;

	buf_init(&folded, HEADER_MAX);
	fold_text(&folded, header, strlen(header));
	p = folded.p;
	len = folded.len;
	word = look_up(words, p, len);
	while (word == NULL && len && p[len - 1] >= '0' && p[len - 1] <= '9')
		len--;
	if (word == NULL && len && p[len - 1] == ' ')
		word = look_up(words, p, --len);
	if (word == NULL && len > name_len && p[name_len] == ' ' && memcmp(p, type->name, name_len) == 0)
		word = look_up(words, p + name_len + 1, len - name_len - 1);
	buf_release(&folded);
	return word;
}

/* --- what the person says --- */

enum err_code
import_target_named(struct import_target *out, const struct type *type, const char *name,
    size_t len, struct err *err)
{
	struct word *words = words_of(type, true), *each;
	const struct word *word;
	const char *separator = "";
	struct buf folded, known;
	enum err_code code = OK;

	buf_init(&folded, HEADER_MAX);
	buf_init(&known, LIST_MAX);
	fold_text(&folded, name, len);
	word = look_up(words, folded.p, folded.len);
	if (word) {
		*out = word->target;
	} else {
		for (each = words; each; each = each->hh.next) {
			const struct field *field = each->target.field;

			/* One name for each, not its label too. */
			if (field && (each->target.use != IMPORT_FIELD || fold_equal(field->name, each->text))) {
				buf_addf(&known, "%s%s", separator, field->name);
				separator = ", ";
			}
		}
		code = err_set(err, ERR_USAGE, "%s has no field \"%.*s\"; it has: %s", type->name,
		    len < 40 ? (int)len : 40, name, known.p);
	}
	words_free(words);
	buf_release(&folded);
	buf_release(&known);
	return code;
}

/* As it is written first: two headers may fold alike. */
static enum err_code
find_column(size_t *out, char *const *headers, size_t count, const char *name, struct err *err)
{
	struct buf known;
	enum err_code code;

	for (*out = 0; *out < count; (*out)++)
		if (strcmp(headers[*out], name) == 0)
			return OK;
	for (*out = 0; *out < count; (*out)++)
		if (headers[*out][0] && fold_equal(headers[*out], name))
			return OK;
	buf_init(&known, LIST_MAX);
	for (size_t i = 0; i < count; i++)
		buf_addf(&known, "%s%.*s", i ? ", " : "", input_shown(headers[i]), headers[i]);
	code = err_set(err, ERR_USAGE, "the file has no column \"%.*s\"; it has: %s", input_shown(name),
	    name, known.p);
	buf_release(&known);
	return code;
}

static bool
holds_many(const struct import_target *target)
{
	return target->use == IMPORT_FIELD &&
	    (target->field->kind == KIND_SET || target->field->kind == KIND_MAP);
}

/* Has another column than BUT the target, so that there is no room for a second? */
static bool
is_occupied(const struct import_map *map, size_t but, const struct import_target *target)
{
	if (holds_many(target))
		return false;
	for (size_t i = 0; i < map->count; i++)
		if (i != but && map->columns[i].use == target->use &&
		    map->columns[i].type == target->type && map->columns[i].field == target->field)
			return true;
	return false;
}

static enum err_code
map_one(struct import_map *map, const struct type *type, char *const *headers, const char *pair,
    struct err *err)
{
	const char *equals = strrchr(pair, '=');
	struct import_target target = { 0 };
	char *name;
	size_t column = 0;
	enum err_code code;

	if (equals == NULL || equals == pair)
		return err_set(err, ERR_USAGE, "\"%.*s\" is no COLUMN=field", input_shown(pair), pair);
	name = mem_strndup(pair, (size_t)(equals - pair));
	code = find_column(&column, headers, map->count, name, err);
	free(name);
	if (code == OK && equals[1])
		code = import_target_named(&target, type, equals + 1, strlen(equals + 1), err);
	if (code != OK)
		return code;
	if (map->asked[column])
		return err_set(err, ERR_USAGE, "column \"%.*s\" is mapped twice", input_shown(headers[column]),
		    headers[column]);
	if (target.use != IMPORT_IGNORED && is_occupied(map, column, &target))
		return err_set(err, ERR_USAGE, "two columns are mapped to %s", equals + 1);
	map->columns[column] = target;
	map->asked[column] = true;
	return OK;
}

static enum err_code
map_asked(struct import_map *map, const struct type *type, char *const *headers, const char *text,
    struct err *err)
{
	char *copy = mem_strdup(text), *rest = copy, *pair;
	enum err_code code = OK;

	while (code == OK && (pair = strsep(&rest, ",")) != NULL) {
		size_t len;

		pair += strspn(pair, " \t");
		for (len = strlen(pair); len && strchr(" \t", pair[len - 1]); len--)
			;
		pair[len] = '\0';
		if (len)
			code = map_one(map, type, headers, pair, err);
	}
	free(copy);
	return code;
}

/* --- the whole map --- */

/* A lone "Nombre" or "Nume" is the whole name; beside another it is a part. */
static void
settle_name(struct import_map *map, const struct type *type)
{
	const struct field *name = schema_field(type, "name", 4);
	const struct field *part[] = { schema_field(type, "given", 5), schema_field(type, "family", 6) };

	if (name == NULL || part[0] == NULL || part[1] == NULL || import_map_has(map, type, name) ||
	    import_map_has(map, type, part[0]) == import_map_has(map, type, part[1]))
		return;
	for (size_t i = 0; i < map->count; i++)
		if (!map->asked[i] && (map->columns[i].field == part[0] || map->columns[i].field == part[1]))
			map->columns[i].field = name;
}

static void
map_by_headers(struct import_map *map, const struct type *type, char *const *headers)
{
	struct word *words = words_of(type, false);

	for (size_t i = 0; i < map->count; i++) {
		const struct word *word = map->asked[i] ? NULL : recognise(words, type, headers[i]);

		if (word == NULL || is_occupied(map, i, &word->target))
			continue;
		if (word->target.use == IMPORT_KEY && map->key < map->count)
			continue;
		map->columns[i] = word->target;
	}
	words_free(words);
	settle_name(map, type);
}

enum err_code
import_map_make(struct import_map *out, const struct type *type, char *const *headers, size_t count,
    const char *map, const char *key, struct err *err)
{
	enum err_code code = OK;

	*out = (struct import_map){ .count = count, .key = count, .reason = count };
	out->columns = mem_alloc(count * sizeof(*out->columns));
	out->asked = mem_alloc(count * sizeof(*out->asked));
	if (map)
		code = map_asked(out, type, headers, map, err);
	if (code == OK && key && schema_field(type, "ext", 3) == NULL)
		code = err_set(err, ERR_USAGE, "a %s keeps no external ids: leave out the key", type->name);
	if (code == OK && key)
		code = find_column(&out->key, headers, count, key, err);
	if (code != OK) {
		import_map_release(out);
		return code;
	}
	map_by_headers(out, type, headers);
	for (size_t i = 0; i < count; i++) {
		if (out->columns[i].use == IMPORT_REASON)
			out->reason = i;
		if (out->columns[i].use == IMPORT_KEY && out->key == count)
			out->key = i;
		else if (out->columns[i].use == IMPORT_KEY && out->key != i)
			out->columns[i] = (struct import_target){ .use = IMPORT_IGNORED };
	}
	return OK;
}

void
import_map_release(struct import_map *map)
{
	free(map->columns);
	free(map->asked);
	*map = (struct import_map){ 0 };
}

bool
import_map_has(const struct import_map *map, const struct type *type, const struct field *field)
{
	for (size_t i = 0; i < map->count; i++)
		if (map->columns[i].type == type && map->columns[i].field == field)
			return true;
	return false;
}

void
import_map_describe(struct buf *out, const struct import_map *map, char *const *headers)
{
	const char *separator = "";

	for (size_t i = 0; i < map->count; i++) {
		const struct import_target *target = &map->columns[i];
		const char *field = target->field ? target->field->name : NULL;
		const char *header = headers[i];
		int shown = input_shown(header);

		if (target->use == IMPORT_REASON || (*header == '\0' && field == NULL && i != map->key))
			continue;
		if (i == map->key && field)
			buf_addf(out, "%s%.*s -> ext and %s", separator, shown, header, field);
		else if (i == map->key)
			buf_addf(out, "%s%.*s -> ext", separator, shown, header);
		else if (field)
			buf_addf(out, "%s%.*s -> %s", separator, shown, header, field);
		else
			buf_addf(out, "%s(%.*s: %s)", separator, shown, header,
			    map->asked[i] ? "left out" : "no field");
		separator = ", ";
	}
}
