export { createBallast } from './ballast.js'
export type { HistoryStep } from './history.js'
export type { AppendOptions, Journal, JournalConfig, JournalDeps, PruneOptions, Scanned } from './journal.js'
export { type EdgeLedger, type KnownTurn, type LedgerConfig, type LedgerDeps, openLedger } from './ledger.js'
export { type Engine, levelHost, type Op, openOrQuarantine } from './level/index.js'
export { OffTime, type OffTimeDeps } from './off-time.js'
export { openJournal } from './open-journal.js'
export type { OpenCard, OpenChoice, OpenForm, OpenQuestion } from './open-question.js'
export type {
  Ledger,
  MendOrder,
  MendOutcome,
  MendPlan,
  MendResult,
  Rating,
  Received,
  Transition,
  WhoseAccount,
} from './port.js'
export {
  type AnsweredBy,
  type Emptied,
  type Feedback,
  isTerminal,
  type MendAction,
  NEXT_STATES,
  questionOf,
  type Reply,
  type ReplyButton,
  type ReplyCard,
  type ReplyContent,
  type ReplyKind,
  type ReplyState,
  type Route,
  type Turn,
  type TurnState,
} from './turn.js'
export { canMove, checkSeen, isOvertaken, isSettledReply, owesFinal } from './turn-book.js'
export { createUploadFeed } from './upload-feed.js'
export { UploadMark } from './upload-mark.js'
