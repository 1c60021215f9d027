"""Frozen settings that refuse what they do not know and name what was probably meant."""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from lastmile_net.counts import as_share
from lastmile_net.errors import ConfigError, Fault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic_core import ErrorDetails

NUMBER, TEXT = ("is no number", "Write a plain number, such as 12.5."), ("is no text", "Put it in quotes.")
LIST, TABLE = (
    ("is no list", "Put it in brackets: [...]."),
    ("is no table", "Give it entries of its own, as in [{name}]."),
)
WORDS = {
    "greater_than_equal": ("is below {ge}", "Write {ge} or more."),
    "greater_than": ("is not above {gt}", "Write more than {gt}."),
    "less_than_equal": ("is above {le}", "Write {le} or less."),
    "less_than": ("is not below {lt}", "Write less than {lt}."),
    "literal_error": ("is not known", "Write {expected}."),
    "float_type": NUMBER,
    "float_parsing": NUMBER,
    "finite_number": NUMBER,
    "int_type": ("is no whole number", "Write a whole number."),
    "int_parsing": ("is no whole number", "Write a whole number."),
    "int_from_float": ("is no whole number", "Write a whole number."),
    "bool_type": ("is no yes or no", "Write true or false."),
    "bool_parsing": ("is no yes or no", "Write true or false."),
    "string_type": TEXT,
    "tuple_type": LIST,
    "dict_type": TABLE,
    "model_type": TABLE,
}
"""What is wrong and the cure, by pydantic's names of faults."""


class Frozen(BaseModel):
    """Base of every settings model: frozen, typed, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

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
            faults = [fault for detail in error.errors() for fault in _faults(cls, detail, source)]
            raise ConfigError(faults) from error


def _faults(model: type[Frozen], detail: ErrorDetails, source: str) -> list[Fault]:
    """Return what is wrong with one setting, by its full name; entries of lists count from 1."""
    raised = detail.get("ctx", {}).get("error")
    if isinstance(raised, ConfigError):
        return [replace(fault, source=fault.source or source) for fault in raised.faults]
    names = [str(part) for part in detail["loc"] if isinstance(part, str) and part != "[key]"]
    if names[-1:] == ["value"] and not isinstance(detail["input"], dict) and len(names) > 1:
        names.pop()  # a bare number stands for the value of a price
    entries = [part + 1 for part in detail["loc"] if isinstance(part, int)]
    what, cure = _words(model, detail, names)
    entry = "".join(f"entry {number} " for number in entries)
    return [Fault(entry + what, cure, source=source, setting=".".join(names))]


def _words(model: type[Frozen], detail: ErrorDetails, names: list[str]) -> tuple[str, str]:
    """Return what is wrong with a setting, and the cure."""
    kind, given = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        return "is not known", _nearest(names[-1], _model_at(model, names[:-1]).model_fields)
    if kind == "missing":
        return "is missing", "Add it."
    got = "" if isinstance(given, (dict, BaseModel)) else f" (got {given!r})"
    if kind not in WORDS:
        message = str(detail["msg"]).removeprefix("Value error, ")
        return message + got, "" if kind == "value_error" else "Correct it."
    told = {
        key: f"{value:g}" if isinstance(value, (int, float)) else value for key, value in detail.get("ctx", {}).items()
    }
    what, cure = WORDS[kind]
    is_share = kind == "less_than_equal" and detail.get("ctx", {}).get("le") == 1
    return what.format(**told) + got, cure.format(name=".".join(names), **told) + (as_share(given) if is_share else "")


def _model_at(model: type[Frozen], names: list[str]) -> type[Frozen]:
    """Return the model of the table that is reached by names; keys of plain tables lead no deeper."""
    for name in names:
        field = model.model_fields.get(name)
        model = (_frozen_in(field.annotation) if field else None) or model
    return model


def _frozen_in(annotation: object) -> type[Frozen] | None:
    """Return the first settings model that an annotation names."""
    if isinstance(annotation, type) and issubclass(annotation, Frozen):
        return annotation
    return next((found for each in get_args(annotation) if (found := _frozen_in(each))), None)


def _nearest(key: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(key, list(known), n=1, cutoff=0.5)
    return f"Did you mean '{close[0]}'?" if close else f"Known are {', '.join(sorted(known))}."
