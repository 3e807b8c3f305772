"""Fill a disk of 1.5 MB with a project, then make the disk read-only. Needs a mount namespace of its own:

unshare --mount python tests/project/tiny_disk.py FOLDER
"""

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.project.crash import check_whole
from tests.project.made import NUM_FRAMES, make_project, masks_on
from veason.errors import ProjectError
from veason.project import Project


def main(disk: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", str(disk)], check=True)
    project, question = make_project(disk)
    saved = message = None
    while message is None:
        try:
            saved = project.labels.follow(question, masks_on(range(NUM_FRAMES), x=project.library.revision % 20))
        except ProjectError as error:
            message = str(error)
    assert "free some space" in message, message
    assert project.library.revision == saved
    check_whole(project, question)
    project.close()
    with Project.open(project.folder) as again:
        assert again.library.revision == saved
        check_whole(again, question)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with Project.open(project.folder) as shut:
        assert shut.is_read_only
        assert len(list(shut.labels.masks(question))) == NUM_FRAMES
        check_whole(shut, question)
        try:
            shut.labels.record(question, masks_on([0])[0])
        except ProjectError as error:
            message = str(error)
    assert "read-only" in message, message
    print(f"full and read-only after {saved} changes, all of them there")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
