"""`muxi up` whose leases end soon, so that a test need not wait half a minute for each death.

python hasty_up.py SECONDS ARGUMENTS...
"""

from __future__ import annotations

import sys

from muxi.cli.main import main
from muxi.runtime import begin, recovery

begin.LEASE_SECONDS = recovery.LEASE_SECONDS = float(sys.argv[1])
recovery._BEAT = float(sys.argv[1]) / 4
sys.argv = ["muxi", "up", *sys.argv[2:]]
main()
