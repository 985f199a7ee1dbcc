"""What `import gatework` promises."""

import inspect

import pytest

import gatework

PUBLIC = [
    "GRU",
    "LSTM",
    "RNN",
    "Classifier",
    "Forecaster",
    "FrameModel",
    "GateworkError",
    "InputError",
    "LanguageModel",
    "Stream",
    "Tagger",
    "Trace",
    "__version__",
    "accelerate",
    "explain",
    "restore",
    "scan",
    "survey",
    "trace",
]
OBJECTS = [name for name in PUBLIC if name != "__version__"]


def test_the_public_names():
    assert sorted(gatework.__all__) == sorted(PUBLIC)
    assert set(PUBLIC) <= set(dir(gatework))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="LTSM"):
        gatework.LTSM  # noqa: B018


@pytest.mark.parametrize("name", OBJECTS)
def test_public_object_has_a_docstring_with_an_example(name):
    value = getattr(gatework, name)
    text = inspect.getdoc(value)
    assert text, name
    if not (inspect.isclass(value) and issubclass(value, Exception)):
        assert ">>> " in text, name


@pytest.mark.parametrize("name", OBJECTS)
def test_public_methods_have_docstrings(name):
    value = getattr(gatework, name)
    if inspect.isclass(value):
        methods = {n: m for n, m in vars(value).items() if inspect.isfunction(m)}
        bare = [n for n, m in methods.items() if not n.startswith("_") and not inspect.getdoc(m)]
        assert bare == []


def test_version_is_the_distribution_version():
    from importlib.metadata import version

    assert gatework.__version__ == version("gatework")
