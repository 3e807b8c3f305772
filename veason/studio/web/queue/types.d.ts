// What is done with rows of the queue, and how each of it is answered.

import type {
  AssignManyAction,
  CopiedReply,
  DecideManyAction,
  DeleteAction,
  DuplicateAction,
  ManyReply,
  RenameAction,
  RulesAction,
  RulesReply,
  StatusReply,
} from "../contract.js";
import type { SignedName } from "../core/types.js";

export type RowAction =
  | Omit<RenameAction, SignedName>
  | Omit<DuplicateAction, SignedName>
  | Omit<DeleteAction, SignedName>
  | Omit<DecideManyAction, SignedName>
  | Omit<AssignManyAction, SignedName>
  | Omit<RulesAction, SignedName>;

export type RowReply<Act extends RowAction> = Act["do"] extends "copy"
  ? CopiedReply
  : Act["do"] extends "rename"
    ? StatusReply
    : Act["do"] extends "rules"
      ? RulesReply
      : ManyReply;
