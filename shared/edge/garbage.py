"""How a process that is there to stay collects circles of garbage."""

from __future__ import annotations

import gc


def collect_seldom() -> None:
    """Look for circles of garbage less often, and not among what is there for good; to be called when it is there.

    What a batch is made of, hundreds of thousands of objects, goes by itself: looking through it again and again took
    a third of a back-fill's time. And a page that was asked for while all modules' objects were looked through came a
    tenth of a second late.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
