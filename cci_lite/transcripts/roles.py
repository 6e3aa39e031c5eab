"""Who the agent is, given what the tenant says about its recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from cci_lite.contract.conversation import Role


def channel_roles(channels: Sequence[str], agent_channel: str | None) -> Mapping[str, Role]:
    """The role on each channel; empty when it cannot be known.

    A recording with a single channel has everybody on it: its label says nothing about roles.
    """
    return _roles(set(channels), agent_channel) if len(channels) > 1 else {}


def speaker_roles(speakers: Set[str], agent_speaker: str | None) -> Mapping[str, Role]:
    """The role of each speaker; empty when it cannot be known.

    With three speakers and more, the agent is known and the others are not: a second voice may be a
    colleague or a recorded announcement as well as the customer.
    """
    return _roles(speakers, agent_speaker)


def _roles(labels: Set[str], agent: str | None) -> Mapping[str, Role]:
    if agent is None or agent not in labels:
        return {}
    # With one label only, the other side was silent; with two, the other one is the customer.
    others = Role.CUSTOMER if len(labels) <= 2 else Role.UNKNOWN
    return {label: Role.AGENT if label == agent else others for label in labels}
