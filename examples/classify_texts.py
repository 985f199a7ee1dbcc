"""Tell questions from statements, see how sure that is, and keep the model.

python examples/classify_texts.py
"""

import tempfile
from pathlib import Path

from gatework.tasks.classify import Classifier

WHO = ("you", "they", "we", "the others")
WHAT = ("come home", "like the film", "know the way", "see the sea", "read it")

texts = [f"do {who} {what}" for who in WHO for what in WHAT]
texts += [f"{who} do {what}" for who in WHO for what in WHAT]
labels = ["question"] * 20 + ["statement"] * 20

model = Classifier(members=1, hidden_size=16, embedding_size=16, seed=1)
model.fit(texts, labels)
print(model.scores_)

new = ["do they see the film", "the others do read it"]
for text, label, p in zip(new, model.predict(new), model.predict_proba(new), strict=True):
    print(f"{text!r}: {label} ({p.max():.0%})")

with tempfile.TemporaryDirectory() as folder:
    model.save(Path(folder) / "run")
    again = Classifier.load(Path(folder) / "run")
    assert (again.predict(new) == model.predict(new)).all()
