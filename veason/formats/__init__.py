"""What labels and benchmarks look like on disk: one package a format, and what formats share.

benchmarks/   datasets that are scored: samples, their ground truth, saved predictions, a check
labels/       labelled videos: the values, what is counted, pictures, an export that is whole or not there
projects/     from a project and into a project
NAME/         one format each: what it is, its reader and its writer
"""
