"""What the estimators of all tasks share: arguments by name, and a fit that is kept in a folder."""

import abc
import dataclasses
import inspect
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

from gatework.errors import InputError
from gatework.tasks import run as folder
from gatework.tasks.settings import to_settings

Settings = TypeVar("Settings")
Done = TypeVar("Done")


class AbstractEstimator(abc.ABC):
    """Arguments that are attributes by the same name, and can be read and changed by name.

    A subclass says in `__init__` what they are, and there keeps them as they came.
    """

    @classmethod
    def defaults(cls) -> Mapping[str, Any]:
        """Return the default of every argument."""
        parameters = inspect.signature(cls).parameters
        return {name: parameter.default for name, parameter in parameters.items()}

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: FBT001 - scikit-learn's
        """Return every argument by name."""
        return {name: getattr(self, name) for name in self.defaults()}

    def set_params(self, **params: Any) -> Self:
        """Change arguments by name.

        Raises:
            InputError: There is no such argument.
        """
        known = list(self.defaults())
        for name, value in params.items():
            if name not in known:
                raise InputError(
                    f"Invalid parameter {name!r} for estimator {self!r}. Valid parameters are: "
                    f"{known!r}."
                )
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        return self._written(self.get_params())

    @abc.abstractmethod
    def save(self, run: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the fitted model as a run folder."""

    def _written(self, parameters: Mapping[str, Any]) -> str:
        """Write the call that makes such an estimator: the arguments that are not the default."""
        usual = self.defaults()
        given = ", ".join(f"{k}={v!r}" for k, v in parameters.items() if v != usual[k])
        return f"{type(self).__name__}({given})"

    def _settings_of(self, kind: type[Settings]) -> Settings:
        """Return the arguments that are fields of a dataclass, as one."""
        names = [field.name for field in dataclasses.fields(kind)]  # pyright: ignore
        return to_settings(kind, {name: getattr(self, name) for name in names})

    @classmethod
    def _restored(cls, run: Path, settings: Mapping[str, Any]) -> Self:
        """Return the unfitted estimator of a run."""
        try:
            return cls(**settings)
        except TypeError as error:
            path = run / folder.CONFIG
            raise InputError(f"{path} is damaged: settings: {error}. Fit the run again.") from error


def carry_out(
    run: str | os.PathLike[str] | None,
    request: folder.Request,
    work: Callable[[Path | None], Done],
    write: Callable[[Path, Done], None],
    *,
    overwrite: bool,
) -> Done:
    """Do a fit and write its run, or go on with the half of it that the folder holds.

    Args:
        run: The folder; None keeps nothing on disk.
        request: What is asked for.
        work: Does the fit; it is given where resuming keeps its state.
        write: Writes the run.
        overwrite: Replace another fit in that folder.

    Raises:
        InputError: The folder holds something else.
    """
    if run is None:
        return work(None)
    place = Path(run)
    with folder.claim(place, request, overwrite=overwrite) as claim:
        done = work(claim.state)
        write(place, done)
    return done
