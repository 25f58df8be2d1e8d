"""Dated price tables: tokens to dollars, exactly.

Prices are decimal numbers and tokens whole ones, so a cost is computed without error and rounded
once. A model that a table does not hold has no price; it is never guessed from a name alike.
"""

import datetime
import gzip
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation, localcontext
from pathlib import Path
from types import MappingProxyType
from typing import Any

from workbench.errors import BadValue, Unreadable, some, unknown_name

# Enough digits for any number of tokens at any price: nothing is rounded on the way.
_DIGITS = 200


@dataclass(frozen=True, slots=True)
class Price:
    """What a model's tokens cost, in US dollars per token.

    Parameters
    ----------
    input, output : Decimal
        Of a token that is read, or written.
    cached : Decimal, optional
        Of a token that is read from a cache; that of the input where the provider has no other.
    cache_write : Decimal, optional
        Of a token that is read and written to a cache; that of the input where there is no other.
    reasoning : Decimal, optional
        Of a token of reasoning; that of the output where there is no other.
    above : sequence of (int, Price)
        Prices of a whole call that reads more tokens than that, the smallest number first.
    provider : str, optional
        Who sells it.

    Examples
    --------
    >>> price = Price(Decimal("0.000003"), Decimal("0.000015"), cached=Decimal("0.0000003"))
    >>> price.cost(input_tokens=1_000, cached_tokens=900, output_tokens=100)
    0.00207
    """

    input: Decimal
    output: Decimal
    cached: Decimal | None = None
    cache_write: Decimal | None = None
    reasoning: Decimal | None = None
    above: Sequence[tuple[int, "Price"]] = ()
    provider: str | None = None

    @property
    def rates(self) -> tuple[Decimal, Decimal, Decimal, Decimal, Decimal]:
        """Dollars per token: fresh input, cached, written to a cache, output, reasoning."""
        cached = self.input if self.cached is None else self.cached
        written = self.input if self.cache_write is None else self.cache_write
        reasoning = self.output if self.reasoning is None else self.reasoning
        return self.input, cached, written, self.output, reasoning

    def of_call(self, input_tokens: int) -> "Price":
        """Return the price of a call that reads so many tokens."""
        reached = [price for threshold, price in self.above if input_tokens > threshold]
        return reached[-1] if reached else self

    def cost(
        self,
        *,
        input_tokens: int,
        output_tokens: int,
        cached_tokens: int = 0,
        cache_written_tokens: int = 0,
        reasoning_tokens: int = 0,
    ) -> float:
        """Return the dollars of one call.

        Parameters
        ----------
        input_tokens, output_tokens : int
            Read, cached ones included; written, reasoning included.
        cached_tokens, cache_written_tokens : int
            Of those read, from a cache or to it.
        reasoning_tokens : int
            Of those written.

        Raises
        ------
        BadValue
            If a part is larger than its whole.
        """
        fresh = input_tokens - cached_tokens - cache_written_tokens
        plain = output_tokens - reasoning_tokens
        tokens = (fresh, cached_tokens, cache_written_tokens, plain, reasoning_tokens)
        if min(tokens) < 0:
            raise BadValue(
                "input_tokens must include those of the cache and output_tokens those of reasoning, "
                f"but {input_tokens} read with {cached_tokens} and {cache_written_tokens} of a cache, "
                f"and {output_tokens} written with {reasoning_tokens} of reasoning came; add the "
                "parts to their wholes."
            )
        with localcontext(prec=_DIGITS):
            rates = self.of_call(input_tokens).rates
            return float(sum(n * rate for n, rate in zip(tokens, rates, strict=True)))


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
            YAML or JSON of our own, or the price map of litellm; `.gz` is unpacked.
        name : str, optional
            The table's name; that in the file, or the file's, by default.
        date : date, optional
            When the prices were valid; that in the file by default.

        Raises
        ------
        Unreadable
            If the file cannot be read.
        BadValue
            If it is no price table, or says of no day.

        Notes
        -----
        Our own files hold `date`, `models` and, where wanted, `name` and `per_tokens` (the number
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
        file = Path(path)
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


_MEMBERS = {"input", "output", "cached", "cache_write", "reasoning", "above", "provider"}


def _own(content: Mapping[str, Any], file: str) -> tuple[dict[str, Price], int]:
    models = content["models"]
    if not isinstance(models, Mapping) or not models:
        raise BadValue(
            f"`models` in {file} must hold a price by model, but it holds none; add one."
        )
    per = _decimal(content.get("per_tokens", 1), f"per_tokens in {file}")
    if per == 0:
        raise BadValue(f"per_tokens in {file} must be above 0, but 0 came; use 1000000.")
    return {
        str(name): _own_price(each, per, f"{name!r} in {file}") for name, each in models.items()
    }, 0


def _own_price(value: Any, per: Decimal, where: str) -> Price:  # noqa: ANN401 - any JSON value
    if not isinstance(value, Mapping) or not {"input", "output"} <= value.keys():
        raise BadValue(
            f"the price of {where} must have `input` and `output`, but {str(value)[:80]} came; add them."
        )
    if strange := sorted(map(str, value.keys() - _MEMBERS)):
        raise BadValue(
            f"the price of {where} must have no other members than {some(sorted(_MEMBERS), 9)}, but "
            f"{some(strange)} came; correct the name."
        )
    rates = {
        name: _decimal(value[name], f"{name} of {where}") / per
        for name in ("input", "output", "cached", "cache_write", "reasoning")
        if value.get(name) not in {None, ""}
    }
    above = sorted(
        (int(_decimal(threshold, f"a threshold of {where}")), _own_price(each, per, where))
        for threshold, each in (value.get("above") or {}).items()
    )
    return _price(rates, above, value.get("provider"))


def _price(
    rates: Mapping[str, Decimal], above: Sequence[tuple[int, Price]], provider: object
) -> Price:
    cached, written, reasoning = map(rates.get, ("cached", "cache_write", "reasoning"))
    told = provider if isinstance(provider, str) else None
    return Price(rates["input"], rates["output"], cached, written, reasoning, tuple(above), told)


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
        above.append((1000 * thousands, _price(rates, (), None)))
    return _price(base, above, entry.get("litellm_provider"))


def _tiered(tiers: Sequence[Any], entry: Mapping[str, Any], where: str) -> Price | None:
    """Return the price of an entry that lists its prices by the number of tokens read."""
    if not all(isinstance(tier, Mapping) and "range" in tier for tier in tiers):
        return None
    steps = []
    for tier in tiers:
        rates = _litellm_rates(tier, "", where)
        if not {"input", "output"} <= rates.keys():
            return None
        steps.append((int(_decimal(tier["range"][0], f"a range of {where}")), rates))
    (_, first), *rest = sorted(steps, key=lambda step: step[0])
    above = [(start, _price(rates, (), None)) for start, rates in rest]
    return _price(first, above, entry.get("litellm_provider"))


def _litellm_rates(entry: Mapping[str, Any], suffix: str, where: str) -> dict[str, Decimal]:
    rates = {
        name: _decimal(entry[key + suffix], f"{key}{suffix} of {where}")
        for name, key in _RATES.items()
        if entry.get(key + suffix) is not None
    }
    if rates.get("cache_write") == 0 and rates.get("input"):
        del rates["cache_write"]
    return rates


def _decimal(value: Any, where: str) -> Decimal:  # noqa: ANN401 - any JSON value
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or number < 0:
        raise BadValue(
            f"{where} must be a number, not negative, but {str(value)[:40]!r} came; correct it."
        )
    return number


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
