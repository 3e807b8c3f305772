"""An open question, and the parts it is made of: each owns one thing.

labels.py          the labels: read, changed, put on the disk together with what streams in
mask_buffer.py     masks on their way to the disk
tab_revisions.py   which tab made which change, and what it has not seen
edit_order.py      an edit and the request for masks that may overtake it
job.py             the one long job at a time, and stopping it
chosen_range.py    the frames to propagate
message_numbers.py numbers of the messages to each tab
video_lease.py     the video, and who reads it
open_question.py   all of them, with the video
open_questions.py  which questions are open, and until when
"""
