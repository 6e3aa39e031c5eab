"""The conversations of `calls.yaml` as transcripts, each with what is true of it."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.own_calls.layouts import by_channel, by_speaker, in_time

AGENT_CHANNELS = {"north": "ch_0", "south": "ch_1"}
_ROLES = {"A": "AGENT", "C": "CUSTOMER"}


def own_calls() -> list[tuple[bytes, dict[str, Any]]]:
    """Each transcript with its truth."""
    calls = YAML(typ="safe").load(Path(__file__).with_name("calls.yaml").read_text("utf-8"))
    return [_call(call) for call in calls]


def call_rows(truths: list[dict[str, Any]]) -> str:
    """What the telephony platform knows of the calls, as CSV."""
    names = ("job_name", "tenant_id", "agent_id", "started_at")
    text = io.StringIO()
    rows = csv.DictWriter(text, names, extrasaction="ignore")
    rows.writeheader()
    rows.writerows(truths)
    return text.getvalue()


def _call(call: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
    agent = AGENT_CHANNELS[call["tenant"]]
    labels = {"AGENT": agent, "CUSTOMER": "ch_1" if agent == "ch_0" else "ch_0"}
    if call["layout"] == "speaker":
        labels = {"AGENT": "spk_0", "CUSTOMER": "spk_1"}
    spoken = (turn.split(": ", 1) for turn in call["said"])
    turns = in_time((_ROLES[who], labels[_ROLES[who]], text) for who, text in spoken)
    write = by_speaker if call["layout"] == "speaker" else by_channel
    truth = {
        "job_name": call["job"],
        "tenant_id": call["tenant"],
        "agent_id": call["agent"],
        "started_at": call["started"].isoformat(),
        "layout": call["layout"],
        "turns": [
            {
                "role": turn.role,
                "label": turn.label,
                "text": re.sub(r"[{}]", "", turn.text),
                "pii": _spans(turn.text),
                "start_sec": turn.start,
                "end_sec": turn.end,
            }
            for turn in turns
        ],
        "qa": {"criteria": [*_labels(call)]},
    }
    # Redaction was asked for, also where nothing was found.
    output = {**json.loads(write(call["job"], turns)), "isRedacted": True}
    return json.dumps(output).encode(), truth


def _labels(call: dict[str, Any]) -> list[dict[str, Any]]:
    passed = {**dict.fromkeys(call["passes"], True), **dict.fromkeys(call["fails"], False)}
    return [
        {"id": name, "applies": name in passed, "passed": passed.get(name), "basis": "calls.yaml"}
        for name in ("greet_01", "else_06", "close_07")
    ]


def _spans(text: str) -> list[dict[str, Any]]:
    """Where words are redacted."""
    return [
        {
            "first_word": len(text[: found.start()].split()),
            "words": len(found[0].split()),
            "transcribe_redacts": True,
        }
        for found in re.finditer(r"\{[^}]*\}", text)
    ]
