/* SPDX-License-Identifier: GPL-2.0 */
/*
 * verbs.h: the verbs of sluice-lab that have files of their own. Each returns an exit code, or
 * USAGE when its arguments make no sense.
 */
#ifndef SLUICE_LAB_VERBS_H
#define SLUICE_LAB_VERBS_H

#define USAGE (-1)

int verb_rib(int argc, char **argv);
int verb_send(int argc, char **argv);
int verb_receive(int argc, char **argv);
int verb_play(int argc, char **argv);
int verb_compare(int argc, char **argv);

#endif
