#include "cli/passphrase.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

void
passphrase_wipe(char passphrase[PASSPHRASE_MAX])
{
	explicit_bzero(passphrase, PASSPHRASE_MAX);
}

static enum err_code
read_line(char out[PASSPHRASE_MAX], FILE *in, struct err *err)
{
	size_t len;

	if (fgets(out, PASSPHRASE_MAX, in) == NULL)
		return err_set(err, ERR_USAGE, "no passphrase was given");
	len = strcspn(out, "\r\n");
	if (out[len] == '\0' && len == PASSPHRASE_MAX - 1)
		return err_set(err, ERR_INVALID, "the passphrase is too long");
	out[len] = '\0';
	return OK;
}

static enum err_code
ask(char out[PASSPHRASE_MAX], const char *prompt, FILE *tty, struct err *err)
{
	struct termios before, silent;
	enum err_code code;

	if (tcgetattr(fileno(tty), &before) < 0)
		return err_set(err, ERR_IO, "the terminal cannot be asked: %s", strerror(errno));
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	fputs(prompt, tty);
	fflush(tty);
	tcsetattr(fileno(tty), TCSAFLUSH, &silent);
	code = read_line(out, tty, err);
	tcsetattr(fileno(tty), TCSAFLUSH, &before);
	fputc('\n', tty);
	return code;
}

enum err_code
passphrase_get(char out[PASSPHRASE_MAX], const char *file, int twice, struct err *err)
{
	char again[PASSPHRASE_MAX];
	FILE *in;
	enum err_code code;

	if (file && strcmp(file, "-") == 0)
		return read_line(out, stdin, err);
	if (file) {
		if ((in = fopen(file, "re")) == NULL)
			return err_set(err, ERR_NOT_FOUND, "open %s: %s", file, strerror(errno));
		code = read_line(out, in, err);
		fclose(in);
		return code;
	}
	if ((in = fopen("/dev/tty", "r+e")) == NULL)
		return err_set(err, ERR_USAGE, "there is no terminal to ask for the passphrase: "
		    "give --passphrase-file FILE");
	code = ask(out, "Passphrase: ", in, err);
	if (code == OK && twice && (code = ask(again, "Once more: ", in, err)) == OK &&
	    strcmp(out, again) != 0)
		code = err_set(err, ERR_INVALID, "the two are not the same");
	fclose(in);
	passphrase_wipe(again);
	return code;
}
