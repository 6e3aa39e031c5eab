"""The page for people who write forms says how each language is compared."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_language_that_is_compared_in_its_own_way_is_described() -> None:
    content = tomllib.loads((ROOT / "cci_lite/language/languages.toml").read_text(encoding="utf-8"))
    page = (ROOT / "docs/forms.md").read_text(encoding="utf-8")
    section = page.partition("## How text is compared, per language")[2].partition("\n## ")[0]
    codes = [code for language in content["languages"] for code in language["codes"]]
    assert [
        code for code in codes if f"(`{code}`" not in section and f" `{code}`" not in section
    ] == []
