"""An open question, and the parts it is made of: each owns one thing.

job.py             the one long job at a time, and stopping it
labels.py          the labels: read, changed, put on the disk together with what streams in
open_question.py   all of them, with the video, the order of edits and the frames to propagate
open_questions.py  which questions are open, and until when
opening_tabs.py    videos that tabs are opening, and may give up
"""
