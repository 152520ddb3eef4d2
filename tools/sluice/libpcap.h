/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libpcap.h: libpcap's reader of capture files, loaded when a capture is read.
 *
 * With it come the libraries of D-Bus, systemd and libgcrypt, which take longer to load than most commands take
 * to run; and few read captures.
 */
#ifndef SLUICE_LIBPCAP_H
#define SLUICE_LIBPCAP_H

#include <pcap/pcap.h>

struct text;

/* As the functions of these names. */
struct libpcap {
	pcap_t *(*fopen_offline)(FILE *file, char *error);
	int (*next_ex)(pcap_t *pcap, struct pcap_pkthdr **header, const u_char **bytes);
	int (*datalink)(pcap_t *pcap);
	const char *(*datalink_val_to_name)(int type);
	char *(*geterr)(pcap_t *pcap);
	void (*close)(pcap_t *pcap);
};

/** libpcap_load() - NULL if there is none: with a sentence in @why. */
const struct libpcap *libpcap_load(struct text *why);

#endif
