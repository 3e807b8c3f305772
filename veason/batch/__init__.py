"""Many questions about many videos, answered by as many workers as there are, each exactly once.

    jobs = plan_jobs(find_videos(["clips"]), ["the red ball"], settings)
    for outcome in run_batch(jobs, make_pipeline, Path("out"), workers=4): ...

    jobs      a question about a video, named by what it is about     results   one file a job, written whole
    running   workers that take what nobody has taken                 collect   results -> Parquet

Nothing is handed out: a worker takes the next job that nobody holds (a lock on a file, which ends with its process) and
has no result yet. So workers of other programs, and of other machines on the same disk, may help at any time, and any
of them may be killed.
"""

from veason.batch.collect import collect
from veason.batch.jobs import Job, find_videos, plan_jobs
from veason.batch.results import ResultFolder
from veason.batch.running import JobOutcome, run_batch

__all__ = ["Job", "JobOutcome", "ResultFolder", "collect", "find_videos", "plan_jobs", "run_batch"]
