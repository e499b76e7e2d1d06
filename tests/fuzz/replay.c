/* A fuzz target without libFuzzer: runs it over the files named, and every file
 * of the directories named. */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>

#define FILE_MAX (1u << 20)

static size_t files;

static void
run_file(const char *path)
{
	uint8_t *data = mem_alloc(FILE_MAX), *exact;
	FILE *in = fopen(path, "rbe");
	size_t len = in ? fread(data, 1, FILE_MAX, in) : 0;

	if (in == NULL || ferror(in)) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	fclose(in);
	/* Of its very size, so that a read past the end is seen. */
	exact = mem_dup(data, len);
	free(data);
	/* What a target aborts on is the last one named. */
	fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
	files++;
}

static void
run_path(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char inner[4096];

	if (dir == NULL) {
		run_file(path);
		return;
	}
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.') {
			snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
			run_file(inner);
		}
	closedir(dir);
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		run_path(argv[i]);
	printf("%zu files\n", files);
	return files == 0;
}
