"""What a LocalClient finds in the job cache: cached.py CONFIG JID…"""

import os
import sys

import salt.client

local = salt.client.LocalClient(os.path.join(sys.argv[1], "master"))
shown = []
for jid in sys.argv[2:]:
    returns = local.get_cache_returns(jid)
    shown.append({minion: {"ret": entry["ret"]} for minion, entry in returns.items()})
print(*shown)
