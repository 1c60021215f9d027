"""A folder that appears whole or not at all, and replaces an older one in one step."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lastmile_net.errors import Fault, RunError

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator

SEAL = "run.json"
"""The file that makes a folder a run; it is written last."""

_AT_FDCWD = -100
_RENAME_NOREPLACE, _RENAME_EXCHANGE = 1, 2
_NOT_HERE = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM)


@contextlib.contextmanager
def new_folder(target: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """
    Give a folder to write to, and put it in the place of `target` once all has gone well.

    What an earlier writer left behind when it was killed is cleared up first. If anything is raised inside, the old
    folder stays as it was. The folder's files are on the disk before it gets its name.

    Parameters
    ----------
    target
        Folder to make; its parents are made, too.
    overwrite
        Replace an existing run. A folder that is no run is never replaced.

    Raises
    ------
    RunError
        If the folder is in the way, or cannot be written.
    """
    target = target.resolve()
    with _said_clearly(target):
        recover(target)
        check_way(target, overwrite=overwrite)
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=_prefix(target)))
        lock = _lock(draft)
        try:
            draft.chmod(0o777 & ~_umask())
            yield draft
            sync_tree(draft)
            _put_in_place(draft, target, overwrite=overwrite)
        finally:
            _unlock(lock)
            shutil.rmtree(draft, ignore_errors=True)


def check_way(target: Path, *, overwrite: bool) -> None:
    """
    Refuse a target that must not be replaced; call it before a long computation, too.

    Raises
    ------
    RunError
        If `target` exists and `overwrite` is not set, if it is anything but a run or an empty folder, or if it lies
        where one may not write.
    """
    target = target.resolve()
    _check_place(target)
    if not target.exists():
        return
    if not target.is_dir():
        raise RunError([Fault("is a file, not a folder", "Choose another name for the run.", source=str(target))])
    if not overwrite:
        cure = "Choose another name, or replace it with --overwrite, in Python with overwrite=True."
        raise RunError([Fault("the folder exists", cure, source=str(target))])
    if not (target / SEAL).is_file() and any(target.iterdir()):
        cure = "Its files are not replaced: choose another name, or empty it yourself."
        raise RunError([Fault(f"the folder is no run, it has no {SEAL}", cure, source=str(target))])


def _check_place(target: Path) -> None:
    """Refuse a target in a folder that is none, or that must not be written to: a draft is laid beside the target."""
    above = next(each for each in target.parents if each.exists())
    if not above.is_dir():
        raise RunError([Fault(f"{above} is a file, not a folder", "Choose another place.", source=str(target))])
    if not os.access(above, os.W_OK | os.X_OK):
        cure = "Choose a folder you may write to."
        raise RunError([Fault(f"you may not write to {above}", cure, source=str(target))])


def recover(target: Path) -> None:
    """Put back the folder that a killed writer had moved aside, and remove the drafts it left."""
    target = target.resolve()
    if not target.parent.is_dir():
        return
    aside = _aside(target)
    if aside.is_dir() and not target.exists():
        aside.rename(target)
    for draft in sorted(target.parent.glob(f"{_prefix(target)}*")):
        if draft.is_dir():
            _remove_if_abandoned(draft)
    if aside.is_dir():
        shutil.rmtree(aside, ignore_errors=True)


def sync_tree(folder: Path) -> None:
    """Flush all files and folders below `folder` to the disk."""
    for each in sorted(folder.rglob("*")):
        sync(each)
    sync(folder)


def sync(path: Path) -> None:
    """Flush one file, or the entries of one folder, to the disk; where folders cannot be flushed, do nothing."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _put_in_place(draft: Path, target: Path, *, overwrite: bool) -> None:
    """Give the draft its name; what had the name before ends up under the draft's, or is gone."""
    if not target.exists():
        if not _rename(draft, target, _RENAME_NOREPLACE):
            check_way(target, overwrite=False)
            draft.rename(target)
    elif overwrite and not _rename(draft, target, _RENAME_EXCHANGE):
        _swap_in_two_steps(draft, target)
    elif not overwrite:
        check_way(target, overwrite=False)
    sync(target.parent)


def _swap_in_two_steps(draft: Path, target: Path) -> None:
    """Move the old folder aside and the draft in its place; `recover` ends it if we die in between."""
    aside = _aside(target)
    target.rename(aside)
    try:
        draft.rename(target)
    except OSError:
        aside.rename(target)
        raise
    sync(target.parent)
    shutil.rmtree(aside, ignore_errors=True)


def _rename(source: Path, target: Path, flag: int) -> bool:
    """Rename by the system call that takes flags; False where the system or the file system has none."""
    if not sys.platform.startswith("linux"):
        return False
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None:
        return False
    if call(_AT_FDCWD, os.fsencode(source), _AT_FDCWD, os.fsencode(target), ctypes.c_uint(flag)) == 0:
        return True
    code = ctypes.get_errno()
    if code in _NOT_HERE:
        return False
    raise OSError(code, os.strerror(code), str(target))


def _prefix(target: Path) -> str:
    return f".{target.name}.draft-"


def _aside(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")


def _lock(folder: Path) -> int | None:
    """Hold a folder as ours until we end, however we end."""
    if fcntl is None:
        return None
    handle = os.open(folder, os.O_RDONLY)
    with contextlib.suppress(OSError):  # some network file systems have no locks
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return handle


def _unlock(handle: int | None) -> None:
    if handle is not None:
        os.close(handle)


def _remove_if_abandoned(draft: Path) -> None:
    if fcntl is None:
        return
    try:
        handle = os.open(draft, os.O_RDONLY)
    except OSError:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return  # somebody writes it now
    else:
        shutil.rmtree(draft, ignore_errors=True)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextlib.contextmanager
def _said_clearly(target: Path) -> Iterator[None]:
    """Turn what the system says about files into a sentence with a cure."""
    try:
        yield
    except OSError as error:
        if isinstance(error, RunError):
            raise
        raise RunError([_system_fault(error, target)]) from error


def _system_fault(error: OSError, target: Path) -> Fault:
    cures = {
        errno.ENOSPC: "The disk is full: make room, or choose a folder on another one.",
        errno.EDQUOT: "The quota is used up: make room, or choose a folder on another disk.",
        errno.EFBIG: "The file would be larger than the system allows: choose a folder on another disk.",
        errno.EACCES: "Choose a folder you may write to, and close programs that hold the old one open.",
        errno.EPERM: "Choose a folder you may write to.",
        errno.EROFS: "Choose a folder that can be written.",
    }
    what = f"the run cannot be written: {error.strerror or error}"
    return Fault(what, cures.get(error.errno or 0, "Nothing has been changed."), source=str(target))
