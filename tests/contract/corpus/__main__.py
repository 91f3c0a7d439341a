"""python -m tests.contract.corpus add"""

import sys

from tests.contract import corpus

if sys.argv[1:] != ["add"]:
    sys.exit(__doc__)
for name in corpus.add():
    print(f"added {name}")
