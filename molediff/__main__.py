"""``python -m molediff`` is ``molediff``."""

import sys

from molediff.cli.main import main

sys.exit(main())
