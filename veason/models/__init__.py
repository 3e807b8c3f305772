"""The models that Veason can use: what there is, what of it is here, and how the rest is fetched.

catalogue.py  the list: what each model is good for, what it needs, its licence
machine.py    what this machine has, and whether a model fits it
local.py      what is here: sizes, checks, removal
fetch.py      fetching from a hub: with progress, resumable, verified
speed.py      how fast a model is here: measured in some seconds, and kept
"""
