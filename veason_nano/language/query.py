"""What a question wants, in the words of the records, and which objects have it.

The thought first says a question again in these few terms ("find ball not red"), then goes through the objects term by
term. Each step is small: to say the question again, to find a word in a record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from veason_nano.language.claims import Words
from veason_nano.language.ranks import MOSTLY, find_ranks, side_share
from veason_nano.language.records import number_of, tags_text, told_objects
from veason_nano.world.view import View


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that is wanted: `words` of a record or a rank; with `anchor` a side of that object."""

    words: str
    is_not: bool = False
    anchor: int = -1

    def text(self, view: View) -> str:
        """Return the term as a thought says it: "not red", "moves left", "left of two"."""
        end = f" of {number_of(view, self.anchor)}" if self.anchor >= 0 else ""
        return ("not " if self.is_not else "") + self.words + end


def look_terms(words: Words) -> tuple[Term, ...]:
    """Return a term for each word of a noun phrase, in the order in which they are said."""
    return tuple(Term(word) for word in (words.size, words.pattern, words.colour, words.shape) if word)


def fits(view: View, actor: int, term: Term) -> bool:
    """Tell whether an object has what a term wants."""
    if term.anchor >= 0:
        share = None if actor == term.anchor else side_share(view, actor, term.anchor, term.words)
        return share is not None and share > MOSTLY
    ranks = find_ranks(view)
    if term.words in ranks:
        return ranks[term.words] == actor
    said = f" {view.facts.name(actor)} {tags_text(view, actor)} "
    return (f" {term.words} " in said) != term.is_not


def fitting(view: View, wanted: Sequence[Term]) -> tuple[int, ...]:
    """Return the objects that have all that is wanted, in the order in which they are told about."""
    return tuple(actor for actor in told_objects(view) if all(fits(view, actor, term) for term in wanted))


def judge_objects(view: View, wanted: Sequence[Term]) -> str:
    """Return what is wanted and, object by object, whether each term fits, up to the first that does not.

    For example "find red ball, one red yes ball no, two red no, three red yes ball yes".
    """
    parts = ["find " + " ".join(term.text(view) for term in wanted)]
    for actor in told_objects(view):
        said = [number_of(view, actor)]
        for term in wanted:
            is_fitting = fits(view, actor, term)
            said += [term.text(view), "yes" if is_fitting else "no"]
            if not is_fitting:
                break
        parts.append(" ".join(said))
    return ", ".join(parts)
