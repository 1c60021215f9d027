"""Instances of public collections are read whole or refused with every faulty line; trees are written for others."""

from __future__ import annotations

import importlib.util
import lzma
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lastmile_net.errors import DataError, MissingFileError

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

SQUARE = """SECTION Graph
Nodes 4
Edges 4
E 1 2 3
E 2 3 4
E 3 4 5
E 4 1 6
END

SECTION Terminals
Terminals 2
T 3
T 1
END

EOF
"""
STP_HEAD = '33D32945 STP File, STP Format Version 1.0\n\nSECTION Comment\nName "E 9 9 9"\nEND\n\n'


@pytest.fixture(scope="module")
def instances(root: Path) -> ModuleType:
    """Load the script as a module."""
    spec = importlib.util.spec_from_file_location("steiner_instances", root / "scripts" / "steiner_instances.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["a.gr", "a.gr.xz", "a.stp", "a.stp.xz"])
def test_each_format_gives_the_same_graph(tmp_path: Path, instances: ModuleType, name: str) -> None:
    """Both formats, packed or not, must mean the same, or results could not be compared."""
    text = (STP_HEAD if ".stp" in name else "") + SQUARE
    path = tmp_path / name
    path.write_bytes(lzma.compress(text.encode()) if name.endswith("xz") else text.encode())
    instance = instances.read_instance(path)
    assert instance.nodes == 4
    assert instance.tail.tolist() == [0, 1, 2, 3]
    assert instance.head.tolist() == [1, 2, 3, 0]
    assert instance.cost.tolist() == [3, 4, 5, 6]
    assert instance.terminals.tolist() == [2, 0]


def test_all_faulty_lines_are_named(tmp_path: Path, instances: ModuleType) -> None:
    """A file that was cut or edited must be refused with everything that is wrong, not solved as something else."""
    path = tmp_path / "bad.stp"
    path.write_text(
        "SECTION Graph\nNodes 3\nEdges 5\nE 1 2 1.5\nE 1 2 -4\nA 1 2 3\nE 1 7 2\nEND\nSECTION Terminals\nT 1\nEND\n"
    )
    with pytest.raises(DataError) as caught:
        instances.read_instance(path)
    text = str(caught.value)
    for part in ("1.5", "negative", "A 1 2 3", "rows 7", "'edges' says 5, there are 1", "fewer than two terminals"):
        assert part in text


def test_the_index_names_instances_and_missing_files_are_an_error(tmp_path: Path, instances: ModuleType) -> None:
    """The index tells names and best known costs; a gap in the folder must not shorten the benchmark in silence."""
    (tmp_path / "one.gr").write_text(SQUARE)
    assert [entry.name for entry in instances.list_instances(tmp_path)] == ["one"]
    index = "file,family,name,nodes,edges,terminals,best_lower,best_upper\none.gr,F,uno,4,4,2,7,7\n"
    (tmp_path / "index.csv").write_text(index)
    (entry,) = instances.list_instances(tmp_path)
    assert (entry.name, entry.family, entry.best_known) == ("uno", "F", 7)
    (tmp_path / "index.csv").write_text(index + "two.gr,F,due,4,4,2,7,7\n")
    with pytest.raises(MissingFileError, match=r"two\.gr"):
        instances.list_instances(tmp_path)


def test_a_folder_without_instances_is_an_error(tmp_path: Path, instances: ModuleType) -> None:
    """A wrong path must not end as an empty table."""
    with pytest.raises(MissingFileError):
        instances.list_instances(tmp_path)


def test_a_tree_is_written_as_lines_of_nodes_counted_from_one(tmp_path: Path, instances: ModuleType) -> None:
    """Checkers of others count nodes as the instance's file does."""
    (tmp_path / "one.gr").write_text(SQUARE)
    instance = instances.read_instance(tmp_path / "one.gr")
    instances.write_solution(tmp_path / "one.sol", instance, np.array([0, 1]))
    assert (tmp_path / "one.sol").read_text() == "1 2\n2 3\n"
