"""Where relative paths start: those written in a file at its folder, those of options where one works."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lastmile_net.config import read_config
from lastmile_net.config.prices import PRESETS


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with prices and optics of one's own, beneath the one in which one works."""
    monkeypatch.chdir(tmp_path)
    folder = Path("conf")
    folder.mkdir()
    shutil.copy(PRESETS / "prices-metres.toml", folder / "p.toml")
    (folder / "o.toml").write_text('name = "own"\nbudget_db = 20\nfibre_db_per_km = 0.5\n', encoding="utf-8")
    return folder


def test_paths_in_a_file_start_from_its_folder(conf: Path) -> None:
    """A folder of settings can be moved as a whole; optics and polygons were looked for where one works."""
    path = conf / "lastmile.toml"
    path.write_text(
        'prices = "p.toml"\noptical = "o.toml"\npresets = ["columns.toml", "fcc"]\n'
        '[tables]\nhomes = "homes.csv"\nlines = "postgresql://host/gis"\n[phases]\npolygons = "areas.gpkg"\n',
        encoding="utf-8",
    )
    config = read_config(path)
    assert (config.cost.name, config.optical and config.optical.name) == ("metres", "own")
    assert config.phases is not None
    assert Path(config.phases.polygons or "") == conf / "areas.gpkg"
    assert config.presets == (str(conf / "columns.toml"), "fcc")
    assert config.tables == {"homes": str(conf / "homes.csv"), "lines": "postgresql://host/gis"}
    path.write_text('[optical]\npreset = "o.toml"\nname = "ours.toml"\n', encoding="utf-8")
    optical = read_config(path).optical
    assert optical is not None
    assert (optical.name, optical.budget_db) == ("ours.toml", 20)


def test_paths_of_options_start_where_one_works(conf: Path) -> None:
    """`--prices mine.toml` beside `--config conf/lastmile.toml` was looked for in `conf`."""
    path = conf / "lastmile.toml"
    path.write_text('prices = "p.toml"\nmax_drop_m = 80\n', encoding="utf-8")
    shutil.copy(PRESETS / "prices-example-usd.toml", "p.toml")
    config = read_config(path, prices="p.toml", phases={"polygons": "areas.gpkg"})
    assert (config.cost.currency, config.max_drop_m) == ("USD", 80)
    assert config.phases is not None
    assert config.phases.polygons == "areas.gpkg"


def test_the_file_may_be_named_by_text(conf: Path) -> None:
    """All other files of the interface may be text; a text for the settings ended in a traceback."""
    (conf / "lastmile.toml").write_text("max_drop_m = 80\nseed = 7\n", encoding="utf-8")
    config = read_config("conf/lastmile.toml", max_drop_m=60)
    assert (config.max_drop_m, config.seed) == (60, 7)
