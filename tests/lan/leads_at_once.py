"""The program, whose nodes don't listen first whether somebody leads: see `LEADS_AT_ONCE`."""

from __future__ import annotations

import sys

from p2pchat.cli import main
from p2pchat.protocol.registrar import leading

leading.LISTEN_S = 0.0
sys.exit(main())
