"""Prints every option of Salt's programs: program, name in the options, whether it takes a value, spellings.

Run with the Python of a Salt installation: python record.py > options.txt
"""

import sys

import salt.utils.parsers as parsers

PROGRAMS = {
    "salt": parsers.SaltCMDOptionParser,
    "salt-call": parsers.SaltCallOptionParser,
    "salt-cp": parsers.SaltCPOptionParser,
    "salt-key": parsers.SaltKeyOptionParser,
    "salt-master": parsers.MasterOptionParser,
    "salt-minion": parsers.MinionOptionParser,
    "salt-run": parsers.SaltRunOptionParser,
}

for name, kind in PROGRAMS.items():
    sys.argv = [name]
    parser = kind()
    for group in [parser, *parser.option_groups]:
        for option in group.option_list:
            names = sorted(option._short_opts + option._long_opts)
            takes = "value" if option.takes_value() else "nothing"
            print(name, option.dest or "-", takes, *names)
