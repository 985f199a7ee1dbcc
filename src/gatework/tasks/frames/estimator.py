"""`FrameModel`: fit sequences of frames, draw more of the like, and say how good it is."""

import dataclasses
import os
from pathlib import Path
from typing import Any, NamedTuple, final

import numpy as np

from gatework.errors import InputError
from gatework.inspector.inspection import Inspection
from gatework.tasks import run as folder
from gatework.tasks.estimator import AbstractEstimator, carry_out
from gatework.tasks.frames import job, saved
from gatework.tasks.frames.fitted import Fitted
from gatework.tasks.frames.fitting import judge
from gatework.tasks.frames.inspection import inspection_of
from gatework.tasks.frames.outcome import Outcome
from gatework.tasks.frames.parts import as_ragged, gather
from gatework.tasks.frames.reading import read_frames
from gatework.tasks.frames.scores import Scores
from gatework.tasks.frames.sequences import WHOLE, FrameData, FrameSchema
from gatework.tasks.frames.settings import FrameSettings
from gatework.tasks.frames.writing import write
from gatework.tasks.page import Origin
from gatework.training import Progress

Settings = FrameSettings


@final
class FrameModel(AbstractEstimator):
    """An LSTM over frames of numbers that foretells the next: chords of keys, a pen's movements.

    Frames come from a file of piano rolls (.npz, .json), MIDI (a file or a folder), a table with a
    row a frame, or a list of arrays (T, D). Parts that the data comes in (train, valid, test) are
    used as they are. A setting left at None is chosen from the data.

    Args:
        head: "bernoulli" (each key on its own), "joint" (each key sees those below it) or "mdn" (a
            mixture of Gaussians).
        id_col: Column of a table that names the sequences.
        steps_per_quarter: Frames of a quarter note: the grid of a MIDI file.
        transpose: Semitones that a piece is moved by in training, up and down.
        head_size: Width of the heads of keys.
        components: Gaussians of the mixture.
        covariance: "full" or "diagonal".
        hidden_size: Width of each LSTM.
        num_layers: LSTMs, one on top of the other.
        dropout: Part of the features dropped in training.
        weight_drop: Part of the recurrent weights dropped in training.
        batch_size: Sequences a step.
        learning_rate: Peak of the learning rate.
        weight_decay: Decoupled weight decay.
        average: Decay of the average of the weights that is kept.
        epochs: Passes over the training part at most.
        test_share: Part held out and scored once, where the data says none.
        validation_share: Part of what is left, which chooses the best weights, likewise.
        time_budget: Seconds to train at most; with it a fit is not reproducible bit for bit.
        seed: Seed of everything random.

    Attributes:
        scores_: The score table of the judged part; None for a loaded model.
        outcome_: All that the report shows; None for a loaded model.

    Example:
        >>> scale = np.eye(8)[np.arange(64) % 8]  # one key after the other
        >>> model = FrameModel(head="joint", hidden_size=32, epochs=60, learning_rate=0.02,
        ...                    dropout=0.0, transpose=0).fit([scale] * 20)
        >>> model.generate(4, primer=scale[:6], temperature=0).argmax(1).tolist()
        [6, 7, 0, 1]
    """

    def __init__(  # noqa: PLR0913 - one argument a setting, as in scikit-learn
        self,
        *,
        head: str | None = Settings.head,
        id_col: str | None = None,
        steps_per_quarter: int | None = None,
        transpose: int | None = Settings.transpose,
        head_size: int = Settings.head_size,
        components: int = Settings.components,
        covariance: str = Settings.covariance,
        hidden_size: int | None = Settings.hidden_size,
        num_layers: int = Settings.num_layers,
        dropout: float | None = Settings.dropout,
        weight_drop: float | None = Settings.weight_drop,
        batch_size: int | None = Settings.batch_size,
        learning_rate: float | None = Settings.learning_rate,
        weight_decay: float = Settings.weight_decay,
        average: float | None = Settings.average,
        epochs: int | None = Settings.epochs,
        test_share: float = Settings.test_share,
        validation_share: float = Settings.validation_share,
        time_budget: float | None = Settings.time_budget,
        seed: int = Settings.seed,
    ) -> None:
        self.head = head
        self.id_col = id_col
        self.steps_per_quarter = steps_per_quarter
        self.transpose = transpose
        self.head_size = head_size
        self.components = components
        self.covariance = covariance
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.dropout = dropout
        self.weight_drop = weight_drop
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.average = average
        self.epochs = epochs
        self.test_share = test_share
        self.validation_share = validation_share
        self.time_budget = time_budget
        self.seed = seed
        self.outcome_: Outcome | None = None
        self.scores_: Scores | None = None
        self._fit: Fitted | None = None
        self._excerpt: list[np.ndarray] = []
        self._kept: _Kept | None = None

    def fit(
        self,
        data: Any,
        *,
        validation: Any = None,
        test: Any = None,
        run: str | os.PathLike[str] | None = None,
        overwrite: bool = False,
        progress: Progress | None = None,
        command: str | None = None,
    ) -> "FrameModel":
        """Train on sequences of frames and score the result.

        Args:
            data: A path, or a list of arrays (T, D); see `read_frames`.
            validation: What chooses the best weights, likewise. None is the data's own part, or
                some of what is left.
            test: What to score on, read once, after training; likewise.
            run: Folder to keep the fit in. A fit that was stopped goes on from there when it is
                asked for again. None keeps nothing on disk.
            overwrite: Replace another fit in that folder.
            progress: Where to show how far it is; None shows nothing.
            command: How to ask for this fit again, for the report; None tells it in Python.

        Raises:
            InputError: The data or a setting cannot be used, or the folder holds something else.
            Interrupted: Ctrl-C; the same call goes on from the folder, if there is one.
        """
        settings = self._settings_of(FrameSettings)
        keys = None if settings.head is None else settings.head != "mdn"
        read = [
            None if each is None else self._read(each, keys, self.steps_per_quarter)
            for each in (data, validation, test)
        ]
        assert read[0] is not None
        parts = gather(read[0], read[1], read[2], settings)
        parameters = self.get_params() | dataclasses.asdict(settings)
        request = saved.request_of(parts, parameters)
        origin = self._origin(data, parameters, command)
        excerpt = saved.excerpt_of(parts)
        done = carry_out(
            run,
            request,
            lambda state: job.fit_and_judge(parts, settings, folder=state, progress=progress),
            lambda place, done: saved.write_run(place, request, done, excerpt, origin),
            overwrite=overwrite,
        )
        self._fit, self._excerpt = done.fitted, excerpt
        self.outcome_, self.scores_ = done.outcome, done.outcome.scores
        self._kept = _Kept(request, origin, done)
        return self

    def evaluate(self, data: Any) -> Scores:
        """Score the fitted model on sequences, beside the rules.

        Args:
            data: As for `fit`; of data in parts, the test part is judged.

        Returns:
            The score table: print it, or make a frame of its `records()`.

        Raises:
            InputError: The data cannot be read, or is not like that of the fit.
        """
        fitted = self._fitted()
        read = self.read(data)
        part = "test" if "test" in read.parts else WHOLE
        notes = list(read.notes)
        pieces = as_ragged(read.first(part), part, read.name, notes)
        name = read.name if part == WHOLE else f"test part of {read.name}"
        return job.score(
            fitted, pieces, judge(fitted.network, pieces), part=name, notes=tuple(notes)
        )

    def generate(
        self,
        length: int = 64,
        *,
        primer: np.ndarray | None = None,
        temperature: float = 1.0,
        seed: int = 0,
    ) -> np.ndarray:
        """Draw frames that go on from a primer.

        Args:
            length: Frames to draw.
            primer: (P, D) first frames, which are not given back; None begins a sequence.
            temperature: Below 1 keeps to what is likely, 0 takes the likeliest; for mdn, Graves'
                bias b is temperature 1 / (1 + b).
            seed: The same seed, the same frames.

        Returns:
            (length, D) float32.

        Raises:
            InputError: A value is out of its range, or the primer is not like the data.
        """
        return self.generate_many(
            length, count=1, primer=primer, temperature=temperature, seed=seed
        )[0]

    def generate_many(
        self,
        length: int = 64,
        *,
        count: int,
        primer: np.ndarray | None = None,
        temperature: float = 1.0,
        seed: int = 0,
    ) -> np.ndarray:
        """Draw `count` sequences from one primer at once: (count, length, D); see `generate`."""
        fitted = self._fitted()
        if primer is not None:
            frames = np.asarray(primer, np.float32)
            FrameData({WHOLE: (frames,)}, fitted.schema, "the primer")
            primer = frames
        return write(fitted, primer, length=length, count=count, temperature=temperature, seed=seed)

    def read(self, data: Any) -> FrameData:
        """Read data like that of the fit; see `read_frames`.

        Raises:
            InputError: It cannot be read, or is not like that of the fit.
        """
        schema = self._fitted().schema
        read = self._read(data, schema.keys, schema.steps_per_quarter)
        read.agree(schema)
        return read

    @property
    def schema_(self) -> FrameSchema:
        """What the numbers of a frame are."""
        return self._fitted().schema

    def inspection(self, data: Any = None, *, most: int = 6) -> Inspection:
        """Return the network and some sequences, to look inside.

        Args:
            data: As for `fit`; None is the beginning of the part that the fit was judged on.
            most: Sequences at most.

        Raises:
            InputError: The data cannot be read, or is too short.
        """
        fitted = self._fitted()
        sequences = self._excerpt
        if data is not None:
            read = self.read(data)
            sequences = list(read.first("test" if "test" in read.parts else WHOLE))
        return inspection_of(fitted, sequences, most=most)

    def save(self, run: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the fitted model as a run folder: config, weights, report.

        Raises:
            InputError: The model is not fitted here, or the folder holds another fit.
        """
        self._fitted()
        if self._kept is None:
            raise InputError("this model was loaded from a run: copy that folder instead")
        request, origin, done = self._kept
        with folder.claim(Path(run), request, overwrite=overwrite):
            saved.write_run(Path(run), request, done, self._excerpt, origin)

    @classmethod
    def load(cls, run: str | os.PathLike[str]) -> "FrameModel":
        """Read a run folder. Nothing in it is executed.

        Raises:
            InputError: The folder is no run of frames, or a file in it is damaged.
        """
        restored = saved.read_run(Path(run))
        model = cls._restored(Path(run), restored.config.request.settings)
        model._fit, model._excerpt = restored.fitted, restored.excerpt
        return model

    def _read(self, data: Any, keys: bool | None, grid: int | None) -> FrameData:  # noqa: FBT001
        return read_frames(data, keys=keys, id_col=self.id_col, grid=grid)

    def _origin(self, data: Any, parameters: dict[str, Any], command: str | None) -> Origin:
        is_file = isinstance(data, str | os.PathLike)
        return Origin(
            name=Path(data).name if is_file else "arrays",
            command=command,
            snippet=(
                "from gatework import FrameModel\n\n"
                f"model = {self._written(parameters)}\n"
                f"model.fit({repr(str(data)) if is_file else 'sequences'})\n"
                "print(model.scores_)\nframes = model.generate(64)"
            ),
        )

    def _fitted(self) -> Fitted:
        if self._fit is None:
            raise InputError(
                "this FrameModel is not fitted: call fit(data) or FrameModel.load(run)"
            )
        return self._fit


class _Kept(NamedTuple):
    """What saving needs besides."""

    request: folder.Request
    origin: Origin
    done: job.Job
