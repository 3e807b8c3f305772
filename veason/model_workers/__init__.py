"""Models in processes of their own: several questions are worked on at a time, and a crash ends one of them.

    pipeline = load_workers(2, partial(load_pipeline, "nano", "nano", options))

The pipeline is used like any other. Each worker loads the models once and has caches of its own.

    worker.py     what a process does: one request at a time, step by step
    pool.py       the processes: which is free, and another for one that ended
    pipeline.py   the pipeline, policy and segmenter that ask them
"""

from veason.model_workers.pipeline import WorkerPipeline, load_workers

__all__ = ["WorkerPipeline", "load_workers"]
