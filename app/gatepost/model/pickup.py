"""Settings → Pickup folder: messages that programs put down as files."""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath

from pydantic import model_validator

from .fields import Line, Model, refused


class PickupSettings(Model):
    """Files ``*.eml`` in ``folder`` are sent as a trusted program's mail and deleted once they are in the spool."""

    enabled: bool = False
    folder: Line = ""
    rejected_folder: Line = ""
    """What cannot be sent is moved there, each with its reason in a ``.txt`` beside it; empty: a folder “Rejected” within."""
    allow_shared: bool = False
    """The tick that confirms a folder that everybody on this computer may write to."""

    @property
    def rejected(self) -> str:
        """The folder for what cannot be sent, as it is used."""
        if self.rejected_folder:
            return self.rejected_folder
        return f"{self.folder}\\Rejected" if PureWindowsPath(self.folder).drive else f"{self.folder.rstrip('/')}/Rejected"

    @model_validator(mode="after")
    def _folders(self) -> PickupSettings:
        if self.enabled and not self.folder:
            raise refused("folder", "name the folder")
        for field, text in (("folder", self.folder), ("rejected_folder", self.rejected_folder)):
            if text and not (PurePosixPath(text).is_absolute() or PureWindowsPath(text).is_absolute()):
                raise refused(field, "write the whole path")
        if self.folder and self.folder.rstrip("/\\") == self.rejected_folder.rstrip("/\\"):
            raise refused("rejected_folder", "it has to be another folder")
        return self
