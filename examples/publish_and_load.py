"""Publish a model and load it: `publish_and_load.py [NAME/REPOSITORY]`.

Without a repository it lists what would be pushed, and loads the folder as others load a
repository: by transformers, with the code in the folder.
"""

import subprocess
import sys

from trainer.cli.main import main

FOLDER = "runs/published"
train = f"train demo --max_steps 20 --output_dir {FOLDER} --overwrite_output_dir true"
assert main(train.split()) == 0

repository = sys.argv[1] if len(sys.argv) > 1 else None
push = ["push", FOLDER, repository or "me/my-model", "--private"]
assert main(push if repository else [*push, "--dry_run"]) == 0

code = f"""
from transformers import AutoModel, pipeline

name = {repository or FOLDER!r}
model = AutoModel.from_pretrained(name, trust_remote_code=True)
print(type(model).__module__, list(model.heads))
pipe = pipeline("hybrid-mtl", model=name, trust_remote_code=True)
print(pipe("a gorgeous, witty film"))
print(pipe(("A plane is taking off.", "An airplane leaves the runway."), task="similarity"))
"""
subprocess.run([sys.executable, "-P", "-c", code], check=True)
