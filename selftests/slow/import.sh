#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Real firewalls, imported, against iptables: more than 10,000 packets get to each chain.
cd "$(dirname "$0")/../.." || exit 1
WITNESSES=15000 exec build/test/test_import
