"""Dated price tables, read from files of our own and from litellm's map.

A model that a table does not hold has no price; it is never guessed from a name alike.
"""

import datetime
import gzip
import json
import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

from workbench.errors import BadKind, BadValue, Unreadable, some, unknown_name
from workbench.pricing.price import Price, decimal_of, priced


@dataclass(frozen=True)
class Prices:
    """What models cost on a date.

    Parameters
    ----------
    name : str
        The table's name.
    date : date
        The day on which these prices were valid.
    models : mapping of str to Price
        By the model's name, exactly as logs write it.
    n_skipped : int
        Entries of the file that have no price per token (images, seconds, queries).

    Examples
    --------
    >>> prices = Prices(
    ...     "house", datetime.date(2026, 11, 1), {"m": Price(Decimal("0.1"), Decimal("0.2"))}
    ... )
    >>> prices
    Prices 'house' of 2026-11-01: 1 model
    >>> prices.get("n") is None
    True
    """

    name: str
    date: datetime.date
    models: Mapping[str, Price]
    n_skipped: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "models", MappingProxyType(dict(self.models)))

    def __repr__(self) -> str:
        n = len(self.models)
        skipped = f"; {self.n_skipped} entries without a price per token" if self.n_skipped else ""
        return f"Prices {self.name!r} of {self.date}: {n} model{'s' * (n != 1)}{skipped}"

    def __getitem__(self, model: str) -> Price:
        """Return a model's price.

        Raises
        ------
        UnknownName
            If the table has none.
        """
        price = self.get(model)
        if price is None:
            raise unknown_name("a model with a price", model, self.models)
        return price

    def get(self, model: str) -> Price | None:
        """Return a model's price, None where the table has none.

        The name must be the table's, or have its provider before a stroke (`openai/gpt-4o`). A
        model is never taken for another release of it.
        """
        if model in self.models:
            return self.models[model]
        provider, _, rest = model.partition("/")
        price = self.models.get(rest)
        return price if price and price.provider == provider else None

    def including(self, models: Mapping[str, Price]) -> "Prices":
        """Return the table with further models, or other prices for them.

        Parameters
        ----------
        models : mapping of str to Price
            By the model's name; `prices["gpt-4o"]` under another name makes an alias.
        """
        return replace(self, models={**self.models, **models})

    @classmethod
    def read(
        cls, path: str | Path, *, name: str | None = None, date: datetime.date | None = None
    ) -> "Prices":
        """Read a price table.

        Parameters
        ----------
        path : str or Path
            TOML, YAML or JSON of our own, or the price map of litellm; `.gz` is unpacked.
        name : str, optional
            The table's name; that in the file, or the file's, by default.
        date : date, optional
            When the prices were valid; that in the file by default.

        Raises
        ------
        Unreadable
            If the file cannot be read.
        BadKind
            If `date` is no day.
        BadValue
            If it is no price table, says of no day, says two prices of one model and day, or if
            `date` is before all days of a history.

        Notes
        -----
        TOML holds a history: a `[[price]]` for each model and day, in dollars per million tokens; of
        each model the last price counts that was valid on `date` (today's, by default: the last)::

            [[price]]
            model = "gpt-4o"
            valid_from = 2024-10-02
            input = 2.50
            cached = 1.25
            output = 10.00
            source = "where the figures are from"

        Our other files hold `date`, `models` and, where wanted, `name` and `per_tokens` (the number
        of tokens that the prices are for, 1 by default)::

            date: 2026-11-01
            per_tokens: 1000000
            models:
              small: {input: 0.25, cached: 0.025, output: 2}

        Of litellm's map the standard prices are read, not those of batches or of priority. There a
        price of nought for writing to a cache means "no surcharge" where input has a price.

        References
        ----------
        litellm, ``model_prices_and_context_window.json``.
        """
        if date is not None and not _is_day(date):
            raise BadKind(
                f"`date` must be a day such as datetime.date(2026, 11, 1), but {date!r} came; make it one."
            )
        file = Path(path)
        if file.suffix == ".toml":
            return cls(name or file.stem, *_history(file, date))
        content = _content(file)
        own = "models" in content and not _is_litellm(content["models"])
        found = _own(content, file.name) if own else _litellm(content, file.name)
        told = content.get("name") if own else None
        day = date or (_day(content.get("date"), file.name) if own else None)
        if day is None:
            raise BadValue(
                f"a price table must be dated, but {file.name} names no day; pass date=, the day on "
                "which its prices were valid."
            )
        return cls(str(name or told or Path(file.name.removesuffix(".gz")).stem), day, *found)


