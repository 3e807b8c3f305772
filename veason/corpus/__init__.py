"""Corpora for supervised fine-tuning: a teacher writes why an answer that is known is right.

    examples.py    which expressions, which frames, which keyframe, which boxes: all from the ground truth
    checks.py     what a thought must hold and must not give away
    teacher.py    the teacher, any OpenAI-compatible server, asked again with the reason
    making.py     the whole run: resumable, within a budget, every answer kept
    card.py       what came of it, in words and numbers

The teacher sees the target in red boxes and may not mention them; keyframe and boxes are never its own. Source of the
procedure: the method's own data script, without its defects (see `examples.py`).
"""
