"""Frozen settings that refuse what they do not know and name what was probably meant."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from lastmile_net.errors import ConfigError, Fault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic_core import ErrorDetails


class Frozen(BaseModel):
    """Base of every settings model: frozen, typed, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _name_the_nearest_key(cls, values: object) -> object:
        if isinstance(values, dict):
            unknown = [key for key in values if key not in cls.model_fields]
            if unknown:
                raise ValueError("; ".join(f"unknown key '{key}'{_nearest(key, cls.model_fields)}" for key in unknown))
        return values

    @classmethod
    def read(cls, values: dict[str, Any], source: str = "") -> Self:
        """
        Make the model from plain values.

        Raises
        ------
        ConfigError
            With one fault per wrong key, all at once.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise ConfigError([_fault(detail, source) for detail in error.errors()]) from error


def _nearest(key: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(key, list(known), n=1, cutoff=0.5)
    return f", did you mean '{close[0]}'?" if close else f"; known are {', '.join(sorted(known))}"


def _fault(detail: ErrorDetails, source: str) -> Fault:
    key = ".".join(str(part) for part in detail["loc"])
    message = str(detail["msg"]).removeprefix("Value error, ")
    given = "" if isinstance(detail.get("input"), dict) else f" (got {detail.get('input')!r})"
    return Fault(message + given, "Correct the setting.", source=source or "config", column=key)
