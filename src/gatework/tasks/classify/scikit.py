"""scikit-learn's protocol for estimators, without scikit-learn: it is imported only if it is there.

The only file that imports it.
"""

import abc
import sys
import warnings
from typing import Any

import numpy as np

from gatework.errors import InputError
from gatework.tasks.estimator import AbstractEstimator


class AbstractClassifier(AbstractEstimator):
    """What scikit-learn's tools ask of a classifier besides its arguments: its kind and tags."""

    _estimator_type = "classifier"

    @abc.abstractmethod
    def __sklearn_is_fitted__(self) -> bool:
        """Tell whether `fit` was called."""

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags: it asks for them, so it is there."""
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(multi_label=True, poor_score=True),
            input_tags=InputTags(allow_nan=True, string=True, three_d_array=True),
            non_deterministic=False,
        )

    def _require_fit(self) -> None:
        if self.__sklearn_is_fitted__():
            return
        name = type(self).__name__
        message = f"this {name} is not fitted: call fit(X, y) or {name}.load(run)"
        if "sklearn" not in sys.modules:
            raise InputError(message)
        from sklearn.exceptions import NotFittedError

        class NotFittedInputError(InputError, NotFittedError):
            """Both what Gatework and what scikit-learn raise."""

        raise NotFittedInputError(message)


def as_table(data: Any) -> Any:
    """Return lists of one length, or a frame whose columns have no names, as an array."""
    if isinstance(data, list) and data and all(isinstance(row, list | tuple) for row in data):
        return np.asarray(data) if len({len(row) for row in data}) == 1 else data
    names = getattr(data, "columns", ())
    return data if all(isinstance(name, str) for name in names) else np.asarray(data)


def width_of(data: Any) -> int | None:
    """Return how many features scikit-learn would see in X; None for texts, frames, lists."""
    return data.shape[1] if isinstance(data, np.ndarray) and data.ndim == 2 else None


def flattened(labels: np.ndarray) -> np.ndarray:
    """Return (n,) labels of a column (n, 1), with scikit-learn's warning."""
    if labels.ndim != 2 or labels.shape[1] != 1:
        return labels
    kind: type[Warning] = UserWarning
    if "sklearn" in sys.modules:
        from sklearn.exceptions import DataConversionWarning

        kind = DataConversionWarning
    message = "A column-vector y was passed when a 1d array was expected; its column is taken."
    warnings.warn(message, kind, stacklevel=5)
    return labels[:, 0]
