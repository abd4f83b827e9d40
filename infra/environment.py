"""A function's environment, written from the fields of its settings model."""

from collections.abc import Mapping

from nft_upgrade.config import Group


class MissingSetting(Exception):
    """A model requires what the stage does not say."""


def environment(model: type[Group], values: Mapping[str, str]) -> dict[str, str]:
    """The entries of `values` (by field name) that the model knows, as variables.

    Raises MissingSetting for a field without default that `values` lacks.
    """
    fields = model.model_fields
    missing = [name for name, field in fields.items() if field.is_required() and name not in values]
    if missing:
        raise MissingSetting(f"{model.__name__}: {', '.join(missing)}")
    return {name.upper(): values[name] for name in fields if name in values}
