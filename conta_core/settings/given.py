"""Files of the user's that the config names."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class GivenFile(NamedTuple):
    """A file or folder that a run needs and that no stage makes.

    Attributes:
        key: of the config, dotted, which names it.
        path: of the file.
        mend: what to do where it is not there.
        folder: whether it is a folder.
    """

    key: str
    path: str
    mend: str
    folder: bool = False

    @property
    def is_there(self) -> bool:
        """Whether there is such a file, or such a folder."""
        return Path(self.path).is_dir() if self.folder else Path(self.path).is_file()
