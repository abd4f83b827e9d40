"""The error tree: codes are unique and stable, types are the product's eleven."""

from collections.abc import Iterator

from nft_upgrade.domain import errors
from nft_upgrade.domain.errors import ErrorType, Unavailable, UpgradeError


def tree(base: type[UpgradeError] = UpgradeError) -> Iterator[type[UpgradeError]]:
    for child in base.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from tree(child)


def test_every_code_is_used_once() -> None:
    codes = [error.code for error in tree()]
    assert len(codes) == len(set(codes))


def test_every_class_stands_in_the_drawn_tree() -> None:
    for error in tree():
        assert error.__name__ in (errors.__doc__ or ""), error


def test_unavailable_errors_are_retryable_and_refusals_are_not() -> None:
    for error in tree():
        limited = error is errors.RateLimited
        assert error.retryable == (issubclass(error, Unavailable) or limited), error


def test_the_error_types_are_the_products_eleven() -> None:
    assert len(ErrorType) == 11
