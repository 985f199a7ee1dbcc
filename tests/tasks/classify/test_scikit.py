"""`Classifier` among scikit-learn's tools: its own checks, a pipeline, a grid search."""

import warnings
from typing import Any

import numpy as np
import pytest

from gatework.tasks.classify import Classifier

sklearn = pytest.importorskip("sklearn")

QUICK: dict[str, Any] = {
    "epochs": 1,
    "members": 1,
    "hidden_size": 2,
    "batch_size": 64,
    "test_share": 0,
}
SKIPPED = (
    "check_array_api_input",  # asks for a variable of the environment
    "check_classifiers_multilabel_output_format_decision_function",  # there is no such method
)


def checks():
    from sklearn.utils.estimator_checks import estimator_checks_generator

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it does not inherit from BaseEstimator
        return list(estimator_checks_generator(Classifier(**QUICK, convolution=0)))


def name_of(check) -> str:
    return getattr(getattr(check, "func", check), "__name__", "")


@pytest.mark.parametrize(
    ("estimator", "check"),
    checks(),
    ids=name_of,
)
@pytest.mark.filterwarnings("ignore")
def test_what_scikit_learn_asks(estimator: Classifier, check) -> None:
    if name_of(check) in SKIPPED:
        pytest.skip("does not apply")
    check(estimator)


def series() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = np.arange(36) % 2
    return rng.normal(size=(36, 12)) + np.linspace(0, 2, 12) * y[:, None], y


def test_it_sits_in_a_pipeline_and_a_grid_search() -> None:
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X, y = series()
    pipeline = make_pipeline(StandardScaler(), Classifier(**QUICK))
    search = GridSearchCV(pipeline, {"classifier__pooling": ["mean", "last"]}, cv=2)
    search.fit(X, y)
    assert search.predict(X).shape == (36,)
    assert search.best_params_["classifier__pooling"] in ("mean", "last")
    assert search.predict_proba(X).shape == (36, 2)


def test_a_clone_is_fitted_anew() -> None:
    from sklearn.base import clone

    X, y = series()
    first = Classifier(**QUICK).fit(X, y)
    again: Any = clone(first)
    assert not again.__sklearn_is_fitted__()
    np.testing.assert_array_equal(again.fit(X, y).predict_proba(X), first.predict_proba(X))
