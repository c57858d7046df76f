"""Complexes of folders and of tar archives, which are read as a stream and never unpacked on disk."""

from __future__ import annotations

import lzma
import os
import tarfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from molediff.config import UserError, nearest
from molediff.data.layouts import LAYOUTS, Found
from molediff.data.shards import checksum, folder_checksum

ARCHIVES = (".tar", ".tar.xz", ".tar.gz", ".tgz", ".tar.bz2")
File = tuple[str, bytes]
"""Name below the source, and contents."""


@dataclass(frozen=True)
class RawComplex:
    """A receptor and its ligands, as the files have them."""

    set: str
    """Folder of the folder of the complex."""
    id: str
    """Name of the complex."""
    protein: File
    """Of the receptor."""
    ligands: tuple[tuple[File, ...], ...]
    """Files of poses; of each the same poses in other formats."""


@dataclass(frozen=True)
class ComplexSource:
    """A folder or an archive."""

    path: Path
    """Where it lies."""
    found: tuple[tuple[str, str, Found], ...]
    """(set, id, files with their folders below ``path``) of each complex, in the order in which they are read."""
    sha256: str
    """Checksum of the archive; of a folder, that of names and sizes."""
    links: dict[str, str] = field(default_factory=dict)
    """Hard links of an archive: name -> the earlier file whose contents it has."""


def find_complexes(path: Path | str) -> ComplexSource:
    """The complexes of a folder or archive, found by looking at the names of files.

    Raises:
        UserError: when there is no such source, it holds no complexes, or is damaged.
    """
    path = Path(path)
    links: dict[str, str] = {}
    if path.is_dir():
        files, sha = _listed(path), None
        base = PurePosixPath(path.resolve().as_posix())
    elif path.is_file() and path.name.lower().endswith(ARCHIVES):
        listed, sha = list(_members(path)), checksum(path)
        files = [name for name, _, _ in listed]
        links = {name: link for name, link, _ in listed if link}
        base = PurePosixPath(_bare(path.name))
    elif path.is_file():
        raise UserError(f"'{path}' is neither a folder nor an archive. Allowed: a folder, or {', '.join(ARCHIVES)}.")
    else:
        near = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise UserError(f"No folder or archive '{path}'.{nearest(path.name, near)}")
    found = _look(files, base, links)
    if not found:
        layouts = "; ".join(LAYOUTS)
        raise UserError(f"'{path}' holds no complexes ({len(files):,} files were looked at). Layouts known: {layouts}.")
    return ComplexSource(path, tuple(found), sha or folder_checksum(path, files), links)


def read_complexes(source: ComplexSource, start: int = 0) -> Iterator[RawComplex]:
    """The complexes of a source from number ``start`` on, in the order of ``found``.

    Raises:
        UserError: when a file cannot be read, or the archive is damaged.
    """
    wanted = source.found[start:]
    if source.path.is_dir():
        for group, name, found in wanted:
            held = {file: _read(source.path / file) for file in _files(found)}
            yield _raw(group, name, found, held)
        return
    needed = [{source.links.get(file, file) for file in _files(found)} for _, _, found in wanted]
    users, held, place = Counter(file for files in needed for file in files), {}, 0
    for file, _, data in _members(source.path, set(users)):
        held[file] = data
        # in the order of `found`, a complex is complete with the last of its files
        while place < len(wanted) and needed[place] <= held.keys():
            group, name, found = wanted[place]
            yield _raw(group, name, found, {file: held[source.links.get(file, file)] for file in _files(found)})
            for done in needed[place]:
                users[done] -= 1
                if not users[done]:
                    del held[done]
            place += 1
    if place < len(wanted):
        lost = min(needed[place] - held.keys())
        raise UserError(f"'{source.path}' is damaged: '{lost}' is not in it. Fetch or copy the archive again.")


def _look(files: Sequence[str], base: PurePosixPath, links: dict[str, str]) -> list[tuple[str, str, Found]]:
    """Complexes among the files, ordered by the last of the contents that they need."""
    folders: dict[PurePosixPath, list[str]] = defaultdict(list)
    for file in files:
        folders[PurePosixPath(file).parent].append(PurePosixPath(file).name)
    place = {file: k for k, file in enumerate(files)}
    place |= {link: place[real] for link, real in links.items() if real in place}
    complexes = []
    for folder, names in folders.items():
        here = next((found for layout in LAYOUTS.values() if (found := layout(sorted(names)))), [])
        inside = base / folder
        for one in here:
            full = replace(
                one,
                protein=str(folder / one.protein),
                ligands=tuple(tuple(str(folder / name) for name in group) for group in one.ligands),
            )
            own = not one.name or one.name == inside.name
            # a folder of one complex lies in its set; a folder of many is a set
            group = inside.parent.name if own else inside.name
            complexes.append((group, one.name or inside.name, full))
    return sorted(complexes, key=lambda c: (max(place[file] for file in _files(c[2])), c[1]))


def _files(found: Found) -> tuple[str, ...]:
    return (found.protein, *(name for group in found.ligands for name in group))


def _raw(group: str, name: str, found: Found, held: dict[str, bytes]) -> RawComplex:
    ligands = tuple(tuple((file, held[file]) for file in files) for files in found.ligands)
    return RawComplex(group, name, (found.protein, held[found.protein]), ligands)


def _listed(folder: Path) -> list[str]:
    """Files below a folder, sorted, with / between the names."""
    found = []
    for here, folders, files in os.walk(folder):
        folders.sort()
        below = Path(here).relative_to(folder)
        found += [(below / name).as_posix() for name in files if not name.startswith(".")]
    return sorted(found)


def _members(path: Path, wanted: set[str] | None = None) -> Iterator[tuple[str, str, bytes]]:
    """Files of an archive in its order: (name, what it is a hard link to or '', contents if wanted)."""
    try:
        # not 'r|*': as a stream, tarfile takes a cut for the end
        with tarfile.open(path, "r:*") as archive:
            for member in archive:
                name = PurePosixPath(member.name)
                if not (member.isfile() or member.islnk()) or name.name.startswith("."):
                    continue
                if wanted is None:
                    yield str(name), str(PurePosixPath(member.linkname)) if member.islnk() else "", b""
                elif str(name) in wanted:
                    yield str(name), "", archive.extractfile(member).read()
    except (tarfile.TarError, EOFError, OSError, lzma.LZMAError, zlib.error) as error:
        raise UserError(f"'{path}' is damaged or cut short ({error}). Fetch or copy the archive again.") from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"'{path}' cannot be read ({error.strerror}).") from None


def _bare(name: str) -> str:
    return next(name[: -len(end)] for end in ARCHIVES if name.lower().endswith(end))
