"""A language model by averaged gradient descent."""

import math

from gatework.tasks.generate import LanguageModel
from tasks.generate.grammar import lines


def test_words_are_learnt_by_averaged_gradient_descent() -> None:
    model = LanguageModel(
        tokens="words", optimizer="asgd", hidden_size=32, window=16, batch_size=8, epochs=8
    ).fit([lines(700)])
    assert model.scores_ is not None
    assert model.outcome_ is not None
    assert model.scores_.methods[0].nats < 3 * math.log(3) / 28
    chosen = {each.name: each.value for each in model.outcome_.choices}
    assert chosen["learning_rate"] == 30
    assert chosen["weight_decay"] == 1.2e-6
