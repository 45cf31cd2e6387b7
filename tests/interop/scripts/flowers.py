"""A scikit-learn script as people write them for SageMaker's script mode. It knows nothing of encryption."""

import argparse
import os

import joblib
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--n-estimators", type=int, default=int(os.environ.get("SM_HP_N_ESTIMATORS", 10)))
    parser.add_argument("--train", default=os.environ["SM_CHANNEL_TRAIN"])
    parser.add_argument("--model-dir", default=os.environ["SM_MODEL_DIR"])
    args, _ = parser.parse_known_args()

    tables = [np.genfromtxt(os.path.join(args.train, name), delimiter=",", dtype=str) for name in os.listdir(args.train)]
    table = np.concatenate([table[1:] for table in tables])
    features, species = table[:, :-1].astype(float), table[:, -1]
    train_x, test_x, train_y, test_y = train_test_split(features, species, random_state=7)

    model = RandomForestClassifier(n_estimators=args.n_estimators, random_state=7)
    model.fit(train_x, train_y)
    print(f"accuracy={model.score(test_x, test_y):.3f}", flush=True)
    joblib.dump(model, os.path.join(args.model_dir, "model.joblib"))
