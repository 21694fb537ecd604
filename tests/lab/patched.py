"""moto's classes, which the lab's bridges change, as they were before."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def put_back(*owners: type) -> Iterator[None]:
    """At the end of the block each class has the attributes that it had at its beginning."""
    before = [dict(vars(owner)) for owner in owners]
    try:
        yield
    finally:
        for owner, kept in zip(owners, before, strict=True):
            for name in [n for n in vars(owner) if n not in kept]:
                delattr(owner, name)
            for name, value in kept.items():
                if vars(owner)[name] is not value:
                    setattr(owner, name, value)
