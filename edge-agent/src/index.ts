export type {
  ChatRoutesDeps,
  DeltaPayload,
  DemoState,
  Info,
  InPayload,
  OutPayload,
  RefusedPayload,
  ReplyPayload,
  TicketsPayload,
} from './channels/index.js'
export { openJournal } from './ledger/index.js'
export { type Http, type HttpConfig, startHttp } from './ops/index.js'
