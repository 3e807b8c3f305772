"""Many questions about many videos, answered by as many workers as there are, each exactly once.

    videos = find_videos(["clips", "s3://bucket/more/*.mp4"])
    jobs = plan_jobs(ask_all(videos, "the red ball"), digest_videos(videos, Path("out")), settings)
    for outcome in run_batch(jobs, make_pipeline, Path("out"), workers=4): ...
    for outcome in run_on_cluster(jobs, make_pipeline, Path("out"), Cluster(), Pools(4, 4)): ...

    asked      a list of instructions          running    processes that take what nobody has taken
    videos     paths, patterns, addresses      clustered  the same by actors of a Ray cluster
    jobs       named by what they are about    results    one file a job, written whole
    answering  policy, then segmenter          collect, pictures, queueing    results -> Parquet, ZIP, a project

On one machine nothing is handed out: a worker takes the next job that nobody holds (a lock on a file, which ends with
its process) and has no result yet. So workers of other programs, and of other machines on the same disk, may help at
any time, and any of them may be killed. A cluster's actors hand their results to the one process that writes them.
"""

from veason.batch.answering import MakePipeline, Spent
from veason.batch.asked import ask_all, read_asked
from veason.batch.clustered import Pools, run_on_cluster
from veason.batch.collect import Collected, collect
from veason.batch.jobs import BatchQuestion, Job, plan_jobs
from veason.batch.pictures import ZippedMasks, write_masks_zip
from veason.batch.queueing import Queued, into_queue
from veason.batch.results import ResultFolder
from veason.batch.running import JobOutcome, run_batch
from veason.batch.videos import digest_videos, find_videos

__all__ = [
    "BatchQuestion",
    "Collected",
    "Job",
    "JobOutcome",
    "MakePipeline",
    "Pools",
    "Queued",
    "ResultFolder",
    "Spent",
    "ZippedMasks",
    "ask_all",
    "collect",
    "digest_videos",
    "find_videos",
    "into_queue",
    "plan_jobs",
    "read_asked",
    "run_batch",
    "run_on_cluster",
    "write_masks_zip",
]
