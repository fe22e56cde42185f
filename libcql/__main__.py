"""``python -m libcql``: a CQL shell. See libcql.shell."""

import sys

from .shell import main

sys.exit(main())
