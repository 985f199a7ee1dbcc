"""The work of a fit: train, then judge on the test part, or on validation where there is none."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gatework.data.checks import counted
from gatework.data.conll import Sentence
from gatework.tasks.tag.baselines import MostFrequent, RuleAnswers
from gatework.tasks.tag.corpus import Corpus
from gatework.tasks.tag.fitted import Answer, Fitted
from gatework.tasks.tag.fitting import fit_network
from gatework.tasks.tag.nouns import nouns_of
from gatework.tasks.tag.outcome import (
    Outcome,
    confusions_of,
    label_confusions_of,
    mistakes_of,
)
from gatework.tasks.tag.scores import MODEL, Scores, score_method
from gatework.tasks.tag.settings import TagSettings
from gatework.tasks.tag.spans import kind_of
from gatework.tasks.tag.step_baselines import StepRules
from gatework.tasks.tag.steps import StepEncoder
from gatework.training import Progress
from gatework.training.history import curves_of

Rule = MostFrequent | StepRules


class Job(NamedTuple):
    """A finished fit: the tagger, the rule beside it, and what to tell about them."""

    fitted: Fitted
    rule: Rule
    outcome: Outcome


def fit_and_judge(
    corpus: Corpus,
    settings: TagSettings,
    *,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> Job:
    """Fit a tagger, and score it on the judged part of the corpus beside the rule.

    Args:
        corpus: The data.
        settings: How to train.
        folder: Where the training keeps what resuming needs; None keeps nothing.
        progress: Where to show how far it is.

    Raises:
        InputError: A file that the settings name cannot be used.
        Interrupted: Ctrl-C; the folder holds what a resume needs.
    """
    fitted = fit_network(corpus, settings, folder=folder, progress=progress)
    rule = _learn_rule(corpus, fitted)
    judged = corpus.judged
    answers = tuple(fitted.answers(judged, probable=True))
    outcome = Outcome(
        settings=dataclasses.asdict(settings),
        choices=fitted.choices,
        scheme=corpus.scheme,
        scores=judge(
            fitted, rule, judged, answers, part=corpus.judged_name, chosen_on=not corpus.test
        ),
        mistakes=mistakes_of(judged, answers),
        confusions=confusions_of(judged, answers),
        label_confusions=label_confusions_of(judged, answers),
        judged=judged,
        answers=answers,
        curves=curves_of(*fitted.histories),
        data=_data_facts(corpus, fitted),
        training=_training_facts(fitted),
        notes=corpus.notes,
    )
    return Job(fitted, rule, outcome)


def judge(
    fitted: Fitted,
    rule: Rule,
    sentences: Sequence[Sentence],
    answers: Sequence[Answer],
    *,
    part: str,
    chosen_on: bool = False,
    notes: tuple[str, ...] = (),
) -> Scores:
    """Score answers beside the rule's.

    Args:
        fitted: The tagger.
        rule: The rule.
        sentences: With their true tags.
        answers: Of the tagger.
        part: What the sentences are called.
        chosen_on: Whether the tagger's weights were chosen by them.
        notes: What else a reader must know.
    """
    tags, labels = [answer.tags for answer in answers], [answer.label for answer in answers]
    every = (RuleAnswers(MODEL, tags, labels), *rule.answers(sentences))
    known = rule.words if isinstance(rule, MostFrequent) else None
    judged = [score_method(*each, sentences, scheme=fitted.scheme, known=known) for each in every]
    return Scores(
        tuple(score for score, _ in judged),
        judged[0][1],
        part,
        len(sentences),
        sum(len(sentence.tokens) for sentence in sentences),
        nouns_of(sentences),
        chosen_on,
        notes,
    )


def _learn_rule(corpus: Corpus, fitted: Fitted) -> Rule:
    if isinstance(fitted.encoder, StepEncoder):
        return StepRules.learn(corpus.train, fitted.encoder)
    return MostFrequent.learn(corpus.train)


def _data_facts(corpus: Corpus, fitted: Fitted) -> tuple[tuple[str, str], ...]:
    parts = (corpus.train, corpus.validation, corpus.test)
    names = ("Training", "Validation", "Test")
    whole, step = corpus.nouns
    facts = [
        (name, f"{len(part):,} {whole}s, {sum(len(s.tokens) for s in part):,} {step}s")
        for name, part in zip(names, parts, strict=True)
        if part
    ]
    tags = {tag for sentence in corpus.train for tag in sentence.tags or ()}
    facts.append(("Tags", f"{len(tags):,}"))
    if corpus.scheme != "plain":
        facts.append(("Spans", f"{len({kind_of(t, corpus.scheme) for t in tags} - {''})} types"))
        facts.append(("Scheme", corpus.scheme))
    if fitted.encoder.labels:
        facts.append(("Sentence labels", f"{len(fitted.encoder.labels):,}"))
    if isinstance(fitted.encoder, StepEncoder):
        facts.append(("Numbers of a step", ", ".join(fitted.encoder.features)))
        return tuple(facts)
    known = {token for sentence in corpus.train for token in sentence.tokens}
    judged = [token for sentence in corpus.judged for token in sentence.tokens]
    new = sum(token not in known for token in judged)
    facts.append(("Unknown words", f"{100 * new / len(judged):.1f} % of {corpus.judged_name}"))
    return tuple(facts)


def _training_facts(fitted: Fitted) -> tuple[tuple[str, str], ...]:
    shape, histories = fitted.shape, fitted.histories
    count = len(fitted.model.members)
    how = "CRF" if shape.crf else "each tag for itself"
    seconds = sum(history.elapsed for history in histories)
    return (
        ("Networks", f"{counted(count, 'LSTM')} both ways, 2 x {shape.hidden_size} wide, {how}"),
        ("Weights", f"{sum(p.numel() for p in fitted.model.members.parameters()):,}"),
        ("Steps", f"{sum(history.steps for history in histories):,}"),
        ("Time", f"{seconds:.0f} s"),
        ("Best weights", "of step " + ", ".join(f"{h.best_step:,}" for h in histories)),
    )
