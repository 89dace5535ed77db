"""Adds a folder to an Oxen repository and commits it."""
import sys

import oxen

repository, path = sys.argv[1], sys.argv[2]
repo = oxen.Repo(repository)
repo.add(path)
repo.commit("all")
