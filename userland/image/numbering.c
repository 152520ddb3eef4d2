// SPDX-License-Identifier: GPL-2.0
#include "image/numbering.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "image/image.h"

static void list_init(struct number_list *l, uint32_t max, uint32_t width)
{
	*l = (struct number_list){
		.name = xcalloc(max, width),
		.kept = xcalloc(max, sizeof(*l->kept)),
		.by_name = { .key_size = width, .value_size = sizeof(uint32_t) },
		.max = max,
		.width = width,
		.hint = 1,
	};
}

static void list_free(struct number_list *l)
{
	free(l->name);
	free(l->kept);
	table_free(&l->by_name);
}

static char *list_name(const struct number_list *l, uint32_t number)
{
	return l->name + (size_t)number * l->width;
}

/* Names are padded with zeroes to the list's width: the table compares bytes. */
static void list_set(struct number_list *l, uint32_t number, const char *name)
{
	char *to = list_name(l, number);

	if (*to)
		table_del(&l->by_name, to);
	memset(to, 0, l->width);
	memcpy(to, name, strnlen(name, l->width - 1));
	*(uint32_t *)table_put(&l->by_name, to, NULL) = number;
}

static void list_adopt(struct number_list *l, uint32_t number, const char *name, bool keep)
{
	if (!*name)
		return;
	list_set(l, number, name);
	l->kept[number] = keep;
}

/* The lowest number that has no name, or else whose name is not kept; 0: all are. */
static uint32_t list_free_number(struct number_list *l)
{
	for (; l->hint < l->max; l->hint++)
		if (!*list_name(l, l->hint))
			return l->hint;
	for (uint32_t i = 1; i < l->max; i++)
		if (!l->kept[i])
			return i;
	return 0;
}

static int list_number(struct number_list *l, const char *name)
{
	char key[COUNTER_NAME_MAX] = { 0 };
	uint32_t number, *known;

	if (strlen(name) >= l->width)
		return -ENAMETOOLONG;
	strcpy(key, name);
	known = table_get(&l->by_name, key);
	number = known ? *known : list_free_number(l);
	if (!number)
		return -ENOSPC;
	if (!known)
		list_set(l, number, name);
	l->kept[number] = true;
	return number;
}

void numbering_init(struct numbering *n, const struct ports *ports, const struct names *names,
		    const struct image *running)
{
	list_init(&n->ports, PORTS_MAX, sizeof(ports->port[0].interface));
	list_init(&n->counters, COUNTERS_MAX, COUNTER_NAME_MAX);
	for (uint32_t i = 1; ports && i < PORTS_MAX; i++)
		list_adopt(&n->ports, i, ports->port[i].interface, !running);
	for (uint32_t i = 1; names && i < COUNTERS_MAX; i++)
		list_adopt(&n->counters, i, names->name[i], !running);
	for (size_t i = 0; running && i < running->ports.len; i++)
		n->ports.kept[((struct image_port *)vec_at(&running->ports, i))->number] = true;
	for (size_t i = 0; running && i < running->counters.len; i++)
		n->counters.kept[((struct image_counter *)vec_at(&running->counters, i))->number] = true;
}

void numbering_free(struct numbering *n)
{
	list_free(&n->ports);
	list_free(&n->counters);
}

int numbering_port(struct numbering *n, const char *interface)
{
	return list_number(&n->ports, interface);
}

int numbering_counter(struct numbering *n, const char *name)
{
	return list_number(&n->counters, name);
}
