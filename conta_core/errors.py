"""The one exception that this library raises for what a user can mend."""

from __future__ import annotations


class ContaError(Exception):
    """A problem with a file, an image id or a config key.

    The message names the file, id or key, what was found, what was expected and
    the mend. Stages let it through; the workflow prints it without a traceback.
    """
