"""GRPO for nano-policy: answers sampled in groups, scored by four verifiable rewards, compared in their group.

As in Veason-R1: groups of 8, advantages (r - mean) / (std + 1e-6), clip 0.2, KL to the start as a loss (5e-3, k3
estimator), temperature 1, token mean, all rewards weighted 1, one update a batch. TRL's trainer is not used: it reads
the eight pictures anew for each of the eight answers and writes with the stock `generate`; here a clip is read once for
all its answers (`writing.py`), which is what makes a step affordable on a CPU. The learning rate is nano's own.
Source: Veason-R1 verl configuration; k3: Schulman, "Approximating KL divergence".
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

from veason.errors import OptionError
from veason.profile import load_profile
from veason.reward_service.client import RewardClient
from veason.rewards import RewardBreakdown, RewardRules, Weights, group_advantages
from veason.segmenter import load_segmenter
from veason.types import Segmenter
from veason_nano.language.questions import WorldQuestion, draw_questions
from veason_nano.policy.forward import continue_prompts, encode_prompts, see
from veason_nano.policy.generate import generate_answers
from veason_nano.policy.judge import Judge
from veason_nano.policy.judge_service import ShownFootage, score_with_service
from veason_nano.policy.model import END, Size, build_tokenizer, load_weights
from veason_nano.policy.pool import ClipMaker
from veason_nano.policy.run import PolicyRun
from veason_nano.policy.score import LONGEST_ANSWER, read_views
from veason_nano.training.distributed import average_gradients, get_world_size
from veason_nano.world.facts import Facts
from veason_nano.world.stories import make_scene
from veason_nano.world.view import View, look_at

GRPO_SEED = 30_000_000
"""Scenes of this stage start here: no other stage and no test split has them."""

TERMS = ("format", "keyframe", "boxes", "tracks")
"""The four rewards, by the names that `--without` takes."""


@dataclass(frozen=True, slots=True)
class GrpoSettings:
    """Everything that decides a run. A step asks `questions` questions about one clip, `group` answers each.

    With a reward service drawn clips lie for a while below `footage`, one of the service's folders.
    """

    start: Path
    minutes: float = 25.0
    steps: int = 0
    questions: int = 6
    group: int = 8
    rate: float = 1e-4
    kl: float = 5e-3
    clip: float = 0.2
    temperature: float = 1.0
    without: tuple[str, ...] = ()
    segmenter: str = "nano"
    service: str = ""
    footage: Path | None = None
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        if bool(self.service) != (self.footage is not None):
            raise OptionError("--service URL and --footage FOLDER go together: the service finds the drawn clips there")

    @property
    def weights(self) -> Weights:
        """The weights of the four rewards."""
        return Weights(**{term: 0.0 if term in self.without else 1.0 for term in TERMS})


@dataclass(frozen=True, slots=True, eq=False)
class RolloutBatch:
    """Drawn answers: `ids` `(N, T)` question and answer, `is_written` `(N, T - 1)` whose NEXT token was drawn."""

    ids: torch.Tensor
    is_written: torch.Tensor
    advantages: torch.Tensor


class Grpo(PolicyRun):
    """One run. The reference is the model as it started."""

    def __init__(self, settings: GrpoSettings, folder: Path, size: Size = Size()) -> None:
        torch.set_num_threads(settings.threads)
        model = load_weights(settings.start)
        model.model.visual.requires_grad_(False)
        self.reference = copy.deepcopy(model).eval().requires_grad_(False)
        trained = [weight for weight in model.parameters() if weight.requires_grad]
        optimizer = torch.optim.AdamW(trained, lr=settings.rate, betas=(0.9, 0.999), weight_decay=0.01)
        super().__init__(folder, model, size, [optimizer], settings)
        self.grpo = settings
        profile = load_profile(str(settings.start))
        self.maker, self.labels = ClipMaker(profile, size), profile.labels
        self.tokenizer = build_tokenizer()
        self.end = int(self.tokenizer.convert_tokens_to_ids(END))
        self.client = RewardClient(settings.service) if settings.service and settings.weights.tracks else None
        wants_segmenter = settings.weights.tracks and self.client is None
        self.segmenter: Segmenter | None = load_segmenter(settings.segmenter) if wants_segmenter else None

    def learn(self) -> dict[str, float]:
        """Draw answers about one clip, score them, and take one step."""
        settings, draw = self.grpo, self.step * get_world_size() + self.rank
        scene = make_scene(GRPO_SEED + settings.seed * 1_000_000 + draw)
        view = look_at(Facts(scene), (self.size.picture, self.size.picture))
        asked = draw_questions(view, np.random.default_rng([settings.seed, 7, draw]), settings.questions)
        questions = [self.maker.question_ids(view.shown, one.text).tolist() for one in asked]
        rows = [question for question in questions for _ in range(settings.group)]
        generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + draw)
        answers = generate_answers(
            self.model,
            read_views(self.model, self.maker, [view]),
            rows,
            end=self.end,
            most=LONGEST_ANSWER,
            temperature=settings.temperature,
            generator=generator,
        )
        judge = Judge(view, self.maker.context(view), self.segmenter, RewardRules("extended", settings.weights))
        scores = self._score(
            judge, view, [(asked[row // settings.group], self.tokenizer.decode(one)) for row, one in enumerate(answers)]
        )
        totals = np.array([score.total for score in scores]).reshape(-1, settings.group)
        advantages = np.concatenate([group_advantages(group.tolist()) for group in totals])
        batch = make_batch(rows, answers, advantages, self.end)
        measured = self._update(view.images, self.maker.prefix(view.shown), batch)
        terms = {f"reward_{term}": float(np.mean([getattr(score, term).value for score in scores])) for term in TERMS}
        return {
            "reward": float(totals.mean()),
            **terms,
            "decided": float((totals.std(1) > 1e-9).mean()),
            "tokens": float(np.mean([len(answer) for answer in answers])),
            **measured,
        }

    def _score(self, judge: Judge, view: View, answers: list[tuple[WorldQuestion, str]]) -> list[RewardBreakdown]:
        if self.client is None:
            return [judge.score(question, text) for question, text in answers]
        assert self.grpo.footage is not None
        footage = ShownFootage(view, self.client, self.grpo.footage)
        cases = [(judge.case(question), text) for question, text in answers]
        scores = score_with_service(cases, footage, RewardRules("extended", self.grpo.weights))
        footage.close()
        return scores

    def _update(self, images: np.ndarray, prefix: np.ndarray, batch: RolloutBatch) -> dict[str, float]:
        with torch.autocast("cpu", torch.bfloat16):
            now = self._log_probabilities(self.model, images, prefix, batch)
            with torch.no_grad():
                start = self._log_probabilities(self.reference, images, prefix, batch)
        loss, kl = grpo_loss(now, now.detach(), start, batch, clip=self.grpo.clip, kl=self.grpo.kl)
        self.optimizers[0].zero_grad(set_to_none=True)
        loss.backward()
        average_gradients(self.model.parameters())
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizers[0].step()
        return {"loss": float(loss.detach()), "kl": kl, "grad_norm": float(norm)}

    def _log_probabilities(
        self, model: torch.nn.Module, images: np.ndarray, prefix: np.ndarray, batch: RolloutBatch
    ) -> torch.Tensor:
        """Return the log probability of every drawn token, one after another."""
        network = model.model  # type: ignore[union-attr]
        with torch.no_grad():
            seen = see(network.visual, torch.from_numpy(images))
        prompt = encode_prompts(model, torch.from_numpy(prefix)[None].long(), seen, 0)
        hidden = continue_prompts(model, prompt, batch.ids, torch.zeros(len(batch.ids), dtype=torch.long))
        logits = F.linear(hidden[:, :-1][batch.is_written], network.language_model.embed_tokens.weight)
        drawn = batch.ids[:, 1:][batch.is_written]
        return (logits.float() / self.grpo.temperature).log_softmax(-1).gather(1, drawn[:, None])[:, 0]


def make_batch(
    questions: Sequence[Sequence[int]], answers: Sequence[Sequence[int]], advantages: np.ndarray, end: int
) -> RolloutBatch:
    """Put questions with their answers side by side; an answer that was not cut off is followed by its end mark."""
    whole = [
        [*question, *answer, *([end] if len(answer) < LONGEST_ANSWER else [])]
        for question, answer in zip(questions, answers, strict=True)
    ]
    length = max(len(row) for row in whole)
    ids = torch.tensor([row + [end] * (length - len(row)) for row in whole])
    place = torch.arange(1, length)
    first = torch.tensor([len(question) for question in questions])[:, None]
    last = torch.tensor([len(row) for row in whole])[:, None]
    return RolloutBatch(ids, (place >= first) & (place < last), torch.from_numpy(advantages).float())


def grpo_loss(
    now: torch.Tensor, old: torch.Tensor, start: torch.Tensor, batch: RolloutBatch, *, clip: float, kl: float
) -> tuple[torch.Tensor, float]:
    """Return the clipped loss with the KL penalty, averaged over tokens, and the mean KL.

    Args:
        now: log probabilities of the drawn tokens under the model.
        old: the same under the model that drew them.
        start: the same under the reference.
        batch: gives each token its answer's advantage.
        clip: how far the ratio of now to old may move from 1.
        kl: weight of the k3 estimate exp(d) - d - 1 with d = start - now.
    """
    advantage = batch.advantages[:, None].expand(batch.is_written.shape)[batch.is_written]
    ratio = (now - old).exp()
    gain = torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)
    apart = start - now
    penalty = apart.exp() - apart - 1
    return (kl * penalty - gain).mean(), float(penalty.detach().mean())


def add_grpo_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `veason nano train grpo`."""
    default = GrpoSettings(Path())
    parser.add_argument("--out", type=Path, default=Path("runs/nano"), help="folder of runs (default: runs/nano)")
    parser.add_argument("--name", default="grpo", help="folder of this run inside it (default: grpo)")
    parser.add_argument("--start", type=Path, default=None, help="weights to start from (default: OUT/sft/export)")
    parser.add_argument("--minutes", type=float, default=default.minutes, help="length by the clock (default: 25)")
    parser.add_argument("--steps", type=int, default=0, help="length in steps instead: the same on every machine")
    parser.add_argument("--questions", type=int, default=default.questions, help="questions about a clip (default: 6)")
    parser.add_argument("--group", type=int, default=default.group, help="answers to a question (default: 8)")
    parser.add_argument("--rate", type=float, default=default.rate, help="learning rate (default: 1e-4)")
    parser.add_argument("--kl", type=float, default=default.kl, help="weight of the KL penalty (default: 0.005)")
    parser.add_argument("--without", choices=TERMS, nargs="*", default=[], help="rewards to leave out")
    parser.add_argument("--segmenter", default=default.segmenter, help="what makes the tracks (default: nano)")
    parser.add_argument("--service", default="", help="URL of `veason reward-service`, in place of --segmenter")
    parser.add_argument("--footage", type=Path, help="with --service: a folder of its footage, for the drawn clips")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)


def train_grpo(args: argparse.Namespace) -> Path:
    """Run the stage as the command line says and return the folder of its exported weights."""
    settings = GrpoSettings(
        start=args.start or args.out / "sft" / "export",
        minutes=args.minutes,
        steps=args.steps,
        questions=args.questions,
        group=args.group,
        rate=args.rate,
        kl=args.kl,
        without=tuple(args.without),
        segmenter=args.segmenter,
        service=args.service,
        footage=args.footage,
        seed=args.seed,
        threads=args.threads,
    )
    return Grpo(settings, args.out / args.name).run()
