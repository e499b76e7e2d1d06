/*
 * canary_scan - where do these words stand in these files?
 *
 *	canary_scan WORDS PATH...
 *
 * WORDS is a file with one word a line.  Every file under the paths is searched
 * for each word as it is, within every zlib stream at any offset, and, for a
 * number, as SQLite stores it.  Prints "WORD FILE", once each.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#define WORDS_MAX 1024
#define INFLATED_MAX (4u << 20)

struct word {
	char text[128];
	size_t len;
	uint8_t number[6];	/* the 48-bit integer of SQLite's record format */
	bool is_number;
	bool found;		/* in the file at hand */
};

static struct word words[WORDS_MAX];
static size_t word_count;
static uint8_t inflated[INFLATED_MAX];

static void
add_word(const char *line)
{
	struct word *word = &words[word_count];
	unsigned long long number;

	word->len = strcspn(line, "\n");
	if (word->len == 0)
		return;
	if (word->len >= sizeof(word->text) || word_count == WORDS_MAX) {
		fputs("canary_scan: too many or too long words\n", stderr);
		exit(2);
	}
	memcpy(word->text, line, word->len);
	if (strspn(word->text, "0123456789") == word->len) {
		number = strtoull(word->text, NULL, 10);
		word->is_number = number > UINT32_MAX && number >> 47 == 0;
		for (int i = 0; i < 6; i++)
			word->number[i] = (uint8_t)(number >> (40 - 8 * i));
	}
	word_count++;
}

static void
search(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < word_count; i++) {
		struct word *word = &words[i];

		if (word->found)
			continue;
		word->found = memmem(p, len, word->text, word->len) != NULL ||
		    (word->is_number && memmem(p, len, word->number, sizeof(word->number)) != NULL);
	}
}

static void
search_streams(const uint8_t *p, size_t len)
{
	z_stream stream = { .next_in = NULL };
	int status;

	if (inflateInit(&stream) != Z_OK)
		abort();
	for (size_t at = 0; at + 2 < len; at++) {
		if ((p[at] & 0x0f) != Z_DEFLATED || p[at] >> 4 > 7 || (p[at] << 8 | p[at + 1]) % 31 != 0)
			continue;
		inflateReset(&stream);
		stream.next_in = (Bytef *)(uintptr_t)(p + at);
		stream.avail_in = (uInt)(len - at);
		stream.next_out = inflated;
		stream.avail_out = INFLATED_MAX;
		/* Also what comes out before a fault: half a stream is a leak too. */
		status = inflate(&stream, Z_FINISH);
		(void)status;
		if (stream.total_out)
			search(inflated, stream.total_out);
	}
	inflateEnd(&stream);
}

static void
scan_file(const char *path, size_t size)
{
	FILE *file = fopen(path, "rb");
	uint8_t *content = malloc(size + 1);

	if (file == NULL || content == NULL) {
		perror(path);
		exit(2);
	}
	size = fread(content, 1, size, file);
	fclose(file);
	for (size_t i = 0; i < word_count; i++)
		words[i].found = false;
	search(content, size);
	search_streams(content, size);
	for (size_t i = 0; i < word_count; i++)
		if (words[i].found)
			printf("%s %s\n", words[i].text, path);
	free(content);
}

static void
scan(const char *path)
{
	struct dirent *entry;
	struct stat st;
	char below[4096];
	DIR *dir;

	if (lstat(path, &st) < 0) {
		perror(path);
		exit(2);
	}
	if (S_ISREG(st.st_mode))
		scan_file(path, (size_t)st.st_size);
	if (!S_ISDIR(st.st_mode))
		return;
	if ((dir = opendir(path)) == NULL) {
		perror(path);
		exit(2);
	}
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		scan(below);
	}
	closedir(dir);
}

int
main(int argc, char **argv)
{
	char line[256];
	FILE *file;

	if (argc < 3 || (file = fopen(argv[1], "r")) == NULL) {
		fputs("usage: canary_scan WORDS PATH...\n", stderr);
		return 2;
	}
	while (fgets(line, sizeof(line), file))
		add_word(line);
	fclose(file);
	for (int i = 2; i < argc; i++)
		scan(argv[i]);
	return 0;
}
