// SPDX-License-Identifier: GPL-2.0
#include "libpcap.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/text.h"

static const struct {
	const char *name;
	size_t offset;
} functions[] = {
	{ "pcap_fopen_offline", offsetof(struct libpcap, fopen_offline) },
	{ "pcap_next_ex", offsetof(struct libpcap, next_ex) },
	{ "pcap_datalink", offsetof(struct libpcap, datalink) },
	{ "pcap_datalink_val_to_name", offsetof(struct libpcap, datalink_val_to_name) },
	{ "pcap_geterr", offsetof(struct libpcap, geterr) },
	{ "pcap_close", offsetof(struct libpcap, close) },
};

static bool find_functions(void *library, struct libpcap *lib)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
		void *function = dlsym(library, functions[i].name);

		if (!function)
			return false;
		memcpy((char *)lib + functions[i].offset, &function, sizeof(function));
	}
	return true;
}

const struct libpcap *libpcap_load(struct text *why)
{
	/* As Debian calls it, and as it calls itself. */
	static const char *const names[] = { "libpcap.so.0.8", "libpcap.so.1" };
	static struct libpcap lib;
	static bool there;
	void *library;

	for (size_t i = 0; !there && i < sizeof(names) / sizeof(*names); i++) {
		library = dlopen(names[i], RTLD_NOW);
		there = library && find_functions(library, &lib);
	}
	if (!there)
		text_printf(why, "libpcap, which reads captures, cannot be loaded: %s", dlerror());
	return there ? &lib : NULL;
}
