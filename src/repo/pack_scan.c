#include "repo/pack.h"

#include <nettle/sha1.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "store/zip.h"

enum { HEADER = 12, TRAILER = SHA1_DIGEST_SIZE, VERSION = 2 };

const struct pack_limits pack_limits_default = {
	.objects = 20000,
	.object_bytes = 4u << 20,
	.total_bytes = 64u << 20,
	.ratio = 32,
};

struct scan {
	const uint8_t *pack, *p, *end;	/* END is where the trailer begins */
	const struct pack_limits *limits;
	uint8_t *content;		/* of the object at hand */
	size_t cap;
	size_t inflated, allowed;	/* all objects so far, and at most */
	uint32_t index;
};

static enum err_code
refuse(const struct scan *scan, struct err *err, const char *why)
{
	return err_set(err, ERR_INVALID, "pack, object %lu at byte %zu: %s", (unsigned long)scan->index + 1,
	    (size_t)(scan->p - scan->pack), why);
}

/* Type and size: 3 bits and 4 bits, then 7 bits a byte, low ones first. */
static const char *
object_header(struct scan *scan, struct pack_object *object)
{
	const uint8_t *p = scan->p;
	uint64_t size;
	unsigned shift = 4, type;
	uint8_t byte;

	if (p == scan->end)
		return "missing";
	byte = *p++;
	type = byte >> 4 & 7;
	size = byte & 15;
	while (byte & 0x80) {
		if (p == scan->end)
			return "its header is cut off";
		byte = *p++;
		if (shift > 60 || (shift == 60 && (byte & 0x70)) || byte == 0)
			return "its size is not written as it should be";
		size |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	}
	switch (type) {
	case PACK_COMMIT:
	case PACK_TREE:
	case PACK_BLOB:
		break;
	case 6:
	case 7:
		return "deltas are not taken";
	case 4:
		return "tags are not taken";
	default:
		return "of an unknown type";
	}
	if (size > scan->limits->object_bytes)
		return "larger than an object may be";
	if (size > scan->allowed - scan->inflated)
		return "the pack inflates to more than it may";
	object->type = (enum pack_type)type;
	object->size = (size_t)size;
	scan->p = p;
	return NULL;
}

/* Grows with what is declared, so a small pack needs little memory. */
static void
make_room(struct scan *scan, size_t size)
{
	if (size <= scan->cap && scan->content != NULL)
		return;
	scan->cap = size < 4096 ? 4096 : size < scan->limits->object_bytes / 2 ? size * 2 : size;
	free(scan->content);
	scan->content = mem_resize(NULL, scan->cap);
}

static enum err_code
next_object(struct scan *scan, struct pack_object *object, struct err *err)
{
	const char *wrong;

	if ((wrong = object_header(scan, object)) != NULL)
		return refuse(scan, err, wrong);
	make_room(scan, object->size);
	object->z = scan->p;
	wrong = zip_inflate_first(scan->content, object->size, scan->p, (size_t)(scan->end - scan->p),
	    &object->z_len);
	if (wrong != NULL)
		return refuse(scan, err, wrong);
	object->content = scan->content;
	scan->inflated += object->size;
	scan->p += object->z_len;
	return OK;
}

static enum err_code
check_frame(uint32_t *objects, const uint8_t *pack, size_t len, const struct pack_limits *limits,
    struct err *err)
{
	uint8_t digest[SHA1_DIGEST_SIZE];
	struct sha1_ctx sha1;

	if (len < HEADER + TRAILER || memcmp(pack, "PACK", 4) != 0)
		return err_set(err, ERR_INVALID, "pack: %zu bytes are no pack", len);
	if (bytes_get_be32(pack + 4) != VERSION)
		return err_set(err, ERR_INVALID, "pack: version %lu is unknown",
		    (unsigned long)bytes_get_be32(pack + 4));
	*objects = bytes_get_be32(pack + 8);
	if (*objects > limits->objects)
		return err_set(err, ERR_INVALID, "pack: %lu objects, at most %lu are taken",
		    (unsigned long)*objects, (unsigned long)limits->objects);
	sha1_init(&sha1);
	sha1_update(&sha1, len - TRAILER, pack);
	sha1_digest(&sha1, sizeof(digest), digest);
	if (memcmp(digest, pack + len - TRAILER, TRAILER) != 0)
		return err_set(err, ERR_INVALID, "pack: cut off or damaged: its checksum differs");
	return OK;
}

static size_t
allowed_bytes(const struct pack_limits *limits, size_t len)
{
	size_t more = len > limits->total_bytes / limits->ratio ? limits->total_bytes : len * limits->ratio;

	return more > limits->total_bytes - limits->object_bytes ? limits->total_bytes
								 : limits->object_bytes + more;
}

enum err_code
pack_scan(const void *pack, size_t len, const struct pack_limits *limits,
    enum err_code (*each)(void *context, const struct pack_object *object, struct err *err),
    void *context, struct err *err)
{
	struct scan scan = { .pack = pack, .limits = limits };
	struct pack_object object = { .type = PACK_BLOB };
	enum err_code code;
	uint32_t objects = 0;

	if ((code = check_frame(&objects, pack, len, limits, err)) != OK)
		return code;
	scan.p = scan.pack + HEADER;
	scan.end = scan.pack + len - TRAILER;
	scan.allowed = allowed_bytes(limits, len);
	for (; code == OK && scan.index < objects; scan.index++) {
		if ((code = next_object(&scan, &object, err)) != OK || each == NULL)
			continue;
		pack_oid(object.oid, object.type, object.content, object.size);
		code = each(context, &object, err);
	}
	if (code == OK && scan.p != scan.end)
		code = err_set(err, ERR_INVALID, "pack: %zu bytes after its %lu objects",
		    (size_t)(scan.end - scan.p), (unsigned long)objects);
	free(scan.content);
	return code;
}
