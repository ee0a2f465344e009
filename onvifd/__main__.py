"""`python -m onvifd` is `onvifd`."""

import sys

from onvifd.cli import main

sys.exit(main())
