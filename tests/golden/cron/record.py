"""
Records when crontab lines fire, as Salt's scheduler is told by croniter.

    python3 record.py < lines.txt > cron.jsonl     (a Python with croniter 7.0.0)

One line of `lines.txt` after the other: `next` are the first four times after `now` (fewer where there are no more), or it is
`null` where croniter refuses the line.
"""

import datetime
import json
import sys

import croniter

NOWS = ["2026-11-25T17:19:40", "2028-02-28T23:59:59"]

for line in sys.stdin:
    line = line.rstrip("\n")
    for now in NOWS:
        times = []
        try:
            lines = croniter.croniter(line, datetime.datetime.fromisoformat(now))
            while len(times) < 4:
                times.append(lines.get_next(datetime.datetime).isoformat())
        except croniter.CroniterBadDateError:
            pass
        except (ValueError, KeyError):
            times = None
        print(json.dumps({"line": line, "now": now, "next": times}))
