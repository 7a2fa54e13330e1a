export { type ChatRoutesConfig, type ChatRoutesDeps, registerChatRoutes } from './chat-routes.js'
export { type DemoRoutesConfig, type DemoState, registerDemoRoutes } from './demo-routes.js'
export { type AuthMode, refuseOpenBind } from './mqtt/bind.js'
export {
  type MqttChannel,
  type MqttChannelConfig,
  type MqttChannelDeps,
  startMqttChannel,
} from './mqtt/channel.js'
export type {
  DeltaPayload,
  Info,
  InPayload,
  LocalText,
  OutPayload,
  RefusedPayload,
  ReplyPayload,
  TenantInfo,
  TicketsPayload,
  TopicPayloads,
} from './mqtt/contract.js'
export { MQTT_LIMITS, type MqttLimits } from './mqtt/limits.js'
export { hashPassword, type MqttUser } from './mqtt/passwords.js'
export type {
  AcceptOutcome,
  ChannelAdapter,
  ChannelCapabilities,
  DeliveryOutcome,
  Delta,
  Inbound,
  Outgoing,
  ProbeOutcome,
  TicketSource,
  WaitingTicket,
  Watcher,
} from './port.js'
