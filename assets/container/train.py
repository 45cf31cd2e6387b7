"""Fits a line through CSV files, least squares by gradient descent, and writes the model as JSON.

Nothing here knows of encryption. `strongroom train` has put the plaintext where the SM_* variables point, and encrypts
what is left in SM_MODEL_DIR. The last column is what is to be predicted.
"""

import csv
import json
import os
import pathlib


def read(folder):
    """Column names and rows of every file below a folder."""
    names, rows = None, []
    for path in sorted(pathlib.Path(folder).rglob("*")):
        if path.is_file():
            with path.open(newline="") as file:
                head, *body = csv.reader(file)
            if names not in (None, head):
                raise SystemExit(f"{path.name} has other columns than the files before it")
            names = head
            rows += [[float(value) for value in row] for row in body if row]
    if not rows:
        raise SystemExit("there is no row in the channel")
    return names, rows


def scaled(column):
    """Mean, spread, and the column in these terms."""
    mean = sum(column) / len(column)
    spread = (sum((value - mean) ** 2 for value in column) / len(column)) ** 0.5 or 1.0
    return mean, spread, [(value - mean) / spread for value in column]


def fit(rows, epochs, rate):
    """Yields the loss of every epoch, and at last the intercept and the weights, in the data's own units."""
    *features, target = (scaled(column) for column in zip(*rows))
    inputs, wanted = list(zip(*(column for _, _, column in features))), target[2]
    weights, count = [0.0] * len(features), len(rows)
    for _ in range(epochs):
        errors = [sum(w * x for w, x in zip(weights, row)) - y for row, y in zip(inputs, wanted)]
        for at in range(len(weights)):
            weights[at] -= rate * sum(error * row[at] for error, row in zip(errors, inputs)) / count
        yield sum(error * error for error in errors) / count
    own = [w * target[1] / spread for w, (_, spread, _) in zip(weights, features)]
    yield target[0] - sum(w * mean for w, (mean, _, _) in zip(own, features)), own


def main():
    names, rows = read(os.environ["SM_CHANNEL_TRAIN"])
    epochs, rate = int(os.environ.get("SM_HP_EPOCHS", 20)), float(os.environ.get("SM_HP_LEARNING_RATE", 0.5))
    *losses, (intercept, weights) = fit(rows, epochs, rate)
    for epoch, loss in enumerate(losses, start=1):
        print(f"epoch={epoch} loss={loss:.6f}")
    model = {
        "kind": "linear-regression",
        "columns": names,
        "rows": len(rows),
        "intercept": intercept,
        "weights": weights,
    }
    pathlib.Path(os.environ["SM_MODEL_DIR"], "model.json").write_text(json.dumps(model, indent=2) + "\n")


if __name__ == "__main__":
    main()