def shipped(date: datetime.date | None = None) -> Prices:
    """Return the small price table that comes with the package.

    Parameters
    ----------
    date : date, optional
        The day whose prices are wanted; the last known ones by default.

    Raises
    ------
    BadKind
        If `date` is no day.
    BadValue
        If no price was known by that day.

    Examples
    --------
    >>> shipped().get("gpt-4o").cost(input_tokens=1_000_000, output_tokens=0)
    2.5
    """
    return Prices.read(Path(__file__).parents[1] / "assets" / "prices.toml", date=date)


def _history(path: Path, date: datetime.date | None) -> tuple[datetime.date, dict[str, Price], int]:
    """Return the day, the prices valid on it, and 0 entries without a price."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        content = tomllib.loads(text, parse_float=Decimal)
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(
            f"a price table must be a file of UTF-8 text, but {path.name} is none ({error}); check "
            "the path."
        ) from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise _broken(path, "TOML", error) from None
    entries = content.get("price")
    if not isinstance(entries, list) or not entries:
        raise BadValue(
            f"a price table in TOML must hold [[price]] tables, but {path.name} holds none; add one."
        )
    dated = sorted((_dated(each, path.name) for each in entries), key=lambda each: each[0])
    counts = Counter((model, day) for day, model, _ in dated)
    if doubled := [key for key, n in counts.items() if n > 1]:
        raise BadValue(
            f"the price of {doubled[0][0]!r} in {path.name} must be one for each day, but two are of "
            f"{doubled[0][1]}; keep one."
        )
    valid = [each for each in dated if date is None or each[0] <= date]
    if not valid:
        raise BadValue(
            f"a price table must hold a price of the day that is asked for, but the first in {path.name} is "
            f"of {dated[0][0]}, after {date}; pass a later date=."
        )
    return date or dated[-1][0], {model: price for _, model, price in valid}, 0


def _is_day(value: object) -> bool:
    """Tell a day from a moment, which Python takes for a day but does not compare with one."""
    return isinstance(value, datetime.date) and not isinstance(value, datetime.datetime)


def _dated(entry: Any, file: str) -> tuple[datetime.date, str, Price]:  # noqa: ANN401 - any TOML value
    model = entry.get("model") if isinstance(entry, Mapping) else None
    if not isinstance(model, str) or not model:
        raise BadValue(f"each [[price]] in {file} must name its `model`, but one does not; add it.")
    where = f"{model!r} in {file}"
    rest = {
        name: value
        for name, value in entry.items()
        if name not in {"model", "valid_from", "source"}
    }
    day = entry.get("valid_from")
    if not _is_day(day) or not isinstance(entry.get("source"), str):
        raise BadValue(
            f"the price of {where} must have `valid_from`, a day such as 2026-11-01 without a time, and `source`, a text, but "
            "one is missing or of another kind; add it."
        )
    return day, model, Price.of(rest, where, per=Decimal(10**6))


def _content(path: Path) -> Mapping[str, Any]:
    """Return what a file holds, numbers as texts or decimals so that no digit changes."""
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
        text = data.decode("utf-8-sig")
    except (OSError, EOFError, ValueError) as error:
        raise Unreadable(
            f"a price table must be a file of UTF-8 text, but {path.name} is none ({error}); check "
            "the path."
        ) from None
    content = _parsed(text, path)
    if not isinstance(content, Mapping):
        raise BadValue(
            f"a price table must be an object with the models' names, but {path.name} holds "
            f"{type(content).__name__}; look at its first lines."
        )
    return content


def _parsed(text: str, path: Path) -> Any:  # noqa: ANN401 - any JSON value
    if ".json" in path.suffixes:
        try:
            return json.loads(text, parse_float=Decimal)
        except (ValueError, RecursionError) as error:
            raise _broken(path, "JSON", error) from None
    import yaml

    try:
        # numbers stay texts: YAML would make floats of them, and a text of 1e-06
        return yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - it makes texts, nothing else
    except (yaml.YAMLError, RecursionError) as error:
        raise _broken(path, "YAML", error) from None


def _broken(path: Path, language: str, error: Exception) -> BadValue:
    told = " ".join(str(error).split())[:200]
    return BadValue(
        f"a price table must be whole {language}, but {path.name} is not ({told}); mend it there."
    )


def _own(content: Mapping[str, Any], file: str) -> tuple[dict[str, Price], int]:
    models = content["models"]
    if not isinstance(models, Mapping) or not models:
        raise BadValue(
            f"`models` in {file} must hold a price by model, but it holds none; add one."
        )
    per = decimal_of(content.get("per_tokens", 1), f"per_tokens in {file}")
    if per == 0:
        raise BadValue(f"per_tokens in {file} must be above 0, but 0 came; use 1000000.")
    return {
        str(name): Price.of(each, f"{name!r} in {file}", per=per) for name, each in models.items()
    }, 0


def _is_litellm(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    return isinstance(value, Mapping) and "litellm_provider" in value


_INPUT = re.compile(r"input_cost_per_token_above_(\d+)k_tokens")
_RATES = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cached": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
    "reasoning": "output_cost_per_reasoning_token",
}
# Models of these modes write no tokens.
_READERS = {"embedding", "rerank", "moderation"}


def _litellm(content: Mapping[str, Any], file: str) -> tuple[dict[str, Price], int]:
    entries = {
        name: entry
        for name, entry in content.items()
        if name != "sample_spec" and isinstance(entry, Mapping)
    }
    if not any(map(_is_litellm, entries.values())):
        raise BadValue(
            f"a price table must hold `date` and `models`, or be litellm's map, but {file} holds "
            f"{some(content, 3) or 'nothing'}; see Prices.read."
        )
    found = {name: _litellm_price(entry, f"{name!r} in {file}") for name, entry in entries.items()}
    priced = {name: price for name, price in found.items() if price}
    return priced, len(entries) - len(priced)


def _litellm_price(entry: Mapping[str, Any], where: str) -> Price | None:
    tiers = entry.get("tiered_pricing")
    if isinstance(tiers, list) and tiers:
        return _tiered(tiers, entry, where)
    base = _litellm_rates(entry, "", where)
    if entry.get("mode") in _READERS:
        base.setdefault("output", Decimal(0))
    if not {"input", "output"} <= base.keys():
        return None
    above = []
    for thousands in sorted(int(found[1]) for key in entry if (found := _INPUT.fullmatch(key))):
        rates = base | _litellm_rates(entry, f"_above_{thousands}k_tokens", where)
        above.append((1000 * thousands, priced(rates, (), None)))
    return priced(base, above, entry.get("litellm_provider"))


def _tiered(tiers: Sequence[Any], entry: Mapping[str, Any], where: str) -> Price | None:
    """Return the price of an entry that lists its prices by the number of tokens read."""
    if not all(isinstance(tier, Mapping) and "range" in tier for tier in tiers):
        return None
    steps = []
    for tier in tiers:
        rates = _litellm_rates(tier, "", where)
        if not {"input", "output"} <= rates.keys():
            return None
        limits = tier["range"]
        if not isinstance(limits, list) or not limits:
            raise BadValue(
                f"a range of {where} must be a list of two numbers, but {str(limits)[:40]!r} came; correct it."
            )
        steps.append((int(decimal_of(limits[0], f"a range of {where}")), rates))
    (_, first), *rest = sorted(steps, key=lambda step: step[0])
    above = [(start, priced(rates, (), None)) for start, rates in rest]
    return priced(first, above, entry.get("litellm_provider"))


def _litellm_rates(entry: Mapping[str, Any], suffix: str, where: str) -> dict[str, Decimal]:
    rates = {
        name: decimal_of(entry[key + suffix], f"{key}{suffix} of {where}")
        for name, key in _RATES.items()
        if entry.get(key + suffix) is not None
    }
    if rates.get("cache_write") == 0 and rates.get("input"):
        del rates["cache_write"]
    return rates


def _day(value: Any, file: str) -> datetime.date | None:  # noqa: ANN401 - any JSON value
    if value is None:
        return None
    try:
        return datetime.date.fromisoformat(str(value))
    except ValueError:
        raise BadValue(
            f"`date` in {file} must be a day such as 2026-11-01, but {str(value)[:40]!r} came; "
            "correct it."
        ) from None
