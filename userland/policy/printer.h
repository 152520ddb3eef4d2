/* SPDX-License-Identifier: GPL-2.0 */
/*
 * printer.h: private to the print*.c files.
 */
#ifndef SLUICE_POLICY_PRINTER_H
#define SLUICE_POLICY_PRINTER_H

struct policy;
struct policy_value;
struct text;

/* print.c */
void print_string(const char *s, struct text *out);
void print_value(const struct policy_value *v, struct text *out);

/* print_filter.c */
void print_sets(const struct policy *p, struct text *out);
void print_filters(const struct policy *p, struct text *out);
void print_asserts(const struct policy *p, struct text *out);

#endif
