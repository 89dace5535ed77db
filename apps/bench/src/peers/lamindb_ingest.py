"""Registers a folder with LaminDB the way its guide does, all at once or file by file, and prints how many artifacts are recorded."""
import os
import sys

import lamindb_setup

# The question whether the instance is known to LaminDB's server is answered here (it is not), so that no network is needed.
lamindb_setup.settings.instance._is_on_hub = False

import lamindb as ln  # noqa: E402

ln.settings.verbosity = "error"
mode, path = sys.argv[1], sys.argv[2]
if mode == "folder":
    ln.save(ln.Artifact.from_dir(path))
else:
    for folder, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names):
            file = os.path.join(folder, name)
            ln.Artifact(file, key=os.path.relpath(file, os.path.dirname(path))).save()
print("recorded", ln.Artifact.filter().count())
