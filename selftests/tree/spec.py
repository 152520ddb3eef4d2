#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Compares what describes the netlink family: selftests/tree/spec.py TOP

kmod/sluice.yaml is read, and names in C are made of its own by the rules of the kernel's
tools/net/ynl. Then, in both directions:

  header     every constant of kmod/uapi/linux/sluice.h, with the number the compiler gives it
  message.c  kind and greatest length of each attribute; what each request takes
  netlink.c  the same in the module's policies, and its list of commands and groups
  sluice.txt syzkaller's description names every command and attribute, and nothing else

Prints a line for each difference; the exit code is 1 if there was one.
"""
import os
import re
import subprocess
import sys
import tempfile

import yaml

top = sys.argv[1]
differences = []


def differ(text):
    differences.append(text)


def read(path):
    with open(os.path.join(top, path), encoding='ascii') as f:
        return f.read()


def c_name(name):
    return name.upper().replace('-', '_')


def same(what, wanted, there, where):
    """Compares two dicts: what the specification has, what is there."""
    for key in wanted.keys() - there.keys():
        differ(f'{key} is not in {where}')
    for key in there.keys() - wanted.keys():
        differ(f'{key} is not in the specification, and is in {where}')
    for key in sorted(wanted.keys() & there.keys()):
        for difference in what(key, wanted[key], there[key]):
            differ(difference)


# --- the specification ----------------------------------------------------------

spec = yaml.safe_load(read('kmod/sluice.yaml'))
family = c_name(spec['name'])
constants = {}      # name in C: number or string


def enumerate_names(prefix, names):
    """An enum with its sentinels: names is a list of (name, number)."""
    for name, number in names:
        constants[prefix + c_name(name)] = number
    top_number = names[-1][1]
    stem = prefix.rstrip('_')
    constants['__' + stem + '_MAX'] = top_number + 1
    constants[stem + '_MAX'] = top_number


constants[c_name(spec['c-family-name'])] = spec['name']
constants[c_name(spec['c-version-name'])] = spec['version']
limits = {}
for d in spec['definitions']:
    name = f"{family}_{c_name(d['name'])}"
    if d['type'] == 'const':
        constants[name] = limits[d['name']] = d['value']
        continue
    prefix = c_name(d.get('name-prefix', f"{spec['name']}-{d['name']}-"))
    entries = [e if isinstance(e, str) else e['name'] for e in d['entries']]
    numbered = [(e, 1 << i if d['type'] == 'flags' else i) for i, e in enumerate(entries)]
    if d.get('render-max'):
        enumerate_names(prefix, numbered)
    else:
        constants.update((prefix + c_name(e), i) for e, i in numbered)

KINDS = {'u32': 'U32', 'u64': 'U64', 'string': 'STRING', 'binary': 'BYTES', 'nest': 'NEST'}
rules = {}          # attribute's name in C: (kind, greatest length)
prefixes = {}       # attribute set: prefix in C
for s in spec['attribute-sets']:
    prefix = prefixes[s['name']] = c_name(s['name-prefix'])
    number, numbered = 0, [('unspec', 0)]
    for a in s['attributes']:
        number = a.get('value', number + 1)
        numbered.append((a['name'], number))
        if a['type'] != 'pad':
            limit = a.get('checks', {}).get('max-len', 0)
            rules[prefix + c_name(a['name'])] = (KINDS[a['type']], limits.get(limit, limit))
        if 'nested-attributes' in a and a['nested-attributes'] not in \
                [other['name'] for other in spec['attribute-sets']]:
            differ(f"{a['name']}: there is no attribute set {a['nested-attributes']}")
    enumerate_names(prefix, numbered)

values = ['port', 'route', 'member', 'element']     # sets of objects' values: not in messages
in_messages = {name: rule for name, rule in rules.items()
               if not any(name.startswith(prefixes[v]) for v in values)}

requests, notifications, replies = {}, {}, {}
numbered = [('unspec', 0)]
sluice = prefixes['sluice']
for op in spec['operations']['list']:
    if 'event' in op:
        notifications[op['name']] = op
        continue
    request = op['do']['request']
    numbered.append((op['name'], request['value']))
    takes = set(request.get('attributes', []))
    requests[c_name(op['name'])] = {sluice + c_name(a) for a in takes}
    if op['do'].get('reply', {}).get('value', request['value']) != request['value']:
        differ(f"{op['name']}: the reply has another number than the request")
    if 'dump' in op and set(op['dump']['request']['attributes']) != takes:
        differ(f"{op['name']}: the dump takes other attributes than the request")
enumerate_names(c_name(spec['operations']['name-prefix']), numbered)
groups = {c_name(g['c-define-name']): g['name'] for g in spec['mcast-groups']['list']}
constants.update(groups)
for name, op in notifications.items():
    command = dict(numbered).get(name.removesuffix('-ntf'))
    if not name.endswith('-ntf') or op['value'] != command:
        differ(f"{name} has number {op['value']}, and its command {command}")
    if op['mcgrp'] not in groups.values():
        differ(f"{name}: there is no group {op['mcgrp']}")
for op in spec['operations']['list']:
    for mode in ('do', 'dump'):
        for side in op.get(mode, {}).values():
            for a in side.get('attributes', []):
                if sluice + c_name(a) not in rules:
                    differ(f"{op['name']}: there is no attribute {a}")
    for a in op.get('event', {}).get('attributes', []):
        if sluice + c_name(a) not in rules:
            differ(f"{op['name']}: there is no attribute {a}")

# --- the header, as the compiler sees it --------------------------------------------

HEADER = 'kmod/uapi/linux/sluice.h'
header = read(HEADER)
code = re.sub(r'/\*.*?\*/', '', header, flags=re.S)
names = re.findall(r'^#define\s+(SLUICE_\w+)\s', code, re.M)
for body in re.findall(r'\benum\s+\w+\s*\{(.*?)\}', code, re.S):
    names += re.findall(r'^\s*(\w+)\s*(?:=|,|$)', body, re.M)


def numbers_of(wanted):
    """What the compiler makes of each name: a number or a string."""
    with tempfile.TemporaryDirectory() as scratch:
        source = os.path.join(scratch, 'numbers.c')
        with open(source, 'w', encoding='ascii') as f:
            f.write('#include <stdio.h>\n#include <linux/sluice.h>\n'
                    '#define show(x) _Generic((x), char *: show_string, default: show_number)'
                    '(#x, (long long)(x))\n'
                    'static void show_string(const char *n, long long s)\n'
                    '{ printf("%s \\"%s\\"\\n", n, (const char *)s); }\n'
                    'static void show_number(const char *n, long long i)\n'
                    '{ printf("%s %lld\\n", n, i); }\n'
                    'int main(void)\n{\n')
            f.writelines(f'\tshow({n});\n' for n in wanted)
            f.write('\treturn 0;\n}\n')
        program = os.path.join(scratch, 'numbers')
        subprocess.run([os.environ.get('CC', 'gcc'), '-w', '-I', os.path.join(top, 'kmod/uapi'),
                        '-o', program, source], check=True)
        said = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    return {n: v[1:-1] if v[0] == '"' else int(v)
            for n, v in (line.split(' ', 1) for line in said.splitlines())}


def same_number(name, wanted, there):
    if wanted != there:
        yield f'{name} is {there}, not {wanted}'


numbers = numbers_of(names)
same(same_number, constants, numbers, 'the header')

# The header draws the tree, too: "SLUICE_A_FLAGS  u32", and the table of requests.
DRAWN = {'u32': 'U32', 'u64': 'U64', 'string': 'STRING', 'bytes': 'BYTES', 'nest': 'NEST'}
drawn = re.findall(r'^ \*\s+(SLUICE_\w*A_\w+)\s+(u32|u64|string|bytes|nest)\b', header, re.M)


def same_kind(name, wanted, there):
    if wanted[0] != there:
        yield f'{name} is {wanted[0]}, and {there} in the tree that the header draws'


same(same_kind, in_messages, {n: DRAWN[k] for n, k in drawn}, 'the tree that the header draws')

# --- both ends ------------------------------------------------------------------------


def same_rule(where):
    def compare(name, wanted, there):
        if wanted[0] != there[0]:
            yield f'{name} is {wanted[0]}, and {there[0]} in {where}'
        elif wanted[1] != there[1]:
            yield f'{name} has at most {wanted[1]} bytes, and {there[1]} in {where}'
    return compare


def same_request(where):
    def compare(name, wanted, there):
        for a in sorted(wanted ^ there):
            yield f"{name} takes {a} {'nowhere but' if a in there else 'not'} in {where}"
    return compare


def length(text):
    return numbers.get(text) if text.startswith('SLUICE') else int(text)


user = read('userland/netlink/message.c')
there = {name: (kind, length(limit)) for name, kind, limit in
         re.findall(r'\[(SLUICE_\w+)\] = \{ "[^"]*", (\w+), (\w+) \}', user)}
same(same_rule('message.c'), in_messages, there, 'message.c')

table = re.search(r'\brequests\[SLUICE_CMD_MAX \+ 1\] = \{(.*?)\n\};', user, re.S).group(1)
there = {command: set() for command in requests}    # those that take nothing may be left out
for command, body in re.findall(r'\[SLUICE_CMD_(\w+)\] = \{(.*?)\}', table, re.S):
    there[command] = {'SLUICE_A_' + a for a in re.findall(r'A\((\w+)\)', body)}
same(same_request('message.c'), requests, there, 'message.c')

NLA = {'NLA_U32': 'U32', 'NLA_U64': 'U64', 'NLA_NUL_STRING': 'STRING', 'NLA_BINARY': 'BYTES'}
kernel = read('kmod/netlink.c')
policies = {}       # name: {attribute: (kind, length)}
for name, body in re.findall(r'struct nla_policy (\w+)\[\w+ \+ 1\] = \{(.*?)\};', kernel, re.S):
    policy = policies[name] = {}
    for attribute, rule in re.findall(r'\[(\w+)\] = (.*?),?$', body, re.M):
        if rule.startswith('NLA_POLICY_NESTED'):
            policy[attribute] = ('NEST', 0)
            continue
        kind = NLA.get(re.search(r'\.type = (\w+)', rule).group(1), rule)
        limit = re.search(r'\.len = (\w+)', rule)
        policy[attribute] = (kind, length(limit.group(1)) if limit else 0)
for policy in policies.values():
    for attribute, rule in policy.items():
        for difference in same_rule('netlink.c')(attribute, rules.get(attribute), rule):
            differ(difference)
table = re.search(r'struct genl_(?:small_|split_)?ops \w+\[\] = \{(.*?)\n\};', kernel, re.S).group(1)
there = {command: set(policies[policy]) for command, policy in
         re.findall(r'^\tCOMMAND\((\w+), (\w+)\)', table, re.M) +
         re.findall(r'\.cmd = SLUICE_CMD_(\w+),.*?\.policy = (\w+),', table, re.S)}
# over netlink, groups are joined another way
over_netlink = {c: a for c, a in requests.items() if c != 'SUBSCRIBE'}
for command in over_netlink.keys() - there.keys():
    differ(f'{command} is no command of netlink.c')
same(same_request('netlink.c'), {c: over_netlink[c] for c in over_netlink.keys() & there.keys()},
     there, 'netlink.c')
for name in groups:
    if not re.search(rf'\.name = {name}\b', kernel):
        differ(f'{name} is no group of netlink.c')

# --- the fuzzer's description -----------------------------------------------------------

described = re.sub(r'^#.*', '', read('selftests/fuzz/sluice.txt'), flags=re.M)
used = set(re.findall(r'\b_*SLUICE_\w+\b', described))
for name in sorted(used - numbers.keys()):
    differ(f'{name} is not in the header')
answers = (prefixes['status'], prefixes['generation'])     # no request has these
wanted = {name for name in rules if not name.startswith(answers)} | {'SLUICE_CMD_' + c for c in over_netlink} | \
         {name for name in constants if re.match(r'SLUICE_(F|OBJECT)_(?!A_)\w+', name)
          and not name.endswith(('UNSPEC', '_MAX'))}
for name in sorted(wanted - used):
    differ(f'{name} is not in sluice.txt')

for difference in differences:
    print(difference)
sys.exit(bool(differences))
